// SPDX-License-Identifier: GPL-2.0-only
#include "map.h"

#include "fill.h"
#include "log_seg.h"
#include "logcache.h"
#include "retry.h"
#include "segment.h"
#include "target.h"
#include "through.h"
#include "verify.h"

static int lc_map_flush(struct logcache *lc, struct bio *bio)
{
	lc_stat_inc(lc, FLUSHES);
	if (lc_flush_needs_origin(lc)) {
		lc_sync_add(lc, bio);
		return DM_MAPIO_SUBMITTED;
	}
	/* What was acknowledged has completed on the SSD: nothing to wait for. */
	if (!lc->cache_volatile || lc_planted(LC_PLANT_NO_FLUSH)) {
		bio_endio(bio);
		return DM_MAPIO_SUBMITTED;
	}
	lc_bio(bio)->lba = READ_ONCE(lc->log.published_lsn);
	bio_set_dev(bio, lc->cache->bdev);
	return DM_MAPIO_REMAPPED;
}

static int lc_map_zero(struct logcache *lc, struct bio *bio, u32 len)
{
	lc_cut(bio, len);
	lc_stat_inc(lc, READ_ZEROES);
	zero_fill_bio(bio);
	bio_endio(bio);
	return DM_MAPIO_SUBMITTED;
}

static int lc_map_hit(struct logcache *lc, struct bio *bio, const struct lc_extent *e)
{
	u32 len = e->len;
	bool lost = lc_damage_run(lc, e->loc, &len);
	u64 block;

	lc_cut(bio, len);
	lc_stat_inc(lc, READ_HITS);
	if (unlikely(lost)) {
		lc_bio(bio)->retried = true;
		bio_io_error(bio);
		return DM_MAPIO_SUBMITTED;
	}
	for (block = lc_block_at(e->loc); block <= lc_block_at(e->loc + len - 1); block++)
		lc_lru_hit(lc->lru, block);
	if (unlikely(lc->args.verify_reads))
		return lc_verify_read(lc, bio, e->loc);
	lc_bio(bio)->iter = bio->bi_iter;
	lc_bio(bio)->lba = e->loc;
	bio_set_dev(bio, lc->cache->bdev);
	bio->bi_iter.bi_sector = lc_geo_sector(&lc->geo, e->loc);
	return DM_MAPIO_REMAPPED;
}

static int lc_map_read(struct logcache *lc, struct bio *bio)
{
	u64 lba = bio->bi_iter.bi_sector, key = lc_key(lba);
	u32 len = min(bio_sectors(bio), lc_stripe_room(lba));
	struct lc_shard *sh = lc_shard_of(lc, lba);
	struct lc_extent e;
	unsigned long flags;

	lc_stat_inc(lc, READS);
	spin_lock_irqsave(&sh->lock, flags);
	if (!lc_index_lookup(&sh->index, key, len, &e))
		return lc_fill_read(lc, sh, bio, len, flags);
	if (e.key != key)
		return lc_fill_read(lc, sh, bio, e.key - key, flags);
	if (e.kind == LC_EXT_DATA) {
		/* Under the shard lock: eviction takes the index entry first, then looks. */
		lc_bio(bio)->seg = lc_seg_at(lc, e.loc);
		atomic_inc(&lc_bio(bio)->seg->readers);
	}
	spin_unlock_irqrestore(&sh->lock, flags);
	if (e.kind != LC_EXT_DATA)
		return lc_map_zero(lc, bio, e.len);
	return lc_map_hit(lc, bio, &e);
}

static u8 lc_map_op(const struct bio *bio)
{
	switch (bio_op(bio)) {
	case REQ_OP_DISCARD:
		return LC_OP_DISCARD;
	case REQ_OP_WRITE_ZEROES:
		return LC_OP_ZERO;
	default:
		return LC_OP_WRITE;
	}
}

void lc_map_write_again(struct logcache *lc, struct bio *bio)
{
	if (!list_empty(&lc_bio(bio)->through))
		lc_through_unregister(lc, bio);
	/* Each refuses what is the other's, so the mode cannot change in between. */
	do {
		lc_bio(bio)->op = lc_map_op(bio);
	} while (!lc_log_write(lc, bio) && !lc_through_write(lc, bio));
}

static int lc_map_write(struct logcache *lc, struct bio *bio)
{
	lc_cut(bio, min(bio_sectors(bio), lc_stripe_room(bio->bi_iter.bi_sector)));
	lc_bio(bio)->op = lc_map_op(bio);
	if (lc_bio(bio)->op == LC_OP_WRITE)
		lc_cut(bio, min(bio_sectors(bio), READ_ONCE(lc->log.direct) ? LC_MISS_SECTORS :
				lc_log_write_max(lc)));
	if (lc_bio(bio)->op == LC_OP_DISCARD)
		lc_stat_inc(lc, DISCARDS);
	lc_stat_inc(lc, WRITES);
	lc_stat_add(lc, WRITE_SECTORS, bio_sectors(bio));
	if (bio->bi_opf & REQ_FUA)
		lc_stat_inc(lc, FUAS);
	lc_map_write_again(lc, bio);
	return DM_MAPIO_SUBMITTED;
}

int lc_map(struct dm_target *ti, struct bio *bio)
{
	struct logcache *lc = ti->private;
	struct lc_bio *pb = lc_bio(bio);

	pb->seg = NULL;
	pb->lba = 0;
	pb->miss = NULL;
	pb->retried = false;
	INIT_LIST_HEAD(&pb->through);
	if (bio->bi_opf & REQ_PREFLUSH)
		return lc_map_flush(lc, bio);
	bio->bi_iter.bi_sector = dm_target_offset(ti, bio->bi_iter.bi_sector);
	switch (bio_op(bio)) {
	case REQ_OP_READ:
		return lc_map_read(lc, bio);
	case REQ_OP_WRITE:
	case REQ_OP_DISCARD:
	case REQ_OP_WRITE_ZEROES:
		return lc_map_write(lc, bio);
	default:
		return DM_MAPIO_KILL;
	}
}

int lc_end_io(struct dm_target *ti, struct bio *bio, blk_status_t *error)
{
	struct logcache *lc = ti->private;
	struct lc_bio *pb = lc_bio(bio);

	if ((bio->bi_opf & REQ_PREFLUSH) && !*error)
		lc_log_durable(lc, pb->lba);
	if (unlikely(*error) && lc_retry(lc, bio, *error))
		return DM_ENDIO_INCOMPLETE;
	if (pb->seg)
		lc_seg_read_done(lc, pb->seg);
	if (!list_empty(&pb->through))
		lc_through_end(lc, bio, *error);
	return DM_ENDIO_DONE;
}
