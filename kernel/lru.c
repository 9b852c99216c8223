// SPDX-License-Identifier: GPL-2.0-only
/*
 * lru.c - heat of the cache blocks, the hand that cools it, and the victim.
 */

#include <linux/bitops.h>
#include <linux/compiler.h>
#include <linux/kernel.h>
#include <linux/limits.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/string.h>
#include <linux/types.h>

#include "lru.h"

/* Small against MAX: demands proof of new data, keeps hot sets. See README. */
#define HEAT_ADD	4
#define HEAT_HIT	6
#define HEAT_MAX	10
#define HEAT_BITS	4
#define HEAT_MASK	15
#define HEATS_PER_WORD	16
#define HEAT_LOW_BITS	0x1111111111111111ull

/* One sample of a pick; what the hand cools before the next; their number. */
#define PROBE_SEGS	64
#define SWEEP_SEGS	16
#define PICK_TRIES	8

/* Segments looked at for one victim while none is READY. */
#define LOOK_SEGS	(8 * PROBE_SEGS)

/* Keepers per victim, in 1/64 of a segment: no garbage about, and garbage. */
#define KEEP_CLEAN	10
#define KEEP_GARBAGE	62
/* Garbage about: more than this many 1/64 of the sample. */
#define GARBAGE_MIN	3
/* How much unused right to carry may be saved for later, in segments. */
#define CREDIT_SEGS	16

enum lc_lru_state {
	LC_LRU_FREE,
	LC_LRU_BUSY,
	LC_LRU_READY,
	LC_LRU_VICTIM,
};

struct lc_lru_seg {
	u32 born;		/* time of the oldest data */
	u8 state;
	u8 keep;		/* VICTIM: least heat that is carried */
};

struct lc_lru {
	struct lc_lru_params p;
	struct lc_lru_stats stats;
	u32 hand;		/* next segment to cool */
	u32 probe;		/* next segment to sample */
	u32 ttl_probe;
	u32 ready;		/* segments that are */
	u32 ttl_last;		/* time of the last refill of ... */
	u64 ttl_left;		/* blocks that may expire now */
	s64 credit;		/* blocks that may be carried now */
	struct lc_lru_seg *seg;
	u64 *heat;
};

/*
 * Heat of one block. Nibbles share a byte with a neighbour and no
 * access is atomic: whoever loses a race loses one update, and the
 * hit path stays a load, a compare and, until it is hot, a store.
 */

static u8 *heat_byte(const struct lc_lru *lru, u64 block)
{
	return (u8 *)lru->heat + (block >> 1);
}

static u32 heat_get(const struct lc_lru *lru, u64 block)
{
	u32 shift = block & 1 ? HEAT_BITS : 0;

	return READ_ONCE(*heat_byte(lru, block)) >> shift & HEAT_MASK;
}

static void heat_set(struct lc_lru *lru, u64 block, u32 heat)
{
	u32 shift = block & 1 ? HEAT_BITS : 0;
	u8 *byte = heat_byte(lru, block), old = READ_ONCE(*byte);
	u8 new = (old & ~(HEAT_MASK << shift)) | heat << shift;

	/* Hot blocks are hit all the time: leave their cache lines shared. */
	if (new != old)
		WRITE_ONCE(*byte, new);
}

static void heat_raise(struct lc_lru *lru, u64 block, u32 heat)
{
	heat_set(lru, block, min_t(u32, heat + HEAT_HIT, HEAT_MAX));
}

void lc_lru_hit(struct lc_lru *lru, u64 block)
{
	heat_raise(lru, block, heat_get(lru, block));
}

void lc_lru_add(struct lc_lru *lru, u64 block)
{
	heat_set(lru, block, HEAT_ADD);
}

void lc_lru_rewrite(struct lc_lru *lru, u64 from, u64 to)
{
	heat_raise(lru, to, heat_get(lru, from));
	heat_set(lru, from, 0);
}

void lc_lru_dead(struct lc_lru *lru, u64 block)
{
	heat_set(lru, block, 0);
}

/*
 * Heat of a segment, a word of nibbles at a time
 */

static u32 words_per_seg(const struct lc_lru *lru)
{
	return lru->p.blocks_per_seg / HEATS_PER_WORD;
}

static u64 *seg_heat(const struct lc_lru *lru, u32 seg)
{
	return lru->heat + (u64)seg * words_per_seg(lru);
}

/* The low bit of every nibble that is not zero. */
static u64 warm_nibbles(u64 word)
{
	word |= word >> 1;
	word |= word >> 2;
	return word & HEAT_LOW_BITS;
}

static u32 seg_keepers(const struct lc_lru *lru, u32 seg)
{
	const u64 *word = seg_heat(lru, seg);
	u32 i, n = 0;

	for (i = 0; i < words_per_seg(lru); i++)
		n += hweight64(warm_nibbles(READ_ONCE(word[i])));
	return n;
}

static u32 seg_hotter(const struct lc_lru *lru, u32 seg, u32 heat)
{
	u64 block = (u64)seg * lru->p.blocks_per_seg;
	u32 i, n = 0;

	for (i = 0; i < lru->p.blocks_per_seg; i++)
		n += heat_get(lru, block + i) >= heat;
	return n;
}

static void seg_cool(struct lc_lru *lru, u32 seg)
{
	u64 *word = seg_heat(lru, seg), old;
	u32 i;

	for (i = 0; i < words_per_seg(lru); i++) {
		old = READ_ONCE(word[i]);
		if (old)
			WRITE_ONCE(word[i], old - warm_nibbles(old));
	}
}

static void seg_forget(struct lc_lru *lru, u32 seg)
{
	memset(seg_heat(lru, seg), 0, lru->p.blocks_per_seg / 2);
}

/*
 * Victim
 */

struct lc_lru_sample {
	u32 best;
	u32 best_keepers;
	u32 best_cost;
	u32 segs;
	u64 live;
};

static u32 next_seg(const struct lc_lru *lru, u32 seg)
{
	return seg + 1 == lru->p.nsegs ? 0 : seg + 1;
}

/*
 * A keeper costs a copy now, a cold block perhaps a miss later, garbage
 * nothing. The live ones count twice, so to speak, if they are keepers.
 */
static void sample_add(struct lc_lru *lru, struct lc_lru_sample *s, u32 seg)
{
	u32 live = min(lru->p.live(lru->p.ctx, seg), lru->p.blocks_per_seg);
	u32 keepers = seg_keepers(lru, seg);

	s->segs++;
	s->live += live;
	if (keepers + live < s->best_cost) {
		s->best = seg;
		s->best_keepers = keepers;
		s->best_cost = keepers + live;
	}
}

/* PROBE_SEGS further, and on, but not for ever, until something is READY. */
static void sample(struct lc_lru *lru, struct lc_lru_sample *s)
{
	u32 i;

	*s = (struct lc_lru_sample) {
		.best = LC_LRU_NONE,
		.best_cost = U32_MAX,
	};
	for (i = 0; i < min_t(u32, lru->p.nsegs, LOOK_SEGS) && lru->ready; i++) {
		if (i >= PROBE_SEGS && s->segs)
			break;
		if (lru->seg[lru->probe].state == LC_LRU_READY)
			sample_add(lru, s, lru->probe);
		lru->probe = next_seg(lru, lru->probe);
	}
}

/* A victim pays with the space it frees for the blocks it has carried. */
static s64 credit_after(const struct lc_lru *lru, u32 keepers)
{
	return lru->credit + lru->p.blocks_per_seg - 2 * (s64)keepers;
}

static bool affordable(const struct lc_lru *lru, const struct lc_lru_sample *s,
		       u32 keepers)
{
	u32 bps = lru->p.blocks_per_seg;
	u64 space = (u64)s->segs * bps;

	if (keepers * 64ull <= (u64)KEEP_CLEAN * bps)
		return true;
	return (space - s->live) * 64 > GARBAGE_MIN * space &&
	       keepers * 64ull <= (u64)KEEP_GARBAGE * bps &&
	       credit_after(lru, keepers) >= 0;
}

static void sweep(struct lc_lru *lru)
{
	u32 i, n = min_t(u32, SWEEP_SEGS, lru->p.nsegs);

	for (i = 0; i < n; i++) {
		seg_cool(lru, lru->hand);
		lru->hand = next_seg(lru, lru->hand);
	}
	lru->stats.swept += n;
}

static u32 take(struct lc_lru *lru, u32 seg, u32 keepers, u32 keep)
{
	lru->seg[seg].state = LC_LRU_VICTIM;
	lru->ready--;
	lru->seg[seg].keep = keep;
	lru->credit = min_t(s64, credit_after(lru, keepers),
			    (s64)CREDIT_SEGS * lru->p.blocks_per_seg);
	lru->stats.evicted++;
	lru->stats.carried += keepers;
	return seg;
}

/*
 * All is hot, and the hand will not cool it in time: keep of the best
 * candidate only what can be paid for, the hottest.
 */
static u32 take_forced(struct lc_lru *lru, const struct lc_lru_sample *s)
{
	u32 keepers = s->best_keepers, keep = 1;

	while (!affordable(lru, s, keepers))
		keepers = seg_hotter(lru, s->best, ++keep);
	lru->stats.forced++;
	return take(lru, s->best, keepers, keep);
}

u32 lc_lru_pick(struct lc_lru *lru)
{
	struct lc_lru_sample s, last;
	int try;

	for (try = 0; try < PICK_TRIES; try++) {
		sample(lru, &s);
		if (s.best == LC_LRU_NONE)
			break;
		last = s;
		if (affordable(lru, &s, s.best_keepers))
			return take(lru, s.best, s.best_keepers, 1);
		sweep(lru);
	}
	return try ? take_forced(lru, &last) : LC_LRU_NONE;
}

bool lc_lru_keep(const struct lc_lru *lru, u64 block)
{
	u32 seg = div_u64(block, lru->p.blocks_per_seg);

	return heat_get(lru, block) >= lru->seg[seg].keep;
}

void lc_lru_carry(struct lc_lru *lru, u64 from, u64 to)
{
	u32 from_seg = div_u64(from, lru->p.blocks_per_seg);
	struct lc_lru_seg *s = &lru->seg[div_u64(to, lru->p.blocks_per_seg)];
	u32 born = lru->seg[from_seg].born;

	heat_set(lru, to, heat_get(lru, from));
	heat_set(lru, from, 0);
	/* Seconds wrap: compare the difference. */
	if ((s32)(born - s->born) < 0)
		WRITE_ONCE(s->born, born);
}

/*
 * Age
 */

/* 90 to 110 % of the TTL, the same whenever this segment is asked about. */
static u32 seg_ttl(const struct lc_lru *lru, u32 seg)
{
	u32 hash = (seg ^ READ_ONCE(lru->seg[seg].born)) * 0x9e3779b1u;
	u32 ttl = lru->p.ttl, spread = ttl / 5;

	return ttl - ttl / 10 + (u32)(((u64)hash * (spread + 1)) >> 32);
}

bool lc_lru_expired(const struct lc_lru *lru, u32 seg, u32 now)
{
	const struct lc_lru_seg *s = &lru->seg[seg];
	s32 age = now - READ_ONCE(s->born);

	return lru->p.ttl && s->state == LC_LRU_READY && age > 0 &&
	       age > seg_ttl(lru, seg);
}

/* Saved up for a second, or for one segment where that takes longer. */
static void ttl_refill(struct lc_lru *lru, u32 now)
{
	u64 rate = lru->p.ttl_rate;
	u64 most = max_t(u64, rate, lru->p.blocks_per_seg);
	u32 passed = now - lru->ttl_last;

	lru->ttl_last = now;
	lru->ttl_left = min(lru->ttl_left + passed * rate, most);
}

static bool ttl_charge(struct lc_lru *lru, u32 seg)
{
	u32 live = min(lru->p.live(lru->p.ctx, seg), lru->p.blocks_per_seg);

	if (!lru->p.ttl_rate)
		return true;
	if (live > lru->ttl_left)
		return false;
	lru->ttl_left -= live;
	return true;
}

static u32 take_expired(struct lc_lru *lru, u32 seg)
{
	lru->seg[seg].state = LC_LRU_VICTIM;
	lru->ready--;
	lru->seg[seg].keep = HEAT_MASK + 1;
	lru->stats.expired++;
	return seg;
}

u32 lc_lru_expire(struct lc_lru *lru, u32 now)
{
	u32 i, seg, n = min_t(u32, PROBE_SEGS, lru->p.nsegs);

	if (!lru->p.ttl)
		return LC_LRU_NONE;
	ttl_refill(lru, now);
	for (i = 0; i < n; i++) {
		seg = lru->ttl_probe;
		if (lc_lru_expired(lru, seg, now)) {
			if (!ttl_charge(lru, seg))
				return LC_LRU_NONE;
			return take_expired(lru, seg);
		}
		lru->ttl_probe = next_seg(lru, seg);
	}
	return LC_LRU_NONE;
}

/*
 * Life of a segment
 */

void lc_lru_open(struct lc_lru *lru, u32 seg, enum lc_lru_stream stream,
		 u32 now)
{
	struct lc_lru_seg *s = &lru->seg[seg];

	seg_forget(lru, seg);
	lru->ready -= s->state == LC_LRU_READY;
	s->state = LC_LRU_BUSY;
	WRITE_ONCE(s->born, now);
}

static void make_ready(struct lc_lru *lru, u32 seg)
{
	lru->ready += lru->seg[seg].state != LC_LRU_READY;
	lru->seg[seg].state = LC_LRU_READY;
}

void lc_lru_clean(struct lc_lru *lru, u32 seg)
{
	make_ready(lru, seg);
}

u32 lc_lru_ready(const struct lc_lru *lru)
{
	return lru->ready;
}

void lc_lru_set_ttl(struct lc_lru *lru, u32 ttl)
{
	WRITE_ONCE(lru->p.ttl, ttl);
}

void lc_lru_evicted(struct lc_lru *lru, u32 seg)
{
	seg_forget(lru, seg);
	lru->seg[seg].state = LC_LRU_FREE;
}

void lc_lru_restore(struct lc_lru *lru, u32 seg)
{
	make_ready(lru, seg);
}

/*
 * Set-up
 */

size_t lc_lru_bytes(u32 nsegs, u32 blocks_per_seg)
{
	u64 bytes;

	if (!nsegs || nsegs == LC_LRU_NONE || !blocks_per_seg ||
	    blocks_per_seg % HEATS_PER_WORD || blocks_per_seg > U16_MAX)
		return 0;
	bytes = sizeof(struct lc_lru) + (u64)nsegs *
		(sizeof(struct lc_lru_seg) + blocks_per_seg / 2);
	return (size_t)bytes == bytes ? bytes : 0;
}

struct lc_lru *lc_lru_init(void *mem, const struct lc_lru_params *params)
{
	size_t bytes = lc_lru_bytes(params->nsegs, params->blocks_per_seg);
	struct lc_lru *lru = mem;

	/* Twice the TTL must fit the signed age. */
	if (!bytes || !params->live || params->ttl > S32_MAX / 2)
		return NULL;
	memset(mem, 0, bytes);
	lru->p = *params;
	lru->heat = (u64 *)(lru + 1);
	lru->seg = (struct lc_lru_seg *)seg_heat(lru, params->nsegs);
	return lru;
}

const struct lc_lru_stats *lc_lru_stats(const struct lc_lru *lru)
{
	return &lru->stats;
}
