// SPDX-License-Identifier: GPL-2.0-only
#include "log_start.h"

#include <linux/delay.h>
#include <linux/slab.h>

#include "io.h"
#include "log_batch.h"
#include "log_crowd.h"
#include "log_publish.h"
#include "log_seg.h"
#include "log_throttle.h"
#include "segment.h"

int lc_log_init(struct logcache *lc)
{
	struct lc_log *log = &lc->log;
	unsigned int i;

	spin_lock_init(&log->lock);
	INIT_LIST_HEAD(&log->free);
	INIT_LIST_HEAD(&log->inflight);
	INIT_LIST_HEAD(&log->sealing);
	INIT_LIST_HEAD(&log->dirty);
	bio_list_init(&log->pending);
	bio_list_init(&log->fua);
	INIT_WORK(&log->work, lc_log_work);
	INIT_WORK(&log->seal, lc_log_seal_work);
	INIT_WORK(&log->flush, lc_log_flush_work);
	INIT_DELAYED_WORK(&log->delay, lc_log_delay_work);
	hrtimer_setup(&log->pace, lc_log_pace, CLOCK_MONOTONIC, HRTIMER_MODE_REL);
	hrtimer_setup(&log->lull, lc_log_lull, CLOCK_MONOTONIC, HRTIMER_MODE_REL);
	log->batch = kvcalloc(LC_LOG_BATCHES, sizeof(*log->batch), GFP_KERNEL);
	if (!log->batch)
		return -ENOMEM;
	for (i = 0; i < LC_LOG_BATCHES; i++) {
		log->batch[i].lc = lc;
		log->batch[i].data = lc_buf_alloc(LC_BATCH_BYTES);
		if (!log->batch[i].data)
			return -ENOMEM;
		list_add(&log->batch[i].list, &log->free);
	}
	return 0;
}

void lc_log_exit(struct logcache *lc)
{
	struct lc_log *log = &lc->log;
	unsigned int i;

	for (i = 0; log->batch && i < LC_LOG_BATCHES; i++)
		lc_buf_free(log->batch[i].data, LC_BATCH_BYTES);
	kvfree(log->batch);
	log->batch = NULL;
}

int lc_log_start(struct logcache *lc, u64 lsn, u32 chain)
{
	struct lc_log *log = &lc->log;
	u32 seg = lc_seg_alloc(lc, LC_SEG_LOG, 0), next;

	if (seg == LC_SEG_NONE)
		return -ENOSPC;
	next = lc_seg_alloc(lc, LC_SEG_LOG, 0);
	if (next == LC_SEG_NONE) {
		lc_seg_unalloc(lc, seg);
		return -ENOSPC;
	}
	log->next_lsn = lsn;
	log->published_lsn = lsn;
	log->durable_lsn = lsn;
	log->chain = chain;
	log->cur = lc_segbuf_get(lc, seg, LC_LRU_WRITE, lsn);
	if (WARN_ON_ONCE(!log->cur))
		return -ENOMEM;
	log->cur->next_seg = next;
	log->stopped = false;
	return 0;
}

void lc_log_hold(struct logcache *lc)
{
	WRITE_ONCE(lc->log.requeue, true);
	wake_up_all(&lc->wb.wait);
	lc_log_run(lc);
}

void lc_log_unhold(struct logcache *lc)
{
	WRITE_ONCE(lc->log.requeue, false);
	lc_log_kick(lc);
}

void lc_log_quiesce(struct logcache *lc)
{
	struct lc_log *log = &lc->log;
	bool busy;

	wait_event(lc->seg_wait, !atomic_read(&lc->plugs));
	/* Also for who has ended a reader of a miss (lc_miss_answer()). */
	synchronize_rcu();
	/* The last bio has ended, but who ended it may still be at it, in an interrupt even. */
	do {
		spin_lock_irq(&log->lock);
		busy = log->completing || !list_empty(&log->inflight);
		spin_unlock_irq(&log->lock);
		if (busy)
			fsleep(100);
	} while (busy);
	hrtimer_cancel(&log->lull);
	hrtimer_cancel(&log->pace);
	cancel_delayed_work_sync(&log->delay);
}

int lc_log_stop(struct logcache *lc)
{
	struct lc_log *log = &lc->log;
	struct lc_segbuf *cur = log->cur;

	if (!cur)
		return 0;
	log->stopped = true;
	flush_work(&log->flush);
	lc_seg_unalloc(lc, cur->next_seg);
	log->cur = NULL;
	if (cur->fill) {
		lc->segs.seg[cur->seg].end_lsn = log->next_lsn;
		cur->next_seg = LC_SEG_NONE;
		list_add_tail(&cur->list, &log->sealing);
	} else {
		lc_seg_unalloc(lc, cur->seg);
		lc_segbuf_put(lc, cur);
	}
	queue_work(lc->wq, &log->seal);
	flush_work(&log->seal);
	return list_empty(&log->sealing) ? 0 : -EIO;
}
