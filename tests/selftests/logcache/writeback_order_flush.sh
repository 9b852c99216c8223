#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Dirty data reaches the origin when it is old, when there is much of it or when
# it is asked for; then it is clean, and the origin is the volume.

. "$(dirname "$0")/lib.sh"
begin 11
# With a write cache of its own, or nobody would flush it.
ssd 64 && origin 128 cache_size=8 && format || exit

start writeback_age_ms 3600000 dirty_start 60
job --rw=randwrite --bs=4k --size=96m --number_ios=2048 --iodepth=32 --randseed=3
put A 0 8
num "written is dirty" "$(status dirty_sectors)" -gt 8
num "nothing starts by itself" "$(status wb_writes)" -eq 0
flushes=$(ios "$ORIGIN_RAW" flushes) units=$(status wb_units)
ok "a message starts it, and all becomes clean" flush
is "clean is all that was written" "$(status clean_lsn)" "$(status next_lsn)"
num "in units" "$(status wb_units)" -ge 1
num "with one origin flush each" $(($(ios "$ORIGIN_RAW" flushes) - flushes)) -eq \
	$(($(status wb_units) - units))
ok "the origin is the volume" same "$D" "$ORIGIN_RAW"

put B 8 8
msg set writeback_age_ms 100
ok "what is old is written back unasked" wait_status dirty_sectors -eq 0
ok "it is on the origin" holds B 8 8 "$ORIGIN_RAW"

msg set writeback_age_ms 3600000
msg set dirty_start 10
job --rw=write --bs=256k --size=24m --iodepth=4
ok "what is much is written back unasked" wait_status wb_units -ge 3
flush
ok "and the origin is the volume again" same "$D" "$ORIGIN_RAW"
finish
