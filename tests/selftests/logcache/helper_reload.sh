#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A helper outlives the module, and hears the rings of the one that is loaded then; it
# would go on without, but then by asking now and then.

. "$(dirname "$0")/lib-helper.sh"
begin 5

# Sockets of generic netlink that are in a group.
listeners() { awk '$2 == 16 && $4 !~ /^0*$/' /proc/net/netlink | wc -l; }

helper_devices 48 128
start writeback_age_ms 100
before=$(listeners)
helper_start
is "a helper listens" "$(listeners)" $((before + 1))
put A 0 64
flush
stop
ok "the module is loaded anew" eval "lc_unload_module && lc_load_module"
start writeback_age_ms 100
ok "the same helper claims the volume" wait_status helper_port -gt 0
is "and listens again" "$(listeners)" $((before + 1))
put B 64 64
ok "what is written gets to it" eval "flush && image_holds A 0 64 && image_holds B 64 64"
helper_end TERM
finish
