/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What sequential readers (streams.h) will want, read before they ask: a fixed number of
 * chunks. One makes room for another once all of it was taken, its reader has passed it,
 * or nobody has come for long; until then nothing more is read ahead.
 *
 *   FREE --seen--> READING --> READY --> FREE
 *                     |          `--dropped--> FREE
 *                     `--dropped--> DOOMED --> FREE, unread
 */
#ifndef LC_AHEAD_H
#define LC_AHEAD_H

#include <stdbool.h>
#include <stdint.h>

struct lc_ahead;
struct lc_volume;

/* @ready: a chunk has arrived, or will not: whoever waits looks again. NULL with errno. */
struct lc_ahead *lc_ahead_new(unsigned int chunks, void (*ready)(void *data), void *data);
/* Nothing is being read. */
void lc_ahead_free(struct lc_ahead *a);

/* Somebody reads [lba, lba + sectors) of @vol, which has so many sectors. */
void lc_ahead_seen(struct lc_ahead *a, struct lc_volume *vol, uint64_t volume_sectors,
		   uint64_t lba, uint32_t sectors);
/* 1: all of it is in @buf; 0: some of it is on its way; -ENOENT: some is not. */
int lc_ahead_get(struct lc_ahead *a, uint64_t lba, uint32_t sectors, void *buf);
/* It has changed. */
void lc_ahead_drop(struct lc_ahead *a, uint64_t lba, uint32_t sectors);
void lc_ahead_drop_all(struct lc_ahead *a);

bool lc_ahead_idle(const struct lc_ahead *a);
uint64_t lc_ahead_bytes(const struct lc_ahead *a);

#endif /* LC_AHEAD_H */
