#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The same SSD as another device, while the volume is used: logcached follows it there.

. "$(dirname "$0")/lib-s3.sh"
begin 5

s3_devices 64 96
start writeback_age_ms 3600000
d_start
put A 0 64
flush
put B 4096 64
SSD=$(layer lct-moved "$SSD_RAW")
ok "the table has another device" reload writeback_age_ms 100
attached() { [ "$(grep -c ': active$' $D_LOG)" -eq 2 ] && d_is state active; }
ok "logcached attaches with it" within attached
ok "what was dirty is uploaded" flush
put C 8192 64
ok "so is what is written now" flush
ok "a miss is served" eval 'msg drop_clean && holds A 0 64 && zeroes 65536 64'
d_end TERM
finish
