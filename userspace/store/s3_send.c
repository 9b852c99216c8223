// SPDX-License-Identifier: GPL-2.0-only
/* One HTTP request: built, signed, sent, and its answer judged. */

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <linux/kernel.h>
#include <linux/string.h>
#include <openssl/evp.h>

#include "s3.h"
#include "sigv4.h"

#define RENEW_MAX	2

/* --- what a step adds ----------------------------------------------------- */

void s3_query(struct s3_op *op, const char *name, const char *value)
{
	struct s3_out *out = &op->out;

	out->query[out->nr_query].name = name;
	strscpy(out->query[out->nr_query].value, value, sizeof(out->query[0].value));
	out->nr_query++;
}

void s3_header(struct s3_op *op, const char *name, const char *fmt, ...)
{
	struct s3_out *out = &op->out;
	va_list ap;

	out->headers[out->nr_headers].name = name;
	va_start(ap, fmt);
	vsnprintf(out->headers[out->nr_headers].value, sizeof(out->headers[0].value), fmt, ap);
	va_end(ap);
	out->nr_headers++;
}

void s3_body(struct s3_op *op, const struct iovec *iov, int nr, uint64_t offset, uint64_t len)
{
	op->out.iov = iov;
	op->out.nr_iov = nr;
	op->out.offset = offset;
	op->out.len = len;
}

void s3_conditions(struct s3_op *op)
{
	const struct lc_vendor *v = op->s3->cfg.vendor;
	const struct lc_store_req *req = op->req;

	if (req->flags & LC_STORE_IF_ABSENT) {
		if (v->absent)
			s3_header(op, v->absent, "true");
		else
			s3_header(op, "If-None-Match", "*");
	}
	if (req->flags & LC_STORE_IF_MATCH)
		s3_header(op, "If-Match", v->bare_tags ? "%s" : "\"%s\"", req->etag);
	op->out.once = req->flags & (LC_STORE_IF_ABSENT | LC_STORE_IF_MATCH);
}

/* --- signing -------------------------------------------------------------- */

static bool hash_body(const struct s3_out *out, char *hex)
{
	unsigned char md[EVP_MAX_MD_SIZE];
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint64_t skip = out->offset, left = out->len, n, use;
	unsigned int len;
	bool ok;
	int i;

	ok = ctx && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL);
	for (i = 0; ok && left && i < out->nr_iov; i++) {
		n = min_t(uint64_t, out->iov[i].iov_len, skip);
		skip -= n;
		use = min_t(uint64_t, out->iov[i].iov_len - n, left);
		ok = EVP_DigestUpdate(ctx, (const char *)out->iov[i].iov_base + n, use);
		left -= use;
	}
	ok = ok && !left && EVP_DigestFinal_ex(ctx, md, &len);
	EVP_MD_CTX_free(ctx);
	if (ok)
		lc_text_hex(hex, md, len);
	return ok;
}

struct signing {
	struct lc_sigv4_pair query[S3_QUERY_MAX];
	struct lc_sigv4_pair headers[S3_HEADERS_MAX + 4];
	struct lc_sigv4_request req;
	char path[2 * LC_STORE_KEY_MAX + LC_BUCKET_MAX];
	char date[LC_SIGV4_DATE_MAX];
	char payload[65];
};

static void sign_path(struct s3_op *op, struct signing *s)
{
	const struct lc_store_cfg *cfg = &op->s3->cfg;
	struct lc_text path = LC_TEXT(s->path);

	if (cfg->addressing == LC_ADDRESSING_PATH)
		lc_text_add(&path, "/%s", cfg->bucket);
	if (op->step->whole_bucket) {
		if (!path.len)
			lc_text_put(&path, "/", 1);
		return;
	}
	lc_text_add(&path, "/%s%s%s", cfg->prefix, *cfg->prefix ? "/" : "", op->req->key);
}

static void add_header(struct signing *s, const char *name, const char *value)
{
	s->headers[s->req.nr_headers].name = name;
	s->headers[s->req.nr_headers].value = value;
	s->req.nr_headers++;
}

/* What is signed is all that is sent, but for what curl adds. */
static bool fill_signing(struct s3_op *op, const struct lc_creds *creds, struct signing *s)
{
	struct s3_out *out = &op->out;
	time_t now = time(NULL);
	struct tm tm;
	int i;

	memset(s, 0, sizeof(*s));
	if (!hash_body(out, s->payload))
		return false;
	sign_path(op, s);
	strftime(s->date, sizeof(s->date), "%Y%m%dT%H%M%SZ", gmtime_r(&now, &tm));
	s->req.method = op->step->method;
	s->req.path = s->path;
	s->req.query = s->query;
	s->req.nr_query = out->nr_query;
	s->req.headers = s->headers;
	s->req.payload = s->payload;
	for (i = 0; i < out->nr_query; i++)
		s->query[i] = (struct lc_sigv4_pair){ out->query[i].name, out->query[i].value };
	add_header(s, "Host", op->s3->host);
	add_header(s, "x-amz-date", s->date);
	add_header(s, "x-amz-content-sha256", s->payload);
	if (*creds->token)
		add_header(s, "x-amz-security-token", creds->token);
	for (i = 0; i < out->nr_headers; i++)
		add_header(s, out->headers[i].name, out->headers[i].value);
	return true;
}

static bool make_url(struct s3_op *op, const struct signing *s)
{
	struct lc_text url = LC_TEXT(op->url);

	lc_text_add(&url, "http%s://%s", op->s3->cfg.tls ? "s" : "", op->s3->host);
	lc_sigv4_path(&url, &s->req);
	if (s->req.nr_query) {
		lc_text_put(&url, "?", 1);
		lc_sigv4_query(&url, &s->req);
	}
	return !url.full;
}

static void wipe_headers(struct s3_op *op)
{
	struct curl_slist *h;

	for (h = op->http.headers; h; h = h->next)
		explicit_bzero(h->data, strlen(h->data));
	curl_slist_free_all(op->http.headers);
	op->http.headers = NULL;
}

static bool add_line(struct s3_op *op, const char *name, const char *value)
{
	char line[LC_CREDS_TOKEN_MAX + 64];
	struct curl_slist *more;

	snprintf(line, sizeof(line), *value ? "%s: %s" : "%s:", name, value);
	more = curl_slist_append(op->http.headers, line);
	explicit_bzero(line, sizeof(line));
	if (more)
		op->http.headers = more;
	return more;
}

static bool make_headers(struct s3_op *op, const struct signing *s, const char *authorization)
{
	bool ok = true;
	int i;

	/* The first one is Host, which curl makes itself. */
	for (i = 1; ok && i < s->req.nr_headers; i++)
		ok = add_line(op, s->headers[i].name, s->headers[i].value);
	/* It would wait a second for a server that does not know this. */
	return ok && add_line(op, "Expect", "") && add_line(op, "Content-Type", "") &&
	       add_line(op, "Authorization", authorization);
}

static bool sign(struct s3_op *op, const struct lc_creds *creds)
{
	struct lc_sigv4_key key = {
		.access = creds->access,
		.secret = creds->secret,
		.region = op->s3->cfg.region,
		.service = "s3",
	};
	char buf[1024];
	struct lc_text authorization = LC_TEXT(buf);
	struct signing s;

	op->generation = creds->generation;
	if (!fill_signing(op, creds, &s))
		return false;
	key.date = s.date;
	return lc_sigv4_sign(&s.req, &key, &authorization) && make_url(op, &s) &&
	       make_headers(op, &s, buf);
}

/* --- the answer ----------------------------------------------------------- */

/* It is theirs, and goes to a terminal or a log. */
static void clean(char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < ' ' || *s == 127)
			*s = '?';
}

static void judge_status(struct s3_op *op)
{
	struct lc_s3_answer *a = &op->answer;
	struct lc_store_req *req = op->req;
	bool cond = op->step->conditional &&
		    (req->flags & (LC_STORE_IF_ABSENT | LC_STORE_IF_MATCH));
	enum lc_store_status status;
	const char *hint;

	/* An error inside of a success: S3 does that at the end of an upload in parts. */
	if (a->status == 200 && op->step->document && !strcmp(a->root, "Error"))
		a->status = 500;
	status = lc_s3_status(a, op->step->effect, cond, &hint);
	if (a->status == 404 && !strcmp(op->step->method, "HEAD"))
		status = LC_STORE_NOT_FOUND;
	if (status == LC_STORE_OK) {
		lc_store_set_ok(req);
		return;
	}
	clean(a->code);
	clean(a->message);
	lc_store_set(req, status, "HTTP %d%s%s%s%.100s%s%s%s", a->status, *a->code ? " " : "",
		     a->code, *a->message ? ": " : "", a->message,
		     *a->region ? ", the bucket is in " : "", a->region, hint);
}

/* A document that has to be there, and what the header promises. */
static void judge_content(struct s3_op *op)
{
	struct lc_s3_answer *a = &op->answer;

	if (op->step->document)
		lc_s3_answer_end(a, op->step->document);
	if (a->bad)
		lc_store_set(op->req, LC_STORE_CORRUPT, "%s (HTTP %d)", a->bad, a->status);
}

static void judge(struct s3_op *op)
{
	struct lc_store_req *req = op->req;
	bool writes = op->step->effect == LC_S3_WRITES;

	switch (op->http.error) {
	case LC_HTTP_ANSWERED:
		judge_status(op);
		if (req->status == LC_STORE_OK)
			judge_content(op);
		/* Something was done, though nobody knows what they meant to say. */
		if (req->status == LC_STORE_CORRUPT && writes && op->answer.status < 300)
			req->status = LC_STORE_UNKNOWN;
		break;
	case LC_HTTP_LOST:
		lc_store_set(req, writes ? LC_STORE_UNKNOWN : LC_STORE_FAILED, "%s", op->http.why);
		break;
	case LC_HTTP_REFUSED:
		if (op->enough)
			lc_store_set_ok(req);
		else
			lc_store_set(req, LC_STORE_CORRUPT, "%s",
				     op->answer.bad ? op->answer.bad : op->http.why);
		break;
	case LC_HTTP_NOT_SENT:
		lc_store_set(req, LC_STORE_FAILED, "%s", op->http.why);
		break;
	case LC_HTTP_CANCELLED:
		lc_store_set(req, LC_STORE_CANCELLED, "cancelled");
		break;
	}
}

static void http_done(struct lc_http_req *http)
{
	struct s3_op *op = http->data;

	op->sent = false;
	wipe_headers(op);
	judge(op);
	if (op->req->status == LC_STORE_DENIED && !op->cancelled &&
	    lc_s3_keys_refused(&op->answer) && op->renewed++ < RENEW_MAX &&
	    lc_creds_refused(op->s3->creds, op->generation)) {
		s3_send(op, op->step);
		return;
	}
	op->step->answered(op);
}

static bool http_header(struct lc_http_req *http, const char *line, size_t len)
{
	struct s3_op *op = http->data;

	lc_s3_answer_header(&op->answer, line, len);
	return !op->answer.bad;
}

/* --- sending -------------------------------------------------------------- */

static void start_http(struct s3_op *op)
{
	struct lc_http_req *http = &op->http;

	http->method = op->step->method;
	http->url = op->url;
	http->iov = op->out.iov;
	http->nr_iov = op->out.nr_iov;
	http->body_offset = op->out.offset;
	http->body_len = op->out.len;
	http->once = op->out.once;
	http->idle_ms = op->s3->cfg.idle_ms;
	http->total_ms = op->s3->cfg.request_ms;
	http->header = http_header;
	http->body = s3_take_body;
	http->done = http_done;
	http->data = op;
	op->sent = true;
	lc_http_submit(op->s3->http, http);
}

static void refuse(struct s3_op *op, enum lc_store_status status, const char *why)
{
	lc_store_set(op->req, status, "%s", why);
	op->step->answered(op);
}

void s3_send(struct s3_op *op, const struct s3_step *step)
{
	const struct lc_creds *creds;

	op->step = step;
	op->stalled = false;
	switch (lc_creds_get(op->s3->creds, &creds)) {
	case LC_CREDS_PENDING:
		op->stalled = true;
		return;
	case LC_CREDS_NONE:
		refuse(op, LC_STORE_DENIED, lc_creds_why(op->s3->creds));
		return;
	case LC_CREDS_READY:
		break;
	}
	op->got = 0;
	op->enough = false;
	op->out.nr_query = 0;
	op->out.nr_headers = 0;
	s3_body(op, NULL, 0, 0, 0);
	op->out.once = false;
	lc_s3_answer_start(&op->answer);
	step->prepare(op);
	if (sign(op, creds)) {
		start_http(op);
		return;
	}
	wipe_headers(op);
	refuse(op, LC_STORE_FAILED, "cannot be signed: something is too long");
}
