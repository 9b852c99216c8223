#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The volume as swap, for memory that is twice what there may be: every page comes
# back as it was, and nothing gets stuck.

. "$(dirname "$0")/lib.sh"
begin 10
devices 64 256
start writeback_age_ms 100

CG=/tmp/lc-cgroup MEM=/tmp/lc-mem
mkdir -p $CG $MEM
mount -t cgroup2 none $CG 2>/dev/null || skip "needs cgroup2"
grep -q memory $CG/cgroup.controllers || { umount $CG; skip "needs the memory controller"; }
echo +memory >$CG/cgroup.subtree_control
mkdir $CG/lct
echo 12M >$CG/lct/memory.max
mount -t tmpfs none $MEM

# 24 MiB, every line different. Whoever writes it to the tmpfs pays for the memory.
seq -f '%060.0f' 412000 >/tmp/lc-pages
inside() { (echo $BASHPID >$CG/lct/cgroup.procs && exec "$@"); }

ok "it is made a swap device" quiet mkswap "$D"
ok "and used as one" swapon "$D"
writes=$(status write_sectors) reads=$(status reads)
# The kernel kills whoever is in a group all of whose memory is being written, so less
# may be: device-mapper lets no more bios in, of 128 KiB each at the most.
limit=/sys/module/dm_mod/parameters/swap_bios
bios=$(cat $limit)
echo 16 >$limit
hold ssd
inside cp /tmp/lc-pages $MEM/a &
writer=$!
in_flight() { awk '/^file_writeback/ { print $2 / 4096 }' $CG/lct/memory.stat; }
waits() {
	local pid
	for pid in $(cat $CG/lct/cgroup.procs); do
		[ "$(in_flight)" -ge 16 ] && grep -q '^State:.*D' /proc/$pid/status && return
	done
	return 1
}
ok "whoever needs memory waits for the SSD" within waits
num "to which not all of it is on its way" "$(in_flight)" -lt 768
release ssd
outcome $writer
is "more memory is used than there may be" "$OUTCOME" ok
num "half of it at least is on the volume" $(($(status write_sectors) - writes)) -ge $((12 * 2048))
inside cmp /tmp/lc-pages $MEM/a &
outcome $!
is "it comes back as it was" "$OUTCOME" ok
num "from the volume" "$(status reads)" -gt "$reads"
umount $MEM
rmdir $CG/lct
umount $CG
echo "$bios" >$limit
ok "it is not used any more" swapoff "$D"
ok "all becomes clean" flush
finish
