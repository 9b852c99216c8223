#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What is read again and again stays when something large is read once.

. "$(dirname "$0")/lib.sh"
begin 3
devices 64 320
start

hot() { job --rw=read --bs=4k --offset=288m --size=4m --iodepth=16; }
scan() { job --rw=read --bs=64k --offset="$1" --size=64m --iodepth=8; }
hot && hot && hot && hot
for at in 0 64m 128m 192m; do
	scan $at
	hot
done
num "the scan went through the cache" "$(status evicted_segments)" -gt 64
hits=$(status read_hits) misses=$(status read_misses)
hot
hits=$(($(status read_hits) - hits)) misses=$(($(status read_misses) - misses))
num "the hot set is there" "$hits" -ge $((1024 * 95 / 100))
num "what was kept was carried over" "$(status carried_blocks)" -gt 0
finish
