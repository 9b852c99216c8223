# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2120 # what is set and what can be passed is used by scripts
#
# Shared by the scripts here. A script shows one behaviour:
#
#   . "$(dirname "$0")/lib.sh"
#   begin 1			# results of its own; finish adds three
#   devices 64 256		# SSD and origin in MiB, formatted
#   start hold_ms 100		# the volume, with options
#   put A 0 8			# data named A: 8 sectors at sector 0
#   ok "it is there" holds A 0 8
#   finish
#
# What it works with:
#
#   $D  the volume ─► logcache ─┬─► $SSD     lct-ssd     (dm) ─► $SSD_RAW     null_blk
#                               └─► $ORIGIN  lct-origin  (dm) ─► $ORIGIN_RAW  null_blk
#
# The layers in the middle can be held and made to fail: hold, release, turn.

if [ -z "${LC_IN_VM:-}" ]; then
	echo "1..0 # SKIP needs a virtual machine: tests/vm/run --kernel 6.1 -- tests/vm/selftests"
	exit 4
fi
. "$LC_TOP/tests/vm/guest-lib.sh"

CTL=$LC_TOP/userspace/logcachectl
VOL=lct
# Bound of everything that is waited for, in seconds; no result depends on it.
LIMIT=${LC_WAIT:-300}
CHECKS_BAD=

# --- results ------------------------------------------------------------------

ok() { ktap_test_result "$@"; }
no() { local text=$1; shift; ok "$text" fails "$@"; }
fails() { ! "$@"; }
is() { ok "$1" same_text "$2" "$3"; }
same_text() { [ "$1" = "$2" ] || { echo "# got '$1', want '$2'"; return 1; }; }
# num TEXT GOT -eq|-ne|-lt|-le|-gt|-ge WANT
num() { ok "$1" compare "$2" "$3" "$4"; }
compare() { test "$1" "$2" "$3" || { echo "# got '$1', want $2 $3"; return 1; }; }

# quiet COMMAND...: what it says is of interest only if it fails.
quiet() { "$@" >/tmp/lc-quiet 2>&1 || { sed 's/^/# /' /tmp/lc-quiet; return 1; }; }

# within COMMAND...: polled until it succeeds.
within() {
	local end=$((SECONDS + LIMIT))
	until "$@"; do
		if [ $SECONDS -ge $end ]; then
			echo "# not after $LIMIT s: $*"
			lc_dmsetup status | sed 's/^/# /'
			return 1
		fi
		sleep 0.02
	done
}

# goes_on: the volume takes more writes
goes_on() { wait_status writes -gt $(($(status writes) + ${1:-0})); }

# outcome PID: sets OUTCOME to what became of a background job, ok or failed; waiting is
# bounded, and then it is "running".
outcome() {
	OUTCOME=running
	within gone "$1" || return
	if wait "$1"; then OUTCOME=ok; else OUTCOME=failed; fi
}
gone() { ! kill -0 "$1" 2>/dev/null; }

# --- begin and end --------------------------------------------------------------

begin() {
	ktap_print_header
	ktap_set_plan $(($1 + 3))
	forget_log
	MARK_BEGIN=$MARK
	trap abandon EXIT
	# shellcheck disable=SC2086 # words
	lc_load_module ${LC_MODULE_ARGS:-} || exit 1
}

# skip REASON: the machine cannot do what the script needs.
skip() {
	trap - EXIT
	take_down 2>/dev/null
	lc_unload_module 2>/dev/null
	ktap_skip_all "$*"
	exit $KSFT_SKIP
}

# A script that is left in the middle must not be in the way of the next one.
abandon() {
	echo "# left early, at line ${BASH_LINENO[0]}"
	lc_dmsetup status | sed 's/^/# /'
	take_down
	lc_unload_module
}

take_down() {
	local name
	# shellcheck disable=SC2046
	kill $(jobs -p) 2>/dev/null
	for name in $(names '^lct-'); do lc_dmsetup resume "$name" 2>/dev/null; done
	for name in $(names '^lct[0-9]*$') $(names '^lct-'); do lc_dmsetup remove --retry "$name"; done
	for name in "$LC_NULLB"/lc*; do
		[ ! -d "$name" ] || lc_remove_nullb "${name##*/}"
	done
	COPY='' COPIES=2
}

# Upper volumes of a stack first.
names() { lc_dmsetup ls | awk '{ print $1 }' | grep -E "$1" | sort -r; }

finish() {
	[ -z "$(names "^$VOL\$")" ] || stop
	ok "every offline check found nothing wrong" [ -z "$CHECKS_BAD" ]
	take_down
	ok "the kernel log is clean" log_clean
	ok "the module unloads" lc_unload_module
	trap - EXIT
	ktap_finished
}

# --- kernel log -------------------------------------------------------------------

# From here on: what logged looks at.
forget_log() { MARK="lc-mark-$$-$RANDOM"; echo "$MARK" >/dev/kmsg; }
log_from() { dmesg | sed "1,/$1\$/d"; }
# logged TEXT: the module has said so
logged() { log_from "$MARK" | grep -qF -- "$1" || { echo "# not in the log: $1"; return 1; }; }
log_clean() {
	log_from "$MARK_BEGIN" >/tmp/lc-log
	quiet "$LC_TOP"/tests/vm/dmesg-check /tmp/lc-log
}

# --- devices --------------------------------------------------------------------------

# layer NAME RAW: dm-linear on a whole device; prints its node.
layer() {
	lc_dmsetup create "$1" --table "0 $(lc_sectors "$2") linear $2 0" && lc_dm_path "$1"
}

# make_device NAME MIB [KEY=VALUE]...: null_blk lcNAME under layer lct-NAME
make_device() {
	local name=$1
	shift
	lc_make_nullb "lc$name" "$@" discard=1 && layer "lct-$name" "/dev/lc$name" >/dev/null
}

ssd() {
	make_device ssd "$@" || exit
	SSD=$(lc_dm_path lct-ssd) SSD_RAW=/dev/lcssd
}

origin() {
	make_device origin "$@" || exit
	ORIGIN=$(lc_dm_path lct-origin) ORIGIN_RAW=/dev/lcorigin
}

format() { quiet "$CTL" format --cache "$SSD" --origin "$ORIGIN" --yes "$@"; }
devices() { ssd "$1" && origin "$2" && format || exit; }

# Everything sent to a held layer waits in it: hold ssd|origin
hold() { lc_dmsetup suspend --nolockfs "lct-$1$COPY"; }
release() { lc_dmsetup resume "lct-$1$COPY"; }

# turn LAYER linear|error|flakey|delay MS: flakey fails writes only
turn() {
	local raw=/dev/lc$1$COPY layer=lct-$1$COPY n
	n=$(lc_sectors "$raw")
	case $2 in
	linear) lc_dmsetup load "$layer" --table "0 $n linear $raw 0" ;;
	error) lc_dmsetup load "$layer" --table "0 $n error" ;;
	flakey) lc_dmsetup load "$layer" --table "0 $n flakey $raw 0 0 60 1 error_writes" ;;
	delay) lc_dmsetup load "$layer" --table "0 $n delay $raw 0 $3" ;;
	esac && hold "$1" && release "$1"
}

# ios DEVICE reads|read_sectors|writes|write_sectors|discards|flushes: completed so far
ios() {
	local f
	case $2 in
	reads) f=1 ;; read_sectors) f=3 ;; writes) f=5 ;; write_sectors) f=7 ;;
	discards) f=12 ;; flushes) f=16 ;;
	esac
	awk -v f="$f" '{ print $f }' "/sys/class/block/$(basename "$(readlink -f "$1")")/stat"
}

# --- the volume -------------------------------------------------------------------------

# table [OPTION VALUE]...: its line
table() { echo "0 ${SECTORS:-$(lc_sectors "$ORIGIN")} logcache $SSD $ORIGIN $# $*"; }

try_start() { quiet lc_dmsetup create $VOL --table "$(table "$@")" || { lc_dmsetup remove $VOL 2>/dev/null; false; }; }
start() { try_start "$@" && D=$(lc_dm_path $VOL) || exit; }

# Every time a volume goes away, what it leaves is looked at.
stop() {
	lc_dmsetup remove "$VOL" && check_offline
}

check_offline() { quiet "$CTL" check --cache "$SSD" || CHECKS_BAD=1; }

reload() {
	quiet lc_dmsetup load $VOL --table "$(table "$@")" && lc_dmsetup suspend $VOL && lc_dmsetup resume $VOL
}

msg() { lc_dmsetup message $VOL 0 "$@"; }

# status KEY: one value
status() {
	lc_dmsetup status $VOL | awk -v k="$1" '{ for (i = 4; i < NF; i += 2) if ($i == k) print $(i + 1) }'
}
# option NAME: as the table prints it; empty for a default
option() { lc_dmsetup table $VOL | awk -v k="$1" '{ for (i = 7; i < NF; i += 2) if ($i == k) print $(i + 1) }'; }
status_is() { test "$(status "$1")" "$2" "$3"; }
# wait_status KEY -eq|-gt|=|... VALUE
wait_status() { within status_is "$@"; }

# Everything on the origin; nothing in the cache.
flush() { msg flush && wait_status dirty_sectors -eq 0; }
# The open segments have nothing clean to give up before they are sealed, so start anew.
empty() { flush && stop && start "$@" && msg drop_clean && wait_status cached_sectors -eq 0; }

# crash: a copy of both devices as they are now, and the volume on the copies.
crash() { snapshot && use_snapshot; }

# Both are held meanwhile, the origin first: it is never newer than the log.
snapshot() {
	local dev
	hold origin && hold ssd || exit
	for dev in ssd origin; do
		make_device "$dev$COPIES" $(($(lc_sectors "/dev/lc$dev$COPY") >> 11)) || exit
		dd if="/dev/lc$dev$COPY" of="/dev/lc$dev$COPIES" bs=1M iflag=direct oflag=direct \
			conv=sparse status=none || exit
	done
	release ssd && release origin
}

use_snapshot() {
	lc_dmsetup remove $VOL || exit
	COPY=$COPIES COPIES=$((COPIES + 1))
	SSD=$(lc_dm_path lct-ssd$COPY) ORIGIN=$(lc_dm_path lct-origin$COPY)
	SSD_RAW=/dev/lcssd$COPY ORIGIN_RAW=/dev/lcorigin$COPY
}
COPY='' COPIES=2

# --- data -----------------------------------------------------------------------------------

# stamp NAME SECTORS: 61 bytes over and over, so that a sector in the wrong place shows.
stamp() {
	local line
	printf -v line '%-60s' "$1"
	yes "$line" | head -c $(($2 * 512))
}

# put NAME SECTOR SECTORS [DEVICE [FLAG]]: one direct write
put() {
	stamp "$1" "$3" >/tmp/lc-put
	dd if=/tmp/lc-put of="${4:-$D}" bs=$(($3 * 512)) seek=$(($2 * 512)) \
		oflag="direct,seek_bytes${5:+,$5}" conv=notrunc status=none
}

get() { # SECTOR SECTORS [DEVICE]
	dd if="${3:-$D}" bs=$(($2 * 512)) count=1 skip=$(($1 * 512)) iflag=direct,skip_bytes status=none
}

# holds NAME SECTOR SECTORS [DEVICE [FROM]]: from sector FROM of what was put on; and
# zeroes SECTOR SECTORS [DEVICE]
holds() {
	stamp "$1" $((${5:-0} + $3)) | tail -c $(($3 * 512)) >/tmp/lc-want
	get "$2" "$3" "${4:-}" | cmp -s - /tmp/lc-want || {
		echo "# sector $2 of ${4:-$D} is not $1 but: $(get "$2" 1 "${4:-}" | head -c 60 | tr -d '\0')"
		return 1
	}
}
zeroes() { head -c $(($2 * 512)) /dev/zero | cmp -s - <(get "$@"); }

# discard SECTOR SECTORS; zero SECTOR SECTORS. By force: not looking for what is there.
discard() { quiet blkdiscard -f -o $(($1 * 512)) -l $(($2 * 512)) "$D"; }
zero() { quiet blkdiscard -f -z -o $(($1 * 512)) -l $(($2 * 512)) "$D"; }

# same DEVICE DEVICE: byte by byte
same() {
	cmp <(dd if="$1" bs=1M iflag=direct status=none) <(dd if="$2" bs=1M iflag=direct status=none)
}

# flip DEVICE BYTE: one bit of it is wrong from now on
flip() {
	local at=$(($2 % 512)) byte
	get $(($2 / 512)) 1 "$1" >/tmp/lc-flip
	byte=$(od -An -tu1 -j$at -N1 /tmp/lc-flip)
	printf '%b' "\\0$(printf %o $((byte ^ 1)))" |
		dd of=/tmp/lc-flip bs=1 seek=$at conv=notrunc status=none
	dd if=/tmp/lc-flip of="$1" bs=512 seek=$(($2 / 512)) oflag=direct conv=notrunc status=none
}

# number DEVICE BYTE 4|8: a little-endian integer there
number() { get $(($2 / 512)) 1 "$1" | od -An -tu"$3" -j$(($2 % 512)) -N"$3" | tr -d ' '; }

# job OPTION...: fio on the volume; what is written is verified if --verify is there
job() {
	local log=/tmp/lc-fio.$BASHPID
	fio --name=job --filename="${JOB_DEV:-$D}" --ioengine=io_uring --direct=1 \
		--verify_fatal=1 --randrepeat=1 --thread "$@" >"$log" 2>&1 ||
		{ grep -E 'fio: |verify' "$log" | head -n 5 | sed 's/^/# /'; return 1; }
}

# keep_busy OPTION...: such jobs one after the other, while other things are done to the
# volume, until rest. The last one that ended well had the seed in /tmp/lc-seed.
keep_busy() {
	rm -f /tmp/lc-rest
	(
		seed=0
		until [ -e /tmp/lc-rest ]; do
			seed=$((seed + 1))
			job --randseed=$seed "$@" || exit
			echo $seed >/tmp/lc-seed
		done
	) &
	BUSY=$!
}
# rest: true if nothing went wrong
rest() {
	touch /tmp/lc-rest
	outcome "$BUSY"
	same_text "$OUTCOME" ok
}
