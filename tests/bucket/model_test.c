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

int main(int argc, char **argv)
{
	if (argc > 1)
		return one(argc, argv);
	return tap_done();
}
