#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Without a helper a read that misses fails after fetch_timeout_ms, or waits as long as
# it takes with 0; writes wait for ever, and nothing is lost.

. "$(dirname "$0")/lib-helper.sh"
begin 9

helper_devices 64 128
start writeback_age_ms 100 fetch_timeout_ms 500
put A 0 64
no "a miss without a helper fails" get 8192 8
ok "a hit does not" holds A 0 64
is "what is dirty waits" "$(status dirty_sectors)" 64
helper_start
ok "with a helper it is read" zeroes 8192 8
ok "and written back" wait_status dirty_sectors -eq 0
helper_end KILL
no "a miss fails again" get 16384 8

msg set fetch_timeout_ms 0
zeroes 16384 8 &
miss=$!
ok "without a limit it waits" wait_status reads_in_flight -eq 1
sleep 2
no "and does not end" gone $miss
helper_start
outcome $miss
is "until there is one" "$OUTCOME" ok
helper_end TERM
finish
