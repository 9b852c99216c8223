/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An object store as the rest sees it: named, immutable byte strings. One
 * operations table; stores stack, each layer having the one below as its own
 * store:
 *
 *   retry (tries again, breaker, throttles, unknown outcomes, hedging)
 *     `-> s3 (one signed HTTP request)  |  file (a directory)  |  memory (tests)
 *
 * Everything is asynchronous and single-threaded: requests are submitted from
 * and completed on the thread of the loop (loop.h). A completion is never
 * called from within submit.
 */
#ifndef LC_STORE_H
#define LC_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include <linux/compiler.h>

struct lc_loop;
struct lc_store;
struct lc_store_req;

enum lc_store_op {
	LC_STORE_PUT,		/* all of @iov under @key; durable when OK */
	LC_STORE_GET,		/* [@offset, @offset + @len) to @buf; @len 0: all, up to @buf_len */
	LC_STORE_HEAD,		/* does it exist, how large is it? */
	LC_STORE_DELETE,	/* OK also if there was none */
	LC_STORE_LIST,		/* keys with prefix @key, one @list call each, in byte order */
};

enum lc_store_status {
	LC_STORE_OK,
	LC_STORE_NOT_FOUND,	/* certain: no such object */
	LC_STORE_PRECOND,	/* the condition does not hold; nothing was changed */
	LC_STORE_UNKNOWN,	/* PUT, DELETE: may have been applied, or may be later */
	LC_STORE_NO_COND,	/* the store does not do conditional PUTs; nothing was changed */
	LC_STORE_BUSY,		/* 429, 503: not applied, later again */
	LC_STORE_DENIED,	/* 401, 403: the credentials do not allow it */
	LC_STORE_UNREADABLE,	/* storage class: has to be restored first */
	LC_STORE_CORRUPT,	/* the answer is not what was asked for; the next one may be */
	LC_STORE_RANGE,		/* certain: the object ends before the range begins */
	LC_STORE_FAILED,	/* not applied: network, server, anything else */
	LC_STORE_CANCELLED,
};

/* Conditions of a PUT. */
#define LC_STORE_IF_ABSENT	0x1u	/* only if there is no such object */
#define LC_STORE_IF_MATCH	0x2u	/* only if its tag is still @etag */

#define LC_STORE_KEY_MAX	1024u	/* with the NUL */
#define LC_STORE_ETAG_MAX	128u	/* with the NUL */
#define LC_STORE_WHY_MAX	256u	/* with the NUL */

/* One key of a listing; false ends it (the request is then OK). */
typedef bool (*lc_store_list_fn)(struct lc_store_req *req, const char *key, uint64_t size);

/**
 * struct lc_store_req - one request; the caller's memory until @done
 * @key:	relative to the store's own prefix: [A-Za-z0-9/._-] only, its parts between
 *		slashes neither empty nor beginning with a dot. LIST: any beginning of one.
 * @buf:	GET: where to; may have been written to whatever the status
 * @got:	GET: bytes that came. OK with fewer than @len: the object ends there. A range
 *		that begins behind the end is RANGE.
 * @size:	GET, HEAD: of the whole object
 * @etag:	GET, HEAD, PUT: out, without quotes, may be empty after a GET of a range and
 *		a PUT in parts; with LC_STORE_IF_MATCH: in
 * @why:	not OK: a text for a person, without secrets
 * @done:	called exactly once; may free the request
 * @priv:	of the store it was submitted to; @data is the caller's
 */
struct lc_store_req {
	enum lc_store_op op;
	uint32_t flags;
	char key[LC_STORE_KEY_MAX];
	const struct iovec *iov;
	int nr_iov;
	void *buf;
	size_t buf_len;
	uint64_t offset;
	uint64_t len;
	lc_store_list_fn list;

	enum lc_store_status status;
	uint64_t got;
	uint64_t size;
	char etag[LC_STORE_ETAG_MAX];
	char why[LC_STORE_WHY_MAX];

	void (*done)(struct lc_store_req *req);
	void *data;
	void *priv;
};

/**
 * struct lc_store_ops
 * @submit:	start @req; all requests are answered, in any order
 * @cancel:	@req is not wanted any more: it is answered soon, CANCELLED unless it
 *		had its answer already. A cancelled PUT or DELETE may be applied all the same.
 * @free:	nothing is in flight
 */
struct lc_store_ops {
	const char *name;
	void (*submit)(struct lc_store *store, struct lc_store_req *req);
	void (*cancel)(struct lc_store *store, struct lc_store_req *req);
	void (*free)(struct lc_store *store);
};

struct lc_store {
	const struct lc_store_ops *ops;
	struct lc_loop *loop;
};

/* "not found", "busy", ...: for messages. */
const char *lc_store_status_name(enum lc_store_status status);

/* "PUT", "GET", ... */
const char *lc_store_op_name(enum lc_store_op op);

/* Submit and run the loop until the answer is there; for tools. Returns req->status. */
enum lc_store_status lc_store_wait(struct lc_store *store, struct lc_store_req *req);

/* --- for those who implement one ------------------------------------------ */

/* @req->status and @req->why, which begins with the operation and the key. */
__printf(3, 4)
void lc_store_set(struct lc_store_req *req, enum lc_store_status status, const char *fmt, ...);
void lc_store_set_ok(struct lc_store_req *req);

/* Bytes of a PUT. */
size_t lc_store_put_len(const struct lc_store_req *req);

/* Is it one that store.h allows? @prefix: as the beginning of one. */
bool lc_store_key_ok(const char *key, bool prefix);

#endif /* LC_STORE_H */
