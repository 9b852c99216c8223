#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A volume whose origin is a helper: what is written reaches it in the order of the
# log, what is not cached comes from it, and it alone is enough to have the volume.

. "$(dirname "$0")/lib-helper.sh"
begin 27

helper_devices 96 128
start writeback_age_ms 200
is "nobody owns it at first" "$(status state)" no-helper
is "the table says which volume it is" "$(lc_dmsetup table $VOL | cut -d' ' -f5)" "helper:$UUID"
helper_start
is "a helper owns it" "$(status state)" ok

put A 0 8
put B 4096 2048
put C 10001 3
ok "a flush ends when the helper has all" flush
ok "a block" image_holds A 0 8
ok "a long extent" image_holds B 4096 2048
ok "sectors" image_holds C 10001 3
put D 5000 16
discard 4096 512
zero 0 8
flush
ok "newer wins" image_holds D 5000 16
ok "a discard" image_zeroes 4096 512
ok "zeroes" image_zeroes 0 8
is "units follow each other without a gap" "$(helper_count gap)" 0

ok "the cache forgets" empty writeback_age_ms 200
ok "the helper owns it again" wait_status helper_port -gt 0
before=$(status fetches)
ok "a miss is fetched" holds D 5000 16
num "once" "$(status fetches)" -eq $((before + 1))
ok "then it is a hit" holds D 5000 16
num "and not fetched" "$(status fetches)" -eq $((before + 1))
ok "what was never written is zeroes" zeroes 200000 64
msg set read_cache off
cached=$(status cached_sectors)
ok "without a read cache it is fetched" holds B 5632 256 "" 1536
is "and not kept" "$(status cached_sectors)" "$cached"
msg set read_cache on

quiet mkfs.ext4 -q -E nodiscard "$D"
ok "a load, verified" job --rw=randwrite --bsrange=512-128k --offset=64m \
	--size=60m --iodepth=16 --verify=crc32c --verify_backlog=256 --randseed=7
ok "all of it reaches the helper" flush
ok "which has the volume then" image_same
ok "reads of all of it" quiet dd if="$D" of=/dev/null bs=1M iflag=direct

# Another SSD: everything has to come from the helper.
stop
helper_end TERM
format_helper --force
start writeback_age_ms 200
helper_start
ok "with a new cache the helper has all of it" image_same
ok "the filesystem too" quiet e2fsck -fn "$D"
num "without a wrong answer" "$(status fetch_retries)" -eq 0
helper_end TERM
finish
