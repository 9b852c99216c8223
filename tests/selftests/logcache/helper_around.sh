#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Of a store a miss takes what was asked for, and the next one of the same range what is
# around it along (fill_kb): each byte costs, and of many ranges only one block is wanted.

. "$(dirname "$0")/lib-helper.sh"
begin 10
helper_devices 64 128
start writeback_age_ms 200
helper_start
put A 0 4096
flush
ok "the cache forgets" empty writeback_age_ms 200
ok "the helper owns it again" wait_status helper_port -gt 0
before=$(status cached_sectors)
ok "a block is fetched" holds A 64 8 "" 64
ok "by itself" wait_status cached_sectors -eq $((before + 8))
ok "another one of the 64 KiB" holds A 8 8 "" 8
ok "and what is around it, up to the first" wait_status cached_sectors -eq $((before + 72))
ok "one behind it" holds A 80 8 "" 80
ok "and the rest" wait_status cached_sectors -eq $((before + 128))
fetches=$(status fetches)
ok "which is right" holds A 0 128
num "and there" "$(status fetches)" -eq "$fetches"
finish
