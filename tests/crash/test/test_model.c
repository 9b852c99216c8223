// SPDX-License-Identifier: GPL-2.0
/*
 * The whole machinery on a model of a log cache: record, cut, recover, judge, and
 * again. The correct model passes every cut; each broken one is found out.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "model.h"
#include "stamp.h"
#include "tap.h"

#define VOLUME_SECTORS	192
#define WORKERS		8
#define SALT		42

static void stamp_origin(struct image *img)
{
	uint8_t data[SECTOR_SIZE];

	for (uint64_t s = 0; s < VOLUME_SECTORS; s++) {
		stamp_fill(data, s, 1, 0, SALT);
		image_write(img, s, 1, data);
	}
}

static void run_model(enum model_bug bug, bool volatile_ssd, uint64_t seed,
		      struct campaign_result *result)
{
	struct campaign_opts opts = {
		.seed = seed,
		.model = {
			[DEV_SSD] = { .volatile_cache = volatile_ssd, .discard_zeroes = true },
			[DEV_ORIGIN] = { .volatile_cache = true, .discard_zeroes = true },
		},
		.workload = {
			.seed = seed, .salt = SALT, .nr_ops = 1200, .workers = WORKERS,
			.volume_sectors = VOLUME_SECTORS, .span_sectors = VOLUME_SECTORS,
			.max_nr = MODEL_MAX_NR, .check_discarded = true,
		},
		.oracle = { .atomic = MODEL_MAX_NR, .acked_is_durable = !volatile_ssd },
		.cuts = 400,
		.chain_every = 2, .chain_ops = 60, .chain_cuts = 6,
		.check_origin = true,
		.stop_after = bug ? 1 : 0,
	};
	struct model_config config = {
		.bug = bug, .seed = seed, .workers = WORKERS,
		.volume_sectors = VOLUME_SECTORS, .devices = opts.model,
	};
	struct image *start[NR_DEVS] = {
		[DEV_SSD] = image_new(NULL, MODEL_SSD_SECTORS),
		[DEV_ORIGIN] = image_new(NULL, VOLUME_SECTORS),
	};
	struct model *m = model_new(&config);
	struct subject subject = model_subject(m);

	stamp_origin(start[DEV_ORIGIN]);
	campaign_run(&subject, start, &opts, result);
	model_free(m);
	image_free(start[DEV_SSD]);
	image_free(start[DEV_ORIGIN]);
}

static void print_result(const struct campaign_result *r)
{
	printf("# %zu ops, %zu device ops, %zu events; %zu cuts, %zu chains with %zu cuts, "
	       "%zu origin points\n", r->vol_ops, r->dev_ops, r->events, r->cuts, r->chains,
	       r->chain_cuts, r->origin_points);
}

/* A bug that has nothing to do with the volatile cache shows without one too. */
static bool needs_volatile(enum model_bug bug)
{
	return bug == BUG_NO_FLUSH || bug == BUG_EAGER_WRITEBACK;
}

static void test_bug(enum model_bug bug, bool volatile_ssd, uint64_t seed)
{
	struct campaign_result r;
	size_t violations;

	run_model(bug, volatile_ssd, seed, &r);
	print_result(&r);
	violations = campaign_violations(&r);
	tap_ok(bug ? violations && !r.live_errors : !violations,
	       "%s model, SSD %s volatile cache, seed %" PRIu64 ": %s", model_bug_names[bug],
	       volatile_ssd ? "with" : "without", seed, bug ? "found out" : "no violation");
}

int main(void)
{
	for (uint64_t seed = 1; seed <= 3; seed++)
		for (enum model_bug bug = BUG_NONE; bug < NR_MODEL_BUGS; bug++) {
			test_bug(bug, true, seed);
			if (!needs_volatile(bug))
				test_bug(bug, false, seed);
		}
	return tap_done();
}
