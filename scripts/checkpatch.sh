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

if [ $# -eq 0 ]; then
	cd "$LC_TOP"
	mapfile -t files < <(git ls-files 'kernel/*.[ch]' 'tests/kunit/*.[ch]' 'userspace/*.[ch]' | grep -v /shim/)
	set -- "${files[@]}"
fi
[ $# -gt 0 ] || exit 0
exec perl "$CHECKPATCH" --strict --no-tree --quiet --no-summary --terse --show-types \
	--ignore "$IGNORE" -f "$@"
