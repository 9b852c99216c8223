#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A working set of four times the SSD: everything is there, the cache moves on.

. "$(dirname "$0")/lib.sh"
begin 9
ssd 32 && origin 160 && format --segment-size 1M || exit
start writeback_age_ms 100

job_all() { job --bs=64k --size=128m --iodepth=8 --verify=crc32c --verify_backlog=0 "$@"; }
ok "written" job_all --rw=write --do_verify=0
num "segments were evicted" "$(status evicted_segments)" -gt 0
evicted=$(status evicted_segments)
num "never more is cached than fits" "$(status cached_sectors)" -le $((32 * 2048))
ok "all of it is read back, most from the origin" job_all --rw=write --verify_only
num "fills were evicted as well" "$(status evicted_segments)" -gt "$evicted"
ok "overwritten in small pieces and read back" \
	job --rw=randwrite --bs=4k --size=128m --number_ios=4096 --iodepth=32 --verify=crc32c --randseed=5
wait_status dirty_sectors -eq 0
num "nothing failed" "$(($(status wb_errors) + $(status log_errors) + $(status crc_errors) + $(status fill_errors)))" -eq 0
stop
JOB_DEV=$ORIGIN_RAW ok "the origin has the newest version of all" \
	job --rw=randwrite --bs=4k --size=128m --number_ios=4096 --iodepth=32 --verify=crc32c --randseed=5 --verify_only
start
ok "so has the volume after a restart" \
	job --rw=randwrite --bs=4k --size=128m --number_ios=4096 --iodepth=32 --verify=crc32c --randseed=5 --verify_only
finish
