// SPDX-License-Identifier: GPL-2.0-only
/*
 * ARC, after Megiddo and Modha, "ARC: a self-tuning, low overhead replacement
 * cache", FAST 2003, figure 4. T1/T2 are cached, B1/B2 remember only the key.
 */
#include <stdlib.h>

#include "cache.h"
#include "list.h"

enum { OUT, T1, T2, B1, B2 };

struct arc_cache {
	struct lists l;
	uint32_t c;		/* capacity */
	uint32_t p;		/* what T1 aims at */
};

static void *arc_create(uint32_t capacity, uint32_t nkeys)
{
	struct arc_cache *a = sim_alloc(1, sizeof(*a));

	a->c = capacity;
	lists_init(&a->l, nkeys);
	return a;
}

static void arc_move(struct arc_cache *a, uint32_t to, uint32_t key)
{
	list_remove(&a->l, key);
	list_push(&a->l, to, key);
}

/* REPLACE: demote one page of T1 or T2 to its ghost list. */
static void arc_replace(struct arc_cache *a, bool in_b2)
{
	uint32_t t1 = a->l.len[T1];

	if (t1 && (t1 > a->p || (in_b2 && t1 == a->p)))
		list_push(&a->l, B1, list_pop(&a->l, T1));
	else
		list_push(&a->l, B2, list_pop(&a->l, T2));
}

static void arc_ghost_hit(struct arc_cache *a, uint32_t key, uint32_t list)
{
	uint32_t b1 = a->l.len[B1], b2 = a->l.len[B2], step;

	if (list == B1) {
		step = b2 > b1 ? b2 / b1 : 1;
		a->p = a->c - a->p < step ? a->c : a->p + step;
	} else {
		step = b1 > b2 ? b1 / b2 : 1;
		a->p = a->p < step ? 0 : a->p - step;
	}
	arc_replace(a, list == B2);
	arc_move(a, T2, key);
}

static void arc_miss(struct arc_cache *a, uint32_t key)
{
	uint32_t *len = a->l.len;
	uint32_t l1 = len[T1] + len[B1];
	uint32_t total = l1 + len[T2] + len[B2];

	if (l1 == a->c) {
		if (len[T1] < a->c) {
			list_pop(&a->l, B1);
			arc_replace(a, false);
		} else {
			list_pop(&a->l, T1);
		}
	} else if (total >= a->c) {
		if (total == 2 * a->c)
			list_pop(&a->l, B2);
		arc_replace(a, false);
	}
	list_push(&a->l, T1, key);
}

static bool arc_access(void *cache, uint32_t key, bool write)
{
	struct arc_cache *a = cache;
	uint32_t list = a->l.node[key].list;

	(void)write;
	switch (list) {
	case T1:
	case T2:
		arc_move(a, T2, key);
		return true;
	case B1:
	case B2:
		arc_ghost_hit(a, key, list);
		return false;
	default:
		arc_miss(a, key);
		return false;
	}
}

static void arc_destroy(void *cache)
{
	struct arc_cache *a = cache;

	lists_free(&a->l);
	free(a);
}

const struct cache_ops arc_cache_ops = {
	.name = "ARC",
	.create = arc_create,
	.access = arc_access,
	.destroy = arc_destroy,
};
