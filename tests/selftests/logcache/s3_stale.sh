#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Another host attaches the volume: this one stops writing at once, says so, and stays
# that way. Hits and writes go on, a miss fails; nothing of the log is lost.

. "$(dirname "$0")/lib-s3.sh"
THERE=0e0c6b1c-5a3f-4ce2-9c5c-2f1d5d0b8f11
begin 15

s3_devices 64 96
start writeback_age_ms 100
d_start
put OLD 0 64
put COLD 8192 64
flush
ok "the cache forgets" empty writeback_age_ms 100
ok "logcached has it" within d_is state active
ok "a hit" holds OLD 0 64
ok "another host attaches it" quiet "$TOOLS"/bucket-attach $BUCKET $UUID $THERE /tmp/lc-there
put NEW 4096 64
ok "this one notices" within d_is state stale
ok "and says what can be done" d_said "stopped writing"
objects=$(find $BUCKET -type f | sort | md5sum)
num "what is new is dirty" "$(status dirty_sectors)" -gt 0
put NEWER 6144 64
ok "writes go on" holds NEWER 6144 64
ok "hits go on" holds OLD 0 64
no "a miss fails" get 8192 64
sleep 2
is "nothing is written any more" "$(find $BUCKET -type f | sort | md5sum)" "$objects"

# Neither by itself nor after a restart, though its file names it as a new one.
kill -HUP "$DAEMON"
d_end TERM
is "it ends in good order" "$D_EXIT" 0
: >$D_LOG
d_run
ok "it is refused" within d_is state stale
ok "because of the other cache" d_said "cache $THERE wrote last"
num "its data is still there" "$(status dirty_sectors)" -gt 0
d_end TERM
finish
