/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a sequential reader will want, read before it asks: a fixed number of chunks, the
 * oldest of which makes room. Knows nothing of who reads.
 *
 *   FREE ──want──> READING ──> READY ──> FREE, oldest first
 *                     │          └──dropped──> FREE
 *                     └──dropped──> DOOMED ──> FREE, unread
 */
#ifndef LC_AHEAD_H
#define LC_AHEAD_H

#include <stdbool.h>
#include <stdint.h>

struct lc_ahead;
struct lc_volume;

#define LC_AHEAD_SECTORS	2048u	/* of a chunk: 1 MiB */

/* @ready: a chunk has arrived, or will not: whoever waits looks again. NULL with errno. */
struct lc_ahead *lc_ahead_new(unsigned int chunks, void (*ready)(void *data), void *data);
/* Nothing is being read. */
void lc_ahead_free(struct lc_ahead *a);

/* [lba, lba + sectors) of @vol, as much as there is room for, of what is not there. */
void lc_ahead_want(struct lc_ahead *a, struct lc_volume *vol, uint64_t lba, uint64_t sectors);
/* 1: all of it is in @buf; 0: some of it is on its way; -ENOENT: some is not. */
int lc_ahead_get(struct lc_ahead *a, uint64_t lba, uint32_t sectors, void *buf);
/* It has changed. */
void lc_ahead_drop(struct lc_ahead *a, uint64_t lba, uint32_t sectors);
void lc_ahead_drop_all(struct lc_ahead *a);

bool lc_ahead_idle(const struct lc_ahead *a);
uint64_t lc_ahead_bytes(const struct lc_ahead *a);
/* It is asking the volume just now: what that says of a sequential reader is about this. */
bool lc_ahead_asking(const struct lc_ahead *a);

#endif /* LC_AHEAD_H */
