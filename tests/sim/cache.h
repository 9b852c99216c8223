/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SIM_CACHE_H
#define SIM_CACHE_H

/*
 * cache.h - what the simulator compares: a cache that is told one request at
 * a time and says whether it had the block.
 *
 * Keys are dense: 0 <= key < nkeys, so every cache maps key to entry with a
 * plain array. A write counts as a use of the block and leaves it cached.
 */

#include <stdbool.h>
#include <stdint.h>

struct cache_ops {
	const char *name;
	void *(*create)(uint32_t capacity, uint32_t nkeys);
	/* Was @key cached before this request? */
	bool (*access)(void *cache, uint32_t key, bool write);
	void (*destroy)(void *cache);
};

extern const struct cache_ops lru_cache_ops;
extern const struct cache_ops arc_cache_ops;
extern const struct cache_ops s3fifo_cache_ops;
extern const struct cache_ops log_cache_ops;

/* Allocate zeroed memory or exit: a simulator has nothing to recover. */
void *sim_alloc(uint64_t n, uint64_t size);

#endif /* SIM_CACHE_H */
