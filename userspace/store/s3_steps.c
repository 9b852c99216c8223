// SPDX-License-Identifier: GPL-2.0-only
/* Which HTTP requests an operation consists of: one, or one for each page. */

#include <inttypes.h>
#include <string.h>

#include <linux/kernel.h>
#include <linux/string.h>

#include "s3.h"

#define PAGE	"1000"

/* --- PUT, DELETE, HEAD ---------------------------------------------------- */

static void prepare_put(struct s3_op *op)
{
	const struct lc_store_req *req = op->req;

	s3_conditions(op);
	s3_body(op, req->iov, req->nr_iov, 0, lc_store_put_len(req));
}

static void put_answered(struct s3_op *op)
{
	if (op->req->status == LC_STORE_OK)
		strscpy(op->req->etag, op->answer.etag, sizeof(op->req->etag));
	s3_finish(op);
}

static const struct s3_step put_step = {
	.method = "PUT",
	.effect = LC_S3_WRITES,
	.prepare = prepare_put,
	.answered = put_answered,
	.conditional = true,
};

static void prepare_nothing(struct s3_op *op)
{
}

static void delete_answered(struct s3_op *op)
{
	if (op->req->status == LC_STORE_NOT_FOUND)
		lc_store_set_ok(op->req);
	s3_finish(op);
}

static const struct s3_step delete_step = {
	.method = "DELETE",
	.effect = LC_S3_WRITES,
	.prepare = prepare_nothing,
	.answered = delete_answered,
};

static void head_answered(struct s3_op *op)
{
	struct lc_store_req *req = op->req;

	if (req->status == LC_STORE_OK && !op->answer.has_length)
		lc_store_set(req, LC_STORE_CORRUPT, "no Content-Length");
	req->size = op->answer.length;
	strscpy(req->etag, op->answer.etag, sizeof(req->etag));
	s3_finish(op);
}

static const struct s3_step head_step = {
	.method = "HEAD",
	.effect = LC_S3_READS,
	.prepare = prepare_nothing,
	.answered = head_answered,
};

/* --- GET ------------------------------------------------------------------ */

static void prepare_get(struct s3_op *op)
{
	const struct lc_store_req *req = op->req;

	if (req->len)
		s3_header(op, "Range", "bytes=%" PRIu64 "-%" PRIu64, req->offset,
			  req->offset + req->len - 1);
}

/* Is it the range that was asked for, or what there is of it? */
static const char *wrong_range(const struct lc_store_req *req, const struct lc_s3_answer *a)
{
	uint64_t last = req->offset + req->len - 1;

	if (!req->len)
		return a->status == 200 ? NULL : "a part of what was to be whole";
	if (a->status != 206 || !a->has_range)
		return "the range was ignored";
	if (a->first != req->offset || (a->last != last && a->last + 1 != a->total) ||
	    a->last > last)
		return "another range than was asked for";
	if (a->has_length && a->length != a->last - a->first + 1)
		return "Content-Length and Content-Range do not agree";
	return NULL;
}

/* Into the caller's buffer, which a whole object may be too large for. */
static bool take_bytes(struct s3_op *op, const char *bytes, size_t len)
{
	struct lc_store_req *req = op->req;
	uint64_t room = (req->len ? req->len : req->buf_len) - op->got;

	if (!op->got && !op->answer.bad)
		op->answer.bad = wrong_range(req, &op->answer);
	if (op->answer.bad)
		return false;
	op->enough = len > room && !req->len && op->answer.has_length;
	if (len > room && !op->enough) {
		op->answer.bad = "more bytes than were asked for";
		return false;
	}
	len = min_t(uint64_t, len, room);
	memcpy((char *)req->buf + op->got, bytes, len);
	op->got += len;
	return !op->enough;
}

bool s3_take_body(struct lc_http_req *http, const char *bytes, size_t len)
{
	struct s3_op *op = http->data;
	int status = op->answer.status;

	if (op->step->takes_buf && status >= 200 && status < 300)
		return take_bytes(op, bytes, len);
	lc_s3_answer_xml(&op->answer, bytes, len);
	/* An error needs no document that one could read. */
	if (status >= 300)
		op->answer.bad = NULL;
	return !op->answer.bad;
}

static void get_answered(struct s3_op *op)
{
	struct lc_store_req *req = op->req;
	struct lc_s3_answer *a = &op->answer;
	const char *wrong;

	req->got = op->got;
	req->size = req->len ? a->total : a->length;
	strscpy(req->etag, a->etag, sizeof(req->etag));
	if (req->status == LC_STORE_OK) {
		wrong = wrong_range(req, a);
		if (!wrong && !op->enough &&
		    op->got != (req->len ? a->last - a->first + 1 : a->length))
			wrong = "fewer bytes than it has";
		if (wrong)
			lc_store_set(req, LC_STORE_CORRUPT, "%s", wrong);
	}
	s3_finish(op);
}

static const struct s3_step get_step = {
	.method = "GET",
	.effect = LC_S3_READS,
	.prepare = prepare_get,
	.answered = get_answered,
	.takes_buf = true,
};

/* --- LIST ----------------------------------------------------------------- */

static const struct s3_step list_step;

static void prepare_list(struct s3_op *op)
{
	const char *prefix = op->s3->cfg.prefix;
	char all[2 * LC_STORE_KEY_MAX];

	snprintf(all, sizeof(all), "%s%s%s", prefix, *prefix ? "/" : "", op->req->key);
	s3_query(op, "list-type", "2");
	s3_query(op, "max-keys", PAGE);
	s3_query(op, "prefix", all);
	if (*op->token)
		s3_query(op, "continuation-token", op->token);
}

/* Without our prefix; NULL: nothing that the server should have listed. */
static const char *own_key(const struct s3_op *op, const char *key)
{
	const char *prefix = op->s3->cfg.prefix;
	size_t len = strlen(prefix);

	if (len) {
		if (strncmp(key, prefix, len) || key[len] != '/')
			return NULL;
		key += len + 1;
	}
	return strncmp(key, op->req->key, strlen(op->req->key)) ? NULL : key;
}

/* 1: go on, 0: the caller has enough, -1: the listing is wrong. */
static int tell_page(struct s3_op *op)
{
	struct lc_store_req *req = op->req;
	const char *key, *own;
	uint64_t size;
	size_t pos = 0;

	while ((key = lc_names_next(&op->answer.names, &pos, &size))) {
		own = own_key(op, key);
		if (!own || (*op->last && strcmp(op->last, own) >= 0))
			return -1;
		/* Others may keep things there too, as in a directory. */
		if (!lc_store_key_ok(own, false))
			continue;
		strscpy(op->last, own, sizeof(op->last));
		if (!req->list(req, own, size))
			return 0;
		if (op->cancelled)
			return 0;
	}
	return 1;
}

static void list_answered(struct s3_op *op)
{
	struct lc_s3_answer *a = &op->answer;
	struct lc_store_req *req = op->req;
	int more;

	if (req->status != LC_STORE_OK) {
		s3_finish(op);
		return;
	}
	more = tell_page(op);
	if (more < 0)
		lc_store_set(req, LC_STORE_CORRUPT, "keys that are not in order, or not asked for");
	else if (more && a->truncated && (!*a->token || !strcmp(a->token, op->token)))
		lc_store_set(req, LC_STORE_CORRUPT, "a page that does not say where the next is");
	if (more <= 0 || !a->truncated || req->status != LC_STORE_OK) {
		s3_finish(op);
		return;
	}
	strscpy(op->token, a->token, sizeof(op->token));
	s3_send(op, &list_step);
}

static const struct s3_step list_step = {
	.method = "GET",
	.effect = LC_S3_READS,
	.prepare = prepare_list,
	.answered = list_answered,
	.document = "ListBucketResult",
	.whole_bucket = true,
};

void s3_begin(struct s3_op *op)
{
	static const struct s3_step * const steps[] = {
		[LC_STORE_PUT] = &put_step,
		[LC_STORE_GET] = &get_step,
		[LC_STORE_HEAD] = &head_step,
		[LC_STORE_DELETE] = &delete_step,
		[LC_STORE_LIST] = &list_step,
	};

	if (op->req->op == LC_STORE_PUT && lc_store_put_len(op->req) > op->s3->cfg.part_size)
		s3_multipart_begin(op);
	else
		s3_send(op, steps[op->req->op]);
}
