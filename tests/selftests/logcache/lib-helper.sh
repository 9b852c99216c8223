# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2120 # what is set and what can be passed is used by scripts
#
# For scripts about volumes whose origin is a helper. Source it instead of lib.sh:
#
#   helper_devices 64 256	# SSD and volume in MiB, formatted
#   start writeback_age_ms 100
#   helper_start		# and it owns the volume
#   put A 0 8; flush
#   ok "the origin has it" image_holds A 0 8
#
# The helper keeps the volume in the sparse file $IMAGE and tells in $HELPER_LOG what
# it does: tests/selftests/helper/file-helper.c.

. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

TOOLS=$LC_TOP/tests/selftests/helper
UUID=6ba7b810-9dad-41d1-80b4-00c04fd430c8
HELPER_DIR=/tmp/lc-helper
IMAGE=$HELPER_DIR/image
HELPER_LOG=/tmp/lc-helper.log

# format_helper [OPTION]...: of logcachectl
format_helper() { quiet "$CTL" format --cache "$SSD" --origin "$ORIGIN" --size "$SIZE" --yes "$@"; }

helper_devices() {
	ssd "$1" "${@:3}"
	ORIGIN=helper:$UUID SIZE=$2M SECTORS=$(($2 << 11))
	rm -rf "$HELPER_DIR"
	: >"$HELPER_LOG"
	format_helper || exit
}

# helper_run [OPTION]...: and do not wait
helper_run() {
	"$TOOLS"/file-helper --uuid $UUID --dir $HELPER_DIR "$@" >>"$HELPER_LOG" 2>&1 &
	HELPER=$!
}

# The one that runs now owns the volume.
helper_start() {
	: >"$HELPER_LOG"
	helper_run "$@"
	within helper_said claimed || { cat $HELPER_LOG; exit 1; }
}

helper_said() { grep -q -- "^$1" "$HELPER_LOG"; }
helper_count() { grep -c -- "^$1" "$HELPER_LOG"; }

# helper_end [SIGNAL]: default KILL
helper_end() {
	kill -"${1:-KILL}" "$HELPER"
	kill -CONT "$HELPER" 2>/dev/null
	wait "$HELPER" 2>/dev/null
	[ -z "$(names "^$VOL\$")" ] || wait_status helper_port -eq 0
}

# image_holds NAME SECTOR SECTORS
image_holds() {
	stamp "$1" "$3" >/tmp/lc-want
	dd if="$IMAGE" bs=512 skip="$2" count="$3" status=none | cmp -s - /tmp/lc-want
}
image_zeroes() { head -c $(($2 * 512)) /dev/zero | cmp -s - <(dd if="$IMAGE" bs=512 skip="$1" count="$2" status=none); }

# Byte by byte, past the page cache: after a flush.
image_same() { cmp <(dd if="$D" bs=1M iflag=direct status=none) "$IMAGE"; }
