// SPDX-License-Identifier: GPL-2.0-only
#include "mode.h"

#include <linux/blkdev.h>

#include "log_start.h"
#include "logcache.h"
#include "map.h"
#include "segment.h"
#include "target.h"

/* Less than this left to write back is worth holding writers for, in sectors. */
#define LC_GATE_SECTORS	8192u
/* Longer than this the last unit does not take, unless the origin is gone. */
#define LC_GATE_TIME	HZ

static bool lc_mode_direct(const struct logcache *lc)
{
	return lc->args.mode != LC_MODE_WRITEBACK || !lc->args.write_cache;
}

const char *lc_mode_name(const struct logcache *lc)
{
	static const char * const names[] = {
		[LC_MODE_WRITEBACK] = "writeback",
		[LC_MODE_WRITETHROUGH] = "writethrough",
		[LC_MODE_WRITEAROUND] = "writearound",
		[LC_MODE_PASSTHROUGH] = "passthrough",
	};

	return names[lc->args.mode];
}

/* Log lock held. Writes that waited go the new way: they are mapped again. */
static void lc_gate_open(struct logcache *lc, struct bio_list *again)
{
	lc->log.gated = false;
	bio_list_merge(again, &lc->log.pending);
	bio_list_init(&lc->log.pending);
}

static void lc_mode_enter(struct logcache *lc, bool direct)
{
	struct lc_log *log = &lc->log;
	struct bio_list again = BIO_EMPTY_LIST;
	struct bio *bio;

	spin_lock_irq(&log->lock);
	log->direct = direct;
	lc_gate_open(lc, &again);
	spin_unlock_irq(&log->lock);
	while ((bio = bio_list_pop(&again)))
		lc_map_write_again(lc, bio);
	lc_log_kick(lc);
}

/* Log lock held. Has the gate been closed for long, and nothing come of it? */
static bool lc_gate_stuck(struct logcache *lc)
{
	struct lc_mode_switch *mode = &lc->mode;
	u64 clean = lc->log.clean_lsn;

	if (mode->gated_at != clean) {
		mode->gated_at = clean;
		mode->gated_since = jiffies;
		return false;
	}
	return time_after_eq(jiffies, mode->gated_since + LC_GATE_TIME);
}

/*
 * One step per run; the writeback runs it again after each unit. Never waits,
 * so a dead origin leaves the old way in force and nothing stuck.
 */
static void lc_mode_work(struct work_struct *work)
{
	struct logcache *lc = container_of(to_delayed_work(work), struct logcache, mode.work);
	struct lc_log *log = &lc->log;
	bool want = lc_mode_direct(lc), clean, gate, was;

	if (!lc->loaded)
		return;
	if (want == READ_ONCE(log->direct)) {
		lc->wb.drain = false;
		if (READ_ONCE(log->gated))
			lc_mode_enter(lc, want);
		return;
	}
	if (!want) {
		lc->wb.drain = false;
		lc_mode_enter(lc, false);
		return;
	}
	if (!lc->wb.drain)
		lc->mode.gated_at = U64_MAX;
	lc->wb.drain = true;
	spin_lock_irq(&log->lock);
	was = log->gated;
	gate = log->dirty_sectors < LC_GATE_SECTORS && !lc->wb.errors && !lc_gate_stuck(lc);
	log->gated = gate;
	clean = gate && !log->open && list_empty(&log->inflight) &&
		log->clean_lsn == log->next_lsn;
	spin_unlock_irq(&log->lock);
	if (clean) {
		lc->wb.drain = false;
		lc_mode_enter(lc, true);
		return;
	}
	if (was && !gate)
		lc_log_kick(lc);
	if (gate)
		queue_delayed_work(lc->bg, &lc->mode.work, LC_GATE_TIME);
	lc_wb_kick(lc);
}

void lc_mode_update(struct logcache *lc)
{
	mod_delayed_work(lc->bg, &lc->mode.work, 0);
}

void lc_mode_stop(struct logcache *lc)
{
	cancel_delayed_work_sync(&lc->mode.work);
}

/*--------------------------------------------------------------------------
 * Flushes of the origin
 *--------------------------------------------------------------------------
 */

bool lc_origin_unflushed(const struct logcache *lc)
{
	return atomic64_read(&lc->through_seq) != READ_ONCE(lc->through_flushed);
}

int lc_origin_flush(struct logcache *lc)
{
	u64 seq = atomic64_read(&lc->through_seq);
	int r = lc->origin.ops->flush(lc);

	/* Two at a time may leave the smaller number: that costs a flush, no more. */
	if (!r)
		WRITE_ONCE(lc->through_flushed, seq);
	return r;
}

bool lc_flush_needs_origin(const struct logcache *lc)
{
	return lc->args.sync == LC_SYNC_ORIGIN || lc_mode_direct(lc) ||
	       READ_ONCE(lc->log.direct) || lc_origin_unflushed(lc);
}

static bool lc_sync_waits(struct logcache *lc, u64 lsn)
{
	return READ_ONCE(lc->log.clean_lsn) < lsn && !lc->wb.stop && !lc_log_requeues(lc);
}

static int lc_sync_origin(struct logcache *lc)
{
	unsigned long hold = msecs_to_jiffies(lc->args.hold_ms);
	u64 lsn = READ_ONCE(lc->log.published_lsn);
	int r;

	/*
	 * What is in the log has to be written back for sync=origin, and on the way to
	 * a direct mode. In one, only INVALs lie between.
	 */
	if (!READ_ONCE(lc->log.direct) &&
	    (lc->args.sync == LC_SYNC_ORIGIN || lc_mode_direct(lc)) && lc_sync_waits(lc, lsn)) {
		lc_wb_flush(lc);
		if (!wait_event_idle_timeout(lc->wb.wait, !lc_sync_waits(lc, lsn),
					     hold ?: MAX_SCHEDULE_TIMEOUT))
			return -ETIMEDOUT;
		if (READ_ONCE(lc->log.clean_lsn) < lsn)
			return -EAGAIN;
	}
	r = lc_origin_flush(lc);
	if (!r && lc->cache_volatile)
		r = blkdev_issue_flush(lc->cache->bdev);
	return r;
}

static void lc_sync_work(struct work_struct *work)
{
	struct logcache *lc = container_of(work, struct logcache, syncs.work);
	struct bio_list bios;
	blk_status_t status;
	struct bio *bio;
	int r;

	spin_lock_irq(&lc->syncs.lock);
	bios = lc->syncs.bios;
	bio_list_init(&lc->syncs.bios);
	spin_unlock_irq(&lc->syncs.lock);
	if (bio_list_empty(&bios))
		return;
	r = lc_sync_origin(lc);
	status = r == -EAGAIN ? BLK_STS_DM_REQUEUE : errno_to_blk_status(r);
	while ((bio = bio_list_pop(&bios))) {
		bio->bi_status = status;
		bio_endio(bio);
	}
}

void lc_sync_add(struct logcache *lc, struct bio *bio)
{
	unsigned long flags;

	spin_lock_irqsave(&lc->syncs.lock, flags);
	bio_list_add(&lc->syncs.bios, bio);
	spin_unlock_irqrestore(&lc->syncs.lock, flags);
	queue_work(lc->syncs_wq, &lc->syncs.work);
}

void lc_mode_init(struct logcache *lc)
{
	INIT_DELAYED_WORK(&lc->mode.work, lc_mode_work);
	INIT_WORK(&lc->syncs.work, lc_sync_work);
	spin_lock_init(&lc->syncs.lock);
	bio_list_init(&lc->syncs.bios);
}
