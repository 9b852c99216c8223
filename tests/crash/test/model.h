/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A log-structured write-back cache in a few hundred lines, to prove the test with:
 * the correct one must pass every cut, each of the broken ones must be found out.
 *
 * SSD:  two superblocks, written in turn | slots, eight to a segment
 *       a slot is one record: a header sector, then up to seven sectors of payload
 *
 * Writes, discards and zeroes are records with consecutive numbers (LSN). Writeback
 * makes the log durable, copies the newest version of every dirty sector to the
 * origin, flushes it, and raises "written_back" in the superblock. Records up to
 * there are clean; the superblock's liveness bitmap says which of them still count
 * after a restart. A clean segment, any, is reused once a superblock without its
 * records has been written.
 *
 * Recovery takes the live clean records, then the dirty ones up to the first that is
 * missing, and raises the epoch: records of a lower epoch behind a newer one are not
 * accepted, so that what was beyond the hole stays dead.
 */
#ifndef CRASH_MODEL_H
#define CRASH_MODEL_H

#include "campaign.h"

enum model_bug {
	BUG_NONE,
	BUG_EARLY_ACK,		/* acknowledged before the log write completed */
	BUG_NO_FLUSH,		/* flush and FUA do not flush the SSD */
	BUG_NO_FENCE,		/* epoch not raised after recovery */
	BUG_STALE_LIVENESS,	/* segments reused without a checkpoint */
	BUG_EAGER_WRITEBACK,	/* origin written before the log is durable */
	BUG_UNORDERED_UNIT,	/* a unit leaves some dirty sectors for later */
	BUG_LOST_DISCARD,	/* discards are not logged */
	NR_MODEL_BUGS,
};

#define MODEL_SSD_SECTORS	520
#define MODEL_MAX_NR		7

struct model_config {
	enum model_bug bug;
	uint64_t seed;
	unsigned int workers;		/* of the workload */
	uint64_t volume_sectors;
	const struct device_model *devices;
};

extern const char *const model_bug_names[NR_MODEL_BUGS];

struct model;

/* The subject to run a campaign on. The SSD's image may start as all zeroes. */
struct model *model_new(const struct model_config *config);
void model_free(struct model *m);
struct subject model_subject(struct model *m);

#endif
