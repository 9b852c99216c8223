#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# 32 units are on their way at a time, one object each, and count in the order of the log
# whatever the order is in which the store answers. Memory for them is what the volume's
# file says, all of it locked from the start.

. "$(dirname "$0")/lib-s3.sh"
begin 10

UNITS=32
HELD=/tmp/lc-held
locked() { awk '/^VmLck/ { print $2 }' "/proc/$DAEMON/status"; }
held() { grep -qx "$1" $HELD; }
all_offered() { [ "$(status offered_lsn)" -eq "$(status next_lsn)" ]; }

ip link set lo up
"$TOOLS"/holding-s3 $UNITS >>$HELD &
SERVER=$!
within test -s $HELD || exit
export AWS_ACCESS_KEY_ID=key AWS_SECRET_ACCESS_KEY=secret
URL=s3://bucket/volumes
S3_OPTIONS=(--endpoint "http://127.0.0.1:$(head -n 1 $HELD)" --store-option credentials=env
	--store-option region=none)
# What is held is not sent once more.
S3_OPTIONS+=(--store-option idle_ms=3600000 --store-option request_ms=86400000)

s3_devices 64 96
start writeback_age_ms 3600000 object_mb 4
d_start
before=$(locked)
for ((i = 1; i <= UNITS; i++)); do
	put "U$i" $((i * 100)) $((i % 2 ? 8 : 88))
	# One unit of its own, however much time that takes.
	msg flush
	within all_offered || break
done
ok "so many are being put at the same time" within held $UNITS
held $UNITS || { d_end KILL; exit; }
ok "a flush ends when all have been" flush
num "each was a unit" "$(status wb_units)" -eq $UNITS
is "nothing waits any more" "$(d_get uploading_units)" 0
num "which took no memory of its own, in KiB" $(($(locked) - before)) -lt 16384
sum=$(get 0 $SECTORS | sha256sum)

# Another SSD: everything has to come from the bucket.
stop
s3_new_ssd
s3_conf upload_memory $((17 << 20))
d_end TERM
start writeback_age_ms 200 object_mb 16
d_start
is "the volume is the same" "$(get 0 $SECTORS | sha256sum)" "$sum"
num "less memory is locked, in KiB" $((before - $(locked))) -gt $((100 << 10))
ok "there is room for one large unit at a time" job --rw=write --bs=1m --size=40m --iodepth=8 --randseed=3
ok "and all of them are put" flush
d_end TERM
is "it ends in good order" "$D_EXIT" 0
kill $SERVER
finish
