// SPDX-License-Identifier: GPL-2.0-only
/*
 * The bars: hit ratio against true LRU, blocks carried per block inserted.
 * Exit 0 if all are met.
 */
#include <stdio.h>
#include <string.h>

#include "cache.h"
#include "run.h"

#define CAPACITY	(128 * 1024)
#define REQUESTS	(30 * CAPACITY)
#define WRITE_PCT	30
#ifndef SEED
#define SEED		1
#endif

/* Points of hit ratio below true LRU, and copies per insertion. */
#define DELTA_MIN	(-1.0)
#define CARRY_MAX	1.0

static int tap_nr, tap_failed;

static void tap(bool good, const char *what, const char *name)
{
	tap_failed += !good;
	printf("%sok %d - %s: %s\n", good ? "" : "not ", ++tap_nr, name, what);
	fflush(stdout);
}

/* "1h" = key 1 is a hit, "1." = a miss. */
static void known(const struct cache_ops *ops, uint32_t capacity,
		  const char *what, const char *sequence)
{
	void *cache = ops->create(capacity, 10);
	bool good = true;

	for (; *sequence; sequence += 2)
		good &= ops->access(cache, sequence[0] - '0', false) ==
			(sequence[1] == 'h');
	ops->destroy(cache);
	tap(good, what, ops->name);
}

static void known_sequences(void)
{
	known(&lru_cache_ops, 2, "evicts the least recent", "1.2.1h3.1h2.3.");
	known(&lru_cache_ops, 3, "a loop never hits", "1.2.3.4.1.2.3.4.");
	known(&arc_cache_ops, 2, "keeps what was read twice", "1.1h2.3.4.1h");
	known(&arc_cache_ops, 2, "learns from its ghosts",
	      "1.2.1h3.2.1.2h1h3.");
	known(&s3fifo_cache_ops, 4, "keeps what was read in small",
	      "1.1h1h2.3.4.5.1h");
	known(&s3fifo_cache_ops, 4, "a ghost returns to main",
	      "1.1h1h2.3.4.5.1h2.6.7.8.2h1h");
}

static void check_trace(enum trace_kind kind, uint32_t write_pct)
{
	struct result r;
	struct trace t;

	trace_generate(&t, kind, CAPACITY, REQUESTS, write_pct, SEED);
	run_trace(&t, CAPACITY, REQUESTS / 4, &r);
	result_print(t.name, &r);
	tap(r.consistent, "index and segments agree", t.name);
	tap(r.carry <= CARRY_MAX, "carries no more than comes in", t.name);
	/* No room for that and its garbage at this price: README.rst. */
	if (kind != TRACE_HARSH || !write_pct)
		tap(r.ours - r.lru >= DELTA_MIN, "hits about as often as LRU",
		    t.name);
	if (kind == TRACE_SCAN)
		tap(r.ours > r.lru, "hits more often than LRU", t.name);
	trace_free(&t);
}

int main(void)
{
	uint32_t kind;

	known_sequences();
	result_print_head();
	for (kind = 0; kind < TRACE_KINDS; kind++)
		check_trace(kind, 0);
	for (kind = 0; kind < TRACE_KINDS; kind++)
		check_trace(kind, WRITE_PCT);
	printf("1..%d\n", tap_nr);
	return tap_failed ? 1 : 0;
}
