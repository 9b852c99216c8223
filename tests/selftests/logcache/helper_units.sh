#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Units: cut when an object is full or the oldest write is old, as large as object_mb
# allows, several at a time, and clean in order.

. "$(dirname "$0")/lib-helper.sh"
begin 12

helper_devices 128 256
start writeback_age_ms 3600000 object_mb 4 dirty_start 90 dirty_throttle 95 dirty_limit 98
put A 0 64
sleep 1
is "nothing is cut that is neither full nor old" "$(status offered_lsn)" "$(status clean_lsn)"
job --rw=randwrite --bs=64k --size=40m --randseed=1
num "full objects are" "$(status writeback_in_flight)" -ge 8
num "in units" "$(status offered_lsn)" -gt "$(status clean_lsn)"
is "nothing is clean without a helper" "$(status wb_units)" 0
helper_start
ok "a helper gets them all" wait_status writeback_in_flight -eq 0
num "the rest waits" "$(status dirty_sectors)" -gt 0
most=$(awk '/^unit/ && $7 > most { most = $7 } END { print most }' $HELPER_LOG)
num "none has more than 4 MiB" "$most" -le 8192
num "and they are not small" "$most" -gt 6000
msg set object_mb 16
job --rw=randwrite --bs=64k --size=40m --randseed=2
ok "larger ones" within eval 'test $(awk "/^unit/ && \$7 > m { m = \$7 } END { print m }" $HELPER_LOG) -gt 24000'
msg set writeback_age_ms 200
ok "what is old is cut" wait_status dirty_sectors -eq 0
is "units are in order" "$(awk '/^unit/ { if (n && $2 != n) bad = 1; n = $3 } END { print bad + 0 }' $HELPER_LOG)" 0
ok "the helper has the volume" image_same
helper_end TERM
finish
