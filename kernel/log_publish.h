/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What follows when a record has been written: in LSN order batches are entered into
 * the index (published), then their bios are ended (acknowledged).
 *
 *   end_io --> DONE --oldest--> index --> published_lsn --> ended
 *                                             `--> log.fua --flush--> ended
 *
 * With a volatile cache FUA writes and INVALs wait for a flush (log.fua). An INVAL is not
 * ended but goes to the origin then; a FUA write of sync origin waits for the writeback.
 */
#ifndef LC_LOG_PUBLISH_H
#define LC_LOG_PUBLISH_H

#include "log_batch.h"

/* Entries published in interrupt context at most; more go to the worker. A crowd's
 * share of the usual queue depths is less than what a process switch would cost.
 */
#define LC_PUBLISH_IRQ	32u

/* Completion of the batch in bi_private. Any context. */
void lc_batch_endio(struct bio *bio);

/* Publish and acknowledge what can be, oldest first; @done, or NULL, has just been
 * written. Any context; only with @may_sleep all of it, else log.work is told.
 */
void lc_log_complete(struct logcache *lc, struct lc_batch *done, bool may_sleep);

/* log.flush */
void lc_log_flush_work(struct work_struct *work);

#endif /* LC_LOG_PUBLISH_H */
