/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Limits of a bucket: what all volumes of this process that are in it have together.
 * From the daemon's file, read at the start and with every reload; it may be missing:
 *
 *   [bucket s3.example.com/data]	; server and bucket, or file:/directory
 *   upload_bytes = 50000000		; a second; 0, the default: no limit
 *   download_requests = 100
 */
#ifndef LC_BUCKET_LIMITS_H
#define LC_BUCKET_LIMITS_H

#include <linux/list.h>

#include "conf.h"
#include "store/share.h"

struct lc_daemon;

/* Kept until the process ends. */
struct lc_bucket_limits {
	struct list_head list;
	char *name;			/* lc_store_cfg_bucket() */
	struct lc_rates rates;		/* in force */
	struct lc_rates file;		/* as the file was when it was read last */
	bool used;			/* a volume has been in it */
	struct lc_share share;
};

/* As a person calls it. NULL: no volume has been in it, and it is not in the file. */
struct lc_bucket_limits *lc_bucket_limits_find(struct lc_daemon *d, const char *name);
/* Those of a volume with @cfg, which is finished. NULL: out of memory. */
struct lc_bucket_limits *lc_bucket_limits_of(struct lc_daemon *d, const struct lc_store_cfg *cfg);
/* What the file says, from now on. If it is wrong, that is logged and nothing changes. */
void lc_bucket_limits_reload(struct lc_daemon *d);
/* What the file has limits for, and no volume is in: it may be misspelt. Logged. */
void lc_bucket_limits_warn(struct lc_daemon *d);
/*
 * One of them, until the process ends, or the file is read and has another value than when
 * it was read before. -EINVAL with a text.
 */
int lc_bucket_limits_set(struct lc_bucket_limits *b, const char *key, const char *value,
			 char *why);
/* Worth showing: somebody uses it, or it has a limit. */
bool lc_bucket_limits_matter(const struct lc_bucket_limits *b);
/* No volume is left. */
void lc_bucket_limits_free(struct lc_daemon *d);

#endif /* LC_BUCKET_LIMITS_H */
