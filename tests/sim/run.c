// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <stdlib.h>

#include "cache.h"
#include "run.h"

void *sim_alloc(uint64_t n, uint64_t size)
{
	void *p = calloc(n ? n : 1, size);

	if (!p) {
		perror("calloc");
		exit(2);
	}
	return p;
}

/* Percentage of the reads after @warmup that hit. */
static double feed(const struct cache_ops *ops, void *cache,
		   const struct trace *t, uint32_t warmup)
{
	uint64_t reads = 0, hits = 0;
	uint32_t i;
	bool write, hit;

	for (i = 0; i < t->len; i++) {
		write = t->req[i] & TRACE_WRITE;
		hit = ops->access(cache, t->req[i] & ~TRACE_WRITE, write);
		if (!write && i >= warmup) {
			reads++;
			hits += hit;
		}
	}
	return reads ? 100.0 * hits / reads : 0;
}

static double run_ref(const struct cache_ops *ops, const struct trace *t,
		      uint32_t capacity, uint32_t warmup)
{
	void *cache = ops->create(capacity, t->nkeys);
	double pct = feed(ops, cache, t, warmup);

	ops->destroy(cache);
	return pct;
}

void run_trace(const struct trace *t, uint32_t capacity, uint32_t warmup,
	       struct result *r)
{
	void *cache = log_cache_ops.create(capacity, t->nkeys);

	r->ours = feed(&log_cache_ops, cache, t, warmup);
	r->consistent = log_cache_consistent(cache, t->nkeys);
	log_cache_stats(cache, &r->stats);
	log_cache_ops.destroy(cache);
	r->carry = r->stats.inserted ?
		(double)r->stats.carried / r->stats.inserted : 0;
	r->live = (double)r->stats.live / capacity;
	r->lru = run_ref(&lru_cache_ops, t, capacity, warmup);
	r->arc = run_ref(&arc_cache_ops, t, capacity, warmup);
	r->s3fifo = run_ref(&s3fifo_cache_ops, t, capacity, warmup);
}

void result_print_head(void)
{
	printf("# %-22s %6s %6s %7s %6s %7s %6s %5s\n", "trace", "LRU", "ARC",
	       "S3-FIFO", "ours", "delta", "carry", "live");
}

void result_print(const char *name, const struct result *r)
{
	printf("# %-22s %6.2f %6.2f %7.2f %6.2f %+7.2f %6.3f %5.2f\n", name,
	       r->lru, r->arc, r->s3fifo, r->ours, r->ours - r->lru, r->carry,
	       r->live);
	fflush(stdout);
}
