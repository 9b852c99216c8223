/* SPDX-License-Identifier: GPL-2.0-only */
/* How long things took lately. Pure; times are milliseconds. */
#ifndef LC_LATENCY_H
#define LC_LATENCY_H

#include <stdint.h>

#define LC_LATENCY_SAMPLES	128
/* Fewer say nothing. */
#define LC_LATENCY_MIN		16

/* Zeroed: nothing known. */
struct lc_latency {
	uint32_t ms[LC_LATENCY_SAMPLES];
	unsigned int nr;		/* at most LC_LATENCY_SAMPLES */
	unsigned int next;
};

void lc_latency_add(struct lc_latency *l, uint64_t ms);
/* What @percent of them did not exceed; UINT32_MAX: too few are known. */
uint32_t lc_latency_percentile(const struct lc_latency *l, unsigned int percent);

#endif /* LC_LATENCY_H */
