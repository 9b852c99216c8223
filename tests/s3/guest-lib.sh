# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2086 # what is set is used by scripts
#
# For what runs in a virtual machine and has a volume in a store. Source it from the
# repository. The store is the server that the file $S3_ENV describes (scripts/s3-server), on
# the host; without one, the directory $S3_DIR.

. tests/vm/guest-lib.sh

CTL=userspace/logcachectl
LOGCACHED=${LOGCACHED:-userspace/logcached/logcached}
export LOGCACHE_CONF_DIR=/tmp/volumes.d
NO_FENCING=
mkdir -p /tmp/state

if [ -n "${S3_ENV:-}" ]; then
	# shellcheck source=/dev/null
	. "$S3_ENV"
	# The host's loopback, as seen from here.
	ENDPOINT=http://10.0.2.2:${S3_ENDPOINT##*:}
	ORIGIN=s3://$S3_BUCKET/${S3_PREFIX:-tests}
	STORE=(--endpoint "$ENDPOINT" --store-option "region=$S3_REGION"
		--store-option "vendor=$S3_VENDOR" --store-option "key_file=$S3_KEY_FILE")
else
	S3_DIR=${S3_DIR:-/tmp/bucket}
	mkdir -p "$S3_DIR"
	ORIGIN=file:$S3_DIR
	STORE=()
fi

event() { echo "$*" >>"$LC_SHARE/events"; }

# helper_start [OPTION]...: sets HELPER
helper_start() {
	"$LOGCACHED" --conf-dir "$LOGCACHE_CONF_DIR" --state-dir /tmp/state "$@" \
		2>>"$LC_SHARE/logcached.log" &
	HELPER=$!
}

# A clean end.
helper_stop() {
	kill "$HELPER"
	wait "$HELPER"
}

# format SSD SIZE: a new volume
format() { "$CTL" format --yes --cache "$1" --origin "$ORIGIN" --size "$2" "${STORE[@]}" $NO_FENCING; }

# recover SSD UUID: an empty cache for a volume that is there
recover() {
	"$CTL" recover --yes --cache "$1" --origin "$ORIGIN" --volume "$2" "${STORE[@]}" $NO_FENCING
}

verify_bucket() {
	"$CTL" verify-bucket --json --origin "$ORIGIN" --volume "$1" "${STORE[@]}"
}

# start NAME SSD [KEY=VALUE]...: sets VOLUME
start() {
	local name=$1 ssd=$2 kv options=()
	shift 2
	for kv; do options+=(--option "$kv"); done
	"$CTL" create --noudevsync --cache "$ssd" "${options[@]}" "$name" >/dev/null
	VOLUME=$(lc_dm_path "$name")
}

uuid() { basename "$(echo "$LOGCACHE_CONF_DIR"/*.conf)" .conf; }

# number NAME KEY: of dmsetup status
number() {
	lc_dmsetup status "$1" | awk -v key="$2" '{ for (i = 4; i < NF; i += 2) if ($i == key) print $(i + 1) }'
}

# store_field NAME KEY...: of what the helper says about the volume
store_field() {
	"$CTL" status --json "$1" | /usr/bin/python3 -c '
import json, sys
s = json.load(sys.stdin)
s = s[0] if isinstance(s, list) else s
print(*(s["store"].get(key, "?") for key in sys.argv[1:]))' "${@:2}"
}

# within SECONDS COMMAND...: of this machine, polled
within() {
	local end=$((SECONDS + $1))
	shift
	until "$@"; do
		[ $SECONDS -lt $end ] || { echo "# not in time: $*"; return 1; }
		sleep 0.1
	done
}
