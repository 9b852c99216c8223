#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Damage is never passed on: what the SSD has got wrong is not uploaded, and what the
# bucket has got wrong is an error that names the object.

. "$(dirname "$0")/lib-s3.sh"
begin 11

s3_devices 64 96
start writeback_age_ms 3600000
d_start
put A 0 64
put C 4096 512
bad=$(msg query 16 | sed -n 's/.* cache_sector \([0-9]*\) .*/\1/p')
flip "$SSD_RAW" $((bad * 512 + 1000))
msg flush
ok "the log becomes clean all the same" wait_status dirty_sectors -eq 0
num "eight sectors are lost" "$(status damaged_sectors)" -eq 8
num "logcached has seen it" "$(d_get corrupt_units)" -ge 1
ok "and says so" d_said "does not fit its checksums"
# Not by stop: the check would find what is known to be damaged.
lc_dmsetup remove $VOL && start writeback_age_ms 100
ok "the cache forgets" eval 'msg drop_clean && wait_status cached_sectors -le 8'
ok "logcached has it" within d_is state active
ok "the rest comes from the bucket" holds A 24 40 "" 24

# A miss takes 64 KiB along, so only the end of C cannot be read. The last block of it is the last one of the object.
object=$(find $BUCKET/$UUID/data -type f -size +40k | sort | tail -n 1)
printf '\377' | dd of="$object" bs=1 seek=$(($(stat -c %s "$object") - 1)) conv=notrunc status=none
no "what is damaged there cannot be read" get 4600 8 2>/dev/null
ok "and the object is named" d_said "${object##*/}"
ok "what is in front of it can" holds C 4096 8

# Written again it is well.
put A 16 8
ok "writing heals" flush
d_end TERM
finish
