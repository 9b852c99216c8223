#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Units whose data has gaps on the SSD, of every width: what was overwritten since. All of
# what counts gets to the bucket, and each to its place.

. "$(dirname "$0")/lib-s3.sh"
begin 5

# Two extents of 128 blocks, and between them more than is read over, so that the second
# one begins in the reach of a read that ends before it, and does not end there.
gap() {
	put A 0 1024
	put "old$1" 8192 $(($1 * 8))
	put B 1024 1024
	put "new$1" 8192 $(($1 * 8))
}

from_the_bucket() {
	stop
	s3_new_ssd
	kill -HUP "$DAEMON"
	start writeback_age_ms 3600000
	within d_is state active
}

s3_devices 96 96
start writeback_age_ms 3600000
d_start
gap 120
ok "a gap in the middle of a read" flush
sum=$(get 0 $SECTORS | sha256sum)
from_the_bucket
is "all is where it was" "$(get 0 $SECTORS | sha256sum)" "$sum"

# Sizes up to four times that of a read, half of which is overwritten.
ok "gaps of all widths" job --rw=randwrite --bsrange=4k-1m --norandommap --size=64m --io_size=48m \
	--iodepth=4 --randseed=11
ok "are uploaded" flush
sum=$(get 0 $SECTORS | sha256sum)
from_the_bucket
is "and all is where it was" "$(get 0 $SECTORS | sha256sum)" "$sum"
d_end TERM
finish
