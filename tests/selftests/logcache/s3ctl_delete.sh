#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A volume is deleted from its store: not while it runs here, and a host that has it all
# the same stops. A clone goes, and then what it shared.

. "$(dirname "$0")/lib-s3.sh"

ctl() { "$CTL" "$@" >/tmp/lc-out 2>/tmp/lc-said </dev/null || { sed 's/^/# /' /tmp/lc-said; return 1; }; }
refused() {
	! "$CTL" "${@:2}" >/tmp/lc-out 2>/tmp/lc-said </dev/null && grep -qF -- "$1" /tmp/lc-said ||
		{ sed 's/^/# said: /' /tmp/lc-said; return 1; }
}
make() { ctl create "$1" --cache "$2" --noudevsync --option writeback_age_ms=100 && D=$(lc_dm_path "$1"); }
objects() { find $BUCKET/"$1" -type f 2>/dev/null | wc -l; }
# A host that does not see the devices of this one.
elsewhere() {
	unshare -m sh -c 'mount -t tmpfs none /dev/mapper && LOGCACHE_CONF_DIR=/tmp/lc-conf2 \
		LOGCACHE_RUN_DIR=/tmp/lc-run2 exec "$@"' sh "$CTL" "$@" >/tmp/lc-out 2>/tmp/lc-said </dev/null
}

begin 27
s3_devices 64 96
make_device clone 64
clone_ssd=$(lc_dm_path lct-clone)
make $VOL "$SSD"
d_start
put A 0 64
flush
ok "not while it runs" refused "runs as $VOL" delete --volume "$UUID" --yes
ok "a clone" ctl clone $VOL --cache "$clone_ssd" --yes
clone=$("$CTL" snapshots $VOL --json | jq -r '.clones[0].uuid')
make ${VOL}9 "$clone_ssd"
put B 64 64 "$D"
ok "is written" ctl flush ${VOL}9
ctl remove ${VOL}9 --flush --noudevsync
ctl remove $VOL --flush --noudevsync
ok "not what a clone needs" refused "needs its objects" delete --volume "$UUID" --yes
num "nothing is deleted" "$(objects "$UUID")" -ge 2
ok "the clone goes" ctl delete --volume "$clone" --yes
ok "its parent has to be told" grep -qF "clone-gone $UUID $clone" /tmp/lc-out
is "with all its objects" "$(objects "$clone")" 0
no "and its file" test -e "$LOGCACHE_CONF_DIR/$clone.conf"
is "logcached keeps one volume" "$(d_ask '{"cmd":"status"}' | jq '.volumes | length')" 1
make $VOL "$SSD"
ok "the parent is as it was" holds A 0 64
within d_is state active
ok "and is told" ctl clone-gone $VOL "$clone"

# Another host deletes it.
no "not without force" elsewhere delete --volume "$UUID" --yes --origin file:$BUCKET
ok "since somebody may have it" grep -qF "another host may be using it" /tmp/lc-said
ok "it is as it was" d_is state active
put C 128 64
ok "and goes on" flush
ok "with force it is deleted" elsewhere delete --volume "$UUID" --yes --force --origin file:$BUCKET
is "with all its objects" "$(objects "$UUID")" 0
d_ask "{\"cmd\":\"check\",\"volume\":\"$UUID\"}" >/tmp/lc-checked
ok "whoever has it stops" within d_is state stale
ok "and says why" d_said "deleted, or the manifest is not readable"
ctl remove $VOL --noudevsync

# Of what was interrupted, and of a volume that nobody has.
ok "it is forgotten" ctl delete --volume "$UUID" --yes
no "there is nothing left" test -e "$LOGCACHE_CONF_DIR/$UUID.conf"
ok "the place is free for a new one" s3_format --force
make $VOL "$SSD"
ok "which starts" within d_is state active
put D 0 64
ok "and is uploaded" flush
ctl remove $VOL --flush --noudevsync
ok "and deleted, by the host that has it" ctl delete --volume "$UUID" --yes
is "for good" "$("$CTL" volumes --origin file:$BUCKET --json)" "[]"
d_end TERM
finish
