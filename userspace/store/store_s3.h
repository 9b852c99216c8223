/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * S3: each request is one signed HTTP request, but for listings (one a page) and
 * objects larger than the part size (one a part and a few more). Nothing is
 * tried twice, except with new keys after the old ones were refused.
 *
 * Conditions on objects larger than the part size are looked at before the
 * upload, and sent with its end: not every store looks at them there, so that
 * two writers may both believe they were the first.
 */
#ifndef LC_STORE_S3_H
#define LC_STORE_S3_H

#include "store_cfg.h"

/* NULL with a text in @why (LC_STORE_WHY_MAX). */
struct lc_store *lc_store_s3_new(struct lc_loop *loop, const struct lc_store_cfg *cfg, char *why);

#endif /* LC_STORE_S3_H */
