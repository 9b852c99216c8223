// SPDX-License-Identifier: GPL-2.0-only
/* A block device as the origin. */
#include <linux/blkdev.h>

#include "logcache.h"
#include "origin.h"
#include "target.h"

static int lc_bdev_check(struct logcache *lc, struct block_device *bdev)
{
	struct dm_target *ti = lc->ti;

	if (lc->cache->bdev == bdev) {
		ti->error = "Cache and origin are the same device";
		return -EINVAL;
	}
	if (bdev_is_zoned(bdev)) {
		ti->error = "Zoned devices are not supported";
		return -EINVAL;
	}
	if (bdev_logical_block_size(bdev) > LC_BLOCK_SIZE) {
		ti->error = "Devices with logical blocks of more than 4 KiB are not supported";
		return -EINVAL;
	}
	if (ti->len > bdev_nr_sectors(bdev)) {
		ti->error = "The origin is smaller than the table says";
		return -EINVAL;
	}
	return 0;
}

static int lc_bdev_ctr(struct logcache *lc, const char *arg)
{
	struct lc_origin *o = &lc->origin;

	if (dm_get_device(lc->ti, arg, dm_table_get_mode(lc->ti->table), &o->dev)) {
		lc->ti->error = "Cannot open the origin device";
		return -ENODEV;
	}
	o->name = o->dev->name;
	return lc_bdev_check(lc, o->dev->bdev);
}

static int lc_bdev_check_super(struct logcache *lc)
{
	if (!(lc->geo.flags & LC_SUPER_HELPER))
		return 0;
	lc_error(lc, "%s belongs to the volume %s, not to %s: name that as the origin",
		 lc->cache->name, lc->geo.origin_id, lc->origin.name);
	return -EINVAL;
}

static int lc_bdev_init(struct logcache *lc)
{
	return 0;
}

static void lc_bdev_dtr(struct logcache *lc)
{
	if (lc->origin.dev)
		dm_put_device(lc->ti, lc->origin.dev);
}

static int lc_bdev_iterate(struct logcache *lc, iterate_devices_callout_fn fn, void *data)
{
	return fn(lc->ti, lc->origin.dev, 0, lc->ti->len, data);
}

static void lc_bdev_read_endio(struct bio *bio)
{
	struct lc_miss *m = bio->bi_private;
	blk_status_t status = bio->bi_status;

	bio_put(bio);
	lc_miss_answer(m, status);
}

static bool lc_bdev_read_begin(struct lc_miss *m, blk_opf_t opf)
{
	struct logcache *lc = m->lc;
	u32 left = m->len << LC_SECTOR_SHIFT, n;
	struct bio *bio;
	unsigned int i;

	bio = bio_alloc_bioset(lc->origin.dev->bdev, m->nr_pages, opf, GFP_NOWAIT, &lc->fills.bs);
	if (!bio)
		return false;
	bio->bi_iter.bi_sector = m->lba;
	bio->bi_private = m;
	bio->bi_end_io = lc_bdev_read_endio;
	for (i = 0; i < m->nr_pages; i++, left -= n) {
		n = min(left, LC_BLOCK_SIZE);
		__bio_add_page(bio, m->page[i], n, 0);
	}
	m->read = bio;
	return true;
}

static void lc_bdev_read(struct lc_miss *m)
{
	submit_bio_noacct(m->read);
}

/* It waits for the origin if it has to: see lc_retry(), and few come this way. */
static void lc_bdev_set(struct logcache *lc, struct bio *bio)
{
	bio_set_dev(bio, lc->origin.dev->bdev);
	bio->bi_opf &= ~REQ_NOWAIT;
}

static int lc_bdev_remap(struct logcache *lc, struct bio *bio)
{
	lc_bdev_set(lc, bio);
	return DM_MAPIO_REMAPPED;
}

static void lc_bdev_submit(struct logcache *lc, struct bio *bio)
{
	lc_bdev_set(lc, bio);
	submit_bio_noacct(bio);
}

/* More than one request would take the place of somebody else's. */
static u32 lc_bdev_around(const struct logcache *lc)
{
	struct request_queue *q = bdev_get_queue(lc->origin.dev->bdev);
	u32 pages = queue_max_segments(q) * LC_BLOCK_SECTORS;

	return min(rounddown(queue_max_sectors(q), LC_BLOCK_SECTORS), pages);
}

static int lc_bdev_submit_wait(struct logcache *lc, struct bio *bio)
{
	bio_set_dev(bio, lc->origin.dev->bdev);
	return submit_bio_wait(bio);
}

static int lc_bdev_zero(struct logcache *lc, const struct lc_extent *e)
{
	struct block_device *bdev = lc->origin.dev->bdev;

	/* Who wanted the space to be kept is not in the log: it always is. */
	if (e->kind == LC_EXT_ZERO)
		return blkdev_issue_zeroout(bdev, e->key, e->len, GFP_NOIO,
					    BLKDEV_ZERO_NOUNMAP);
	if (!bdev_max_discard_sectors(bdev))
		return 0;
	return blkdev_issue_discard(bdev, e->key, e->len, GFP_NOIO);
}

static int lc_bdev_flush(struct logcache *lc)
{
	return blkdev_issue_flush(lc->origin.dev->bdev);
}

static bool lc_bdev_discards(const struct logcache *lc)
{
	return bdev_max_discard_sectors(lc->origin.dev->bdev);
}

const struct lc_origin_ops lc_origin_bdev = {
	.ctr = lc_bdev_ctr,
	.check = lc_bdev_check_super,
	.init = lc_bdev_init,
	.direct = true,
	.dtr = lc_bdev_dtr,
	.iterate = lc_bdev_iterate,
	.read_begin = lc_bdev_read_begin,
	.read = lc_bdev_read,
	.remap = lc_bdev_remap,
	.submit = lc_bdev_submit,
	.around = lc_bdev_around,
	.submit_wait = lc_bdev_submit_wait,
	.zero = lc_bdev_zero,
	.flush = lc_bdev_flush,
	.discards = lc_bdev_discards,
};
