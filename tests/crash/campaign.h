/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One campaign: record a run of the subject under the workload, then cut the power
 * at many points of the recording, let the subject recover from what is left, and
 * ask the oracle. The subject is the real target on NBD devices, or a model in memory.
 *
 * For some cuts the recovered subject is recorded too, under a short workload, and
 * the power is cut again (a chain). What had been recovered and read must not change
 * in the second crash: that is what the fence after recovery is for.
 */
#ifndef CRASH_CAMPAIGN_H
#define CRASH_CAMPAIGN_H

#include <regex.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cut.h"
#include "oracle.h"
#include "workload.h"

struct subject {
	/*
	 * Load on these images, which it may write; record into rec. Without rec the
	 * volume will only be read. 0 or -errno.
	 */
	int (*start)(void *ctx, struct image *const img[NR_DEVS], struct history *rec);
	/* Unload. After it returns nothing touches the images or the history. */
	int (*stop)(void *ctx);
	/* Optional: an offline check of images it is not loaded on. 0: consistent. */
	int (*check)(void *ctx, struct image *const img[NR_DEVS]);
	void *ctx;
	/* The volume, while it is loaded. */
	const struct vol_ops *vol_ops;
	void *vol;
};

struct campaign_opts {
	uint64_t seed;
	struct device_model model[NR_DEVS];
	struct workload_opts workload;
	struct oracle_opts oracle;
	size_t cuts;
	unsigned int chain_every;	/* 0: no chains */
	unsigned int chain_ops;
	unsigned int chain_cuts;
	unsigned int check_every;	/* 0: no offline checks */
	bool check_origin;		/* I2 with the SSD lost */
	unsigned int stop_after;	/* give up after so many violations; 0: never */
	const regex_t *wanted;		/* optional: a report that ends the campaign */
	/*
	 * If anything is wrong, write the recording to this file, the crash images that
	 * the first violation came from to files with ".ssd" and ".origin" appended, and
	 * the SSD that an offline check complained of to one with ".checked".
	 */
	const char *save;
};

/* Where the time goes. */
enum phase {
	PHASE_RECORD, PHASE_IMAGES, PHASE_START, PHASE_READ, PHASE_DECODE, PHASE_JUDGE, PHASE_STOP,
	PHASE_CHECK,
	NR_PHASES
};

struct campaign_result {
	uint64_t ns[NR_PHASES];
	size_t vol_ops, dev_ops, events;
	size_t sectors_written;
	unsigned int live_errors;	/* wrong without any crash */
	size_t cuts, cut_violations;
	size_t chains, chain_cuts, chain_violations;
	size_t origin_points, origin_violations;
	size_t check_failures;
	bool found;			/* what was wanted */
};

static inline size_t campaign_violations(const struct campaign_result *r)
{
	return r->live_errors + r->cut_violations + r->chain_violations +
	       r->origin_violations + r->check_failures;
}

/*
 * start: the images at the beginning, not changed. Every sector of the volume must
 * read as stamped with sequence number 0. What is wrong is printed as TAP comments.
 */
void campaign_run(const struct subject *subject, struct image *const start[NR_DEVS],
		  const struct campaign_opts *opts, struct campaign_result *result);

#endif
