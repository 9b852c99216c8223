#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What the manual page of logcachectl says, and errors that say what to do.

. "$(dirname "$0")/lib.sh"

ctl() { "$CTL" "$@" >/tmp/lc-out 2>/tmp/lc-said; }
# wrong STATUS TEXT ARG...: ends with this status and says TEXT, in one line
wrong() {
	local rc
	ctl "${@:3}"
	rc=$?
	[ $rc -eq "$1" ] && grep -qF -- "$2" /tmp/lc-said && [ "$(wc -l </tmp/lc-said)" -eq 1 ] && return
	echo "# status $rc, said: $(cat /tmp/lc-said)"
	return 1
}

# finds STATUS TEXT: what check says of the SSD
finds() {
	ctl check --cache "$SSD"
	[ $? -eq "$1" ] && grep -qF -- "$2" /tmp/lc-out
}

begin 49
ssd 64 && origin 128
make_device small 8
small=$(lc_dm_path lct-small)

ok "no command" wrong 2 "there is no command 'fromat'" fromat
ok "no option" wrong 2 "unknown option --fast" format --fast
ok "an option is missing" wrong 2 "missing: --origin" format --cache "$SSD" --yes
ok "an argument is missing" wrong 2 "missing argument, wanted: NAME" create --cache "$SSD" --origin "$ORIGIN"
ok "too many arguments" wrong 2 "too many arguments, first: b" flush a b
ok "an option twice" wrong 2 "given twice: --cache" format --cache "$SSD" --cache "$SSD" --origin "$ORIGIN"
ok "help" ctl format --help
ok "help names the options" grep -q -- '--segment-size' /tmp/lc-out

ok "format: nobody to ask" wrong 2 "use --yes" format --cache "$SSD" --origin "$ORIGIN"
ok "format: no such device" wrong 1 /dev/none format --cache /dev/none --origin "$ORIGIN" --yes
ok "format: one device for both" wrong 2 "is both the cache and the origin" \
	format --cache "$SSD" --origin "$SSD" --yes
ok "format: too small" wrong 1 "$small" format --cache "$small" --origin "$ORIGIN" --yes
ok "format: segments of 3 MiB" wrong 2 "--segment-size is 1M, 2M or 4M, not '3M'" \
	format --cache "$SSD" --origin "$ORIGIN" --segment-size 3M --yes
ok "create: not formatted" wrong 1 "is no usable cache" create $VOL --cache "$SSD" --origin "$ORIGIN"
ok "check: not formatted" finds 2 "not a logcache superblock"
ok "format" ctl format --cache "$SSD" --origin "$ORIGIN" --segment-size 1M --origin-id mine --yes
ok "format: not again" wrong 1 "use --force to format it again" format --cache "$SSD" --origin "$ORIGIN" --yes
ok "dump names the origin" grep -q mine <("$CTL" dump --cache "$SSD")

make() { ctl create $VOL --cache "$SSD" --origin "$ORIGIN" --noudevsync "$@" && D=$(lc_dm_path $VOL); }
ok "create: no such option" wrong 2 "there is no option 'mood'" \
	create $VOL --cache "$SSD" --origin "$ORIGIN" --option mood=good
ok "create: a value that is out of range" wrong 2 "log_depth: '9' is not in 1..8" \
	create $VOL --cache "$SSD" --origin "$ORIGIN" --option log_depth=9
ok "create: the origin is too small" wrong 1 "it shrank or is the wrong device" \
	create $VOL --cache "$SSD" --origin "$small"
ok "create" make --option writeback_age_ms=3600000 --option log_depth=4
is "create: with these options" "$(lc_dmsetup table $VOL | cut -d' ' -f6-)" "4 writeback_age_ms 3600000 log_depth 4"
ok "create: not twice" wrong 1 "is in use" create $VOL --cache "$SSD" --origin "$ORIGIN" --noudevsync
ok "format: not while it is used" wrong 1 "$SSD" format --cache "$SSD" --origin "$ORIGIN" --yes --force

put A 0 64
ok "list" ctl list
ok "list: names the volume" grep -q "^$VOL .* writeback .* $SSD .*$ORIGIN\$" /tmp/lc-out
is "list: as JSON" "$("$CTL" list --json | jq -c '.[] | [.name, .cache, .origin, .sectors, .mode, .dirty_sectors]')" \
	"[\"$VOL\",\"$SSD\",\"$ORIGIN\",262144,\"writeback\",64]"
ok "status" ctl status $VOL
ok "status: has the dirty sectors" grep -q 'dirty_sectors  *64' /tmp/lc-out
ok "status: of all volumes" quiet jq -e '.[0].dirty_sectors == 64' <<<"$("$CTL" status --json)"
ok "status: no such volume" wrong 1 nothing status nothing

ok "set" ctl set $VOL writeback_age_ms 1800000
is "set: is in force" "$(option writeback_age_ms)" 1800000
ok "set: not live" wrong 1 log_depth set $VOL log_depth 2
ok "set: contradicts another" wrong 1 "must be below" set $VOL low_watermark 99
is "set: changed nothing" "$(lc_dmsetup table $VOL | cut -d' ' -f6-)" "4 writeback_age_ms 1800000 log_depth 4"

turn origin error
ok "flush: gives up in time" wrong 1 "is still not on the origin after 1 s" flush $VOL --timeout 1
turn origin linear
ok "flush" ctl flush $VOL
num "flush: waits until nothing is dirty" "$(status dirty_sectors)" -eq 0
ok "drain" ctl drain $VOL
put B 64 64
ok "drain: keeps it clean" wait_status dirty_sectors -eq 0

ok "remove" ctl remove $VOL --noudevsync
ok "check" ctl check --cache "$SSD"
ok "check: as JSON" quiet jq -e '.ok and .faults == 0' <<<"$("$CTL" check --cache "$SSD" --json)"
make --option writeback_age_ms=3600000
put C 128 64
ctl remove $VOL --noudevsync
ok "format: not over dirty data" wrong 1 "with data that is not on its origin" \
	format --cache "$SSD" --origin "$ORIGIN" --yes
make --option writeback_age_ms=3600000
ok "remove --flush" ctl remove $VOL --flush --noudevsync
ok "remove --flush: the origin has it" holds C 128 64 "$ORIGIN_RAW"
flip "$SSD" 100
ok "check: a fault" finds 1 "superblock copy 0: checksum does not match"
finish
