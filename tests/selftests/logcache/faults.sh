#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Allocations and I/Os fail at random while verified I/O runs. Without memory all of it
# still works; what a device refuses may be an error for whoever asked. No byte is ever
# wrong, nothing hangs, and what was acknowledged is there.

. "$(dirname "$0")/lib.sh"
DEBUG=/sys/kernel/debug
for kind in failslab fail_page_alloc fail_make_request; do
	[ -d $DEBUG/$kind ] || skip "needs a kernel with fault injection"
done
begin 25
# What is below the module must not have to allocate: every page is there.
ssd 24 && origin 96 && lc_fill "$SSD_RAW" && lc_fill "$ORIGIN_RAW" && format --segment-size 1M || exit

# inject KIND PERCENT [KEY VALUE]...: from now on; injected KIND: how often so far
MANY=1000000000
inject() {
	local dir=$DEBUG/$1 percent=$2
	shift 2
	set -- verbose 0 interval 1 space 0 times $MANY "$@" probability "$percent"
	while [ $# -gt 0 ]; do
		echo "$2" >"$dir/$1" || return
		shift 2
	done
}
injected() { echo $((MANY - $(cat $DEBUG/"$1"/times))); }
stop_injecting() { echo 0 >$DEBUG/"$1"/probability; }

# Of what the module allocates, also where the allocation could wait.
starve() {
	local text kind
	text=$(cat /sys/module/dm_logcache/sections/.text)
	for kind in failslab fail_page_alloc; do
		inject $kind "$1" ignore-gfp-wait N stacktrace-depth 32 require-start "$text" \
			require-end "$(printf '%#x' $((text + 0x40000)))"
	done
}
# fail DEVICE PERCENT [KEY VALUE]...
fail() { echo 1 >"/sys/class/block/${1#/dev/}/make-it-fail" && inject fail_make_request "${@:2}"; }
spare() { stop_injecting fail_make_request && echo 0 >"/sys/class/block/${1#/dev/}/make-it-fail"; }

# Far more than the cache has, so that all kinds of work are done for it.
work() {
	job --rw=randwrite --bsrange=512-64k --blockalign=512 --size=90m --io_size=24m \
		--iodepth=16 --verify=crc32c --randseed="$1" "${@:2}"
}

start writeback_age_ms 100
echo 0 >$DEBUG/fail_page_alloc/min-order
starve 20
ok "without memory no I/O fails, and none is wrong" work 1
ok "nor is anything stuck" flush
for kind in failslab fail_page_alloc; do stop_injecting $kind; done
num "there was no memory" "$(injected failslab)" -gt 100
num "and there were no pages" "$(injected fail_page_alloc)" -gt 100
ok "all is there" work 1 --verify_only
ok "on the origin, too" same "$D" "$ORIGIN_RAW"

# Places with a version each: what was tried last, and what was acknowledged last.
TRIED=() ACKED=()
NR=64
next_version() { # PLACE
	TRIED[$1]=$((${TRIED[$1]:-0} + 1))
	put "P$1.${TRIED[$1]}" $(($1 * 1024)) 8 2>/dev/null && ACKED[$1]=${TRIED[$1]}
}
# The version that is read, if it can be, is the one that was acknowledged or a later one.
right() {
	local got version
	get $(($1 * 1024)) 8 >/tmp/lc-got 2>/dev/null || return "$2"
	got=$(head -c 60 /tmp/lc-got | tr -d '\0')
	got=${got%% *} version=${got#P"$1".}
	[ "$version" -ge "${ACKED[$1]}" ] && [ "$version" -le "${TRIED[$1]}" ] &&
		cmp -s /tmp/lc-got <(stamp "$got" 8) && return
	echo "# place $1: '$got', acknowledged ${ACKED[$1]}, tried ${TRIED[$1]}"
	return 1
}
# all_right 0|1: what it means if one cannot be read
all_right() {
	local i
	for ((i = 0; i < NR; i++)); do right $i "$1" || return; done
}
write_all() {
	local i rc=0
	for ((i = 0; i < NR; i++)); do next_version $i || rc=1; done
	return $rc
}

ok "versions are written" write_all
fail "$ORIGIN_RAW" 20
ok "an origin that fails does not fail a write" work 2 --do_verify=0
ok "nor one of these" write_all
ok "nor makes anything wrong" all_right 0
num "it did fail" "$(injected fail_make_request)" -gt 10
spare "$ORIGIN_RAW"
ok "then all becomes clean" flush
ok "and is right" all_right 1
ok "on the origin, too" same "$D" "$ORIGIN_RAW"

# A log that cannot be written is the end of writing, until the table is loaded again. First
# with one record that does not get there, and nothing else on its way...
ok "the SSD is left alone" reload writeback_age_ms 3600000
fail "$SSD_RAW" 100 times 1
ok "a write that is not in the log is not acknowledged" fails next_version 0
spare "$SSD_RAW"
ok "nor is anything wrong" all_right 1
ok "the table can be loaded" reload writeback_age_ms 100

# ... then with all kinds of I/O.
rounds=0
fail "$SSD_RAW" 3
until [ "$(status state)" = failed ] || [ $rounds -eq 20 ]; do
	write_all
	all_right 0 || WRONG=1
	rounds=$((rounds + 1))
done
is "with an SSD that fails nothing is wrong" "${WRONG:-}" ""
is "but it is said to" "$(status state)" failed
spare "$SSD_RAW"
ok "the table can be loaded again" reload writeback_age_ms 100
ok "what was acknowledged is there" all_right 1
ok "more is written" write_all
ok "all becomes clean" flush
ok "and the origin has it" same "$D" "$ORIGIN_RAW"
finish
