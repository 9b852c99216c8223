#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A wrong table is refused with a message that names what is wrong, and nothing
# on the devices has changed.

. "$(dirname "$0")/lib.sh"

# words behind "logcache" | what the kernel log says; S and O stand for the devices
CASES=(
	"S|Usage: <cache dev> <origin dev>"
	"S O|Usage: <cache dev> <origin dev>"
	"S O x|Usage: <cache dev> <origin dev>"
	"S O 2 mode|Usage: <cache dev> <origin dev>"
	"S O 0 mode writeback|Usage: <cache dev> <origin dev>"
	"/dev/none O 0|Cannot open the cache device"
	"S /dev/none 0|Cannot open the origin device"
	"S S 0|Cache and origin are the same device"
	"O S 0|The origin is smaller than the table says"
	"S O 2 mood writeback|there is no option 'mood'"
	"S O 2 mode fast|mode: 'fast' is not in writeback|writethrough|writearound|passthrough"
	"S O 1 mode|option 'mode' has no value"
	"S O 4 mode writeback mode writeback|option 'mode' is given twice"
	"S O 2 log_depth 9|log_depth: '9' is not in 1..8"
	"S O 2 log_depth 0|log_depth: '0' is not in 1..8"
	"S O 2 hold_ms -1|hold_ms: '-1' is not in 0..86400000"
	"S O 2 hold_ms 0x10|hold_ms: '0x10' is not in 0..86400000"
	"S O 2 hold_ms 4294967296|hold_ms: '4294967296' is not in 0..86400000"
	"S O 2 low_watermark 95|low_watermark (95) must be below high_watermark (95)"
	"S O 4 dirty_limit 50 dirty_start 10|dirty_throttle (70) must be below dirty_limit (50)"
)

begin $((2 * ${#CASES[@]} + 8))
devices 64 128
before=$(sha256sum <"$SSD")

for case in "${CASES[@]}"; do
	words=${case%%|*} text=${case#*|}
	args=$(sed "s,\<S\>,$SSD,; s,\<S\>,$SSD,; s,\<O\>,$ORIGIN," <<<"$words")
	forget_log
	no "refused: $words" lc_dmsetup create $VOL --table "0 $(lc_sectors "$ORIGIN") logcache $args" 2>/dev/null
	ok "named: $text" logged "$text"
	lc_dmsetup remove $VOL 2>/dev/null
done

forget_log
SECTORS=$(($(lc_sectors "$ORIGIN") - 8)) no "refused: a volume that shrank" try_start
ok "named" logged "was formatted for a volume of 262144"
SECTORS=$(($(lc_sectors "$ORIGIN") + 8)) no "refused: more than the origin has" try_start
ok "named" logged "The origin is smaller than the table says"

is "the cache device did not change" "$(sha256sum <"$SSD")" "$before"

start mode writethrough
put A 0 8
no "a running volume refuses it too" reload mood writeback
lc_dmsetup clear $VOL
is "and keeps its table" "$(lc_dmsetup table $VOL | cut -d' ' -f7-)" "mode writethrough"
ok "and its data" holds A 0 8
finish
