#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What is overwritten in the log makes room without the origin: with the origin gone a
# small set is written to several times the size of the SSD, next to data that nobody
# overwrites, and through a restart and a power cut.

. "$(dirname "$0")/lib.sh"
begin 16
ssd 32 && origin 64 && format --segment-size 1M || exit
start writeback_age_ms 100
turn origin error
put cold 0 512
zero 1024 512
discard 2048 512
ok "writeback fails" wait_status wb_errors -gt 0

# hot FROM TO: a set of 2 MiB, overwritten.
hot() {
	local i
	for ((i = $1; i <= $2; i++)); do put "hot$i" 8192 4096 || return; done
}

ok "writes go on, for more than the SSD holds" hot 1 24
num "since the log was cleaned" "$(status copied_segments)" -gt 8
num "nothing failed at the SSD" "$(($(status log_errors) + $(status crc_errors)))" -eq 0
ok "what is overwritten is the newest" holds hot24 8192 4096
ok "what is not is still there" holds cold 0 512
ok "and so are zeroes" zeroes 1024 512
ok "and discards" zeroes 2048 512
num "little would have to be written back" "$(status dirty_live_sectors)" -le $((6 * 2048))

crash
start writeback_age_ms 3600000 dirty_throttle 85
ok "a power cut loses nothing of it" holds cold 0 512
ok "nor of the newest" holds hot24 8192 4096
num "the origin may have anything of it" "$(status unit_applying)" -eq 1
ok "and it goes on" hot 25 40
turn origin linear
ok "when the origin is back all becomes clean" flush
ok "the origin has all" same "$D" "$ORIGIN_RAW"
num "and is a state of the volume" "$(status unit_applying)" -eq 0
finish
