#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Runs shellcheck over every shell script of the repository, known by its first line.

set -euo pipefail
. "$(dirname "$0")/lib.sh"
cd "$LC_TOP"

is_shell() {
	case $1 in
	*.sh) true ;;
	*) head -n1 "$1" | grep -qaE '^#!.*\b(ba)?sh\b' ;;
	esac
}

files=()
while read -r f; do
	[ ! -f "$f" ] || ! is_shell "$f" || files+=("$f")
done < <(git ls-files)
exec shellcheck --severity=warning "${files[@]}"
