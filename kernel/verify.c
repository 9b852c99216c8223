// SPDX-License-Identifier: GPL-2.0-only
#include "verify.h"

#include <linux/highmem.h>
#include <linux/slab.h>

#include "io.h"
#include "logcache.h"
#include "segment.h"
#include "target.h"

#define LC_VERIFY_PAGES	16u

void lc_crc_error(struct logcache *lc, u64 block, u64 lba, const char *when)
{
	lc_stat_inc(lc, CRC_ERRORS);
	lc_error_limit(lc,
		       "%s: block %llu of %s (sector %llu of the volume) does not match its checksum; check the device",
		       when, lc->geo.data_start + block, lc->cache->name, lba);
	schedule_work(&lc->event);
}

/* Are all of @nr entries, from LSN @lsn on, that have a part of [pos, end) clean? */
static bool lc_ents_clean(struct logcache *lc, const struct lc_entry *ents, u32 nr, u64 lsn,
			  u32 pos, u32 end)
{
	u64 clean = READ_ONCE(lc->log.clean_lsn);
	struct lc_ent ent;
	u32 i;

	for (i = 0; i < nr; i++) {
		lc_entry_get(&ents[i], &ent);
		if (ent.op == LC_OP_WRITE && ent.pos < end && pos < ent.pos + ent.len &&
		    lsn + i >= clean)
			return false;
	}
	return true;
}

/* The open segment @sb, or NULL. Log lock held. */
static struct lc_segbuf *lc_segbuf_of(struct logcache *lc, u32 seg)
{
	struct lc_segbuf *sb;

	list_for_each_entry(sb, &lc->log.sealing, list) {
		if (sb->seg == seg)
			return sb;
	}
	return lc->log.cur && lc->log.cur->seg == seg ? lc->log.cur : NULL;
}

static bool lc_sealed_clean(struct logcache *lc, u32 seg, u32 pos, u32 end)
{
	size_t bytes = (size_t)lc->geo.slot_blocks << LC_BLOCK_SHIFT;
	struct lc_slot *slot = kmalloc(bytes, GFP_NOIO | __GFP_NOWARN);
	struct lc_slot_info info;
	bool clean = false;

	if (slot && !lc_slot_read(lc, seg, slot, &info))
		clean = lc_ents_clean(lc, lc_slot_entries(slot), info.nr_entries,
				      info.first_lsn, pos, end);
	kfree(slot);
	return clean;
}

bool lc_on_origin(struct logcache *lc, u64 loc, u32 len, bool read)
{
	struct lc_seg *s = lc_seg_at(lc, loc);
	u32 seg = lc_seg_no(lc, s), pos = loc - lc_geo_loc(&lc->geo, seg, 0);
	struct lc_log *log = &lc->log;
	struct lc_segbuf *sb;
	bool clean;

	clean = lc_seg_is_clean(lc, s);
	if (!clean && READ_ONCE(log->clean_lsn) > s->first_lsn) {
		spin_lock_irq(&log->lock);
		sb = lc_segbuf_of(lc, seg);
		if (sb)
			clean = lc_ents_clean(lc, lc_slot_entries(sb->slot), sb->nr, sb->first_lsn,
					      pos, pos + len);
		spin_unlock_irq(&log->lock);
		if (!sb && read)
			clean = lc_sealed_clean(lc, seg, pos, pos + len);
	}
	/* In this order: damage is noted before it counts as clean. */
	return clean && !lc_damaged(lc, loc, len);
}

int lc_block_read(struct logcache *lc, u64 block, struct page *page)
{
	struct bio_vec vec;
	struct bio bio;
	int r;

	bio_init(&bio, lc->cache->bdev, &vec, 1, REQ_OP_READ);
	bio.bi_iter.bi_sector = lc_geo_sector(&lc->geo, block * LC_BLOCK_SECTORS);
	__bio_add_page(&bio, page, LC_BLOCK_SIZE, 0);
	r = submit_bio_wait(&bio);
	bio_uninit(&bio);
	if (!r && lc_block_crc(page_address(page)) != lc->segs.crc[block])
		r = -EBADMSG;
	return r;
}

bool lc_cache_alive(struct logcache *lc, struct page *page)
{
	unsigned int i;

	for (i = 0; i < LC_SUPER_BLOCKS; i++) {
		if (!lc_io_cache(lc, REQ_OP_READ, i, page_address(page), LC_BLOCK_SIZE))
			return true;
	}
	return false;
}

static void lc_verify_copy(struct bio *bio, struct bvec_iter *iter, const void *from, u32 bytes)
{
	while (bytes) {
		struct bio_vec bv = bio_iter_iovec(bio, *iter);
		u32 n = min(bytes, bv.bv_len);

		memcpy_to_page(bv.bv_page, bv.bv_offset, from, n);
		bio_advance_iter(bio, iter, n);
		from += n;
		bytes -= n;
	}
}

static int lc_verify_all(struct logcache *lc, struct bio *bio, struct page *page, u64 *bad)
{
	u64 loc = lc_bio(bio)->lba, end = loc + bio_sectors(bio), to;
	struct bvec_iter iter = bio->bi_iter;
	int r;

	for (; loc < end; loc = to) {
		to = min(end, round_down(loc, LC_BLOCK_SECTORS) + LC_BLOCK_SECTORS);
		*bad = lc_block_at(loc);
		r = lc_block_read(lc, *bad, page);
		if (r)
			return r;
		lc_verify_copy(bio, &iter,
			       page_address(page) + ((loc % LC_BLOCK_SECTORS) << LC_SECTOR_SHIFT),
			       (to - loc) << LC_SECTOR_SHIFT);
	}
	return 0;
}

static void lc_verify_work(struct work_struct *work)
{
	struct lc_bio *pb = container_of(work, struct lc_bio, work);
	struct bio *bio = dm_bio_from_per_bio_data(pb, sizeof(*pb));
	struct logcache *lc = pb->lc;
	struct page *page = mempool_alloc(lc->verify_pages, GFP_NOIO);
	u64 bad;
	int r;

	r = lc_verify_all(lc, bio, page, &bad);
	mempool_free(page, lc->verify_pages);
	if (r == -EBADMSG)
		lc_crc_error(lc, bad, bio->bi_iter.bi_sector, "read");
	if (r && lc_on_origin(lc, pb->lba, bio_sectors(bio), true)) {
		/* A copy that cannot be trusted: the origin has the data. */
		lc_forget(lc, lc_shard_of(lc, bio->bi_iter.bi_sector), bio->bi_iter.bi_sector,
			  bio_sectors(bio), pb->lba, LC_EXT_DATA);
		lc->origin.ops->submit(lc, bio);
		return;
	}
	bio->bi_status = r ? BLK_STS_IOERR : BLK_STS_OK;
	bio_endio(bio);
}

int lc_verify_read(struct logcache *lc, struct bio *bio, u64 loc)
{
	struct lc_bio *pb = lc_bio(bio);

	pb->lc = lc;
	pb->lba = loc;
	/* Here, and once: whatever verify_reads is by the time it ends. */
	pb->retried = true;
	INIT_WORK(&pb->work, lc_verify_work);
	queue_work(lc->wq, &pb->work);
	return DM_MAPIO_SUBMITTED;
}

int lc_verify_init(struct logcache *lc)
{
	lc->verify_pages = mempool_create_page_pool(LC_VERIFY_PAGES, 0);
	return lc->verify_pages ? 0 : -ENOMEM;
}

void lc_verify_exit(struct logcache *lc)
{
	mempool_destroy(lc->verify_pages);
}
