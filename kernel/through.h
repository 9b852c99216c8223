/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Direct writes: writethrough, writearound and passthrough. A record in the
 * log makes the cache forget the range, durably, then the origin is written:
 *
 *   map -> registered -> INVAL record -> index forgets -> origin -> acknowledged
 *
 * While registered, no read of the blocks touched is inserted: what it read may
 * be older than the write. In writethrough mode a copy of the data is: readers
 * that come meanwhile wait for the origin to have it. Direct mode begins when
 * nothing is dirty (mode.h), so an older version can never be written back over
 * a direct write.
 */
#ifndef LC_THROUGH_H
#define LC_THROUGH_H

#include "logcache.h"

void lc_through_init(struct logcache *lc);

/* Start a direct write, discard or write-zeroes, in one stripe. False: the log
 * refuses, direct mode is just being left or entered.
 */
bool lc_through_write(struct logcache *lc, struct bio *bio);

/* The record is published (and durable): on to the origin. Any context. */
void lc_through_submit(struct logcache *lc, struct bio *bio);

/* From end_io: the origin has it, or has failed it. */
void lc_through_end(struct logcache *lc, struct bio *bio, blk_status_t status);

/* It will not be written directly after all. Any context. */
void lc_through_unregister(struct logcache *lc, struct bio *bio);

/* Is a direct write of the range on its way, @but aside (or NULL)? Under the lock of @sh. */
bool lc_through_overlaps(const struct lc_shard *sh, u64 lba, u32 len, const struct lc_bio *but);

#endif /* LC_THROUGH_H */
