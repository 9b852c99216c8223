/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which way writes go, and how that changes under I/O.
 *
 *   LOGGED --mode or write_cache--> DRAINING --little left--> GATED --clean--> DIRECT
 *      ^                                |                       |                |
 *      `--------------------------------+--------- back --------+----------------'
 *
 * DRAINING: writes still go to the log, everything is written back. GATED:
 * writes wait while the last unit goes to the origin, but not for an origin that
 * does not answer. DIRECT: nothing is dirty and nothing becomes dirty, so a
 * direct write can never be overtaken by an older version. The flag that decides
 * (log.direct) is read and changed under log.lock. Back in LOGGED the first unit
 * waits for direct writes that are still in flight (lc_through.nr), or they could
 * land on top of it.
 *
 * Also here: flushes that have to reach the origin (direct modes, sync=origin).
 */
#ifndef LC_MODE_H
#define LC_MODE_H

#include <linux/bio.h>
#include <linux/workqueue.h>

struct logcache;

struct lc_through {
	atomic_t nr;		/* registered: on their way to the origin or there */
	spinlock_t lock;	/* bios */
	struct bio_list bios;
	struct work_struct work;
};

struct lc_mode_switch {
	struct delayed_work work;
	u64 gated_at;		/* clean_lsn when last looked at, */
	unsigned long gated_since;	/* and since when, in jiffies */
};

struct lc_syncs {
	spinlock_t lock;	/* bios */
	struct bio_list bios;	/* flushes, FUA writes with sync=origin */
	struct work_struct work;
};

void lc_mode_init(struct logcache *lc);
/* Options changed: bring the way writes go in line with them. Any context. */
void lc_mode_update(struct logcache *lc);
/* Before suspend: stop changing. May sleep. */
void lc_mode_stop(struct logcache *lc);

/* Has the origin completed direct writes and not flushed them? */
bool lc_origin_unflushed(const struct logcache *lc);
/* Flush the origin. May sleep, as long as the origin takes; 0 or -errno. */
int lc_origin_flush(struct logcache *lc);
/* Does a flush that arrives now have to reach the origin? */
bool lc_flush_needs_origin(const struct logcache *lc);
/* @bio completes when everything acknowledged so far is on the origin, flushed. Any context. */
void lc_sync_add(struct logcache *lc, struct bio *bio);

/* writeback, writethrough, …; as configured. */
const char *lc_mode_name(const struct logcache *lc);

#endif /* LC_MODE_H */
