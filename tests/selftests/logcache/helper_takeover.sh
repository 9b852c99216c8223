#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# One owner at a time: a second helper waits, one that takes over gets everything, and
# no I/O notices.

. "$(dirname "$0")/lib-helper.sh"
begin 10

helper_devices 48 128
start writeback_age_ms 100 object_mb 4
helper_start
first=$HELPER port=$(status helper_port)
is "a second one is refused" "$("$TOOLS"/nl-call $UUID claim | cut -d' ' -f1-2)" "claim -16"
is "the first one stays" "$(status helper_port)" "$port"
"$TOOLS"/nl-call $UUID takeover release >/dev/null
ok "one that is robbed notices, and claims what is free" wait_status helper_port -eq "$port"

keep_busy --rw=randrw --bsrange=4k-64k --size=100% --io_size=16m --iodepth=16 --verify=crc32c \
	--verify_backlog=64
goes_on 100
helper_run --takeover
ok "a new one takes over" within helper_said "claimed.*applied [1-9]"
ok "and owns it" wait_status helper_port -ne "$port"
ok "the old one is told so" within helper_said "lost -116"
kill -TERM "$first"
wait "$first"
goes_on 100
helper=$HELPER
helper_run
waiting=$HELPER
kill -KILL "$helper"
ok "one that waits follows one that dies" wait_status helper_port -eq "$waiting"
goes_on 100
ok "no I/O failed" rest
ok "all arrives" flush
ok "and is right" image_same
HELPER=$waiting
helper_end TERM
finish
