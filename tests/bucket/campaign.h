/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A random life of volumes in one bucket: units, faults, crashes, lost SSDs, hosts
 * that take over while the old one goes on, snapshots, rollbacks, clones, garbage
 * collection. After every PUT and DELETE the volume is recovered from a copy of the
 * bucket, by a host that has nothing, and has to be a state of the oracle, no older
 * than what was answered.
 */
#ifndef TEST_CAMPAIGN_H
#define TEST_CAMPAIGN_H

#include "sync.h"

struct campaign_opts {
	u64 seed;
	u64 cuts;		/* go on until there were so many */
	bool no_cond;		/* a store without conditional PUTs, one host at a time */
	unsigned int plant;	/* enum lc_bucket_plant */
};

struct campaign_result {
	bool failed;
	char why[1024];
	u64 cuts;		/* recoveries that were compared */
	u64 holes;		/* of these, with an object behind one that was missing */
	u64 units, crashes, takeovers, fenced, lost_ssds, snapshots, rollbacks, clones;
	u64 snapshot_checks, copies, deleted, reads;
};

void campaign_run(const struct campaign_opts *opts, struct campaign_result *res);

#endif /* TEST_CAMPAIGN_H */
