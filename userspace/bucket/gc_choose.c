// SPDX-License-Identifier: GPL-2.0-only
/*
 * Copying goes on while less than params.gc_target of what could be collected is needed:
 * the share is what the user sets, the copying is what it costs.
 *
 * Of an object of age a, in objects put since, the share u is still needed. The emptiest
 * ones are the best choice only if all that is needed dies equally fast. If not, one that
 * empties quickly by itself had better be left to it, and one that does not gets no
 * better by waiting. How fast: a share dies in each unit of time, so that u falls as
 * exp(-r a), and r is -ln(u) / a. Copying u to set 1 - u free costs u / (1 - u) now; what
 * waiting would save of that per unit of time is r u / (1 - u)^2. The least of these comes
 * first. With -ln(u) taken as 2 (1 - u) / (1 + u) this is the highest a (1 - u^2) / u.
 *
 * What goes into one copy should die together, so of those that are nearly as good as
 * the best the ones that empty as fast as it does are taken: hot and cold part.
 */
#include <stdlib.h>

#include "gc_choose.h"

#define MERGE_MIN	16u	/* so many objects with nothing but zeroes are worth one copy */
/* Of the best one's score: nearly as good. */
#define NEARLY		0.7

struct choice {
	const struct lc_objs_entry *e;
	double score;
	double rate;		/* its r, but for a factor */
};

struct choices {
	struct choice c[LC_GC_VICTIMS];	/* best first */
	u32 nr;
};

/*
 * What snapshots and clones need, for many objects of the line: where it parts from
 * the lines of these, ascending.
 */
struct kept {
	u64 *meets;
	u32 nr;
};

static int by_value(const void *a, const void *b)
{
	const u64 *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static void add_pins(struct kept *k, const struct lc_volume *vol, const struct lc_manifest *m)
{
	u32 i;

	for (i = 0; i < m->nr_pins; i++)
		k->meets[k->nr++] = lc_line_meet(&vol->line, &vol->m, m->pins[i].seq);
}

/* As lc_vol_pinned() has it. */
static void kept_init(struct kept *k, const struct lc_volume *vol)
{
	u32 next = vol->updating ? vol->next.nr_pins : 0;

	k->nr = 0;
	k->meets = lc_vol_alloc((vol->m.nr_pins + next + 1) * sizeof(*k->meets));
	if (lc_planted(vol, LC_BK_PLANT_NO_PINS))
		return;
	add_pins(k, vol, &vol->m);
	if (next)
		add_pins(k, vol, &vol->next);
	qsort(k->meets, k->nr, sizeof(*k->meets), by_value);
}

/* The first state that is kept and has the object: does it still need it? */
static bool is_kept(const struct kept *k, const struct lc_objs_entry *e)
{
	u32 lo = 0, hi = k->nr, mid;

	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		if (k->meets[mid] < e->seq)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < k->nr && k->meets[lo] < e->dead_at;
}

static bool collectable(const struct lc_volume *vol, const struct kept *k,
			const struct lc_objs_entry *e)
{
	return !is_kept(k, e) && lc_gc_own(vol, e->seq);
}

/* With what waits to be deleted: it takes up room. */
static bool too_empty(struct lc_volume *vol, const struct kept *k)
{
	const struct lc_objs *objs = lc_map_objs(vol->map);
	u64 payload = 0, live = 0, target = vol->params.gc_target;
	u32 i;

	for (i = 0; i < objs->nr; i++) {
		if (!objs->e[i].payload || !collectable(vol, k, &objs->e[i]))
			continue;
		payload += objs->e[i].payload;
		live += objs->e[i].live;
	}
	/* Then copying waits for nobody. */
	vol->gcs.behind = live * 100 < payload * (target - target / 8);
	return live * 100 < payload * target;
}

static bool candidate(const struct lc_volume *vol, const struct kept *k,
		      const struct lc_objs_entry *e)
{
	/* Half full with zeroes: nothing is won by merging it. */
	if (!e->payload && e->header_bytes >= LC_BK_FIXED + 16 * LC_BK_EXTENTS_MAX / 2)
		return false;
	return e->dead_at == LC_BK_NEVER && e->seq != vol->committed &&
	       e->live * 100 <= (u64)e->payload * vol->params.gc_max_live &&
	       collectable(vol, k, e);
}

/* Those without payload, which save no room, come last. */
static struct choice rate(const struct lc_volume *vol, const struct lc_objs_entry *e)
{
	double age = vol->committed - e->seq + 1, u;

	if (!e->payload)
		return (struct choice){ .e = e };
	/* Half a sector, where nothing but zeroes is needed. */
	u = (e->live ? e->live : 0.5) / e->payload;
	return (struct choice){
		.e = e, .score = age * (1 - u * u) / u, .rate = (1 - u) / (1 + u) / age,
	};
}

static void insert(struct choices *best, const struct choice *c)
{
	u32 i;

	for (i = best->nr; i && c->score > best->c[i - 1].score; i--)
		if (i < LC_GC_VICTIMS)
			best->c[i] = best->c[i - 1];
	if (i == LC_GC_VICTIMS)
		return;
	best->c[i] = *c;
	if (best->nr < LC_GC_VICTIMS)
		best->nr++;
}

/* How many times faster the one empties than the other. */
static double apart(const struct choice *a, const struct choice *b)
{
	return a->rate > b->rate ? a->rate / b->rate : b->rate / a->rate;
}

/* Those that are nearly as good as the best, in the order of how much they are like it. */
static void put_like_together(struct choices *best)
{
	struct choice *c = best->c, x;
	u32 i, k;

	for (i = 2; i < best->nr && c[i].score >= NEARLY * c[0].score && c[i].rate > 0; i++) {
		x = c[i];
		for (k = i; k > 1 && apart(&x, &c[0]) < apart(&c[k - 1], &c[0]); k--)
			c[k] = c[k - 1];
		c[k] = x;
	}
}

/* As many as give one object. */
static void take(const struct lc_volume *vol, const struct choices *best,
		 struct lc_gc_victims *v)
{
	u64 live = 0;

	for (v->nr = 0; v->nr < best->nr; v->nr++) {
		live += best->c[v->nr].e->live;
		if (live > vol->params.object_sectors && v->nr)
			break;
		v->e[v->nr] = best->c[v->nr].e;
	}
}

/* Space is what counts, unless there are many with only zeroes. */
bool lc_gc_choose(struct lc_volume *vol, struct lc_gc_victims *v)
{
	const struct lc_objs *objs = lc_map_objs(vol->map);
	struct choices best = { .nr = 0 };
	struct choice c;
	struct kept k;
	u32 i, bare = 0;
	bool space;

	kept_init(&k, vol);
	space = too_empty(vol, &k);
	for (i = 0; i < objs->nr; i++)
		bare += !objs->e[i].payload && candidate(vol, &k, &objs->e[i]);
	for (i = 0; i < objs->nr; i++) {
		if (!(objs->e[i].payload ? space : bare >= MERGE_MIN) ||
		    !candidate(vol, &k, &objs->e[i]))
			continue;
		c = rate(vol, &objs->e[i]);
		insert(&best, &c);
	}
	free(k.meets);
	put_like_together(&best);
	take(vol, &best, v);
	return v->nr;
}
