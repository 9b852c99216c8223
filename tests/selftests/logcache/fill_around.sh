#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A miss takes what is around it along (fill_kb), with one read of the origin and as far
# as that is not cached; no more than the origin gives at once; nothing else once the
# cache has no room that is free for it.

. "$(dirname "$0")/lib.sh"
begin 12
devices 64 128
put A 0 4096 "$ORIGIN_RAW"
start writeback_age_ms 3600000 fill_kb 64
put B 136 8
before=$(status cached_sectors)
reads=$(ios "$ORIGIN_RAW" reads)
ok "a block is read" cmp <(get 8 8) <(stamp A 16 | tail -c 4096)
ok "64 KiB are cached" wait_status cached_sectors -eq $((before + 128))
ok "so its neighbour is" cmp <(get 120 8) <(stamp A 128 | tail -c 4096)
num "the origin was read once" "$(($(ios "$ORIGIN_RAW" reads) - reads))" -eq 1
get 200 8 >/dev/null
ok "not what is cached, and what lies before it" wait_status cached_sectors -eq $((before + 128 + 112))
ok "that is as it was" holds B 136 8
msg set fill_kb 4
get 1024 8 >/dev/null
ok "only what is read, if so told" wait_status cached_sectors -eq $((before + 128 + 112 + 8))
msg set fill_kb 128
echo 32 >"/sys/class/block/$(basename "$(readlink -f "$ORIGIN")")/queue/max_sectors_kb"
reads=$(ios "$ORIGIN_RAW" reads)
before=$(status cached_sectors)
get 1288 8 >/dev/null
ok "what the origin reads at once" wait_status cached_sectors -eq $((before + 64))
get 1784 8 >/dev/null
ok "the end, if that is what is read" wait_status cached_sectors -eq $((before + 128))
get 1728 8 >/dev/null
num "which is so much and no other" "$(($(ios "$ORIGIN_RAW" reads) - reads))" -eq 2
msg set low_watermark 10
msg set high_watermark 11
put C 8192 8192
get 2048 8 >/dev/null
ok "or if there is no room" wait_status cached_sectors -eq $((before + 128 + 8 + 8192))
ok "the volume is right" cmp <(get 1024 2048) <(stamp A 3072 | tail -c $((2048 * 512)))
finish
