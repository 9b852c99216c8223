#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Writers are slowed when much is dirty and held at the limit. A held write fails
# after hold_ms, or goes on when there is room again; what was acknowledged stays.

. "$(dirname "$0")/lib.sh"
begin 13
devices 64 128

dirty_percent() { echo $((100 * $(status segments_dirty) / $(status segments))); }
at_limit() { [ "$(dirty_percent)" -ge "$(option dirty_limit)" ] && status_is state = held; }
write_much() {
	job --rw=write --bs=128k --size=96m --iodepth=1 --verify=crc32c --do_verify=0 >/dev/null
}
# fill_up: until the writer is held, which it is because the origin is
fill_up() {
	hold origin
	write_much &
	writer=$!
	within at_limit
}

start dirty_start 5 dirty_throttle 10 dirty_limit 60 writeback_age_ms 3600000
hold origin
job --rw=write --bs=128k --size=32m --iodepth=1
release origin
num "above dirty_throttle writers are slowed" "$(status writes_throttled)" -gt 0
num "which is not to be held" "$(status writes_held)" -eq 0
flush

msg set dirty_limit 30
ok "at dirty_limit they are held" fill_up
num "which is counted" "$(status writes_held)" -gt 0
ok "the writer waits" kill -0 $writer
release origin
outcome $writer
is "with room again it goes on, and ends well" "$OUTCOME" ok
flush

msg set hold_ms 300
hold origin
acked=$(status writes)
write_much &
outcome $!
is "with hold_ms the write that is held fails" "$OUTCOME" failed
acked=$(($(status writes) - acked - 1))
ok "what was acknowledged is there" job --rw=read --bs=128k --size=$((acked * 128))k --verify=crc32c
release origin
ok "and reaches the origin" flush

msg set hold_ms 0
ok "without hold_ms they are held" fill_up
ok "and wait" kill -0 $writer
msg set hold_ms 300
outcome $writer
is "until somebody sets it" "$OUTCOME" failed
release origin
ok "all becomes clean" flush
finish
