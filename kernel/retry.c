// SPDX-License-Identifier: GPL-2.0-only
#include "retry.h"

#include "segment.h"
#include "target.h"
#include "verify.h"

/* As it came, but that it waits and is not polled for. */
static void lc_retry_restore(struct bio *bio)
{
	bio->bi_iter = lc_bio(bio)->iter;
	bio->bi_status = BLK_STS_OK;
	bio->bi_opf &= ~(REQ_NOWAIT | REQ_POLLED);
	WRITE_ONCE(bio->bi_cookie, BLK_QC_T_NONE);
	/* 0, if a device below has split it. */
	atomic_set(&bio->__bi_remaining, 1);
}

/* The origin may have the same. */
static void lc_retry_origin(struct work_struct *work)
{
	struct lc_bio *pb = container_of(work, struct lc_bio, work);
	struct bio *bio = dm_bio_from_per_bio_data(pb, sizeof(*pb));
	struct logcache *lc = pb->lc;
	u64 lba = pb->iter.bi_sector;

	if (!lc_on_origin(lc, pb->lba, pb->iter.bi_size >> LC_SECTOR_SHIFT, true)) {
		bio_endio(bio);
		return;
	}
	lc_retry_restore(bio);
	lc_stat_inc(lc, READ_BYPASS);
	lc_forget(lc, lc_shard_of(lc, lba), lba, bio_sectors(bio), pb->lba, LC_EXT_DATA);
	lc->origin.ops->submit(lc, bio);
}

/* One thread waits for the SSD, whatever their number. */
static void lc_retry_work(struct work_struct *work)
{
	struct logcache *lc = container_of(work, struct logcache, retries.work);
	struct bio_list bios;
	struct bio *bio;

	spin_lock_irq(&lc->retries.lock);
	bios = lc->retries.bios;
	bio_list_init(&lc->retries.bios);
	spin_unlock_irq(&lc->retries.lock);
	while ((bio = bio_list_pop(&bios))) {
		lc_retry_restore(bio);
		/* The device is the same; what belongs to its control group went as it ended. */
		bio_set_dev(bio, lc->cache->bdev);
		bio->bi_iter.bi_sector = lc_geo_sector(&lc->geo, lc_bio(bio)->lba);
		submit_bio_noacct(bio);
	}
}

static void lc_retry_later(struct logcache *lc, struct bio *bio)
{
	unsigned long flags;

	spin_lock_irqsave(&lc->retries.lock, flags);
	bio_list_add(&lc->retries.bios, bio);
	spin_unlock_irqrestore(&lc->retries.lock, flags);
	queue_work(lc->wq, &lc->retries.work);
}

/*
 * That it would have to wait is not passed on: the bio may be one piece of several, of
 * which others are under way, and io_uring can repeat only what fails at once. Its user
 * would get the error. (Device-mapper itself may still say so, of a later piece for which
 * it has no memory.)
 */
bool lc_retry(struct logcache *lc, struct bio *bio, blk_status_t error)
{
	struct lc_bio *pb = lc_bio(bio);

	if (!pb->seg || pb->retried)
		return false;
	if (error == BLK_STS_AGAIN && (bio->bi_opf & REQ_NOWAIT)) {
		lc_retry_later(lc, bio);
		return true;
	}
	pb->retried = true;
	pb->lc = lc;
	INIT_WORK(&pb->work, lc_retry_origin);
	queue_work(lc->wq, &pb->work);
	return true;
}

void lc_retry_init(struct logcache *lc)
{
	spin_lock_init(&lc->retries.lock);
	bio_list_init(&lc->retries.bios);
	INIT_WORK(&lc->retries.work, lc_retry_work);
}
