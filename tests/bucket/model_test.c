// SPDX-License-Identifier: GPL-2.0-only
/*
 * Campaigns against the oracle, and the same with planted bugs.
 *
 *	model			what CI runs
 *	model SEED [CUTS [PLANT [no-cond]]]	one campaign
 */
#include <stdlib.h>
#include <string.h>

#include "bucket/plant.h"
#include "tap.h"

#include "campaign.h"

static void say(const struct campaign_result *r)
{
	printf("# %llu cuts (%llu with a hole), %llu snapshots looked at; %llu units, %llu reads, "
	       "%llu crashes, %llu SSDs lost, %llu takeovers, %llu fenced, %llu snapshots, "
	       "%llu rollbacks, %llu clones, %llu sessions with copies, %llu deleted\n",
	       r->cuts, r->holes, r->snapshot_checks, r->units, r->reads, r->crashes,
	       r->lost_ssds, r->takeovers, r->fenced, r->snapshots, r->rollbacks, r->clones,
	       r->copies, r->deleted);
}

static int one(int argc, char **argv)
{
	const struct campaign_opts opts = {
		.seed = strtoull(argv[1], NULL, 0),
		.cuts = argc > 2 ? strtoull(argv[2], NULL, 0) : 1000,
		.plant = argc > 3 ? strtoul(argv[3], NULL, 0) : 0,
		.no_cond = argc > 4 && !strcmp(argv[4], "no-cond"),
	};
	struct campaign_result res;

	campaign_run(&opts, &res);
	say(&res);
	printf("%s\n", res.failed ? res.why : "no violation");
	return res.failed;
}

#define CUTS		700u
#define PLANT_CUTS	700u
#define PLANT_SEEDS	8u

static u64 total_cuts, total_holes;

static void run_seed(u64 seed, bool no_cond)
{
	const struct campaign_opts opts = { .seed = seed, .cuts = CUTS, .no_cond = no_cond };
	struct campaign_result res;

	campaign_run(&opts, &res);
	say(&res);
	if (res.failed)
		printf("# seed %llu%s: %s\n", seed, no_cond ? ", no-cond" : "", res.why);
	total_cuts += res.cuts;
	total_holes += res.holes;
	CHECK(!res.failed);
}

static u64 base_seed(void)
{
	const char *seed = getenv("SEED");

	return seed ? strtoull(seed, NULL, 0) : 1;
}

static void every_cut_is_a_prefix_1(void)
{
	run_seed(base_seed(), false);
}

static void every_cut_is_a_prefix_2(void)
{
	run_seed(base_seed() + 1, false);
}

static void every_cut_is_a_prefix_3(void)
{
	run_seed(base_seed() + 2, false);
}

static void every_cut_is_a_prefix_without_conditions(void)
{
	run_seed(base_seed() + 3, true);
}

static void there_were_cuts_enough(void)
{
	CHECK(total_cuts >= 1000);
	CHECK(total_holes >= 100);
}

/* With one of some seeds the bug shows. */
static void found(enum lc_bucket_plant plant)
{
	struct campaign_result res = { 0 };
	u64 seed, cuts = 0;

	for (seed = 1; seed <= PLANT_SEEDS && !res.failed; seed++) {
		const struct campaign_opts opts = {
			.seed = seed, .cuts = PLANT_CUTS, .plant = plant,
		};

		campaign_run(&opts, &res);
		cuts += res.cuts;
	}
	printf("# after %llu cuts: %s\n", cuts, res.failed ? res.why : "not found");
	CHECK(res.failed);
}

static void finds_commit_out_of_order(void)
{
	found(LC_BK_PLANT_COMMIT_ORDER);
}

static void finds_delete_before_mark(void)
{
	found(LC_BK_PLANT_EARLY_DELETE);
}

static void finds_cut_not_recorded(void)
{
	found(LC_BK_PLANT_NO_CUT);
}

static void finds_epoch_ignored(void)
{
	found(LC_BK_PLANT_NO_EPOCH);
}

static void finds_stale_copy(void)
{
	found(LC_BK_PLANT_GC_STALE);
}

static void finds_snapshot_not_kept(void)
{
	found(LC_BK_PLANT_NO_PINS);
}

static void finds_zeroes_forgotten(void)
{
	found(LC_BK_PLANT_NO_ZERO);
}

static void finds_half_a_unit(void)
{
	found(LC_BK_PLANT_HALF_GROUP);
}

static void finds_mark_of_what_is_not_complete(void)
{
	found(LC_BK_PLANT_MARK_AHEAD);
}

int main(int argc, char **argv)
{
	if (argc > 1)
		return one(argc, argv);
	RUN(every_cut_is_a_prefix_1);
	RUN(every_cut_is_a_prefix_2);
	RUN(every_cut_is_a_prefix_3);
	RUN(every_cut_is_a_prefix_without_conditions);
	RUN(there_were_cuts_enough);
	RUN(finds_commit_out_of_order);
	RUN(finds_delete_before_mark);
	RUN(finds_cut_not_recorded);
	RUN(finds_epoch_ignored);
	RUN(finds_stale_copy);
	RUN(finds_snapshot_not_kept);
	RUN(finds_zeroes_forgotten);
	RUN(finds_half_a_unit);
	RUN(finds_mark_of_what_is_not_complete);
	return tap_done();
}
