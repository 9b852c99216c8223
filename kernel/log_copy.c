// SPDX-License-Identifier: GPL-2.0-only
#include "log_copy.h"

#include <linux/completion.h>

#include "log_batch.h"
#include "log_seg.h"
#include "segment.h"
#include "target.h"

/*--------------------------------------------------------------------------
 * Filling the batch
 *--------------------------------------------------------------------------
 */

void lc_log_copy_init(struct logcache *lc, struct lc_batch *b, unsigned int max_blocks)
{
	b->lc = lc;
	lc_batch_reset(b);
	b->max_blocks = max_blocks;
	b->max_ents = LC_RECORD_ENTRIES_MAX;
}

/* A copy has the checksum of what it is a copy of. */
static void lc_copy_keep_crc(struct lc_batch *b, u32 len, u64 from, unsigned int pos)
{
	const u32 *crc = &b->lc->segs.crc[lc_block_at(from)];
	unsigned int i = pos / LC_BLOCK_SECTORS;

	if ((from | pos) % LC_BLOCK_SECTORS)
		return;
	for (; len >= LC_BLOCK_SECTORS; len -= LC_BLOCK_SECTORS, i++) {
		b->crc[i] = *crc++;
		b->kept |= BIT_ULL(i);
	}
}

void *lc_log_copy_add(struct lc_batch *b, u64 lba, u32 len, u8 op, u64 from)
{
	unsigned int payload = op == LC_OP_WRITE ? len : 0;
	unsigned int pos = lc_batch_pos(b, payload);

	if (!lc_batch_fits(b, pos + payload))
		return NULL;
	b->from[b->nr] = from;
	lc_copy_keep_crc(b, payload, from, pos);
	lc_batch_add(b, lba, len, op, pos);
	return lc_batch_sector(b, pos);
}

bool lc_batch_overlaps(const struct lc_batch *b, u64 lba, u32 len)
{
	unsigned int i;

	for (i = 0; i < b->nr; i++) {
		if (lba < b->ent[i].lba + b->ent[i].len && b->ent[i].lba < lba + len)
			return true;
	}
	return false;
}

/*--------------------------------------------------------------------------
 * Into the log
 *--------------------------------------------------------------------------
 */

/* Log lock held. Will something older than the next record, and newer than what
 * the index maps to, take the place?
 */
static bool lc_log_unpublished(const struct lc_log *log, u64 lba, u32 len)
{
	const struct lc_batch *b;

	list_for_each_entry(b, &log->inflight, list) {
		if (lc_batch_overlaps(b, lba, len))
			return true;
	}
	return false;
}

/* Log lock held. Is the copy still what it is a copy of? */
static bool lc_copy_valid(struct logcache *lc, const struct lc_batch_ent *ent, u64 from)
{
	struct lc_shard *sh = lc_shard_of(lc, ent->lba);
	struct lc_extent e;
	bool same;

	if (lc_planted(LC_PLANT_STALE_COPY))
		return true;
	if (lc_log_unpublished(&lc->log, ent->lba, ent->len))
		return false;
	spin_lock(&sh->lock);
	same = lc_index_lookup(&sh->index, lc_key(ent->lba), ent->len, &e) &&
	       e.key == lc_key(ent->lba) && e.len == ent->len && e.loc == from &&
	       e.kind == (ent->op == LC_OP_WRITE ? LC_EXT_DATA : LC_EXT_ZERO);
	spin_unlock(&sh->lock);
	return same;
}

/*
 * Log lock held. The LSNs of the batch are about to be given out: whatever is older
 * is in flight or in the index, so what passes here can only be superseded later.
 */
static void lc_copy_sift(struct logcache *lc, struct lc_batch *b)
{
	unsigned int i, nr = 0;

	for (i = 0; i < b->nr; i++) {
		if (lc_copy_valid(lc, &b->ent[i], b->from[i])) {
			b->from[nr] = b->from[i];
			b->ent[nr++] = b->ent[i];
		} else if (b->ent[i].op == LC_OP_WRITE) {
			b->dirty -= b->ent[i].len;
		}
	}
	b->nr = nr;
}

/* Log lock held. Room for @b in the open segment, next to what gathers. */
static bool lc_copy_fits(const struct logcache *lc, const struct lc_batch *b)
{
	const struct lc_segbuf *sb = lc->log.cur;
	const struct lc_batch *open = lc->log.open;
	u32 blocks = 1 + lc_batch_blocks(b), ents = b->nr;

	if (open) {
		blocks += 1 + lc_batch_blocks(open);
		ents += open->nr;
	}
	return lc->geo.seg_blocks - sb->fill >= blocks && lc_segbuf_room(lc, sb) >= ents;
}

static void lc_copy_end(struct lc_log *log, struct lc_batch *b, blk_status_t status)
{
	log->copy = NULL;
	b->status = status;
	complete(b->copied);
}

bool lc_log_submit_copy(struct logcache *lc, unsigned long *flags)
	__must_hold(&lc->log.lock)
{
	struct lc_log *log = &lc->log;
	struct lc_batch *b = log->copy, *open = log->open;
	bool fits;

	if (likely(!b) || log->submitting)
		return false;
	if (log->stopped || log->gated || log->direct || lc->state != LC_OK) {
		lc_copy_end(log, b, BLK_STS_AGAIN);
		return true;
	}
	/* One more than writers may have, or large ones would keep it out. */
	if (log->nr_inflight > LC_LOG_DEPTH_MAX)
		return false;
	fits = lc_copy_fits(lc, b);
	if (!fits && open)
		return false;
	if (!lc_log_may_begin(lc, log->cur) || (!fits && !lc_log_next_seg(lc))) {
		lc_copy_end(log, b, BLK_STS_NOSPC);
		return true;
	}
	lc_copy_sift(lc, b);
	if (!b->nr) {
		lc_copy_end(log, b, BLK_STS_OK);
		return true;
	}
	if (open) {
		open->max_blocks = min(open->max_blocks, lc->geo.seg_blocks - log->cur->fill -
				       lc_batch_blocks(b) - 2);
		open->max_ents = min(open->max_ents, lc_segbuf_room(lc, log->cur) - b->nr);
	}
	log->copy = NULL;
	lc_stat_add(lc, COPIED_SECTORS, b->dirty);
	lc_log_send(lc, b, flags);
	return true;
}

int lc_log_copy(struct logcache *lc, struct lc_batch *b)
{
	DECLARE_COMPLETION_ONSTACK(copied);

	b->copied = &copied;
	spin_lock_irq(&lc->log.lock);
	lc->log.copy = b;
	spin_unlock_irq(&lc->log.lock);
	/* Not by ourselves: we may be nice, and writers wait for who submits. */
	lc_log_kick(lc);
	wait_for_completion(&copied);
	switch (b->status) {
	case BLK_STS_OK:
		return 0;
	case BLK_STS_NOSPC:
		return -ENOSPC;
	case BLK_STS_AGAIN:
		return -EBUSY;
	default:
		return -EIO;
	}
}
