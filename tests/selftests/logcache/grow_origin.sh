#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The origin grows while it is used, and the volume follows with a reload. It
# does not become smaller again.

. "$(dirname "$0")/lib.sh"
begin 23
half=$((128 << 11)) whole=$((256 << 11))
ssd 64
lc_make_nullb lcorigin 256 discard=1
lc_dmsetup create lct-origin --table "0 $half linear /dev/lcorigin 0"
ORIGIN=$(lc_dm_path lct-origin) ORIGIN_RAW=/dev/lcorigin
format
start writeback_age_ms 50
put A 0 64
put B $((half - 64)) 64

keep_busy --rw=randwrite --bs=4k --offset=32m --size=2m --iodepth=8 --verify=crc32c
SECTORS=$whole no "the volume is not larger than the origin" reload writeback_age_ms 50
ok "which is said" logged "The origin is smaller than the table says"
lc_dmsetup load lct-origin --table "0 $whole linear /dev/lcorigin 0" && hold origin && release origin
is "the origin grows" "$(lc_sectors "$ORIGIN")" $whole
is "the volume does not, by itself" "$(lc_sectors "$D")" $half
SECTORS=$half ok "its table can be loaded as it is" reload writeback_age_ms 50
SECTORS=$whole ok "and with the new size" reload writeback_age_ms 50
is "which it has then" "$(lc_sectors "$D")" $whole
ok "I/O goes on" goes_on
ok "none of it fails" rest

ok "what was there is there" holds A 0 64
ok "up to the old end" holds B $((half - 64)) 64
put C $((half - 32)) 64
ok "a write across the old end" holds C $((half - 32)) 64
put D $((whole - 64)) 64
ok "and one at the new end" holds D $((whole - 64)) 64
no "there is nothing behind it" put E "$whole" 8 2>/dev/null
flush
ok "the origin has all of it" same "$D" "$ORIGIN_RAW"

put F $((whole - 128)) 64
forget_log
SECTORS=$half no "a smaller table is refused" reload 2>/dev/null
ok "which is said" logged "the table has $half sectors, the volume $whole: shrinking is not supported"
ok "the right one is taken" reload writeback_age_ms 3600000
ok "nothing is lost" holds F $((whole - 128)) 64

put G $((whole - 192)) 64
crash
forget_log
SECTORS=$half no "nor is a smaller one taken after a crash" try_start
ok "which is said" logged "shrinking is not supported"
start
ok "and nothing is lost" holds G $((whole - 192)) 64
ok "at no place" holds A 0 64
finish
