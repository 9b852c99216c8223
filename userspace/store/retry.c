// SPDX-License-Identifier: GPL-2.0-only
/* A store that does not give up: requests wait, begin in order, are answered. */

#include <stdlib.h>
#include <string.h>

#include <linux/kernel.h>
#include <linux/string.h>

#include "retry_priv.h"

#define LOOK_BYTES	(1u << 20)
/* Limits may change while something waits for them. */
#define LIMIT_CHECK_MS	1000

static struct retry *to_retry(struct lc_store *store)
{
	return (struct retry *)store;
}

static enum lc_direction direction(const struct lc_store_req *req)
{
	return req->op == LC_STORE_PUT || req->op == LC_STORE_DELETE ? LC_UP : LC_DOWN;
}

static unsigned int nr_ops(const struct retry *rt)
{
	return 2 * rt->cfg.in_flight + rt->cfg.hedges;
}

void retry_run_later(struct retry *rt)
{
	lc_timer_arm(rt->store.loop, &rt->run, 0);
}

/* --- operations --------------------------------------------------------------- */

static struct retry_op *find_free(struct retry *rt)
{
	unsigned int i;

	for (i = 0; i < nr_ops(rt); i++)
		if (rt->ops[i].state == RETRY_FREE)
			return &rt->ops[i];
	return NULL;
}

static struct retry_op *find_op(struct retry *rt, const struct lc_store_req *req)
{
	unsigned int i;

	for (i = 0; i < nr_ops(rt); i++)
		if (rt->ops[i].state != RETRY_FREE && rt->ops[i].req == req)
			return &rt->ops[i];
	return NULL;
}

void retry_free_op(struct retry_op *op)
{
	op->state = RETRY_FREE;
	op->req = NULL;
	retry_run_later(op->rt);
}

/* In the order they began: what was tried before goes in front of what is new. */
void retry_ready(struct retry_op *op, bool look)
{
	struct retry_op **p = &op->rt->queues[op->dir].ready;

	op->state = RETRY_READY;
	op->look = look;
	while (*p && (*p)->seq < op->seq)
		p = &(*p)->next;
	op->next = *p;
	*p = op;
	retry_run_later(op->rt);
}

static void unready(struct retry_op *op)
{
	struct retry_op **p = &op->rt->queues[op->dir].ready;

	while (*p != op)
		p = &(*p)->next;
	*p = op->next;
}

void retry_finish(struct retry_op *op)
{
	struct lc_store_req *req = op->req, *try = &op->try;

	req->status = try->status;
	req->got = try->got;
	req->size = try->size;
	strscpy(req->why, try->why, sizeof(req->why));
	if (req->status == LC_STORE_OK)
		strscpy(req->etag, try->etag, sizeof(req->etag));
	op->rt->stats.in_flight[op->dir]--;
	op->state = RETRY_DRAIN;
	op->req = NULL;
	if (op->hedge_out)
		retry_hedge_cancel(op);
	else
		retry_free_op(op);
	req->done(req);
}

/* --- beginning ------------------------------------------------------------------ */

static void begin(struct retry *rt, struct retry_op *op, struct lc_store_req *req)
{
	op->req = req;
	op->dir = direction(req);
	op->seq = rt->seq++;
	op->tries = 0;
	op->cancelled = false;
	op->probe = false;
	op->throttled = false;
	op->last[0] = '\0';
	op->hedge_won = false;
	rt->stats.in_flight[op->dir]++;
	retry_ready(op, false);
}

static void fill(struct retry *rt, enum lc_direction d)
{
	struct retry_queue *q = &rt->queues[d];
	struct lc_store_req *req;
	struct retry_op *op;

	while (q->first && rt->stats.in_flight[d] < rt->cfg.in_flight && (op = find_free(rt))) {
		req = q->first;
		q->first = req->priv;
		if (!q->first)
			q->end = &q->first;
		rt->stats.waiting[d]--;
		begin(rt, op, req);
	}
}

/* Known before it is sent; what a GET of a whole object brings is taken afterwards. */
static uint64_t bytes_ahead(const struct retry_op *op)
{
	if (op->look)
		return 0;
	return op->req->op == LC_STORE_GET ? op->req->len : retry_bytes(op->req);
}

static void count_throttled(struct retry_op *op)
{
	op->rt->stats.throttled[op->dir] += !op->throttled;
	op->throttled = true;
}

/* The same for what only this store waits for. */
static uint64_t own_gate(struct retry *rt, struct retry_op *op, uint64_t now)
{
	uint64_t wait = lc_limits_wait(&rt->limits, now, op->dir);

	if (!wait)
		return lc_breaker_wait(&rt->breaker, now);
	count_throttled(op);
	return min_t(uint64_t, wait, LIMIT_CHECK_MS);
}

/* 0: go; else milliseconds, or UINT64_MAX: an answer, or its turn, will come first. */
static uint64_t gate(struct retry *rt, struct retry_op *op)
{
	uint64_t now = retry_now(rt), wait = own_gate(rt, op, now);

	if (wait) {
		lc_share_leave(&rt->member, op->dir);
		return wait;
	}
	if (!lc_share_ask(&rt->member, op->dir)) {
		count_throttled(op);
		return UINT64_MAX;
	}
	lc_breaker_allows(&rt->breaker, now, &op->probe);
	lc_limits_take(&rt->limits, now, op->dir, bytes_ahead(op));
	lc_share_take(&rt->member, op->dir, bytes_ahead(op));
	return 0;
}

/* Those that may go; how long the next one has to wait. */
static uint64_t go(struct retry *rt, enum lc_direction d)
{
	struct retry_queue *q = &rt->queues[d];
	struct retry_op *op;
	uint64_t wait;

	while ((op = q->ready)) {
		wait = gate(rt, op);
		if (wait)
			return wait;
		q->ready = op->next;
		if (op->look)
			retry_look(op);
		else
			retry_try(op);
	}
	lc_share_leave(&rt->member, d);
	return UINT64_MAX;
}

static void answer_cancelled(struct retry *rt)
{
	struct lc_store_req *req, *next;

	req = rt->cancelled;
	rt->cancelled = NULL;
	for (; req; req = next) {
		next = req->priv;
		req->done(req);
	}
}

static void my_turn(struct lc_share_member *m)
{
	retry_run_later(container_of(m, struct retry, member));
}

/* Readers wait for somebody, so they come first. */
static void run(struct lc_timer *t)
{
	struct retry *rt = t->data;
	uint64_t wait;

	answer_cancelled(rt);
	fill(rt, LC_DOWN);
	fill(rt, LC_UP);
	wait = go(rt, LC_DOWN);
	wait = min(wait, go(rt, LC_UP));
	if (wait != UINT64_MAX && !t->at)
		lc_timer_arm(rt->store.loop, t, wait);
}

/* --- the contract ----------------------------------------------------------------- */

static void retry_submit(struct lc_store *store, struct lc_store_req *req)
{
	struct retry *rt = to_retry(store);
	enum lc_direction d = direction(req);

	rt->stats.requests[req->op]++;
	rt->stats.waiting[d]++;
	req->priv = NULL;
	*rt->queues[d].end = req;
	rt->queues[d].end = (struct lc_store_req **)&req->priv;
	retry_run_later(rt);
}

static bool take_from_queue(struct retry *rt, struct lc_store_req *req)
{
	struct retry_queue *q = &rt->queues[direction(req)];
	struct lc_store_req **p = &q->first;

	while (*p && *p != req)
		p = (struct lc_store_req **)&(*p)->priv;
	if (!*p)
		return false;
	*p = req->priv;
	if (!*p)
		q->end = p;
	rt->stats.waiting[direction(req)]--;
	return true;
}

/* Has nothing under way: the answer comes from the next turn. */
static void cancel_idle(struct retry_op *op)
{
	struct lc_store_req *req = op->req;
	struct retry *rt = op->rt;

	lc_timer_cancel(rt->store.loop, &op->backoff);
	rt->stats.in_flight[op->dir]--;
	retry_free_op(op);
	lc_store_set(req, LC_STORE_CANCELLED, "cancelled");
	req->priv = rt->cancelled;
	rt->cancelled = req;
}

static void cancel_op(struct retry_op *op)
{
	struct lc_store *below = op->rt->below;

	op->cancelled = true;
	switch (op->state) {
	case RETRY_READY:
		unready(op);
		cancel_idle(op);
		break;
	case RETRY_BACKOFF:
		cancel_idle(op);
		break;
	case RETRY_TRYING:
		if (op->hedge_out)
			below->ops->cancel(below, &op->hedge);
		if (op->try_out)
			below->ops->cancel(below, &op->try);
		break;
	case RETRY_LOOKING:
		if (op->rt->looking == op) {
			below->ops->cancel(below, &op->rt->look);
			break;
		}
		retry_look_cancel(op);
		cancel_idle(op);
		break;
	case RETRY_FREE:
	case RETRY_DRAIN:
		break;
	}
}

static void retry_cancel(struct lc_store *store, struct lc_store_req *req)
{
	struct retry *rt = to_retry(store);
	struct retry_op *op;

	if (take_from_queue(rt, req)) {
		lc_store_set(req, LC_STORE_CANCELLED, "cancelled");
		req->priv = rt->cancelled;
		rt->cancelled = req;
		retry_run_later(rt);
		return;
	}
	op = find_op(rt, req);
	if (op && !op->cancelled)
		cancel_op(op);
}

static void free_all(struct retry *rt)
{
	unsigned int i;

	for (i = 0; rt->hedge_bufs && i < rt->cfg.hedges; i++)
		free(rt->hedge_bufs[i]);
	free(rt->hedge_bufs);
	free(rt->look_buf);
	free(rt->ops);
	free(rt);
}

/* A hedge that nobody needs may still be under way: it is waited for. */
static void retry_free(struct lc_store *store)
{
	struct retry *rt = to_retry(store);
	unsigned int i;

	for (i = 0; i < nr_ops(rt); i++)
		while (rt->ops[i].state != RETRY_FREE)
			lc_loop_turn(store->loop, -1);
	lc_share_join(&rt->member, NULL);
	lc_timer_cancel(store->loop, &rt->run);
	rt->below->ops->free(rt->below);
	free_all(rt);
}

static const struct lc_store_ops retry_ops = {
	.name = "retry",
	.submit = retry_submit,
	.cancel = retry_cancel,
	.free = retry_free,
};

/* --- others ------------------------------------------------------------------------ */

void lc_retry_cfg_init(struct lc_retry_cfg *cfg)
{
	*cfg = (struct lc_retry_cfg){
		.in_flight = 32,
		.tries = 10,
		.for_ever = true,
		.hedge_percent = 95,
		.hedge_bytes = 1 << 20,
		.hedges = 4,
	};
}

struct lc_limits *lc_store_retry_limits(struct lc_store *store)
{
	return &to_retry(store)->limits;
}

void lc_store_retry_share(struct lc_store *store, struct lc_share *share)
{
	lc_share_join(&to_retry(store)->member, share);
	retry_run_later(to_retry(store));
}

const struct lc_store_stats *lc_store_retry_stats(struct lc_store *store)
{
	struct retry *rt = to_retry(store);
	unsigned int i;

	rt->stats.breaker = rt->breaker.state;
	rt->stats.breaker_opened = rt->breaker.opened;
	rt->stats.stuck = 0;
	for (i = 0; i < nr_ops(rt); i++)
		rt->stats.stuck += rt->ops[i].req && rt->ops[i].tries > rt->cfg.tries;
	return &rt->stats;
}

static bool allocate(struct retry *rt)
{
	unsigned int i;

	rt->ops = calloc(nr_ops(rt), sizeof(*rt->ops));
	rt->look_buf = malloc(LOOK_BYTES);
	rt->hedge_bufs = calloc(rt->cfg.hedges + 1, sizeof(char *));
	if (!rt->ops || !rt->look_buf || !rt->hedge_bufs)
		return false;
	for (i = 0; i < rt->cfg.hedges; i++) {
		rt->hedge_bufs[i] = malloc(rt->cfg.hedge_bytes);
		if (!rt->hedge_bufs[i])
			return false;
	}
	for (i = 0; i < nr_ops(rt); i++)
		rt->ops[i].rt = rt;
	rt->look.buf = rt->look_buf;
	rt->look.buf_len = LOOK_BYTES;
	return true;
}

struct lc_store *lc_store_retry_new(struct lc_store *below, const struct lc_retry_cfg *cfg)
{
	struct retry *rt = calloc(1, sizeof(*rt));
	int d;

	if (!rt)
		return NULL;
	rt->cfg = *cfg;
	if (!rt->cfg.hedge_percent)
		rt->cfg.hedges = 0;
	if (!allocate(rt)) {
		free_all(rt);
		return NULL;
	}
	rt->store.ops = &retry_ops;
	rt->store.loop = below->loop;
	rt->below = below;
	rt->run = (struct lc_timer){ .expired = run, .data = rt };
	rt->member.go = my_turn;
	for (d = 0; d < 2; d++)
		rt->queues[d].end = &rt->queues[d].first;
	return &rt->store;
}
