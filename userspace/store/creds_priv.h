/* SPDX-License-Identifier: GPL-2.0-only */
/* Between creds.c and the providers. */
#ifndef LC_CREDS_PRIV_H
#define LC_CREDS_PRIV_H

#include "creds.h"
#include "http.h"

/*
 * 0: @out is filled in; -ENOENT: has none, ask the next one; another -errno:
 * has some, but they cannot be used. Not 0: with a text in @why (LC_STORE_WHY_MAX).
 */
typedef int (*lc_creds_load_fn)(const struct lc_store_cfg *cfg, struct lc_creds *out, char *why);

int lc_creds_load_file(const struct lc_store_cfg *cfg, struct lc_creds *out, char *why);
int lc_creds_load_env(const struct lc_store_cfg *cfg, struct lc_creds *out, char *why);
int lc_creds_load_profile(const struct lc_store_cfg *cfg, struct lc_creds *out, char *why);

/* "2026-01-31T12:00:00Z"; false: not of that form. */
bool lc_creds_time(const char *text, int64_t *seconds);

/* --- the metadata service: several requests one after the other ----------- */

#define LC_INSTANCE_BODY_MAX	16384

struct lc_instance {
	struct lc_http *http;
	const struct lc_store_cfg *cfg;
	void (*done)(struct lc_instance *in, int ret);	/* as lc_creds_load_fn */
	void *data;
	struct lc_creds creds;
	char why[LC_STORE_WHY_MAX];

	/* Its own. */
	struct lc_http_req req;
	unsigned int kind;
	unsigned int step;
	bool busy;
	char session[512];
	char role[128];
	char url[512];
	char body[LC_INSTANCE_BODY_MAX];
	size_t body_len;
};

void lc_instance_start(struct lc_instance *in);
/* @done is called, from a later turn. */
void lc_instance_cancel(struct lc_instance *in);

/* What the service says of a role, and how its fields are called. Pure. */
int lc_instance_parse(const char *body, size_t len, unsigned int kind,
		      struct lc_creds *out, char *why);

#endif /* LC_CREDS_PRIV_H */
