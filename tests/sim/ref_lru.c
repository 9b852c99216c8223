// SPDX-License-Identifier: GPL-2.0-only
/* True LRU: the bar. */
#include <stdlib.h>

#include "cache.h"
#include "list.h"

enum { OUT, CACHED };

struct lru_cache {
	struct lists l;
	uint32_t capacity;
};

static void *lru_create(uint32_t capacity, uint32_t nkeys)
{
	struct lru_cache *c = sim_alloc(1, sizeof(*c));

	c->capacity = capacity;
	lists_init(&c->l, nkeys);
	return c;
}

static bool lru_access(void *cache, uint32_t key, bool write)
{
	struct lru_cache *c = cache;
	bool hit = c->l.node[key].list == CACHED;

	(void)write;
	if (hit)
		list_remove(&c->l, key);
	else if (c->l.len[CACHED] == c->capacity)
		list_pop(&c->l, CACHED);
	list_push(&c->l, CACHED, key);
	return hit;
}

static void lru_destroy(void *cache)
{
	struct lru_cache *c = cache;

	lists_free(&c->l);
	free(c);
}

const struct cache_ops lru_cache_ops = {
	.name = "LRU",
	.create = lru_create,
	.access = lru_access,
	.destroy = lru_destroy,
};
