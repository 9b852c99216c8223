/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * AWS Signature Version 4 of one request: a pure function. What is signed has
 * to be sent as it is: use lc_sigv4_path() and lc_sigv4_query() for the URL.
 */
#ifndef LC_SIGV4_H
#define LC_SIGV4_H

#include <stddef.h>

#include "text.h"

#define LC_SIGV4_PAIRS_MAX	16
/* SHA-256 of nothing. */
#define LC_SIGV4_EMPTY	"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define LC_SIGV4_DATE_MAX	17	/* "20150830T123600Z" and a NUL */

struct lc_sigv4_pair {
	const char *name;
	const char *value;
};

/**
 * struct lc_sigv4_request - not encoded, in any order
 * @path:	begins with a slash; is not normalised, as S3 wants it
 * @headers:	all that are to be signed: host and x-amz-date at least
 * @payload:	SHA-256 of the body in hexadecimal digits, or what stands for it
 */
struct lc_sigv4_request {
	const char *method;
	const char *path;
	const struct lc_sigv4_pair *query;
	int nr_query;
	const struct lc_sigv4_pair *headers;
	int nr_headers;
	const char *payload;
};

struct lc_sigv4_key {
	const char *access;
	const char *secret;
	const char *date;	/* "20150830T123600Z" */
	const char *region;
	const char *service;
};

/* As they stand in the URL; the query without its question mark. */
void lc_sigv4_path(struct lc_text *t, const struct lc_sigv4_request *req);
void lc_sigv4_query(struct lc_text *t, const struct lc_sigv4_request *req);

/*
 * The value of the header Authorization. False if something is longer than it
 * may be.
 */
bool lc_sigv4_sign(const struct lc_sigv4_request *req, const struct lc_sigv4_key *key,
		   struct lc_text *authorization);

#endif /* LC_SIGV4_H */
