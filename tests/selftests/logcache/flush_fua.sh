#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A lone write with fsync, or FUA, costs the SSD one write; a flush only if the
# SSD has a volatile cache; and the origin nothing.

. "$(dirname "$0")/lib.sh"
begin 18

# An empty flush is also accounted as a write, of nothing.
writes() { echo $(($(ios "$SSD_RAW" writes) - $(ios "$SSD_RAW" flushes))); }
# counted WRITES FLUSHES COMMAND...: what the SSD sees
counted() {
	local w f want="$1 $2"
	w=$(writes) f=$(ios "$SSD_RAW" flushes)
	shift 2
	"$@" || return
	same_text "$(($(writes) - w)) $(($(ios "$SSD_RAW" flushes) - f))" "$want"
}
write_fsync() { put A 0 8 "$D" && sync "$D"; }
write_fua() { put B 8 8 "$D" dsync; }

for cache in 0 8; do
	ssd 64 cache_size=$cache
	origin 128
	format
	start writeback_age_ms 3600000
	what=$([ $cache = 0 ] && echo "no volatile cache" || echo "volatile cache")
	flushes=$((cache > 0))
	writes=$(ios "$ORIGIN_RAW" writes)
	is "$what: the volume says so" "$(cat "/sys/class/block/${D#/dev/}/queue/write_cache")" \
		"$([ $cache = 0 ] && echo "write through" || echo "write back")"
	ok "$what: write" counted 1 0 put C 16 8
	ok "$what: write and fsync" counted 1 $flushes write_fsync
	ok "$what: the same again" counted 1 $flushes write_fsync
	# The kernel itself puts a flush behind the FUA write of a block device's user.
	fuas=$(status fuas)
	ok "$what: synchronous write" counted 1 $((2 * flushes)) write_fua
	num "$what: which is FUA where that means something" $(($(status fuas) - fuas)) -eq $flushes
	ok "$what: fsync alone" counted 0 $flushes sync "$D"
	num "$what: nothing for the origin" "$(ios "$ORIGIN_RAW" writes)" -eq "$writes"
	stop
	start
	ok "$what: all there" holds A 0 8
	stop
	take_down
done
finish
