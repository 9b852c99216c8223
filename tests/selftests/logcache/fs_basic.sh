#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A file system on the volume keeps its files: through a remount, a restart, a
# power cut, and without the cache.

. "$(dirname "$0")/lib.sh"
begin 15
devices 64 256
MNT=/tmp/lc-mnt
mkdir -p $MNT
start writeback_age_ms 500

tree=$LC_TOP/tests/selftests
up() { mount -t ext4 "${1:-$D}" $MNT; }
down() { umount $MNT; }
whole() { quiet diff -r "$tree" "$MNT/$1"; }
checked() { quiet e2fsck -fn "${1:-$D}"; }

ok "ext4 is made" quiet mkfs.ext4 -q -F "$D"
ok "and mounted" up
cp -r "$tree" $MNT/one && cp -r "$tree" $MNT/two && rm -r $MNT/one && cp -r "$tree" $MNT/three
ok "a tree is there" whole two
ok "unmounted" down
ok "it is sound" checked
up
ok "mounted again the tree is there" whole two
fstrim $MNT
ok "after a trim as well" whole three
down
stop
start writeback_age_ms 3600000
up
ok "after a restart it is there" whole two
cp -r "$tree" $MNT/four
sync -f $MNT
cp -r "$tree" $MNT/five
snapshot
down
use_snapshot
start writeback_age_ms 3600000
ok "after a power cut the journal is replayed" up
ok "and what was synced is there" whole four
ok "with what was before" whole two
down
ok "it is sound" checked
flush
stop
ok "the origin alone is sound" checked "$ORIGIN"
up "$ORIGIN"
ok "it has the tree" whole two
ok "and what was synced last" whole four
down
finish
