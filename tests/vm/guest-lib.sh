# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# For tests that run inside the virtual machine. Works under POSIX sh too.
#   . "$LC_TOP/tests/vm/guest-lib.sh"      (the working directory is the repository)
#
# Set by tests/vm/run: LC_IN_VM=1, LC_SHARE (writable, survives the machine).

: "${LC_TOP:=$(pwd)}"

# --- module -----------------------------------------------------------------

# Where `make modules` put what fits the running kernel.
lc_build_dir() { echo "$LC_TOP/build/$(uname -r)"; }

# lc_insmod NAME [PARAM=VALUE]...: a module of ours, with what it depends on.
lc_insmod() {
	lc_ko=$(find "$(lc_build_dir)" -name "$1.ko" 2>/dev/null | head -n 1)
	[ -n "$lc_ko" ] || { echo "no $1.ko in $(lc_build_dir): make modules" >&2; return 1; }
	shift
	for lc_dep in $(modinfo -F depends "$lc_ko" | tr , ' '); do
		modprobe "$lc_dep" || return
	done
	insmod "$lc_ko" "$@"
}

# lc_load_module [PARAM=VALUE]...
lc_load_module() {
	[ ! -d /sys/module/dm_logcache ] || return 0
	modprobe dm_mod || return
	# Built in, or gone, in some kernels of the range: what is missing is not needed.
	modprobe -q libcrc32c
	modprobe -q crc32c-intel
	lc_insmod dm-logcache "$@"
}

lc_unload_module() { rmmod dm-logcache; }

# lc_load_kunit: loads the suites; the KTAP text goes to standard output.
# Status 0 only if at least one test ran and none failed.
lc_load_kunit() {
	lc_mark="lc-kunit-$$"
	# In a kernel that was built with KUNIT=m these are parameters of the module.
	modprobe kunit enable=1 2>/dev/null || modprobe kunit || return
	modprobe -q libcrc32c
	modprobe -q dm_mod
	echo "$lc_mark" >/dev/kmsg
	lc_insmod dm-logcache-kunit || return
	dmesg -t | sed "1,/$lc_mark/d" | grep -E '^ *(KTAP|TAP|#|ok|not ok|[0-9]+\.\.)' >/tmp/lc-kunit
	cat /tmp/lc-kunit
	grep -q '^ *ok ' /tmp/lc-kunit && ! grep -q '^ *not ok ' /tmp/lc-kunit
}

# --- devices ----------------------------------------------------------------

LC_NULLB=/sys/kernel/config/nullb

# lc_make_nullb NAME SIZE_MB [KEY=VALUE]...: a null_blk disk that keeps its data,
# as /dev/NAME on every kernel. Defaults can be overridden: memory_backed=1
# blocksize=512 irqmode=0 (at once; irqmode=2 completion_nsec=N is a timer).
lc_make_nullb() {
	lc_name=$1 lc_size=$2
	shift 2
	[ -d $LC_NULLB ] || modprobe null_blk nr_devices=0 || return
	mkdir $LC_NULLB/"$lc_name" || return
	for lc_kv in size="$lc_size" memory_backed=1 blocksize=512 irqmode=0 "$@"; do
		echo "${lc_kv#*=}" >$LC_NULLB/"$lc_name/${lc_kv%%=*}" ||
			{ echo "null_blk: bad $lc_kv" >&2; rmdir $LC_NULLB/"$lc_name"; return 1; }
	done
	echo 1 >$LC_NULLB/"$lc_name"/power || return
	# Older kernels call the disk nullb<index> whatever the directory is called.
	[ -b /dev/"$lc_name" ] || ln -sf nullb"$(cat $LC_NULLB/"$lc_name"/index)" /dev/"$lc_name"
}

lc_remove_nullb() {
	echo 0 >$LC_NULLB/"$1"/power
	rmdir $LC_NULLB/"$1"
	[ ! -L /dev/"$1" ] || rm /dev/"$1"
}

# lc_fill DEVICE: writes every block once, so that what is measured or tested
# later is not the first allocation of a page.
lc_fill() {
	dd if=/dev/zero of="$1" bs=1M count="$(($(blockdev --getsize64 "$1") >> 20))" \
		oflag=direct status=none
}

lc_sectors() { blockdev --getsz "$1"; }

# There is no udev here that could answer a cookie.
lc_dmsetup() { dmsetup --noudevrules --noudevsync "$@"; }

# lc_dm_path NAME: the device node, without udev's links.
lc_dm_path() { echo /dev/"$(basename "$(readlink -f /sys/dev/block/"$(lc_dmsetup info -c --noheadings -o major,minor --separator : "$1")")")"; }

# lc_power_cut: as if the plug was pulled, now: nothing is flushed, requests in
# flight are lost. The run on the host ends with 137 and the drives stay.
lc_power_cut() {
	touch "$LC_SHARE/.vm/power-cut"
	echo b >/proc/sysrq-trigger
	while :; do sleep 1; done
}

# --- kernel log ---------------------------------------------------------------

# Status 0 if the kernel has complained about nothing so far; else prints it.
lc_dmesg_clean() {
	dmesg >/tmp/lc-dmesg
	"$LC_TOP"/tests/vm/dmesg-check /tmp/lc-dmesg "$@"
}

# --- KTAP -----------------------------------------------------------------------
# The names are those of the kernel's tools/testing/selftests/kselftest/ktap_helpers.sh.

KTAP_TESTNO=1 KTAP_CNT_PASS=0 KTAP_CNT_FAIL=0 KTAP_CNT_SKIP=0
KSFT_PASS=0 KSFT_FAIL=1 KSFT_SKIP=4

ktap_print_header() { echo "TAP version 13"; }
ktap_print_msg() { echo "#" "$@"; }
ktap_set_plan() { KTAP_PLAN=$1; echo "1..$1"; }
ktap_skip_all() { echo "1..0 # SKIP $*"; }

__ktap_result() { # RESULT DIRECTIVE DESCRIPTION
	echo "$1 $KTAP_TESTNO $3${2:+ # $2}"
	KTAP_TESTNO=$((KTAP_TESTNO + 1))
}
ktap_test_pass() { __ktap_result ok "" "$*"; KTAP_CNT_PASS=$((KTAP_CNT_PASS + 1)); }
ktap_test_fail() { __ktap_result "not ok" "" "$*"; KTAP_CNT_FAIL=$((KTAP_CNT_FAIL + 1)); }
ktap_test_skip() { __ktap_result ok SKIP "$*"; KTAP_CNT_SKIP=$((KTAP_CNT_SKIP + 1)); }

# ktap_test_result DESCRIPTION COMMAND [ARG]...
ktap_test_result() {
	lc_desc=$1
	shift
	if "$@"; then ktap_test_pass "$lc_desc"; else ktap_test_fail "$lc_desc"; fi
}

ktap_print_totals() {
	echo "# Totals: pass:$KTAP_CNT_PASS fail:$KTAP_CNT_FAIL xfail:0 xpass:0 skip:$KTAP_CNT_SKIP error:0"
}

# Fails when a planned test is missing: a test that did not run did not pass.
ktap_finished() {
	ktap_print_totals
	if [ $((KTAP_CNT_PASS + KTAP_CNT_SKIP)) -eq "${KTAP_PLAN:-$((KTAP_TESTNO - 1))}" ] &&
		[ "$KTAP_CNT_FAIL" -eq 0 ]; then
		exit $KSFT_PASS
	fi
	exit $KSFT_FAIL
}
export KSFT_SKIP
