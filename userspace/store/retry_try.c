// SPDX-License-Identifier: GPL-2.0-only
/* One request: its tries, and what follows from their answers. */

#include <string.h>

#include <linux/kernel.h>
#include <linux/string.h>

#include "retry_priv.h"

#define UP_MS		1000u
#define UP_MAX_MS	60000u
#define DOWN_MS		300u
#define DOWN_MAX_MS	10000u

uint64_t lc_retry_delay(enum lc_direction d, unsigned int n)
{
	if (d == LC_UP)
		return min_t(uint64_t, (uint64_t)UP_MS * n * n, UP_MAX_MS);
	return min_t(uint64_t, (uint64_t)DOWN_MS * n, DOWN_MAX_MS);
}

/* --- trying ---------------------------------------------------------------------- */

/* A listing that is tried again goes on behind what the caller has. */
static bool tell(struct lc_store_req *try, const char *key, uint64_t size)
{
	struct retry_op *op = try->data;

	if (op->cancelled)
		return false;
	if (*op->last && strcmp(key, op->last) <= 0)
		return true;
	strscpy(op->last, key, sizeof(op->last));
	return op->req->list(op->req, key, size) && !op->cancelled;
}

static void tried(struct lc_store_req *try)
{
	struct retry_op *op = try->data;
	struct retry *rt = op->rt;

	op->try_out = false;
	lc_timer_cancel(rt->store.loop, &op->hedge_timer);
	retry_count(rt, try, op->probe);
	op->probe = false;
	if (try->op == LC_STORE_GET && try->status == LC_STORE_OK &&
	    retry_bytes(try) <= rt->cfg.hedge_bytes)
		lc_latency_add(&rt->latency, retry_now(rt) - op->started);
	if (!retry_hedge_takes_over(op))
		retry_judge(op);
}

void retry_try(struct retry_op *op)
{
	const struct lc_store_req *req = op->req;
	struct retry *rt = op->rt;

	rt->stats.retries[req->op] += op->tries > 0;
	op->tries++;
	op->state = RETRY_TRYING;
	op->try = *req;
	op->try.list = tell;
	op->try.done = tried;
	op->try.data = op;
	op->try_out = true;
	op->started = retry_now(rt);
	rt->stats.tries[req->op]++;
	if (req->op == LC_STORE_GET)
		retry_hedge_arm(op);
	rt->below->ops->submit(rt->below, &op->try);
}

/* --- counting ---------------------------------------------------------------------- */

uint64_t retry_bytes(const struct lc_store_req *req)
{
	if (req->op == LC_STORE_PUT)
		return lc_store_put_len(req);
	if (req->op == LC_STORE_GET)
		return req->len ? req->len : req->buf_len;
	return 0;
}

static void count_bytes(struct retry *rt, const struct lc_store_req *sent)
{
	if (sent->op == LC_STORE_PUT)
		rt->stats.bytes[LC_UP] += lc_store_put_len(sent);
	if (sent->op != LC_STORE_GET)
		return;
	rt->stats.bytes[LC_DOWN] += sent->got;
	if (sent->len)
		return;
	lc_bucket_take(&rt->limits.bytes[LC_DOWN], retry_now(rt), sent->got);
	lc_share_charge(&rt->member, LC_DOWN, sent->got, 0);
}

void retry_count(struct retry *rt, const struct lc_store_req *sent, bool probe)
{
	enum lc_store_status status = sent->status;
	bool ok = status != LC_STORE_FAILED && status != LC_STORE_UNKNOWN &&
		  status != LC_STORE_BUSY;

	rt->stats.answers[status]++;
	rt->stats.unknown += status == LC_STORE_UNKNOWN;
	if (status == LC_STORE_OK)
		count_bytes(rt, sent);
	if (status == LC_STORE_CANCELLED)
		lc_breaker_cancelled(&rt->breaker, retry_now(rt), probe);
	else
		lc_breaker_result(&rt->breaker, retry_now(rt), probe, ok);
	retry_run_later(rt);
}

/* --- judging ------------------------------------------------------------------------ */

static void backoff_over(struct lc_timer *t)
{
	struct retry_op *op = t->data;

	retry_ready(op, op->look);
}

void retry_backoff(struct retry_op *op, bool look)
{
	op->state = RETRY_BACKOFF;
	op->look = look;
	op->backoff.expired = backoff_over;
	op->backoff.data = op;
	lc_timer_arm(op->rt->store.loop, &op->backoff, lc_retry_delay(op->dir, op->tries));
}

static bool may_help(const struct retry_op *op)
{
	switch (op->try.status) {
	case LC_STORE_UNKNOWN:
	case LC_STORE_BUSY:
	case LC_STORE_CORRUPT:
	case LC_STORE_FAILED:
		return true;
	case LC_STORE_DENIED:
		/* Data waits on the SSD until somebody has mended the keys. */
		return op->dir == LC_UP;
	default:
		return false;
	}
}

static bool tries_left(const struct retry_op *op)
{
	const struct lc_retry_cfg *cfg = &op->rt->cfg;

	return op->tries < cfg->tries || (op->dir == LC_UP && cfg->for_ever);
}

void retry_judge(struct retry_op *op)
{
	const struct lc_store_req *try = &op->try;
	bool put = try->op == LC_STORE_PUT;

	if (op->cancelled) {
		lc_store_set(&op->try, LC_STORE_CANCELLED, "cancelled");
		retry_finish(op);
	} else if (put && try->status == LC_STORE_PRECOND && op->tries > 1) {
		/* An earlier try may be what is in the way. */
		retry_ready(op, true);
	} else if (may_help(op) && tries_left(op)) {
		retry_backoff(op, put && try->status == LC_STORE_UNKNOWN);
	} else {
		retry_finish(op);
	}
}
