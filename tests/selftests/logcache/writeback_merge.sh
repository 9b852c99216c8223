#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Small neighbouring writes, in any order, reach the origin as few large ones,
# and only the newest version of each block does.

. "$(dirname "$0")/lib.sh"
begin 8
devices 64 128
start writeback_age_ms 3600000

w=$(ios "$ORIGIN_RAW" writes) s=$(ios "$ORIGIN_RAW" write_sectors)
job --rw=randwrite --bs=4k --size=4m --iodepth=1
num "1024 writes are dirty" "$(status dirty_sectors)" -eq 8192
flush
num "each block is written once" "$(($(ios "$ORIGIN_RAW" write_sectors) - s))" -eq 8192
num "with large writes" "$(($(ios "$ORIGIN_RAW" writes) - w))" -le 64
num "as the counters say" "$(status wb_sectors)" -eq 8192

s=$(ios "$ORIGIN_RAW" write_sectors)
for name in A B C D; do put $name 65536 64; done
flush
num "of four versions one is written" "$(($(ios "$ORIGIN_RAW" write_sectors) - s))" -eq 64
ok "the last" holds D 65536 64 "$ORIGIN_RAW"

# A unit of 1 MiB has room for 512 KiB, however often it was written.
msg set writeback_unit_mb 1
s=$(ios "$ORIGIN_RAW" write_sectors) units=$(status wb_units)
for name in A B C D; do put $name 131072 1024; done
flush
num "what is overwritten takes no room in a unit" "$(($(status wb_units) - units))" -eq 1
num "and is not written" "$(($(ios "$ORIGIN_RAW" write_sectors) - s))" -eq 1024
finish
