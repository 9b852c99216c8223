#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What a helper says that is not so: nobody sees data that does not fit its checksums,
# and an answer that is none changes nothing.

. "$(dirname "$0")/lib-helper.sh"
begin 23

helper_devices 64 128
start writeback_age_ms 100
helper_start
job --rw=write --bs=64k --size=64m --verify=crc32c --do_verify=0 --randseed=3
flush

# again FAULT...: another helper, an empty cache
again() {
	helper_end TERM
	empty writeback_age_ms 100
	local f faults=()
	for f; do faults+=(--fault "$f"); done
	helper_start "${faults[@]}"
}
# The first block is what it was in the image.
first_ok() { cmp <(get 0 8) <(head -c 4096 "$IMAGE"); }
verify() { job --rw=write --bs=64k --size=64m --verify=crc32c --verify_only --randseed=3; }

again crc
no "a checksum that is always wrong fails the read" get 0 8
num "after three tries" "$(helper_count 'fetch 0 ')" -eq 3
num "which are counted" "$(status fetch_retries)" -eq 3
ok "the log says so" logged "are not on"
again crc:3
ok "one that is wrong now and then is tried again" verify
num "often" "$(status fetch_retries)" -gt 10
again late:2
ok "late writes to the scratch area spoil nothing" verify

again few
ok "a checksum too few is no answer" first_ok
num "and refused" "$(helper_count 'refused few -22')" -gt 0
again id
ok "nor is one to something else" first_ok
num "which is refused" "$(helper_count 'refused id -2')" -gt 0
again again:2
ok "not now is asked again" first_ok
again failed:1
no "what cannot be had fails the read" get 0 8
num "at once" "$(helper_count 'fetch 0 ')" -eq 1

again id again:2
put X 2048 64
ok "a unit: not now, and somebody else's" flush
ok "it arrives" image_holds X 2048 64
num "in the end" "$(helper_count 'refused id -2')" -gt 0

again corrupt:2
put Y 4096 64
flush
put Z 8192 64
ok "a unit that is said to be unreadable, and is not" flush
ok "arrives" image_holds Y 4096 64
ok "with those after it" image_holds Z 8192 64
is "nothing is damaged" "$(status damaged_sectors)" 0

again
helper_end TERM
ok "no helper, no answer: who is not the owner is refused" \
	same_text "$("$TOOLS"/nl-call $UUID pull done:1:1 | cut -d' ' -f1,2 | tr '\n' ' ')" \
	"pull -116 done -116 "
is "nor does it see what it does not own" "$("$TOOLS"/nl-call $UUID extents:1 | cut -d' ' -f2)" -116
finish
