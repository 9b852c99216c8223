/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which way writes go, and how that changes under I/O.
 *
 *   LOGGED --mode or write_cache--> DRAINING --little left--> GATED --clean--> DIRECT
 *      ^                                |                       |                |
 *      `--------------------------------+--------- back --------+----------------'
 *
 * DRAINING: writes still go to the log, everything is written back. GATED:
 * writes wait while the last unit goes to the origin. DIRECT: nothing is dirty
 * and nothing becomes dirty, so a direct write can never be overtaken by an
 * older version. The flag that decides (log.direct) is read and changed under
 * log.lock.
 *
 * Also here: flushes that have to reach the origin (direct modes, sync=origin).
 */
#ifndef LC_MODE_H
#define LC_MODE_H

#include <linux/bio.h>
#include <linux/workqueue.h>

struct logcache;

struct lc_through {
	spinlock_t lock;	/* bios */
	struct bio_list bios;
	struct work_struct work;
};

struct lc_mode_switch {
	struct work_struct work;
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

/* Does a flush that arrives now have to reach the origin? */
bool lc_flush_needs_origin(const struct logcache *lc);
/* @bio completes when everything acknowledged so far is on the origin, flushed. Any context. */
void lc_sync_add(struct logcache *lc, struct bio *bio);

/* writeback, writethrough, …; as configured. */
const char *lc_mode_name(const struct logcache *lc);

#endif /* LC_MODE_H */
