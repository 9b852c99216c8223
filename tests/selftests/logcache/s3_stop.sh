#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# logcached hangs: hits are served and writes go on, into the log; when it comes back
# all of it is uploaded. Nobody notices but a miss.

. "$(dirname "$0")/lib-s3.sh"
begin 11

s3_devices 64 96
start writeback_age_ms 100 fetch_timeout_ms 0
d_start
put OLD 0 256
flush
ok "the cache forgets" empty writeback_age_ms 100 fetch_timeout_ms 0
ok "logcached has it" within d_is state active
ok "a miss" holds OLD 0 64
kill -STOP "$DAEMON"
# 18 s later it is dead for the kernel: both have to work before and after that.
put NEW 4096 64
ok "a write goes on" holds NEW 4096 64
ok "a hit goes on" holds OLD 0 64
get 128 8 >/tmp/lc-miss &
miss=$!
ok "it is taken for dead" wait_status helper_port -eq 0
put NEWER 8192 64
ok "writes go on" holds NEWER 8192 64
num "and are dirty" "$(status dirty_sectors)" -gt 0
no "a miss waits" gone $miss
kill -CONT "$DAEMON"
outcome $miss
is "then it is served" "$OUTCOME" ok
ok "and all is uploaded" flush
d_end TERM
finish
