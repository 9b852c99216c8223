// SPDX-License-Identifier: GPL-2.0-only
#include "log.h"

#include <linux/blkdev.h>
#include <linux/slab.h>

#include "log_batch.h"
#include "log_copy.h"
#include "log_crowd.h"
#include "log_publish.h"
#include "log_start.h"
#include "log_throttle.h"

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

/*--------------------------------------------------------------------------
 * What can move moves
 *--------------------------------------------------------------------------
 */

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

void lc_log_work(struct work_struct *work)
{
	struct logcache *lc = container_of(work, struct logcache, log.work);

	/* The device first: it can work while the index and the writers are told. */
	lc_log_run(lc);
	lc_log_complete(lc, NULL, true);
	lc_log_run(lc);
}

void lc_log_kick(struct logcache *lc)
{
	queue_work(lc->wq, &lc->log.work);
}
