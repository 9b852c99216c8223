#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# While somebody waits for the origin, one writeback I/O is in flight on it: more when
# writeback is urgent or has been asked for, and when nobody waits.

. "$(dirname "$0")/lib.sh"
TRACE=/sys/kernel/tracing
[ -d $TRACE/events/block ] || skip "needs trace events"
begin 10
ssd 64
# The kernel counts what is on its way here: slow enough to be together there.
origin 128 irqmode=2 completion_nsec=20000000
format --segment-size 1M
# The second half can be held by itself, with a reader in it.
half=$((64 << 11))
lc_dmsetup create lct-far --table "0 $half linear $ORIGIN_RAW $half"
lc_dmsetup load lct-origin <<END
0 $half linear $ORIGIN_RAW 0
$half $half linear $(lc_dm_path lct-far) 0
END
hold origin && release origin
put O $half 8 "$ORIGIN_RAW"
start writeback_age_ms 3600000 writeback_depth 8 dirty_start 60

origin_dev=$(cat "/sys/class/block/$(basename "$(readlink -f $ORIGIN_RAW)")/dev" | tr : ,)
watch() {
	echo counter >$TRACE/trace_clock
	echo >$TRACE/trace
	echo 1 >$TRACE/events/block/block_rq_issue/enable
	echo 1 >$TRACE/events/block/block_rq_complete/enable
}
# watched: sets MOST to the most writes that were in flight at a time
watched() {
	echo 0 >$TRACE/events/block/enable
	MOST=$(awk -v issue="block_rq_issue: $origin_dev W" -v complete="block_rq_complete: $origin_dev W" '
		index($0, issue) && ++n > most { most = n }
		index($0, complete) { n-- }
		END { print most + 0 }' $TRACE/trace)
}

# dirty MIB: every second block of them
dirty() { job --rw=write:4k --bs=4k --size="$1"m; }
all_clean() { wait_status dirty_sectors -eq 0; }
# aged: what is dirty is written back because it is old
aged() {
	watch
	msg set writeback_age_ms 100
	all_clean
	watched
	msg set writeback_age_ms 3600000
}

dirty 1
aged
num "nobody waits for the origin: several writes are in flight" "$MOST" -gt 1
num "as many as there may be" "$MOST" -le 8

hold far
get $half 8 >/tmp/lc-reader &
reader=$!
wait_status reads_in_flight -eq 1
dirty 1
aged
num "somebody waits: one at a time" "$MOST" -eq 1
ok "still" kill -0 $reader

dirty 1
watch
flush
watched
num "unless a flush was asked for" "$MOST" -gt 1

dirty 4
watch
msg set dirty_start 1
msg set dirty_throttle 2
all_clean
watched
num "or writers would be slowed" "$MOST" -gt 1
num "which is no reason for more than there may be" "$MOST" -le 8
msg set dirty_throttle 70
msg set dirty_start 60

release far
outcome $reader
is "then the reader has it" "$OUTCOME" ok
ok "as it was" cmp -s /tmp/lc-reader <(stamp O 8)
several_again() { dirty 1 && aged && [ "$MOST" -gt 1 ]; }
ok "and writeback is for itself again" within several_again
finish
