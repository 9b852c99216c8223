/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SIM_LOG_CACHE_H
#define SIM_LOG_CACHE_H

/*
 * log_cache.h - the segments of dm-logcache around kernel/lru.c.
 *
 * What is modelled: append-only segments with garbage; three open streams
 * (write, fill, carry); a record header per group of writes; dirty segments
 * that may not be evicted until a lagging writeback cleaned them; eviction
 * passes from the high to the low watermark. What is not: time, I/O.
 */

#include <stdbool.h>
#include <stdint.h>

struct log_cache_config {
	uint32_t blocks_per_seg;
	uint32_t dirty_pct;	/* of the segments wait for writeback */
	uint32_t writes_per_header;
};

struct log_cache_stats {
	uint64_t inserted;	/* blocks that entered by write or fill */
	uint64_t carried;	/* blocks copied out of victims */
	uint64_t evicted;	/* segments emptied */
	uint64_t forced;	/* ... that had too many keepers */
	uint64_t swept;		/* segments cooled */
	uint64_t stalls;	/* evictions that had to wait for writeback */
	uint32_t live;		/* blocks cached at the end */
};

/* Used by the next create(). */
extern struct log_cache_config log_cache_config;

/* Does every block map back to its key, and do the live counts agree? */
bool log_cache_consistent(const void *cache, uint32_t nkeys);

void log_cache_stats(const void *cache, struct log_cache_stats *stats);

#endif /* SIM_LOG_CACHE_H */
