#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Writes that arrive while records are in flight share the next one.

. "$(dirname "$0")/lib.sh"
begin 4
ssd 64 irqmode=2 completion_nsec=2000000 hw_queue_depth=8
origin 128
format
start writeback_age_ms 3600000

w=$(ios "$SSD_RAW" writes)
ok "2048 writes, 32 at a time" job --rw=randwrite --bs=4k --size=8m --iodepth=32 --verify=crc32c --verify_backlog=0
writes=$(status writes) records=$(status log_records)
num "each counts" "$writes" -eq 2048
num "records are far fewer" "$records" -lt $((writes / 4))
# A segment that is full gets a summary, which is one more. Not all of it need be used.
seals=$(status segments_dirty)
num "and there is one I/O for each" "$(($(ios "$SSD_RAW" writes) - w))" -le $((records + seals))
finish
