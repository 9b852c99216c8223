/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Uploads: what the kernel offers as a unit of the log becomes a unit of the bucket.
 *
 *   OFFERED ──a slot──> READING ──all blocks fit──> READ ──in LSN order──> PUT ──> answered
 *                          └──────a block does not fit──────────────────────────> CORRUPT
 *
 * A slot has room for all of a unit: its data, extents and checksums. There are a few, made
 * when the volume is claimed; the last one is for the oldest unit only, since all others
 * may wait for that. Reading and putting overlap.
 */
#ifndef LC_UPLOAD_H
#define LC_UPLOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "channel.h"

struct lc_serve;
struct lc_upload;

struct lc_upload_status {
	unsigned int units;		/* offered and not answered */
	uint64_t bytes;			/* their data */
	uint64_t oldest_ms;		/* since the oldest was offered; 0: none */
	uint64_t corrupt;		/* counted from the start */
};

/* @object_bytes: most data of a unit. NULL with errno. */
struct lc_upload *lc_upload_new(struct lc_serve *sv, uint32_t object_bytes);
/* lc_upload_idle(). */
void lc_upload_free(struct lc_upload *up);

void lc_upload_offer(struct lc_upload *up, const struct lc_upload_item *item);
/* The items are void; what is in flight ends without an answer. */
void lc_upload_void(struct lc_upload *up);
/* The volume became active; or hopeless: everything is answered. */
void lc_upload_go(struct lc_upload *up);
/* The bucket's volume was closed: whatever was put is not any more. */
void lc_upload_reset(struct lc_upload *up);

/* Nothing is being read or put. */
bool lc_upload_idle(const struct lc_upload *up);
void lc_upload_status(const struct lc_upload *up, struct lc_upload_status *st);

#endif /* LC_UPLOAD_H */
