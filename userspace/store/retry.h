/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A store on top of another one that does not give up: tries again, with a
 * breaker, within limits, and finds out what became of a PUT that nobody
 * answered. Requests begin in the order they were submitted in, in each
 * direction (throttle.h), at most so many at a time.
 *
 * PUT and DELETE: 10 tries after 1 s * n^2, at most 60 s, and then for ever.
 * GET, HEAD and LIST: 10 tries after 300 ms * n, at most 10 s. What has an
 * answer (NOT_FOUND, PRECOND, NO_COND, UNREADABLE; DENIED too for the latter
 * three) is not tried again.
 *
 * A PUT with a condition that was tried more than once and finds the condition
 * broken has won if the object has its own content. So two writers must not put
 * the same content there, if only one of them may win.
 */
#ifndef LC_RETRY_H
#define LC_RETRY_H

#include "breaker.h"
#include "share.h"
#include "store.h"
#include "throttle.h"

struct lc_retry_cfg {
	unsigned int in_flight;		/* in each direction */
	unsigned int tries;
	bool for_ever;			/* PUT, DELETE */
	unsigned int hedge_percent;	/* GET: a second one after this percentile; 0: none */
	size_t hedge_bytes;		/* of not more than that */
	unsigned int hedges;		/* at a time */
};

/* 32, 10, true, 95, 1 MiB, 4. */
void lc_retry_cfg_init(struct lc_retry_cfg *cfg);

#define LC_STORE_OPS		(LC_STORE_LIST + 1)
#define LC_STORE_STATUSES	(LC_STORE_CANCELLED + 1)

/* All that can be slow or lost. Counted from the start, but for the last group. */
struct lc_store_stats {
	uint64_t requests[LC_STORE_OPS];	/* that were submitted */
	uint64_t tries[LC_STORE_OPS];		/* that went out, with those for lookups */
	uint64_t retries[LC_STORE_OPS];
	uint64_t answers[LC_STORE_STATUSES];	/* to tries */
	uint64_t bytes[2];			/* of answered tries; lc_direction */
	uint64_t unknown;			/* outcomes that were not known */
	uint64_t unknown_applied;		/* that had been carried out after all */
	uint64_t hedges;
	uint64_t hedges_won;
	uint64_t breaker_opened;
	uint64_t throttled[2];			/* requests that had to wait for a limit */

	enum lc_breaker_state breaker;
	unsigned int waiting[2];		/* not begun yet */
	unsigned int in_flight[2];
	unsigned int stuck;			/* of these: tried more often than @tries */
};

/* Takes @below, which goes with it. NULL: out of memory, and @below stays. */
struct lc_store *lc_store_retry_new(struct lc_store *below, const struct lc_retry_cfg *cfg);

/* Those of this store alone, to be changed with lc_bucket_set() at any time. */
struct lc_limits *lc_store_retry_limits(struct lc_store *store);
/* Limits that others share, until it is freed; NULL: none. */
void lc_store_retry_share(struct lc_store *store, struct lc_share *share);

/* Up to date, until the loop turns. */
const struct lc_store_stats *lc_store_retry_stats(struct lc_store *store);

/* Milliseconds before try number @n + 1, which is at least the second. */
uint64_t lc_retry_delay(enum lc_direction d, unsigned int n);

#endif /* LC_RETRY_H */
