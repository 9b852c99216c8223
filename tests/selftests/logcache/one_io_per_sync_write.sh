#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A hundred synchronous writes one after the other are a hundred writes of the
# SSD, each of the data and one block of header.

. "$(dirname "$0")/lib.sh"
begin 5
devices 64 128
start writeback_age_ms 3600000

origin_ios() { echo $(($(ios "$ORIGIN_RAW" writes) + $(ios "$ORIGIN_RAW" reads))); }
o=$(origin_ios) w=$(ios "$SSD_RAW" writes) s=$(ios "$SSD_RAW" write_sectors) r=$(ios "$SSD_RAW" reads)
job --rw=randwrite --bs=4k --size=32m --number_ios=100 --iodepth=1 --fsync=1
num "one write for each" "$(($(ios "$SSD_RAW" writes) - w))" -eq 100
num "of the data and a header" "$(($(ios "$SSD_RAW" write_sectors) - s))" -eq 1600
num "no read" "$(($(ios "$SSD_RAW" reads) - r))" -eq 0
num "one record for each" "$(status log_records)" -eq 100
num "and nothing of the origin" "$(($(origin_ios) - o))" -eq 0
finish
