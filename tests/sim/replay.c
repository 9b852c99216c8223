// SPDX-License-Identifier: GPL-2.0-only
/*
 * Replay a trace file through all caches:
 *
 *	replay [-c cache_blocks] [-s blocks_per_segment] TRACEFILE
 *
 * Lines are "R lba" or "W lba", lba in 4 KiB units; '#' starts a comment.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "run.h"

/* Below that the watermarks are less than a segment apart. */
#define MIN_SEGS	40

static int usage(void)
{
	fprintf(stderr,
		"usage: replay [-c cache_blocks] [-s blocks_per_segment] TRACEFILE\n");
	return 2;
}

static int replay(struct trace *t, uint32_t capacity)
{
	uint32_t bps = log_cache_config.blocks_per_seg;
	struct result r;

	if (!capacity)
		capacity = t->nkeys / 4;
	capacity -= capacity % bps;
	if (capacity / bps < MIN_SEGS) {
		fprintf(stderr, "replay: a cache of %u blocks is less than %u segments of %u\n",
			capacity, MIN_SEGS, bps);
		return 1;
	}
	run_trace(t, capacity, t->len / 4, &r);
	printf("# %u requests, %u distinct blocks, cache of %u blocks\n",
	       t->len, t->nkeys, capacity);
	result_print_head();
	result_print(t->name, &r);
	return r.consistent ? 0 : 1;
}

int main(int argc, char **argv)
{
	uint32_t capacity = 0, bad;
	struct trace t;
	FILE *f;
	int opt, r;

	while ((opt = getopt(argc, argv, "c:s:")) != -1) {
		if (opt == 'c')
			capacity = strtoul(optarg, NULL, 0);
		else if (opt == 's')
			log_cache_config.blocks_per_seg =
				strtoul(optarg, NULL, 0);
		else
			return usage();
	}
	if (optind != argc - 1 || !log_cache_config.blocks_per_seg ||
	    log_cache_config.blocks_per_seg % 16)
		return usage();
	f = fopen(argv[optind], "r");
	if (!f) {
		perror(argv[optind]);
		return 1;
	}
	bad = trace_read(&t, f);
	fclose(f);
	if (bad) {
		fprintf(stderr, "%s:%u: expected \"R|W lba\"\n", argv[optind],
			bad);
		r = 1;
	} else {
		r = replay(&t, capacity);
	}
	trace_free(&t);
	return r;
}
