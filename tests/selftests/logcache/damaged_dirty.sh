#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A dirty block that is damaged on the SSD is an I/O error for just its sectors, and is
# said so; all else reaches the origin. The origin's older contents never show instead,
# not after a restart and not after a crash, until somebody asks for that. Writing heals.

. "$(dirname "$0")/lib.sh"
begin 38
devices 64 128
put O 0 64 "$ORIGIN_RAW"
start writeback_age_ms 3600000 dirty_start 60
# Of A the third block is damaged; B is two small writes in one block.
put A 0 64
put B 1024 8
put C 4096 64
cache_sector() { msg query "$1" | sed -n 's/.* cache_sector \([0-9]*\) .*/\1/p'; }
bad=$(cache_sector 16)
flip "$SSD_RAW" $((bad * 512 + 1000))

events=$(lc_dmsetup info -c --noheadings -o events $VOL)
forget_log
msg flush
ok "the log becomes clean all the same" wait_status dirty_sectors -eq 0
is "really" "$(status clean_lsn)" "$(status next_lsn)"
num "eight sectors are lost" "$(status damaged_sectors)" -eq 8
num "the checksum was wrong" "$(status crc_errors)" -ge 1
ok "the log names them" logged "sectors 16 to 23 of the volume are lost"
num "an event says so" "$(lc_dmsetup info -c --noheadings -o events $VOL)" -gt "$events"
ok "the state is well" wait_status state = ok
no "they cannot be read" get 16 8 2>/dev/null
no "nor one of them" get 20 1 2>/dev/null
no "nor what includes them" get 0 64 2>/dev/null
ok "what is in front can" holds A 0 16
ok "and what is behind" holds A 24 40 '' 24
ok "query says so" eval 'msg query 16 | grep -q damaged'
ok "all else is on the origin" holds A 24 40 "$ORIGIN_RAW" 24
ok "up to the damage" holds A 0 16 "$ORIGIN_RAW"
ok "what is lost is older there" holds O 16 8 "$ORIGIN_RAW" 16
ok "what came later is there, too" holds C 4096 64 "$ORIGIN_RAW"

msg drop_clean
within eval 'test "$(status cached_sectors)" -le 256'
no "eviction does not show what the origin has" get 16 8 2>/dev/null
put D 8192 8
ok "writeback goes on" flush
lc_dmsetup remove $VOL && start writeback_age_ms 3600000 dirty_start 60
no "a restart does not, either" get 16 8 2>/dev/null
num "the sectors are known" "$(status damaged_sectors)" -eq 8

put E 16 2
ok "one sector that is written can be read" holds E 16 2
no "the others cannot" get 18 6 2>/dev/null
num "they are fewer" "$(status damaged_sectors)" -eq 6
flush
msg drop_clean
within eval 'test "$(status cached_sectors)" -le 256'
ok "that is so when it is evicted" holds E 16 2
no "and for the others" get 18 6 2>/dev/null
crash
start writeback_age_ms 3600000 dirty_start 60
ok "after a crash the healed ones are well" holds E 16 2
no "and the others lost" get 18 6 2>/dev/null
num "and counted" "$(status damaged_sectors)" -eq 6
discard 18 2
ok "discarded sectors are well" zeroes 18 2
num "the rest is not" "$(status damaged_sectors)" -eq 4

forget_log
msg forget_damaged
ok "when asked for, the damage is forgotten" wait_status damaged_sectors -eq 0
ok "and the origin shows" holds O 20 4 '' 20
ok "as the log says" logged "sectors 20 to 23"
lc_dmsetup remove $VOL && start writeback_age_ms 3600000 dirty_start 60
ok "for good" holds O 20 4 '' 20

# What cannot be read is lost as well, if the rest of the SSD can.
put F 16384 16
at=$(cache_sector 16384)
n=$(lc_sectors "$SSD_RAW")
lc_dmsetup load "lct-ssd$COPY" <<END
0 $at linear $SSD_RAW 0
$at 8 error
$((at + 8)) $((n - at - 8)) linear $SSD_RAW $((at + 8))
END
hold ssd && release ssd
ok "an unreadable block does not stop writeback" flush
num "it is lost" "$(status damaged_sectors)" -eq 8
put G 16384 8
num "until it is written" "$(status damaged_sectors)" -eq 0
turn ssd linear
flush
finish
