/* SPDX-License-Identifier: GPL-2.0-only */
/* Counters, one set per CPU. Reading them sums up; it never waits. */
#ifndef LC_STATS_H
#define LC_STATS_H

#include <linux/percpu.h>

/* id, name in status */
#define LC_STATS(X)					\
	X(READS, "reads")				\
	X(READ_HITS, "read_hits")			\
	X(READ_MISSES, "read_misses")			\
	X(READ_JOINS, "read_joins")			\
	X(READ_ZEROES, "read_zeroes")			\
	X(READ_BYPASS, "read_bypass")			\
	X(WRITES, "writes")				\
	X(WRITE_SECTORS, "write_sectors")		\
	X(DISCARDS, "discards")				\
	X(FLUSHES, "flushes")				\
	X(FUAS, "fuas")					\
	X(RECORDS, "log_records")			\
	X(LOG_BLOCKS, "log_blocks")			\
	X(LOG_ERRORS, "log_errors")			\
	X(HELD, "writes_held")				\
	X(THROTTLED, "writes_throttled")		\
	X(FILLS, "fills")				\
	X(FILL_BLOCKS, "fill_blocks")			\
	X(FILLS_STALE, "fills_stale")			\
	X(FILL_ERRORS, "fill_errors")			\
	X(WB_UNITS, "wb_units")				\
	X(WB_WRITES, "wb_writes")			\
	X(WB_SECTORS, "wb_sectors")			\
	X(WB_ERRORS, "wb_errors")			\
	X(EVICTED, "evicted_segments")			\
	X(CARRIED, "carried_blocks")			\
	X(CKPTS, "checkpoints")				\
	X(CRC_ERRORS, "crc_errors")

enum lc_stat {
#define X(id, name) LC_STAT_##id,
	LC_STATS(X)
#undef X
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
