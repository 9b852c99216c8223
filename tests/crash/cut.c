// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>

#include "cut.h"

struct pending {
	const struct dev_op *op;
	bool durable;
};

/* One device at the current cut. */
struct side {
	const struct device_model *model;
	struct image *durable;
	const struct dev_op **order;	/* this device's ops by completion */
	size_t nr_order, next;
	struct pending *pending;	/* completed, from the first cached one on */
	size_t nr_pending, cap_pending;
};

struct cutter {
	const struct history *h;
	uint64_t cut;
	size_t first_open;		/* all device ops before it have completed */
	struct side side[NR_DEVS];
};

enum fate { FATE_KEEP, FATE_DROP, FATE_TEAR };

void device_apply(const struct device_model *model, struct image *img, const struct dev_op *op)
{
	if (op->type == OP_WRITE && op->nr)
		image_write(img, op->sector, op->nr, op->data);
	else if (op->type == OP_ZERO || (op->type == OP_DISCARD && model->discard_zeroes))
		image_zero(img, op->sector, op->nr);
}

/* Part of an op: [from, from + nr) of its sectors. */
static void apply_part(const struct device_model *model, struct image *img,
		       const struct dev_op *op, uint32_t from, uint32_t nr)
{
	struct dev_op part = *op;

	part.sector += from;
	part.nr = nr;
	if (op->data)
		part.data = (uint8_t *)op->data + (size_t)from * SECTOR_SIZE;
	device_apply(model, img, &part);
}

static int by_completion(const void *a, const void *b)
{
	const struct dev_op *x = *(const struct dev_op *const *)a;
	const struct dev_op *y = *(const struct dev_op *const *)b;

	return x->complete < y->complete ? -1 : x->complete > y->complete;
}

static void side_init(struct side *side, const struct history *h, enum dev_id dev,
		      struct image *start, const struct device_model *model)
{
	side->model = model;
	side->durable = image_new(start, image_sectors(start));
	side->order = xcalloc(h->nr_dev, sizeof(*side->order));
	for (size_t i = 0; i < h->nr_dev; i++)
		if (h->dev[i].dev == dev && h->dev[i].complete != NEVER)
			side->order[side->nr_order++] = &h->dev[i];
	qsort(side->order, side->nr_order, sizeof(*side->order), by_completion);
}

struct cutter *cutter_new(const struct history *h, struct image *const start[NR_DEVS],
			  const struct device_model model[NR_DEVS])
{
	struct cutter *cutter = xcalloc(1, sizeof(*cutter));

	cutter->h = h;
	for (unsigned int dev = 0; dev < NR_DEVS; dev++)
		side_init(&cutter->side[dev], h, dev, start[dev], &model[dev]);
	return cutter;
}

void cutter_free(struct cutter *cutter)
{
	if (!cutter)
		return;
	for (unsigned int dev = 0; dev < NR_DEVS; dev++) {
		image_free(cutter->side[dev].durable);
		free(cutter->side[dev].order);
		free(cutter->side[dev].pending);
	}
	free(cutter);
}

struct image *cutter_durable(struct cutter *cutter, enum dev_id dev)
{
	return cutter->side[dev].durable;
}

static void side_add(struct side *side, const struct dev_op *op)
{
	if (side->nr_pending == side->cap_pending) {
		side->cap_pending = side->cap_pending ? side->cap_pending * 2 : 64;
		side->pending = xrealloc(side->pending, side->cap_pending,
					 sizeof(*side->pending));
	}
	side->pending[side->nr_pending++] = (struct pending) {
		.op = op, .durable = op->fua || !side->model->volatile_cache,
	};
}

/* A flush vouches for what had completed when it arrived, for nothing later. */
static void side_flushed(struct side *side, const struct dev_op *flush)
{
	for (size_t i = 0; i < side->nr_pending; i++)
		if (side->pending[i].op->complete < flush->arrive)
			side->pending[i].durable = true;
}

/*
 * A durable op behind a cached one has to wait: where they overlap it must be
 * applied after it.
 */
static void side_absorb(struct side *side)
{
	size_t n = 0;

	while (n < side->nr_pending && side->pending[n].durable)
		device_apply(side->model, side->durable, side->pending[n++].op);
	side->nr_pending -= n;
	for (size_t i = 0; n && i < side->nr_pending; i++)
		side->pending[i] = side->pending[i + n];
}

static void side_advance(struct side *side, uint64_t cut)
{
	while (side->next < side->nr_order && side->order[side->next]->complete <= cut) {
		const struct dev_op *op = side->order[side->next++];

		if (op->type == OP_FLUSH)
			side_flushed(side, op);
		else
			side_add(side, op);
	}
	side_absorb(side);
}

void cutter_advance(struct cutter *cutter, uint64_t c)
{
	const struct history *h = cutter->h;

	if (c < cutter->cut)
		die("cuts must be taken in ascending order");
	cutter->cut = c;
	for (unsigned int dev = 0; dev < NR_DEVS; dev++)
		side_advance(&cutter->side[dev], c);
	while (cutter->first_open < h->nr_dev && h->dev[cutter->first_open].complete <= c)
		cutter->first_open++;
}

/* How the device of this cut behaves: from "lost nothing" to "lost everything". */
struct mood {
	struct rng rng;
	unsigned int keep_percent, tear_percent;
};

static struct mood mood_of(uint64_t seed)
{
	static const uint8_t keep[] = { 0, 10, 50, 50, 50, 90, 100 };
	struct mood mood = { .rng = { seed } };

	mood.keep_percent = keep[rng_below(&mood.rng, ARRAY_SIZE(keep))];
	if (mood.keep_percent > 0 && mood.keep_percent < 100)
		mood.tear_percent = rng_chance(&mood.rng, 50) ? 0 : 50;
	return mood;
}

static enum fate draw_fate(struct mood *mood)
{
	if (rng_chance(&mood->rng, mood->tear_percent))
		return FATE_TEAR;
	return rng_chance(&mood->rng, mood->keep_percent) ? FATE_KEEP : FATE_DROP;
}

enum tear_shape { TEAR_PREFIX, TEAR_SUFFIX, TEAR_SUBSET, NR_TEAR_SHAPES };

static void apply_torn(struct side *side, struct mood *mood, struct image *img,
		       const struct dev_op *op)
{
	unsigned int grain = rng_chance(&mood->rng, 50) ? 1 : 8;
	enum tear_shape shape = rng_below(&mood->rng, NR_TEAR_SHAPES);
	uint32_t edge = (uint32_t)rng_below(&mood->rng, op->nr + 1ull);
	uint32_t from = 0;

	while (from < op->nr) {
		/* Blocks are aligned on the device, not on the op. */
		uint64_t block_left = grain - (op->sector + from) % grain;
		uint32_t part = (uint32_t)min_u64(op->nr - from, block_left);
		bool keep;

		if (shape == TEAR_SUBSET)
			keep = rng_chance(&mood->rng, 50);
		else
			keep = (from < edge) == (shape == TEAR_PREFIX);
		if (keep)
			apply_part(side->model, img, op, from, part);
		from += part;
	}
}

static void apply_fate(struct side *side, struct mood *mood, struct image *img,
		       const struct dev_op *op)
{
	switch (draw_fate(mood)) {
	case FATE_KEEP:
		device_apply(side->model, img, op);
		break;
	case FATE_TEAR:
		apply_torn(side, mood, img, op);
		break;
	case FATE_DROP:
		break;
	}
}

static size_t collect_in_flight(const struct cutter *cutter, enum dev_id dev,
				const struct dev_op ***out)
{
	const struct history *h = cutter->h;
	const struct dev_op **ops = NULL;
	size_t nr = 0, cap = 0;

	for (size_t i = cutter->first_open; i < h->nr_dev; i++) {
		const struct dev_op *op = &h->dev[i];

		if (op->arrive > cutter->cut)
			break;
		if (op->dev != dev || op->complete <= cutter->cut || op->type == OP_FLUSH)
			continue;
		if (nr == cap) {
			cap = cap ? cap * 2 : 16;
			ops = xrealloc(ops, cap, sizeof(*ops));
		}
		ops[nr++] = op;
	}
	*out = ops;
	return nr;
}

static void apply_in_flight(struct cutter *cutter, enum dev_id dev, struct mood *mood,
			    struct image *img)
{
	const struct dev_op **ops;
	size_t nr = collect_in_flight(cutter, dev, &ops);

	for (; nr; nr--) {
		size_t pick = rng_below(&mood->rng, nr);

		apply_fate(&cutter->side[dev], mood, img, ops[pick]);
		ops[pick] = ops[nr - 1];
	}
	free(ops);
}

void cutter_build(struct cutter *cutter, enum dev_id dev, uint64_t seed, struct image *out)
{
	struct side *side = &cutter->side[dev];
	struct mood mood = mood_of(seed);

	for (size_t i = 0; i < side->nr_pending; i++) {
		if (side->pending[i].durable)
			device_apply(side->model, out, side->pending[i].op);
		else
			apply_fate(side, &mood, out, side->pending[i].op);
	}
	apply_in_flight(cutter, dev, &mood, out);
}

static bool mutation_during(const struct history *h, const struct dev_op *flush)
{
	for (size_t i = 0; i < h->nr_dev; i++) {
		const struct dev_op *op = &h->dev[i];

		if (op->dev == flush->dev && op->type != OP_FLUSH &&
		    op->arrive < flush->complete && op->complete > flush->arrive)
			return true;
	}
	return false;
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

size_t origin_unit_ends(const struct history *h, uint64_t **events)
{
	uint64_t *out = xcalloc(h->nr_dev, sizeof(*out));
	size_t nr = 0;

	for (size_t i = 0; i < h->nr_dev; i++) {
		const struct dev_op *op = &h->dev[i];

		if (op->dev == DEV_ORIGIN && op->type == OP_FLUSH && op->complete != NEVER &&
		    !mutation_during(h, op))
			out[nr++] = op->complete;
	}
	qsort(out, nr, sizeof(*out), by_value);
	*events = out;
	return nr;
}

/* Events after which more is promised than before. */
static size_t collect_promises(const struct history *h, uint64_t **events)
{
	uint64_t *out = xcalloc(h->nr_dev + h->nr_vol, sizeof(*out));
	size_t nr = 0;

	for (size_t i = 0; i < h->nr_dev; i++)
		if ((h->dev[i].type == OP_FLUSH || h->dev[i].fua) && h->dev[i].complete != NEVER)
			out[nr++] = h->dev[i].complete;
	for (size_t i = 0; i < h->nr_vol; i++)
		if (h->vol[i].ack != NEVER)
			out[nr++] = h->vol[i].ack;
	*events = out;
	return nr;
}

static bool choose(bool *chosen, uint64_t event)
{
	bool fresh = !chosen[event];

	chosen[event] = true;
	return fresh;
}

/* Mark n of the events 1 to h->clock. */
static void choose_some(const struct history *h, size_t n, uint64_t seed, bool *chosen)
{
	struct rng rng = { seed };
	uint64_t *promises;
	size_t nr_promises = collect_promises(h, &promises), nr = 0;

	nr += choose(chosen, h->clock);
	/* There may be fewer than wanted: do not look for ever. */
	for (size_t tries = 0; nr_promises && nr < n / 2 && tries < 2 * n; tries++) {
		uint64_t event = promises[rng_below(&rng, nr_promises)];

		nr += choose(chosen, max_u64(event - rng_below(&rng, 2), 1));
	}
	while (nr < n)
		nr += choose(chosen, 1 + rng_below(&rng, h->clock));
	free(promises);
}

size_t choose_cuts(const struct history *h, size_t n, uint64_t seed, uint64_t **events)
{
	bool *chosen = xcalloc(h->clock + 1, sizeof(*chosen));
	uint64_t *out = xcalloc(min_u64(n, h->clock) + 1, sizeof(*out));
	size_t nr = 0;

	if (n && n < h->clock)
		choose_some(h, n, seed, chosen);
	for (uint64_t c = 1; c <= h->clock; c++)
		if (n >= h->clock || chosen[c])
			out[nr++] = c;
	free(chosen);
	*events = out;
	return nr;
}
