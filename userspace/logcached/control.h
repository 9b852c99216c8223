/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How logcachectl talks to a logcached that runs: a stream socket below the run directory,
 * one JSON object a line each way, answers in the order of the requests. Both ends are of
 * the same package; nothing here is kept.
 *
 *   -> {"cmd": "snapshot", "volume": "<uuid>", "name": "monday"}
 *   <- {"ok": true}
 *   <- {"error": "no such snapshot", "errno": 2}
 *
 *   cmd              besides "volume"     answer besides "ok"
 *   status           volume may be left   "pid", "version", "volumes": [ ... ], see below
 *                    out: all             "buckets": [ ... ], see below
 *   metrics          no volume            "text": Prometheus exposition format
 *   snapshots                             "snapshots": [{"name", "created", "seq"}],
 *                                         "clones": [{"uuid", "name", "created", "seq"}]
 *   snapshot         name
 *   snapshot-delete  name
 *   rollback         name, cache          the volume is not in use and nothing is dirty. From
 *                                         now on that cache, which has to be new, writes it
 *   clone            uuid; name may be    without a name: of the volume as it is now
 *                    left out
 *   clone-gone       uuid
 *   grow             sectors              0 also if it is that large
 *   checkpoint
 *   gc                                    until there is nothing more to do
 *   check                                 "ok" if this host still owns it; B9
 *   set              key, value           a limit, until the file is read again; "bucket"
 *                                         instead of "volume": of all volumes in it
 *   reload           no volume            files of volumes.d that came, went or changed
 *
 * What changes the bucket is answered when it is durable there. -ENOENT: not a volume of
 * this process; -EAGAIN: it is not attached (its device is not there, or the store does not
 * answer yet); otherwise as in bucket/volume.h.
 *
 * A volume in "volumes":
 *
 *   uuid, url, name (of the device), state: "waiting" for the device, "attaching",
 *   "active", "stale" (another host has it), "failed"; why: text, unless active;
 *   sectors, epoch, seq, lsn, objects, live_bytes, payload_bytes, snapshots, clones,
 *   uploading_units, uploading_bytes, oldest_ms, fetching,
 *   put_bytes, gc_bytes, ckpt_bytes, got_bytes, requests: {"put": n, ...},
 *   retries, unknown, unknown_applied, hedges, hedges_won, breaker, breaker_opened,
 *   throttled_up, throttled_down, stuck, crc_errors, readahead_hits, readahead_bytes,
 *   limits: {"upload_bytes": n, "upload_requests", "download_bytes", "download_requests"},
 *   of this volume, 0 is none; bucket: as below
 *
 * A bucket, which volumes share: name, volumes (that use it now), limits, throttled_up,
 * throttled_down
 */
#ifndef LC_CONTROL_H
#define LC_CONTROL_H

#define LC_RUN_DIR		"/run/logcache"
#define LC_STATE_DIR		"/var/lib/logcache"	/* object maps */
#define LC_CONTROL_NAME		"logcached.sock"
#define LC_CONTROL_LINE_MAX	(1u << 20)		/* with the newline */

#endif /* LC_CONTROL_H */
