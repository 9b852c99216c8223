/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The random workload: writes of 512 bytes to 256 KiB at any sector, FUA writes,
 * flushes, discards, write-zeroes, hot spots, sequential streams, and reads that are
 * checked at once (I1 and I4 without a crash). Ops in flight together never overlap.
 */
#ifndef CRASH_WORKLOAD_H
#define CRASH_WORKLOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "history.h"
#include "oracle.h"

/*
 * A volume to work on. All calls block until the op is acknowledged and return 0 or
 * -errno; each worker calls from its own thread. Buffers are page-aligned.
 */
struct vol_ops {
	int (*write)(void *vol, unsigned int worker, uint64_t sector, uint32_t nr,
		     const void *buf, bool fua);
	int (*read)(void *vol, unsigned int worker, uint64_t sector, uint32_t nr, void *buf);
	int (*flush)(void *vol, unsigned int worker);
	int (*discard)(void *vol, unsigned int worker, uint64_t sector, uint32_t nr);
	int (*zero)(void *vol, unsigned int worker, uint64_t sector, uint32_t nr);
	/* Optional: a worker starts, ends, or has nothing to do just now. */
	void (*enter)(void *vol, unsigned int worker);
	void (*leave)(void *vol, unsigned int worker);
	void (*relax)(void *vol, unsigned int worker);
};

#define WORKLOAD_MAX_WORKERS	16

struct workload_opts {
	uint64_t seed;
	uint64_t salt;			/* of the stamps */
	unsigned int nr_ops;
	unsigned int workers;		/* the number in use varies from 1 to this */
	uint64_t volume_sectors;
	uint64_t span_sectors;		/* only this much of it is touched */
	uint32_t max_nr;		/* largest op, in sectors */
	bool check_discarded;		/* discarded sectors must read as zeroes */
};

struct workload_result {
	unsigned int errors;		/* ops that failed, reads that were wrong */
	char first_error[300];
	uint64_t sectors_written;
};

/*
 * Run it, recording into h. values: what each sector of the volume holds, before the
 * run and, updated, after it.
 */
void workload_run(struct history *h, const struct vol_ops *ops, void *vol,
		  const struct workload_opts *opts, uint64_t *values,
		  struct workload_result *result);

#endif
