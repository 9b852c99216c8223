#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# An SSD that fails writes: writers get the error, readers get the right data,
# the origin gets what is dirty, and after a repair nothing is lost.

. "$(dirname "$0")/lib.sh"
begin 30
devices 64 128
put O 0 4096 "$ORIGIN_RAW"
start writeback_age_ms 3600000
put A 0 64
flush
put B 64 64

events() { lc_dmsetup info -c --noheadings -o events $VOL; }
is "all is well" "$(status state)" ok
event=$(events)
forget_log
turn ssd flakey
no "a write that the SSD fails is an error" put C 128 64 2>/dev/null
is "the state says so" "$(status state)" failed
ok "so does the kernel log" logged "a log write failed on"
num "it is counted" "$(status log_errors)" -ge 1
changed() { [ "$(events)" -gt "$event" ]; }
ok "who waits for an event gets it" within changed
ok "the failed write is not read" holds O 128 64 "$D" 128
no "nor is one over dirty data taken" put C 64 64 2>/dev/null
ok "dirty data is read" holds B 64 64
ok "clean data is read" holds A 0 64
ok "the origin is read" holds O 1024 64 "$D" 1024
is "and not cached" "$(msg query 1024)" "sector 1024 origin"
no "a discard is an error, too" discard 0 64 2>/dev/null
for mode in writethrough writearound passthrough; do
	msg mode $mode
	no "mode $mode does not take writes" put C 2048 64 2>/dev/null
	ok "nor has it changed anything" holds O 2048 64 "$D" 2048
done
msg mode writeback
msg flush
ok "what is dirty is written back" within holds B 64 64 "$ORIGIN_RAW"

ok "the volume can be removed" lc_dmsetup remove $VOL
turn ssd linear
check_offline
start writeback_age_ms 3600000
is "after a repair all is well" "$(status state)" ok
ok "what was dirty is there" holds B 64 64
ok "what was clean is there" holds A 0 64
ok "a write is taken" put D 64 64

turn ssd flakey
no "when it fails again" put C 64 64 2>/dev/null
turn ssd linear
no "it stays so" put C 64 64 2>/dev/null
ok "until the table is reloaded" reload writeback_age_ms 3600000
is "then all is well" "$(status state)" ok
ok "and nothing lost" holds D 64 64
flush
finish
