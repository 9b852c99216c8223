#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A helper that does not run: hits are served and writes acknowledged; it is taken for
# dead after a while, and when it runs again it finds that out and goes on.

. "$(dirname "$0")/lib-helper.sh"
begin 15

helper_devices 64 128
start writeback_age_ms 100 fetch_timeout_ms 0
helper_start
put A 0 2048
put B 65536 8
flush
empty writeback_age_ms 100 fetch_timeout_ms 0
wait_status helper_port -gt 0
holds A 0 256
port=$(status helper_port)

kill -STOP "$HELPER"
ok "hits are served" holds A 0 256
ok "writes are acknowledged" put C 131072 64
ok "and read back" holds C 131072 64
ok "and flushed" dd if=/dev/zero of="$D" bs=4k count=1 seek=30000 oflag=direct conv=fsync,notrunc status=none
holds B 65536 8 &
miss=$!
ok "a miss waits" wait_status reads_in_flight -eq 1
no "and is not over" gone $miss
ok "for a time it keeps the volume" test "$(status helper_port)" = "$port"
ok "then it is taken for dead" wait_status helper_port -eq 0
ok "the log says so" logged "says nothing"
is "the state too" "$(status state)" no-helper
ok "writes still go on" put E 140000 64

kill -CONT "$HELPER"
ok "it claims the volume anew" wait_status helper_port -eq "$port"
outcome $miss
is "the miss is served" "$OUTCOME" ok
ok "what was written meanwhile reaches it" flush
ok "all of it" image_same
helper_end TERM
finish
