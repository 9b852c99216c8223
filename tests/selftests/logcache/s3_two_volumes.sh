#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# One logcached keeps two volumes, and one does not wait for the other: the second is in
# a store that is not there, until it is.

. "$(dirname "$0")/lib-s3.sh"
OTHER=0e0c6b1c-5a3f-4ce2-9c5c-2f1d5d0b8f11
begin 12

s3_devices 48 64
make_device other 48 || exit
mkdir /tmp/lc-bucket2
quiet "$CTL" format --cache "$(lc_dm_path lct-other)" --origin file:/tmp/lc-bucket2 --size 64M --uuid $OTHER --yes
mv /tmp/lc-bucket2 /tmp/lc-away
start writeback_age_ms 100
quiet lc_dmsetup create lct2 --table "0 $SECTORS logcache $(lc_dm_path lct-other) helper:$OTHER 2 writeback_age_ms 100"
D2=$(lc_dm_path lct2)
d_start
ok "the other one waits for its store" within d_is state attaching $OTHER
ok "and says for what" within eval 'd_get why $OTHER | grep -q lc-bucket2'
put A 0 64
put B 0 64 "$D2"
ok "the first one is uploaded" flush
ok "a hit of the other one" holds B 0 64 "$D2"
dd if="$D2" of=/tmp/lc-miss bs=4096 skip=1000 count=1 iflag=direct status=none &
miss=$!
mv /tmp/lc-away /tmp/lc-bucket2
ok "then it attaches" within d_is state active $OTHER
outcome $miss
is "a miss was only late" "$OUTCOME" ok
VOL=lct2
ok "and is uploaded" flush
is "to its own place" "$(ls /tmp/lc-bucket2)" $OTHER
is "as the first one is" "$(ls $BUCKET)" "$UUID"

# One goes, the other one stays.
rm "$LOGCACHE_CONF_DIR/$OTHER.conf"
kill -HUP "$DAEMON"
ok "without its file it is given back" wait_status helper_port -eq 0
VOL=lct
put C 64 64
ok "the first one goes on" flush
is "alone" "$(d_ask '{"cmd":"status"}' | grep -o '"uuid"' | wc -l)" 1
lc_dmsetup remove lct2
rm -r /tmp/lc-bucket2
d_end TERM
finish
