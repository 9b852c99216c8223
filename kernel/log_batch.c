// SPDX-License-Identifier: GPL-2.0-only
#include "log_batch.h"

#include <linux/highmem.h>

#include "io.h"
#include "log_publish.h"
#include "log_seg.h"
#include "log_throttle.h"
#include "segment.h"
#include "target.h"

/*--------------------------------------------------------------------------
 * Gathering: bios into the open batch
 *--------------------------------------------------------------------------
 */

void lc_batch_reset(struct lc_batch *b)
{
	bio_list_init(&b->bios);
	b->nr = 0;
	b->sectors = 0;
	b->done = false;
	b->status = BLK_STS_OK;
	b->published = 0;
	b->dirty = 0;
	b->wide = false;
	b->kept = 0;
}

/* Log lock held. @need: payload blocks of the first bio. */
static struct lc_batch *lc_batch_open(struct logcache *lc, unsigned int need)
{
	struct lc_log *log = &lc->log;
	struct lc_segbuf *sb = log->cur;
	struct lc_batch *b;

	log->slowed = false;
	if (list_empty(&log->free) || log->stopped || log->gated || lc_log_throttled(lc))
		return NULL;
	if (!lc_log_may_begin(lc, sb)) {
		log->starved = true;
		lc_evict_kick(lc);
		return NULL;
	}
	if (lc->geo.seg_blocks - sb->fill < 1 + need || !lc_segbuf_room(lc, sb)) {
		if (!lc_log_next_seg(lc)) {
			log->starved = true;
			lc_evict_kick(lc);
			lc_wb_kick(lc);
			return NULL;
		}
		sb = log->cur;
	}
	log->starved = false;
	b = list_first_entry(&log->free, struct lc_batch, list);
	list_del_init(&b->list);
	lc_batch_reset(b);
	b->max_blocks = min(LC_RECORD_BLOCKS_MAX, lc->geo.seg_blocks - sb->fill - 1);
	b->max_ents = min(LC_RECORD_ENTRIES_MAX, lc_segbuf_room(lc, sb));
	log->open = b;
	return b;
}

unsigned int lc_batch_pos(const struct lc_batch *b, unsigned int len)
{
	unsigned int in_block = b->sectors % LC_BLOCK_SECTORS;

	if (len >= LC_BLOCK_SECTORS || in_block + len > LC_BLOCK_SECTORS)
		return round_up(b->sectors, LC_BLOCK_SECTORS);
	return b->sectors;
}

bool lc_batch_fits(const struct lc_batch *b, unsigned int end)
{
	unsigned int blocks = DIV_ROUND_UP(end, LC_BLOCK_SECTORS);

	return b->nr < b->max_ents && blocks <= b->max_blocks &&
	       (b->nr + 1) * sizeof(struct lc_entry) + blocks * sizeof(__le32) <= LC_RECORD_ROOM;
}

void lc_batch_add(struct lc_batch *b, u64 lba, u32 len, u8 op, unsigned int pos)
{
	struct lc_batch_ent *ent = &b->ent[b->nr++];
	bool data = op == LC_OP_WRITE;

	if (data) {
		if (unlikely(pos != b->sectors))
			memset(lc_batch_sector(b, b->sectors), 0,
			       (pos - b->sectors) << LC_SECTOR_SHIFT);
		b->sectors = pos + len;
		b->dirty += len;
	}
	ent->lba = lba;
	ent->len = len;
	ent->pos = data ? pos : 0;
	ent->op = op;
	b->wide |= !data;
}

struct lc_batch *lc_log_reserve(struct logcache *lc, struct bio *bio, unsigned int *pos)
{
	unsigned int len = lc_bio_payload(bio);
	struct lc_log *log = &lc->log;
	struct lc_batch *b = log->open;

	if (!b)
		b = lc_batch_open(lc, DIV_ROUND_UP(len, LC_BLOCK_SECTORS));
	if (!b)
		return NULL;
	*pos = lc_batch_pos(b, len);
	if (!lc_batch_fits(b, *pos + len))
		return NULL;
	lc_batch_add(b, bio->bi_iter.bi_sector, bio_sectors(bio), lc_bio(bio)->op, *pos);
	b->copying++;
	log->outstanding++;
	log->crowd = max(log->crowd, log->outstanding);
	return b;
}

void lc_bio_copy(void *to, struct bio *bio)
{
	struct bvec_iter iter;
	struct bio_vec bv;

	bio_for_each_segment(bv, bio, iter) {
		memcpy_from_bvec(to, &bv);
		to += bv.bv_len;
	}
}

/*--------------------------------------------------------------------------
 * Submitting: the batch becomes a record on its way
 *--------------------------------------------------------------------------
 */

/* No lock; the submitting flag makes this run in log order. */
static void lc_batch_seal(struct lc_batch *b, struct lc_record_info *info)
{
	struct logcache *lc = b->lc;
	struct lc_record *r = b->data;
	struct lc_entry *out = lc_record_entries(r);
	u32 *crc = &lc->segs.crc[lc_seg_block(lc, b->sb->seg) + b->at + 1];
	unsigned int i, sectors = info->nr_blocks * LC_BLOCK_SECTORS;
	__le32 *crcs = (__le32 *)(out + b->nr);

	memset(lc_batch_sector(b, b->sectors), 0, (sectors - b->sectors) << LC_SECTOR_SHIFT);
	for (i = 0; i < b->nr; i++) {
		struct lc_ent ent = {
			.lba = b->ent[i].lba,
			.len = b->ent[i].len,
			.op = b->ent[i].op,
		};

		if (ent.op == LC_OP_WRITE)
			ent.pos = (b->at + 1) * LC_BLOCK_SECTORS + b->ent[i].pos;
		lc_entry_put(&out[i], &ent);
		lc_segbuf_add(b->sb, &ent);
	}
	for (i = 0; i < info->nr_blocks; i++) {
		crc[i] = i < LC_COPY_BLOCKS_MAX && b->kept >> i & 1 ? b->crc[i] :
			 lc_block_crc(lc_batch_sector(b, i * LC_BLOCK_SECTORS));
		crcs[i] = cpu_to_le32(crc[i]);
	}
	lc->log.chain = lc_record_seal(r, &lc->geo, info);
	b->sb->chain = lc->log.chain;
}

/* A planted bug: what can be told that it is in the log is told so before it is. */
static void lc_batch_ack_early(struct lc_batch *b)
{
	struct bio_list later = BIO_EMPTY_LIST;
	struct bio *bio;

	while ((bio = bio_list_pop(&b->bios))) {
		if ((bio->bi_opf & REQ_FUA) || lc_bio(bio)->op == LC_OP_INVAL)
			bio_list_add(&later, bio);
		else
			lc_bio_end(bio, BLK_STS_OK);
	}
	b->bios = later;
}

static void lc_batch_submit(struct lc_batch *b, unsigned int nr_blocks)
{
	struct logcache *lc = b->lc;
	size_t bytes = (nr_blocks + 1) << LC_BLOCK_SHIFT;
	struct bio *bio = &b->bio;

	bio_init(bio, lc->cache->bdev, b->vec, LC_BATCH_VECS, REQ_OP_WRITE | REQ_SYNC | REQ_IDLE);
	bio->bi_iter.bi_sector = lc_geo_sector(&lc->geo,
					       lc_geo_loc(&lc->geo, b->sb->seg, b->at * 8));
	bio->bi_private = b;
	bio->bi_end_io = lc_batch_endio;
	lc_bio_add_buf(bio, b->data, bytes);
	if (lc_planted(LC_PLANT_EARLY_ACK))
		lc_batch_ack_early(b);
	submit_bio_noacct(bio);
}

void lc_log_send(struct logcache *lc, struct lc_batch *b, unsigned long *flags)
	__must_hold(&lc->log.lock)
{
	struct lc_log *log = &lc->log;
	struct lc_record_info info;

	log->submitting = true;
	list_add_tail(&b->list, &log->inflight);
	log->nr_inflight++;
	b->sb = log->cur;
	b->at = b->sb->fill;
	info = (struct lc_record_info) {
		.epoch = lc->epoch,
		.seq = b->sb->seq,
		.lsn = log->next_lsn,
		.acked_lsn = log->durable_lsn,
		.clean_lsn = log->clean_lsn,
		.prev_crc = log->chain,
		.next_seg = b->sb->next_seg,
		.nr_entries = b->nr,
		.nr_blocks = lc_batch_blocks(b),
	};
	if (!b->at)
		b->sb->chain_at_start = log->chain;
	b->sb->fill += 1 + info.nr_blocks;
	b->sb->given += b->nr;
	b->lsn = log->next_lsn;
	log->next_lsn += b->nr;
	spin_unlock_irqrestore(&log->lock, *flags);

	lc_stat_inc(lc, RECORDS);
	lc_stat_add(lc, LOG_BLOCKS, 1 + info.nr_blocks);
	lc_batch_seal(b, &info);
	lc_batch_submit(b, info.nr_blocks);

	spin_lock_irqsave(&log->lock, *flags);
	log->submitting = false;
}
