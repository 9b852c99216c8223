# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2120 # what is set and what can be passed is used by scripts
#
# For scripts about volumes in an object store, here a directory. Source it instead of
# lib.sh:
#
#   s3_devices 64 256		# SSD and volume in MiB, formatted, the volume made in $BUCKET
#   start writeback_age_ms 100
#   d_start			# logcached, which has attached the volume
#   put A 0 8; flush
#   d_is state active		# what it says of the volume
#
# Another cache for the same volume: s3_new_ssd.

. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

TOOLS=$LC_TOP/tests/selftests/helper
LOGCACHED=${LOGCACHED:-$LC_TOP/userspace/logcached/logcached}
UUID=6ba7b810-9dad-41d1-80b4-00c04fd430c8
BUCKET=/tmp/lc-bucket
# Where volumes are made, and options for that.
URL=file:$BUCKET S3_OPTIONS=()
export LOGCACHE_CONF_DIR=/tmp/lc-conf LOGCACHE_RUN_DIR=/tmp/lc-run
D_STATE=/tmp/lc-state
D_CONF=/tmp/lc-logcached.conf
D_LOG=/tmp/lc-d.log

# s3_format [OPTION]...: a cache and a volume of $SIZE
s3_format() {
	quiet "$CTL" format --cache "$SSD" --origin "$URL" --size "$SIZE" --uuid "$UUID" \
		--yes "${S3_OPTIONS[@]}" "$@"
}

s3_devices() {
	ssd "$1" "${@:3}"
	ORIGIN=helper:$UUID SIZE=$2M SECTORS=$(($2 << 11))
	rm -rf $BUCKET $LOGCACHE_CONF_DIR $LOGCACHE_RUN_DIR $D_STATE $D_CONF
	mkdir $BUCKET
	: >$D_LOG
	s3_format || exit
}

# The cache is lost, and an empty one goes on: as logcachectl recover does it.
s3_new_ssd() {
	quiet "$CTL" format --cache "$SSD" --origin "$ORIGIN" --size "$SIZE" --yes --force &&
		s3_conf cache "$(cache_uuid)"
}
cache_uuid() { "$CTL" check --cache "$SSD" --json | sed -n 's/.*"uuid": *"\([^"]*\)".*/\1/p' | head -n 1; }

# s3_conf KEY VALUE: in the file of the volume
s3_conf() {
	local f=$LOGCACHE_CONF_DIR/$UUID.conf
	sed -i "/^$1 =/d" "$f" && echo "$1 = $2" >>"$f"
}

# d_run [OPTION]...: and do not wait
d_run() {
	"$LOGCACHED" --conf-dir $LOGCACHE_CONF_DIR --run-dir $LOGCACHE_RUN_DIR \
		--conf $D_CONF --state-dir $D_STATE "$@" >>$D_LOG 2>&1 &
	DAEMON=$!
}

# What it said, if a script is to fail for it.
d_show() { sed "s/^/# /" $D_LOG; }

d_start() {
	d_run "$@"
	within d_is state active || { d_show; exit 1; }
}

# d_end [SIGNAL]: default KILL; sets D_EXIT
d_end() {
	kill -"${1:-KILL}" "$DAEMON"
	kill -CONT "$DAEMON" 2>/dev/null
	wait "$DAEMON" 2>/dev/null
	D_EXIT=$?
}

# d_ask JSON: one request, in one process
d_ask() {
	echo "$1" | timeout 60 "$TOOLS"/ask $LOGCACHE_RUN_DIR/logcached.sock
}
# d_get KEY [UUID]: one field of the volume
d_get() {
	d_ask "{\"cmd\":\"status\",\"volume\":\"${2:-$UUID}\"}" |
		sed -n "s/.*[{,]\"$1\":\"\{0,1\}\([^\",}]*\).*/\1/p"
}
d_is() { [ "$(d_get "$1" "${3:-}")" = "$2" ]; }
d_said() { grep -q -- "$1" $D_LOG; }
