#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What is not the cache it should be, or is damaged, is refused with a message that
# says what is wrong, and left as it is; or it is recovered, and that is said.

. "$(dirname "$0")/lib.sh"
begin 46
ssd 24 && origin 40 && format --segment-size 1M || exit
start writeback_age_ms 3600000

# Clean and dirty segments, and a log that was not stopped: T0 to T3 in a record each.
clean() { job --rw=write --bs=128k --size=2m --verify=crc32c "$@"; }
dirty() { job --rw=write --bs=128k --offset=8m --size=3m --verify=crc32c "$@"; }
clean --do_verify=0 && flush
dirty --do_verify=0
for i in 0 1 2 3; do
	put "T$i" $((65536 + i * 8)) 8
	tail[i]=$(msg query $((65536 + i * 8)) | sed -n 's/.* cache_sector \([0-9]*\) .*/\1/p')
done
crash
dd if="$SSD" of=/tmp/lc-image bs=1M iflag=direct status=none
dd if="$ORIGIN" of=/tmp/lc-origin bs=1M iflag=direct conv=sparse status=none

undamaged() {
	dd if=/tmp/lc-image of="$SSD" bs=1M oflag=direct conv=notrunc status=none
	dd if=/tmp/lc-origin of="$ORIGIN" bs=1M oflag=direct conv=notrunc status=none
}
in_ssd() { dd if="$SSD" bs=1M iflag=direct status=none | cksum; }
# refused WHAT TEXT [OPTION...]: and WHAT is why
refused() {
	local before
	before=$(in_ssd)
	forget_log
	no "$1: refused" try_start "${@:3}"
	ok "$1: '$2'" logged "$2"
	[ -z "$(names "^$VOL\$")" ] || lc_dmsetup remove $VOL
	is "$1: nothing changed" "$(in_ssd)" "$before"
}
# recovered WHAT [TEXT]
recovered() {
	forget_log
	ok "$1: recovered" try_start writeback_age_ms 3600000
	D=$(lc_dm_path $VOL)
	[ -z "${2:-}" ] || ok "$1: '$2'" logged "$2"
}
all_there() {
	local i
	clean --verify_only && dirty --verify_only || return
	for i in 0 1 2 3; do holds "T$i" $((65536 + i * 8)) 8 || return; done
}

block=4096
ckpt=$(number "$SSD" 64 4) ckpt_blocks=$(number "$SSD" 68 4)
slot=$(number "$SSD" 72 4) slot_blocks=$(number "$SSD" 76 4)
ckpt_seq() { number "$SSD" $(((ckpt + $1 * ckpt_blocks) * block + 32)) 8; }
newest=$(($(ckpt_seq 1) > $(ckpt_seq 0)))
newest_at=$(((ckpt + newest * ckpt_blocks) * block))
clean_lsn=$(number "$SSD" $((newest_at + 48)) 8)
# Summaries of log segments: one all of which is clean; the first all of which is dirty,
# and the last.
for ((i = 0; i < $(number "$SSD" 60 4); i++)); do
	at=$(((slot + i * slot_blocks) * block))
	[ "$(number "$SSD" $at 8)" -ne 0 ] || continue
	[ "$(number "$SSD" $((at + 48)) 8)" -gt "$clean_lsn" ] || clean_slot=$at
	[ "$(number "$SSD" $((at + 40)) 8)" -ge "$clean_lsn" ] || continue
	dirty_slot=${dirty_slot:-$at} last_slot=$at
done

flip "$SSD" 100
recovered "one bad superblock" "copy 0 of the superblock"
ok "one bad superblock: all is there" all_there
lc_dmsetup remove $VOL

undamaged
flip "$SSD" 100 && flip "$SSD" $((block + 100))
refused "two bad superblocks" "is no usable logcache device"

undamaged
flip "$SSD" $((newest_at + 60))
recovered "one bad checkpoint" "checkpoint"
ok "one bad checkpoint: all is there" all_there
lc_dmsetup remove $VOL

undamaged
for i in 0 1; do flip "$SSD" $(((ckpt + i * ckpt_blocks) * block + 60)); done
refused "two bad checkpoints" "has no valid checkpoint"

undamaged
flip "$SSD" $((newest_at + block + 100))
refused "a bad bitmap" "bitmap block"

undamaged
flip "$SSD" $((clean_slot + 100))
recovered "a bad summary of clean data" "summary of segment"
ok "a bad summary of clean data: all is there, from the origin" all_there
lc_dmsetup remove $VOL

undamaged
flip "$SSD" $((dirty_slot + 100))
refused "a bad summary of dirty data" "are missing on"

undamaged
flip "$SSD" $((last_slot + 100))
recovered "a bad summary of the newest data"
ok "a bad summary of the newest data: all is there, from the log" all_there
lc_dmsetup remove $VOL

# The header is the block before the data; byte 90 is in its first entry.
undamaged
flip "$SSD" $((tail[1] * 512 + 100))
recovered "bad data in the log" "fail their checksum"
msg set verify_reads on
no "bad data in the log: it is not shown" get 65544 8 2>/dev/null
ok "bad data in the log: what was before it is there" holds T0 65536 8
ok "bad data in the log: and what was behind" holds T3 65560 8
lc_dmsetup remove $VOL

undamaged
flip "$SSD" $((tail[1] * 512 - block + 90))
refused "a bad header in the log" "acknowledged"

undamaged
make_device small 20
dd if=/tmp/lc-image of="$(lc_dm_path lct-small)" bs=1M count=20 oflag=direct status=none
whole=$SSD
SSD=$(lc_dm_path lct-small)
refused "part of a cache" "was formatted with 49152"
SSD=$whole

make_device other 32
other=$(lc_dm_path lct-other)
SECTORS=65536 ORIGIN=$other refused "an origin that is smaller" "was formatted for a volume of 81920"

# Metadata of another cache does not count here.
make_device ssdx 24
quiet "$CTL" format --cache "$(lc_dm_path lct-ssdx)" --origin "$ORIGIN" --segment-size 1M --yes
undamaged
dd if="$(lc_dm_path lct-ssdx)" of="$SSD" bs=$block skip="$ckpt" seek="$ckpt" count=$((2 * ckpt_blocks)) \
	iflag=direct oflag=direct conv=notrunc status=none
refused "checkpoints of another cache" "has no valid checkpoint"

head -c $((2 * block)) /dev/zero | dd of="$SSD" bs=$block oflag=direct conv=notrunc iflag=fullblock status=none
quiet mkfs.ext4 -q -F "$SSD"
refused "a file system" "is no usable logcache device"
before=$(in_ssd)
no "a file system: is not formatted over" "$CTL" format --cache "$SSD" --origin "$ORIGIN" --segment-size 1M --yes 2>/tmp/lc-said
said() { grep -q "$1" /tmp/lc-said || { sed 's/^/# /' /tmp/lc-said; return 1; }; }
ok "a file system: which is said" said 'holds something'
is "a file system: nothing changed" "$(in_ssd)" "$before"
finish
