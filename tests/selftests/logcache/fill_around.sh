#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A miss takes what is around it along (fill_kb), with one read of the origin and as far
# as that is not cached; nothing else once the cache has no room that is free for it.

. "$(dirname "$0")/lib.sh"
begin 9
devices 64 128
put A 0 4096 "$ORIGIN_RAW"
start writeback_age_ms 3600000
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
msg set fill_kb 64
msg set low_watermark 10
put C 8192 8192
get 2048 8 >/dev/null
ok "or if there is no room" wait_status cached_sectors -eq $((before + 128 + 112 + 16 + 8192))
ok "the volume is right" cmp <(get 1024 2048) <(stamp A 3072 | tail -c $((2048 * 512)))
finish
