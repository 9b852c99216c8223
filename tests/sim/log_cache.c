// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>

#include "../../kernel/lru.h"
#include "cache.h"
#include "log_cache.h"

#define HIGH_PCT	95
#define LOW_PCT		90
#define NO_KEY		UINT32_MAX
#define NO_BLOCK	UINT32_MAX

struct stream {
	uint32_t seg;
	uint32_t used;		/* blocks appended, headers included */
	uint32_t writes;
};

struct log_cache {
	struct lc_lru *lru;
	void *lru_mem;
	uint32_t nsegs, bps;
	uint32_t *where;	/* key → block */
	uint32_t *owner;	/* block → key, NO_KEY if it is garbage */
	uint32_t *live;		/* per segment */
	uint32_t *free;		/* stack */
	uint32_t nfree;
	uint32_t *dirty;	/* ring of sealed segments, oldest first */
	uint32_t dirty_head, ndirty, dirty_max;
	struct stream open[LC_LRU_STREAMS];
	uint32_t writes_per_header;
	uint64_t inserted, carried, stalls;
};

struct log_cache_config log_cache_config = {
	.blocks_per_seg = 512,
	.dirty_pct = 8,
	.writes_per_header = 32,
};

static u32 live_blocks(void *ctx, u32 seg)
{
	struct log_cache *c = ctx;

	return c->live[seg];
}

/*
 * Blocks
 */

static void forget(struct log_cache *c, uint32_t key)
{
	uint32_t block = c->where[key];

	if (block == NO_BLOCK)
		return;
	c->owner[block] = NO_KEY;
	c->live[block / c->bps]--;
	c->where[key] = NO_BLOCK;
}

static void bind(struct log_cache *c, uint32_t key, uint32_t block)
{
	c->where[key] = block;
	c->owner[block] = key;
	c->live[block / c->bps]++;
}

/*
 * Segments
 */

static void write_back(struct log_cache *c, uint32_t leave)
{
	while (c->ndirty > leave) {
		lc_lru_clean(c->lru, c->dirty[c->dirty_head]);
		c->dirty_head = (c->dirty_head + 1) % c->nsegs;
		c->ndirty--;
	}
}

static void seal(struct log_cache *c, enum lc_lru_stream stream)
{
	uint32_t seg = c->open[stream].seg;

	c->open[stream].seg = LC_LRU_NONE;
	if (stream != LC_LRU_WRITE) {
		lc_lru_clean(c->lru, seg);
		return;
	}
	c->dirty[(c->dirty_head + c->ndirty++) % c->nsegs] = seg;
	write_back(c, c->dirty_max);
}

static uint32_t append(struct log_cache *c, enum lc_lru_stream stream);

static void evict(struct log_cache *c, uint32_t seg)
{
	uint32_t block = seg * c->bps, end = block + c->bps, key, to;

	for (; block < end; block++) {
		key = c->owner[block];
		if (key == NO_KEY)
			continue;
		if (lc_lru_keep(c->lru, block)) {
			to = append(c, LC_LRU_CARRY);
			lc_lru_carry(c->lru, block, to);
			c->carried++;
			forget(c, key);
			bind(c, key, to);
		} else {
			forget(c, key);
		}
	}
	lc_lru_evicted(c->lru, seg);
	c->free[c->nfree++] = seg;
}

static void evict_pass(struct log_cache *c)
{
	uint32_t seg;

	while (c->nsegs - c->nfree > c->nsegs * LOW_PCT / 100) {
		seg = lc_lru_pick(c->lru);
		if (seg == LC_LRU_NONE) {
			if (!c->ndirty)
				return;
			c->stalls++;
			write_back(c, c->ndirty - 1);
			continue;
		}
		evict(c, seg);
	}
}

static void open_segment(struct log_cache *c, enum lc_lru_stream stream)
{
	/* Carrying happens inside a pass: it lives off the reserve. */
	if (stream != LC_LRU_CARRY &&
	    c->nsegs - c->nfree >= c->nsegs * HIGH_PCT / 100)
		evict_pass(c);
	if (!c->nfree)
		abort();
	c->open[stream].seg = c->free[--c->nfree];
	c->open[stream].used = 0;
	c->open[stream].writes = 0;
	lc_lru_open(c->lru, c->open[stream].seg, stream, 0);
}

static uint32_t append(struct log_cache *c, enum lc_lru_stream stream)
{
	struct stream *s = &c->open[stream];

	if (s->seg != LC_LRU_NONE && s->used == c->bps)
		seal(c, stream);
	if (s->seg == LC_LRU_NONE)
		open_segment(c, stream);
	if (stream == LC_LRU_WRITE && s->used < c->bps - 1 &&
	    s->writes++ % c->writes_per_header == 0)
		s->used++;
	return s->seg * c->bps + s->used++;
}

/*
 * The cache
 */

static void *log_create(uint32_t capacity, uint32_t nkeys)
{
	struct log_cache *c = sim_alloc(1, sizeof(*c));
	struct lc_lru_params params = {
		.blocks_per_seg = log_cache_config.blocks_per_seg,
		.nsegs = capacity / log_cache_config.blocks_per_seg,
		.live = live_blocks,
		.ctx = c,
	};
	uint32_t i;

	c->nsegs = params.nsegs;
	c->bps = params.blocks_per_seg;
	c->writes_per_header = log_cache_config.writes_per_header;
	c->dirty_max = c->nsegs * log_cache_config.dirty_pct / 100;
	c->lru_mem = sim_alloc(1, lc_lru_bytes(c->nsegs, c->bps));
	c->lru = lc_lru_init(c->lru_mem, &params);
	if (!c->lru)
		abort();
	c->where = sim_alloc(nkeys, sizeof(*c->where));
	for (i = 0; i < nkeys; i++)
		c->where[i] = NO_BLOCK;
	c->owner = sim_alloc(c->nsegs * c->bps, sizeof(*c->owner));
	for (i = 0; i < c->nsegs * c->bps; i++)
		c->owner[i] = NO_KEY;
	c->live = sim_alloc(c->nsegs, sizeof(*c->live));
	c->dirty = sim_alloc(c->nsegs, sizeof(*c->dirty));
	c->free = sim_alloc(c->nsegs, sizeof(*c->free));
	while (c->nfree < c->nsegs) {
		c->free[c->nfree] = c->nsegs - 1 - c->nfree;
		c->nfree++;
	}
	for (i = 0; i < LC_LRU_STREAMS; i++)
		c->open[i].seg = LC_LRU_NONE;
	return c;
}

static void log_insert(struct log_cache *c, uint32_t key,
		       enum lc_lru_stream stream)
{
	uint32_t block = append(c, stream), old = c->where[key];

	lc_lru_add(c->lru, block);
	if (old != NO_BLOCK) {
		lc_lru_rewrite(c->lru, old, block);
		forget(c, key);
	}
	bind(c, key, block);
	c->inserted++;
}

static bool log_access(void *cache, uint32_t key, bool write)
{
	struct log_cache *c = cache;
	bool hit = c->where[key] != NO_BLOCK;

	if (write)
		log_insert(c, key, LC_LRU_WRITE);
	else if (hit)
		lc_lru_hit(c->lru, c->where[key]);
	else
		log_insert(c, key, LC_LRU_FILL);
	return hit;
}

static void log_destroy(void *cache)
{
	struct log_cache *c = cache;

	free(c->lru_mem);
	free(c->where);
	free(c->owner);
	free(c->live);
	free(c->dirty);
	free(c->free);
	free(c);
}

void log_cache_stats(const void *cache, struct log_cache_stats *stats)
{
	const struct log_cache *c = cache;
	const struct lc_lru_stats *s = lc_lru_stats(c->lru);
	uint32_t i;

	*stats = (struct log_cache_stats) {
		.inserted = c->inserted,
		.carried = c->carried,
		.forced = s->forced,
		.swept = s->swept,
		.evicted = s->evicted,
		.stalls = c->stalls,
	};
	for (i = 0; i < c->nsegs; i++)
		stats->live += c->live[i];
}

bool log_cache_consistent(const void *cache, uint32_t nkeys)
{
	const struct log_cache *c = cache;
	uint32_t *live = sim_alloc(c->nsegs, sizeof(*live)), i;
	bool good = true;

	for (i = 0; i < nkeys; i++) {
		if (c->where[i] == NO_BLOCK)
			continue;
		good &= c->owner[c->where[i]] == i;
		live[c->where[i] / c->bps]++;
	}
	for (i = 0; i < c->nsegs; i++)
		good &= live[i] == c->live[i];
	free(live);
	return good;
}

const struct cache_ops log_cache_ops = {
	.name = "logcache",
	.create = log_create,
	.access = log_access,
	.destroy = log_destroy,
};
