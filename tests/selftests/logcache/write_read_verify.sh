#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Writes of every size and alignment are read back as written: from the cache,
# after a restart, and from the origin.

. "$(dirname "$0")/lib.sh"
begin 6
devices 128 256

random() {
	job --rw=randwrite --bsrange=512-256k --blockalign=512 --size=24m --io_size=16m --iodepth=16 \
		--verify=crc32c --randseed=7 "$@"
}
small() { job --rw=randwrite --bs=4k --offset=160m --size=8m --iodepth=128 --verify=crc32c "$@"; }

start
ok "random sizes and places" random
ok "large sequential writes" job --rw=write --bs=1m --offset=128m --size=16m --iodepth=4 --verify=crc32c
ok "small blocks, many at once" small
ok "512 bytes, many at once" job --rw=randwrite --bs=512 --offset=200m --size=1m --iodepth=64 --verify=crc32c
stop
start
ok "the same after a restart" small --verify_only
flush
stop
JOB_DEV=$ORIGIN_RAW ok "and on the origin after a flush" small --verify_only
finish
