// SPDX-License-Identifier: GPL-2.0-only
#include "log_crowd.h"

#include <linux/hrtimer.h>

#include "log_publish.h"

/* A batch this large gains nothing from waiting for company. */
#define LC_BATCH_LARGE	(LC_RECORD_BLOCKS_MAX / 2)
/* With a crowd expected and the device idle, how long after the last write the next one
 * may come: half of what the write of a fast SSD takes.
 */
#define LC_LULL_NS	(50 * NSEC_PER_USEC)
/* So many of them if the processor is busy. */
#define LC_LULLS	4u
/* How often the crowd is counted: a lull in so many records is not noticed. */
#define LC_COUNT_RECORDS	256u

bool lc_log_may_submit(const struct logcache *lc, const struct lc_batch *b)
{
	const struct lc_log *log = &lc->log;

	if (!b || !b->nr || b->copying || log->submitting)
		return false;
	if (b->sectors >= LC_BATCH_LARGE * LC_BLOCK_SECTORS)
		return log->nr_inflight < LC_LOG_DEPTH_MAX;
	if (log->nr_inflight >= lc->args.log_depth)
		return false;
	/* It is full. */
	if (!bio_list_empty(&log->pending))
		return true;
	/* The writers are quick, or the crowd would be outstanding: let it gather once. */
	if (log->crowd > 2 && log->uncounted >= LC_COUNT_RECORDS)
		return log->hurry;
	/*
	 * A record costs as much as several entries, and many writers in a closed
	 * loop would keep them small for ever. Half of the crowd can keep the
	 * device busy while the other half gathers, or both are in flight. More
	 * than fits an interrupt would only make it late.
	 */
	return b->nr * 2 >= log->crowd || b->nr >= LC_PUBLISH_IRQ || log->hurry;
}

/* Log lock held. Grows with each write that comes or is acknowledged. */
static u64 lc_log_activity(const struct lc_log *log)
{
	return log->published_lsn + log->next_lsn + log->open->nr;
}

void lc_log_await(struct lc_log *log)
{
	if (log->awaiting || !lc_log_lonely(log))
		return;
	log->awaiting = true;
	log->seen = lc_log_activity(log);
	log->lulls = 1;
	hrtimer_start(&log->lull, ns_to_ktime(LC_LULL_NS), HRTIMER_MODE_REL);
}

/* Log lock held. If the callback runs already, it finds out. */
void lc_log_unawait(struct lc_log *log)
{
	log->hurry = false;
	if (!log->awaiting)
		return;
	log->awaiting = false;
	hrtimer_try_to_cancel(&log->lull);
}

/* As long as writes come, more may come. */
enum hrtimer_restart lc_log_lull(struct hrtimer *timer)
{
	struct logcache *lc = container_of(timer, struct logcache, log.lull);
	struct lc_log *log = &lc->log;
	unsigned long flags;
	bool again = false;

	spin_lock_irqsave(&log->lock, flags);
	/* Somebody was faster, and has begun to wait anew. */
	if (hrtimer_is_queued(timer)) {
		spin_unlock_irqrestore(&log->lock, flags);
		return HRTIMER_NORESTART;
	}
	if (log->awaiting && lc_log_lonely(log)) {
		if (log->seen != lc_log_activity(log))
			log->lulls = 0;
		log->seen = lc_log_activity(log);
		/* Where something else runs, the crowd may be there and wait for the processor. */
		again = !log->lulls || (log->lulls < LC_LULLS && !is_idle_task(current));
		log->lulls++;
	}
	if (again) {
		hrtimer_forward_now(timer, ns_to_ktime(LC_LULL_NS));
	} else if (log->awaiting) {
		log->awaiting = false;
		log->hurry = true;
		/* Or it is there and has no processor: do not believe it at once. */
		log->crowd -= DIV_ROUND_UP(log->crowd - log->outstanding, 4);
		log->uncounted = 0;
		queue_work(lc->wq, &log->work);
	}
	spin_unlock_irqrestore(&log->lock, flags);
	return again ? HRTIMER_RESTART : HRTIMER_NORESTART;
}
