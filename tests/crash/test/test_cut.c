// SPDX-License-Identifier: GPL-2.0
/* The images a cut may leave: what must be there, what may, and what must not. */
#include <stdlib.h>
#include <string.h>

#include "cut.h"
#include "stamp.h"
#include "tap.h"

#define SECTORS	64
#define TRIES	300
#define MAX_NR	16

static const struct device_model cached = { .volatile_cache = true, .discard_zeroes = true };
static const struct device_model solid = { .discard_zeroes = true };

/* The stamp's sequence number is what tells the writes apart. */
static size_t arrive(struct history *h, enum op_type type, uint64_t sector, uint32_t nr,
		     uint64_t seq, bool fua)
{
	uint8_t data[MAX_NR * SECTOR_SIZE];
	const struct dev_op op = {
		.dev = DEV_SSD, .type = (uint8_t)type, .fua = fua,
		.sector = sector, .nr = nr, .data = data,
	};

	stamp_fill(data, sector, type == OP_WRITE ? nr : 0, seq, 0);
	return history_arrive(h, &op);
}

static void completed(struct history *h, enum op_type type, uint64_t sector, uint32_t nr,
		      uint64_t seq, bool fua)
{
	history_complete(h, arrive(h, type, sector, nr, seq, fua));
}

/* Which values of a sector turn up over many seeds. */
struct outcomes {
	bool seen[16];
	bool zero, torn;
};

static uint64_t value_at(const struct image *img, uint64_t sector)
{
	uint8_t data[SECTOR_SIZE];

	image_read(img, sector, 1, data);
	return stamp_value(data, sector, 0);
}

static struct outcomes try_cuts(struct history *h, const struct device_model *model, uint64_t cut,
				uint64_t sector, uint32_t nr)
{
	const struct device_model models[NR_DEVS] = { *model, *model };
	struct image *start[NR_DEVS] = { image_new(NULL, SECTORS), image_new(NULL, SECTORS) };
	struct cutter *cutter = cutter_new(h, start, models);
	struct outcomes out = { 0 };

	cutter_advance(cutter, cut);
	for (uint64_t seed = 0; seed < TRIES; seed++) {
		struct image *img = image_new(cutter_durable(cutter, DEV_SSD), SECTORS);
		uint64_t first;

		cutter_build(cutter, DEV_SSD, seed, img);
		first = value_at(img, sector);
		if (first == VAL_ZERO)
			out.zero = true;
		else
			out.seen[first % ARRAY_SIZE(out.seen)] = true;
		for (uint32_t i = 1; i < nr; i++)
			out.torn |= value_at(img, sector + i) != first;
		image_free(img);
	}
	cutter_free(cutter);
	image_free(start[DEV_SSD]);
	image_free(start[DEV_ORIGIN]);
	return out;
}

static void test_completed(void)
{
	struct history *h = history_new(0);
	struct outcomes out;

	completed(h, OP_WRITE, 3, 10, 1, false);
	out = try_cuts(h, &solid, 2, 3, 10);
	tap_ok(out.seen[1] && !out.zero && !out.torn, "no cache: completed is there");
	out = try_cuts(h, &cached, 2, 3, 10);
	tap_ok(out.seen[1] && out.zero && out.torn, "cache: kept, dropped, torn");
	out = try_cuts(h, &solid, 1, 3, 10);
	tap_ok(out.seen[1] && out.zero && out.torn, "in flight: kept, dropped, torn");
	out = try_cuts(h, &cached, 0, 3, 10);
	tap_ok(!out.seen[1] && out.zero && !out.torn, "not arrived: not there");
	history_free(h);
}

static void test_flushed(void)
{
	struct history *h = history_new(0);
	size_t late, flush;
	struct outcomes out;

	completed(h, OP_WRITE, 0, 4, 1, false);		/* events 1, 2 */
	late = arrive(h, OP_WRITE, 8, 4, 2, false);	/* 3 */
	flush = arrive(h, OP_FLUSH, 0, 0, 0, false);	/* 4 */
	history_complete(h, late);			/* 5 */
	history_complete(h, flush);			/* 6 */
	out = try_cuts(h, &cached, 5, 0, 4);
	tap_ok(out.seen[1] && out.zero, "flush in flight promises nothing");
	out = try_cuts(h, &cached, 6, 0, 4);
	tap_ok(out.seen[1] && !out.zero && !out.torn, "flushed");
	out = try_cuts(h, &cached, 6, 8, 4);
	tap_ok(out.seen[2] && out.zero, "completed after the flush arrived: not flushed");
	history_free(h);
}

static void test_fua(void)
{
	struct history *h = history_new(0);
	struct outcomes out;

	completed(h, OP_WRITE, 0, 1, 1, false);		/* 1, 2 */
	completed(h, OP_WRITE, 0, 1, 2, true);		/* 3, 4 */
	out = try_cuts(h, &cached, 4, 0, 1);
	tap_ok(out.seen[2] && !out.seen[1] && !out.zero,
	       "an older cached write does not come back over a FUA write");
	completed(h, OP_WRITE, 0, 1, 3, false);		/* 5, 6 */
	out = try_cuts(h, &cached, 6, 0, 1);
	tap_ok(out.seen[2] && out.seen[3] && !out.seen[1], "a younger one may");
	history_free(h);
}

static void test_overwrites(void)
{
	struct history *h = history_new(0);
	struct outcomes out;

	completed(h, OP_WRITE, 0, 2, 1, false);		/* 1, 2 */
	completed(h, OP_WRITE, 0, 2, 2, false);		/* 3, 4 */
	completed(h, OP_DISCARD, 0, 2, 0, false);	/* 5, 6 */
	out = try_cuts(h, &cached, 6, 0, 2);
	tap_ok(out.seen[1] && out.seen[2] && out.zero && out.torn,
	       "any of several cached ops may be the one that lasted");
	out = try_cuts(h, &solid, 6, 0, 2);
	tap_ok(!out.seen[1] && !out.seen[2] && out.zero, "a discard zeroes");
	history_free(h);
}

static void test_block_tearing(void)
{
	struct history *h = history_new(0);
	struct outcomes out;

	arrive(h, OP_WRITE, 8, 8, 1, false);
	out = try_cuts(h, &solid, 1, 8, 8);
	tap_ok(out.torn, "a 4 KiB block may be torn at a sector");
	history_free(h);
}

/* Cuts taken one after the other see what a cut taken alone sees. */
static void test_incremental(void)
{
	const struct device_model models[NR_DEVS] = { cached, cached };
	struct history *h = history_new(0);
	struct image *start[NR_DEVS] = { image_new(NULL, SECTORS), image_new(NULL, SECTORS) };
	struct cutter *step = cutter_new(h, start, models);
	struct rng rng = { 5 };
	bool same = true;

	cutter_free(step);
	for (unsigned int i = 0; i < 200; i++) {
		uint64_t sector = rng_below(&rng, SECTORS - MAX_NR);
		enum op_type type = rng_chance(&rng, 20) ? OP_FLUSH : OP_WRITE;

		completed(h, type, sector, type == OP_FLUSH ? 0 : MAX_NR, i + 1,
			  type == OP_WRITE && rng_chance(&rng, 20));
	}
	step = cutter_new(h, start, models);
	for (uint64_t c = 1; c <= h->clock; c += 7) {
		struct cutter *alone = cutter_new(h, start, models);
		struct image *a, *b;

		cutter_advance(step, c);
		cutter_advance(alone, c);
		a = image_new(cutter_durable(step, DEV_SSD), SECTORS);
		b = image_new(cutter_durable(alone, DEV_SSD), SECTORS);
		cutter_build(step, DEV_SSD, c, a);
		cutter_build(alone, DEV_SSD, c, b);
		for (uint64_t s = 0; s < SECTORS; s++)
			same &= value_at(a, s) == value_at(b, s);
		image_free(a);
		image_free(b);
		cutter_free(alone);
	}
	tap_ok(same, "cutting step by step changes nothing");
	cutter_free(step);
	image_free(start[DEV_SSD]);
	image_free(start[DEV_ORIGIN]);
	history_free(h);
}

static void test_unit_ends(void)
{
	struct history *h = history_new(0);
	uint64_t *ends;
	size_t nr, open;
	struct dev_op op = { .dev = DEV_ORIGIN, .type = OP_DISCARD, .nr = 1 };

	history_complete(h, history_arrive(h, &op));	/* 1, 2 */
	op.type = OP_FLUSH;
	history_complete(h, history_arrive(h, &op));	/* 3, 4: the end of a unit */
	op.type = OP_DISCARD;
	open = history_arrive(h, &op);			/* 5 */
	op.type = OP_FLUSH;
	history_complete(h, history_arrive(h, &op));	/* 6, 7: in the middle of one */
	history_complete(h, open);
	nr = origin_unit_ends(h, &ends);
	tap_ok(nr == 1 && ends[0] == 4, "the flush that ends a unit");
	free(ends);
	history_free(h);
}

static void test_choice(void)
{
	struct history *h = history_new(0);
	uint64_t *cuts;
	size_t nr;
	bool ascending = true;

	for (unsigned int i = 0; i < 500; i++)
		completed(h, OP_FLUSH, 0, 0, 0, false);
	nr = choose_cuts(h, 100, 1, &cuts);
	for (size_t i = 1; i < nr; i++)
		ascending &= cuts[i - 1] < cuts[i];
	tap_ok(ascending && nr > 80 && nr <= 100 && cuts[nr - 1] == 1000, "some cuts");
	free(cuts);
	nr = choose_cuts(h, 5000, 1, &cuts);
	tap_ok(nr == 1000 && cuts[0] == 1, "every cut");
	free(cuts);
	history_free(h);
}

static void test_save(const char *path)
{
	struct history *h = history_new(7), *back;
	uint8_t data[SECTOR_SIZE];

	completed(h, OP_WRITE, 0, 1, 9, true);
	completed(h, OP_FLUSH, 0, 0, 0, false);
	tap_ok(!history_save(h, path), "save");
	back = history_load(path);
	tap_ok(back && back->nr_dev == 2 && back->seq_base == 7 && back->clock == 4, "load");
	if (back) {
		memcpy(data, back->dev[0].data, sizeof(data));
		tap_ok(stamp_value(data, 0, 0) == 9 && back->dev[0].fua, "the same data");
	}
	history_free(back);
	history_free(h);
	remove(path);
}

int main(int argc, char **argv)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s.recording", argv[argc - 1]);
	test_completed();
	test_flushed();
	test_fua();
	test_overwrites();
	test_block_tearing();
	test_incremental();
	test_unit_ends();
	test_choice();
	test_save(path);
	return tap_done();
}
