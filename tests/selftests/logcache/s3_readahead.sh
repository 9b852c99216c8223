#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A sequential reader is read ahead for, and what was read ahead is never served once it
# has been overwritten.

. "$(dirname "$0")/lib-s3.sh"
begin 8

s3_devices 64 96
start writeback_age_ms 100
d_start
for i in 0 1 2 3 4 5 6 7; do put OLD $((i * 8192)) 8192; done
ok "the bucket has it" flush
ok "the cache forgets" empty writeback_age_ms 100
ok "logcached has it" within d_is state active
dd if="$D" of=/tmp/lc-read bs=64k count=256 iflag=direct status=none
num "it is read ahead" "$(d_get readahead_bytes)" -gt 1048576
num "of use" "$(d_get readahead_hits)" -gt 8
stamp OLD 8192 >/tmp/lc-want
cat /tmp/lc-want /tmp/lc-want /tmp/lc-want /tmp/lc-want | cmp -s - /tmp/lc-read
is "what was read is right" $? 0

# Written, in the bucket and out of the cache: the chunk with it was ahead of the reader.
at=$((32768 + 1024))
put NEW $at 64
flush
msg set read_cache off
put X 120000 8
ok "the cache forgets that, too" within eval 'flush; msg drop_clean; [ "$(status cached_sectors)" -eq 0 ]'
hits=$(d_get readahead_hits)
ok "the new data comes" holds NEW $at 64
echo "# hits before $hits, now $(d_get readahead_hits)"
d_end TERM
finish
