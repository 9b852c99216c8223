#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Limits that the volumes of a bucket have together, and each on its own: they bite when
# they are set, for all of them, and no longer than they are set.

. "$(dirname "$0")/lib-s3.sh"
OTHER=0e0c6b1c-5a3f-4ce2-9c5c-2f1d5d0b8f11
BUCKET_NAME=file:$BUCKET

ctl() { "$CTL" "$@" >/tmp/lc-out 2>/tmp/lc-said </dev/null || { sed 's/^/# /' /tmp/lc-said; return 1; }; }
refused() {
	! "$CTL" "${@:2}" >/tmp/lc-out 2>/tmp/lc-said </dev/null && grep -qF -- "$1" /tmp/lc-said ||
		{ sed 's/^/# said: /' /tmp/lc-said; return 1; }
}
# limit_of OF KEY: what is in force; OF: a bucket, or the name of a device
limit_of() {
	"$CTL" limits --json | jq -r --arg of "$1" --arg key "$2" \
		'(.buckets + .volumes)[] | select(.name == $of) | .limits[$key]'
}
bucket_json() { "$CTL" status $VOL --json | jq -r ".store.bucket.$1"; }
dirty() { VOL=$1 status dirty_sectors; }
# All that was asked to go has been stopped by the limit: so often now.
throttled() { "$CTL" status "$1" --json | jq .store.throttled_up; }
waits_beyond() { [ "$(throttled "$1")" -gt "$2" ]; }

begin 29
s3_devices 48 64
make_device other 48 || exit
quiet "$CTL" format --cache "$(lc_dm_path lct-other)" --origin file:$BUCKET --size 64M \
	--uuid $OTHER --yes
start writeback_age_ms 3600000
quiet lc_dmsetup create lct2 --table "0 $SECTORS logcache $(lc_dm_path lct-other) helper:$OTHER 2 writeback_age_ms 3600000"
D2=$(lc_dm_path lct2)
cat >$D_CONF <<END
[bucket $BUCKET_NAME]
upload_bytes = 1000000000
END
d_start
ok "both volumes are attached" within d_is state active $OTHER
is "they are in one bucket" "$(bucket_json volumes)" 2
is "whose limit is the file's" "$(limit_of "$BUCKET_NAME" upload_bytes)" 1000000000
is "status has it" "$(bucket_json limits.upload_bytes)" 1000000000
ok "and shows it" grep -q "bucket_limits_upload_bytes  *1000000000" <("$CTL" status $VOL)
put A 0 64
ok "under which all is uploaded" flush

# A byte a second: the first object is let through, and then it owes for hours.
ok "it is changed" ctl limit "$BUCKET_NAME" upload_bytes 1
is "at once" "$(limit_of "$BUCKET_NAME" upload_bytes)" 1
put B 64 64
ok "one more object" flush
put C 128 64
put D 0 64 "$D2"
before=$(throttled $VOL) before2=$(throttled lct2)
quiet lc_dmsetup message $VOL 0 flush
quiet lc_dmsetup message lct2 0 flush
ok "then the one has to wait" within waits_beyond $VOL "$before"
ok "and the other as well" within waits_beyond lct2 "$before2"
num "which is counted" "$(bucket_json throttled_up)" -ge 2
num "nothing is uploaded" "$(dirty $VOL)" -eq 64
num "of either" "$(dirty lct2)" -eq 64
ok "reads do not wait" zeroes 4096 8
ok "metrics have it" grep -qF "logcache_bucket_limit{bucket=\"$BUCKET_NAME\",limit=\"upload_bytes\"} 1" \
	<("$CTL" metrics)
ok "without a limit" ctl limit "$BUCKET_NAME" upload_bytes 0
ok "it goes on" flush
VOL=lct2
ok "for both" flush
VOL=lct

# Of one volume.
ok "a volume has limits of its own" ctl limit lct2 upload_bytes 2K
is "which are counted in bytes" "$(limit_of lct2 upload_bytes)" 2048
is "and are not the other one's" "$(limit_of $VOL upload_bytes)" 0
ok "a list shows both" [ "$("$CTL" limits | grep -c '^volume\|^bucket')" -eq 3 ]

ok "no bucket that nobody uses" refused "no volume here is in bucket" limit h/none upload_bytes 1
ok "no limit that is none" refused "no limit 'colour'" limit "$BUCKET_NAME" colour 1
ok "no number that is none" refused "is no number" limit "$BUCKET_NAME" upload_bytes much
echo "download_bytes = 7000000" >>$D_CONF
kill -HUP "$DAEMON"
ok "the file is read again" within eval '[ "$(limit_of "$BUCKET_NAME" download_bytes)" = 7000000 ]'
is "what was set stays" "$(limit_of "$BUCKET_NAME" upload_bytes) $(limit_of lct2 upload_bytes)" "0 2048"
sed -i 's/1000000000/500000000/' $D_CONF
kill -HUP "$DAEMON"
ok "until the file says otherwise" within eval '[ "$(limit_of "$BUCKET_NAME" upload_bytes)" = 500000000 ]'
lc_dmsetup remove lct2
d_end TERM
finish
