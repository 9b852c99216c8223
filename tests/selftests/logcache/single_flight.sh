#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Many readers of one cold block cost the origin one read.

. "$(dirname "$0")/lib.sh"
begin 7
devices 64 128
put A 800 16 "$ORIGIN_RAW"
start fill_kb 4

hold origin
reads=$(ios "$ORIGIN_RAW" reads)
for i in 1 2 3 4 5 6 7 8; do
	get 800 8 >"/tmp/lc-reader$i" &
done
ok "seven of eight join the first" wait_status read_joins -eq 7
num "one read is on its way" "$(status reads_in_flight)" -eq 1
get 804 2 >/tmp/lc-reader9 &
ok "so does one that wants a part" wait_status read_joins -eq 8
release origin
wait
num "the origin was read once" "$(($(ios "$ORIGIN_RAW" reads) - reads))" -eq 1
all_same() { for i in 1 2 3 4 5 6 7 8; do cmp "/tmp/lc-reader$i" <(stamp A 8) || return; done; }
ok "all got the data" all_same
ok "and the part" cmp /tmp/lc-reader9 <(stamp A 16 | tail -c +2049 | head -c 1024)
wait_status fills -eq 1
num "it was put into the cache once" "$(status fill_blocks)" -eq 1
finish
