#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What is read again and again stays when something large is read once, although
# the two share their segments.

. "$(dirname "$0")/lib.sh"
begin 3
devices 64 320
start

# Every sixteenth block of the first 40 MiB: each segment has some, none has many.
hot() { job --rw=read:60k --bs=4k --size=40m --iodepth=16; }
scan() { job --rw=read --bs=64k --offset="$1" --size=64m --iodepth=8; }
job --rw=read --bs=64k --size=40m --iodepth=8
hot && hot && hot
for at in 64m 128m 192m 256m; do
	scan $at
	hot
done
num "the scan went through the cache" "$(status evicted_segments)" -gt 64
hits=$(status read_hits)
hot
num "the hot set is there" $(($(status read_hits) - hits)) -ge $((640 * 95 / 100))
num "what was kept was carried over" "$(status carried_blocks)" -gt 0
finish
