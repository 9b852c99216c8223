#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A volume in a store grows while it is used: the bucket first, then the device. What is
# left half done is finished by the same command.

. "$(dirname "$0")/lib-s3.sh"

ctl() { "$CTL" "$@" >/tmp/lc-out 2>/tmp/lc-said </dev/null || { sed 's/^/# /' /tmp/lc-said; return 1; }; }
refused() {
	! "$CTL" "${@:2}" >/tmp/lc-out 2>/tmp/lc-said </dev/null && grep -qF -- "$1" /tmp/lc-said ||
		{ sed 's/^/# said: /' /tmp/lc-said; return 1; }
}
# shellcheck disable=SC2120 # ok passes arguments
make() { ctl create $VOL --cache "$SSD" --noudevsync --option writeback_age_ms=100 "$@" && D=$(lc_dm_path $VOL); }
tables() { lc_dmsetup info -c --noheadings -o tables_loaded $VOL; }
in_bucket() { "$CTL" volumes --origin file:$BUCKET --json | jq ".[0].sectors"; }

begin 49
s3_devices 64 96
small=$((96 << 11)) large=$((160 << 11)) huge=$((256 << 11))
make
ok "without logcached nothing grows" refused "no logcached runs" grow $VOL 160M
is "and the device is as it was" "$(lc_sectors "$D")" $small
is "without a table that waits" "$(tables)" Live
d_start
put A 0 64
put B $((small - 64)) 64
ok "a snapshot of the small volume" ctl snapshot $VOL small

ok "not smaller" refused "cannot be made smaller" grow $VOL 64M
ok "not by a sector" refused "multiple of 4K" grow $VOL 98305K
ok "not larger than can be" refused "" grow $VOL 9000P
is "the volume is as it was" "$(in_bucket)" $small
is "no table waits" "$(tables)" Live

keep_busy --rw=randwrite --bs=4k --offset=32m --size=2m --iodepth=8 --verify=crc32c
ok "it grows" ctl grow $VOL 160M
is "in the bucket" "$(in_bucket)" $large
is "and the device" "$(lc_sectors "$D")" $large
ok "logcached has it again" within d_is state active
ok "I/O goes on" goes_on
ok "none of it fails" rest
ok "what was there is there" holds A 0 64
ok "up to the old end" holds B $((small - 64)) 64
ok "behind it are zeroes" zeroes $small 64
put C $((small - 32)) 64
put D $((large - 64)) 64
ok "what is written there is uploaded" flush
ok "a second time is no harm" ctl grow $VOL 160M
is "and changes nothing" "$(in_bucket)" $large

# It is as large when it comes back, and on an empty SSD.
ctl remove $VOL --noudevsync
ok "it comes back" make
is "as large as it was" "$(lc_sectors "$D")" $large
ok "logcached takes it" within d_is state active
ctl remove $VOL --flush --noudevsync
ok "an empty SSD" ctl recover --cache "$SSD" --volume $UUID --yes --force
ok "gets the volume" make
is "with its size" "$(lc_sectors "$D")" $large
ok "and contents" holds D $((large - 64)) 64
ok "all of them" holds C $((small - 32)) 64

# The power fails between the two steps.
within d_is state active
d_ask "{\"cmd\":\"grow\",\"volume\":\"$UUID\",\"sectors\":$huge}" >/tmp/lc-grown
is "the bucket has grown" "$(in_bucket)" $huge
d_end
stop
ok "the device comes back" make
is "with its old size" "$(lc_sectors "$D")" $large
d_start
ok "which is said" d_said "logcachectl grow makes it as large"
put E 128 64
ok "all works" flush
ok "the same command" ctl grow $VOL 256M
is "finishes it" "$(lc_sectors "$D")" $huge
put F $((huge - 64)) 64
ok "up to the end" flush

ok "a rollback to when it was small" ctl rollback $VOL small --yes
is "keeps the size" "$(lc_sectors "$D") $(in_bucket)" "$huge $huge"
ok "has the contents" holds B $((small - 64)) 64
ok "and nothing behind them" zeroes $small 64
ok "up to the end" zeroes $((huge - 128)) 64

ctl remove $VOL --flush --noudevsync
ok "it is not started larger than it is in the store" \
	refused "make the volume larger first" create $VOL --cache "$SSD" --noudevsync --size 320M
no "and there is no device" lc_dmsetup info $VOL
ok "offline" ctl grow $UUID 320M --offline
ok "it is started larger" make --size 320M
ok "and taken" within d_is state active
ok "but not smaller" refused "cannot be made smaller" grow $VOL 256M
ctl remove $VOL --noudevsync
ok "the bucket has no damage" ctl verify-bucket --volume "$UUID"
d_end TERM
finish
