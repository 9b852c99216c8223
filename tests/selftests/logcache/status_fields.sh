#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Every key of the status is documented, every documented key is there, values
# are what they are said to be, and logcachectl shows the same.

. "$(dirname "$0")/lib.sh"
begin 12
devices 64 128
put O 0 64 "$ORIGIN_RAW"
start writeback_age_ms 3600000
put A 0 64
get 64 64 >/dev/null
flush
wait_status fills -eq 1

doc=$LC_TOP/Documentation/admin-guide/dm-logcache.rst
# The tables between two headings: a row starts with its key. A helper's are for volumes
# that have one.
documented() {
	sed -n '/^Status$/,/^Messages$/p' "$doc" | awk '
		/^   \* - ``[a-z_]*``$/ { if (key) print key; key = $0; gsub(/[^a-z_]/, "", key) }
		/^     - With a helper:/ { key = "" }
		END { if (key) print key }' | sort
}
words() { lc_dmsetup status $VOL | cut -d' ' -f4- | tr ' ' '\n'; }
keys() { words | awk 'NR % 2'; }
keys | sort >/tmp/lc-keys
documented >/tmp/lc-documented
ok "there are keys" grep -qx dirty_sectors /tmp/lc-keys
is "all are documented" "$(comm -23 /tmp/lc-keys /tmp/lc-documented | xargs)" ""
is "all that are documented are there" "$(comm -13 /tmp/lc-keys /tmp/lc-documented | xargs)" ""
is "each once" "$(uniq -d /tmp/lc-keys)" ""
is "those that are no numbers" "$(words | awk 'NR % 2 { key = $0; next } !/^[0-9]+$/ { print key }' | xargs)" \
	"mode state path"
is "in every mode" "$(for mode in writethrough writearound passthrough writeback; do
	msg mode $mode && words | sed -n 2p
done | xargs)" "writethrough writearound passthrough writeback"
wait_status path = log

# What is there to know at this point; an idle volume does not change.
is "reads are the sum of their kinds" "$(status reads)" \
	$(($(status read_hits) + $(status read_zeroes) + $(status read_misses)))
is "what is acknowledged is durable, what is flushed is clean" \
	"$(status next_lsn) $(status next_lsn)" "$(status durable_lsn) $(status clean_lsn)"
is "segments make up the cache" "$(($(status segments) * $(status segment_sectors) / 8))" \
	"$(($(number "$SSD_RAW" 60 4) * $(number "$SSD_RAW" 56 4)))"

"$CTL" status $VOL --json >/tmp/lc-json
ok "logcachectl prints JSON" quiet jq -e . /tmp/lc-json
from_json() { jq -r 'del(.name, .hit_ratio_percent) | to_entries[] | .key, .value' /tmp/lc-json | tr -d '"'; }
is "with the same values" "$(from_json | xargs)" "$(words | xargs)"
is "numbers as numbers" "$(jq -r '[.[] | strings] | length' /tmp/lc-json)" 4
finish
