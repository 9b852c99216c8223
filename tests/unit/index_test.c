// SPDX-License-Identifier: GPL-2.0
/*
 * The extent index: named behaviours, everything against a flat array, memory.
 *
 * Runs in userspace; the cases of INDEX_CASES are also a KUnit suite, which
 * includes this file.
 */
#ifndef LC_KUNIT
#include "index_model.h"
#endif

/*
 * Named behaviours, on a small index with the pieces that it reports.
 */

#define SEG	2048u		/* sectors */
#define STRIPE	16384u
#define NODES	96

static u8 nodes[NODES][LC_INDEX_NODE_SIZE] __aligned(64);
static struct lc_index ix;
static struct lc_extent got[16];
static unsigned int got_nr;

static void start(void)
{
	const struct lc_index_geo geo = {
		.loc_bits = 23, .seg_shift = 11, .stripe_shift = 14,
	};
	unsigned int i;

	lc_index_init(&ix, &geo);
	for (i = 0; i < NODES; i++)
		lc_index_give(&ix, nodes[i]);
	got_nr = 0;
}

static void report(void *ctx, const struct lc_extent *e)
{
	if (got_nr < ARRAY_SIZE(got))
		got[got_nr] = *e;
	got_nr++;
}

static bool is(const struct lc_extent *e, u64 key, u32 len, u8 kind, u64 loc)
{
	return e->key == key && e->len == len && e->kind == kind && e->loc == loc;
}

static bool put(u64 key, u32 len, u8 kind, u64 loc)
{
	struct lc_extent e = { .key = key, .len = len, .kind = kind, .loc = loc };

	got_nr = 0;
	return !lc_index_insert(&ix, &e, report, NULL) && !lc_index_check(&ix);
}

static bool cut(u64 key, u64 len)
{
	got_nr = 0;
	return !lc_index_remove(&ix, key, len, report, NULL) && !lc_index_check(&ix);
}

/* Is this the first extent from key on, looked at as a whole? */
static bool has(u64 key, u32 len, u8 kind, u64 loc)
{
	struct lc_extent e;

	return lc_index_lookup(&ix, key, ~0ULL >> 1, &e) && is(&e, key, len, kind, loc);
}

#define D LC_EXT_DATA
#define Z LC_EXT_ZERO
#define X_ LC_EXT_DISCARD

static void lookup_clips_to_the_range(void)
{
	struct lc_extent e;

	start();
	CHECK(put(100, 50, D, 1000));
	CHECK(lc_index_lookup(&ix, 110, 20, &e) && is(&e, 110, 20, D, 1010));
	CHECK(lc_index_lookup(&ix, 90, 20, &e) && is(&e, 100, 10, D, 1000));
	CHECK(lc_index_lookup(&ix, 149, 20, &e) && is(&e, 149, 1, D, 1049));
	CHECK(!lc_index_lookup(&ix, 150, 20, &e) && !lc_index_lookup(&ix, 80, 20, &e));
	CHECK(!lc_index_lookup(&ix, 110, 0, &e));
}

static void lookup_takes_the_first_of_several(void)
{
	struct lc_extent e;

	start();
	CHECK(put(16, 8, D, 0) && put(32, 8, Z, SEG) && put(48, 8, D, 64));
	CHECK(lc_index_lookup(&ix, 0, 1000, &e) && is(&e, 16, 8, D, 0));
	CHECK(lc_index_lookup(&ix, 24, 1000, &e) && is(&e, 32, 8, Z, SEG));
	CHECK(!lc_index_lookup(&ix, 24, 8, &e));
}

static void overlap_head_trims(void)
{
	start();
	CHECK(put(100, 50, D, 1000) && put(90, 20, D, 500));
	CHECK(got_nr == 1 && is(&got[0], 100, 10, D, 1000));
	CHECK(has(90, 20, D, 500) && has(110, 40, D, 1010));
}

static void overlap_tail_trims(void)
{
	start();
	CHECK(put(100, 50, D, 1000) && put(140, 20, D, 500));
	CHECK(got_nr == 1 && is(&got[0], 140, 10, D, 1040));
	CHECK(has(100, 40, D, 1000) && has(140, 20, D, 500));
}

static void overlap_middle_splits(void)
{
	start();
	CHECK(put(100, 50, D, 1000) && put(120, 8, D, 500));
	CHECK(got_nr == 1 && is(&got[0], 120, 8, D, 1020));
	CHECK(has(100, 20, D, 1000) && has(120, 8, D, 500) && has(128, 22, D, 1028));
	CHECK(lc_index_extents(&ix) == 3 && lc_index_sectors(&ix) == 50);
}

static void overlap_swallows_whole_extents(void)
{
	start();
	CHECK(put(100, 8, D, 0) && put(110, 8, Z, 5 * SEG + 9) && put(120, 8, D, 40));
	CHECK(put(96, 28, D, 500));
	CHECK(got_nr == 3 && is(&got[0], 100, 8, D, 0) &&
	      is(&got[1], 110, 8, Z, 5 * SEG) && is(&got[2], 120, 4, D, 40));
	CHECK(has(96, 28, D, 500) && has(124, 4, D, 44));
}

static void equal_range_is_replaced(void)
{
	start();
	CHECK(put(0, 8, D, 0) && put(100, 8, D, 8) && put(200, 8, D, 16));
	CHECK(put(100, 8, D, 800) && got_nr == 1 && is(&got[0], 100, 8, D, 8));
	CHECK(has(100, 8, D, 800) && lc_index_extents(&ix) == 3);
}

static void remove_in_the_middle_splits(void)
{
	start();
	CHECK(put(100, 50, D, 1000) && cut(110, 5));
	CHECK(got_nr == 1 && is(&got[0], 110, 5, D, 1010));
	CHECK(has(100, 10, D, 1000) && has(115, 35, D, 1015));
	CHECK(cut(0, ~0ULL) && got_nr == 2 && !lc_index_nodes(&ix));
}

static void merge_wants_key_and_loc_to_go_on(void)
{
	start();
	CHECK(put(100, 8, D, 1000) && put(108, 8, D, 1008) && has(100, 16, D, 1000));
	CHECK(put(116, 8, D, 1017) && has(116, 8, D, 1017));
	CHECK(put(125, 7, D, 1025) && has(125, 7, D, 1025));
	CHECK(put(92, 8, D, 992) && has(92, 24, D, 992));
	CHECK(put(132, 8, Z, 1032) && has(132, 8, Z, 0));
	CHECK(!got_nr && lc_index_extents(&ix) == 4);
}

static void merge_closes_a_gap(void)
{
	start();
	CHECK(put(100, 8, D, 1000) && put(116, 8, D, 1016) && lc_index_extents(&ix) == 2);
	CHECK(put(108, 8, D, 1008) && has(100, 24, D, 1000));
	CHECK(put(104, 4, D, 500) && put(104, 4, D, 1004) && has(100, 24, D, 1000));
}

/* With neighbours that do not touch all around, where a short cut is taken. */
static void merge_happens_on_replacement(void)
{
	start();
	CHECK(put(0, 8, D, 0) && put(100, 8, D, 1000) && put(108, 8, D, 500));
	CHECK(put(200, 8, D, 16) && put(108, 8, D, 1008) && got_nr == 1);
	CHECK(has(100, 16, D, 1000) && lc_index_extents(&ix) == 3);
}

static void merge_stops_at_segment(void)
{
	start();
	CHECK(put(100, 8, D, SEG - 8) && put(108, 8, D, SEG));
	CHECK(has(100, 8, D, SEG - 8) && has(108, 8, D, SEG));
	CHECK(put(200, 8, Z, 0) && put(208, 8, Z, SEG) && has(200, 8, Z, 0));
}

static void merge_stops_at_stripe(void)
{
	start();
	CHECK(put(STRIPE - 8, 8, D, 0) && put(STRIPE, 8, D, 8));
	CHECK(has(STRIPE - 8, 8, D, 0) && has(STRIPE, 8, D, 8));
	CHECK(put(2 * STRIPE - 8, 8, Z, 0) && put(2 * STRIPE, 8, Z, 0));
	CHECK(has(2 * STRIPE - 8, 8, Z, 0) && has(2 * STRIPE, 8, Z, 0));
}

static void merge_stops_at_the_longest(void)
{
	start();
	CHECK(put(0, LC_EXT_MAX_DATA, D, SEG) && has(0, LC_EXT_MAX_DATA, D, SEG));
	CHECK(put(4096, 8192, Z, 0) && put(12288, 4096, Z, 0) && has(4096, 12288, Z, 0));
}

static void holes_know_their_segment_only(void)
{
	start();
	CHECK(put(0, 8, Z, 3 * SEG + 77) && put(8, 8, Z, 3 * SEG + 5));
	CHECK(has(0, 16, Z, 3 * SEG) && lc_index_extents(&ix) == 1);
	CHECK(put(16, 8, X_, 3 * SEG) && has(16, 8, X_, 3 * SEG));
	CHECK(put(4, 4, D, 7) && is(&got[0], 4, 4, Z, 3 * SEG) && has(8, 8, Z, 3 * SEG));
}

static void remove_at_leaves_what_is_newer(void)
{
	start();
	CHECK(put(100, 16, D, 1000) && put(104, 4, D, 5000));
	got_nr = 0;
	CHECK(!lc_index_remove_at(&ix, 100, 16, 1000, D, report, NULL));
	CHECK(got_nr == 2 && is(&got[0], 100, 4, D, 1000) && is(&got[1], 108, 8, D, 1008));
	CHECK(has(104, 4, D, 5000) && lc_index_extents(&ix) == 1);
}

static void remove_at_wants_the_same_offset(void)
{
	start();
	CHECK(put(100, 16, D, 1000));
	got_nr = 0;
	CHECK(!lc_index_remove_at(&ix, 100, 16, 1001, D, report, NULL));
	CHECK(!lc_index_remove_at(&ix, 100, 16, 1000, Z, report, NULL) && !got_nr);
	CHECK(!lc_index_remove_at(&ix, 104, 4, 1004, D, report, NULL) && got_nr == 1);
	CHECK(has(100, 4, D, 1000) && has(108, 8, D, 1008));
}

static void remove_at_knows_holes_by_segment(void)
{
	start();
	CHECK(put(0, 8, Z, SEG) && put(8, 8, X_, SEG) && put(16, 8, Z, 2 * SEG));
	got_nr = 0;
	CHECK(!lc_index_remove_at(&ix, 0, 24, SEG + 99, Z, report, NULL));
	CHECK(got_nr == 1 && is(&got[0], 0, 8, Z, SEG) && lc_index_extents(&ix) == 2);
}

static void holes_only(void)
{
	const struct lc_extent e = { .key = 100, .len = 40, .kind = D, .loc = 1000 };

	start();
	CHECK(put(104, 4, D, 500) && put(120, 8, Z, SEG));
	got_nr = 0;
	CHECK(lc_index_insert_holes(&ix, &e, report, NULL) == 40 && got_nr == 3);
	CHECK(is(&got[0], 100, 4, D, 1000) && is(&got[1], 108, 12, D, 1008) &&
	      is(&got[2], 128, 12, D, 1028));
	CHECK(has(104, 4, D, 500) && has(108, 12, D, 1008) && has(120, 8, Z, SEG));
	CHECK(lc_index_sectors(&ix) == 40);
}

static void take_down_to(unsigned int spares)
{
	while (lc_index_spare(&ix) > spares)
		CHECK(lc_index_take(&ix));
}

static void holes_stop_when_spares_run_low(void)
{
	const struct lc_extent e = { .key = 100, .len = 40, .kind = D, .loc = 1000 };

	start();
	CHECK(put(100, 8, Z, 0));
	take_down_to(lc_index_need(&ix) - 1);
	CHECK(lc_index_insert_holes(&ix, &e, report, NULL) == 8 && !got_nr);
	lc_index_give(&ix, nodes[NODES - 1]);
	CHECK(lc_index_insert_holes(&ix, &e, report, NULL) == 40 && got_nr == 1);
}

static void few_spares_change_nothing(void)
{
	const struct lc_extent e = { .key = 104, .len = 8, .kind = D, .loc = 1000 };

	start();
	CHECK(put(100, 50, D, 0));
	take_down_to(lc_index_need(&ix) - 1);
	CHECK(lc_index_insert(&ix, &e, report, NULL) == -ENOSPC);
	CHECK(lc_index_remove(&ix, 104, 8, report, NULL) == -ENOSPC);
	CHECK(lc_index_remove_at(&ix, 100, 50, 0, D, report, NULL) == -ENOSPC);
	CHECK(!got_nr && has(100, 50, D, 0));
}

static void next_walks_in_order(void)
{
	struct lc_extent e;
	u64 cursor = 0;

	start();
	CHECK(put(500, 8, D, 0) && put(100, 8, D, 8) && put(STRIPE, 8, Z, 0));
	CHECK(lc_index_next(&ix, &cursor, &e) && is(&e, 100, 8, D, 8) && cursor == 108);
	CHECK(cut(0, 1000) && put(104, 16, D, 40));
	CHECK(lc_index_next(&ix, &cursor, &e) && is(&e, 108, 12, D, 44));
	CHECK(lc_index_next(&ix, &cursor, &e) && is(&e, STRIPE, 8, Z, 0));
	CHECK(!lc_index_next(&ix, &cursor, &e));
}

/* 2000 extents in 48 leaves or less: splits, spreading, gathering, removal. */
static void nodes_come_and_go(void)
{
	unsigned int i, least;

	start();
	for (i = 0; i < 2000; i++)
		CHECK(put((u64)(i * 797 % 2000) * 1000, 8, D, i * 8));
	least = (2000 + 62) / 63 + 1;
	CHECK(lc_index_extents(&ix) == 2000);
	CHECK(lc_index_nodes(&ix) > least && lc_index_nodes(&ix) < 48);
	for (i = 0; i < 1600; i++)
		CHECK(cut((u64)(i * 797 % 2000) * 1000, 8) && got_nr == 1);
	CHECK(lc_index_extents(&ix) == 400 && lc_index_nodes(&ix) < 12);
	CHECK(lc_index_nodes(&ix) + lc_index_spare(&ix) == NODES);
	lc_index_clear(&ix);
	CHECK(!lc_index_check(&ix) && lc_index_spare(&ix) == NODES);
	CHECK(!lc_index_nodes(&ix) && !lc_index_extents(&ix) && !lc_index_sectors(&ix));
}

static void far_and_unaligned_keys_fit(void)
{
	unsigned int i;

	start();
	for (i = 0; i < 40; i++)
		CHECK(put((u64)i << 36, 8, D, i * 8));
	CHECK(lc_index_nodes(&ix) == 1);
	CHECK(put((7ULL << 36) + 1000, 3, D, 1) && cut((9ULL << 36) + 3, 1));
	CHECK(has(9ULL << 36, 3, D, 72) && has((9ULL << 36) + 4, 4, D, 76));
	for (i = 0; i < 40; i++)
		CHECK(i == 9 || has((u64)i << 36, 8, D, i * 8));
}

#define INDEX_CASES(X)				\
	X(lookup_clips_to_the_range)		\
	X(lookup_takes_the_first_of_several)	\
	X(overlap_head_trims)			\
	X(overlap_tail_trims)			\
	X(overlap_middle_splits)		\
	X(overlap_swallows_whole_extents)	\
	X(equal_range_is_replaced)		\
	X(remove_in_the_middle_splits)		\
	X(merge_wants_key_and_loc_to_go_on)	\
	X(merge_closes_a_gap)			\
	X(merge_happens_on_replacement)		\
	X(merge_stops_at_segment)		\
	X(merge_stops_at_stripe)		\
	X(merge_stops_at_the_longest)		\
	X(holes_know_their_segment_only)	\
	X(remove_at_leaves_what_is_newer)	\
	X(remove_at_wants_the_same_offset)	\
	X(remove_at_knows_holes_by_segment)	\
	X(holes_only)				\
	X(holes_stop_when_spares_run_low)	\
	X(few_spares_change_nothing)		\
	X(next_walks_in_order)			\
	X(nodes_come_and_go)			\
	X(far_and_unaligned_keys_fit)

#ifndef LC_KUNIT

static u64 rnd_state = 0x9e3779b97f4a7c15;

static u64 rnd(void)
{
	rnd_state ^= rnd_state << 13;
	rnd_state ^= rnd_state >> 7;
	rnd_state ^= rnd_state << 17;
	return rnd_state * 0x2545f4914f6cdd1d >> 11;
}

static u32 below(u32 n)
{
	return (u32)rnd() % n;
}

/* What the geometry forbids is refused, loudly, and changes nothing. */
static void impossible_extents_are_refused(void)
{
	static const struct lc_extent bad[] = {
		{ 0, 0, D, 0 },
		{ 0, LC_EXT_MAX_DATA + 1, D, 0 },
		{ 0, 8, 3, 0 },
		{ STRIPE - 4, 8, D, 0 },
		{ STRIPE - 4, 8, Z, 0 },
		{ 0, 8, D, SEG - 4 },
		{ 0, 8, D, (1 << 23) - 4 },
		{ 0, 8, Z, 1 << 23 },
		{ 1ULL << LC_INDEX_KEY_BITS, 8, D, 0 },
		{ ~0ULL - 3, 8, D, 0 },
		{ 0, 8, D, ~0ULL - 3 },
	};
	unsigned int i;

	start();
	shim_warn_expected = true;
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		CHECK(lc_index_insert(&ix, &bad[i], report, NULL) == -EINVAL);
		CHECK(lc_index_insert_holes(&ix, &bad[i], report, NULL) == -EINVAL);
	}
	shim_warn_expected = false;
	CHECK(!got_nr && !lc_index_nodes(&ix));
}

/*
 * Random work on one shape of index
 */

struct shape {
	const char *name;
	struct lc_index_geo geo;
	u32 size;
	u64 gap;
	u32 max_len;
	u32 aligned;		/* in 16ths of the calls: to 8 sectors */
	u32 removing;		/* in 16ths of the changes */
	u32 ops;
};

static struct lc_extent random_extent(const struct model *m, const struct shape *s)
{
	u32 mask = below(16) < s->aligned ? ~7u : ~0u;
	u32 at = below(m->size) & mask;
	struct lc_extent e = {
		.key = model_key(m, at),
		.len = max((1 + below(s->max_len)) & mask, mask & 1 ? 1 : 8),
		.kind = below(8) ? LC_EXT_DATA : LC_EXT_ZERO + below(2),
	};

	/* half of the time where a sequential writer would have put it */
	e.loc = (below(2) ? rnd() : at + 0x12345678) & ((1ULL << m->geo.loc_bits) - 1) &
		(s64)(s32)mask;
	if (!below(64))
		e.len *= 64;
	return e;
}

/* Half of the time an extent as it is mapped now. */
static struct lc_extent known_extent(const struct model *m, const struct shape *s)
{
	struct lc_extent e = random_extent(m, s), found;

	if (below(2) && lc_index_lookup(&m->ix, e.key, 4096, &found)) {
		found.len = below(2) ? found.len : e.len;
		return found;
	}
	return e;
}

static void random_change(struct model *m, const struct shape *s)
{
	struct lc_extent e = random_extent(m, s);
	u32 at = model_at(m, e.key), to = min(at + e.len, m->size);

	if (below(16) < s->removing) {
		if (!below(256))
			to = min(at + below(4096), m->size);
		if (below(2))
			model_remove(m, at, to, !below(64));
		else
			model_remove_at(m, known_extent(m, s));
	} else if (below(4)) {
		model_insert(m, e, !below(64));
	} else {
		model_insert_holes(m, e);
	}
}

static unsigned int random_ops(const struct shape *s)
{
	unsigned int i, peak = 0;
	struct model m;

	model_init(&m, &s->geo, s->size, s->gap);
	for (i = 0; i < s->ops; i++) {
		u32 at = below(m.size);

		random_change(&m, s);
		model_lookup(&m, at, min(at + 1 + below(64), m.size));
		if (i % 1024 == 0)
			REQUIRE(!lc_index_check(&m.ix));
		if (i % 16384 == 0)
			model_verify(&m);
		peak = max(peak, (unsigned int)lc_index_extents(&m.ix));
	}
	model_verify(&m);
	printf("# %s: up to %u extents, height %u\n", s->name, peak, m.ix.height);
	model_destroy(&m);
	return peak;
}

#define GEO(loc, seg, stripe) { .loc_bits = loc, .seg_shift = seg, .stripe_shift = stripe }

static const struct shape shapes[] = {
	{ "dense, aligned", GEO(23, 11, 14), 1 << 17, 1, 16, 16, 4, 300000 },
	{ "dense, sectors", GEO(23, 12, 20), 1 << 17, 1, 12, 0, 4, 300000 },
	{ "dense, mixed", GEO(30, 13, 11), 1 << 17, 1, 24, 12, 5, 300000 },
	{ "deep", GEO(23, 11, 19), 1 << 19, 1, 2, 0, 1, 600000 },
	{ "tiny", GEO(12, 11, 8), 1 << 9, 1, 40, 8, 8, 200000 },
	{ "long", GEO(28, 12, 16), 1 << 18, 1, 1500, 8, 6, 50000 },
	{ "draining", GEO(35, 11, 12), 1 << 17, 1, 12, 10, 9, 200000 },
	{ "sparse, aligned", GEO(35, 11, 6), 1 << 16, 1ULL << 16, 12, 16, 4, 300000 },
	{ "sparse, mixed", GEO(35, 11, 6), 1 << 16, 1ULL << 12, 12, 13, 5, 300000 },
	{ "sparse, rarely unaligned", GEO(33, 12, 5), 1 << 16, 1ULL << 13, 32, 15, 6, 300000 },
	{ "edge of the key space", GEO(35, 11, 4), 1 << 12, 1ULL << 43, 12, 12, 6, 100000 },
};

static void random_ops_match_flat_array(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(shapes); i++)
		CHECK(random_ops(&shapes[i]) > 8);
}

/*
 * Memory
 */

#define MILLION		(1u << 20)

enum order { RANDOM, ASCENDING, DESCENDING, STREAMS };

struct bar {
	const char *name;
	unsigned int volume_bits;	/* log2 sectors */
	unsigned int loc_bits;
	unsigned int unit;		/* of keys */
	enum order order;
	double most;			/* bytes per extent */
	bool churn;
};

/* 4 GiB of cache hold a million extents of 4 KiB; in the others they are few. */
static const struct bar bars[] = {
	{ "8 GiB, random", 24, 23, 8, RANDOM, 11.2, true },
	{ "8 GiB, ascending", 24, 23, 8, ASCENDING, 8.8, true },
	{ "8 GiB, descending", 24, 23, 8, DESCENDING, 8.8, false },
	{ "8 GiB, 64 ascending streams", 24, 23, 8, STREAMS, 11.2, false },
	{ "1 TiB, random, unaligned", 31, 23, 1, RANDOM, 11.2, false },
	{ "1 PiB, random", 41, 23, 8, RANDOM, 11.2, false },
	{ "1 PiB, random, unaligned", 41, 23, 1, RANDOM, 11.2, true },
	{ "8 PiB, random, 1 TiB of cache", 44, 31, 8, RANDOM, 11.2, false },
	{ "1 PiB, random, 16 TiB of cache", 41, 35, 8, RANDOM, 11.2, false },
	{ "1 PiB, ascending, 1 TiB of cache", 41, 31, 8, ASCENDING, 8.8, false },
};

static struct lc_index big;
static u64 *keys;

static int by_value(const void *a, const void *b)
{
	u64 x = *(const u64 *)a, y = *(const u64 *)b;

	return x < y ? -1 : x > y;
}

/* A million keys, ascending, no two extents of 8 sectors touching. */
static void make_keys(const struct bar *bar)
{
	u64 room = (1ULL << bar->volume_bits) / bar->unit - 8;
	u32 i, n = 0, kept;

	if (bar->volume_bits == 24) {
		for (i = 0; i < MILLION; i++)
			keys[i] = i * 16ULL;
		return;
	}
	while (n < MILLION) {
		for (; n < MILLION; n++)
			keys[n] = rnd() * rnd() % room * bar->unit;
		qsort(keys, MILLION, sizeof(*keys), by_value);
		for (kept = 1, i = 1; i < MILLION; i++)
			if (keys[i] > keys[kept - 1] + 8)
				keys[kept++] = keys[i];
		n = kept;
	}
}

static void shuffle(void)
{
	u32 i, j;

	for (i = MILLION - 1; i; i--) {
		j = below(i + 1);
		swap(keys[i], keys[j]);
	}
}

static u32 nth(const struct bar *bar, u32 i)
{
	switch (bar->order) {
	case DESCENDING:
		return MILLION - 1 - i;
	case STREAMS:
		return i % 64 * (MILLION / 64) + i / 64;
	default:
		return i;
	}
}

static void top_up(void)
{
	while (lc_index_spare(&big) < lc_index_need(&big))
		lc_index_give(&big, aligned_alloc(64, LC_INDEX_NODE_SIZE));
}

static void insert_key(const struct bar *bar, u64 key)
{
	struct lc_extent e = { .key = key, .len = 8, .kind = D };

	e.loc = (rnd() & ((1ULL << bar->loc_bits) - 1)) & ~7ULL;
	top_up();
	REQUIRE(!lc_index_insert(&big, &e, NULL, NULL));
}

static double bytes_per_extent(void)
{
	return (double)lc_index_nodes(&big) * LC_INDEX_NODE_SIZE / lc_index_extents(&big);
}

/* Removals and inserts at random, then three quarters removed. */
static double churn(const struct bar *bar)
{
	double worst = 0;
	u32 i;

	shuffle();
	for (i = 0; i < MILLION + MILLION * 3 / 4; i++) {
		top_up();
		REQUIRE(!lc_index_remove(&big, i < MILLION ? keys[below(MILLION)] :
							     keys[i - MILLION],
					 8, NULL, NULL));
		if (i < MILLION && below(8))
			insert_key(bar, keys[below(MILLION)]);
		if (i % 1024 == 0)
			worst = max(worst, bytes_per_extent());
	}
	return worst;
}

static void drop_big(void)
{
	lc_index_clear(&big);
	while (lc_index_spare(&big))
		free(lc_index_take(&big));
}

static bool below_bar(const struct bar *bar)
{
	const struct lc_index_geo geo = {
		.loc_bits = bar->loc_bits, .seg_shift = 11, .stripe_shift = 50,
	};
	double full, churned = 0;
	u32 i;

	lc_index_init(&big, &geo);
	make_keys(bar);
	if (bar->order == RANDOM)
		shuffle();
	for (i = 0; i < MILLION; i++)
		insert_key(bar, keys[nth(bar, i)]);
	REQUIRE(lc_index_extents(&big) == MILLION && !lc_index_check(&big));
	full = bytes_per_extent();
	if (bar->churn)
		churned = churn(bar);
	REQUIRE(!lc_index_check(&big));
	drop_big();
	printf("# %s: %.2f bytes per extent", bar->name, full);
	if (bar->churn)
		printf(", at worst %.2f in churn", churned);
	printf("\n");
	return full <= bar->most && churned <= 11.8;
}

static void a_million_extents_stay_below_the_bar(void)
{
	unsigned int i;

	keys = malloc(MILLION * sizeof(*keys));
	for (i = 0; i < ARRAY_SIZE(bars); i++)
		CHECK(below_bar(&bars[i]));
	free(keys);
}

/* The same 4 GiB written one after the other, as the log would place them. */
static void sequential_writes_merge(void)
{
	const struct lc_index_geo geo = {
		.loc_bits = 23, .seg_shift = 13, .stripe_shift = 50,
	};
	struct lc_extent e = { .len = 8, .kind = D };
	u32 i;

	lc_index_init(&big, &geo);
	for (i = 0; i < MILLION; i++) {
		e.key = i * 8ULL;
		e.loc = i * 8ULL;
		top_up();
		REQUIRE(!lc_index_insert(&big, &e, NULL, NULL));
	}
	CHECK(lc_index_extents(&big) == MILLION * 8 / LC_EXT_MAX_DATA);
	CHECK(lc_index_nodes(&big) * LC_INDEX_NODE_SIZE < MILLION / 20);
	drop_big();
}

int main(int argc, char **argv)
{
	if (argc > 1)
		rnd_state += strtoull(argv[1], NULL, 0) * 0xbf58476d1ce4e5b9;
#define X(name) RUN(name);
	INDEX_CASES(X)
#undef X
	RUN(impossible_extents_are_refused);
	RUN(random_ops_match_flat_array);
	RUN(a_million_extents_stay_below_the_bar);
	RUN(sequential_writes_merge);
	return tap_done();
}
#endif /* LC_KUNIT */
