// SPDX-License-Identifier: GPL-2.0-only
#include "evict.h"

#include <linux/ktime.h>
#include <linux/slab.h>
#include <linux/sort.h>

#include "io.h"
#include "logcache.h"
#include "segment.h"
#include "super.h"
#include "target.h"
#include "verify.h"

/* Free segments below which even a small cache starts, on top of the log's reserve. */
#define LC_FREE_MIN	(LC_SEG_RESERVE + 3)

/* Blocks between two that are to be kept: to read them costs less than another I/O. */
#define LC_CARRY_GAP	8u

static u32 lc_free_at(const struct logcache *lc, u32 percent)
{
	u32 nr = (u64)lc->geo.nr_segs * (100 - percent) / 100;

	return max(nr, LC_FREE_MIN);
}

static u32 lc_free_now(struct logcache *lc)
{
	return READ_ONCE(lc->segs.nr_free) + lc->evict.nr_victims;
}

/* With so few somebody will soon have to wait for space. */
static u32 lc_free_few(const struct logcache *lc)
{
	return max(lc_free_at(lc, lc->args.high_watermark) / 2, LC_FREE_MIN);
}

void lc_evict_pace(struct logcache *lc)
{
	const struct lc_evict *ev = &lc->evict;

	lc_pace(ev->nice, ev->all || READ_ONCE(ev->stop) || READ_ONCE(lc->log.starved) ||
		READ_ONCE(lc->segs.nr_free) <= lc_free_few(lc) || lc_wb_awaited(lc) ||
		lc_wb_dirty_percent(lc) >= lc->args.dirty_throttle);
}

/*--------------------------------------------------------------------------
 * One block of the victim: still live, and worth keeping?
 *--------------------------------------------------------------------------
 */

static bool lc_victim_whole(struct lc_shard *sh, const struct lc_extent *e)
{
	struct lc_extent found;
	bool whole;

	spin_lock_irq(&sh->lock);
	whole = lc_index_lookup(&sh->index, e->key, e->len, &found) && found.key == e->key &&
		found.len == e->len && found.kind == e->kind && found.loc == e->loc;
	spin_unlock_irq(&sh->lock);
	return whole;
}

/* True if the block is to be carried over; else it is forgotten. */
static bool lc_victim_block(struct logcache *lc, const struct lc_carry *c)
{
	struct lc_shard *sh = lc_shard_of(lc, c->lba);
	struct lc_extent e = {
		.key = lc_key(c->lba),
		.len = c->len,
		.kind = LC_EXT_DATA,
		.loc = c->loc,
	};
	u64 block = lc_block_at(c->loc);

	if (!lc_seg_live(lc_seg_at(lc, c->loc)))
		return false;
	if (!lc->evict.all && !lc_damaged(lc, c->loc, c->len) &&
	    c->len == LC_BLOCK_SECTORS && lc_lru_keep(lc->lru, block) &&
	    lc_victim_whole(sh, &e))
		return true;
	lc_forget(lc, sh, c->lba, c->len, c->loc, LC_EXT_DATA);
	return false;
}

/* An entry of the victim, block by block; what is to be kept goes to ev->carry. */
static void lc_victim_data(struct logcache *lc, u32 seg, const struct lc_ent *ent)
{
	struct lc_evict *ev = &lc->evict;
	u64 loc = lc_geo_loc(&lc->geo, seg, ent->pos), lba = ent->lba;
	struct lc_carry c;
	u32 left, n;

	for (left = ent->len; left; left -= n, loc += n, lba += n) {
		n = min_t(u32, left, LC_BLOCK_SECTORS - loc % LC_BLOCK_SECTORS);
		c = (struct lc_carry) { .lba = lba, .loc = loc, .len = n };
		if (lc_victim_block(lc, &c) && ev->nr_carry < lc->geo.seg_blocks)
			ev->carry[ev->nr_carry++] = c;
	}
}

static void lc_victim_zero(struct logcache *lc, u32 seg, const struct lc_ent *ent)
{
	lc_forget(lc, lc_shard_of(lc, ent->lba), ent->lba, ent->len,
		  lc_geo_loc(&lc->geo, seg, 0), LC_EXT_ZERO);
}

/*--------------------------------------------------------------------------
 * Carrying over
 *--------------------------------------------------------------------------
 */

static struct lc_segbuf *lc_carry_segbuf(struct logcache *lc)
{
	struct lc_evict *ev = &lc->evict;
	u32 seg;

	if (ev->cur && (ev->cur->fill == lc->geo.seg_blocks || !lc_segbuf_room(lc, ev->cur))) {
		lc_copies_seal(lc, ev->cur);
		ev->cur = NULL;
	}
	if (ev->cur)
		return ev->cur;
	seg = lc_seg_alloc(lc, LC_SEG_FILL, LC_SEG_RESTART);
	if (seg == LC_SEG_NONE)
		return NULL;
	ev->cur = lc_segbuf_get(lc, seg, LC_LRU_CARRY, 0);
	if (!ev->cur)
		lc_seg_free(lc, seg);
	return ev->cur;
}

/* The copy is on the cache: point the index there, if nothing came between. */
static void lc_carry_move(struct logcache *lc, struct lc_segbuf *sb, const struct lc_carry *c,
			  u32 at)
{
	struct lc_shard *sh = lc_shard_of(lc, c->lba);
	struct lc_extent found, e = {
		.key = lc_key(c->lba),
		.len = c->len,
		.kind = LC_EXT_DATA,
		.loc = lc_geo_loc(&lc->geo, sb->seg, at * LC_BLOCK_SECTORS),
	};
	struct lc_ent ent = {
		.lba = c->lba,
		.len = c->len,
		.pos = at * LC_BLOCK_SECTORS,
		.op = LC_OP_COPY,
	};
	bool moved = false;

	spin_lock_irq(&sh->lock);
	while (!lc_shard_topup(lc, sh)) {
		spin_unlock_irq(&sh->lock);
		lc_shard_topup_wait(lc, sh);
		spin_lock_irq(&sh->lock);
	}
	if (lc_index_lookup(&sh->index, e.key, e.len, &found) && found.len == e.len &&
	    found.kind == LC_EXT_DATA && found.loc == c->loc) {
		lc_seg_live_add(lc, &lc->segs.seg[sb->seg], e.len);
		moved = !WARN_ON_ONCE(lc_index_insert(&sh->index, &e, lc_seg_drop, lc));
		if (moved)
			lc_lru_carry(lc->lru, lc_block_at(c->loc), lc_block_at(e.loc));
	}
	spin_unlock_irq(&sh->lock);
	if (moved) {
		lc_segbuf_add(sb, &ent);
		lc_stat_inc(lc, CARRIED);
	}
}

/* Some of ev->carry from @from on, as many as the open carry segment holds.
 * Return: how many are dealt with, 0: no segment to be had, or -errno.
 */
static int lc_carry_some(struct logcache *lc, u32 seg, u32 from)
{
	struct lc_evict *ev = &lc->evict;
	struct lc_segbuf *sb = lc_carry_segbuf(lc);
	u32 *crc, i, n, at;
	u64 src;
	int r;

	if (!sb)
		return 0;
	lc_evict_pace(lc);
	n = min3(ev->nr_carry - from, lc->geo.seg_blocks - sb->fill, lc_segbuf_room(lc, sb));
	at = sb->fill;
	crc = &lc->segs.crc[lc_seg_block(lc, sb->seg)];
	for (i = 0; i < n; i++) {
		src = lc_block_at(ev->carry[from + i].loc) - lc_seg_block(lc, seg);
		/* In place: in order, blocks only ever move down. */
		memmove(ev->data + ((size_t)i << LC_BLOCK_SHIFT),
			ev->data + ((size_t)src << LC_BLOCK_SHIFT), LC_BLOCK_SIZE);
		crc[at + i] = lc->segs.crc[lc_block_at(ev->carry[from + i].loc)];
	}
	r = lc_io_cache(lc, REQ_OP_WRITE, lc_seg_dev_block(lc, sb->seg) + at, ev->data,
			(size_t)n << LC_BLOCK_SHIFT);
	if (r)
		return r;
	sb->fill += n;
	for (i = 0; i < n; i++)
		lc_carry_move(lc, sb, &ev->carry[from + i], at + i);
	return n;
}

/* A block that does not match its checksum is not worth keeping. */
static void lc_carry_verify(struct logcache *lc, u32 seg)
{
	struct lc_evict *ev = &lc->evict;
	u64 first = lc_seg_block(lc, seg), block;
	u32 i, nr = 0;

	for (i = 0; i < ev->nr_carry; i++) {
		block = lc_block_at(ev->carry[i].loc);
		if (lc_block_crc(ev->data + ((block - first) << LC_BLOCK_SHIFT)) ==
		    lc->segs.crc[block])
			ev->carry[nr++] = ev->carry[i];
		else
			lc_crc_error(lc, block, ev->carry[i].lba, "eviction");
	}
	ev->nr_carry = nr;
}

static int lc_carry_order(const void *a, const void *b)
{
	const struct lc_carry *x = a, *y = b;

	return x->loc < y->loc ? -1 : x->loc > y->loc;
}

/* What is to be kept of @seg, in order, to its places in the buffer. */
static int lc_carry_read(struct logcache *lc, u32 seg)
{
	struct lc_evict *ev = &lc->evict;
	u64 first = lc_seg_block(lc, seg), from, to, at;
	u32 i = 0;
	int r = 0;

	while (!r && i < ev->nr_carry) {
		from = lc_block_at(ev->carry[i].loc) - first;
		for (to = from + 1; ++i < ev->nr_carry; to = at + 1) {
			at = lc_block_at(ev->carry[i].loc) - first;
			if (at - to > LC_CARRY_GAP || at - from >= LC_READ_BLOCKS)
				break;
		}
		r = lc_io_cache(lc, REQ_OP_READ, lc_seg_dev_block(lc, seg) + from,
				ev->data + (from << LC_BLOCK_SHIFT), (to - from) << LC_BLOCK_SHIFT);
	}
	return r;
}

static void lc_carry(struct logcache *lc, u32 seg)
{
	struct lc_evict *ev = &lc->evict;
	u32 done;
	int n;

	/* Entries of a slot of copies are in no order (lc_copies_seal), and moving needs one. */
	sort(ev->carry, ev->nr_carry, sizeof(*ev->carry), lc_carry_order, NULL);
	if (lc_carry_read(lc, seg))
		return;
	lc_carry_verify(lc, seg);
	for (done = 0; done < ev->nr_carry; done += n) {
		n = lc_carry_some(lc, seg, done);
		if (n <= 0)
			break;
	}
}

/*--------------------------------------------------------------------------
 * One victim
 *--------------------------------------------------------------------------
 */

static int lc_victim_empty(struct logcache *lc, u32 seg)
{
	struct lc_evict *ev = &lc->evict;
	struct lc_seg *s = &lc->segs.seg[seg];
	const struct lc_entry *ents = lc_slot_entries(ev->slot);
	struct lc_slot_info info;
	struct lc_ent ent;
	bool all = ev->all;
	u32 i;
	int r;

	r = lc_slot_read(lc, seg, ev->slot, &info);
	if (r)
		return r;
	ev->nr_carry = 0;
	for (i = 0; i < info.nr_entries; i++) {
		lc_entry_get(&ents[i], &ent);
		if (ent.op == LC_OP_WRITE || ent.op == LC_OP_COPY)
			lc_victim_data(lc, seg, &ent);
		else if (ent.op == LC_OP_ZERO || ent.op == LC_OP_DISCARD)
			lc_victim_zero(lc, seg, &ent);
		cond_resched();
	}
	if (ev->nr_carry) {
		lc_carry(lc, seg);
		/* Whatever could not be carried is forgotten after all. */
		ev->all = true;
		for (i = 0; i < info.nr_entries && lc_seg_live(s); i++) {
			lc_entry_get(&ents[i], &ent);
			if (ent.op == LC_OP_WRITE || ent.op == LC_OP_COPY)
				lc_victim_data(lc, seg, &ent);
		}
		ev->all = all;
	}
	if (lc_seg_live(s) &&
	    lc_damaged(lc, lc_geo_loc(&lc->geo, seg, 0), 1u << lc->geo.seg_shift))
		return -EBUSY;
	if (WARN_ON_ONCE(lc_seg_live(s)))
		return -EUCLEAN;
	wait_event_idle(lc->seg_wait, !atomic_read(&s->readers));
	return 0;
}

static void lc_victim_done(struct logcache *lc, u32 seg)
{
	struct lc_evict *ev = &lc->evict;

	spin_lock_irq(&lc->lru_lock);
	lc_lru_evicted(lc->lru, seg);
	spin_unlock_irq(&lc->lru_lock);
	list_add_tail(&lc->segs.seg[seg].list, &ev->victims);
	ev->nr_victims++;
	lc_stat_inc(lc, EVICTED);
}

/* False: what cannot be emptied stays as it is and is not picked again. */
static bool lc_victim(struct logcache *lc, u32 seg)
{
	struct lc_seg *s = &lc->segs.seg[seg];
	int r = lc_victim_empty(lc, seg);

	if (!r) {
		lc_victim_done(lc, seg);
		return true;
	}
	WRITE_ONCE(s->state, LC_SEG_SEALED);
	if (r == -EBUSY)
		list_add_tail(&s->list, &lc->evict.pinned);
	return false;
}

/* What is damaged may have been written again. */
static void lc_victims_unpin(struct logcache *lc)
{
	struct lc_seg *s, *n;

	list_for_each_entry_safe(s, n, &lc->evict.pinned, list) {
		if (lc_seg_live(s))
			continue;
		list_del_init(&s->list);
		spin_lock_irq(&lc->lru_lock);
		lc_lru_restore(lc->lru, lc_seg_no(lc, s));
		spin_unlock_irq(&lc->lru_lock);
	}
}

static u32 lc_victim_pick(struct logcache *lc)
{
	u32 seg;

	spin_lock_irq(&lc->lru_lock);
	seg = lc_lru_expire(lc->lru, ktime_get_seconds());
	if (seg == LC_LRU_NONE)
		seg = lc_lru_pick(lc->lru);
	if (seg != LC_LRU_NONE)
		WRITE_ONCE(lc->segs.seg[seg].state, LC_SEG_VICTIM);
	spin_unlock_irq(&lc->lru_lock);
	return seg;
}

/* Free what was emptied, behind the checkpoint that says so. */
static void lc_victims_release(struct logcache *lc)
{
	struct lc_evict *ev = &lc->evict;
	struct lc_seg *s, *n;

	if (!ev->nr_victims)
		return;
	/* Others wait for the checkpoint's lock. */
	lc_pace(ev->nice, true);
	if (!lc_planted(LC_PLANT_NO_CKPT) && lc_ckpt_write(lc, 0))
		return;
	list_for_each_entry_safe(s, n, &ev->victims, list) {
		list_del_init(&s->list);
		lc_seg_free(lc, lc_seg_no(lc, s));
	}
	ev->nr_victims = 0;
	if (READ_ONCE(lc->log.starved))
		lc_log_kick(lc);
}

/*--------------------------------------------------------------------------
 * Age
 *--------------------------------------------------------------------------
 */

/* Eight times in a TTL, each second while there is something to do. */
static unsigned long lc_ttl_period(u32 ttl, bool busy)
{
	return (unsigned long)(busy ? 1 : clamp_t(u32, ttl / 8, 1, 3600)) * HZ;
}

/* Return: is something expired? The policy looks at some segments at a time. */
static bool lc_evict_expired(struct logcache *lc)
{
	struct lc_evict *ev = &lc->evict;
	bool some = false;
	u32 seg, i;

	for (i = 0; i <= lc->geo.nr_segs / 64 && !ev->stop; i++) {
		spin_lock_irq(&lc->lru_lock);
		seg = lc_lru_expire(lc->lru, ktime_get_seconds());
		if (seg != LC_LRU_NONE)
			WRITE_ONCE(lc->segs.seg[seg].state, LC_SEG_VICTIM);
		spin_unlock_irq(&lc->lru_lock);
		if (seg != LC_LRU_NONE)
			some |= lc_victim(lc, seg);
		cond_resched();
	}
	return some;
}

static void lc_evict_age(struct logcache *lc)
{
	struct lc_evict *ev = &lc->evict;
	u32 ttl = READ_ONCE(lc->args.ttl_s);
	bool some = false;

	if (ttl != ev->ttl_s) {
		ev->ttl_s = ttl;
		spin_lock_irq(&lc->lru_lock);
		lc_lru_set_ttl(lc->lru, ttl);
		spin_unlock_irq(&lc->lru_lock);
		cancel_delayed_work(&ev->ttl);
	}
	if (!ttl || ev->stop)
		return;
	if (xchg(&ev->expire, false))
		some = lc_evict_expired(lc);
	queue_delayed_work(lc->bg, &ev->ttl, lc_ttl_period(ttl, some));
}

static void lc_evict_ttl_work(struct work_struct *work)
{
	struct logcache *lc = container_of(to_delayed_work(work), struct logcache, evict.ttl);

	WRITE_ONCE(lc->evict.expire, true);
	lc_evict_kick(lc);
}

/*--------------------------------------------------------------------------
 * Watermarks
 *--------------------------------------------------------------------------
 */

/*
 * A segment of the log may be had more cheaply than a clean one. If a unit of writeback
 * is to make way for it, that is worth waiting for, as long as there is time.
 */
static int lc_evict_log(struct logcache *lc)
{
	struct lc_evict *ev = &lc->evict;
	u32 seg;
	int r;

	if (ev->all || ev->no_clean || !lc_clean_worth(lc))
		return 0;
	r = lc_clean_segment(lc, &seg);
	if (!r) {
		lc_victim_done(lc, seg);
		return 1;
	}
	/* What failed once would fail for each victim of the pass. */
	ev->no_clean = r != -EAGAIN;
	return r == -EAGAIN && lc_wb_yields(lc) && lc_free_now(lc) > LC_SEG_RESERVE ? r : 0;
}

/* Return: 1: a segment is on its way to be free; 0: none was found this time; -ENOENT: none is
 * to be had; -EAGAIN: whoever is to make way will kick us.
 */
static int lc_evict_one(struct logcache *lc)
{
	int r = lc_evict_log(lc);
	u32 seg;

	if (r)
		return r;
	seg = lc_victim_pick(lc);
	if (seg != LC_LRU_NONE)
		return lc_victim(lc, seg);
	/* The policy looks at some at a time. */
	return lc_lru_ready(lc->lru) ? 0 : -ENOENT;
}

/* Writers, and the cleaner, had better not wait for the whole pass: but a checkpoint is as
 * large as the cache.
 */
static bool lc_release_due(struct logcache *lc)
{
	u32 few = lc_free_few(lc);

	if (READ_ONCE(lc->log.starved))
		return lc->evict.nr_victims >= LC_FREE_MIN;
	return READ_ONCE(lc->segs.nr_free) <= few &&
	       lc->evict.nr_victims >= max(few / 4, LC_FREE_MIN);
}

/* From the high watermark to the low one. */
static void lc_evict_space(struct logcache *lc)
{
	struct lc_evict *ev = &lc->evict;
	u32 low = lc_free_at(lc, lc->args.low_watermark);
	int r;

	if (!ev->all && lc_free_now(lc) > lc_free_at(lc, lc->args.high_watermark))
		return;
	WRITE_ONCE(ev->begun, !ev->all);
	while (!ev->stop && lc->state == LC_OK && (ev->all || lc_free_now(lc) < low)) {
		lc_evict_pace(lc);
		r = lc_evict_one(lc);
		if (r < 0)
			break;
		cond_resched();
		if (r && lc_release_due(lc))
			lc_victims_release(lc);
	}
}

static void lc_evict_work(struct work_struct *work)
{
	struct logcache *lc = container_of(work, struct logcache, evict.work);
	struct lc_evict *ev = &lc->evict;

	ev->nice = task_nice(current);
	ev->all = xchg(&ev->drop, false);
	ev->no_clean = false;
	lc_victims_unpin(lc);
	if (lc->state == LC_OK) {
		lc_evict_age(lc);
		lc_evict_space(lc);
		lc_victims_release(lc);
		if (READ_ONCE(lc->log.starved))
			lc_wb_kick(lc);
	}
	lc_pace(ev->nice, true);
	lc_wb_unyield(lc);
}

bool lc_evict_room(const struct logcache *lc)
{
	/* Not what eviction has made, up to the low mark: that is for what is asked for. */
	u32 percent = READ_ONCE(lc->evict.begun) ? lc->args.low_watermark :
						   lc->args.high_watermark;

	return READ_ONCE(lc->segs.nr_free) > lc_free_at(lc, percent);
}

void lc_evict_kick(struct logcache *lc)
{
	if (!lc->evict.stop)
		queue_work(lc->bg, &lc->evict.work);
}

void lc_evict_stop(struct logcache *lc)
{
	lc->evict.stop = true;
	cancel_delayed_work_sync(&lc->evict.ttl);
	cancel_work_sync(&lc->evict.work);
	/* The work may have set it again. */
	cancel_delayed_work_sync(&lc->evict.ttl);
}

int lc_evict_seal(struct logcache *lc)
{
	struct lc_segbuf *sb = lc->evict.cur;

	lc->evict.cur = NULL;
	return sb ? lc_copies_seal(lc, sb) : 0;
}

int lc_evict_init(struct logcache *lc)
{
	struct lc_evict *ev = &lc->evict;

	INIT_WORK(&ev->work, lc_evict_work);
	INIT_DELAYED_WORK(&ev->ttl, lc_evict_ttl_work);
	ev->ttl_s = lc->args.ttl_s;
	INIT_LIST_HEAD(&ev->victims);
	INIT_LIST_HEAD(&ev->pinned);
	ev->stop = true;
	ev->slot = lc_buf_alloc((size_t)lc->geo.slot_blocks << LC_BLOCK_SHIFT);
	ev->data = lc_buf_alloc((size_t)lc->geo.seg_blocks << LC_BLOCK_SHIFT);
	ev->carry = kvcalloc(lc->geo.seg_blocks, sizeof(*ev->carry), GFP_KERNEL);
	return ev->slot && ev->data && ev->carry ? lc_clean_init(lc) : -ENOMEM;
}

void lc_evict_exit(struct logcache *lc)
{
	struct lc_evict *ev = &lc->evict;

	lc_clean_exit(lc);
	kvfree(ev->carry);
	lc_buf_free(ev->data, (size_t)lc->geo.seg_blocks << LC_BLOCK_SHIFT);
	lc_buf_free(ev->slot, (size_t)lc->geo.slot_blocks << LC_BLOCK_SHIFT);
}
