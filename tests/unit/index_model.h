/* SPDX-License-Identifier: GPL-2.0 */
/*
 * An index and the naive truth beside it: one word per sector.  Every call does
 * the same to both, checks each piece that is reported, and gives the index
 * exactly the spare nodes it asks for.  Used by the unit test and the fuzzer.
 *
 * The sectors of the model are 0..size-1; their keys are spread out by putting
 * gap - 1 empty stripes between every two.
 */
#ifndef INDEX_MODEL_H
#define INDEX_MODEL_H

#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/string.h>
#include <stdlib.h>

#include "index.h"
#include "tap.h"

struct model {
	struct lc_index ix;
	struct lc_index_geo geo;
	u32 size;
	u64 gap;
	u64 *map;		/* 0, or place(): what each sector is mapped to */
	u32 *seen;		/* the call that last reported each sector */
	u32 call;
	u32 from, to;		/* range of the present call */
	u32 reported;
	u32 past;		/* end of the last piece */
	bool adding;
	u64 mapped;		/* sectors */
};

static u64 model_key(const struct model *m, u32 at)
{
	u32 mask = (1u << m->geo.stripe_shift) - 1;

	return ((u64)(at & ~mask)) * m->gap + (at & mask);
}

static u32 model_at(const struct model *m, u64 key)
{
	u64 mask = (1u << m->geo.stripe_shift) - 1;

	REQUIRE((key & ~mask) % (m->gap * (mask + 1)) == 0);
	return (key & ~mask) / m->gap + (key & mask);
}

/* What a sector i into the extent is mapped to, as one word. */
static u64 place(const struct model *m, const struct lc_extent *e, u32 i)
{
	u64 seg = ~((1ULL << m->geo.seg_shift) - 1);

	return (e->kind == LC_EXT_DATA ? e->loc + i : e->loc & seg) << 2 |
	       (e->kind + 1);
}

static void model_init(struct model *m, const struct lc_index_geo *geo,
		       u32 size, u64 gap)
{
	memset(m, 0, sizeof(*m));
	m->geo = *geo;
	m->size = size;
	m->gap = gap;
	m->map = calloc(size, sizeof(*m->map));
	m->seen = calloc(size, sizeof(*m->seen));
	lc_index_init(&m->ix, geo);
}

/* Leave the index exactly nr spares. */
static void model_spares(struct model *m, unsigned int nr)
{
	while (lc_index_spare(&m->ix) < nr)
		lc_index_give(&m->ix, aligned_alloc(64, LC_INDEX_NODE_SIZE));
	while (lc_index_spare(&m->ix) > nr)
		free(lc_index_take(&m->ix));
}

static void model_destroy(struct model *m)
{
	lc_index_clear(&m->ix);
	REQUIRE(!lc_index_check(&m->ix) && !lc_index_nodes(&m->ix));
	model_spares(m, 0);
	free(m->map);
	free(m->seen);
}

/* Each piece lies in the range, is what the model says, and comes once, in order. */
static void model_piece(void *ctx, const struct lc_extent *e)
{
	struct model *m = ctx;
	u32 i, at = model_at(m, e->key);

	REQUIRE(e->len && at >= m->past && at + e->len <= m->to);
	m->past = at + e->len;
	for (i = 0; i < e->len; i++) {
		REQUIRE(m->map[at + i] == (m->adding ? 0 : place(m, e, i)));
		REQUIRE(m->seen[at + i] != m->call);
		m->seen[at + i] = m->call;
	}
	m->reported += e->len;
}

static void model_begin(struct model *m, u32 from, u32 to, bool adding)
{
	m->from = from;
	m->to = to;
	m->past = from;
	m->adding = adding;
	m->reported = 0;
	m->call++;
	model_spares(m, lc_index_need(&m->ix));
}

static void model_set(struct model *m, u32 at, u64 value)
{
	m->mapped += !!value;
	m->mapped -= !!m->map[at];
	m->map[at] = value;
}

/* Without enough spares a call must refuse and leave everything as it is. */
static void model_starve(struct model *m)
{
	model_spares(m, lc_index_need(&m->ix) - 1);
}

/* Shorten an extent to what the geometry allows. */
static void model_trim(const struct model *m, struct lc_extent *e)
{
	u64 stripe = 1ULL << m->geo.stripe_shift, seg = 1ULL << m->geo.seg_shift;
	u32 at = model_at(m, e->key);

	if (e->kind == LC_EXT_DATA)
		e->len = min_t(u64, min(e->len, LC_EXT_MAX_DATA),
			       seg - (e->loc & (seg - 1)));
	e->len = min(e->len, LC_EXT_MAX_HOLE);
	e->len = min_t(u64, e->len, stripe - (e->key & (stripe - 1)));
	e->len = min(e->len, m->size - at);
}

static u32 model_count(const struct model *m, u32 from, u32 to)
{
	u32 n = 0;

	for (; from < to; from++)
		n += !!m->map[from];
	return n;
}

static void model_insert(struct model *m, struct lc_extent e, bool starve)
{
	u32 i, at = model_at(m, e.key);

	model_trim(m, &e);
	model_begin(m, at, at + e.len, false);
	if (starve) {
		model_starve(m);
		REQUIRE(lc_index_insert(&m->ix, &e, model_piece, m) == -ENOSPC);
		REQUIRE(!m->reported);
		return;
	}
	REQUIRE(!lc_index_insert(&m->ix, &e, model_piece, m));
	REQUIRE(m->reported == model_count(m, m->from, m->to));
	for (i = 0; i < e.len; i++)
		model_set(m, at + i, place(m, &e, i));
	REQUIRE(lc_index_sectors(&m->ix) == m->mapped);
}

static void model_remove(struct model *m, u32 from, u32 to, bool starve)
{
	u64 key = model_key(m, from), end = model_key(m, to);

	model_begin(m, from, to, false);
	if (starve) {
		model_starve(m);
		REQUIRE(lc_index_remove(&m->ix, key, end - key, model_piece, m) == -ENOSPC);
		REQUIRE(!m->reported);
		return;
	}
	REQUIRE(!lc_index_remove(&m->ix, key, end - key, model_piece, m));
	REQUIRE(m->reported == model_count(m, from, to));
	for (; from < to; from++)
		model_set(m, from, 0);
	REQUIRE(lc_index_sectors(&m->ix) == m->mapped);
}

static void model_remove_at(struct model *m, struct lc_extent e)
{
	u32 i, n = 0, at = model_at(m, e.key);

	model_trim(m, &e);
	model_begin(m, at, at + e.len, false);
	REQUIRE(!lc_index_remove_at(&m->ix, e.key, e.len, e.loc, e.kind, model_piece, m));
	for (i = 0; i < e.len; i++) {
		if (m->map[at + i] != place(m, &e, i))
			continue;
		n++;
		model_set(m, at + i, 0);
	}
	REQUIRE(m->reported == n);
	REQUIRE(lc_index_sectors(&m->ix) == m->mapped);
}

static void model_insert_holes(struct model *m, struct lc_extent e)
{
	u32 i, at, done;

	for (model_trim(m, &e); e.len; lc_extent_clip(&e, e.key + done, lc_extent_end(&e))) {
		at = model_at(m, e.key);
		model_begin(m, at, at + e.len, true);
		done = lc_index_insert_holes(&m->ix, &e, model_piece, m);
		REQUIRE(done > 0 && done <= e.len);
		REQUIRE(m->reported == done - model_count(m, at, at + done));
		for (i = 0; i < done; i++)
			if (!m->map[at + i])
				model_set(m, at + i, place(m, &e, i));
		REQUIRE(lc_index_sectors(&m->ix) == m->mapped);
		if (done == e.len)
			break;
	}
}

static void model_lookup(struct model *m, u32 from, u32 to)
{
	u64 key = model_key(m, from), end = model_key(m, to);
	struct lc_extent e = { .key = ~0ULL };
	u32 i, at = from;

	while (at < to && !m->map[at])
		at++;
	if (at == to) {
		REQUIRE(!lc_index_lookup(&m->ix, key, end - key, &e) && e.key == ~0ULL);
		return;
	}
	REQUIRE(lc_index_lookup(&m->ix, key, end - key, &e));
	REQUIRE(model_at(m, e.key) == at && e.len && at + e.len <= to);
	for (i = 0; i < e.len; i++)
		REQUIRE(m->map[at + i] == place(m, &e, i));
}

/* The whole truth: structure, and every sector. */
static void model_verify(struct model *m)
{
	struct lc_extent e;
	u64 cursor = 0, extents = 0;
	u32 i, at, next = 0;

	REQUIRE(!lc_index_check(&m->ix));
	while (lc_index_next(&m->ix, &cursor, &e)) {
		at = model_at(m, e.key);
		for (; next < at; next++)
			REQUIRE(!m->map[next]);
		for (i = 0; i < e.len; i++)
			REQUIRE(m->map[at + i] == place(m, &e, i));
		next = at + e.len;
		extents++;
	}
	for (; next < m->size; next++)
		REQUIRE(!m->map[next]);
	REQUIRE(extents == lc_index_extents(&m->ix));
}

#endif /* INDEX_MODEL_H */
