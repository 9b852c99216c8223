#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Suspend, reload and remove with items outstanding: nothing hangs, nothing fails, and
# the helper goes on with what the volume is then.

. "$(dirname "$0")/lib-helper.sh"
begin 17

suspend() { lc_dmsetup suspend "$@" $VOL; }
resume() { lc_dmsetup resume $VOL; }
cycle() { suspend "$@" && resume; }
again() { lc_dmsetup table $VOL | lc_dmsetup load $VOL && cycle "$@"; }
times() { "$@" && goes_on && "$@" && goes_on && "$@" && goes_on; }

helper_devices 48 128
start writeback_age_ms 100 fetch_timeout_ms 0
helper_start --delay 5
line=$(lc_dmsetup table $VOL)
keep_busy --ioengine=psync --numjobs=8 --thread --rw=randrw --bs=4k --size=14m \
	--offset_increment=14m --io_size=4m --verify=crc32c
ok "suspend and resume" times cycle
ok "without flush" times cycle --noflush
ok "reload of the table as it is printed" times again
ok "the same without flush" times again --noflush
is "it is still the same" "$(lc_dmsetup table $VOL)" "$line"
ok "none of the I/O fails" rest
ok "all of it arrives" flush
ok "and is right" image_same

# Nobody answers: reads and units outstanding.
empty writeback_age_ms 100 fetch_timeout_ms 0
wait_status helper_port -gt 0
kill -STOP "$HELPER"
put A 0 2048
wait_status helper_items -gt 0
dd if="$D" of=/tmp/lc-read bs=4k count=1 skip=20000 iflag=direct status=none &
reader=$!
wait_status reads_in_flight -eq 1
ok "a suspend without flush does not wait for a miss" suspend --noflush
ok "a table can be loaded" again --noflush
no "the reader still waits" gone $reader
kill -CONT "$HELPER"
outcome $reader
is "and is served" "$OUTCOME" ok
ok "the unit arrives" flush
ok "as it was" image_holds A 0 2048

kill -STOP "$HELPER"
put B 4096 2048
wait_status helper_items -gt 0
ok "removed with a unit outstanding" stop
kill -CONT "$HELPER"
start writeback_age_ms 100
ok "created again, the unit arrives" flush
ok "as it was" image_holds B 4096 2048
helper_end TERM
finish
