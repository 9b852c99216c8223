/* SPDX-License-Identifier: GPL-2.0-only */
/* Counters, one set per CPU. Reading them sums up; it never waits. */
#ifndef LC_STATS_H
#define LC_STATS_H

#include <linux/percpu.h>

/* In the order of the status line; the names are in stats.c. */
enum lc_stat {
	LC_STAT_READS,
	LC_STAT_READ_HITS,
	LC_STAT_READ_MISSES,
	LC_STAT_READ_JOINS,
	LC_STAT_READ_ZEROES,
	LC_STAT_READ_BYPASS,
	LC_STAT_WRITES,
	LC_STAT_WRITE_SECTORS,
	LC_STAT_DISCARDS,
	LC_STAT_FLUSHES,
	LC_STAT_FUAS,
	LC_STAT_RECORDS,
	LC_STAT_LOG_BLOCKS,
	LC_STAT_LOG_ERRORS,
	LC_STAT_HELD,
	LC_STAT_THROTTLED,
	LC_STAT_FILLS,
	LC_STAT_FILL_BLOCKS,
	LC_STAT_FILLS_STALE,
	LC_STAT_FILL_ERRORS,
	LC_STAT_WB_UNITS,
	LC_STAT_WB_WRITES,
	LC_STAT_WB_SECTORS,
	LC_STAT_WB_ERRORS,
	LC_STAT_EVICTED,
	LC_STAT_CARRIED,
	LC_STAT_COPIED,
	LC_STAT_COPIED_SECTORS,
	LC_STAT_CKPTS,
	LC_STAT_CRC_ERRORS,
	LC_STAT_SCRUB_BLOCKS,
	LC_STAT_SCRUB_ERRORS,
	LC_STAT_FETCHES,
	LC_STAT_FETCH_RETRIES,
	LC_STAT_NR
};

struct lc_stats_cpu {
	u64 v[LC_STAT_NR];
};

struct lc_stats {
	struct lc_stats_cpu __percpu *cpu;
};

#define lc_stat_add(lc, id, n)	this_cpu_add((lc)->stats.cpu->v[LC_STAT_##id], (n))
#define lc_stat_inc(lc, id)	lc_stat_add(lc, id, 1)

u64 lc_stat_sum(const struct lc_stats *s, enum lc_stat id);
extern const char * const lc_stat_names[LC_STAT_NR];

#endif /* LC_STATS_H */
