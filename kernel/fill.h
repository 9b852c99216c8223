/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Read misses: one origin read per range whoever asks (single flight), the
 * readers served from its buffer, the buffer then written to the open fill
 * segment and entered into the index, unless a write came between.
 *
 *   READING --origin--> READY --batched--> on the SSD --> in the index, forgotten
 *      | readers wait     | readers copy from the buffer
 *      |                  |
 *      `---- STALE <------'  a write or discard of any part, or 120 s:
 *            off the shard's list, so nobody joins any more; readers that are
 *            in it came before that write was acknowledged and are served;
 *            nothing is inserted
 *
 * As long as there is space that nothing has to make room for, a miss reads what is
 * around it too (fill_kb), up to what is cached or on its way, and with one request: a
 * slow device takes hardly longer for it. Where each byte costs (a store), that begins with
 * the second miss in such a range: the first one may be all that is ever wanted of it. What
 * nobody asked for is inserted cold.
 */
#ifndef LC_FILL_H
#define LC_FILL_H

#include <linux/bio.h>
#include <linux/mempool.h>
#include <linux/refcount.h>
#include <linux/workqueue.h>

#include "format.h"

struct logcache;
struct lc_shard;
struct lc_segbuf;

#define LC_MISS_BLOCKS	32u
#define LC_MISS_SECTORS	(LC_MISS_BLOCKS * LC_BLOCK_SECTORS)

struct lc_miss {
	struct list_head list;		/* shard->misses; empty when stale */
	struct list_head ready;		/* fills->ready, then the fill worker's own */
	struct logcache *lc;
	struct lc_shard *sh;
	refcount_t refs;
	u64 lba;			/* multiple of LC_BLOCK_SECTORS */
	u32 len;
	u64 want;			/* what somebody has asked for, */
	u64 want_end;			/* to here; the rest is around it, and cold */
	u32 at;				/* block of the fill segment it was written to */
	bool through;			/* the data comes from a direct write */
	bool keep;			/* to be inserted */
	bool filled;			/* the buffer holds the data; under shard lock */
	blk_status_t status;
	unsigned long started;		/* jiffies */
	struct bio_list waiters;	/* under shard lock, until filled */
	struct work_struct work;
	struct bio *read;		/* origin_bdev.c */
	unsigned int nr_pages;
	struct page *page[LC_MISS_BLOCKS];
};

/* Blocks that are worth one I/O of the cache. */
#define LC_FILL_BATCH	64u

struct lc_fills {
	spinlock_t lock;		/* ready, nr_ready */
	struct list_head ready;
	unsigned int nr_ready;		/* blocks */
	atomic_t reading;		/* origin reads in flight */
	atomic_t nr;			/* misses that exist */
	struct lc_segbuf *cur;		/* open fill segment, the worker's */
	struct bio_set bs;
	mempool_t *misses;
	mempool_t *pages;
	struct work_struct work;
	wait_queue_head_t idle;
};

int lc_fill_init(struct logcache *lc);
void lc_fill_exit(struct logcache *lc);

/* Serve @bio from the origin: the index knows none of its first @len sectors.
 * Joins a read in flight, starts one, or, without memory, remaps the bio. The
 * bio is cut to what one miss covers. Map context; does not sleep.
 * Called with the lock of @sh held and @flags; releases it.
 * Return: DM_MAPIO_SUBMITTED or DM_MAPIO_REMAPPED.
 */
int lc_fill_read(struct logcache *lc, struct lc_shard *sh, struct bio *bio, u32 len,
		 unsigned long flags)
	__releases(&sh->lock);

/* A read of the origin for the start of @bio alone, which waits for it; neither joined nor
 * inserted. The caller starts it. May sleep, until other reads have ended: one caller
 * at a time.
 */
struct lc_miss *lc_fill_private(struct logcache *lc, struct bio *bio);

/* Under the lock of @sh: no fill in flight on the range may be inserted. */
void lc_fill_stale(struct lc_shard *sh, u64 lba, u32 len);

/* A copy of @bio, a direct write on its way to the origin, for the cache; NULL if
 * there is to be none. Readers of the range wait for it. May sleep.
 */
struct lc_miss *lc_fill_through(struct logcache *lc, struct bio *bio);
/* The origin has given what was to be read, or has the write that is copied, or has
 * failed: enter the copy, serve the readers. Any context.
 */
void lc_miss_done(struct lc_miss *m, blk_status_t status);
/* The same of a read; no lock held: serves a single small reader at once. */
void lc_miss_answer(struct lc_miss *m, blk_status_t status);

/* Wait until nothing is left to insert. No new reads may come. May sleep. */
void lc_fill_drain(struct logcache *lc);
/* Seal the open fill segment; nothing is in flight. May sleep; 0 or -errno. */
int lc_fill_stop(struct logcache *lc);

/* Seal a segment of clean copies with what is still intact of it, and hand it
 * to the eviction policy. Releases @sb. May sleep; 0 or -errno.
 */
int lc_copies_seal(struct logcache *lc, struct lc_segbuf *sb);

#endif /* LC_FILL_H */
