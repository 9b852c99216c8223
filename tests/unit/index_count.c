// SPDX-License-Identifier: GPL-2.0
/*
 * index_count N: fill an index with N extents of 4 KiB at random places, then
 * look 10000 of them up.  For index_count.sh, which counts the instructions.
 */
#include <stdlib.h>

#include "index.h"

#define LOOKUPS	10000u

static u64 rnd_state = 0x9e3779b97f4a7c15;

static u64 rnd(void)
{
	rnd_state = rnd_state * 6364136223846793005 + 1442695040888963407;
	return rnd_state >> 20;
}

static void insert(struct lc_index *ix, u64 key)
{
	struct lc_extent e = { .key = key, .len = 8, .kind = LC_EXT_DATA };

	e.loc = rnd() % (1u << 20) * 8;
	while (lc_index_spare(ix) < lc_index_need(ix))
		lc_index_give(ix, aligned_alloc(64, LC_INDEX_NODE_SIZE));
	if (lc_index_insert(ix, &e, NULL, NULL))
		abort();
}

int main(int argc, char **argv)
{
	const struct lc_index_geo geo = {
		.loc_bits = 23, .seg_shift = 11, .stripe_shift = 30,
	};
	u32 n = argc > 1 ? strtoul(argv[1], NULL, 0) : 65536, i;
	u64 *keys = malloc(n * sizeof(*keys)), sum = 0;
	struct lc_extent e;
	struct lc_index ix;

	lc_index_init(&ix, &geo);
	for (i = 0; i < n; i++) {
		keys[i] = rnd() % (1u << 24) * 16;
		insert(&ix, keys[i]);
	}
	for (i = 0; i < LOOKUPS; i++) {
		if (!lc_index_lookup(&ix, keys[rnd() % n], 8, &e))
			abort();
		sum += e.loc;
	}
	return sum == 0;
}
