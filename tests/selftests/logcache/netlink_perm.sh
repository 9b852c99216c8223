#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The netlink family is for the administrator: every command is refused to anybody else,
# and in another network namespace.

. "$(dirname "$0")/lib-helper.sh"
begin 21

helper_devices 64 64
start
ALL="dump claim takeover release heartbeat pull extents:1 done:1:1"
chmod a+rx "$TOOLS" 2>/dev/null
cp "$TOOLS"/nl-call /tmp/lc-nl-call

as_nobody() { setpriv --reuid 65534 --regid 65534 --clear-groups /tmp/lc-nl-call $UUID "$1"; }
for what in $ALL; do
	is "nobody: ${what%%:*}" "$(as_nobody "$what" | cut -d' ' -f2)" -1
done
is "an owner did not come of it" "$(status helper_port)" 0
# in_net TEXT REQUEST WANT: skipped where the kernel has no network namespaces
in_net() {
	if unshare -n true 2>/dev/null; then
		is "$1" "$(unshare -n /tmp/lc-nl-call $UUID "$2" 2>&1 | cut -d' ' -f2-3 | sed 's/^-1 .*/-1/')" "$3"
	else
		ktap_test_skip "$1"
	fi
}
for what in claim release heartbeat pull extents:1 done:1:1; do
	in_net "in another network: ${what%%:*}" "$what" -1
done
in_net "in another network there are no volumes" dump "ok 0"
is "root sees it" "$("$TOOLS"/nl-call $UUID dump)" "dump ok 1"
is "a volume that there is not" "$("$TOOLS"/nl-call 00000000-0000-0000-0000-000000000001 claim)" \
	"claim -2 no volume with this uuid is loaded"
is "no uuid" "$("$TOOLS"/nl-call - claim)" "claim -22 the uuid of the volume is missing"
is "an owner that goes is none" "$("$TOOLS"/nl-call $UUID claim heartbeat | tail -n 1) $(status helper_port)" \
	"heartbeat ok 0"
is "an item that there is not" "$("$TOOLS"/nl-call $UUID claim done:77:1 | tail -n 1)" \
	"done -2 no item with this id is in your hands"
finish
