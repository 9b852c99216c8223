/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The cleaner's batches (clean.h): copies of what the log has already, on their way to
 * its head. A copy goes through the log like any other entry, but it has no bio, and it
 * must not take the place of something newer.
 *
 *   cleaner: init --> add ... --> lc_log_copy(), waits ----------------------------,
 *   log:                          log.copy --> sifted --> sent --> published, told -'
 */
#ifndef LC_LOG_COPY_H
#define LC_LOG_COPY_H

#include "logcache.h"

struct lc_batch;

/* An empty batch for @max_blocks of payload, LC_COPY_BLOCKS_MAX at most and as @b->crc has
 * room for; @b->from, @b->crc and @b->data stay.
 */
void lc_log_copy_init(struct logcache *lc, struct lc_batch *b, unsigned int max_blocks);
/* Room for @len sectors of @op from @from; NULL: the batch is full. Data goes to what is
 * returned; for an op without, anything that is not NULL is.
 */
void *lc_log_copy_add(struct lc_batch *b, u64 lba, u32 len, u8 op, u64 from);
/* Has @b an entry for any sector of [lba, lba + len)? */
bool lc_batch_overlaps(const struct lc_batch *b, u64 lba, u32 len);

/* A batch of the cleaner's own with @from, @ent and data set up by lc_log_copy_add().
 * lc_log_copy() brings it through the log like any other and waits until it is
 * published. Entries that are not what the index maps to any more, or soon will not
 * be, are left out, so that a copy never takes the place of something newer.
 * May sleep; wants a running log. Return: 0, -ENOSPC (no segment), -EBUSY (the log
 * does not take writes now) or -EIO.
 */
int lc_log_copy(struct logcache *lc, struct lc_batch *b);

/* If there is a batch of the cleaner's, and it is its turn: bring it on its way, or tell why
 * not. True if it left the queue. Log lock held, dropped in between.
 */
bool lc_log_submit_copy(struct logcache *lc, unsigned long *flags)
	__must_hold(&lc->log.lock);

#endif /* LC_LOG_COPY_H */
