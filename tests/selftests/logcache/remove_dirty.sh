#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A volume that is removed with dirty data has it when it comes back.

. "$(dirname "$0")/lib.sh"
begin 11
devices 64 128
put O 0 64 "$ORIGIN_RAW"
forget_log
start writeback_age_ms 3600000
no "a new cache is not said to be damaged" logged "not readable"
put A 8 8
put B 100 1000
discard 32 8
dirty=$(status dirty_sectors)
num "what was written is dirty" "$dirty" -eq 1008
stop
ok "the origin has none of it" holds O 0 64 "$ORIGIN_RAW"
forget_log
start writeback_age_ms 3600000
ok "the stop was a clean one" logged "clean stop before"
num "the same is dirty" "$(status dirty_sectors)" -eq "$dirty"
ok "it is there" holds A 8 8
ok "all of it" holds B 100 1000
ok "the discard, too" zeroes 32 8
num "recovery took some time" "$(status recovery_us)" -gt 0
flush
ok "a flush brings it to the origin" holds B 100 1000 "$ORIGIN_RAW"
num "and nothing is dirty" "$(status segments_dirty)" -le 2
finish
