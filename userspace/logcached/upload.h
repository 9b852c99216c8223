/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Uploads: what the kernel offers as a unit of the log becomes a unit of the bucket.
 *
 *   OFFERED --memory--> READING --all blocks fit--> READ --in LSN order--> PUT --> answered
 *      ^                   |                         |
 *      |                   |                         `--the next one needs its memory--.
 *      |                   `--a block does not fit--> CORRUPT                          |
 *      `-------------------------------------------------------------------------------'
 *
 * Memory is one stretch, made when the volume is claimed, of which each unit takes as much
 * as it needs for its data, extents and checksums: in the order of the log, so that none
 * overtakes one that waits for some. As many as there is memory for are in flight, and the
 * kernel offers 32. Reading and putting overlap.
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

/* With memory as @sv->conf says. NULL with errno. */
struct lc_upload *lc_upload_new(struct lc_serve *sv);
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
