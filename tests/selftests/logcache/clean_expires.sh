#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# With ttl_s clean data is forgotten when it is old, however much space there is; dirty
# data never is. It can be changed while the volume runs.

. "$(dirname "$0")/lib.sh"
begin 6
devices 64 128
put O 0 64 "$ORIGIN_RAW"
start writeback_age_ms 3600000 fill_kb 4
get 0 64 >/dev/null
wait_status fills -eq 1
stop
start writeback_age_ms 3600000 fill_kb 4
put D 1024 8
sleep 3
num "without it nothing is too old" "$(status cached_sectors)" -eq 72
msg set ttl_s 100000
sleep 2
num "nor with a long one" "$(status cached_sectors)" -eq 72
msg set ttl_s 2
ok "clean data goes" wait_status cached_sectors -eq 8
num "there was space" "$(status segments_free)" -gt 20
ok "the origin has it" holds O 0 64
ok "dirty data stays" holds D 1024 8
finish
