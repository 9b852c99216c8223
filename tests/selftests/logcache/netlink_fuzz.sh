#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Requests with any attributes, from one that owns the volume and from one that does not,
# under I/O: the kernel says nothing but no, and the volume can be had back.

. "$(dirname "$0")/lib-helper.sh"
COUNT=${LC_FUZZ:-20000}
begin 4

helper_devices 48 128
start writeback_age_ms 100 fetch_timeout_ms 200 object_mb 4
# Whatever is said to be done counts as done: what is read is not looked at.
(until [ -e /tmp/lc-rest ]; do
	fio --name=j --filename="$D" --rw=randrw --bs=16k --direct=1 --ioengine=psync --thread --numjobs=4 \
		--size=32m --io_size=8m --continue_on_error=all >/dev/null 2>&1
done) &
load=$!
total=0
for seed in 1 2 3 4; do
	line=$("$TOOLS"/nl-fuzz $UUID $((COUNT / 4)) $seed) || echo "# $line"
	total=$((total + $(echo "$line" | awk '{ print $4 }')))
done
num "some of it was accepted" "$total" -gt 100
touch /tmp/lc-rest
ok "the load ends" within gone $load
rm -f /tmp/lc-rest
rm -rf "$HELPER_DIR"
# The LSNs of this cache are not the image's any more.
helper_start
ok "a helper can claim it" wait_status helper_port -gt 0
ok "and a flush ends" flush
helper_end TERM
finish
