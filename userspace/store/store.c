// SPDX-License-Identifier: GPL-2.0-only
/* What all stores share. */

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <linux/kernel.h>

#include "loop.h"
#include "store.h"

const char *lc_store_status_name(enum lc_store_status status)
{
	static const char * const names[] = {
		[LC_STORE_OK] = "ok",
		[LC_STORE_NOT_FOUND] = "not found",
		[LC_STORE_PRECOND] = "condition does not hold",
		[LC_STORE_UNKNOWN] = "outcome unknown",
		[LC_STORE_NO_COND] = "no conditional requests",
		[LC_STORE_BUSY] = "busy",
		[LC_STORE_DENIED] = "denied",
		[LC_STORE_UNREADABLE] = "not readable in its storage class",
		[LC_STORE_CORRUPT] = "corrupt answer",
		[LC_STORE_RANGE] = "shorter than the range",
		[LC_STORE_FAILED] = "failed",
		[LC_STORE_CANCELLED] = "cancelled",
	};

	if (status >= ARRAY_SIZE(names))
		return "?";
	return names[status];
}

const char *lc_store_op_name(enum lc_store_op op)
{
	static const char * const names[] = {
		[LC_STORE_PUT] = "PUT",
		[LC_STORE_GET] = "GET",
		[LC_STORE_HEAD] = "HEAD",
		[LC_STORE_DELETE] = "DELETE",
		[LC_STORE_LIST] = "LIST",
	};

	if (op >= ARRAY_SIZE(names))
		return "?";
	return names[op];
}

void lc_store_set(struct lc_store_req *req, enum lc_store_status status, const char *fmt, ...)
{
	va_list ap;
	int n;

	req->status = status;
	n = snprintf(req->why, sizeof(req->why), "%s %s: ", lc_store_op_name(req->op), req->key);
	if (n < 0 || n >= sizeof(req->why))
		n = 0;
	va_start(ap, fmt);
	vsnprintf(req->why + n, sizeof(req->why) - n, fmt, ap);
	va_end(ap);
}

void lc_store_set_ok(struct lc_store_req *req)
{
	req->status = LC_STORE_OK;
	req->why[0] = '\0';
}

size_t lc_store_put_len(const struct lc_store_req *req)
{
	size_t len = 0;
	int i;

	for (i = 0; i < req->nr_iov; i++)
		len += req->iov[i].iov_len;
	return len;
}

static bool key_char_ok(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '_';
}

bool lc_store_key_ok(const char *key, bool prefix)
{
	const char *p;
	bool start = true;

	if (strnlen(key, LC_STORE_KEY_MAX) == LC_STORE_KEY_MAX)
		return false;
	for (p = key; *p; p++) {
		if (start && (*p == '.' || *p == '/'))
			return false;
		if (*p != '/' && *p != '.' && !key_char_ok(*p))
			return false;
		start = *p == '/';
	}
	return prefix || !start;
}

/* The caller's own @data has to stay: list callbacks use it. */
static void waited(struct lc_store_req *req)
{
	req->done = NULL;
}

enum lc_store_status lc_store_wait(struct lc_store *store, struct lc_store_req *req)
{
	bool stopped = false;

	req->done = waited;
	store->ops->submit(store, req);
	while (req->done)
		if (!lc_loop_turn(store->loop, -1))
			stopped = true;
	if (stopped)
		lc_loop_stop(store->loop);
	return req->status;
}
