#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A cache whose log is damaged is refused, repaired, and starts as it was at one moment:
# all that was written before the damage is there, nothing of what came after.

. "$(dirname "$0")/lib.sh"
begin 67
ssd 24 && origin 40 && format --segment-size 1M || exit
start writeback_age_ms 3600000 dirty_start 60

# Ten places of the volume are written in three rounds, one write and flush after the
# other; between the rounds other data fills some segments. The last round is in one that
# is not sealed.
bulk() { job --rw=write --bs=128k --size=2m --offset="$1" --verify=crc32c "${@:2}"; }
place() { echo $((65536 + $1 * 16)); }
round() {
	local i
	for i in {0..9}; do
		put "$1$i" "$(place "$i")" 8 "$D" dsync || return
		at[i]=$(query "$(place "$i")" cache_sector)
	done
}
query() { msg query "$1" | sed -n "s/.* $2 \([0-9]*\).*/\1/p"; }
bulk 1m --do_verify=0 && flush
round A && bulk 4m --do_verify=0 && round B || exit
b=("${at[@]}") b_seg=$(query "$(place 5)" segment)
bulk 8m --do_verify=0 && round C || exit
c=("${at[@]}")
num "rounds are in different segments" "$b_seg" -ne "$(query "$(place 5)" segment)"
crash
dd if="$SSD" of=/tmp/lc-image bs=1M iflag=direct status=none
dd if="$ORIGIN" of=/tmp/lc-origin bs=1M iflag=direct conv=sparse status=none

undamaged() {
	[ -z "$(names "^$VOL\$")" ] || lc_dmsetup remove $VOL
	dd if=/tmp/lc-image of="$SSD" bs=1M oflag=direct conv=notrunc status=none
	dd if=/tmp/lc-origin of="$ORIGIN" bs=1M oflag=direct conv=notrunc status=none
}
in_ssd() { dd if="$SSD" bs=1M iflag=direct status=none | cksum; }
repair() { "$CTL" repair --cache "$SSD" "$@" >/tmp/lc-said 2>&1 </dev/null; }
said() { grep -qF -- "$1" /tmp/lc-said || { sed 's/^/# /' /tmp/lc-said; return 1; }; }
# A record's header is the block before its data; byte 90 is in its first entry.
bad_header() { flip "$SSD" $(($1 * 512 - 4096 + 90)); }
bad_summary() { flip "$SSD" $((($(number "$SSD" 72 4) + $1 * $(number "$SSD" 76 4)) * 4096 + 100)); }
# rounds C4 B6: the first four places are of round C, the other six of B.
rounds() {
	local i=0 n r
	for r in "$@"; do
		for ((n = ${r:1}; n; n--, i++)); do
			holds "${r:0:1}$i" "$(place $i)" 8 || return
		done
	done
}
begun() { start writeback_age_ms 3600000 dirty_start 60; }
# repaired WHAT WHY LOST: refused, then repaired; and nothing is done before that is asked for
repaired() {
	local before
	before=$(in_ssd)
	forget_log
	no "$1: does not start" try_start
	ok "$1: and it says '$2'" logged "$2"
	no "$1: nobody is there to be asked" repair
	ok "$1: but the cost is shown" said "$3"
	is "$1: nothing is changed" "$(in_ssd)" "$before"
	ok "$1: repaired" repair --yes
	before=$(in_ssd)
	ok "$1: there is nothing more to do" repair --yes
	ok "$1: which is said" said "starts as it is; nothing was changed"
	is "$1: and so it is" "$(in_ssd)" "$before"
	ok "$1: check finds no faults" quiet "$CTL" check --cache "$SSD"
	begun
}

# --- a cache that starts is not touched -------------------------------------------------

before=$(in_ssd)
ok "a cache after a crash needs no repair" repair --yes
ok "which is said" said "starts as it is"
is "and changes nothing" "$(in_ssd)" "$before"

# --- a record in the middle of the log that is not sealed ----------------------------------

undamaged
bad_header "${c[4]}"
repaired "a bad record" "were acknowledged and are damaged" "5 entries that were acknowledged, 1 that may not have been"
ok "a bad record: what was before is there, no more" rounds C4 B6
ok "a bad record: and all else that was before" bulk 8m --verify_only
ok "a bad record: also what was clean" bulk 1m --verify_only
num "a bad record: status says so" "$(status given_up)" -eq 1
# The LSNs are given out again; what had them before stays away.
put D4 "$(place 4)" 8 "$D" dsync
put E 71680 8 "$D" dsync
crash
begun
ok "a bad record: what came later survives a crash" holds D4 "$(place 4)" 8
ok "a bad record: that, too" holds E 71680 8
ok "a bad record: and brings nothing back" holds B5 "$(place 5)" 8
num "a bad record: it is still said" "$(status given_up)" -eq 1
ok "a bad record: all reaches the origin" flush
ok "a bad record: as it was" holds B9 "$(place 9)" 8 "$ORIGIN"
msg forget_given_up
num "a bad record: until it is forgotten" "$(status given_up)" -eq 0
stop
forget_log
begun
num "a bad record: for good" "$(status given_up)" -eq 0
no "a bad record: and the log is silent" eval 'logged "gave up" >/dev/null'

# --- the summary of a sealed segment ------------------------------------------------------------

undamaged
bad_summary "$b_seg"
repaired "a bad summary" "are missing on" "given up    nothing: every write is kept"
ok "a bad summary: all is there" rounds C10
ok "a bad summary: all else, too" bulk 4m --verify_only
ok "a bad summary: and what was behind" bulk 8m --verify_only
num "a bad summary: nothing was given up" "$(status given_up)" -eq 0
ok "a bad summary: the origin gets it" flush
ok "a bad summary: right" holds C9 "$(place 9)" 8 "$ORIGIN"

# --- and a record of it --------------------------------------------------------------------------

undamaged
bad_summary "$b_seg"
bad_header "${b[5]}"
repaired "both" "are missing on" "given up    LSN"
ok "both: what was before is there, no more" rounds B5 A5
ok "both: and all else that was before" bulk 4m --verify_only
ok "both: nothing of what came after" zeroes 16384 4096
num "both: status says so" "$(status given_up)" -eq 1
ok "both: the origin gets that" flush
ok "both: the last before" holds B4 "$(place 4)" 8 "$ORIGIN"
ok "both: and not the one after" holds A5 "$(place 5)" 8 "$ORIGIN"
ok "both: and no more" zeroes 16384 4096 "$ORIGIN"

# --- a repair that is not finished -----------------------------------------------------------------

undamaged
bad_header "${c[4]}"
repair --yes
ckpt=$(number "$SSD" 64 4) ckpt_blocks=$(number "$SSD" 68 4)
head_at() { echo $(((ckpt + $1 * ckpt_blocks) * 4096)); }
newest=$(($(number "$SSD" $(($(head_at 1) + 32)) 8) > $(number "$SSD" $(($(head_at 0) + 32)) 8)))
# The last checkpoint was torn: that of the begin counts.
flip "$SSD" $(($(head_at $newest) + 100))
forget_log
no "half a repair: does not start" try_start
ok "half a repair: and it says why" logged "was begun and is not finished; run logcachectl repair again"
no "half a repair: check, too" eval '"$CTL" check --cache "$SSD" >/tmp/lc-said'
ok "half a repair: says it" said "a repair was begun and is not finished"
ok "half a repair: is finished" repair --yes
begun
ok "half a repair: to the same end" rounds C4 B6
finish
