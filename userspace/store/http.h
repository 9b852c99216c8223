/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * HTTP requests on the loop: libcurl's multi interface, a bounded number of
 * transfers, the others wait in the order they came.
 */
#ifndef LC_HTTP_H
#define LC_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include <curl/curl.h>

#define LC_HTTP_WHY_MAX	CURL_ERROR_SIZE

struct lc_loop;
struct lc_http;

struct lc_http_cfg {
	const char *ca_file;		/* "": the system's certificates */
	unsigned int max_transfers;
	uint32_t connect_ms;
};

enum lc_http_error {
	LC_HTTP_ANSWERED,		/* @status says more */
	LC_HTTP_NOT_SENT,		/* the server cannot have got all of it */
	LC_HTTP_LOST,			/* sent; no answer, or not all of it */
	LC_HTTP_REFUSED,		/* @header or @body did not want the rest */
	LC_HTTP_CANCELLED,
};

/**
 * struct lc_http_req - one request; the caller's memory, and all it points to, until @done
 * @headers:	sent as they are, besides what curl needs; the caller frees them
 * @iov:	the body: @body_len bytes behind the first @body_offset of it
 * @once:	must not be sent twice, not even if the first connection was found dead
 * @direct:	not by a proxy
 * @idle_ms:	give up if nothing moves for that long, in whole seconds
 * @total_ms:	give up after that in any case
 * @header:	one line of the answer, without its end; false: give up
 * @body:	a piece of the answer; false: give up
 * @done:	called once, not from within submit or cancel
 *
 * In @header and @body nothing may be submitted or cancelled.
 */
struct lc_http_req {
	const char *method;
	const char *url;
	struct curl_slist *headers;
	const struct iovec *iov;
	int nr_iov;
	uint64_t body_offset;
	uint64_t body_len;
	bool once;
	bool direct;
	uint32_t idle_ms;
	uint32_t total_ms;

	enum lc_http_error error;
	int status;
	char why[LC_HTTP_WHY_MAX];

	bool (*header)(struct lc_http_req *req, const char *line, size_t len);
	bool (*body)(struct lc_http_req *req, const char *bytes, size_t len);
	void (*done)(struct lc_http_req *req);
	void *data;

	/* Of http.c. */
	struct lc_http_req *next;
	CURL *curl;
	uint64_t sent;
	bool all_sent;		/* once, at least */
};

/* NULL with a text in @why (LC_HTTP_WHY_MAX). */
struct lc_http *lc_http_new(struct lc_loop *loop, const struct lc_http_cfg *cfg, char *why);
/* Nothing is in flight; what was cancelled is answered now. */
void lc_http_free(struct lc_http *http);

void lc_http_submit(struct lc_http *http, struct lc_http_req *req);
void lc_http_cancel(struct lc_http *http, struct lc_http_req *req);

#endif /* LC_HTTP_H */
