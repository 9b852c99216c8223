// SPDX-License-Identifier: GPL-2.0-only
#include "stats.h"

const char * const lc_stat_names[LC_STAT_NR] = {
#define X(id, name) [LC_STAT_##id] = name,
	LC_STATS(X)
#undef X
};

u64 lc_stat_sum(const struct lc_stats *s, enum lc_stat id)
{
	u64 sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += per_cpu_ptr(s->cpu, cpu)->v[id];
	return sum;
}
