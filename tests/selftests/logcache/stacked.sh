#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The origin can be another device-mapper device: dm-linear of two disks, a
# mirror, or a volume with a cache of its own.

. "$(dirname "$0")/lib.sh"
begin 15

# work NAME: verified I/O on the volume; then the origin is the volume
work() {
	ok "$1: random writes" job --rw=randwrite --bsrange=512-64k --blockalign=512 --size=16m \
		--io_size=8m --iodepth=16 --verify=crc32c --randseed=3
	put A 0 64
	discard 64 64
	stop
	start writeback_age_ms 3600000
	ok "$1: a restart" holds A 0 64
	ok "$1: flushed" flush
	ok "$1: the origin is the volume" same "$D" "$ORIGIN"
}

ssd 64
make_device a 64 && make_device b 64
n=$(lc_sectors /dev/lca)
quiet lc_dmsetup create lct-origin --table "0 $n linear $(lc_dm_path lct-a) 0
$n $n linear $(lc_dm_path lct-b) 0"
ORIGIN=$(lc_dm_path lct-origin)
format
start writeback_age_ms 3600000
work "two disks"
put B $((n - 32)) 64
ok "two disks: a write across their border" holds B $((n - 32)) 64
stop
lc_dmsetup remove lct-origin

if modprobe -q dm-mirror; then
	quiet lc_dmsetup create lct-origin --table \
		"0 $n mirror core 2 1024 nosync 2 $(lc_dm_path lct-a) 0 $(lc_dm_path lct-b) 0"
	ORIGIN=$(lc_dm_path lct-origin)
	format --force
	start writeback_age_ms 3600000
	work "mirror"
	stop
	lc_dmsetup remove lct-origin
else
	for i in 1 2 3 4; do ktap_test_skip "mirror: $i, no dm-mirror"; done
fi

# The lower volume is lct, the upper one lct1.
quiet lc_dmsetup create lct-origin --table "0 $n linear $(lc_dm_path lct-a) 0"
ORIGIN=$(lc_dm_path lct-origin)
format --force
start writeback_age_ms 50
lower_ssd=$SSD lower_origin=$ORIGIN
make_device upper 64
SSD=$(lc_dm_path lct-upper) ORIGIN=$D VOL=lct1
format
start writeback_age_ms 3600000
work "a cache of a cache"
put C 128 64
keep_busy --rw=randwrite --bs=4k --offset=16m --size=2m --iodepth=8 --verify=crc32c
both() {
	local vol
	for vol in lct lct1 lct lct1; do
		lc_dmsetup suspend $vol && lc_dmsetup resume $vol && goes_on || return
	done
}
ok "a cache of a cache: either is suspended under I/O" both
ok "a cache of a cache: which does not notice" rest
flush
stop
SSD=$lower_ssd ORIGIN=$lower_origin VOL=lct
D=$(lc_dm_path $VOL)
flush
stop
finish
