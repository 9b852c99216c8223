#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A read of the origin that a write or a discard has overtaken leaves nothing in
# the cache.

. "$(dirname "$0")/lib.sh"
begin 13
devices 64 128
put A 0 4096 "$ORIGIN_RAW"
start writeback_age_ms 3600000 fill_kb 4

# overtaken COMMAND...: while a read of sectors 0 to 63 waits for the origin
overtaken() {
	local stale
	stale=$(status fills_stale)
	hold origin
	get "$AT" 64 >/tmp/lc-reader &
	wait_status reads_in_flight -eq 1
	"$@"
	release origin
	wait
	wait_status fills_stale -eq $((stale + 1))
}

AT=0
ok "a write comes first" overtaken put B 8 8
ok "it is read back" holds B 8 8
ok "with old data around it" cmp <(get 16 8) <(stamp A 24 | tail -c 4096)
AT=64
ok "a write of one sector" overtaken put B 70 1
ok "is read back" holds B 70 1
AT=128
ok "a discard" overtaken discard 128 8
ok "reads as zeroes" zeroes 128 8
AT=192
ok "zeroes" overtaken zero 200 8
ok "read as zeroes" zeroes 200 8
AT=256
reader_behind() { put B 264 8 && holds B 264 8; }
ok "a read behind the write" overtaken reader_behind
ok "and one behind all" holds B 264 8
flush && msg drop_clean
ok "the origin has the new data, too" holds B 264 8 "$ORIGIN_RAW"
ok "and so has the volume" holds B 8 8
finish
