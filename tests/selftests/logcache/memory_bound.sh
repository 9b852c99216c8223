#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The worst case for memory: a full cache of blocks without neighbours, inserted in
# random order. All that grows with the cache takes no more than 16 bytes for each.
#
# Written one at a time, each has a block of header besides, for which there are a
# checksum and the rest as well, until the segment is evicted: 4.75 bytes more.

. "$(dirname "$0")/lib.sh"
modprobe -q dm-zero && modprobe -q dm-unstripe || skip "needs dm-zero and dm-unstripe"
begin 10
# Extents. The bar is for a million (1048576). With fewer, the nodes that 64 shards keep
# ready, 12 of 512 bytes each, are counted apart: of a million they are 0.4 bytes, and
# included.
NR=${LC_BLOCKS:-131072}
RESERVE=$((NR < 1048576 ? 64 * 12 * 512 : 0))

# What the memory is spent on does not depend on what is in the blocks, so the SSD
# keeps its metadata and forgets the data: it reads as the zeroes that the origin has.
mib=$((NR / 256 * 110 / 100))
make_device meta 64 || exit
quiet lc_dmsetup create lct-ssd --table "0 131072 linear $(lc_dm_path lct-meta) 0
131072 $((mib * 2048 - 131072)) zero"
quiet lc_dmsetup create lct-origin --table "0 $((NR * 16)) zero"
ORIGIN=$(lc_dm_path lct-origin) SSD=$(lc_dm_path lct-ssd)
format
ok "the metadata is where it is kept" [ "$(number "$SSD" 80 8)" -le 16384 ]
start high_watermark 99 low_watermark 98 fill_kb 4

# Every second block of the volume, each once, in random order. Copies of what is read
# fill the cache better than writes do: they have no headers.
quiet lc_dmsetup create lct-even --table "0 $((NR * 8)) unstriped 2 8 0 $D 0"
JOB_DEV=$(lc_dm_path lct-even) ok "read" job --rw=randread --bs=4k --size=$((NR * 4))k \
	--iodepth=64 --iodepth_batch=64 --iodepth_low=8
lc_dmsetup remove lct-even
# The last of them may still be on their way.
within status_is fill_blocks -eq $NR
num "each is an extent" "$(status extents)" -eq $NR
num "most of the cache is in use" $(($(status cached_sectors) / 8)) -ge \
	$(($(status segments) * $(status segment_sectors) / 8 * 90 / 100))
num "none had to go" "$(status evicted_segments)" -eq 0
bytes=$(status index_bytes)
cost=$((bytes * 100 / NR))
echo "# $bytes bytes for $NR blocks: $cost hundredths of a byte each"
num "16 bytes for each at the most" "$bytes" -le $((16 * NR + RESERVE))
lc_dmsetup remove $VOL

# The same blocks, fewer of them, one at a time. What they are in is all that is counted:
# of a segment that is not in use, 4.75 bytes for each of its blocks are left out. Of a
# million, each of these costs no more than 20.75 bytes, nodes that are kept ready apart; of
# fewer, no more than 4.75 bytes, and one percent, above what one without a header does.
ONES=$((NR / 4))
SEG_BYTES=$((512 * 475 / 100))
MOST=$((NR < 1048576 ? (cost + 475) * 101 / 100 : 2075 + 64 * 12 * 512 * 100 / ONES))
format --force
start writeback_age_ms 3600000 dirty_start 97 dirty_throttle 98 dirty_limit 99
quiet lc_dmsetup create lct-even --table "0 $((NR * 8)) unstriped 2 8 0 $D 0"
JOB_DEV=$(lc_dm_path lct-even) ok "write" job --rw=randwrite --bs=4k --size=$((ONES * 4))k \
	--iodepth=1
lc_dmsetup remove lct-even
num "each is an extent of its own" "$(status extents)" -eq $ONES
num "and a record" "$(status log_records)" -eq $ONES
idle=$(($(status segments) - $(status segments_dirty)))
bytes=$(($(status index_bytes) - idle * SEG_BYTES))
echo "# $bytes bytes for $ONES blocks: $((bytes * 100 / ONES)) hundredths of a byte each"
num "no more than 4.75 bytes more for each" $((bytes * 100 / ONES)) -le $MOST
# The log's records are not there, so that there is nothing to check.
lc_dmsetup remove $VOL
finish
