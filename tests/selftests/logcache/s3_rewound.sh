#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The SSD is an older copy of itself: its log has LSNs again that the bucket has. New
# writes are not taken for what is there.

. "$(dirname "$0")/lib-s3.sh"
begin 6

s3_devices 64 96
start writeback_age_ms 100
d_start
put A 0 64
flush
stop
dd if="$SSD_RAW" of=/tmp/lc-older bs=1M iflag=direct conv=sparse status=none
start writeback_age_ms 100
ok "it goes on" within d_is state active
for ((i = 0; i < 16; i++)); do put B $((1024 + i * 64)) 64; done
flush
stop

dd if=/tmp/lc-older of="$SSD_RAW" bs=1M oflag=direct status=none
start writeback_age_ms 100
ok "an older copy is not attached" within d_is state failed
ok "and what to do is said" d_said "logcachectl recover"
put C 4096 8
msg flush
num "nothing counts as uploaded" "$(status dirty_sectors)" -gt 0
stop
s3_new_ssd
kill -HUP "$DAEMON"
start writeback_age_ms 100
ok "an empty one is" within d_is state active
ok "nothing is lost that was there" eval 'holds A 0 64 && holds B 1984 64'
d_end TERM
finish
