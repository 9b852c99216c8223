#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A volume in an object store: what is written gets there, what is not cached comes from
# there, and with an empty SSD all of it does.

. "$(dirname "$0")/lib-s3.sh"
begin 21

s3_devices 64 96
start writeback_age_ms 200
is "nobody owns it at first" "$(status state)" no-helper
d_start
is "logcached owns it" "$(status state)" ok
put A 0 8
put B 4096 2048
put C 10001 3
ok "a flush ends when the bucket has all" flush
ok "there are objects" test -n "$(find $BUCKET/$UUID/data -type f)"
put D 5000 16
discard 4096 512
zero 0 8
flush

ok "the cache forgets" empty writeback_age_ms 200
ok "logcached attaches again" within d_is state active
ok "a miss is fetched" holds D 5000 16
num "from the bucket" "$(d_get got_bytes)" -gt 0
ok "sectors" holds C 10001 3
ok "zeroes are" zeroes 0 8
ok "a discard is zeroes" zeroes 4096 512
ok "the rest of what was there before it" holds B 5632 256 "" 1536
ok "what was never written is zeroes" zeroes 80000 64

ok "a load, verified" job --rw=randwrite --bsrange=512-128k --offset=48m \
	--size=32m --iodepth=16 --verify=crc32c --verify_backlog=256 --randseed=7
ok "all of it reaches the bucket" flush
sum=$(get 0 $SECTORS | sha256sum)
is "nothing waits any more" "$(d_get uploading_units)" 0

# Another SSD: everything has to come from the bucket.
stop
s3_new_ssd
kill -HUP "$DAEMON"
start writeback_age_ms 200
ok "with an empty SSD it attaches" within d_is state active
is "the volume is the same" "$(get 0 $SECTORS | sha256sum)" "$sum"
ok "and goes on" put E 90000 64
ok "to the bucket" flush
d_end TERM
is "it ends in good order" "$D_EXIT" 0
finish
