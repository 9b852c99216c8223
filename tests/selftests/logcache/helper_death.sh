#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The helper is killed every second while reads miss and writes are uploaded: no I/O
# fails, no byte is wrong, and what the next one is offered has no gap.

. "$(dirname "$0")/lib-helper.sh"
KILLS=${LC_KILLS:-60}
begin 6

# The cache holds a part of the volume, so that reads keep missing.
helper_devices 48 128
start writeback_age_ms 100 object_mb 4 fetch_timeout_ms 0
helper_start --delay 5
keep_busy --rw=randrw --rwmixread=60 --bsrange=4k-64k --size=100% --io_size=24m --iodepth=16 \
	--verify=crc32c --verify_backlog=64 --do_verify=1
kills=0
while [ $kills -lt "$KILLS" ] && ! gone "$BUSY"; do
	sleep 1
	kill -KILL "$HELPER"
	wait "$HELPER" 2>/dev/null
	kills=$((kills + 1))
	helper_run --delay 5
done
num "killed so often" $kills -eq "$KILLS"
ok "no I/O failed and no byte was wrong" rest
ok "a flush ends" flush
ok "the helper has the volume" image_same
is "no unit was left out" "$(helper_count gap)" 0
num "units were uploaded" "$(helper_count unit)" -gt 10
helper_end TERM
finish
