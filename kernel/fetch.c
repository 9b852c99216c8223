// SPDX-License-Identifier: GPL-2.0-only
/* Reads of a volume whose origin is a helper; the states are in helper.h. */
#include <linux/blkdev.h>
#include <linux/highmem.h>
#include <linux/jiffies.h>
#include <linux/slab.h>

#include "helper.h"
#include "log_start.h"
#include "logcache.h"
#include "target.h"
#include "uapi/linux/logcache.h"

/* Data that does not fit its checksums is asked for so often. */
#define LC_FETCH_TRIES		3u
/* The helper cannot at the moment. */
#define LC_FETCH_PAUSE		HZ

static struct lc_upcall *lc_up(const struct logcache *lc)
{
	return lc->origin.helper->up;
}

static struct lc_fetches *lc_fetches(const struct logcache *lc)
{
	return &lc->origin.helper->fetches;
}

/*--------------------------------------------------------------------------
 * Slots; under the queue's lock
 *--------------------------------------------------------------------------
 */

/* In turn: whoever is late with a write to one finds it unused for longest. */
static struct lc_fetch *lc_slot_free(struct lc_fetches *fs)
{
	struct lc_fetch *f;
	unsigned int i;

	if (fs->busy == LC_FETCHES)
		return NULL;
	for (i = 0; i < LC_FETCHES; i++) {
		f = &fs->slot[fs->next++ % LC_FETCHES];
		if (!f->m)
			return f;
	}
	return NULL;
}

static void lc_slot_start(struct logcache *lc, struct lc_fetch *f, struct lc_miss *m)
{
	lc_fetches(lc)->busy++;
	f->m = m;
	f->tries = 0;
	f->again = 0;
	f->checking = false;
	f->zero = false;
	lc_item_submit(lc_up(lc), &f->item);
}

/* Who waits for one may have it now. */
static void lc_slots_go(struct logcache *lc)
{
	struct lc_fetches *fs = lc_fetches(lc);
	struct lc_fetch *f;
	struct lc_miss *m;

	while ((m = list_first_entry_or_null(&fs->waiting, struct lc_miss, ready))) {
		f = lc_slot_free(fs);
		if (!f)
			break;
		list_del_init(&m->ready);
		lc_slot_start(lc, f, m);
	}
}

/* The read has ended, one way or the other. */
static void lc_slot_end(struct lc_fetch *f, blk_status_t status)
{
	struct logcache *lc = f->lc;
	struct lc_miss *m = f->m;

	lc_item_withdraw(lc_up(lc), &f->item);
	f->m = NULL;
	f->again = 0;
	f->checking = false;
	lc_fetches(lc)->busy--;
	lc_miss_done(m, status);
}

/*--------------------------------------------------------------------------
 * Answers
 *--------------------------------------------------------------------------
 */

static void lc_fetch_end(struct lc_fetch *f, blk_status_t status)
{
	struct logcache *lc = f->lc;
	struct lc_upcall *up = lc_up(lc);

	spin_lock(&up->lock);
	lc_slot_end(f, status);
	lc_slots_go(lc);
	spin_unlock(&up->lock);
}

/* What is there is not what the helper says it is. */
static void lc_fetch_again(struct lc_fetch *f)
{
	struct logcache *lc = f->lc;
	struct lc_upcall *up = lc_up(lc);

	lc_stat_inc(lc, FETCH_RETRIES);
	lc_error_limit(lc, "helper: sectors %llu..%llu are not on %s as it says",
		       f->m->lba, f->m->lba + f->m->len - 1, lc->cache->name);
	spin_lock(&up->lock);
	f->checking = false;
	if (lc_log_requeues(lc))
		lc_slot_end(f, BLK_STS_DM_REQUEUE);
	else if (++f->tries == LC_FETCH_TRIES)
		lc_slot_end(f, BLK_STS_IOERR);
	else
		lc_item_submit(up, &f->item);
	lc_slots_go(lc);
	spin_unlock(&up->lock);
}

static bool lc_fetch_fits(const struct lc_fetch *f)
{
	unsigned int i;

	for (i = 0; i < f->m->nr_pages; i++) {
		if (lc_block_crc(page_address(f->m->page[i])) != f->crc[i])
			return false;
	}
	return true;
}

static void lc_fetch_check_work(struct work_struct *work)
{
	struct lc_fetch *f = container_of(work, struct lc_fetch, work);

	if (!f->status && lc_fetch_fits(f))
		lc_fetch_end(f, BLK_STS_OK);
	else
		lc_fetch_again(f);
}

static void lc_fetch_read_endio(struct bio *bio)
{
	struct lc_fetch *f = bio->bi_private;

	f->status = bio->bi_status;
	bio_put(bio);
	INIT_WORK(&f->work, lc_fetch_check_work);
	queue_work(f->lc->wq, &f->work);
}

static void lc_fetch_zero(struct lc_fetch *f)
{
	unsigned int i;

	for (i = 0; i < f->m->nr_pages; i++)
		clear_page(page_address(f->m->page[i]));
	lc_fetch_end(f, BLK_STS_OK);
}

/* The helper has written the slot: nobody sees it before it was read and checked. */
static void lc_fetch_read_work(struct work_struct *work)
{
	struct lc_fetch *f = container_of(work, struct lc_fetch, work);
	struct logcache *lc = f->lc;
	struct bio *bio;
	unsigned int i;

	if (f->zero) {
		lc_fetch_zero(f);
		return;
	}
	bio = bio_alloc_bioset(lc->cache->bdev, f->m->nr_pages, REQ_OP_READ | REQ_SYNC, GFP_NOIO,
			       &lc->fills.bs);
	bio->bi_iter.bi_sector = f->sector;
	bio->bi_private = f;
	bio->bi_end_io = lc_fetch_read_endio;
	for (i = 0; i < f->m->nr_pages; i++)
		__bio_add_page(bio, f->m->page[i], LC_BLOCK_SIZE, 0);
	submit_bio_noacct(bio);
}

static void lc_fetch_arrived(struct lc_fetch *f, const struct lc_answer *a)
{
	f->checking = true;
	f->zero = a->zero;
	memset(f->crc, 0, sizeof(f->crc));
	/* Too few, and the rest does not fit. */
	memcpy(f->crc, a->crc, a->nr_crc * sizeof(*a->crc));
	INIT_WORK(&f->work, lc_fetch_read_work);
	queue_work(f->lc->wq, &f->work);
}

static void lc_fetch_done(struct lc_item *item, const struct lc_answer *a)
{
	struct lc_fetch *f = container_of(item, struct lc_fetch, item);
	struct logcache *lc = f->lc;

	switch (a->status) {
	case LOGCACHE_STATUS_OK:
		lc_fetch_arrived(f, a);
		break;
	case LOGCACHE_STATUS_AGAIN:
		f->again = (jiffies + LC_FETCH_PAUSE) ?: 1;
		break;
	default:
		lc_error_limit(lc, "helper: sectors %llu..%llu cannot be read", f->m->lba,
			       f->m->lba + f->m->len - 1);
		lc_slot_end(f, BLK_STS_IOERR);
		lc_slots_go(lc);
	}
}

static const struct lc_item_ops lc_fetch_item_ops = {
	.done = lc_fetch_done,
};

/*--------------------------------------------------------------------------
 * Reads come
 *--------------------------------------------------------------------------
 */

void lc_fetch_read(struct lc_miss *m)
{
	struct logcache *lc = m->lc;
	struct lc_upcall *up = lc_up(lc);

	lc_stat_inc(lc, FETCHES);
	spin_lock(&up->lock);
	if (lc_log_requeues(lc)) {
		lc_miss_done(m, BLK_STS_DM_REQUEUE);
	} else {
		list_add_tail(&m->ready, &lc_fetches(lc)->waiting);
		lc_slots_go(lc);
		lc_upcall_watch(up);
	}
	spin_unlock(&up->lock);
}

void lc_fetch_submit(struct logcache *lc, struct bio *bio)
{
	struct lc_upcall *up = lc_up(lc);

	spin_lock(&up->lock);
	bio_list_add(&lc_fetches(lc)->parked, bio);
	spin_unlock(&up->lock);
	queue_work(lc->origin.helper->wq, &lc->origin.helper->park);
}

/* Pieces of one fetch each, so that they are fetched side by side. */
int lc_fetch_remap(struct logcache *lc, struct bio *bio)
{
	u64 lba = bio->bi_iter.bi_sector;
	u32 room = LC_MISS_SECTORS - lba % LC_BLOCK_SECTORS;

	if (bio_sectors(bio) > room)
		dm_accept_partial_bio(bio, room);
	lc_fetch_submit(lc, bio);
	return DM_MAPIO_SUBMITTED;
}

/* On a queue of its own: it waits for memory that other reads give back. */
static void lc_fetch_park_work(struct work_struct *work)
{
	struct lc_helper *h = container_of(work, struct lc_helper, park);
	struct bio *bio;

	for (;;) {
		spin_lock(&h->up->lock);
		bio = bio_list_pop(&h->fetches.parked);
		spin_unlock(&h->up->lock);
		if (!bio)
			break;
		lc_fetch_read(lc_fill_private(h->fetches.slot->lc, bio));
	}
}

/*--------------------------------------------------------------------------
 * Reads that cannot wait, or have waited too long; under the queue's lock
 *--------------------------------------------------------------------------
 */

static void lc_fetches_end(struct logcache *lc, blk_status_t status,
			   bool (*ends)(const struct logcache *lc, const struct lc_miss *m))
{
	struct lc_fetches *fs = lc_fetches(lc);
	struct lc_miss *m, *n;
	struct lc_fetch *f;

	list_for_each_entry_safe(m, n, &fs->waiting, ready) {
		if (ends(lc, m)) {
			list_del_init(&m->ready);
			lc_miss_done(m, status);
		}
	}
	for (f = fs->slot; f < fs->slot + LC_FETCHES; f++) {
		if (f->m && !f->checking && ends(lc, f->m))
			lc_slot_end(f, status);
	}
}

static bool lc_fetch_any(const struct logcache *lc, const struct lc_miss *m)
{
	return true;
}

/* Without a helper since it was submitted, or since the last one went. */
static bool lc_fetch_late(const struct logcache *lc, const struct lc_miss *m)
{
	unsigned long limit = msecs_to_jiffies(lc->args.fetch_timeout_ms);

	return time_after(jiffies, m->started + limit) &&
	       time_after(jiffies, lc_up(lc)->orphaned + limit);
}

void lc_fetch_hold(struct logcache *lc)
{
	struct lc_upcall *up = lc_up(lc);
	struct bio_list parked;
	struct bio *bio;

	spin_lock(&up->lock);
	lc_fetches_end(lc, BLK_STS_DM_REQUEUE, lc_fetch_any);
	parked = lc_fetches(lc)->parked;
	bio_list_init(&lc_fetches(lc)->parked);
	spin_unlock(&up->lock);
	while ((bio = bio_list_pop(&parked))) {
		bio->bi_status = BLK_STS_DM_REQUEUE;
		bio_endio(bio);
	}
}

static void lc_fetches_resume(struct logcache *lc)
{
	struct lc_fetches *fs = lc_fetches(lc);
	struct lc_fetch *f;

	for (f = fs->slot; f < fs->slot + LC_FETCHES; f++) {
		if (f->again && time_after_eq(jiffies, f->again)) {
			f->again = 0;
			lc_item_submit(lc_up(lc), &f->item);
		}
	}
}

bool lc_fetch_watch(struct logcache *lc)
{
	struct lc_fetches *fs = lc_fetches(lc);

	if (!lc_up(lc)->owner && lc->args.fetch_timeout_ms) {
		lc_fetches_end(lc, BLK_STS_TIMEOUT, lc_fetch_late);
		lc_slots_go(lc);
	}
	lc_fetches_resume(lc);
	return fs->busy || !list_empty(&fs->waiting);
}

/*--------------------------------------------------------------------------
 * Start and stop
 *--------------------------------------------------------------------------
 */

int lc_fetch_init(struct logcache *lc)
{
	u64 at = lc->geo.scratch_start << (LC_BLOCK_SHIFT - LC_SECTOR_SHIFT);
	struct lc_helper *h = lc->origin.helper;
	struct lc_fetches *fs = &h->fetches;
	struct lc_fetch *f;

	INIT_LIST_HEAD(&fs->waiting);
	bio_list_init(&fs->parked);
	INIT_WORK(&h->park, lc_fetch_park_work);
	fs->slot = kvcalloc(LC_FETCHES, sizeof(*fs->slot), GFP_KERNEL);
	h->wq = alloc_workqueue("logcache-fetch", WQ_UNBOUND | WQ_MEM_RECLAIM, 0);
	if (!fs->slot || !h->wq)
		return -ENOMEM;
	for (f = fs->slot; f < fs->slot + LC_FETCHES; f++, at += LC_MISS_SECTORS) {
		INIT_LIST_HEAD(&f->item.list);
		f->item.ops = &lc_fetch_item_ops;
		f->item.type = LOGCACHE_ITEM_TYPE_FETCH;
		f->lc = lc;
		f->sector = at;
	}
	return 0;
}

void lc_fetch_exit(struct logcache *lc)
{
	struct lc_helper *h = lc->origin.helper;

	if (h->wq)
		destroy_workqueue(h->wq);
	kvfree(h->fetches.slot);
}
