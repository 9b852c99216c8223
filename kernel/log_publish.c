// SPDX-License-Identifier: GPL-2.0-only
#include "log_publish.h"

#include <linux/blkdev.h>
#include <linux/jiffies.h>

#include "fill.h"
#include "log_crowd.h"
#include "log_seg.h"
#include "segment.h"
#include "target.h"
#include "through.h"

/*--------------------------------------------------------------------------
 * Into the index
 *--------------------------------------------------------------------------
 */

static void lc_ent_extent(const struct lc_batch *b, const struct lc_batch_ent *ent,
			  struct lc_extent *e)
{
	e->key = lc_key(ent->lba);
	e->len = ent->len;
	e->loc = lc_geo_loc(&b->lc->geo, b->sb->seg, 0);
	e->kind = LC_EXT_ZERO;
	if (ent->op == LC_OP_WRITE) {
		e->kind = LC_EXT_DATA;
		e->loc += (b->at + 1) * LC_BLOCK_SECTORS + ent->pos;
	}
}

struct lc_publish {
	struct logcache *lc;
	const struct lc_extent *e;	/* what takes the place */
	bool copy;			/* by the cleaner: nobody has used it */
};

/* A piece is replaced: what its blocks earned with the policy goes to the new ones. */
static void lc_publish_drop(void *data, const struct lc_extent *old)
{
	const struct lc_publish *p = data;
	u64 from, to;

	if (old->kind != LC_EXT_DATA || p->e->kind != LC_EXT_DATA)
		goto drop;
	from = round_up(old->loc, LC_BLOCK_SECTORS);
	to = p->e->loc + (old->key - p->e->key) + (from - old->loc);
	for (; from + LC_BLOCK_SECTORS <= old->loc + old->len; from += LC_BLOCK_SECTORS) {
		if (p->copy)
			lc_lru_carry(p->lc->lru, lc_block_at(from), lc_block_at(to));
		else
			lc_lru_rewrite(p->lc->lru, lc_block_at(from), lc_block_at(to));
		to += LC_BLOCK_SECTORS;
	}
drop:
	lc_seg_drop(p->lc, old);
}

/* What the policy and the segment want to know of new data; before it can be hit. */
static void lc_publish_account(struct logcache *lc, const struct lc_extent *e)
{
	u64 block, end = (e->loc + e->len) / LC_BLOCK_SECTORS;

	lc_seg_live_add(lc, lc_seg_at(lc, e->loc), e->len);
	for (block = lc_block_at(e->loc); block < end; block++)
		lc_lru_add(lc->lru, block);
}

/* Shard lock held, nodes are there. */
static void lc_publish_locked(struct logcache *lc, struct lc_shard *sh, const struct lc_extent *e,
			      u8 op, bool copy)
{
	struct lc_publish p = { .lc = lc, .e = e, .copy = copy };
	int r;

	if (op == LC_OP_WRITE)
		lc_publish_account(lc, e);
	if (op == LC_OP_INVAL)
		r = lc_index_remove(&sh->index, e->key, e->len, lc_seg_drop, lc);
	else
		r = lc_index_insert(&sh->index, e, lc_publish_drop, &p);
	WARN_ON_ONCE(r);
}

/* False: no nodes, and not allowed to wait for them. */
static bool lc_publish_one(struct lc_batch *b, const struct lc_batch_ent *ent, bool may_sleep)
{
	struct logcache *lc = b->lc;
	struct lc_shard *sh = lc_shard_of(lc, ent->lba);
	struct lc_extent e;
	unsigned long flags;

	lc_ent_extent(b, ent, &e);
	spin_lock_irqsave(&sh->lock, flags);
	while (!lc_shard_topup(lc, sh)) {
		spin_unlock_irqrestore(&sh->lock, flags);
		if (!may_sleep)
			return false;
		lc_shard_topup_wait(lc, sh);
		spin_lock_irqsave(&sh->lock, flags);
	}
	if (!list_empty(&sh->misses))
		lc_fill_stale(sh, ent->lba, ent->len);
	lc_publish_locked(lc, sh, &e, ent->op, b->copied);
	spin_unlock_irqrestore(&sh->lock, flags);
	return true;
}

/* Goes on where it stopped. False: has to go on in a context that may sleep. */
static bool lc_batch_publish(struct lc_batch *b, bool may_sleep)
{
	for (; b->published < b->nr; b->published++) {
		if (!lc_publish_one(b, &b->ent[b->published], may_sleep))
			return false;
	}
	return true;
}

/*--------------------------------------------------------------------------
 * Acknowledged
 *--------------------------------------------------------------------------
 */

/* It is in the log, and durable if it has to be: what comes next? */
static void lc_bio_advance(struct logcache *lc, struct bio *bio)
{
	if (lc_bio(bio)->op == LC_OP_INVAL)
		lc_through_submit(lc, bio);
	else if (unlikely(bio->bi_opf & REQ_FUA) && lc->args.sync == LC_SYNC_ORIGIN)
		lc_sync_add(lc, bio);
	else
		lc_bio_end(bio, BLK_STS_OK);
}

/* Does the SSD have to be flushed before @bio goes on? An INVAL always: the
 * copy it kills must not come back when the origin is newer.
 */
static bool lc_bio_durable(struct logcache *lc, struct bio *bio)
{
	return lc->cache_volatile && !lc_planted(LC_PLANT_NO_FLUSH) &&
	       ((bio->bi_opf & REQ_FUA) || lc_bio(bio)->op == LC_OP_INVAL);
}

/* Acknowledge, or hand on to what has to happen first. */
static void lc_batch_ack(struct lc_batch *b)
{
	struct logcache *lc = b->lc;
	bool flush = false;
	unsigned long flags;
	struct bio *bio;

	while ((bio = bio_list_pop(&b->bios))) {
		if (b->status) {
			lc_bio_end(bio, b->status);
		} else if (lc_bio_durable(lc, bio)) {
			spin_lock_irqsave(&lc->log.lock, flags);
			bio_list_add(&lc->log.fua, bio);
			spin_unlock_irqrestore(&lc->log.lock, flags);
			flush = true;
		} else {
			lc_bio_advance(lc, bio);
		}
	}
	if (flush)
		queue_work(lc->wq, &lc->log.flush);
}

/* Every FUA write here is published, so it and all before it have completed. */
void lc_log_flush_work(struct work_struct *work)
{
	struct logcache *lc = container_of(work, struct logcache, log.flush);
	struct bio_list bios = BIO_EMPTY_LIST;
	struct bio *bio;
	int r;

	spin_lock_irq(&lc->log.lock);
	bio_list_merge(&bios, &lc->log.fua);
	bio_list_init(&lc->log.fua);
	spin_unlock_irq(&lc->log.lock);
	if (bio_list_empty(&bios))
		return;
	r = lc_log_flush_cache(lc);
	while ((bio = bio_list_pop(&bios))) {
		if (r)
			lc_bio_end(bio, errno_to_blk_status(r));
		else
			lc_bio_advance(lc, bio);
	}
}

/*--------------------------------------------------------------------------
 * In log order
 *--------------------------------------------------------------------------
 */

/* Log lock held. The oldest batch is done with: what follows from that. */
static void lc_log_retire(struct logcache *lc, struct lc_batch *b)
{
	struct lc_log *log = &lc->log;
	struct lc_segbuf *first = list_first_entry_or_null(&log->sealing, struct lc_segbuf, list);

	if (!b->status) {
		/* Readers of published_lsn look at what publishing has changed. */
		smp_store_release(&log->published_lsn, b->lsn + b->nr);
		if (!lc->cache_volatile)
			log->durable_lsn = log->published_lsn;
		log->dirty_sectors += b->dirty;
		if (!log->dirty_since) {
			log->dirty_since = get_jiffies_64();
			lc_wb_arm(lc);
		}
	}
	list_del_init(&b->list);
	if (!b->copied)
		log->outstanding -= b->nr;
	if (first && log->published_lsn >= lc->segs.seg[first->seg].end_lsn)
		queue_work(lc->wq, &log->seal);
}

static void lc_batch_failed(struct lc_batch *b)
{
	if (b->status)
		lc_fail(b->lc, "a log write failed", blk_status_to_errno(b->status));
	/* The chain is broken: nothing behind the hole could be recovered. */
	b->status = BLK_STS_IOERR;
}

/* Log lock held. Bring the oldest batch to its end if it is done; false if it is not
 * or, with *@punt, if that takes a context that may sleep.
 */
static bool lc_log_finish(struct logcache *lc, bool may_sleep, bool *punt, unsigned long *flags)
	__must_hold(&lc->log.lock)
{
	struct lc_log *log = &lc->log;
	struct lc_batch *b = list_first_entry_or_null(&log->inflight, struct lc_batch, list);
	bool published = true;

	if (!b || !b->done)
		return false;
	if (!may_sleep && (b->nr > LC_PUBLISH_IRQ || b->wide)) {
		*punt = true;
		return false;
	}
	spin_unlock_irqrestore(&log->lock, *flags);
	if (b->status || lc->state != LC_OK)
		lc_batch_failed(b);
	else
		published = lc_batch_publish(b, may_sleep);
	spin_lock_irqsave(&log->lock, *flags);
	if (!published) {
		*punt = true;
		return false;
	}
	lc_log_retire(lc, b);
	spin_unlock_irqrestore(&log->lock, *flags);
	lc_batch_ack(b);
	spin_lock_irqsave(&log->lock, *flags);
	if (b->copied)
		complete(b->copied);
	else
		list_add(&b->list, &log->free);
	return true;
}

/*
 * Whoever finds the oldest batch done publishes it; a context that comes
 * meanwhile leaves its own to him. That keeps the order without a queue.
 */
void lc_log_complete(struct logcache *lc, struct lc_batch *done, bool may_sleep)
{
	struct lc_log *log = &lc->log;
	bool punt = false;
	unsigned long flags;

	spin_lock_irqsave(&log->lock, flags);
	/* Not before the lock is held: once it is done anybody may bring it to its end. */
	if (done) {
		done->done = true;
		log->nr_inflight--;
	}
	if (!log->completing) {
		log->completing = true;
		while (lc_log_finish(lc, may_sleep, &punt, &flags))
			;
		log->completing = false;
		punt |= lc_log_may_submit(lc, log->open) || !bio_list_empty(&log->pending) ||
			log->copy;
		if (!punt)
			lc_log_await(log);
	}
	if (punt && !may_sleep)
		queue_work(lc->wq, &log->work);
	spin_unlock_irqrestore(&log->lock, flags);
}

void lc_batch_endio(struct bio *bio)
{
	struct lc_batch *b = bio->bi_private;

	b->status = bio->bi_status;
	lc_log_complete(b->lc, b, false);
}
