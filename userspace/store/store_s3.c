// SPDX-License-Identifier: GPL-2.0-only
/*
 * S3 as an object store: requests wait for an operation, of which there are as
 * many as connections, and are answered when theirs has finished. Nothing is
 * begun or answered from within submit: the kick of the loop does that.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/string.h>

#include "s3.h"

static struct s3 *to_s3(struct lc_store *store)
{
	return (struct s3 *)store;
}

static void kick(struct s3 *s3)
{
	lc_timer_arm(s3->store.loop, &s3->kick, 0);
}

static struct s3_op *free_op(struct s3 *s3)
{
	unsigned int i;

	for (i = 0; i < s3->nr_ops; i++)
		if (!s3->ops[i]->req)
			return s3->ops[i];
	return NULL;
}

static struct lc_store_req *next_request(struct s3 *s3)
{
	struct lc_store_req *req = s3->queue;

	s3->queue = req->priv;
	if (!s3->queue)
		s3->queue_end = &s3->queue;
	return req;
}

static void begin(struct s3 *s3, struct s3_op *op, struct lc_store_req *req)
{
	op->req = req;
	op->stalled = false;
	op->sent = false;
	op->cancelled = false;
	op->renewed = 0;
	op->last[0] = '\0';
	op->token[0] = '\0';
	req->status = LC_STORE_OK;
	s3_begin(op);
}

void s3_finish(struct s3_op *op)
{
	struct lc_store_req *req = op->req;
	struct s3 *s3 = op->s3;

	if (op->cancelled)
		lc_store_set(req, LC_STORE_CANCELLED, "cancelled");
	s3_multipart_free(op);
	op->req = NULL;
	if (s3->queue)
		kick(s3);
	req->done(req);
}

/* Those that were cancelled while they waited for keys. */
static void end_stalled(struct s3 *s3)
{
	unsigned int i;

	for (i = 0; i < s3->nr_ops; i++)
		if (s3->ops[i]->req && s3->ops[i]->stalled && s3->ops[i]->cancelled)
			s3_finish(s3->ops[i]);
}

static void kicked(struct lc_timer *t)
{
	struct s3 *s3 = t->data;
	struct lc_store_req *req, *next;
	struct s3_op *op;

	req = s3->refused;
	s3->refused = NULL;
	for (; req; req = next) {
		next = req->priv;
		req->done(req);
	}
	end_stalled(s3);
	while (s3->queue && (op = free_op(s3)))
		begin(s3, op, next_request(s3));
}

/* There are keys, or it has turned out that there are none. */
static void keys_changed(void *data)
{
	struct s3 *s3 = data;
	unsigned int i;

	for (i = 0; i < s3->nr_ops; i++)
		if (s3->ops[i]->req && s3->ops[i]->stalled)
			s3_send(s3->ops[i], s3->ops[i]->step);
}

/* --- the contract --------------------------------------------------------- */

static void s3_refuse(struct s3 *s3, struct lc_store_req *req)
{
	req->priv = s3->refused;
	s3->refused = req;
	kick(s3);
}

static void s3_submit(struct lc_store *store, struct lc_store_req *req)
{
	struct s3 *s3 = to_s3(store);

	req->got = 0;
	if (!lc_store_key_ok(req->key, req->op == LC_STORE_LIST) ||
	    strlen(req->key) + strlen(s3->cfg.prefix) + 1 >= LC_STORE_KEY_MAX) {
		lc_store_set(req, LC_STORE_FAILED, "not a key of an object");
		s3_refuse(s3, req);
		return;
	}
	req->priv = NULL;
	*s3->queue_end = req;
	s3->queue_end = (struct lc_store_req **)&req->priv;
	kick(s3);
}

static bool take_from_queue(struct s3 *s3, struct lc_store_req *req)
{
	struct lc_store_req **p = &s3->queue;

	while (*p && *p != req)
		p = (struct lc_store_req **)&(*p)->priv;
	if (!*p)
		return false;
	*p = req->priv;
	if (!*p)
		s3->queue_end = p;
	return true;
}

static struct s3_op *op_of(struct s3 *s3, const struct lc_store_req *req)
{
	unsigned int i;

	for (i = 0; i < s3->nr_ops; i++)
		if (s3->ops[i]->req == req)
			return s3->ops[i];
	return NULL;
}

static void s3_cancel(struct lc_store *store, struct lc_store_req *req)
{
	struct s3 *s3 = to_s3(store);
	struct s3_op *op;

	if (take_from_queue(s3, req)) {
		lc_store_set(req, LC_STORE_CANCELLED, "cancelled");
		s3_refuse(s3, req);
		return;
	}
	op = op_of(s3, req);
	if (!op)	/* It has its answer, and gets it in the next turn. */
		return;
	op->cancelled = true;
	if (op->sent)
		lc_http_cancel(s3->http, &op->http);
	else
		kick(s3);
}

static void free_ops(struct s3 *s3)
{
	unsigned int i;

	for (i = 0; i < s3->nr_ops; i++) {
		lc_s3_answer_free(&s3->ops[i]->answer);
		free(s3->ops[i]);
	}
	free(s3->ops);
}

static void s3_free(struct lc_store *store)
{
	struct s3 *s3 = to_s3(store);

	lc_timer_cancel(store->loop, &s3->kick);
	lc_creds_free(s3->creds);
	if (s3->http)
		lc_http_free(s3->http);
	free_ops(s3);
	free(s3);
}

static const struct lc_store_ops s3_ops = {
	.name = "s3",
	.submit = s3_submit,
	.cancel = s3_cancel,
	.free = s3_free,
};

static bool make_ops(struct s3 *s3, unsigned int nr)
{
	s3->ops = calloc(nr, sizeof(*s3->ops));
	if (!s3->ops)
		return false;
	for (; s3->nr_ops < nr; s3->nr_ops++) {
		s3->ops[s3->nr_ops] = calloc(1, sizeof(struct s3_op));
		if (!s3->ops[s3->nr_ops])
			return false;
		s3->ops[s3->nr_ops]->s3 = s3;
	}
	return true;
}

static bool start(struct s3 *s3, struct lc_loop *loop, char *why)
{
	struct lc_http_cfg http = {
		.ca_file = s3->cfg.ca_file,
		/* One more, for the metadata service. */
		.max_transfers = s3->cfg.connections + 1,
		.connect_ms = s3->cfg.connect_ms,
	};
	char text[LC_HTTP_WHY_MAX];

	s3->http = lc_http_new(loop, &http, text);
	if (!s3->http) {
		snprintf(why, LC_STORE_WHY_MAX, "%s", text);
		return false;
	}
	s3->creds = lc_creds_new(loop, s3->http, &s3->cfg, keys_changed, s3);
	if (s3->creds && make_ops(s3, s3->cfg.connections))
		return true;
	snprintf(why, LC_STORE_WHY_MAX, "out of memory for %u connections",
		 (unsigned int)s3->cfg.connections);
	return false;
}

struct lc_store *lc_store_s3_new(struct lc_loop *loop, const struct lc_store_cfg *cfg, char *why)
{
	struct s3 *s3 = calloc(1, sizeof(*s3));
	bool own_host = cfg->addressing == LC_ADDRESSING_VIRTUAL;

	if (!s3) {
		snprintf(why, LC_STORE_WHY_MAX, "out of memory");
		return NULL;
	}
	s3->store.ops = &s3_ops;
	s3->store.loop = loop;
	s3->cfg = *cfg;
	snprintf(s3->host, sizeof(s3->host), "%s%s%s", own_host ? cfg->bucket : "",
		 own_host ? "." : "", cfg->host);
	s3->kick = (struct lc_timer){ .expired = kicked, .data = s3 };
	s3->queue_end = &s3->queue;
	if (start(s3, loop, why))
		return &s3->store;
	s3_free(&s3->store);
	return NULL;
}
