#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# logcached is killed again and again while reads miss and writes are uploaded: no I/O
# fails, no byte is wrong, and the bucket has all of it in the end.

. "$(dirname "$0")/lib-s3.sh"
KILLS=${LC_KILLS:-12}
begin 7

# The cache holds a part of the volume, so that reads keep missing.
s3_devices 48 96
start writeback_age_ms 100 object_mb 4 fetch_timeout_ms 0
d_start
keep_busy --rw=randrw --rwmixread=60 --bsrange=4k-64k --size=100% --io_size=8m --iodepth=16 \
	--verify=crc32c --verify_backlog=64 --do_verify=1
kills=0
while [ $kills -lt "$KILLS" ] && ! gone "$BUSY"; do
	# In turn: as soon as it is there, while it attaches, while it works.
	case $((kills % 3)) in
	0) within eval 'd_is state active 2>/dev/null' && goes_on 20 ;;
	1) within d_said "is ours" ;;
	2) within eval 'd_is state active 2>/dev/null' && wait_status helper_items -gt 0 ;;
	esac
	: >$D_LOG
	d_end KILL
	kills=$((kills + 1))
	d_run
done
num "killed so often" $kills -eq "$KILLS"
ok "no I/O failed and no byte was wrong" rest
ok "a flush ends" flush
sum=$(get 0 "$SECTORS" | sha256sum)
no "nothing was refused" d_said refused

# Only the bucket is left.
stop
s3_new_ssd
d_end TERM
start writeback_age_ms 200
d_start
is "the bucket has the volume" "$(get 0 "$SECTORS" | sha256sum)" "$sum"
num "its map counts what is there" "$(d_get objects)" -gt 0
d_end TERM
is "it ends in good order" "$D_EXIT" 0
finish
