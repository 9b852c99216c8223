/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Inside of the retrying store.
 *
 *   retry.c         requests: wait, begin, are answered
 *   retry_try.c     one request: its tries, and what follows from their answers
 *   retry_look.c    what became of a PUT
 *   retry_hedge.c   a second GET
 *
 * A request waits in a queue until one of the operations is free:
 *
 *   state    what it waits for                    next
 *   FREE     -                                    READY
 *   READY    limits, breaker, those before it     TRYING, LOOKING
 *   TRYING   the answer of the store below        FREE, BACKOFF, READY (to look)
 *   LOOKING  what the object is, if it is there   FREE, BACKOFF, READY (to try)
 *   BACKOFF  a timer                              READY, in front of the others
 *   DRAIN    a hedge that is not needed any more  FREE
 */
#ifndef LC_RETRY_PRIV_H
#define LC_RETRY_PRIV_H

#include "latency.h"
#include "loop.h"
#include "retry.h"

enum retry_state {
	RETRY_FREE,
	RETRY_READY,
	RETRY_TRYING,
	RETRY_LOOKING,
	RETRY_BACKOFF,
	RETRY_DRAIN,
};

struct retry;

struct retry_op {
	struct retry *rt;
	enum retry_state state;
	enum lc_direction dir;
	struct lc_store_req *req;	/* the caller's */
	struct retry_op *next;		/* of the ready, or of those who wait to look */
	struct lc_timer backoff;
	uint64_t seq;			/* they began in this order */
	unsigned int tries;
	bool look;			/* next is a look, not a try */
	bool cancelled;
	bool probe;			/* the try decides about the breaker */
	bool throttled;
	char last[LC_STORE_KEY_MAX];	/* key that was listed last */

	struct lc_store_req try;
	bool try_out;
	uint64_t started;

	/* retry_hedge.c */
	struct lc_store_req hedge;
	bool hedge_out;
	bool hedge_won;
	int hedge_buf;			/* -1: none */
	struct lc_timer hedge_timer;
};

struct retry_queue {
	struct lc_store_req *first;	/* linked by priv */
	struct lc_store_req **end;
	struct retry_op *ready;
};

struct retry {
	struct lc_store store;
	struct lc_store *below;
	struct lc_retry_cfg cfg;
	struct lc_store_stats stats;
	struct lc_breaker breaker;
	struct lc_limits limits;
	struct lc_share_member member;	/* of the limits of others */
	struct lc_latency latency;	/* of GETs that may be hedged */
	struct retry_queue queues[2];
	uint64_t seq;
	struct lc_timer run;		/* begins what can begin */
	struct lc_store_req *cancelled;	/* linked by priv */
	struct retry_op *ops;

	/* retry_look.c */
	struct retry_op *looking;
	struct retry_op *lookers;
	struct lc_store_req look;
	char *look_buf;
	uint64_t look_at;

	char **hedge_bufs;		/* NULL: in use */
};

static inline uint64_t retry_now(const struct retry *rt)
{
	return lc_loop_now(rt->store.loop);
}

/* --- retry.c --- */

/* Begin what can begin, from the next turn. */
void retry_run_later(struct retry *rt);
/* Answers the caller with what op->try says; the operation is free, or drains. */
void retry_finish(struct retry_op *op);
void retry_free_op(struct retry_op *op);
void retry_ready(struct retry_op *op, bool look);

/* --- retry_try.c --- */

void retry_try(struct retry_op *op);
/* The try, or the hedge that replaced it, was answered. */
void retry_judge(struct retry_op *op);
void retry_backoff(struct retry_op *op, bool look);
/* Of every request that went to the store below. */
void retry_count(struct retry *rt, const struct lc_store_req *sent, bool probe);
uint64_t retry_bytes(const struct lc_store_req *req);

/* --- retry_look.c --- */

void retry_look(struct retry_op *op);
void retry_look_cancel(struct retry_op *op);

/* --- retry_hedge.c --- */

void retry_hedge_arm(struct retry_op *op);
/* The try was answered; true: the hedge decides. */
bool retry_hedge_takes_over(struct retry_op *op);
void retry_hedge_cancel(struct retry_op *op);

#endif /* LC_RETRY_PRIV_H */
