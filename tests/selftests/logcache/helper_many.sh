#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# As many items as there can be, 32 units and 64 fetches, wait for a helper: the one that
# comes is given all of them, in as many answers as that takes.

. "$(dirname "$0")/lib-helper.sh"
begin 7
UNITS=32 ITEMS=96

helper_devices 48 256
start writeback_age_ms 600000 fetch_timeout_ms 0
for ((i = 1; i <= UNITS; i++)); do
	put U$i $((i * 64)) 8
	msg flush
	wait_status helper_items -eq $i || break
done
is "units wait" "$(status helper_items)" $UNITS
job --rw=read:1020k --bs=4k --offset=64m --size=128m --iodepth=96 &
reads=$!
ok "so do fetches" wait_status helper_items -eq $ITEMS
helper_start
outcome $reads
is "all reads are served" "$OUTCOME" ok
ok "all units are uploaded" flush
ok "and are right" image_same
is "it had to claim once" "$(helper_count claimed)" 1
is "nothing is left" "$(status helper_items)" 0
helper_end TERM
finish
