#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# logcachectl when the SSD is lost, when logcached does not run, and when the bucket is
# damaged.

. "$(dirname "$0")/lib-s3.sh"

ctl() { "$CTL" "$@" >/tmp/lc-out 2>/tmp/lc-said </dev/null || { sed 's/^/# /' /tmp/lc-said; return 1; }; }
# refused TEXT ARG...: fails, and says TEXT
refused() {
	! "$CTL" "${@:2}" >/tmp/lc-out 2>/tmp/lc-said </dev/null && grep -qF -- "$1" /tmp/lc-said ||
		{ sed 's/^/# said: /' /tmp/lc-said; return 1; }
}
make() { ctl create $VOL --cache "$1" --noudevsync --option writeback_age_ms=3600000 && D=$(lc_dm_path $VOL); }

begin 22
s3_devices 64 96
make_device new 64
new=$(lc_dm_path lct-new)
make "$SSD"
d_start
put A 0 8
ctl flush $VOL
put B 4096 8
ok "no other cache while it runs" refused "runs as $VOL" recover --cache "$new" --volume "$UUID" --yes
ctl remove $VOL --noudevsync
ok "not over what was not uploaded" refused "data that is not on its origin" \
	recover --cache "$SSD" --volume "$UUID" --yes
ok "another SSD" ctl recover --cache "$new" --volume "$UUID" --yes
ok "says what is lost" grep -q "has not uploaded will be lost" /tmp/lc-out
ok "starts" make "$new"
ok "has what was uploaded" holds A 0 8
ok "not what was not" zeroes 4096 8
put C 8192 8
ok "goes on" ctl flush $VOL
ctl remove $VOL --noudevsync

# The old one comes back: it would lay an old log over a newer volume.
make "$SSD"
ok "create warns of the old SSD" grep -q "was given another cache" /tmp/lc-said
ok "logcached does not take it" within d_is state stale
ok "status says why" grep -q "^  why .* was replaced" <("$CTL" status $VOL)
lc_dmsetup remove $VOL
d_end TERM

ok "no snapshot without logcached" refused "no logcached runs" snapshot "$UUID" one
ok "offline there is" ctl snapshot "$UUID" one --offline
ok "a rollback too" ctl rollback "$UUID" one --offline --cache "$SSD" --yes --force
make "$SSD"
d_start
ok "and then logcached takes that cache" holds A 0 8
ok "with all of the snapshot" holds C 8192 8
ok "offline only what does not run" refused "runs; --offline is for" snapshot $VOL two --offline
ctl remove $VOL --noudevsync
d_end TERM

ok "the bucket has no damage" ctl verify-bucket --volume "$UUID" --json
num "its objects are counted" "$(jq .kinds.live /tmp/lc-out)" -ge 2
object=$(find $BUCKET/$UUID/data -type f -size +5k | sort | head -n 1)
printf x | dd of="$object" bs=1 seek=5000 conv=notrunc status=none
"$CTL" verify-bucket --volume "$UUID" >/tmp/lc-out
is "status 1: one is damaged" $? 1
ok "and named" grep -q "damaged: ${object#"$BUCKET"/}" /tmp/lc-out
"$CTL" verify-bucket --volume "$UUID" --origin file:/nowhere 2>/dev/null
is "status 2: it cannot be checked" $? 2
finish
