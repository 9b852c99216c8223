/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where the keys of a store come from. Providers are asked one after the other
 * until one has them:
 *
 *   file      key_file: access_key, secret_key, session_token, expires
 *   env       AWS_*, and the names of other vendors
 *   profile   ~/.aws/credentials, ~/.aws/config, and those of other vendors
 *   instance  the metadata service of the machine: AWS (IMDSv2), Aliyun
 *
 * "auto" is all of them, or only the file if one is named. Keys that end are
 * fetched again before they do. Secrets are never in a message, and wiped when
 * they are replaced.
 */
#ifndef LC_CREDS_H
#define LC_CREDS_H

#include "store_cfg.h"

struct lc_http;
struct lc_loop;

#define LC_CREDS_ACCESS_MAX	256	/* with the NUL, as below */
#define LC_CREDS_SECRET_MAX	256
#define LC_CREDS_TOKEN_MAX	8192

struct lc_creds {
	char access[LC_CREDS_ACCESS_MAX];
	char secret[LC_CREDS_SECRET_MAX];
	char token[LC_CREDS_TOKEN_MAX];		/* "": none */
	int64_t expires;			/* seconds since 1970; 0: never */
	uint64_t generation;			/* other keys, other number */
};

enum lc_creds_state {
	LC_CREDS_READY,
	LC_CREDS_PENDING,		/* @changed will be called */
	LC_CREDS_NONE,			/* why: lc_creds_why(); tried again every now and then */
};

struct lc_creds_src;

/* @changed: the state may be another one than before. NULL: out of memory. */
struct lc_creds_src *lc_creds_new(struct lc_loop *loop, struct lc_http *http,
				  const struct lc_store_cfg *cfg,
				  void (*changed)(void *data), void *data);
/* Before lc_http_free(). */
void lc_creds_free(struct lc_creds_src *src);

/* READY: @creds is good until the loop turns. */
enum lc_creds_state lc_creds_get(struct lc_creds_src *src, const struct lc_creds **creds);

/*
 * The store did not like the keys of @generation: they may have been replaced.
 * True if there are, or will soon be, others: it is worth to get them again.
 */
bool lc_creds_refused(struct lc_creds_src *src, uint64_t generation);

/* A text for a person: who was asked, and why it had none. */
const char *lc_creds_why(const struct lc_creds_src *src);

/* The clock, for tests. */
void lc_creds_set_clock(struct lc_creds_src *src, int64_t (*now)(void));

#endif /* LC_CREDS_H */
