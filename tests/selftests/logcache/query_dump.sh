#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What the cache has for a sector: the message of a running volume, logcachectl
# query, and logcachectl dump of one that is stopped agree with what is read.

. "$(dirname "$0")/lib.sh"
begin 21
devices 64 128
put O 0 4096 "$ORIGIN_RAW"
start writeback_age_ms 3600000
put A 0 16
put B 8 8
put C 3072 8
discard 1024 64

# query SECTOR WHAT STATE: its answer begins like that
query() {
	local text
	text=$(msg query "$1")
	case $text in
	"sector $1 $2 $3 segment "*) ;;
	*) echo "# got '$text'"; return 1 ;;
	esac
}
word() { msg query "$1" | sed -n "s/.* $2 \([0-9a-f]*\).*/\1/p"; }

ok "a write is dirty data" query 0 data dirty
ok "which is where it says" holds A "$(word 0 cache_sector)" 8 "$SSD_RAW"
ok "the second version counts" holds B "$(word 8 cache_sector)" 8 "$SSD_RAW"
num "a sector inside has a place of its own" "$(word 11 cache_sector)" -eq $(($(word 8 cache_sector) + 3))
ok "a discard is zero" query 1030 zero dirty
is "the rest is on the origin" "$(msg query 16)" "sector 16 origin"
is "up to the last sector" "$(msg query 262143)" "sector 262143 origin"
no "behind it there is nothing to ask for" msg query 262144 2>/dev/null
ok "which is said" logged "is no sector of the volume, which has 262144"
no "a word is no sector" msg query here 2>/dev/null
is "logcachectl says the same" "$("$CTL" query $VOL 8)" "$(msg query 8)"
flush
ok "after a flush it is clean" query 0 data clean
get 512 8 >/dev/null
wait_status fills -eq 1
ok "what is read is clean data" query 512 data clean
ok "which is where it says" holds O "$(word 512 cache_sector)" 8 "$SSD_RAW" 512
put D 3072 8
at=$(word 3072 cache_sector)

stop
dump() { "$CTL" dump --cache "$SSD" --json "$@"; }
ok "dump names the cache" quiet jq -e '.superblock.origin_sectors == 262144 and .checkpoint.clean_stop' <<<"$(dump)"
is "the versions of a sector, newest first" \
	"$(dump --lba 3072 | jq -c '[.versions[] | [.op, .dirty]]')" \
	'[["write",true],["write",false]]'
is "the first is where it was" "$(dump --lba 3072 | jq '.versions[0].cache_sector')" "$at"
is "of the second half of a write there are two" "$(dump --lba 8 | jq '.versions | length')" 2
is "of a copy there is one" "$(dump --lba 512 | jq -c '[.versions[].op]')" '["copy"]'
is "what was never there has none" "$(dump --lba 100000 --count 8 | jq '.versions | length')" 0
ok "a person can read it" grep -q '3072+1 .*write' <("$CTL" dump --cache "$SSD" --lba 3072)
finish
