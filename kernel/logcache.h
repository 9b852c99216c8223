/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The parts of one cached volume and how they hang together. Each part's
 * header says what its file does; this one only names them.
 *
 * Glossary
 *   cache    the SSD; *origin*: the slow device; *volume*: what users see
 *   sector   512 bytes, the unit of every lba, len and loc
 *   block    4096 bytes of the cache, the unit of checksums and of eviction
 *   loc      a sector of the cache, counted from the start of segment 0
 *   segment  see format.h; *slot*: its entry in the summary table
 *   entry    one write, discard or write-zeroes in the log; has an LSN
 *   batch    entries that travel to the cache as one record
 *   publish  to enter a batch's entries, now on the cache, into the index
 *   clean    on the origin too, flushed there; otherwise *dirty*
 *
 * Locks, outermost first. All are spinlocks taken with interrupts off, since
 * batches complete in interrupt context; nothing sleeps under any of them.
 *   log.lock     the open batch, batches in flight, positions of the log
 *   shard.lock   one shard of the index and the misses in flight on it
 *   segs.lock    free list, states of segments
 *   lru.lock     the eviction policy
 * log.lock may be held when segs.lock or lru.lock is taken; shard.lock is taken
 * with none of the others held, and lru.lock is a leaf under any.
 */
#ifndef LC_LOGCACHE_H
#define LC_LOGCACHE_H

#define DM_MSG_PREFIX	"logcache"

#include <linux/bio.h>
#include <linux/device-mapper.h>
#include <linux/dm-ioctl.h>
#include <linux/list.h>
#include <linux/mempool.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "args.h"
#include "compat/compat.h"
#include "damage.h"
#include "format.h"
#include "index.h"
#include "lru.h"
#include "origin.h"
#include "record.h"
#include "stats.h"

/* Shards interleave over the volume in stripes (format.h). */
#define LC_SHARD_SHIFT		6u
#define LC_SHARDS		(1u << LC_SHARD_SHIFT)

struct logcache;

enum lc_seg_state {
	LC_SEG_FREE,
	LC_SEG_OPEN,		/* being filled, or full and not yet sealed */
	LC_SEG_SEALED,		/* slot is on the cache; dirty or clean by end_lsn */
	LC_SEG_VICTIM,		/* being emptied, or empty and waiting for a checkpoint */
};

/**
 * struct lc_seg - one segment in memory
 * @list:	dirty list, victim list or free list
 * @seq:	sequence number given when it was opened
 * @first_lsn, @end_lsn: log: LSNs inside. fill: both are "as of"
 * @live:	sectors the index maps to, and LC_SEG_COUNTED: segment.h
 * @readers:	bios reading from it; it is not used again before they are gone
 */
struct lc_seg {
	struct list_head list;
	u64 seq;
	u64 first_lsn;
	u64 end_lsn;
	atomic_t live;
	atomic_t readers;
	u8 state;
	u8 type;
};

struct lc_shard {
	spinlock_t lock;		/* all of this */
	struct lc_index index;
	struct list_head misses;	/* struct lc_miss, reads of the origin */
	struct list_head through;	/* struct lc_bio, direct writes of the origin */
} ____cacheline_aligned_in_smp;

/**
 * struct lc_segbuf - an open segment and its slot under construction
 * @list:	log: queue of segments to be sealed
 * @slot:	the slot's buffer: entries accumulate behind the struct
 * @nr:		entries so far
 * @given:	log: entries promised to batches, those in @nr included
 * @fill:	blocks of the segment given out
 * @closing:	copies: being sealed, a checkpoint does not count it as open
 * @chain_at_start: log: CRC of the record before this segment's first
 */
struct lc_segbuf {
	struct list_head list;
	struct lc_slot *slot;
	u32 seg;
	u32 next_seg;
	u32 nr;
	u32 fill;
	u32 chain;
	u32 chain_at_start;
	u64 seq;
	u64 first_lsn;
	u32 given;
	u8 type;
	bool closing;
};

/* The segments: table, free list, what their blocks are worth. */
struct lc_segs {
	spinlock_t lock;		/* free list, counts */
	struct lc_seg *seg;
	struct list_head free;
	u32 nr_free;
	u32 nr_dirty;			/* log segments not wholly on the origin, */
	atomic64_t dirty_live;		/* and sectors the index maps to them */
	u64 next_seq;
	unsigned long *intact;		/* bitmap of format.h, one bit per block */
	u32 *crc;			/* one per block */
	struct list_head bufs;		/* spare struct lc_segbuf */
	struct lc_segbuf *buf;		/* array they come from */
};

#include "log.h"
#include "fill.h"
#include "writeback.h"
#include "evict.h"
#include "mode.h"
#include "scrub.h"

enum lc_state {
	LC_OK,
	LC_FAILED,		/* the cache device failed a log write: no more writes */
};

/* Bitmap blocks read or written with one I/O. */
#define LC_CKPT_CHUNK	64u
#define LC_CKPT_BUF	((size_t)LC_CKPT_CHUNK << LC_BLOCK_SHIFT)

/* Hits that the SSD had no room for (retry.h). */
struct lc_retries {
	spinlock_t lock;	/* bios */
	struct bio_list bios;
	struct work_struct work;
};

struct logcache {
	struct dm_target *ti;
	struct list_head list;		/* of all volumes */
	struct dm_dev *cache;
	struct lc_origin origin;
	char name[DM_NAME_LEN];		/* for messages: device-mapper name of the volume */
	bool cache_volatile;		/* the SSD has a volatile write cache */
	bool loaded;			/* metadata is in memory */
	bool broken;			/* loading failed half way: reload the table */
	bool suspended;
	bool given_up;			/* a repair gave up writes, and nobody has taken note */
	enum lc_state state;
	struct lc_args args;
	struct lc_geo geo;
	u64 epoch;
	u64 ckpt_seq;
	u64 volume_sectors;
	u64 recovery_us;
	atomic_t plugs;			/* callbacks of plugs that are still to come */
	atomic64_t through_seq;		/* direct writes the origin has completed, */
	u64 through_flushed;		/* and of these it has flushed */
	u8 loc_bits;

	struct lc_shard *shards;
	struct lc_segs segs;
	struct lc_log log;
	struct lc_fills fills;
	struct lc_writeback wb;
	struct lc_evict evict;
	struct lc_damages damage;
	struct lc_scrub scrub;
	spinlock_t lru_lock;		/* lru */
	struct lc_lru *lru;
	void *lru_mem;
	struct lc_stats stats;

	struct bio_set bs;
	struct kmem_cache *nodes;
	/*
	 * Nothing on a queue waits for work on the same queue, since under memory
	 * pressure each of them can be down to one thread.
	 */
	struct workqueue_struct *wq;	/* log, misses, jobs, hits again: only I/O; seals,
					 * which wait for the SSD and for nothing else
					 */
	struct workqueue_struct *bg;	/* eviction, fills: may wait for wq */
	struct workqueue_struct *syncs_wq;	/* flushes of the origin: wait for writeback */
	wait_queue_head_t seg_wait;	/* for lc_seg.readers to reach 0 */
	struct mutex ckpt_lock;		/* one checkpoint at a time */
	void *ckpt_buf;			/* LC_CKPT_BUF bytes, under ckpt_lock */
	mempool_t *verify_pages;
	struct lc_through through;
	struct lc_retries retries;
	struct lc_mode_switch mode;
	struct lc_syncs syncs;
	struct work_struct event;	/* tells device-mapper's waiters */
};

/* What a bio of ours carries from map to end_io. */
struct lc_bio {
	struct lc_seg *seg;		/* hit: the segment it reads */
	struct list_head through;	/* direct write: shard->through */
	struct lc_miss *miss;		/* direct write: its copy for the cache */
	struct bvec_iter iter;		/* hit: where the bio was before it was remapped */
	u64 lba;			/* of a direct write; of a hit: its loc; of a flush:
					 * published_lsn
					 */
	u32 len;
	u8 op;				/* enum lc_op, for the log */
	bool retried;			/* hit: the cache has failed it, or it is verified */
	struct logcache *lc;		/* for work: a verified read, or one the cache has failed */
	struct work_struct work;
};

static inline struct lc_bio *lc_bio(struct bio *bio)
{
	return dm_per_bio_data(bio, sizeof(struct lc_bio));
}

static inline struct lc_shard *lc_shard_of(struct logcache *lc, u64 lba)
{
	return &lc->shards[(lba >> LC_STRIPE_SHIFT) & (LC_SHARDS - 1)];
}

/* Stripes of one shard follow each other in its key space. */
static inline u64 lc_key(u64 lba)
{
	return (lba >> (LC_STRIPE_SHIFT + LC_SHARD_SHIFT) << LC_STRIPE_SHIFT) |
	       (lba & (LC_STRIPE_SECTORS - 1));
}

static inline u64 lc_unkey(const struct logcache *lc, const struct lc_shard *sh, u64 key)
{
	u64 shard = sh - lc->shards;

	return (key >> LC_STRIPE_SHIFT << (LC_STRIPE_SHIFT + LC_SHARD_SHIFT)) |
	       shard << LC_STRIPE_SHIFT | (key & (LC_STRIPE_SECTORS - 1));
}

/* Sectors from @lba to the end of its stripe. */
static inline u32 lc_stripe_room(u64 lba)
{
	return LC_STRIPE_SECTORS - (lba & (LC_STRIPE_SECTORS - 1));
}

#endif /* LC_LOGCACHE_H */
