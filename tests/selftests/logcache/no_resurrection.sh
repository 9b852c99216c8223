#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A block whose newest version was written back and evicted is read from the
# origin after a power cut, although the SSD still has an older version of it. With
# the rule broken that makes it so (plant=4: segments are used again without a
# checkpoint) the same story does not end well: the log has lost what superseded the
# older versions, and a start notices that.

. "$(dirname "$0")/lib.sh"

# The module with bugs to plant: tests/selftests/build-planted
PLANTED=$LC_TOP/build/planted/$(uname -r)
NR=4
OPTIONS="writeback_age_ms 3600000 writeback_unit_mb 1 dirty_start 90 dirty_throttle 95 dirty_limit 99"

# Block I of NR has 2 MiB of the volume for itself and for neighbours that stay.
each() {
	local i
	for ((i = 0; i < NR; i++)); do "$@" "$i" $((i * 4096)) || return; done
}
# 253 blocks and three headers: a segment.
write_old() { put "old$1" "$2" 8 && put "near$1" $(($2 + 8)) 1016 && put "far$1" $(($2 + 1024)) 1000; }
# Not over the old one: that would count as a use, and what is used is not evicted.
write_new() { discard "$2" 8 && put "new$1" "$2" 8; }
keep_warm() { get $(($2 + 8)) 1016 >/dev/null; }
on_origin() { holds "new$1" "$2" 8 "$ORIGIN_RAW" >/dev/null; }
is_evicted() { same_text "$(msg query "$2")" "sector $2 origin"; }
is_new() { holds "new$1" "$2" 8; }
segment() { msg query "$1" | sed -n 's/.* segment \([0-9]*\).*/\1/p'; }
note_segment() { SEGMENT[$1]=$(segment $(($2 + 8))); }
count_alive() { [ "$(segment $(($2 + 8)))" != "${SEGMENT[$1]}" ] || ALIVE=$((ALIVE + 1)); }

scan() {
	job --rw=read --bs=128k --offset=$((64 + SCANS++ % 4 * 24))m --size=24m --iodepth=4 && each keep_warm
}
evicted_by_scans() { scan && each is_evicted >/dev/null; }

prepare() {
	ssd 40 && origin 160 && format --segment-size 1M || exit
	# shellcheck disable=SC2086 # words
	start $OPTIONS
	each write_old
	each note_segment
	each keep_warm
	each keep_warm
	# The newer versions and the rest of their segment are written back, and something
	# behind it is not: once everything is clean a checkpoint is written, and only
	# eviction is to do that here.
	hold origin
	each write_new
	job --rw=write --bs=128k --offset=32m --size=2m --iodepth=1
	msg flush
	job --rw=write --bs=128k --offset=40m --size=6m --iodepth=1
	release origin
	within each on_origin
	wait_status writeback_in_flight -eq 0
	SCANS=0
	within evicted_by_scans
	# And their segment is used again, sealed too: these are more than the SSD has.
	scan && scan
	# With the rule broken no free segment is found to be free: give it some that are dead.
	job --rw=write --bs=128k --offset=$((64 + (SCANS - 1) % 4 * 24 + 12))m --size=8m --iodepth=1
	ALIVE=0
	each count_alive
}

# How far eviction goes until the newer ones are gone depends on who comes first: at
# times the older ones are gone as well, and there is nothing to show.
story() {
	local try
	for try in 1 2 3; do
		prepare
		[ $ALIVE -eq 0 ] || break
		[ "$try" -eq 3 ] || { stop; take_down; }
	done
	ok "$1: the newer versions are evicted" each is_evicted
	num "$1: older ones are on the SSD" $ALIVE -gt 0
	num "$1: something stayed dirty" "$(status dirty_sectors)" -gt 0
	num "$1: space was used again" "$(status evicted_segments)" -gt "$(status segments)"
	crash
}

SEGMENT=()
begin 11
story "the rule kept"
start
ok "the rule kept: after a crash the newer versions are read" each is_new
stop
take_down

if [ -e "$PLANTED/kernel/dm-logcache.ko" ]; then
	lc_unload_module
	lc_build_dir() { echo "$PLANTED"; }
	lc_load_module plant=4
	story "the rule broken"
	forget_log
	no "the rule broken: the volume does not start" try_start
	ok "the rule broken: because of what superseded the older versions" logged "are missing on"
else
	for i in 1 2 3 4 5 6; do ktap_test_skip "the rule broken: $i, no module: see build-planted"; done
fi
finish
