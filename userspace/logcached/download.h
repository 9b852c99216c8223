/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Fetches: what is not in the cache comes out of the bucket, into the scratch slot that
 * the item names.
 *
 *   OFFERED --has been read ahead-------------------> WRITING --> answered
 *     |  `----is being read ahead---> AHEAD, again
 *     `-------is not----------------> READING --------> WRITING, or nothing but zeroes
 *
 * What cannot be had now is held, or answered AGAIN; wrong data never. What is read ahead
 * is dropped when a unit that overlaps it is committed, even if it is still on its way.
 */
#ifndef LC_DOWNLOAD_H
#define LC_DOWNLOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "channel.h"

struct lc_download;
struct lc_serve;

struct lc_download_status {
	unsigned int fetches;		/* offered and not answered */
	/* Counted from the start. */
	uint64_t readahead_hits;
	uint64_t readahead_bytes;	/* read ahead, of use or not */
	uint64_t errors;		/* answered FAILED */
};

/* NULL with errno. */
struct lc_download *lc_download_new(struct lc_serve *sv);
/* lc_download_idle(). */
void lc_download_free(struct lc_download *dl);

void lc_download_offer(struct lc_download *dl, const struct lc_fetch_item *item);
void lc_download_void(struct lc_download *dl);
void lc_download_go(struct lc_download *dl);
/* The bucket's volume was closed: nothing that was read ahead counts. */
void lc_download_reset(struct lc_download *dl);

/* A unit was committed that has these sectors. */
void lc_download_changed(struct lc_download *dl, uint64_t lba, uint32_t sectors);

/* Nothing is being read or written. */
bool lc_download_idle(const struct lc_download *dl);
void lc_download_status(const struct lc_download *dl, struct lc_download_status *st);

#endif /* LC_DOWNLOAD_H */
