#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The kernel's own style checker over the sources of the product, or the files
# given. The shim is not looked at: it spells out what the checker knows macros for.

set -euo pipefail
. "$(dirname "$0")/lib.sh"

CHECKPATCH=$LC_CACHE/src/7.x/scripts/checkpatch.pl
[ -e "$CHECKPATCH" ] || die "no $CHECKPATCH: run scripts/deps 7.x"

# An out-of-tree module has to ask which kernel it is built for; headers that
# are shared with userspace have no BIT().
IGNORE=LINUX_VERSION_CODE,BIT_MACRO
# The helper has the types of C and the names of its libraries.
IGNORE_HELPER=$IGNORE,PREFER_KERNEL_TYPES,CAMELCASE

if [ $# -eq 0 ]; then
	cd "$LC_TOP"
	mapfile -t files < <(git ls-files 'kernel/*.[ch]' 'tests/kunit/*.[ch]' 'userspace/*.[ch]' | grep -v /shim/)
	set -- "${files[@]}"
fi

# check IGNORED FILE...
check() {
	local ignored=$1
	shift
	[ $# -gt 0 ] || return 0
	perl "$CHECKPATCH" --strict --no-tree --quiet --no-summary --terse --show-types \
		--ignore "$ignored" -f "$@"
}

ours=() helper=()
for f; do
	case $f in
	*userspace/*/*) helper+=("$f") ;;
	*) ours+=("$f") ;;
	esac
done
rc=0
check "$IGNORE" "${ours[@]}" || rc=1
check "$IGNORE_HELPER" "${helper[@]}" || rc=1
exit $rc
