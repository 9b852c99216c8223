// SPDX-License-Identifier: GPL-2.0-only
#include "segment.h"

#include <linux/ktime.h>
#include <linux/sched/mm.h>
#include <linux/vmalloc.h>

#include "io.h"
#include "log_seg.h"
#include "target.h"

/* Open and being sealed: the log's, one fill, one carry, and some on the way out. */
#define LC_SEGBUFS	8u

static size_t lc_slot_bytes(const struct logcache *lc)
{
	return (size_t)lc->geo.slot_blocks << LC_BLOCK_SHIFT;
}

static int lc_segbufs_init(struct logcache *lc)
{
	struct lc_segs *segs = &lc->segs;
	unsigned int i;

	INIT_LIST_HEAD(&segs->bufs);
	segs->buf = kcalloc(LC_SEGBUFS, sizeof(*segs->buf), GFP_KERNEL);
	if (!segs->buf)
		return -ENOMEM;
	for (i = 0; i < LC_SEGBUFS; i++) {
		segs->buf[i].slot = lc_buf_alloc(lc_slot_bytes(lc));
		if (!segs->buf[i].slot)
			return -ENOMEM;
		list_add(&segs->buf[i].list, &segs->bufs);
	}
	return 0;
}

int lc_segs_init(struct logcache *lc)
{
	struct lc_segs *segs = &lc->segs;
	u64 blocks = (u64)lc->geo.nr_segs * lc->geo.seg_blocks;
	u32 i;

	spin_lock_init(&segs->lock);
	INIT_LIST_HEAD(&segs->free);
	segs->seg = vzalloc(array_size(lc->geo.nr_segs, sizeof(*segs->seg)));
	segs->intact = vzalloc(BITS_TO_LONGS(blocks) * sizeof(long));
	segs->crc = vzalloc(blocks * sizeof(*segs->crc));
	if (!segs->seg || !segs->intact || !segs->crc)
		return -ENOMEM;
	for (i = 0; i < lc->geo.nr_segs; i++)
		INIT_LIST_HEAD(&segs->seg[i].list);
	return lc_segbufs_init(lc);
}

void lc_segs_exit(struct logcache *lc)
{
	struct lc_segs *segs = &lc->segs;
	unsigned int i;

	for (i = 0; segs->buf && i < LC_SEGBUFS; i++)
		lc_buf_free(segs->buf[i].slot, lc_slot_bytes(lc));
	kfree(segs->buf);
	vfree(segs->crc);
	vfree(segs->intact);
	vfree(segs->seg);
	memset(segs, 0, sizeof(*segs));
}

u32 lc_seg_alloc(struct logcache *lc, enum lc_seg_type type, u32 least)
{
	struct lc_segs *segs = &lc->segs;
	struct lc_seg *s = NULL;
	unsigned long flags;

	spin_lock_irqsave(&segs->lock, flags);
	if (segs->nr_free > least) {
		s = list_first_entry(&segs->free, struct lc_seg, list);
		list_del_init(&s->list);
		segs->nr_free--;
		s->state = LC_SEG_OPEN;
		s->type = type;
		if (type == LC_SEG_LOG)
			segs->nr_dirty++;
	}
	spin_unlock_irqrestore(&segs->lock, flags);
	return s ? lc_seg_no(lc, s) : LC_SEG_NONE;
}

void lc_seg_free(struct logcache *lc, u32 seg)
{
	struct lc_segs *segs = &lc->segs;
	struct lc_seg *s = &segs->seg[seg];
	unsigned long flags;

	spin_lock_irqsave(&segs->lock, flags);
	s->state = LC_SEG_FREE;
	list_add_tail(&s->list, &segs->free);
	segs->nr_free++;
	spin_unlock_irqrestore(&segs->lock, flags);
}

void lc_seg_unalloc(struct logcache *lc, u32 seg)
{
	unsigned long flags;

	spin_lock_irqsave(&lc->segs.lock, flags);
	lc->segs.nr_dirty--;
	spin_unlock_irqrestore(&lc->segs.lock, flags);
	lc_seg_free(lc, seg);
}

static void lc_seg_set_intact(struct logcache *lc, u32 seg)
{
	u64 block = lc_seg_block(lc, seg);

	/* Whole bytes: a segment is a multiple of 256 blocks. */
	memset((u8 *)lc->segs.intact + block / 8, 0xff, lc->geo.seg_blocks / 8);
}

struct lc_segbuf *lc_segbuf_get(struct logcache *lc, u32 seg, enum lc_lru_stream stream, u64 lsn)
{
	struct lc_segs *segs = &lc->segs;
	struct lc_segbuf *sb;
	struct lc_seg *s = &segs->seg[seg];
	unsigned long flags;

	/* The state said OPEN before: a checkpoint that sees these bits sees that. */
	smp_wmb();
	lc_seg_set_intact(lc, seg);
	spin_lock_irqsave(&segs->lock, flags);
	sb = list_first_entry_or_null(&segs->bufs, struct lc_segbuf, list);
	if (sb) {
		list_del_init(&sb->list);
		sb->seq = segs->next_seq++;
	}
	spin_unlock_irqrestore(&segs->lock, flags);
	if (!sb)
		return NULL;

	sb->seg = seg;
	sb->next_seg = LC_SEG_NONE;
	sb->nr = 0;
	sb->given = 0;
	sb->closing = false;
	sb->fill = 0;
	sb->chain = 0;
	sb->chain_at_start = 0;
	sb->first_lsn = lsn;
	sb->type = s->type;
	s->seq = sb->seq;
	s->first_lsn = lsn;
	s->end_lsn = U64_MAX;
	atomic_set(&s->live, s->type == LC_SEG_LOG ? LC_SEG_COUNTED : 0);
	memset(&segs->crc[lc_seg_block(lc, seg)], 0, lc->geo.seg_blocks * sizeof(*segs->crc));

	spin_lock_irqsave(&lc->lru_lock, flags);
	lc_lru_open(lc->lru, seg, stream, ktime_get_seconds());
	spin_unlock_irqrestore(&lc->lru_lock, flags);
	return sb;
}

void lc_segbuf_put(struct logcache *lc, struct lc_segbuf *sb)
{
	unsigned long flags;

	spin_lock_irqsave(&lc->segs.lock, flags);
	sb->seq = 0;
	list_add(&sb->list, &lc->segs.bufs);
	spin_unlock_irqrestore(&lc->segs.lock, flags);
}

u64 lc_segs_open(struct logcache *lc, u64 *seq)
{
	unsigned long flags;
	unsigned int i;
	u64 next;

	BUILD_BUG_ON(LC_SEGBUFS > LC_CKPT_OPEN);
	spin_lock_irqsave(&lc->segs.lock, flags);
	for (i = 0; i < LC_SEGBUFS; i++)
		seq[i] = lc->segs.buf[i].closing ? 0 : lc->segs.buf[i].seq;
	next = lc->segs.next_seq;
	spin_unlock_irqrestore(&lc->segs.lock, flags);
	return next;
}

u32 lc_segbuf_room(const struct logcache *lc, const struct lc_segbuf *sb)
{
	return lc->geo.slot_entries - max(sb->nr, sb->given);
}

void lc_segbuf_add(struct lc_segbuf *sb, const struct lc_ent *ent)
{
	lc_entry_put(lc_slot_entries(sb->slot) + sb->nr++, ent);
}

int lc_segbuf_seal(struct logcache *lc, struct lc_segbuf *sb, u64 end_lsn)
{
	const u32 *crc = &lc->segs.crc[lc_seg_block(lc, sb->seg)];
	struct lc_slot_info info = {
		.epoch = lc->epoch,
		.seq = sb->seq,
		.first_lsn = sb->type == LC_SEG_LOG ? sb->first_lsn : end_lsn,
		.end_lsn = end_lsn,
		.clean_lsn = READ_ONCE(lc->log.clean_lsn),
		.seg = sb->seg,
		.next_seg = sb->next_seg,
		.chain = sb->chain,
		.nr_entries = sb->nr,
		.nr_crcs = sb->fill,
		.type = sb->type,
	};
	blk_opf_t opf = REQ_OP_WRITE | REQ_FUA;
	u64 lsn = READ_ONCE(lc->log.published_lsn);
	__le32 *out;
	u32 i, bytes;
	int r;

	sb->slot->nr_entries = cpu_to_le16(sb->nr);
	out = lc_slot_crcs(sb->slot);
	for (i = 0; i < sb->fill; i++)
		out[i] = cpu_to_le32(crc[i]);
	bytes = lc_slot_seal(sb->slot, &lc->geo, &info);
	if (lc->cache_volatile)
		opf |= REQ_PREFLUSH;
	r = lc_io_cache(lc, opf, lc_slot_dev_block(lc, sb->seg), sb->slot, bytes);
	if (!r && lc->cache_volatile)
		lc_log_durable(lc, lsn);
	return r;
}

int lc_slot_read(struct logcache *lc, u32 seg, struct lc_slot *slot, struct lc_slot_info *info)
{
	const struct lc_seg *s = &lc->segs.seg[seg];
	const char *why = "";
	int r;

	r = lc_io_cache(lc, REQ_OP_READ, lc_slot_dev_block(lc, seg), slot, lc_slot_bytes(lc));
	if (r) {
		lc_error_limit(lc,
			       "cannot read the summary of segment %u: error %d; check the cache device",
			       seg, r);
		return r;
	}
	r = lc_slot_decode(slot, &lc->geo, seg, lc->volume_sectors, info, &why);
	if (!r && (info->seq != s->seq || info->first_lsn != s->first_lsn ||
		   info->end_lsn != s->end_lsn)) {
		r = -EBADMSG;
		why = "it belongs to an older use of the segment";
	}
	if (r)
		DMERR_LIMIT("%s: summary of segment %u is damaged: %s", lc->name, seg, why);
	return r;
}

int lc_seg_read(struct logcache *lc, u32 seg, void *data)
{
	u32 at, n;
	int r = 0;

	for (at = 0; !r && at < lc->geo.seg_blocks; at += n) {
		n = min(lc->geo.seg_blocks - at, LC_READ_BLOCKS);
		r = lc_io_cache(lc, REQ_OP_READ, lc_seg_dev_block(lc, seg) + at,
				data + ((size_t)at << LC_BLOCK_SHIFT), (size_t)n << LC_BLOCK_SHIFT);
	}
	return r;
}

void lc_seg_drop(void *ctx, const struct lc_extent *e)
{
	struct logcache *lc = ctx;
	u64 block, last, end = e->loc + e->len;

	if (e->kind != LC_EXT_DATA)
		return;
	lc_seg_live_add(lc, lc_seg_at(lc, e->loc), -(int)e->len);
	last = lc_block_at(end - 1);
	for (block = lc_block_at(e->loc); block <= last; block++) {
		if (test_bit_le(block, lc->segs.intact))
			clear_bit_le(block, lc->segs.intact);
		if (e->loc <= block << 3 && end >= (block + 1) << 3)
			lc_lru_dead(lc->lru, block);
	}
}

bool lc_shard_topup(struct logcache *lc, struct lc_shard *sh)
{
	void *node;

	while (lc_index_spare(&sh->index) < lc_index_need(&sh->index)) {
		node = kmem_cache_alloc(lc->nodes, GFP_NOWAIT | __GFP_NOWARN);
		if (!node)
			return false;
		lc_index_give(&sh->index, node);
	}
	return true;
}

/*
 * Forty bytes of index make room for 4096 of dirty memory to be cleaned, so
 * this may dip into the reserves: it is how reclaim makes progress.
 */
void lc_shard_topup_wait(struct logcache *lc, struct lc_shard *sh)
{
	unsigned int noreclaim = memalloc_noreclaim_save();
	unsigned long flags;
	unsigned int i;
	void *node;

	for (i = 0; i < LC_INDEX_NEED_MAX; i++) {
		node = kmem_cache_alloc(lc->nodes, GFP_NOIO | __GFP_NOWARN);
		if (!node) {
			schedule_timeout_uninterruptible(1);
			continue;
		}
		spin_lock_irqsave(&sh->lock, flags);
		lc_index_give(&sh->index, node);
		spin_unlock_irqrestore(&sh->lock, flags);
	}
	memalloc_noreclaim_restore(noreclaim);
}

void lc_forget(struct logcache *lc, struct lc_shard *sh, u64 lba, u32 len, u64 loc, u8 kind)
{
	u32 n;

	for (; len; len -= n, lba += n, loc += n) {
		n = len;
		if (kind != LC_EXT_DATA || !lc_damage_run(lc, loc, &n))
			lc_forget_now(lc, sh, lba, n, loc, kind);
	}
}

void lc_forget_now(struct logcache *lc, struct lc_shard *sh, u64 lba, u32 len, u64 loc, u8 kind)
{
	spin_lock_irq(&sh->lock);
	while (!lc_shard_topup(lc, sh)) {
		spin_unlock_irq(&sh->lock);
		lc_shard_topup_wait(lc, sh);
		spin_lock_irq(&sh->lock);
	}
	lc_fill_stale(sh, lba, len);
	WARN_ON_ONCE(lc_index_remove_at(&sh->index, lc_key(lba), len, loc, kind, lc_seg_drop, lc));
	spin_unlock_irq(&sh->lock);
}
