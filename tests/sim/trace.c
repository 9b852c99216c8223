// SPDX-License-Identifier: GPL-2.0-only
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cache.h"
#include "trace.h"

/* xorshift64*: the same sequence on every machine and libc. */
static uint64_t rng_next(uint64_t *s)
{
	*s ^= *s >> 12;
	*s ^= *s << 25;
	*s ^= *s >> 27;
	return *s * 0x2545f4914f6cdd1dull;
}

static uint32_t rng_below(uint64_t *s, uint32_t n)
{
	return ((rng_next(s) >> 32) * n) >> 32;
}

struct gen {
	struct trace *t;
	uint64_t rng;
	uint32_t write_pct;
	uint32_t capacity;
};

static void emit(struct gen *g, uint32_t key)
{
	struct trace *t = g->t;

	if (rng_below(&g->rng, 100) < g->write_pct)
		key |= TRACE_WRITE;
	t->req[t->len++] = key;
}

/* Walker's alias method: one draw per request, any distribution. */
struct alias {
	uint32_t n;
	uint32_t *other;
	uint32_t *threshold;
};

static void alias_build(struct alias *a, const double *weight, uint32_t n)
{
	double *scaled = sim_alloc(n, sizeof(*scaled)), sum = 0;
	uint32_t *small = sim_alloc(n, sizeof(*small));
	uint32_t *large = sim_alloc(n, sizeof(*large));
	uint32_t ns = 0, nl = 0, i, s, b;

	a->n = n;
	a->other = sim_alloc(n, sizeof(*a->other));
	a->threshold = sim_alloc(n, sizeof(*a->threshold));
	for (i = 0; i < n; i++)
		sum += weight[i];
	for (i = 0; i < n; i++) {
		scaled[i] = weight[i] / sum * n;
		if (scaled[i] < 1)
			small[ns++] = i;
		else
			large[nl++] = i;
	}
	while (ns && nl) {
		s = small[--ns];
		b = large[--nl];
		a->threshold[s] = scaled[s] * UINT32_MAX;
		a->other[s] = b;
		scaled[b] -= 1 - scaled[s];
		if (scaled[b] < 1)
			small[ns++] = b;
		else
			large[nl++] = b;
	}
	while (ns)
		a->threshold[small[--ns]] = UINT32_MAX;
	while (nl)
		a->threshold[large[--nl]] = UINT32_MAX;
	free(scaled);
	free(small);
	free(large);
}

static uint32_t alias_draw(const struct alias *a, uint64_t *rng)
{
	uint32_t i = rng_below(rng, a->n);

	return (uint32_t)rng_next(rng) <= a->threshold[i] ? i : a->other[i];
}

static void alias_free(struct alias *a)
{
	free(a->other);
	free(a->threshold);
}

/* Popular keys lie anywhere, as they do on a disk. */
static uint32_t *permutation(struct gen *g, uint32_t n)
{
	uint32_t *p = sim_alloc(n, sizeof(*p)), i, j;

	for (i = 0; i < n; i++) {
		j = rng_below(&g->rng, i + 1);
		p[i] = p[j];
		p[j] = i;
	}
	return p;
}

static void gen_zipf(struct gen *g, uint32_t len, double theta)
{
	uint32_t n = 4 * g->capacity, i;
	double *weight = sim_alloc(n, sizeof(*weight));
	uint32_t *place = permutation(g, n);
	struct alias a;

	for (i = 0; i < n; i++)
		weight[i] = pow(i + 1, -theta);
	alias_build(&a, weight, n);
	for (i = 0; i < len; i++)
		emit(g, place[alias_draw(&a, &g->rng)]);
	alias_free(&a);
	free(place);
	free(weight);
	g->t->nkeys = n;
}

/*
 * A hot set of 60 % of the cache, always in use; again and again a scan of
 * twice the cache passes by, four requests of five, and is never read again.
 */
static void gen_scan(struct gen *g, uint32_t len)
{
	uint32_t hot = g->capacity * 6 / 10, scan_len = 2 * g->capacity;
	uint32_t period = 3 * g->capacity + scan_len * 5 / 4;
	uint32_t next = hot, i;

	for (i = 0; i < len; i++) {
		if (i % period >= 3 * g->capacity && rng_below(&g->rng, 5))
			emit(g, next++);
		else
			emit(g, rng_below(&g->rng, hot));
	}
	g->t->nkeys = next;
}

static void gen_loop(struct gen *g, uint32_t len)
{
	uint32_t n = 3 * g->capacity, i;

	for (i = 0; i < len; i++)
		emit(g, i % n);
	g->t->nkeys = n;
}

/* How the hot window of gen_shift() moves. */
struct shift {
	uint32_t hot;		/* blocks */
	uint32_t every;		/* requests between moves */
	uint32_t step;		/* blocks per move */
};

/*
 * 90 % of the requests go to a hot window inside a working set of four caches,
 * 10 % anywhere in it.
 */
static void gen_shift(struct gen *g, uint32_t len, const struct shift *shift)
{
	uint32_t n = 4 * g->capacity, base = 0, i, key;
	uint32_t *place = permutation(g, n);

	for (i = 0; i < len; i++) {
		if (i && i % shift->every == 0)
			base = (base + shift->step) % n;
		if (rng_below(&g->rng, 10))
			key = (base + rng_below(&g->rng, shift->hot)) % n;
		else
			key = rng_below(&g->rng, n);
		emit(g, place[key]);
	}
	free(place);
	g->t->nkeys = n;
}

/* A quarter of the cache is hot; eight caches of requests replace it. */
static void gen_slide(struct gen *g, uint32_t len)
{
	uint32_t c = g->capacity;

	gen_shift(g, len, &(struct shift){ c / 4, c / 16, c / 512 });
}

/* A quarter of the cache is hot, another one every four caches of requests. */
static void gen_jump(struct gen *g, uint32_t len)
{
	uint32_t c = g->capacity;

	gen_shift(g, len, &(struct shift){ c / 4, 4 * c, c / 2 });
}

/* Half of the cache is hot, and replaced while four caches are read. */
static void gen_harsh(struct gen *g, uint32_t len)
{
	uint32_t c = g->capacity;

	gen_shift(g, len, &(struct shift){ c / 2, c / 16, c / 128 });
}

static const char * const kind_name[TRACE_KINDS] = {
	[TRACE_ZIPF_08] = "zipf 0.8",
	[TRACE_ZIPF_10] = "zipf 1.0",
	[TRACE_ZIPF_12] = "zipf 1.2",
	[TRACE_SCAN] = "scan + hot set",
	[TRACE_LOOP] = "loop 3x cache",
	[TRACE_SHIFT] = "sliding hot set",
	[TRACE_JUMP] = "jumping hot set",
	[TRACE_HARSH] = "restless hot set",
};

void trace_generate(struct trace *t, enum trace_kind kind, uint32_t capacity,
		    uint32_t len, uint32_t write_pct, uint64_t seed)
{
	struct gen g = {
		.t = t,
		.rng = seed * 0x9e3779b97f4a7c15ull + kind + 1,
		.write_pct = write_pct,
		.capacity = capacity,
	};

	t->req = sim_alloc(len, sizeof(*t->req));
	t->len = 0;
	snprintf(t->name, sizeof(t->name), "%s%s", kind_name[kind],
		 write_pct ? " r/w" : "");
	switch (kind) {
	case TRACE_ZIPF_08:
		gen_zipf(&g, len, 0.8);
		break;
	case TRACE_ZIPF_10:
		gen_zipf(&g, len, 1.0);
		break;
	case TRACE_ZIPF_12:
		gen_zipf(&g, len, 1.2);
		break;
	case TRACE_SCAN:
		gen_scan(&g, len);
		break;
	case TRACE_LOOP:
		gen_loop(&g, len);
		break;
	case TRACE_SHIFT:
		gen_slide(&g, len);
		break;
	case TRACE_JUMP:
		gen_jump(&g, len);
		break;
	case TRACE_HARSH:
		gen_harsh(&g, len);
		break;
	default:
		abort();
	}
}

/* Open addressing LBA → dense key, grown by doubling. */
struct dense {
	uint64_t *lba;		/* + 1; 0 = free */
	uint32_t *key;
	uint64_t size;
	uint32_t used;
};

static uint64_t dense_slot(const struct dense *d, uint64_t lba)
{
	uint64_t i = (lba * 0x9e3779b97f4a7c15ull) >> 20;

	while (d->lba[i & (d->size - 1)] &&
	       d->lba[i & (d->size - 1)] != lba + 1)
		i++;
	return i & (d->size - 1);
}

static void dense_grow(struct dense *d)
{
	struct dense old = *d;
	uint64_t i, slot;

	d->size = old.size ? 2 * old.size : 1 << 16;
	d->lba = sim_alloc(d->size, sizeof(*d->lba));
	d->key = sim_alloc(d->size, sizeof(*d->key));
	for (i = 0; i < old.size; i++) {
		if (!old.lba[i])
			continue;
		slot = dense_slot(d, old.lba[i] - 1);
		d->lba[slot] = old.lba[i];
		d->key[slot] = old.key[i];
	}
	free(old.lba);
	free(old.key);
}

static uint32_t dense_key(struct dense *d, uint64_t lba)
{
	uint64_t slot;

	if (2 * (uint64_t)d->used >= d->size)
		dense_grow(d);
	slot = dense_slot(d, lba);
	if (!d->lba[slot]) {
		d->lba[slot] = lba + 1;
		d->key[slot] = d->used++;
	}
	return d->key[slot];
}

static void trace_append(struct trace *t, uint32_t *room, uint32_t req)
{
	if (t->len == *room) {
		*room = *room ? 2 * *room : 1 << 20;
		t->req = realloc(t->req, *room * sizeof(*t->req));
		if (!t->req)
			abort();
	}
	t->req[t->len++] = req;
}

uint32_t trace_read(struct trace *t, FILE *f)
{
	struct dense d = { 0 };
	uint32_t room = 0, lineno = 0, bad = 0;
	char line[128], op;
	uint64_t lba;

	memset(t, 0, sizeof(*t));
	snprintf(t->name, sizeof(t->name), "file");
	while (!bad && fgets(line, sizeof(line), f)) {
		lineno++;
		if (line[0] == '#' || line[strspn(line, " \t\r\n")] == '\0')
			continue;
		if (sscanf(line, " %c %lu", &op, &lba) != 2 ||
		    (toupper(op) != 'R' && toupper(op) != 'W'))
			bad = lineno;
		else
			trace_append(t, &room, dense_key(&d, lba) |
				     (toupper(op) == 'W' ? TRACE_WRITE : 0));
	}
	t->nkeys = d.used;
	free(d.lba);
	free(d.key);
	return bad;
}

void trace_free(struct trace *t)
{
	free(t->req);
}
