#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What was discarded or zeroed reads as zeroes: from the cache, after a restart,
# after a crash, and from the origin.

. "$(dirname "$0")/lib.sh"
begin 16
devices 64 128
put A 0 4096 "$ORIGIN_RAW"
start writeback_age_ms 3600000
put B 1024 128
put B 3072 128

w=$(ios "$ORIGIN_RAW" writes)
ok "discard of what the origin has" discard 0 128
ok "discard of what the cache has" discard 1024 128
ok "zeroing of what the origin has" zero 2048 128
ok "zeroing of what the cache has" zero 3072 128
num "discards count" "$(status discards)" -eq 2
num "the origin was left alone" "$(ios "$ORIGIN_RAW" writes)" -eq "$w"

all_zero() { zeroes 0 128 "$1" && zeroes 1024 128 "$1" && zeroes 2048 128 "$1" && zeroes 3072 128 "$1"; }
ok "all read as zeroes" all_zero "$D"
behind=$(get 128 8 | cksum)
is "what is behind them did not change" "$behind" "$(get 128 8 "$ORIGIN_RAW" | cksum)"
stop
start writeback_age_ms 3600000
ok "so they do after a restart" all_zero "$D"
put C 1024 8
ok "a write into a discarded range is read back" holds C 1024 8
ok "the rest of it stays zero" zeroes 1032 120
crash
start writeback_age_ms 3600000
ok "so after a crash" holds C 1024 8
ok "zeroes too" zeroes 1032 120
put Z 1024 8 && zero 1024 8
flush
ok "all zero on the origin after a flush" all_zero "$ORIGIN_RAW"
is "and nothing else" "$(get 128 8 "$ORIGIN_RAW" | cksum)" "$behind"
msg drop_clean && wait_status cached_sectors -lt 4096
ok "and from there when the cache has forgotten" all_zero "$D"
finish
