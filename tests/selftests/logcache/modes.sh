#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Each mode says who has a write before it is acknowledged, and what the cache
# keeps; modes can be changed at any time, and nothing dirty is lost.

. "$(dirname "$0")/lib.sh"
begin 48
devices 64 128
put O 0 64 "$ORIGIN_RAW" && put O 8256 64 "$ORIGIN_RAW" && put O 8320 64 "$ORIGIN_RAW"
start writeback_age_ms 3600000 fill_kb 4

switch() {
	msg mode "$1" && wait_status path = "$([ "$1" = writeback ] && echo log || echo direct)"
}

put A 0 64
ok "writeback: the origin does not have a write" holds O 0 64 "$ORIGIN_RAW"
turn origin error
ok "writeback: and is not needed" put A 64 64
turn origin linear

# origin_reads SECTOR: how often the origin is asked for it, two times in a row
origin_reads() {
	local r first fills
	wait_status reads_in_flight -eq 0
	r=$(ios "$ORIGIN_RAW" reads) fills=$(status fills)
	holds "$2" "$1" 64 || return
	first=$(($(ios "$ORIGIN_RAW" reads) - r))
	[ $first -eq 0 ] || [ "$3" = never ] || wait_status fills -gt "$fills"
	holds "$2" "$1" 64 || return
	echo "$first $(($(ios "$ORIGIN_RAW" reads) - r - first))"
}

at=1024
for mode in writethrough writearound passthrough; do
	switch writeback
	put A $at 64
	num "$mode: before the change there is dirty data" "$(status dirty_sectors)" -ge 64
	ok "$mode: the change comes to its end" switch $mode
	num "$mode: then nothing is dirty" "$(status dirty_sectors)" -eq 0
	ok "$mode: the origin has what was" holds A $at 64 "$ORIGIN_RAW"

	put B $at 64
	ok "$mode: the origin has what is acknowledged" holds B $at 64 "$ORIGIN_RAW"
	ok "$mode: and the reader, where the cache had another" holds B $at 64
	num "$mode: nothing becomes dirty" "$(status dirty_sectors)" -eq 0
	turn origin error
	no "$mode: without the origin nothing is acknowledged" put C $at 64 2>/dev/null
	turn origin linear

	fills=$(status fills)
	put D $((at + 128)) 64
	case $mode in
	writethrough)
		ok "$mode: a write is put into the cache" wait_status fills -gt "$fills"
		is "$mode: and read from there" "$(origin_reads $((at + 128)) D)" "0 0"
		;;
	writearound)
		num "$mode: a write is not put into the cache" "$(status fills)" -eq "$fills"
		is "$mode: what is read is" "$(origin_reads $((at + 128)) D)" "1 0"
		;;
	passthrough)
		num "$mode: a write is not put into the cache" "$(status fills)" -eq "$fills"
		is "$mode: nor what is read" "$(origin_reads $((at + 128)) D never)" "1 1"
		;;
	esac
	put E $((at + 130)) 3
	ok "$mode: a part is overwritten" holds E $((at + 130)) 3
	ok "$mode: the rest is as it was" holds D $((at + 133)) 59 "$D" 5
	at=$((at + 1024))
done

switch writeback
msg set write_cache off
ok "write cache off: writes go to the origin" wait_status path = direct
put F 8192 64
ok "write cache off: which has them" holds F 8192 64 "$ORIGIN_RAW"
is "write cache off: reads are cached" "$(origin_reads 8192 F)" "1 0"
msg set write_cache on
wait_status path = log
msg set read_cache off
is "read cache off: reads are not" "$(origin_reads 8256 O never)" "1 1"
is "read cache off: but what is there is read from there" "$(origin_reads 8192 F)" "0 0"
put G 8320 64
ok "read cache off: nor the writes" holds O 8320 64 "$ORIGIN_RAW"
msg set read_cache on

# Every mode into every other, as one round.
keep_busy --rw=randwrite --bs=4k --offset=32m --size=2m --iodepth=8 --verify=crc32c
round() {
	local mode
	for mode in writethrough writearound passthrough writeback writearound writethrough \
		passthrough writearound writeback passthrough writethrough writeback; do
		goes_on && switch $mode || { echo "# at $mode"; return 1; }
	done
	goes_on
}
ok "all twelve changes under I/O" round
ok "of which nothing fails" rest
ok "all becomes clean" flush
JOB_DEV=$ORIGIN_RAW ok "and is on the origin" job --rw=randwrite --bs=4k --offset=32m --size=2m \
	--iodepth=8 --verify=crc32c --verify_only --randseed="$(cat /tmp/lc-seed)"
finish
