#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A new logcached takes over from the one that runs, while the volume is used: no I/O
# fails, and the old one neither takes it back nor takes it for another host.

. "$(dirname "$0")/lib-s3.sh"
begin 11

s3_devices 48 96
start writeback_age_ms 100 object_mb 4
d_start
first=$DAEMON port=$(status helper_port)
keep_busy --rw=randrw --bsrange=4k-64k --size=100% --io_size=8m --iodepth=16 --verify=crc32c \
	--verify_backlog=64
goes_on 50
d_run
wait "$DAEMON"
is "a second one does not start beside it" $? 1
ok "and says what can be done" d_said "use --takeover"
ok "the first one stays" status_is helper_port -eq "$port"
d_run --takeover
second=$DAEMON
attached() { d_is pid "$second" && d_is state active; }
ok "one that takes over owns it" wait_status helper_port -ne "$port"
ok "and attaches" within attached
goes_on 100
ok "the old one knows" within d_said "another process of this host"
no "and does not believe in another host" d_said "stopped writing"
kill -TERM "$first"
wait "$first"
is "it ends in good order" $? 0
ok "the socket is the new one's" d_is state active
goes_on 50
ok "no I/O failed and no byte was wrong" rest
ok "a flush ends" flush
d_end TERM
finish
