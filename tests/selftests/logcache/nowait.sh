#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Who would rather not wait (io_uring, at first) is not told to come again by a volume
# that has sent a part of what was asked for on its way: it would be an error.

. "$(dirname "$0")/lib.sh"
begin 5
# One I/O at a time.
ssd 64 irqmode=2 completion_nsec=500000 hw_queue_depth=1 submit_queues=1
origin 128 irqmode=2 completion_nsec=500000 hw_queue_depth=1 submit_queues=1
format
start writeback_age_ms 3600000

ok "blocks that are neighbours, anywhere in the log" job --rw=randwrite --bs=4k --size=4m \
	--iodepth=32 --verify=crc32c --do_verify=0
ok "are read many at a time" job --rw=read --bs=256k --size=4m --iodepth=16 \
	--verify=crc32c --verify_only --verify_interval=4k
ok "all is written back" flush
for mode in writethrough passthrough; do
	stop
	start mode $mode
	ok "$mode: what goes to the origin, too" job --rw=randrw --bs=256k --offset=16m \
		--size=16m --iodepth=16
done
finish
