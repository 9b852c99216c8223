#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A read of what the cache holds does not reach the origin; any other does, once.

. "$(dirname "$0")/lib.sh"
begin 13
devices 64 256
put A 0 64 "$ORIGIN_RAW"
start writeback_age_ms 3600000

reads=$(ios "$ORIGIN_RAW" reads)
ok "a miss gives the origin's data" holds A 0 64
num "and reads the origin once" "$(($(ios "$ORIGIN_RAW" reads) - reads))" -eq 1
num "it counts as a miss" "$(status read_misses)" -eq 1
within status_is fills -eq 1
reads=$(ios "$ORIGIN_RAW" reads)
ok "the second read gives the same" holds A 0 64
ok "so does a part of it" cmp <(get 9 3) <(stamp A 64 | tail -c +4609 | head -c 1536)
num "without the origin" "$(ios "$ORIGIN_RAW" reads)" -eq "$reads"
num "they count as hits" "$(status read_hits)" -ge 2

put B 4096 64
ok "what was written is read back" holds B 4096 64
num "without the origin" "$(ios "$ORIGIN_RAW" reads)" -eq "$reads"
num "and is not on it yet" "$(ios "$ORIGIN_RAW" writes)" -eq 1

put C 32 8
get 0 64 >/tmp/lc-got
{ stamp A 64 | head -c 16384; stamp C 8; stamp A 64 | tail -c +20481; } >/tmp/lc-mixed
ok "old and new are put together" cmp /tmp/lc-got /tmp/lc-mixed
num "without the origin" "$(ios "$ORIGIN_RAW" reads)" -eq "$reads"
num "reads are hits or misses" "$(($(status read_hits) + $(status read_misses)))" -eq "$(status reads)"
finish
