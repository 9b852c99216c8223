/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LC_LRU_H
#define LC_LRU_H

/*
 * lru.h - which clean segment to give up next, and which of its blocks stay.
 *
 * Pure core: no bio, no device, no lock, no allocation. It decides, evict.c
 * does. Terms:
 *
 *   block    cache block number: segment * blocks_per_seg + index in segment
 *   key      what the block caches: LBA in 4 KiB units
 *   heat     two bits per cache block: read hits since it was last judged
 *   carry    copy a hot block of a victim to the open carry segment
 *
 * State of a segment, and the call that moves it:
 *
 *          lc_lru_open()          lc_lru_clean()          lc_lru_pick()
 *   FREE ───────────────► BUSY ──────────────────► READY ───────────────► VICTIM
 *    ▲               (open, or sealed                ▲    lc_lru_expire()   │
 *    │                and still dirty)               └─── lc_lru_restore() ─┤
 *    └─────────────────────── lc_lru_evicted() ─────────────────────────────┘
 *
 *   FREE, BUSY, VICTIM are on no list and are never picked: data that is dirty
 *   is BUSY, so no policy decision can lose it.
 *
 * One eviction, as the caller does it:
 *
 *	seg = lc_lru_pick(lru);
 *	for each live block b of seg, caching key k:
 *		if (lc_lru_keep(lru, b))
 *			copy b to block c of the open carry segment;
 *			lc_lru_carry(lru, b, c);
 *		else
 *			take it out of the index;
 *			lc_lru_drop(lru, b, k);
 *	lc_lru_evicted(lru, seg);
 *
 * Locking: lc_lru_hit(), lc_lru_insert(), lc_lru_dead(), lc_lru_carry() and
 * lc_lru_keep() touch nothing but heat and may be called from any context with
 * no lock; a race can only lose a hit. Everything else is serialised by the
 * caller.
 */

#include <linux/types.h>

#define LC_LRU_NONE	((u32)~0u)

/* The open segment a block is appended to: lifetimes must not mix. */
enum lc_lru_stream {
	LC_LRU_WRITE,		/* user writes: dirty first */
	LC_LRU_FILL,		/* read misses: clean from the start */
	LC_LRU_CARRY,		/* hot blocks of victims: clean */
	LC_LRU_STREAMS,
};

struct lc_lru_params {
	u32 nsegs;
	u32 blocks_per_seg;	/* multiple of 32 */
	u32 ttl;		/* seconds from insertion; 0 = off */
	u32 ttl_rate;		/* blocks expired per second; 0 = no limit */
	/* Number of live blocks of @seg; called under the caller's lock. */
	u32 (*live)(void *ctx, u32 seg);
	void *ctx;
};

struct lc_lru_stats {
	u64 inserted;		/* blocks that came in by write or fill */
	u64 carried;		/* blocks copied out of victims */
	u64 evicted;		/* segments emptied */
	u64 kept;		/* segments kept in place, for being mostly hot */
	u64 expired;		/* segments emptied by age (TTL) */
};

struct lc_lru;

/* Memory lc_lru_init() wants, in bytes; 0 if the geometry is impossible. */
size_t lc_lru_bytes(u32 nsegs, u32 blocks_per_seg);

/*
 * Lay out a policy in @mem (lc_lru_bytes() bytes, 8-byte aligned, any content).
 * All segments start FREE. There is nothing to undo: the caller frees @mem.
 * Returns NULL if @params are impossible.
 */
struct lc_lru *lc_lru_init(void *mem, const struct lc_lru_params *params);

/* A read was served from @block. Any context, lock-free. */
void lc_lru_hit(struct lc_lru *lru, u64 block);

/*
 * @key enters the cache at @block, by write or fill; the previous owner's heat
 * is forgotten. Any context, lock-free.
 */
void lc_lru_insert(struct lc_lru *lru, u64 block, u64 key);

/* @block is garbage: overwritten or discarded. Any context, lock-free. */
void lc_lru_dead(struct lc_lru *lru, u64 block);

/* FREE → BUSY: @seg becomes the open segment of @stream at time @now (s). */
void lc_lru_open(struct lc_lru *lru, u32 seg, enum lc_lru_stream stream,
		 u32 now);

/*
 * BUSY → READY: @seg is sealed and has nothing dirty left. After a restart
 * call lc_lru_open() and lc_lru_clean() for each segment, oldest first.
 */
void lc_lru_clean(struct lc_lru *lru, u32 seg);

/*
 * READY → VICTIM: the segment to give up, or LC_LRU_NONE if none is READY.
 * Bounded work: looks at a fixed number of segments, whatever the cache size.
 */
u32 lc_lru_pick(struct lc_lru *lru);

/*
 * READY → VICTIM: a segment older than its TTL (±10 %, so that what was filled
 * together does not expire together), nothing of which is kept; LC_LRU_NONE if
 * there is none or this second's ttl_rate is used up.
 */
u32 lc_lru_expire(struct lc_lru *lru, u32 now);

/* Is live @block of a VICTIM to be carried over? */
bool lc_lru_keep(const struct lc_lru *lru, u64 block);

/* Block @from of a VICTIM was copied to block @to of a carry segment. */
void lc_lru_carry(struct lc_lru *lru, u64 from, u64 to);

/* Live @block of a VICTIM, caching @key, left the cache. */
void lc_lru_drop(struct lc_lru *lru, u64 block, u64 key);

/* VICTIM → FREE: all of its blocks were carried or dropped. */
void lc_lru_evicted(struct lc_lru *lru, u32 seg);

/* VICTIM → READY: the eviction was given up half way (I/O error, shutdown). */
void lc_lru_restore(struct lc_lru *lru, u32 seg);

const struct lc_lru_stats *lc_lru_stats(const struct lc_lru *lru);

#endif /* LC_LRU_H */
