#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# logcachectl with a volume in a store: create, status, snapshots, rollback, clone.

. "$(dirname "$0")/lib-s3.sh"

ctl() { "$CTL" "$@" >/tmp/lc-out 2>/tmp/lc-said </dev/null || { sed 's/^/# /' /tmp/lc-said; return 1; }; }
# refused TEXT ARG...: fails, and says TEXT
refused() {
	! "$CTL" "${@:2}" >/tmp/lc-out 2>/tmp/lc-said </dev/null && grep -qF -- "$1" /tmp/lc-said ||
		{ sed 's/^/# said: /' /tmp/lc-said; return 1; }
}
# Only a flush gets anything to the bucket.
make() { ctl create $VOL --cache "$SSD" --noudevsync --option writeback_age_ms=3600000 && D=$(lc_dm_path $VOL); }
objects() { find $BUCKET/$UUID/data -type f 2>/dev/null | wc -l; }

# pretend ANSWER: to be a logcached that answers everything with this line
pretend() {
	python3 -c '
import os, socket, sys
path, answer = sys.argv[1:]
if os.path.exists(path):
    os.unlink(path)
server = socket.socket(socket.AF_UNIX)
server.bind(path)
server.listen(8)
while True:
    peer = server.accept()[0]
    if peer.recv(65536):
        peer.sendall(answer.encode() + b"\n")
    peer.close()
' $LOGCACHE_RUN_DIR/logcached.sock "$1" &
	PRETENDER=$!
	within test -S $LOGCACHE_RUN_DIR/logcached.sock
}

begin 43
s3_devices 64 96
old=$(cache_uuid)
ok "create takes the origin from the cache" make
ok "and warns when no logcached runs" grep -q "no logcached runs" /tmp/lc-said
ok "status says so" grep -q "why  *no logcached runs" <("$CTL" status $VOL)
d_start
is "status has what logcached says" "$("$CTL" status $VOL --json | jq -r .store.state)" active
ok "and shows it" grep -q "uploading_bytes  *0" <("$CTL" status $VOL)
ok "metrics" ctl metrics
ok "are text for Prometheus" grep -q '^# TYPE ' /tmp/lc-out

put A 0 8
is "what was just written is not in the bucket" "$(objects)" 0
ok "a snapshot" ctl snapshot $VOL first
num "uploads it first" "$(status dirty_sectors)" -eq 0
put B 0 8
put B 4096 64
ok "another one as the bucket is" ctl snapshot $VOL second --no-flush
num "uploads nothing" "$(status dirty_sectors)" -eq 72
ok "not twice" refused "has a snapshot 'first' already" snapshot $VOL first
is "they are listed" "$("$CTL" snapshots $VOL --json | jq -c '[.snapshots[].name]')" '["first","second"]'
ok "one is deleted" ctl snapshot-delete "$UUID" second

exec {in_use}<"$D"
ok "no rollback while it is in use" refused "is in use" rollback $VOL first --yes
exec {in_use}<&-
ok "nor to what is not there" refused "has no snapshot 'second'" rollback $VOL second --yes
ok "nor without being asked" refused "nobody to ask" rollback $VOL first
ok "nor offline" refused "$VOL runs; --offline is for" rollback $VOL first --yes --offline
line=$(lc_dmsetup table $VOL)
ok "it has changed nothing" holds B 0 8
ok "a rollback" ctl rollback $VOL first --yes
ok "brings back what was" holds A 0 8
ok "and nothing of later" zeroes 4096 64
is "the table is the same" "$(lc_dmsetup table $VOL)" "$line"
put C 8192 64
ok "writes go on to the bucket" ctl flush $VOL
ok "logcached has it" d_is state active

# One that cannot do it: everything is as before, but for an empty cache.
d_end TERM
pretend '{"error": "as told", "errno": 5}'
ok "a rollback that fails in the middle" refused "it runs, with an empty cache" \
	rollback $VOL first --yes
kill $PRETENDER
is "leaves the table as it was" "$(lc_dmsetup table $VOL)" "$line"
d_start
ok "and loses nothing" holds C 8192 64
num "of which nothing is cached" "$(d_get got_bytes)" -gt 0

make_device clone 64
clone=$(lc_dm_path lct-clone)
ok "a clone of the snapshot" ctl clone $VOL --snapshot first --cache "$clone" --yes
ok "has a device" ctl create ${VOL}9 --cache "$clone" --noudevsync
ok "has what was" holds A 0 8 "$(lc_dm_path ${VOL}9)"
ok "and nothing of later" zeroes 8192 64 "$(lc_dm_path ${VOL}9)"
put D 0 8 "$(lc_dm_path ${VOL}9)"
ok "is written" ctl flush ${VOL}9
ok "and does not change the first one" holds A 0 8
ok "nor is it gone" refused "is there; delete it first" clone-gone $VOL \
	"$("$CTL" snapshots $VOL --json | jq -r '.clones[0].uuid')"
ctl remove ${VOL}9 --noudevsync
ctl remove $VOL --flush --noudevsync
new=$(cache_uuid)
ok "the cache is another one" fails [ "$new" = "$old" ]
ok "and written down" grep -qx "cache = $new" "$LOGCACHE_CONF_DIR/$UUID.conf"
ok "the bucket has no damage" ctl verify-bucket --volume "$UUID"

# The store does not answer: logcached ends all the same, and so does what waits for it.
retries() { [ "$(d_get retries)" -gt "$before" ]; }
before=$(d_get retries)
mv $BUCKET/$UUID/manifest /tmp/lc-manifest
ln -s manifest $BUCKET/$UUID/manifest	# cannot be opened
d_ask "{\"cmd\":\"rollback\",\"volume\":\"$UUID\",\"name\":\"first\",\"cache\":\"$UUID\"}" >/tmp/lc-rolled &
asked=$!
ok "a rollback without a store waits" within retries
kill -TERM "$DAEMON"
outcome "$DAEMON"
is "logcached ends before it" "$OUTCOME" ok
ok "and says so" d_said "before the rollback"
wait $asked
finish
