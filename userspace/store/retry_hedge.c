// SPDX-License-Identifier: GPL-2.0-only
/*
 * A second GET for one that takes longer than most do. It has a buffer of its
 * own, since the first one may still write to the caller's: that one is waited
 * for when it was cancelled, before the bytes are copied there.
 */
#include <string.h>

#include <linux/kernel.h>

#include "retry_priv.h"

static int take_buf(struct retry *rt, char **buf)
{
	unsigned int i;

	for (i = 0; i < rt->cfg.hedges; i++)
		if (rt->hedge_bufs[i]) {
			*buf = rt->hedge_bufs[i];
			rt->hedge_bufs[i] = NULL;
			return i;
		}
	return -1;
}

static void give_buf(struct retry_op *op)
{
	op->rt->hedge_bufs[op->hedge_buf] = op->hedge.buf;
	op->hedge_buf = -1;
}

/* The hedge's answer is the request's. */
static void take_answer(struct retry_op *op)
{
	memcpy(op->req->buf, op->hedge.buf, op->hedge.got);
	op->try = op->hedge;
	op->rt->stats.hedges_won++;
	op->hedge_won = false;
	give_buf(op);
	retry_judge(op);
}

static void hedged(struct lc_store_req *hedge)
{
	struct retry_op *op = hedge->data;
	struct retry *rt = op->rt;

	op->hedge_out = false;
	retry_count(rt, hedge, false);
	if (op->state == RETRY_DRAIN) {
		give_buf(op);
		retry_free_op(op);
	} else if (hedge->status == LC_STORE_OK && !op->cancelled) {
		op->hedge_won = true;
		if (op->try_out)
			rt->below->ops->cancel(rt->below, &op->try);
		else
			take_answer(op);
	} else {
		give_buf(op);
		if (!op->try_out)
			retry_judge(op);
	}
}

/* The one try may be answered; then the other is what is waited for. */
bool retry_hedge_takes_over(struct retry_op *op)
{
	if (op->hedge_won && !op->cancelled) {
		take_answer(op);
		return true;
	}
	if (op->hedge_won) {
		op->hedge_won = false;
		give_buf(op);
	}
	return op->hedge_out && (op->cancelled || op->try.status != LC_STORE_OK);
}

void retry_hedge_cancel(struct retry_op *op)
{
	struct lc_store *below = op->rt->below;

	below->ops->cancel(below, &op->hedge);
}

static void hedge(struct lc_timer *t)
{
	struct retry_op *op = t->data;
	struct retry *rt = op->rt;
	char *buf;

	if (rt->breaker.state != LC_BREAKER_CLOSED)
		return;
	op->hedge_buf = take_buf(rt, &buf);
	if (op->hedge_buf < 0)
		return;
	op->hedge = *op->req;
	op->hedge.buf = buf;
	op->hedge.done = hedged;
	op->hedge.data = op;
	op->hedge_out = true;
	rt->stats.hedges++;
	rt->stats.tries[LC_STORE_GET]++;
	lc_limits_take(&rt->limits, retry_now(rt), LC_DOWN, op->hedge.len);
	lc_share_charge(&rt->member, LC_DOWN, op->hedge.len, 1);
	rt->below->ops->submit(rt->below, &op->hedge);
}

void retry_hedge_arm(struct retry_op *op)
{
	struct retry *rt = op->rt;
	uint32_t ms;

	if (!rt->cfg.hedges || retry_bytes(op->req) > rt->cfg.hedge_bytes)
		return;
	ms = lc_latency_percentile(&rt->latency, rt->cfg.hedge_percent);
	if (ms == UINT32_MAX)
		return;
	op->hedge_timer.expired = hedge;
	op->hedge_timer.data = op;
	lc_timer_arm(rt->store.loop, &op->hedge_timer, ms + 1);
}
