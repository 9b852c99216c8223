/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Inside of the S3 store.
 *
 *   store_s3.c      requests wait, get an operation, are answered
 *   s3_send.c       one HTTP request: built, signed, sent, its answer judged
 *   s3_steps.c      which requests an operation consists of
 *   s3_multipart.c  those of an upload in parts
 */
#ifndef LC_S3_H
#define LC_S3_H

#include "creds.h"
#include "http.h"
#include "loop.h"
#include "s3_answer.h"
#include "s3_status.h"
#include "store_s3.h"

struct s3_op;

/* One kind of HTTP request. */
struct s3_step {
	const char *method;
	enum lc_s3_effect effect;
	/* Adds what this one has to op->out. */
	void (*prepare)(struct s3_op *op);
	/* It was answered, with req->status and req->why: send the next, or finish. */
	void (*answered)(struct s3_op *op);
	/* Of the document in the answer, if there has to be one. */
	const char *document;
	bool whole_bucket;		/* the URL has no key */
	bool takes_buf;			/* the answer is for req->buf */
	bool conditional;		/* carries the conditions of a PUT */
};

#define S3_QUERY_MAX	4
#define S3_HEADERS_MAX	8

/* What goes out, besides method, host, date and signature. */
struct s3_out {
	struct {
		const char *name;
		char value[LC_S3_TEXT_MAX];
	} query[S3_QUERY_MAX];
	int nr_query;
	struct {
		const char *name;
		char value[256];
	} headers[S3_HEADERS_MAX];
	int nr_headers;
	const struct iovec *iov;
	int nr_iov;
	uint64_t offset;
	uint64_t len;
	bool once;
};

struct s3_multipart;

/* A request under way. */
struct s3_op {
	struct s3 *s3;
	struct lc_store_req *req;	/* NULL: free */
	const struct s3_step *step;
	bool stalled;			/* waits for keys */
	bool sent;			/* waits for an answer */
	bool cancelled;
	bool enough;			/* the rest of the answer is not wanted */
	unsigned int renewed;		/* times that keys were refused */
	uint64_t generation;		/* of the keys that were used */
	uint64_t got;
	char last[LC_STORE_KEY_MAX];	/* of a listing */
	char token[LC_S3_TEXT_MAX];
	struct s3_multipart *multi;

	struct s3_out out;
	char url[8192];
	struct lc_http_req http;
	struct lc_s3_answer answer;
};

struct s3 {
	struct lc_store store;
	struct lc_store_cfg cfg;
	char host[LC_HOST_MAX + LC_BUCKET_MAX];
	struct lc_http *http;
	struct lc_creds_src *creds;
	struct lc_timer kick;
	struct lc_store_req *queue;	/* linked by priv */
	struct lc_store_req **queue_end;
	struct lc_store_req *refused;
	struct s3_op **ops;
	unsigned int nr_ops;
};

/* --- s3_send.c ------------------------------------------------------------ */

/* With the keys there are; or when there are some. */
void s3_send(struct s3_op *op, const struct s3_step *step);
void s3_query(struct s3_op *op, const char *name, const char *value);
__printf(3, 4) void s3_header(struct s3_op *op, const char *name, const char *fmt, ...);
void s3_body(struct s3_op *op, const struct iovec *iov, int nr, uint64_t offset, uint64_t len);
/* Those of the request, as this vendor wants them. */
void s3_conditions(struct s3_op *op);

/* --- s3_steps.c ----------------------------------------------------------- */

void s3_begin(struct s3_op *op);
bool s3_take_body(struct lc_http_req *http, const char *bytes, size_t len);

/* --- s3_multipart.c ------------------------------------------------------- */

void s3_multipart_begin(struct s3_op *op);
void s3_multipart_free(struct s3_op *op);

/* --- store_s3.c ----------------------------------------------------------- */

/* With req->status: the operation is free again. */
void s3_finish(struct s3_op *op);

#endif /* LC_S3_H */
