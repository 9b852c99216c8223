#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Suspend, resume, reload and remove: under I/O, with writes that are held, with
# the origin gone. No I/O fails and nothing is lost.

. "$(dirname "$0")/lib.sh"
begin 23
devices 64 128
start writeback_age_ms 50
put A 0 64

suspend() { lc_dmsetup suspend "$@" $VOL; }
resume() { lc_dmsetup resume $VOL; }
cycle() { suspend "$@" && resume; }
# The table that is printed, through a suspend with such options.
again() { lc_dmsetup table $VOL | lc_dmsetup load $VOL && cycle "$@"; }
# times COMMAND...: three times, I/O in between
times() {
	"$@" && goes_on && "$@" && goes_on && "$@" && goes_on
}

keep_busy --rw=randwrite --bs=4k --offset=32m --size=2m --iodepth=8 --verify=crc32c
ok "suspend and resume" times cycle
ok "suspend without flush, and resume" times cycle --noflush
line=$(lc_dmsetup table $VOL)
ok "reload of the table as it is printed" times again
ok "the same without flush" times again --noflush
is "it is still the same" "$(lc_dmsetup table $VOL)" "$line"
ok "reload with an option that is not live" reload log_depth 4 writeback_age_ms 50
is "it is in force" "$(option log_depth)" 4
ok "reload into another mode" reload mode writethrough
ok "and back" reload writeback_age_ms 50
exec {in_use}<"$D"
no "what is in use is not removed" lc_dmsetup remove $VOL 2>/dev/null
exec {in_use}<&-
ok "I/O goes on" goes_on
ok "none of it fails" rest

reads=$(ios "$ORIGIN_RAW" reads)
ok "removed and created again" stop
start writeback_age_ms 3600000 dirty_start 5 dirty_throttle 10 dirty_limit 30
ok "the data is there" holds A 0 64
num "from the cache" "$(ios "$ORIGIN_RAW" reads)" -eq "$reads"

# held: a writer waits because the origin fails. Not with io_uring: the table that is
# loaded above an error target does not support its REQ_NOWAIT any more, and then
# device-mapper cannot bring back what it gave.
held() {
	turn origin error
	job --ioengine=psync --rw=write --bs=128k --size=48m --verify=crc32c --do_verify=0 &
	writer=$!
	wait_status writes_held -gt 0
}
held
ok "a suspend without flush does not wait for held writes" suspend --noflush
ok "the table can be loaded again" again --noflush
ok "the writer still waits" kill -0 $writer
turn origin linear
outcome $writer
is "and ends well when the origin is back" "$OUTCOME" ok
flush

held
suspend &
suspender=$!
turn origin linear
outcome $suspender
is "a suspend waits for held writes, and ends when the origin is back" "$OUTCOME" ok
resume
outcome $writer
is "so does the writer" "$OUTCOME" ok
ok "all he wrote is there" job --rw=write --bs=128k --size=48m --verify=crc32c --verify_only
flush
ok "and on the origin" same "$D" "$ORIGIN_RAW"
finish
