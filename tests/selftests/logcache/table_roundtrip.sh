#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The table that is printed can be loaded, and is then printed the same.

. "$(dirname "$0")/lib.sh"

SETS=(
	""
	"mode writethrough"
	"mode writearound"
	"mode passthrough"
	"read_cache off"
	"write_cache off"
	"high_watermark 90 low_watermark 80"
	"dirty_start 10 dirty_throttle 20 dirty_limit 30"
	"dirty_start 1 dirty_throttle 98 dirty_limit 99"
	"writeback_age_ms 0"
	"writeback_age_ms 3600000 writeback_unit_mb 256 writeback_depth 256"
	"writeback_unit_mb 1 writeback_depth 1"
	"sync origin"
	"verify_reads on ttl_s 31536000"
	"hold_ms 86400000 log_depth 8"
	"mode writethrough read_cache off write_cache off high_watermark 50 low_watermark 40 dirty_start 2 dirty_throttle 3 dirty_limit 4 writeback_age_ms 1 writeback_unit_mb 2 writeback_depth 3 sync origin verify_reads on ttl_s 4 hold_ms 5 log_depth 6"
)

begin $((2 * ${#SETS[@]} + 5))
devices 64 128
for options in "${SETS[@]}"; do
	# shellcheck disable=SC2086 # words
	start $options
	line=$(lc_dmsetup table $VOL)
	is "printed as given: ${options:-no option}" "$(cut -d' ' -f7- <<<"$line")" "$options"
	lc_dmsetup remove $VOL
	lc_dmsetup create $VOL --table "$line"
	is "loaded as printed: ${options:-no option}" "$(lc_dmsetup table $VOL)" "$line"
	lc_dmsetup remove $VOL
done

start mode writeback sync ssd hold_ms 0
is "defaults are not printed" "$(lc_dmsetup table $VOL | cut -d' ' -f6-)" 0
stop
start hold_ms 7 mode writethrough
line=$(lc_dmsetup table $VOL | cut -d' ' -f6-)
is "the order does not matter" "$line" "4 mode writethrough hold_ms 7"
msg set hold_ms 8
is "what a message sets is printed" "$(lc_dmsetup table $VOL | cut -d' ' -f6-)" "4 mode writethrough hold_ms 8"
ok "a running volume takes its own table" reload mode writethrough hold_ms 8
is "and prints it again" "$(lc_dmsetup table $VOL | cut -d' ' -f6-)" "4 mode writethrough hold_ms 8"
finish
