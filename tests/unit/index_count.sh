#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# index_count.sh PROGRAM: instructions of one lookup that hits, in TAP.  The rig
# counts an instruction as a nanosecond, and every read does a lookup.

set -euo pipefail
PROGRAM=$1
LOOKUPS=10000
BAR=200

echo 1..2
nr=0
status=0
for extents in 16384 65536; do
	nr=$((nr + 1))
	if ! command -v valgrind >/dev/null; then
		echo "ok $nr - lookup_among_$extents # SKIP no valgrind"
		continue
	fi
	total=$(valgrind --tool=callgrind --callgrind-out-file=/dev/null \
		--toggle-collect=lc_index_lookup "$PROGRAM" "$extents" 2>&1 |
		sed -n 's/.*Collected : *//p')
	each=$((${total:-0} / LOOKUPS))
	if [ "$each" -gt 0 ] && [ "$each" -le $BAR ]; then
		echo "ok $nr - lookup_among_$extents # $each instructions"
	else
		echo "not ok $nr - lookup_among_$extents # $each instructions, bar $BAR"
		status=1
	fi
done
exit $status
