#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A sequential reader is read ahead for, and what was read ahead is never served once it
# has been overwritten.

. "$(dirname "$0")/lib-s3.sh"
begin 9

s3_devices 64 96
start writeback_age_ms 100
d_start
put OLD 0 32768
cp /tmp/lc-put /tmp/lc-old
ok "the bucket has it" flush
ok "the cache forgets" empty writeback_age_ms 100
ok "logcached has it" within d_is state active
# Half of it, so that the chunks behind that are there, and not asked for.
dd if="$D" of=/tmp/lc-read bs=64k count=128 iflag=direct status=none
num "it is read ahead" "$(d_get readahead_bytes)" -gt 4194304
hits=$(d_get readahead_hits)
num "of use" "$hits" -gt 8
ok "what was read is right" cmp -n 8388608 /tmp/lc-old /tmp/lc-read

# Overwritten, in the bucket and, with the segment it is in, out of the cache.
at=$((16384 + 1024))
put NEW $at 64
put X 100000 8192
flush
msg drop_clean
fetches=$(status fetches)
ok "what is new comes" holds NEW $at 64
num "from the bucket" "$(status fetches)" -gt "$fetches"
dd if="$D" of=/tmp/lc-read bs=64k count=8 skip=160 iflag=direct status=none
num "what is not is read ahead still" "$(d_get readahead_hits)" -gt "$hits"
d_end TERM
finish
