#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# With verify_reads a bit that is wrong on the SSD never reaches a reader: clean
# data comes from the origin, dirty data is an error. Without it, writeback
# still does not pass on what is wrong.

. "$(dirname "$0")/lib.sh"
begin 33
devices 64 128
put O 0 4096 "$ORIGIN_RAW"
start writeback_age_ms 3600000

# spoil SECTOR: of the volume, where the SSD has it
spoil() {
	local at
	at=$(msg query "$1" | sed -n 's/.* cache_sector \([0-9]*\) .*/\1/p')
	[ -n "$at" ] && flip "$SSD_RAW" $((at * 512 + 100))
}

put A 0 64
put A 1024 64
put B 2048 64
flush
stop
start writeback_age_ms 3600000
put C 4096 64
put C 5120 64
get 3072 64 >/dev/null
wait_status fills -eq 1
spoil 8 && spoil 4104
no "without the option the wrong bit is read" holds A 0 64
num "and not noticed" "$(status crc_errors)" -eq 0

msg set verify_reads on
forget_log
reads=$(ios "$ORIGIN_RAW" reads)
ok "with it the reader gets the right data" holds A 0 64
num "from the origin" $(($(ios "$ORIGIN_RAW" reads) - reads)) -ge 1
num "which is counted" "$(status crc_errors)" -eq 1
ok "and said" logged "(sector 0 of the volume) does not match its checksum"
is "the copy is forgotten" "$(msg query 8)" "sector 8 origin"
ok "it is right from then on" holds A 0 64
num "and not counted again" "$(status crc_errors)" -eq 1

spoil 3080
ok "a wrong copy of the origin's data is not shown either" holds O 3072 64 "$D" 3072
num "which is counted" "$(status crc_errors)" -eq 2
spoil 2048
ok "nor if a part is asked for that is right" holds B 2049 7 "$D" 1
num "which is counted" "$(status crc_errors)" -eq 3
ok "what is right is not touched" holds A 1024 64

no "wrong dirty data is an error" get 4104 8 2>/dev/null
num "which is counted" "$(status crc_errors)" -eq 4
ok "and said" logged "(sector 4104 of the volume) does not match its checksum"
ok "the blocks around it are right" holds C 4096 8
ok "on both sides" holds C 4112 48 "$D" 16
no "a read of all of it is an error" get 4096 64 2>/dev/null
num "no record is lost for that" "$(status dirty_sectors)" -eq 128

crc=$(status crc_errors)
msg flush
ok "writeback fails" wait_status wb_errors -gt 0
ok "and counts it" wait_status crc_errors -gt "$crc"
ok "the status says how much is lost" wait_status damaged_sectors -eq 8
ok "the origin does not get it" zeroes 4104 8 "$ORIGIN_RAW"
put D 4104 8
ok "what is written over it is right" holds D 4104 8
lc_dmsetup suspend $VOL && lc_dmsetup resume $VOL
ok "and is written back instead after a suspend" flush
ok "with what was around it" holds C 4112 48 "$ORIGIN_RAW" 16
ok "the origin has it" holds D 4104 8 "$ORIGIN_RAW"
ok "and the rest" holds C 5120 64 "$ORIGIN_RAW"
ok "the state is well again" wait_status state = ok
ok "all of it is read" holds D 4104 8

put E 6144 64
flush
spoil 6152
ok "clean data in the open segment comes from the origin, too" holds E 6144 64
# What was spoilt stays so on the SSD, and the offline check has to find it.
lc_dmsetup remove $VOL
finish
