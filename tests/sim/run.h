/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SIM_RUN_H
#define SIM_RUN_H

/*
 * run.h - one trace through all caches, one line of the table.
 */

#include <stdint.h>

#include "log_cache.h"
#include "trace.h"

struct result {
	double lru, arc, s3fifo, ours;	/* read hits in % of reads */
	double carry;			/* blocks carried per block inserted */
	double live;			/* blocks cached at the end / capacity */
	struct log_cache_stats stats;
	bool consistent;
};

/* The first @warmup requests fill the caches and are not counted. */
void run_trace(const struct trace *t, uint32_t capacity, uint32_t warmup,
	       struct result *r);

void result_print_head(void);
void result_print(const char *name, const struct result *r);

#endif /* SIM_RUN_H */
