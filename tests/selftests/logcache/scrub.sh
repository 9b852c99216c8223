#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Scrub reads all that is cached, in the background: a bad clean block is read from the
# origin again, a bad dirty one is damage. It goes on after a suspend and can be stopped.

. "$(dirname "$0")/lib.sh"
begin 19
devices 64 128
put C 4096 64 "$ORIGIN_RAW"
start writeback_age_ms 3600000 fill_kb 4
# Clean from the log, clean from the origin, dirty; sealed by the restart.
put A 0 64
flush
get 4096 64 >/dev/null
wait_status fills -eq 1
put B 1024 16
stop
start writeback_age_ms 3600000 fill_kb 4
scrub() { forget_log; msg scrub && wait_status scrub_running -eq 0 && within logged "scrub: done"; }
cache_sector() { msg query "$1" | sed -n 's/.* cache_sector \([0-9]*\) .*/\1/p'; }

ok "all is read" scrub
num "every block that is mapped" "$(status scrub_blocks)" -eq 18
num "nothing is wrong" "$(status scrub_errors)" -eq 0
num "it has seen all segments" "$(status scrub_segments)" -eq "$(status segments)"

for sector in 8 4096 1024; do flip "$SSD_RAW" $(($(cache_sector $sector) * 512 + 77)); done
ok "again" scrub
num "three blocks are wrong" "$(status scrub_errors)" -eq 3
num "as the checksums say" "$(status crc_errors)" -eq 3
ok "written back, but wrong: from the origin" holds A 0 64
ok "read, but wrong: from the origin" holds C 4096 64
no "dirty and wrong: lost" get 1024 8 2>/dev/null
num "just that" "$(status damaged_sectors)" -eq 8
ok "and not what is next to it" holds B 1032 8 '' 8
scrub
num "what is known is not found again" "$(status scrub_errors)" -eq 3
put B 1024 16
flush
num "writing heals" "$(status damaged_sectors)" -eq 0
ok "all is well" holds B 1024 16

job --rw=write --bs=256k --size=24m
flush
msg scrub
ok "it can be stopped" eval 'msg scrub stop && wait_status scrub_running -eq 0'
keep_busy --rw=randrw --bs=4k --size=24m --number_ios=256 --iodepth=8
msg scrub
for _ in 1 2 3; do lc_dmsetup suspend $VOL && lc_dmsetup resume $VOL; done
ok "a suspend does not end it" wait_status scrub_running -eq 0
ok "I/O goes on meanwhile" rest
num "nothing else is wrong" "$(status scrub_errors)" -eq 3
finish
