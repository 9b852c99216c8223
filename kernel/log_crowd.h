/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * When the open batch leaves: group commit.
 *
 * It is submitted when fewer than log_depth records are in flight, it holds its share
 * of the writes that are outstanding at a time (the crowd), and the writer has no more
 * to come (plug), so a lone write leaves at once and a crowd shares one record. How
 * large the crowd is shows when the device has nothing to do and no more writes come
 * for LC_LULL_NS: then all of it is in the open batch, which leaves as it is.
 *
 * The timer log.lull watches for that while a batch only waits for company:
 *
 *   lonely --await--> AWAITING --more writes come--> again
 *                        |`--no more come--> HURRY: it leaves, and the crowd is that large
 *                        `--unawait: it leaves for another reason
 */
#ifndef LC_LOG_CROWD_H
#define LC_LOG_CROWD_H

#include "log_batch.h"

/* May @b, the open batch or NULL, be submitted? Log lock held. */
bool lc_log_may_submit(const struct logcache *lc, const struct lc_batch *b);

/* If the open batch only waits for company, let the timer end that. Log lock held. */
void lc_log_await(struct lc_log *log);
/* The open batch leaves. Log lock held. */
void lc_log_unawait(struct lc_log *log);

/* log.lull */
enum hrtimer_restart lc_log_lull(struct hrtimer *timer);

/* Is there a batch that only waits for company? Log lock held. */
static inline bool lc_log_lonely(const struct lc_log *log)
{
	return log->open && log->open->nr && !log->nr_inflight && !log->submitting;
}

#endif /* LC_LOG_CROWD_H */
