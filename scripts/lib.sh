# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Shared by everything under scripts/ and tests/vm/. Source it, do not run it:
#   . "$(dirname "$0")/lib.sh"
#
# Sets LC_TOP (the repository) and LC_CACHE (kernels, sources, images: everything
# that is expensive to get and is not ours). LOGCACHE_CACHE overrides the latter.

LC_TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
LC_CACHE=${LOGCACHE_CACHE:-${HOME:-/root}/.cache/logcache}
# Read by the scripts that source this file.
# shellcheck disable=SC2034
LC_KERNELS="6.1 6.12 7.x debug"
# What `dpkg -x` unpacked: boot/, lib/modules/, usr/src/linux-headers-*, usr/lib/linux-kbuild-*.
LC_SYSROOT=$LC_CACHE/debian
export LC_TOP LC_CACHE LC_SYSROOT

say()  { printf '%s\n' "$*" >&2; }
die()  { say "${0##*/}: $*"; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }

# Two scripts may want the same kernel at once: the first builds, the other waits.
# Usage: with_lock NAME COMMAND...
with_lock() {
	local name=$1 fd
	shift
	mkdir -p "$LC_CACHE/locks"
	exec {fd}>"$LC_CACHE/locks/$name"
	flock "$fd"
	# The lock's descriptor must not leak into daemons the command may start.
	"$@" {fd}>&-
	local rc=$?
	exec {fd}>&-
	return $rc
}

# kernel_release KERNEL: what `uname -r` says in that virtual machine.
kernel_release() {
	cat "$(kernel_dir "$1")/release"
}

# kernel_dir KERNEL: directory with the files every kernel of the rig has:
#   release   text, `uname -r`
#   arch      x86_64 or um
#   vmlinuz   bzImage, or the executable of a User-mode Linux
#   build     link to the tree that modules are built against
#   modules   link to its lib/modules/<release>
kernel_dir() {
	local d=$LC_CACHE/kernels/$1
	[ -e "$d/release" ] || die "kernel $1 is not there yet: run scripts/deps (6.1, 6.12) or scripts/kernel-build $1"
	readlink -f "$d"
}
