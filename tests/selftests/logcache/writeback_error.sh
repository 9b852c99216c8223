#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# With the origin gone hits and writes go on until the log is full; then writes
# wait. When it comes back all of it gets there. A volume can be removed with the
# origin gone, and nothing is lost.

. "$(dirname "$0")/lib.sh"
begin 17
devices 64 128
put O 0 8 "$ORIGIN_RAW"
start writeback_age_ms 100 dirty_start 5
put A 80 8
turn origin error

put B 96 8
ok "a write is taken" holds B 96 8
ok "what is cached is read" holds A 80 8
no "what is not cached is an error" get 0 8 2>/dev/null
num "that is counted" "$(status fill_errors)" -ge 1
ok "writeback fails" wait_status wb_errors -gt 0
ok "the state says so" wait_status state = origin-failing

stamp C 8192 >/tmp/lc-much
dd if=/tmp/lc-much of="$D" bs=256k seek=16 count=16 oflag=direct status=none
ok "writes go on" holds C 8192 512
job --rw=write --bs=256k --offset=16m --size=64m --iodepth=4 --verify=crc32c --do_verify=0 &
writer=$!
ok "until the log is full" wait_status writes_held -gt 0
ok "then they wait" kill -0 $writer
ok "hits go on" holds C 8192 512

turn origin linear
outcome $writer
is "when the origin is back the writer ends" "$OUTCOME" ok
ok "all becomes clean" flush
ok "and the state is well" wait_status state = ok
ok "the origin has all" same "$D" "$ORIGIN_RAW"

put D 80 8
turn origin error
ok "the volume can be removed while the origin is gone" lc_dmsetup remove $VOL
turn origin linear
check_offline
start
ok "nothing is lost" holds D 80 8
ok "what was written before, neither" job --rw=write --bs=256k --offset=16m --size=64m --verify=crc32c --verify_only
finish
