#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The volume has sectors of 512 bytes: file systems that use them work.

. "$(dirname "$0")/lib.sh"
begin 11
devices 64 320
put A 0 16 "$ORIGIN_RAW"
start writeback_age_ms 3600000

is "the sector size is the origin's" "$(blockdev --getss "$D")" 512
put B 3 1
ok "one sector changes" holds B 3 1
ok "the one before does not" cmp <(get 0 3) <(stamp A 16 | head -c 1536)
ok "nor the ones behind" cmp <(get 4 12) <(stamp A 16 | tail -c +2049)
num "only that one is dirty" "$(status dirty_sectors)" -eq 1
put C 7 2
ok "two sectors in two blocks" holds C 7 2
flush
writes=$(status wb_writes)
num "sectors that are not neighbours go to the origin one by one" "$writes" -eq 2
ok "and only they" cmp <(get 4 3 "$ORIGIN_RAW") <(stamp A 16 | head -c 3584 | tail -c +2049)
ok "two sectors are there" holds C 7 2 "$ORIGIN_RAW"

mkdir -p /tmp/lc-mnt
# try_fs TYPE OPTION...: made with those options, it keeps files
try_fs() {
	quiet "mkfs.$1" "${@:2}" "$D" && mount -t "$1" "$D" /tmp/lc-mnt || return
	cp -r scripts /tmp/lc-mnt/ && sync -f /tmp/lc-mnt && quiet diff -r scripts /tmp/lc-mnt/scripts
	local rc=$?
	umount /tmp/lc-mnt && return $rc
}
ok "xfs with sectors of 512 bytes" try_fs xfs -f -s size=512
ok "ext4 with blocks of 1024 bytes" try_fs ext4 -q -F -b 1024
finish
