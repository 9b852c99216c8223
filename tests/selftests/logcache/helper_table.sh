#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Tables of a volume whose origin is a helper: what is refused, and why; a cache and a
# volume that belong together stay together.

. "$(dirname "$0")/lib-helper.sh"
begin 17

OTHER=6ba7b811-9dad-41d1-80b4-00c04fd430c8
helper_devices 64 128

# refused TEXT [OPTION VALUE]...: and the log says why
refused() {
	local text=$1
	shift
	forget_log
	fails try_start "$@" >/dev/null && logged "$text"
}

for mode in writethrough writearound passthrough; do
	ok "no $mode" refused "by way of the log only" mode $mode
done
ok "no write cache that is off" refused "by way of the log only" write_cache off
ORIGIN=helper:$OTHER
ok "another volume's cache" refused "belongs to helper:$UUID"
ORIGIN=helper:nonsense
ok "no uuid" refused "helper:<uuid of the volume>"
ORIGIN=helper:$UUID
SECTORS=$((SECTORS - 4))
ok "no multiple of 4 KiB" refused "multiple of 4 KiB"
SECTORS=$((SECTORS - 4))
ok "smaller than it was" refused "was formatted for a volume of"
SECTORS=$((SECTORS + 8))
make_device origin 128
ORIGIN=$(lc_dm_path lct-origin)
ok "a device instead of the helper" refused "belongs to the volume helper:$UUID"
ORIGIN=helper:$(echo $UUID | tr a-f A-F)
ok "large letters are the same uuid" try_start object_mb 8 read_cache off
D=$(lc_dm_path $VOL) ORIGIN=helper:$UUID
line=$(lc_dmsetup table $VOL)
is "and are printed small" "$(echo "$line" | cut -d' ' -f5-)" "helper:$UUID 4 read_cache off object_mb 8"
ok "what is printed can be loaded" eval 'echo "$line" | lc_dmsetup load $VOL && lc_dmsetup suspend $VOL && lc_dmsetup resume $VOL'
is "and is printed the same" "$(lc_dmsetup table $VOL)" "$line"
no "a message for another mode is refused" msg mode writethrough
ok "with the reason" logged "by way of the log only"

make_device ssd2 64
quiet "$CTL" format --cache "$(lc_dm_path lct-ssd2)" --origin helper:$UUID --size $SIZE --yes
no "a second cache for the same volume is refused" quiet lc_dmsetup create lct2 \
	--table "0 $SECTORS logcache $(lc_dm_path lct-ssd2) helper:$UUID 0"
lc_dmsetup remove lct2 2>/dev/null
ok "with the reason" logged "is in use by volume"
finish
