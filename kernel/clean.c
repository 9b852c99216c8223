// SPDX-License-Identifier: GPL-2.0-only
#include "clean.h"

#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "evict.h"
#include "io.h"
#include "log_batch.h"
#include "log_copy.h"
#include "log_seg.h"
#include "logcache.h"
#include "segment.h"
#include "target.h"

/* Blocks of one record: others wait for it to be written. With its header it is one
 * request where 127.5 KiB are the limit, too.
 */
#define LC_COPY_BLOCKS	30u
static_assert(LC_COPY_BLOCKS <= LC_COPY_BLOCKS_MAX);
/* Segments a log must have to be worth the trouble. */
#define LC_COPY_SEGS	6u
/* Looks at a segment before it is left alone for now: writers are at it. */
#define LC_COPY_TRIES	8u

/*
 * Half of the log is dead: once around it, each copied block has freed as much. The oldest
 * segment by itself says nothing: what nobody overwrites has come together there.
 */
bool lc_clean_worth(struct logcache *lc)
{
	u64 space = (u64)READ_ONCE(lc->segs.nr_dirty) << lc->geo.seg_shift;
	const struct lc_seg *s;
	bool worth;

	/* A helper's units are of a size of their own, and cannot reach a floor. */
	if (lc->segs.nr_dirty < LC_COPY_SEGS || lc->state != LC_OK ||
	    (lc_wb_awaited(lc) && !lc->wb.errors) || lc->origin.ops->writeback ||
	    2 * (u64)atomic64_read(&lc->segs.dirty_live) > space)
		return false;
	spin_lock_irq(&lc->log.lock);
	s = list_first_entry_or_null(&lc->log.dirty, struct lc_seg, list);
	worth = s && s->end_lsn != lc->evict.clean.stuck_lsn;
	spin_unlock_irq(&lc->log.lock);
	return worth;
}

/*--------------------------------------------------------------------------
 * What still counts
 *--------------------------------------------------------------------------
 */

static int lc_clean_send(struct logcache *lc)
{
	struct lc_batch *b = lc->evict.clean.batch;
	unsigned int nr = b->nr;
	int r;

	lc_evict_pace(lc);
	r = nr ? lc_log_copy(lc, b) : 0;
	lc->evict.clean.dropped |= b->wide && b->nr < nr;
	lc_log_copy_init(lc, b, LC_COPY_BLOCKS);
	return r;
}

static bool lc_clean_intact(struct logcache *lc, u32 seg, u64 loc, u32 len)
{
	u64 first = lc_seg_block(lc, seg), block, last = lc_block_at(loc + len - 1);

	for (block = lc_block_at(loc); block <= last; block++) {
		if (lc_block_crc(lc->evict.clean.data + ((block - first) << LC_BLOCK_SHIFT)) !=
		    lc->segs.crc[block])
			return false;
	}
	return true;
}

/* A place in the batch, which is sent if it is full. *@to is NULL if there is none: an error,
 * or something of what was sent was dropped.
 */
static int lc_clean_add(struct logcache *lc, u64 lba, u32 len, u8 op, u64 loc, void **to)
{
	struct lc_clean *c = &lc->evict.clean;
	int r;

	*to = lc_log_copy_add(c->batch, lba, len, op, loc);
	if (*to)
		return 0;
	r = lc_clean_send(lc);
	/*
	 * What is older than a dropped zero or discard must not be
	 * copied in its place: look again, from the newest on.
	 */
	if (r || c->dropped)
		return r;
	*to = lc_log_copy_add(c->batch, lba, len, op, loc);
	return WARN_ON_ONCE(!*to) ? -EUCLEAN : 0;
}

/* Copy [@lba, @lba + @len), of which the index says that it is at @loc. */
static int lc_clean_data(struct logcache *lc, u32 seg, u64 lba, u32 len, u64 loc)
{
	u32 max = LC_COPY_BLOCKS * LC_BLOCK_SECTORS - loc % LC_BLOCK_SECTORS, n;
	u64 base = lc_geo_loc(&lc->geo, seg, 0);
	void *to;
	int r;

	for (; len; len -= n, lba += n, loc += n) {
		n = min(len, max);
		if (!lc_clean_intact(lc, seg, loc, n))
			return -EBADMSG;
		r = lc_clean_add(lc, lba, n, LC_OP_WRITE, loc, &to);
		if (!to)
			return r;
		memcpy(to, lc->evict.clean.data + ((loc - base) << LC_SECTOR_SHIFT),
		       n << LC_SECTOR_SHIFT);
	}
	return 0;
}

/* The same of zeroes or a discard. */
static int lc_clean_zeroes(struct logcache *lc, u64 lba, u32 len, u8 op, u64 loc)
{
	void *to;

	/* Two of the same place: the newer one, which we meet first. */
	if (lc_batch_overlaps(lc->evict.clean.batch, lba, len))
		return 0;
	return lc_clean_add(lc, lba, len, op, loc, &to);
}

/* What of @ent is still mapped to @seg. *@found grows with what there is. */
static int lc_clean_entry(struct logcache *lc, u32 seg, const struct lc_ent *ent, u32 *found)
{
	struct lc_shard *sh = lc_shard_of(lc, ent->lba);
	bool data = ent->op == LC_OP_WRITE, there;
	u64 key = lc_key(ent->lba), base = lc_geo_loc(&lc->geo, seg, data ? ent->pos : 0);
	struct lc_extent e;
	u32 at = 0, off;
	int r;

	if (!data && ent->op != LC_OP_ZERO && ent->op != LC_OP_DISCARD)
		return 0;
	for (; at < ent->len; at = off + e.len) {
		spin_lock_irq(&sh->lock);
		there = lc_index_lookup(&sh->index, key + at, ent->len - at, &e);
		spin_unlock_irq(&sh->lock);
		if (!there)
			break;
		off = e.key - key;
		if (e.kind != (data ? LC_EXT_DATA : LC_EXT_ZERO) ||
		    e.loc != base + (data ? off : 0))
			continue;
		(*found)++;
		lc->evict.clean.zeroes |= !data;
		r = data ? lc_clean_data(lc, seg, ent->lba + off, e.len, e.loc) :
		    lc_clean_zeroes(lc, ent->lba + off, e.len, ent->op, e.loc);
		if (r || lc->evict.clean.dropped)
			return r;
	}
	return 0;
}

/* One look at the segment, newest entry first. */
static int lc_clean_look(struct logcache *lc, const struct lc_slot_info *info, u32 *found)
{
	const struct lc_entry *ents = lc_slot_entries(lc->evict.clean.slot);
	struct lc_ent ent;
	u32 i = info->nr_entries;
	int r = 0;

	*found = 0;
	lc->evict.clean.dropped = false;
	lc->evict.clean.zeroes = false;
	while (!r && !lc->evict.clean.dropped && i--) {
		lc_entry_get(&ents[i], &ent);
		r = lc_clean_entry(lc, info->seg, &ent, found);
		cond_resched();
	}
	return r ?: lc_clean_send(lc);
}

/*--------------------------------------------------------------------------
 * The segment
 *--------------------------------------------------------------------------
 */

static u64 lc_clean_payload(struct logcache *lc, const struct lc_slot_info *info)
{
	u64 clean = READ_ONCE(lc->log.clean_lsn), sum = 0;
	struct lc_ent ent;
	u32 i;

	for (i = clean > info->first_lsn ? clean - info->first_lsn : 0; i < info->nr_entries; i++) {
		lc_entry_get(&lc_slot_entries(lc->evict.clean.slot)[i], &ent);
		if (ent.op == LC_OP_WRITE)
			sum += ent.len;
	}
	return sum;
}

static int lc_clean_read(struct logcache *lc, u32 seg, struct lc_slot_info *info)
{
	struct lc_clean *c = &lc->evict.clean;
	int r;

	/* The writeback knows what to do about it. */
	if (lc_damaged(lc, lc_geo_loc(&lc->geo, seg, 0), 1u << lc->geo.seg_shift))
		return -EBADMSG;
	r = lc_slot_read(lc, seg, c->slot, info);
	if (!r && lc_seg_live(&lc->segs.seg[seg]))
		r = lc_seg_read(lc, seg, c->data);
	return r;
}

static int lc_clean_empty(struct logcache *lc, struct lc_seg *s)
{
	u32 seg = lc_seg_no(lc, s), found = 1, i;
	struct lc_slot_info info;
	u64 lsn;
	int r;

	r = lc_clean_read(lc, seg, &info);
	lc_log_copy_init(lc, lc->evict.clean.batch, LC_COPY_BLOCKS);
	for (i = 0; !r && i < LC_COPY_TRIES; i++) {
		r = lc_clean_look(lc, &info, &found);
		/* Nothing new is ever mapped here. Zeroes are not counted. */
		if (!r && !lc->evict.clean.zeroes && !lc_seg_live(s))
			found = 0;
		if (!r && !found)
			break;
	}
	if (!r && found)
		r = -EAGAIN;
	if (!r && WARN_ON_ONCE(lc_seg_live(s)))
		r = -EUCLEAN;
	r = r ?: lc_log_settle(lc, &lsn);
	if (r)
		return r;
	/* Who reads a segment of its own accord looks at the state under this lock. */
	spin_lock_irq(&lc->lru_lock);
	WRITE_ONCE(s->state, LC_SEG_VICTIM);
	spin_unlock_irq(&lc->lru_lock);
	lc_log_copied(lc, s, lc_clean_payload(lc, &info), lsn);
	wait_event_idle(lc->seg_wait, !atomic_read(&s->readers));
	return 0;
}

/* Errors that say nothing about the segment. */
static bool lc_clean_passes(int r)
{
	return r == -EAGAIN || r == -EBUSY || r == -ENOSPC || r == -ENOENT;
}

int lc_clean_segment(struct logcache *lc, u32 *seg)
{
	struct lc_seg *s;
	int r;

	if (!lc_wb_clean_begin(lc))
		return -EAGAIN;
	spin_lock_irq(&lc->log.lock);
	s = list_first_entry_or_null(&lc->log.dirty, struct lc_seg, list);
	spin_unlock_irq(&lc->log.lock);
	r = s ? lc_clean_empty(lc, s) : -ENOENT;
	if (!r) {
		*seg = lc_seg_no(lc, s);
		lc_stat_inc(lc, COPIED);
	} else if (!lc_clean_passes(r)) {
		lc->evict.clean.stuck_lsn = s->end_lsn;
	}
	lc_wb_clean_end(lc);
	return r == -EAGAIN ? -EBUSY : r;
}

int lc_clean_init(struct logcache *lc)
{
	struct lc_clean *c = &lc->evict.clean;

	c->slot = lc->evict.slot;
	c->data = lc->evict.data;
	c->batch = kvcalloc(1, sizeof(*c->batch), GFP_KERNEL);
	if (!c->batch)
		return -ENOMEM;
	c->batch->from = kvcalloc(LC_RECORD_ENTRIES_MAX, sizeof(*c->batch->from), GFP_KERNEL);
	c->batch->data = lc_buf_alloc(LC_BATCH_BYTES);
	c->batch->crc = kcalloc(LC_COPY_BLOCKS, sizeof(*c->batch->crc), GFP_KERNEL);
	return c->batch->from && c->batch->data && c->batch->crc ? 0 : -ENOMEM;
}

void lc_clean_exit(struct logcache *lc)
{
	struct lc_batch *b = lc->evict.clean.batch;

	if (!b)
		return;
	lc_buf_free(b->data, LC_BATCH_BYTES);
	kvfree(b->from);
	kfree(b->crc);
	kvfree(b);
}
