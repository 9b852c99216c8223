// SPDX-License-Identifier: GPL-2.0-only
#include "log.h"

#include <linux/blkdev.h>
#include <linux/delay.h>
#include <linux/jiffies.h>
#include <linux/slab.h>

#include "fill.h"
#include "io.h"
#include "log_batch.h"
#include "log_copy.h"
#include "log_crowd.h"
#include "log_publish.h"
#include "log_seg.h"
#include "log_throttle.h"
#include "segment.h"
#include "target.h"
#include "through.h"

/* Log lock held, dropped in between. True if it got a batch on its way. */
static bool lc_log_submit(struct logcache *lc, unsigned long *flags)
	__must_hold(&lc->log.lock)
{
	struct lc_log *log = &lc->log;
	struct lc_batch *b = log->open;

	if (!lc_log_may_submit(lc, b))
		return false;
	lc_log_unawait(log);
	log->open = NULL;
	log->uncounted++;
	lc_log_slow(lc, 1 + lc_batch_blocks(b));
	lc_log_send(lc, b, flags);
	return true;
}

/* Log lock held, dropped in between. True if a pending bio found its place. */
static bool lc_log_take_pending(struct logcache *lc, unsigned long *flags)
	__must_hold(&lc->log.lock)
{
	struct lc_log *log = &lc->log;
	struct bio *bio = bio_list_peek(&log->pending);
	struct lc_batch *b;
	unsigned int pos;

	if (!bio)
		return false;
	b = lc_log_reserve(lc, bio, &pos);
	if (!b)
		return false;
	bio_list_add(&b->bios, bio_list_pop(&log->pending));
	spin_unlock_irqrestore(&log->lock, *flags);
	if (lc_bio_payload(bio))
		lc_bio_copy(lc_batch_sector(b, pos), bio);
	spin_lock_irqsave(&log->lock, *flags);
	b->copying--;
	return true;
}

/* An interrupted suspend is over for device-mapper before we are told. */
bool lc_log_requeues(const struct logcache *lc)
{
	return READ_ONCE(lc->log.requeue) && dm_noflush_suspending(lc->ti);
}

void lc_log_run(struct logcache *lc)
{
	struct lc_log *log = &lc->log;
	struct bio_list back = BIO_EMPTY_LIST;
	unsigned long flags;
	struct bio *bio;

	spin_lock_irqsave(&log->lock, flags);
	while (lc_log_take_pending(lc, &flags) || lc_log_submit(lc, &flags) ||
	       lc_log_submit_copy(lc, &flags))
		;
	if (unlikely(lc_log_requeues(lc) || lc->state != LC_OK)) {
		bio_list_merge(&back, &log->pending);
		bio_list_init(&log->pending);
	}
	lc_log_note_held(lc);
	lc_log_await(log);
	spin_unlock_irqrestore(&log->lock, flags);
	while ((bio = bio_list_pop(&back)))
		lc_bio_end(bio, lc->state != LC_OK ? BLK_STS_IOERR : BLK_STS_DM_REQUEUE);
}

static void lc_log_work(struct work_struct *work)
{
	struct logcache *lc = container_of(work, struct logcache, log.work);

	/* The device first: it can work while the index and the writers are told. */
	lc_log_run(lc);
	lc_log_complete(lc, NULL, true);
	lc_log_run(lc);
}

/*--------------------------------------------------------------------------
 * The way in
 *--------------------------------------------------------------------------
 */

struct lc_plug {
	struct blk_plug_cb cb;
	bool counted;
};

static void lc_log_unplug(struct blk_plug_cb *cb, bool from_schedule)
{
	struct logcache *lc = cb->data;

	kfree(container_of(cb, struct lc_plug, cb));
	if (from_schedule)
		queue_work(lc->wq, &lc->log.work);
	else
		lc_log_run(lc);
	/* Whoever waits frees us next, but not before the end of this section. */
	rcu_read_lock();
	if (atomic_dec_and_test(&lc->plugs))
		wake_up_all(&lc->seg_wait);
	rcu_read_unlock();
}

/*
 * Whoever plugs has more to come: one record for all of it. Map context, in which
 * suspend waits for us, or the volume could go away before the callback is counted.
 */
static bool lc_log_plug(struct logcache *lc)
{
	struct blk_plug_cb *cb;
	struct lc_plug *plug;

	if (!current->plug)
		return false;
	cb = blk_check_plugged(lc_log_unplug, lc, sizeof(struct lc_plug));
	if (!cb)
		return false;
	plug = container_of(cb, struct lc_plug, cb);
	if (!plug->counted) {
		plug->counted = true;
		atomic_inc(&lc->plugs);
	}
	return true;
}

u32 lc_log_write_max(const struct logcache *lc)
{
	return min(LC_RECORD_BLOCKS_MAX, lc->geo.seg_blocks - 1) * LC_BLOCK_SECTORS;
}

bool lc_log_write(struct logcache *lc, struct bio *bio)
{
	struct lc_log *log = &lc->log;
	struct lc_batch *b = NULL;
	bool taken, ready, run = true;
	unsigned long flags;
	unsigned int pos;

	if (unlikely(lc->state != LC_OK)) {
		lc_bio_end(bio, BLK_STS_IOERR);
		return true;
	}
	spin_lock_irqsave(&log->lock, flags);
	taken = log->direct == (lc_bio(bio)->op == LC_OP_INVAL);
	if (taken) {
		if (bio_list_empty(&log->pending))
			b = lc_log_reserve(lc, bio, &pos);
		bio_list_add(b ? &b->bios : &log->pending, bio);
	}
	spin_unlock_irqrestore(&log->lock, flags);
	if (!taken)
		return false;

	if (b) {
		if (lc_bio_payload(bio))
			lc_bio_copy(lc_batch_sector(b, pos), bio);
		spin_lock_irqsave(&log->lock, flags);
		b->copying--;
		ready = lc_log_may_submit(lc, b);
		run = ready || (!log->awaiting && lc_log_lonely(log));
		spin_unlock_irqrestore(&log->lock, flags);
		if (ready)
			run = !lc_log_plug(lc);
	}
	if (run)
		lc_log_run(lc);
	return true;
}

void lc_log_kick(struct logcache *lc)
{
	queue_work(lc->wq, &lc->log.work);
}

/*--------------------------------------------------------------------------
 * Start and stop
 *--------------------------------------------------------------------------
 */

void lc_log_quiesce(struct logcache *lc)
{
	struct lc_log *log = &lc->log;
	bool busy;

	wait_event(lc->seg_wait, !atomic_read(&lc->plugs));
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

void lc_log_unhold(struct logcache *lc)
{
	WRITE_ONCE(lc->log.requeue, false);
	lc_log_kick(lc);
}

void lc_log_hold(struct logcache *lc)
{
	WRITE_ONCE(lc->log.requeue, true);
	wake_up_all(&lc->wb.wait);
	lc_log_run(lc);
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
