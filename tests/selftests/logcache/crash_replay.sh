#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# After a power cut everything that was acknowledged is there, what was cached is
# cached, what was clean is clean, and finding that out takes the summary table
# and the last segments of the log, however much there is.

. "$(dirname "$0")/lib.sh"
begin 20
ssd 48 && origin 64 && format --segment-size 1M || exit
LAZY="writeback_age_ms 3600000 dirty_start 60"
# shellcheck disable=SC2086 # words
start $LAZY

clean() { job --rw=write --bs=256k --size=12m --iodepth=4 --verify=crc32c "$@"; }
dirty() { job --rw=randwrite --bs=4k --offset=16m --size=6m --iodepth=32 --verify=crc32c "$@"; }
copies() { job --rw=read --bs=64k --offset=32m --size=6m --iodepth=4; }
clean --do_verify=0 && flush && copies
dirty --do_verify=0
dirty_sectors=$(status dirty_sectors)
num "what was written since the flush is dirty" "$dirty_sectors" -eq $((6 * 2048))
dirty_segments=$(status segments_dirty)
num "some of it is in segments that are sealed" "$dirty_segments" -gt 4

crash
forget_log
r=$(ios "$SSD_RAW" read_sectors)
# shellcheck disable=SC2086
start $LAZY
r=$(($(ios "$SSD_RAW" read_sectors) - r))
ok "the stop was no clean one" logged "unclean stop before"
seg=$(status segment_sectors)
# The log ends in one segment and names the next, and both are looked at twice; some
# may still have waited for their summary. Then superblock and checkpoints.
num "recovery reads the summary table and the end of the log" "$r" -le \
	$(($(status segments) * seg / 128 + 6 * seg + 256))
num "nothing else is dirty" "$(status dirty_sectors)" -eq "$dirty_sectors"

reads=$(ios "$ORIGIN_RAW" reads)
ok "what was clean is there" clean --verify_only
ok "what was dirty is there" dirty --verify_only
num "all from the cache" "$(ios "$ORIGIN_RAW" reads)" -eq "$reads"
misses=$(status read_misses)
copies
# Copies count when their segment is full.
num "copies of what was read are there, but for the last" $(($(status read_misses) - misses)) -le \
	$((2 * seg / 128))
w=$(ios "$ORIGIN_RAW" write_sectors)
ok "all becomes clean" flush
num "only what was dirty is written for that" $(($(ios "$ORIGIN_RAW" write_sectors) - w)) -eq "$dirty_sectors"

crash
# shellcheck disable=SC2086
start $LAZY
num "clean is clean after the next crash" "$(status dirty_sectors)" -eq 0
reads=$(ios "$ORIGIN_RAW" reads)
ok "and there" dirty --verify_only
num "from the cache" "$(ios "$ORIGIN_RAW" reads)" -eq "$reads"

put A 0 8
crash
# shellcheck disable=SC2086
start $LAZY
put B 8 8
crash
# shellcheck disable=SC2086
start $LAZY
ok "a crash soon after a crash" holds A 0 8
ok "loses nothing" holds B 8 8

# In the middle of writing: $acked lists what was acknowledged before the devices stopped.
acked=/tmp/lc-acked
writer() {
	local i
	for ((i = 0; i < 10000; i++)); do
		[ ! -e /tmp/lc-rest ] && put "W$i" $((98304 + i % 16 * 8)) 8 || return 0
		echo $i >>$acked
	done
}
rm -f /tmp/lc-rest $acked
writer &
within grep -q '^24$' $acked
cp $acked $acked.before
snapshot
touch /tmp/lc-rest
outcome $!
use_snapshot
start
# Each place has the version acknowledged last, or one that came after it.
all_acked() {
	local i last
	last=$(tail -n 1 $acked.before)
	for ((i = last; i >= 0 && i > last - 16; i--)); do
		at=$((98304 + i % 16 * 8))
		got=$(get $at 1 | head -c 60)
		got=${got%% *}
		[ "${got#W}" -ge $i ] && holds "$got" $at 8 || return
	done
}
num "writes were acknowledged" "$(wc -l <$acked.before)" -gt 24
ok "all of them are there after a crash in their middle" all_acked
ok "a flush brings them to the origin" flush
ok "which is the volume then" same "$D" "$ORIGIN_RAW"
finish
