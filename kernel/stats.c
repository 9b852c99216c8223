// SPDX-License-Identifier: GPL-2.0-only
#include "stats.h"

const char * const lc_stat_names[LC_STAT_NR] = {
	[LC_STAT_READS] = "reads",
	[LC_STAT_READ_HITS] = "read_hits",
	[LC_STAT_READ_MISSES] = "read_misses",
	[LC_STAT_READ_JOINS] = "read_joins",
	[LC_STAT_READ_ZEROES] = "read_zeroes",
	[LC_STAT_READ_BYPASS] = "read_bypass",
	[LC_STAT_WRITES] = "writes",
	[LC_STAT_WRITE_SECTORS] = "write_sectors",
	[LC_STAT_DISCARDS] = "discards",
	[LC_STAT_FLUSHES] = "flushes",
	[LC_STAT_FUAS] = "fuas",
	[LC_STAT_RECORDS] = "log_records",
	[LC_STAT_LOG_BLOCKS] = "log_blocks",
	[LC_STAT_LOG_ERRORS] = "log_errors",
	[LC_STAT_HELD] = "writes_held",
	[LC_STAT_THROTTLED] = "writes_throttled",
	[LC_STAT_FILLS] = "fills",
	[LC_STAT_FILL_BLOCKS] = "fill_blocks",
	[LC_STAT_FILLS_STALE] = "fills_stale",
	[LC_STAT_FILL_ERRORS] = "fill_errors",
	[LC_STAT_WB_UNITS] = "wb_units",
	[LC_STAT_WB_WRITES] = "wb_writes",
	[LC_STAT_WB_SECTORS] = "wb_sectors",
	[LC_STAT_WB_ERRORS] = "wb_errors",
	[LC_STAT_EVICTED] = "evicted_segments",
	[LC_STAT_CARRIED] = "carried_blocks",
	[LC_STAT_COPIED] = "copied_segments",
	[LC_STAT_COPIED_SECTORS] = "copied_sectors",
	[LC_STAT_CKPTS] = "checkpoints",
	[LC_STAT_CRC_ERRORS] = "crc_errors",
	[LC_STAT_SCRUB_BLOCKS] = "scrub_blocks",
	[LC_STAT_SCRUB_ERRORS] = "scrub_errors",
	[LC_STAT_FETCHES] = "fetches",
	[LC_STAT_FETCH_RETRIES] = "fetch_retries",
};

u64 lc_stat_sum(const struct lc_stats *s, enum lc_stat id)
{
	u64 sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += per_cpu_ptr(s->cpu, cpu)->v[id];
	return sum;
}
