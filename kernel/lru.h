/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef LC_LRU_H
#define LC_LRU_H

/*
 * lru.h - which clean segment to give up next, and which of its blocks stay.
 *
 * Pure core: no bio, no device, no lock, no allocation. It decides, evict.c
 * does. Terms:
 *
 *   block    cache block number: segment * blocks_per_seg + index in segment
 *   heat     four bits per cache block: how many sweeps it survives unread
 *   keeper   a block with heat; cold: a live block without
 *   carry    copy a keeper of a victim to the open carry segment
 *
 * There is no queue. Recency and frequency are in the heat, and a hand that
 * sweeps over the segments cools it, only as fast as space is needed:
 *
 *   heat 10 |  after the second hit              hit:  +6, at most 10
 *        |  |  after the first
 *        4 |  inserted                            swept: -1
 *        |  |
 *        0 |  cold: still read, still warmed; lost with its segment
 *
 *              hand: -1                  probe: the next 64
 *               v--------->               v-------------------->
 *   +----+----+----+----+----+----+----+----+----+----+----+----+
 *   |kkk.|kk..|kkcc|kkkk|open|kk..|free|kkcc|k...|dirt|kkk.|kkkc|
 *   +----+----+----+----+----+----+----+----+----+----+----+----+
 *   k keeper   c cold   . garbage             ^ victim: the least keepers to
 *                                               copy + live blocks to lose
 *
 * A sample whose cheapest segment still has too many keepers makes the hand
 * move on and cool the next segments. "Too many" depends on what fills the
 * space: where there is garbage, copying keepers is the only way to get it
 * back without losing data, and up to one block may be carried per block that
 * comes in; where there is none, cold data is dropped and hardly anything is
 * copied. tests/sim/README.rst has the measurements and what else was tried.
 *
 * State of a segment, and the call that moves it:
 *
 *         lc_lru_open()         lc_lru_clean()         lc_lru_pick()
 *   FREE --------------> BUSY ----------------> READY ---------------> VICTIM
 *    ^             (open, or sealed               ^    lc_lru_expire()   |
 *    |              and still dirty)              +---lc_lru_restore()---+
 *    +----------------------- lc_lru_evicted() --------------------------+
 *
 *   Only READY segments are ever picked: data that is dirty is BUSY, so no
 *   decision of this policy can lose it.
 *
 * One eviction, as the caller does it:
 *
 *	seg = lc_lru_pick(lru);
 *	for each live block b of seg:
 *		if (lc_lru_keep(lru, b))
 *			copy b to block c of the open carry segment;
 *			lc_lru_carry(lru, b, c);
 *		else
 *			take it out of the index;
 *	lc_lru_evicted(lru, seg);
 *
 * Locking: lc_lru_hit(), lc_lru_add(), lc_lru_rewrite(), lc_lru_dead() and
 * lc_lru_keep() touch nothing but heat: any context, no lock; a race can lose
 * the odd hit, nothing else. lc_lru_carry() is called by one evictor at a
 * time. Everything else is serialised by the caller.
 */

#include <linux/types.h>

#define LC_LRU_NONE	((u32)~0u)

/* The open segment a block is appended to: lifetimes must not mix. */
enum lc_lru_stream {
	LC_LRU_WRITE,		/* user writes: dirty first */
	LC_LRU_FILL,		/* read misses: clean from the start */
	LC_LRU_CARRY,		/* keepers of victims: clean */
	LC_LRU_STREAMS,
};

struct lc_lru_params {
	u32 nsegs;
	u32 blocks_per_seg;	/* multiple of 16 */
	u32 ttl;		/* seconds from insertion; 0 = off */
	u32 ttl_rate;		/* blocks expired per second; 0 = no limit */
	/* Live blocks of @seg, parts of blocks counted whole. Must not sleep. */
	u32 (*live)(void *ctx, u32 seg);
	void *ctx;
};

/*
 * Carried blocks per block that came in, over any long time:
 * carried / (evicted * blocks_per_seg - carried); never above 1.
 */
struct lc_lru_stats {
	u64 evicted;		/* segments picked */
	u64 carried;		/* their keepers */
	u64 forced;		/* ... whose keepers were too many: some dropped */
	u64 expired;		/* segments emptied by age (TTL) */
	u64 swept;		/* segments cooled by the hand */
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

/* Data enters at @block, by write or fill. Any context, lock-free. */
void lc_lru_add(struct lc_lru *lru, u64 block);

/*
 * Block @to, just added, replaces @from, which is now garbage: a rewrite is a
 * use of the block, and what the old version earned passes to the new one.
 * Without it (lc_lru_dead() alone) 30 % writes cost about one point of hit
 * ratio. Any context, lock-free.
 */
void lc_lru_rewrite(struct lc_lru *lru, u64 from, u64 to);

/* @block is garbage: overwritten or discarded. Any context, lock-free. */
void lc_lru_dead(struct lc_lru *lru, u64 block);

/* FREE → BUSY: @seg becomes the open segment of @stream at time @now (s). */
void lc_lru_open(struct lc_lru *lru, u32 seg, enum lc_lru_stream stream,
		 u32 now);

/*
 * BUSY → READY: @seg is sealed and has nothing dirty left. After a restart
 * call lc_lru_open(), lc_lru_add() for its live blocks and lc_lru_clean() for
 * each segment, oldest first.
 */
void lc_lru_clean(struct lc_lru *lru, u32 seg);

/*
 * READY → VICTIM: the segment to give up, or LC_LRU_NONE if none was READY among
 * those looked at; the next looks further, so try again, with the lock
 * dropped in between, while lc_lru_ready(). The work is bounded: no more than
 * 512 segments are looked at each time, 8 times, and 128 cooled.
 */
u32 lc_lru_pick(struct lc_lru *lru);

/* Segments that are READY. */
u32 lc_lru_ready(const struct lc_lru *lru);

/* Another TTL, from now on. Serialised with lc_lru_expire(). */
void lc_lru_set_ttl(struct lc_lru *lru, u32 ttl);

/*
 * READY → VICTIM: a segment older than its TTL (±10 %, so that what was filled
 * together does not expire together), nothing of which is kept; LC_LRU_NONE if
 * none was found among the next 64 or ttl_rate is used up: call it once a
 * second or so until it says that.
 */
u32 lc_lru_expire(struct lc_lru *lru, u32 now);

/* Is @seg READY and older than its TTL at time @now? */
bool lc_lru_expired(const struct lc_lru *lru, u32 seg, u32 now);

/* Is live @block of a VICTIM to be carried over? */
bool lc_lru_keep(const struct lc_lru *lru, u64 block);

/*
 * Block @from of a VICTIM was copied to block @to of a carry segment, which
 * is from now on as old as the oldest data in it.
 */
void lc_lru_carry(struct lc_lru *lru, u64 from, u64 to);

/* VICTIM → FREE: all of its blocks were carried or dropped; or BUSY → FREE. */
void lc_lru_evicted(struct lc_lru *lru, u32 seg);

/* VICTIM → READY: the eviction was given up half way (I/O error, shutdown). */
void lc_lru_restore(struct lc_lru *lru, u32 seg);

const struct lc_lru_stats *lc_lru_stats(const struct lc_lru *lru);

#endif /* LC_LRU_H */
