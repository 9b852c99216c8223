// SPDX-License-Identifier: GPL-2.0-only
/* How long things took lately. */

#include <stdlib.h>
#include <string.h>

#include <linux/kernel.h>

#include "latency.h"

void lc_latency_add(struct lc_latency *l, uint64_t ms)
{
	l->ms[l->next] = min_t(uint64_t, ms, UINT32_MAX - 1);
	l->next = (l->next + 1) % LC_LATENCY_SAMPLES;
	if (l->nr < LC_LATENCY_SAMPLES)
		l->nr++;
}

static int by_ms(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

uint32_t lc_latency_percentile(const struct lc_latency *l, unsigned int percent)
{
	uint32_t sorted[LC_LATENCY_SAMPLES];

	if (l->nr < LC_LATENCY_MIN)
		return UINT32_MAX;
	memcpy(sorted, l->ms, l->nr * sizeof(sorted[0]));
	qsort(sorted, l->nr, sizeof(sorted[0]), by_ms);
	return sorted[min_t(unsigned int, l->nr * percent / 100, l->nr - 1)];
}
