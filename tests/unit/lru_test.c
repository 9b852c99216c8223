// SPDX-License-Identifier: GPL-2.0-only
/*
 * Eviction policy: heat, victims, price of carrying, age.
 *
 * Runs in userspace, and as a KUnit suite, which includes this file.
 */
#ifndef LC_KUNIT
#include <linux/kernel.h>
#include <linux/string.h>

#include "lru.h"
#include "tap.h"
#endif

#define SEGS	200
#define BPS	32
#define BLOCKS	(SEGS * BPS)

static u64 mem[2048];
static u32 live[SEGS];
static u64 rng;

static u32 below(u32 n)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return (u32)(rng >> 33) % n;
}

static u32 count_live(void *ctx, u32 seg)
{
	return ((u32 *)ctx)[seg];
}

/* At the very end of mem[], so that a sanitizer sees the first byte beyond. */
static struct lc_lru *create(u32 nsegs, u32 ttl, u32 rate)
{
	struct lc_lru_params params = {
		.nsegs = nsegs,
		.blocks_per_seg = BPS,
		.ttl = ttl,
		.ttl_rate = rate,
		.live = count_live,
		.ctx = live,
	};
	size_t bytes = lc_lru_bytes(nsegs, BPS);

	rng = 88172645463325252ull;
	memset(live, 0, sizeof(live));
	memset(mem, 0xa5, sizeof(mem));
	if (!bytes || bytes % 8 || bytes > sizeof(mem))
		return NULL;
	return lc_lru_init((u8 *)mem + sizeof(mem) - bytes, &params);
}

/* Open @seg, fill it with @n blocks and make it READY. */
static void fill(struct lc_lru *lru, u32 seg, u32 n, u32 now)
{
	u32 i;

	lc_lru_open(lru, seg, LC_LRU_FILL, now);
	for (i = 0; i < n; i++)
		lc_lru_add(lru, seg * BPS + i);
	live[seg] = n;
	lc_lru_clean(lru, seg);
}

static u32 keepers(struct lc_lru *lru, u32 seg)
{
	u32 i, n = 0;

	for (i = 0; i < BPS; i++)
		n += lc_lru_keep(lru, seg * BPS + i);
	return n;
}

static void impossible_geometry_is_refused(void)
{
	struct lc_lru_params params = {
		.nsegs = 4,
		.blocks_per_seg = BPS,
		.live = count_live,
		.ttl = ~0u,
	};

	CHECK(!lc_lru_bytes(0, BPS));
	CHECK(!lc_lru_bytes(4, 0));
	CHECK(!lc_lru_bytes(4, BPS + 1));
	CHECK(!lc_lru_bytes(LC_LRU_NONE, BPS));
	CHECK(!lc_lru_init(mem, &params));
	params.ttl = 0;
	CHECK(lc_lru_init(mem, &params));
	params.live = NULL;
	CHECK(!lc_lru_init(mem, &params));
}

/* Half a byte per block, a few per segment. */
static void memory_is_what_was_promised(void)
{
	size_t one = lc_lru_bytes(1000, 512), two = lc_lru_bytes(2000, 512);

	CHECK(two - one <= 1000 * (512 / 2 + 32));
	CHECK(lc_lru_bytes(1000, 1024) - one == 1000 * 512 / 2);
}

static void only_ready_segments_are_picked(void)
{
	struct lc_lru *lru = create(4, 0, 0);

	CHECK(lru);
	CHECK(lc_lru_pick(lru) == LC_LRU_NONE && !lc_lru_ready(lru));
	lc_lru_open(lru, 2, LC_LRU_WRITE, 0);
	CHECK(lc_lru_pick(lru) == LC_LRU_NONE);
	lc_lru_clean(lru, 2);
	CHECK(lc_lru_ready(lru) == 1);
	CHECK(lc_lru_pick(lru) == 2);
	CHECK(lc_lru_pick(lru) == LC_LRU_NONE);
	lc_lru_restore(lru, 2);
	CHECK(lc_lru_pick(lru) == 2);
	lc_lru_evicted(lru, 2);
	CHECK(lc_lru_pick(lru) == LC_LRU_NONE);
}

static void the_emptiest_segment_goes_first(void)
{
	struct lc_lru *lru = create(8, 0, 0);
	u32 i;

	CHECK(lru);
	for (i = 0; i < 8; i++)
		fill(lru, i, i == 5 ? 2 : BPS, 0);
	CHECK(lc_lru_pick(lru) == 5);
	CHECK(keepers(lru, 5) == 2);
}

/* Garbage is cheaper than cold data, which is cheaper than keepers. */
static void dead_blocks_weigh_less_than_cold_ones(void)
{
	struct lc_lru *lru = create(3, 0, 0);
	u32 i;

	CHECK(lru);
	for (i = 0; i < 3; i++)
		fill(lru, i, BPS, 0);
	for (i = 4; i < BPS; i++) {
		lc_lru_dead(lru, i);
		lc_lru_dead(lru, BPS + i);
	}
	live[1] = 4;
	CHECK(lc_lru_pick(lru) == 1);
	CHECK(lc_lru_pick(lru) == 0);
}

static void what_was_read_again_outlives_what_was_not(void)
{
	struct lc_lru *lru = create(64, 0, 0);
	u32 i, seg;

	CHECK(lru);
	for (i = 0; i < 64; i++)
		fill(lru, i, BPS, 0);
	for (i = 0; i < 64; i++)
		lc_lru_hit(lru, i * BPS + 7);
	seg = lc_lru_pick(lru);
	CHECK(seg < 64);
	CHECK(keepers(lru, seg) == 1);
	CHECK(lc_lru_keep(lru, seg * BPS + 7));
}

static void a_hit_saves_a_block_of_a_victim(void)
{
	struct lc_lru *lru = create(1, 0, 0);

	CHECK(lru);
	fill(lru, 0, BPS, 0);
	CHECK(lc_lru_pick(lru) == 0);
	CHECK(!keepers(lru, 0));
	lc_lru_hit(lru, 3);
	CHECK(lc_lru_keep(lru, 3));
	CHECK(keepers(lru, 0) == 1);
}

/* Neighbours share a byte. */
static void heat_does_not_spill(void)
{
	struct lc_lru *lru = create(1, 0, 0);
	u32 i;

	CHECK(lru);
	lc_lru_open(lru, 0, LC_LRU_FILL, 0);
	for (i = 0; i < 100; i++)
		lc_lru_hit(lru, 4);
	lc_lru_clean(lru, 0);
	CHECK(lc_lru_pick(lru) == 0);
	CHECK(keepers(lru, 0) == 1);
	CHECK(lc_lru_keep(lru, 4));
	lc_lru_add(lru, 5);
	lc_lru_dead(lru, 4);
	CHECK(!lc_lru_keep(lru, 4));
	CHECK(lc_lru_keep(lru, 5));
}

static void a_rewrite_inherits(void)
{
	struct lc_lru *lru = create(64, 0, 0);
	u32 i, seg;

	CHECK(lru);
	for (i = 0; i < 64; i++) {
		fill(lru, i, BPS, 0);
		lc_lru_rewrite(lru, i * BPS, i * BPS + 9);
	}
	seg = lc_lru_pick(lru);
	CHECK(seg < 64);
	CHECK(keepers(lru, seg) == 1);
	CHECK(lc_lru_keep(lru, seg * BPS + 9));
}

static void opening_forgets_the_previous_owner(void)
{
	struct lc_lru *lru = create(2, 0, 0);

	CHECK(lru);
	fill(lru, 0, 4, 0);
	CHECK(lc_lru_pick(lru) == 0);
	lc_lru_evicted(lru, 0);
	lc_lru_hit(lru, 1);
	lc_lru_open(lru, 0, LC_LRU_CARRY, 0);
	lc_lru_clean(lru, 0);
	CHECK(lc_lru_pick(lru) == 0);
	CHECK(!keepers(lru, 0));
}

/* Nothing but hot data: a victim is still found, and at the price allowed. */
static void a_hot_cache_is_not_copied_around(void)
{
	struct lc_lru *lru = create(SEGS, 0, 0);
	u32 i, block, seg;

	CHECK(lru);
	for (i = 0; i < SEGS; i++)
		fill(lru, i, BPS, 0);
	for (i = 0; i < 1000; i++) {
		for (block = 0; block < BLOCKS; block++)
			lc_lru_hit(lru, block);
		seg = lc_lru_pick(lru);
		CHECK(seg < SEGS);
		CHECK(keepers(lru, seg) * 64 <= 10 * BPS);
		lc_lru_evicted(lru, seg);
		fill(lru, seg, BPS, 0);
	}
	CHECK(lc_lru_stats(lru)->forced == 1000);
}

/* Any history: no more is carried than comes in. */
static void carrying_is_paid_for(void)
{
	struct lc_lru *lru = create(SEGS, 0, 0);
	u64 in = 0, carried = 0;
	u32 i, j, seg;

	CHECK(lru);
	for (i = 0; i < SEGS; i++)
		fill(lru, i, 1 + below(BPS), 0);
	for (i = 0; i < 5000; i++) {
		for (j = 0; j < BPS; j++)
			lc_lru_hit(lru, below(BLOCKS));
		seg = lc_lru_pick(lru);
		CHECK(seg < SEGS);
		carried += keepers(lru, seg);
		in += BPS - keepers(lru, seg);
		lc_lru_evicted(lru, seg);
		fill(lru, seg, 1 + below(BPS), 0);
	}
	CHECK(carried == lc_lru_stats(lru)->carried);
	CHECK(lc_lru_stats(lru)->evicted == 5000);
	CHECK(carried > 0 && carried <= in);
}

static void without_ttl_nothing_expires(void)
{
	struct lc_lru *lru = create(2, 0, 0);

	CHECK(lru);
	fill(lru, 0, BPS, 0);
	CHECK(!lc_lru_expired(lru, 0, ~0u >> 1));
	CHECK(lc_lru_expire(lru, ~0u >> 1) == LC_LRU_NONE);
}

static void ttl_has_ten_percent_of_jitter(void)
{
	struct lc_lru *lru = create(SEGS, 1000, 0);
	u32 start = -500u, i, early = 0;

	CHECK(lru);
	for (i = 0; i < SEGS; i++)
		fill(lru, i, BPS, start);
	for (i = 0; i < SEGS; i++) {
		CHECK(!lc_lru_expired(lru, i, start + 900));
		CHECK(lc_lru_expired(lru, i, start + 1101));
		early += lc_lru_expired(lru, i, start + 1000);
	}
	CHECK(early > SEGS / 3 && early < SEGS * 2 / 3);
}

static void expired_segments_keep_nothing(void)
{
	struct lc_lru *lru = create(2, 100, 0);
	u32 i;

	CHECK(lru);
	fill(lru, 1, BPS, 0);
	for (i = 0; i < BPS; i++)
		lc_lru_hit(lru, BPS + i);
	CHECK(lc_lru_expire(lru, 50) == LC_LRU_NONE);
	CHECK(lc_lru_expire(lru, 111) == 1);
	CHECK(!keepers(lru, 1));
	CHECK(lc_lru_expire(lru, 111) == LC_LRU_NONE);
	CHECK(lc_lru_stats(lru)->expired == 1);
}

static u32 expire_all(struct lc_lru *lru, u32 now)
{
	u32 seg, n = 0;

	while ((seg = lc_lru_expire(lru, now)) != LC_LRU_NONE) {
		lc_lru_evicted(lru, seg);
		live[seg] = 0;
		n++;
	}
	return n;
}

/* A rate below a segment per second still gets there. */
static void expiry_is_rate_limited(void)
{
	struct lc_lru *lru = create(SEGS, 10, 10 * BPS);
	u32 i, n = 0;

	CHECK(lru);
	for (i = 0; i < SEGS; i++)
		fill(lru, i, BPS, 0);
	for (i = 100; i < 110; i++) {
		CHECK(expire_all(lru, i) == 10);
		CHECK(expire_all(lru, i) == 0);
	}
	lru = create(64, 10, BPS / 4);
	CHECK(lru);
	for (i = 0; i < 64; i++)
		fill(lru, i, BPS, 0);
	for (i = 100; i < 140; i++)
		n += expire_all(lru, i);
	CHECK(n == 10);
}

/* A carried block does not get younger, nor does what it is put next to. */
static void carrying_inherits_age_and_heat(void)
{
	struct lc_lru *lru = create(3, 100, 0);

	CHECK(lru);
	fill(lru, 0, BPS, 0);
	lc_lru_hit(lru, 0);
	CHECK(lc_lru_pick(lru) == 0);
	CHECK(lc_lru_keep(lru, 0));
	lc_lru_open(lru, 1, LC_LRU_CARRY, 90);
	lc_lru_carry(lru, 0, BPS + 3);
	CHECK(!lc_lru_keep(lru, 0));
	lc_lru_evicted(lru, 0);
	live[1] = 1;
	lc_lru_clean(lru, 1);
	CHECK(lc_lru_expired(lru, 1, 111));
	CHECK(lc_lru_pick(lru) == 1);
	CHECK(keepers(lru, 1) == 1);
}

/*
 * A naive model: an int per block, and the rules of lru.h as written there.
 */
static struct {
	int heat[BLOCKS];
	bool ready[SEGS];
	u32 probe, hand;
	int keep;
	s64 credit;
} model;

static u32 model_keepers(u32 seg, int least)
{
	u32 i, n = 0;

	for (i = 0; i < BPS; i++)
		n += model.heat[seg * BPS + i] >= least;
	return n;
}

static void model_warm(u32 block, int heat)
{
	model.heat[block] = heat + 6 > 10 ? 10 : heat + 6;
}

/* Cheapest of the next 64; garbage of all of them in @dead. */
static u32 model_sample(u32 *dead, u32 *space)
{
	u32 i, seg, best = LC_LRU_NONE, cost = ~0u;

	*dead = 0;
	*space = 0;
	for (i = 0; i < SEGS && (i < 64 || !*space); i++) {
		seg = model.probe;
		model.probe = (seg + 1) % SEGS;
		if (!model.ready[seg])
			continue;
		*dead += BPS - live[seg];
		*space += BPS;
		if (model_keepers(seg, 1) + live[seg] < cost) {
			best = seg;
			cost = model_keepers(seg, 1) + live[seg];
		}
	}
	return best;
}

static bool model_affordable(u32 keep, u32 dead, u32 space)
{
	if (keep * 64 <= 10 * BPS)
		return true;
	return dead * 64 > 3 * space && keep * 64 <= 62 * BPS &&
	       model.credit + BPS - 2 * (s64)keep >= 0;
}

static void model_sweep(void)
{
	u32 i, j;

	for (i = 0; i < 16; i++) {
		for (j = 0; j < BPS; j++)
			if (model.heat[model.hand * BPS + j])
				model.heat[model.hand * BPS + j]--;
		model.hand = (model.hand + 1) % SEGS;
	}
}

static u32 model_pick(void)
{
	u32 try, seg, dead, space, n;

	for (try = 0; try < 8; try++) {
		seg = model_sample(&dead, &space);
		if (seg == LC_LRU_NONE)
			return seg;
		model.keep = 1;
		if (model_affordable(model_keepers(seg, 1), dead, space))
			break;
		model_sweep();
	}
	if (try == 8)
		while (!model_affordable(model_keepers(seg, model.keep), dead,
					 space))
			model.keep++;
	n = model_keepers(seg, model.keep);
	model.credit += BPS - 2 * (s64)n;
	if (model.credit > 16 * BPS)
		model.credit = 16 * BPS;
	model.ready[seg] = false;
	return seg;
}

static bool model_agrees(struct lc_lru *lru, u32 seg)
{
	u32 i, block;

	for (i = 0; i < BPS; i++) {
		block = seg * BPS + i;
		if (lc_lru_keep(lru, block) !=
		    (model.heat[block] >= model.keep))
			return false;
	}
	return true;
}

static void both_fill(struct lc_lru *lru, u32 seg)
{
	u32 i;

	live[seg] = 1 + below(BPS);
	lc_lru_open(lru, seg, LC_LRU_FILL, 0);
	for (i = 0; i < BPS; i++) {
		model.heat[seg * BPS + i] = i < live[seg] ? 4 : 0;
		if (i < live[seg])
			lc_lru_add(lru, seg * BPS + i);
	}
	/* Some stay dirty. */
	model.ready[seg] = below(8);
	if (model.ready[seg])
		lc_lru_clean(lru, seg);
}

static void both_use(struct lc_lru *lru, u32 from, u32 to)
{
	switch (below(8)) {
	case 0:
		lc_lru_dead(lru, from);
		model.heat[from] = 0;
		break;
	case 1:
		lc_lru_rewrite(lru, from, to);
		model_warm(to, model.heat[from]);
		model.heat[from] = 0;
		break;
	default:
		lc_lru_hit(lru, from);
		model_warm(from, model.heat[from]);
	}
}

static void both_evict(struct lc_lru *lru, u32 seg)
{
	lc_lru_evicted(lru, seg);
	memset(&model.heat[seg * BPS], 0, BPS * sizeof(model.heat[0]));
}

static void random_history_matches_the_model(void)
{
	struct lc_lru *lru = create(SEGS, 0, 0);
	u32 i, j, uses, seg, from;

	CHECK(lru);
	memset(&model, 0, sizeof(model));
	for (i = 0; i < SEGS; i++)
		both_fill(lru, i);
	for (i = 0; i < 4000; i++) {
		/* From a quiet cache to one where all is hot. */
		uses = i % 100 < 90 ? below(2 * BPS) : 20 * BPS;
		for (j = 0; j < uses; j++) {
			from = below(BLOCKS);
			both_use(lru, from,
				 (from + 1 + below(BLOCKS - 1)) % BLOCKS);
		}
		seg = model_pick();
		CHECK(lc_lru_pick(lru) == seg);
		if (seg != LC_LRU_NONE) {
			CHECK(model_agrees(lru, seg));
			both_evict(lru, seg);
			both_fill(lru, seg);
			continue;
		}
		for (seg = 0; seg < SEGS; seg++) {
			model.ready[seg] = true;
			lc_lru_clean(lru, seg);
		}
	}
	CHECK(lc_lru_stats(lru)->forced > 0);
	CHECK(lc_lru_stats(lru)->forced < lc_lru_stats(lru)->evicted / 2);
	CHECK(lc_lru_stats(lru)->swept > SEGS);
}

#define LRU_CASES(X)					\
	X(impossible_geometry_is_refused)		\
	X(memory_is_what_was_promised)			\
	X(only_ready_segments_are_picked)		\
	X(the_emptiest_segment_goes_first)		\
	X(dead_blocks_weigh_less_than_cold_ones)	\
	X(what_was_read_again_outlives_what_was_not)	\
	X(a_hit_saves_a_block_of_a_victim)		\
	X(heat_does_not_spill)				\
	X(a_rewrite_inherits)				\
	X(opening_forgets_the_previous_owner)		\
	X(a_hot_cache_is_not_copied_around)		\
	X(carrying_is_paid_for)				\
	X(without_ttl_nothing_expires)			\
	X(ttl_has_ten_percent_of_jitter)		\
	X(expired_segments_keep_nothing)		\
	X(expiry_is_rate_limited)			\
	X(carrying_inherits_age_and_heat)		\
	X(random_history_matches_the_model)

#ifndef LC_KUNIT
#define X(name) RUN(name);
int main(void)
{
	LRU_CASES(X)
	return tap_done();
}
#endif
