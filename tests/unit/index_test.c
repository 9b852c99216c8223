// SPDX-License-Identifier: GPL-2.0
/* The extent index against a flat array, and against its memory bar. */
#include "index_model.h"

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
	return rnd() % n;
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

int main(int argc, char **argv)
{
	if (argc > 1)
		rnd_state += strtoull(argv[1], NULL, 0) * 0xbf58476d1ce4e5b9;
	RUN(random_ops_match_flat_array);
	return tap_done();
}
