#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Who would rather not wait (io_uring, at first) is not told to come again by a volume
# that has sent a part of what was asked for on its way: it would be an error.

. "$(dirname "$0")/lib.sh"
begin 7
# One I/O at a time. The SSD is two of them: it splits what is sent to it.
BUSY="irqmode=2 completion_nsec=500000 hw_queue_depth=1 submit_queues=1"
# shellcheck disable=SC2086 # words
ssd 64 $BUSY
# shellcheck disable=SC2086
lc_make_nullb lcssd2 64 $BUSY
lc_dmsetup load lct-ssd --table "0 $(lc_sectors "$SSD_RAW") striped 2 32 $SSD_RAW 0 /dev/lcssd2 0"
hold ssd
release ssd
# shellcheck disable=SC2086
origin 128 $BUSY
format
start writeback_age_ms 3600000

ok "blocks that are neighbours, anywhere in the log" job --rw=randwrite --bs=4k --size=4m \
	--iodepth=32 --verify=crc32c --do_verify=0
ok "are read many at a time" job --rw=read --bs=256k --size=4m --iodepth=16 \
	--verify=crc32c --verify_only --verify_interval=4k
ok "and stretches of the log" job --rw=write --bs=256k --offset=8m --size=8m --iodepth=4 \
	--verify=crc32c --do_verify=0
ok "each of which the SSD splits" job --rw=read --bs=256k --offset=8m --size=8m --iodepth=16 \
	--verify=crc32c --verify_only
ok "all is written back" flush
for mode in writethrough passthrough; do
	stop
	start mode $mode
	ok "$mode: what goes to the origin, too" job --rw=randrw --bs=256k --offset=16m \
		--size=16m --iodepth=16
done
finish
