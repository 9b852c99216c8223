// SPDX-License-Identifier: GPL-2.0-only
/*
 * What became of a PUT: the object is looked up and compared with what was to be
 * put, piece by piece. Tags cannot be trusted for that: each kind of store makes
 * them another way. There is one buffer, so one looks at a time.
 */
#include <string.h>

#include <linux/kernel.h>
#include <linux/string.h>

#include "retry_priv.h"

enum verdict {
	ABSENT,			/* there is no such object */
	SAME,			/* it is what was to be put */
	OLD,			/* it is what it was to replace */
	OTHER,
};

static void looked(struct lc_store_req *look);

/* What is asked about a PUT counts as any request does; it does not wait for its turn. */
static void charge(struct retry *rt, uint64_t bytes)
{
	lc_limits_take(&rt->limits, retry_now(rt), LC_DOWN, bytes);
	lc_share_charge(&rt->member, LC_DOWN, bytes, 1);
}

static void start_looking(struct retry *rt, struct retry_op *op)
{
	struct lc_store_req *look = &rt->look;

	rt->looking = op;
	rt->look_at = 0;
	look->op = LC_STORE_HEAD;
	strscpy(look->key, op->req->key, sizeof(look->key));
	look->done = looked;
	look->data = op;
	rt->stats.tries[LC_STORE_HEAD]++;
	charge(rt, 0);
	rt->below->ops->submit(rt->below, look);
}

void retry_look(struct retry_op *op)
{
	struct retry_op **p = &op->rt->lookers;

	op->state = RETRY_LOOKING;
	if (!op->rt->looking) {
		start_looking(op->rt, op);
		return;
	}
	while (*p)
		p = &(*p)->next;
	op->next = NULL;
	*p = op;
}

/* It waited for its turn. */
void retry_look_cancel(struct retry_op *op)
{
	struct retry_op **p = &op->rt->lookers;

	while (*p != op)
		p = &(*p)->next;
	*p = op->next;
	lc_breaker_cancelled(&op->rt->breaker, retry_now(op->rt), op->probe);
}

static void stop_looking(struct retry *rt)
{
	struct retry_op *next = rt->lookers;

	rt->looking = NULL;
	if (!next)
		return;
	rt->lookers = next->next;
	start_looking(rt, next);
}

/* --- comparing ---------------------------------------------------------------------- */

/* What was to be put, at @at, against @len bytes. */
static bool same_bytes(const struct lc_store_req *req, uint64_t at, const char *bytes, size_t len)
{
	size_t n;
	int i;

	for (i = 0; i < req->nr_iov && len; i++) {
		if (at >= req->iov[i].iov_len) {
			at -= req->iov[i].iov_len;
			continue;
		}
		n = min_t(size_t, req->iov[i].iov_len - at, len);
		if (memcmp((const char *)req->iov[i].iov_base + at, bytes, n))
			return false;
		bytes += n;
		len -= n;
		at = 0;
	}
	return !len;
}

static void get_piece(struct retry *rt, uint64_t len)
{
	struct lc_store_req *look = &rt->look;

	look->op = LC_STORE_GET;
	look->offset = rt->look_at;
	look->len = min_t(uint64_t, len - rt->look_at, look->buf_len);
	rt->stats.tries[LC_STORE_GET]++;
	charge(rt, look->len);
	rt->below->ops->submit(rt->below, look);
}

/* --- deciding ------------------------------------------------------------------------ */

static void lost(struct retry_op *op, const char *why)
{
	lc_store_set(&op->try, LC_STORE_PRECOND, "%s", why);
	retry_finish(op);
}

static void won(struct retry_op *op)
{
	op->rt->stats.unknown_applied++;
	lc_store_set_ok(&op->try);
	retry_finish(op);
}

static void decide(struct retry_op *op, enum verdict verdict)
{
	uint32_t flags = op->req->flags;
	bool said_broken = op->try.status == LC_STORE_PRECOND;

	stop_looking(op->rt);
	if (verdict == SAME)
		won(op);
	else if (verdict == OTHER && (flags & LC_STORE_IF_ABSENT))
		lost(op, "there is one already, of other content");
	else if (verdict != OLD && (flags & LC_STORE_IF_MATCH))
		lost(op, "it was changed meanwhile");
	else if (said_broken && verdict == OLD)
		lost(op, "the store says that it was changed, but its tag is the same; vendor?");
	else if (said_broken)
		retry_backoff(op, false);
	else
		retry_ready(op, false);
}

static void decide_other(struct retry_op *op)
{
	bool old = (op->req->flags & LC_STORE_IF_MATCH) &&
		   !strcmp(op->req->etag, op->try.etag);

	decide(op, old ? OLD : OTHER);
}

static void take_piece(struct retry_op *op)
{
	uint64_t len = lc_store_put_len(op->req);
	struct retry *rt = op->rt;
	struct lc_store_req *look = &rt->look;

	/* That of a range may be empty. */
	if (look->op == LC_STORE_HEAD)
		strscpy(op->try.etag, look->etag, sizeof(op->try.etag));
	if (look->op == LC_STORE_HEAD ? look->size != len :
	    look->size != len || look->got != look->len ||
	    !same_bytes(op->req, rt->look_at, rt->look_buf, look->got)) {
		decide_other(op);
		return;
	}
	if (look->op == LC_STORE_GET)
		rt->look_at += look->got;
	if (rt->look_at < len)
		get_piece(rt, len);
	else
		decide(op, SAME);
}

static void looked(struct lc_store_req *look)
{
	struct retry_op *op = look->data;
	struct retry *rt = op->rt;

	retry_count(rt, look, op->probe);
	op->probe = false;
	if (op->cancelled) {
		stop_looking(rt);
		retry_judge(op);
	} else if (look->status == LC_STORE_OK) {
		take_piece(op);
	} else if (look->status == LC_STORE_NOT_FOUND) {
		decide(op, ABSENT);
	} else {
		stop_looking(rt);
		op->tries++;
		retry_backoff(op, true);
	}
}
