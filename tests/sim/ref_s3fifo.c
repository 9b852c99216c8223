// SPDX-License-Identifier: GPL-2.0-only
/*
 * S3-FIFO, after Yang et al., "FIFO queues are all you need for cache
 * eviction", SOSP 2023, algorithm 1: small queue of 10 %, main queue of 90 %,
 * ghost queue with as many keys as main has blocks; two bits per block.
 */
#include <stdlib.h>

#include "cache.h"
#include "list.h"

enum { OUT, SMALL, MAIN, GHOST };

struct s3fifo_cache {
	struct lists l;
	uint8_t *freq;
	uint32_t capacity;
	uint32_t small_max;
};

static void *s3fifo_create(uint32_t capacity, uint32_t nkeys)
{
	struct s3fifo_cache *c = sim_alloc(1, sizeof(*c));

	c->capacity = capacity;
	c->small_max = capacity / 10 ? capacity / 10 : 1;
	c->freq = sim_alloc(nkeys, 1);
	lists_init(&c->l, nkeys);
	return c;
}

static void s3fifo_ghost_add(struct s3fifo_cache *c, uint32_t key)
{
	if (c->l.len[GHOST] >= c->capacity - c->small_max)
		list_pop(&c->l, GHOST);
	list_push(&c->l, GHOST, key);
}

static bool s3fifo_evict_main(struct s3fifo_cache *c)
{
	uint32_t key;

	while ((key = list_pop(&c->l, MAIN)) != LIST_NIL) {
		if (!c->freq[key])
			return true;
		c->freq[key]--;
		list_push(&c->l, MAIN, key);
	}
	return false;
}

/* Pass through small: what was used again moves up, the first other goes. */
static bool s3fifo_evict_small(struct s3fifo_cache *c)
{
	uint32_t key;

	while ((key = list_pop(&c->l, SMALL)) != LIST_NIL) {
		if (c->freq[key] > 1) {
			c->freq[key] = 0;
			list_push(&c->l, MAIN, key);
			if (c->l.len[MAIN] > c->capacity - c->small_max)
				return s3fifo_evict_main(c);
		} else {
			s3fifo_ghost_add(c, key);
			return true;
		}
	}
	return false;
}

static void s3fifo_make_room(struct s3fifo_cache *c)
{
	while (c->l.len[SMALL] + c->l.len[MAIN] >= c->capacity) {
		if (c->l.len[SMALL] >= c->small_max && s3fifo_evict_small(c))
			continue;
		if (!s3fifo_evict_main(c))
			s3fifo_evict_small(c);
	}
}

static bool s3fifo_access(void *cache, uint32_t key, bool write)
{
	struct s3fifo_cache *c = cache;
	uint32_t list = c->l.node[key].list;
	uint32_t to = SMALL;

	(void)write;
	if (list == SMALL || list == MAIN) {
		if (c->freq[key] < 3)
			c->freq[key]++;
		return true;
	}
	if (list == GHOST) {
		list_remove(&c->l, key);
		to = MAIN;
	}
	s3fifo_make_room(c);
	c->freq[key] = 0;
	list_push(&c->l, to, key);
	return false;
}

static void s3fifo_destroy(void *cache)
{
	struct s3fifo_cache *c = cache;

	lists_free(&c->l);
	free(c->freq);
	free(c);
}

const struct cache_ops s3fifo_cache_ops = {
	.name = "S3-FIFO",
	.create = s3fifo_create,
	.access = s3fifo_access,
	.destroy = s3fifo_destroy,
};
