// SPDX-License-Identifier: GPL-2.0-only
#include "through.h"

#include "fill.h"
#include "segment.h"

bool lc_through_overlaps(const struct lc_shard *sh, u64 lba, u32 len, const struct lc_bio *but)
{
	const struct lc_bio *pb;

	/* A miss reads whole blocks. */
	u64 end = round_up(lba + len, LC_BLOCK_SECTORS);

	lba = round_down(lba, LC_BLOCK_SECTORS);
	list_for_each_entry(pb, &sh->through, through) {
		if (pb != but && pb->lba < end && lba < pb->lba + pb->len)
			return true;
	}
	return false;
}

static void lc_through_register(struct logcache *lc, struct bio *bio)
{
	struct lc_bio *pb = lc_bio(bio);
	struct lc_shard *sh;
	unsigned long flags;

	pb->lba = bio->bi_iter.bi_sector;
	pb->len = bio_sectors(bio);
	pb->op = LC_OP_INVAL;
	atomic_inc(&lc->through.nr);
	sh = lc_shard_of(lc, pb->lba);
	spin_lock_irqsave(&sh->lock, flags);
	list_add(&pb->through, &sh->through);
	lc_fill_stale(sh, pb->lba, pb->len);
	spin_unlock_irqrestore(&sh->lock, flags);
}

void lc_through_unregister(struct logcache *lc, struct bio *bio)
{
	struct lc_bio *pb = lc_bio(bio);
	struct lc_shard *sh = lc_shard_of(lc, pb->lba);
	unsigned long flags;

	spin_lock_irqsave(&sh->lock, flags);
	list_del_init(&pb->through);
	spin_unlock_irqrestore(&sh->lock, flags);
	if (atomic_dec_and_test(&lc->through.nr) && wq_has_sleeper(&lc->wb.wait))
		wake_up_all(&lc->wb.wait);
}

bool lc_through_write(struct logcache *lc, struct bio *bio)
{
	lc_through_register(lc, bio);
	if (lc_log_write(lc, bio))
		return true;
	lc_through_unregister(lc, bio);
	return false;
}

void lc_through_submit(struct logcache *lc, struct bio *bio)
{
	struct lc_through *t = &lc->through;
	unsigned long flags;

	spin_lock_irqsave(&t->lock, flags);
	bio_list_add(&t->bios, bio);
	spin_unlock_irqrestore(&t->lock, flags);
	queue_work(lc->wq, &t->work);
}

static void lc_through_work(struct work_struct *work)
{
	struct logcache *lc = container_of(work, struct logcache, through.work);
	struct lc_through *t = &lc->through;
	struct bio_list bios;
	struct bio *bio;

	spin_lock_irq(&t->lock);
	bios = t->bios;
	bio_list_init(&t->bios);
	spin_unlock_irq(&t->lock);
	while ((bio = bio_list_pop(&bios))) {
		/* The cache has forgotten it, and more is not to be had. */
		if (bio_op(bio) == REQ_OP_DISCARD && !lc->origin.ops->discards(lc)) {
			bio_endio(bio);
			continue;
		}
		lc_bio(bio)->miss = lc_fill_through(lc, bio);
		lc->origin.ops->submit(lc, bio);
	}
}

void lc_through_end(struct logcache *lc, struct bio *bio, blk_status_t status)
{
	/* Failed or not: the origin may have it. Before anybody is told. */
	atomic64_inc(&lc->through_seq);
	lc_through_unregister(lc, bio);
	if (lc_bio(bio)->miss)
		lc_miss_done(lc_bio(bio)->miss, status);
}

void lc_through_init(struct logcache *lc)
{
	spin_lock_init(&lc->through.lock);
	bio_list_init(&lc->through.bios);
	INIT_WORK(&lc->through.work, lc_through_work);
}
