#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The volume as the swap space of a machine that has far less memory than is used: the
# cache works with what memory there is, every page comes back as it was, nothing hangs.
#
# Not one of the other scripts: it needs a machine of its own, with little memory and
# the devices outside of it. scripts/test pressure starts it:
#
#   tests/vm/run --mem 256 --drive SSD --drive ORIGIN ... -- tests/selftests/pressure.sh

. "$(dirname "$0")/logcache/lib.sh"
begin 7
SSD=/dev/vda
[ -b $SSD ] || SSD=/dev/ubda
ORIGIN=${SSD%a}b
format --force
start writeback_age_ms 100
MEM=/tmp/lc-mem
mkdir -p $MEM
mount -t tmpfs -o size=1g none $MEM

total=$(awk '/^MemTotal/ { print int($2 / 1024) }' /proc/meminfo)
# Four writers have twice the memory together, as numbers of eight digits and a newline.
lines=$((total * 1048576 * 2 / 4 / 9))
text() { seq $((10000000 + $1 * lines)) $((10000000 + ($1 + 1) * lines - 1)); }
all() {
	local i pids=() rc=0
	for i in 0 1 2 3; do
		"$@" "$i" &
		pids+=($!)
	done
	for i in "${pids[@]}"; do wait "$i" || rc=1; done
	return $rc
}
fill() { text "$1" >"$MEM/$1"; }
right() { text "$1" | cmp - "$MEM/$1"; }
used() { awk '/^SwapTotal/ { t = $2 } /^SwapFree/ { f = $2 } END { print int((t - f) / 1024) }' /proc/meminfo; }

ok "it is made a swap device" quiet mkswap "$D"
ok "and used as one" swapon "$D"
ok "twice the memory there is can be used" all fill
num "more than half of it is on the volume" "$(used)" -ge "$total"
ok "all of it comes back as it was" all right
echo "# memory $total MiB, swapped $(used) MiB, evicted $(status evicted_segments) segments," \
	"written back $(($(status wb_sectors) / 2048)) MiB"
umount $MEM
ok "it is not used any more" swapoff "$D"
ok "all becomes clean" flush
finish
