// SPDX-License-Identifier: GPL-2.0-only
#include "log_seg.h"

#include <linux/blkdev.h>
#include <linux/delay.h>
#include <linux/jiffies.h>

#include "segment.h"
#include "target.h"

/*
 * A segment that was opened by a start took the reserve for it. Until that is
 * there again nothing is written, or a few starts in a row would use up all.
 */
bool lc_log_may_begin(const struct logcache *lc, const struct lc_segbuf *sb)
{
	/* The segment that is to follow this one is given back when the log stops. */
	return sb->fill || READ_ONCE(lc->segs.nr_free) + 1 >= LC_SEG_RESTART;
}

/*
 * Every record names the segment the log goes on in, so that segment has to be
 * taken before the first record of this one is written.
 */
bool lc_log_next_seg(struct logcache *lc)
{
	struct lc_log *log = &lc->log;
	struct lc_segbuf *old = log->cur, *sb;
	u32 next = lc_seg_alloc(lc, LC_SEG_LOG, LC_SEG_RESTART);

	if (next == LC_SEG_NONE)
		return false;
	sb = lc_segbuf_get(lc, old->next_seg, LC_LRU_WRITE, log->next_lsn);
	if (!sb) {
		lc_seg_unalloc(lc, next);
		return false;
	}
	sb->next_seg = next;
	lc->segs.seg[old->seg].end_lsn = log->next_lsn;
	list_add_tail(&old->list, &log->sealing);
	log->cur = sb;
	/* An empty or already published segment has nobody else to say so. */
	queue_work(lc->wq, &log->seal);
	lc_evict_kick(lc);
	lc_wb_grown(lc);
	return true;
}

/*--------------------------------------------------------------------------
 * Sealing
 *--------------------------------------------------------------------------
 */

static void lc_seg_sealed(struct logcache *lc, struct lc_segbuf *sb)
{
	struct lc_log *log = &lc->log;
	struct lc_seg *s = &lc->segs.seg[sb->seg];
	unsigned long flags;

	spin_lock_irqsave(&log->lock, flags);
	list_del_init(&sb->list);
	s->state = LC_SEG_SEALED;
	list_add_tail(&s->list, &log->dirty);
	spin_unlock_irqrestore(&log->lock, flags);
	lc_segbuf_put(lc, sb);
	/* All of it may have been written back while it was open. */
	lc_log_cleaned(lc, READ_ONCE(log->clean_lsn), 0);
}

static struct lc_segbuf *lc_log_to_seal(struct logcache *lc, u64 *end_lsn)
{
	struct lc_log *log = &lc->log;
	struct lc_segbuf *sb;
	unsigned long flags;

	spin_lock_irqsave(&log->lock, flags);
	sb = list_first_entry_or_null(&log->sealing, struct lc_segbuf, list);
	if (sb) {
		*end_lsn = lc->segs.seg[sb->seg].end_lsn;
		if (log->published_lsn < *end_lsn)
			sb = NULL;
	}
	spin_unlock_irqrestore(&log->lock, flags);
	return sb;
}

/* One at a time and in log order: recovery relies on it (format.h). */
void lc_log_seal_work(struct work_struct *work)
{
	struct logcache *lc = container_of(work, struct logcache, log.seal);
	struct lc_segbuf *sb;
	u64 end_lsn;
	int r;

	while (lc->state == LC_OK && (sb = lc_log_to_seal(lc, &end_lsn))) {
		r = lc_segbuf_seal(lc, sb, end_lsn);
		if (r) {
			lc_fail(lc, "writing a segment summary failed", r);
			break;
		}
		lc_seg_sealed(lc, sb);
	}
	lc_log_kick(lc);
}

/*--------------------------------------------------------------------------
 * Positions
 *--------------------------------------------------------------------------
 */

void lc_log_durable(struct logcache *lc, u64 lsn)
{
	unsigned long flags;

	spin_lock_irqsave(&lc->log.lock, flags);
	lc->log.durable_lsn = max(lc->log.durable_lsn, lsn);
	spin_unlock_irqrestore(&lc->log.lock, flags);
}

int lc_log_flush_cache(struct logcache *lc)
{
	/* Before the flush, which need not cover what is published while it runs. */
	u64 lsn = READ_ONCE(lc->log.published_lsn);
	int r = lc->cache_volatile ? blkdev_issue_flush(lc->cache->bdev) : 0;

	if (!r)
		lc_log_durable(lc, lsn);
	return r;
}

int lc_log_settle(struct logcache *lc, u64 *lsn)
{
	struct lc_log *log = &lc->log;

	spin_lock_irq(&log->lock);
	*lsn = log->next_lsn;
	spin_unlock_irq(&log->lock);
	while (READ_ONCE(log->published_lsn) < *lsn) {
		if (lc->state != LC_OK)
			return -EIO;
		fsleep(50);
	}
	return lc_log_flush_cache(lc);
}

void lc_log_cleaned(struct logcache *lc, u64 lsn, u64 sectors)
{
	struct lc_log *log = &lc->log;
	struct lc_seg *s, *n;
	unsigned long flags;

	spin_lock_irqsave(&log->lock, flags);
	log->clean_lsn = max(log->clean_lsn, lsn);
	log->dirty_sectors -= min(log->dirty_sectors, sectors);
	if (sectors)
		log->dirty_since = get_jiffies_64();
	if (log->clean_lsn >= log->published_lsn) {
		log->dirty_sectors = 0;
		log->dirty_since = 0;
	}
	list_for_each_entry_safe(s, n, &log->dirty, list) {
		if (s->end_lsn > log->clean_lsn)
			break;
		list_del_init(&s->list);
		lc_seg_uncount(lc, s);
		spin_lock(&lc->segs.lock);
		lc->segs.nr_dirty--;
		spin_unlock(&lc->segs.lock);
		spin_lock(&lc->lru_lock);
		lc_lru_clean(lc->lru, lc_seg_no(lc, s));
		spin_unlock(&lc->lru_lock);
	}
	spin_unlock_irqrestore(&log->lock, flags);
}

void lc_log_copied(struct logcache *lc, struct lc_seg *s, u64 sectors, u64 floor)
{
	struct lc_log *log = &lc->log;
	unsigned long flags;

	spin_lock_irqsave(&log->lock, flags);
	log->begin_lsn = s->end_lsn;
	log->floor_lsn = max(log->floor_lsn, floor);
	log->dirty_sectors -= min(log->dirty_sectors, sectors);
	list_del_init(&s->list);
	lc_seg_uncount(lc, s);
	spin_lock(&lc->segs.lock);
	lc->segs.nr_dirty--;
	spin_unlock(&lc->segs.lock);
	spin_unlock_irqrestore(&log->lock, flags);
}

void lc_log_raise_floor(struct logcache *lc, u64 lsn)
{
	unsigned long flags;

	spin_lock_irqsave(&lc->log.lock, flags);
	lc->log.floor_lsn = max(lc->log.floor_lsn, lsn);
	spin_unlock_irqrestore(&lc->log.lock, flags);
}

u64 lc_log_begin(const struct lc_log *log)
{
	return max(READ_ONCE(log->clean_lsn), READ_ONCE(log->begin_lsn));
}

u64 lc_log_floor(const struct lc_log *log)
{
	return READ_ONCE(log->clean_lsn) < READ_ONCE(log->floor_lsn) &&
	       !lc_planted(LC_PLANT_NO_FLOOR) ? READ_ONCE(log->floor_lsn) : 0;
}

void lc_log_position(struct logcache *lc, struct lc_ckpt_info *ck)
{
	struct lc_log *log = &lc->log;
	struct lc_segbuf *sb;

	spin_lock_irq(&log->lock);
	ck->clean_lsn = log->clean_lsn;
	ck->begin_lsn = log->begin_lsn;
	ck->floor_lsn = log->floor_lsn;
	sb = list_first_entry_or_null(&log->sealing, struct lc_segbuf, list) ?: log->cur;
	if (sb) {
		ck->log_seg = sb->seg;
		ck->log_seq = sb->seq;
		ck->log_lsn = sb->first_lsn;
		/* Nothing in it yet and nothing unsealed before it: the chain stands still. */
		ck->log_chain = sb->fill ? sb->chain_at_start : log->chain;
	} else {
		ck->log_seg = LC_SEG_NONE;
		ck->log_lsn = log->next_lsn;
		ck->log_chain = log->chain;
	}
	spin_unlock_irq(&log->lock);
}
