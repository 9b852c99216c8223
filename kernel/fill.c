// SPDX-License-Identifier: GPL-2.0-only
#include "fill.h"

#include <linux/highmem.h>
#include <linux/jiffies.h>
#include <linux/log2.h>
#include <linux/slab.h>

#include "io.h"
#include "logcache.h"
#include "map.h"
#include "segment.h"
#include "target.h"
#include "through.h"

#define LC_MISS_MIN	64u
/* What of a reader concerns the read of the origin. */
#define LC_MISS_FLAGS	(REQ_SYNC | REQ_META | REQ_PRIO)
#define LC_PAGES_MIN	(LC_MISS_MIN * 4)
#define LC_MISS_STUCK	(120 * HZ)
/* With so many blocks behind, filling is not left to when there is time. */
#define LC_FILL_LATE	(2 * LC_FILL_BATCH)
/* With so many, a miss takes nothing along. */
#define LC_FILL_MANY	(16 * LC_FILL_BATCH)
/* A block can be inserted in so many pieces, each an entry of the slot. */
#define LC_BLOCK_PIECES	(LC_BLOCK_SECTORS / 2)

/*--------------------------------------------------------------------------
 * The miss
 *--------------------------------------------------------------------------
 */

static void lc_miss_free(struct lc_miss *m)
{
	struct lc_fills *f = &m->lc->fills;

	while (m->nr_pages)
		mempool_free(m->page[--m->nr_pages], f->pages);
	mempool_free(m, f->misses);
	if (atomic_dec_and_test(&f->nr))
		wake_up_all(&f->idle);
}

static void lc_miss_put(struct lc_miss *m)
{
	if (refcount_dec_and_test(&m->refs))
		lc_miss_free(m);
}

static void lc_miss_work(struct work_struct *work);

/* With @gfp that may wait, one caller at a time: the pools have enough for one. */
static struct lc_miss *lc_miss_alloc(struct logcache *lc, u64 lba, u32 len, gfp_t gfp)
{
	struct lc_fills *f = &lc->fills;
	unsigned int want = DIV_ROUND_UP(len, LC_BLOCK_SECTORS);
	struct lc_miss *m = mempool_alloc(f->misses, gfp);

	if (!m)
		return NULL;
	atomic_inc(&f->nr);
	m->lc = lc;
	m->lba = lba;
	m->len = len;
	m->want = lba;
	m->want_end = lba + len;
	m->filled = false;
	m->through = false;
	m->keep = true;
	m->status = BLK_STS_OK;
	m->started = jiffies;
	m->nr_pages = 0;
	refcount_set(&m->refs, 1);
	bio_list_init(&m->waiters);
	INIT_LIST_HEAD(&m->list);
	INIT_WORK(&m->work, lc_miss_work);
	while (m->nr_pages < want) {
		struct page *page = mempool_alloc(f->pages, gfp);

		if (!page) {
			lc_miss_free(m);
			return NULL;
		}
		m->page[m->nr_pages++] = page;
	}
	return m;
}

/* The part of @bio that lies in @m, or begins there. */
static void lc_miss_copy(struct lc_miss *m, struct bio *bio)
{
	u32 at = (bio->bi_iter.bi_sector - m->lba) << LC_SECTOR_SHIFT;
	struct bvec_iter iter, start = bio->bi_iter;
	struct bio_vec bv;

	start.bi_size = min(start.bi_size, (m->len << LC_SECTOR_SHIFT) - at);
	__bio_for_each_segment(bv, bio, iter, start) {
		unsigned int done = 0, off, n;

		for (; done < bv.bv_len; done += n, at += n) {
			off = at & (LC_BLOCK_SIZE - 1);
			n = min_t(unsigned int, bv.bv_len - done, LC_BLOCK_SIZE - off);
			memcpy_page(bv.bv_page, bv.bv_offset + done,
				    m->page[at >> LC_BLOCK_SHIFT], off, n);
		}
	}
}

/* Zero the end of the last block when the volume ends inside it. */
static void lc_miss_pad(struct lc_miss *m)
{
	u32 tail = m->len % LC_BLOCK_SECTORS;

	if (tail)
		memzero_page(m->page[m->nr_pages - 1], tail << LC_SECTOR_SHIFT,
			     (LC_BLOCK_SECTORS - tail) << LC_SECTOR_SHIFT);
}

/*--------------------------------------------------------------------------
 * Reading: in map context
 *--------------------------------------------------------------------------
 */

static struct lc_miss *lc_miss_find(const struct logcache *lc, struct lc_shard *sh, u64 lba)
{
	struct lc_miss *m, *n;

	list_for_each_entry_safe(m, n, &sh->misses, list) {
		if (lba < m->lba || lba >= m->lba + m->len)
			continue;
		if (lc->origin.ops->patient || time_before(jiffies, m->started + LC_MISS_STUCK))
			return m;
		list_del_init(&m->list);
	}
	return NULL;
}

static bool lc_miss_overlaps(const struct lc_shard *sh, u64 lba, u32 len)
{
	const struct lc_miss *m;

	list_for_each_entry(m, &sh->misses, list) {
		if (m->lba < lba + len && lba < m->lba + m->len)
			return true;
	}
	return false;
}

/* Has anything of [@lba, @end) been wanted before? */
static bool lc_miss_known(const struct lc_shard *sh, u64 lba, u64 end)
{
	struct lc_extent e;

	return lc_index_lookup(&sh->index, lc_key(lba), end - lba, &e) ||
	       lc_miss_overlaps(sh, lba, end - lba);
}

/* Leave of [*@low, *@high) what the origin gives at once, with [@start, @end). */
static void lc_miss_bound(const struct logcache *lc, u64 start, u64 end, u64 *low, u64 *high)
{
	u32 most = lc->origin.ops->around(lc);

	if (*high - *low <= most)
		return;
	if (end > *low + most)
		*low = min(start, *high - most);
	*high = max(end, min(*high, *low + most));
}

/*
 * What a miss of [@lba, @end) begins and ends with when it takes its surroundings
 * along: as far as nothing is cached and no other miss is on its way.
 */
static void lc_miss_widen(struct logcache *lc, struct lc_shard *sh, u64 lba, u64 *start, u64 *end)
{
	u32 unit = rounddown_pow_of_two(lc->args.fill_kb) << (10 - LC_SECTOR_SHIFT);
	u64 low = lba - lba % unit, high = min(low + unit, lc->volume_sectors);
	struct lc_extent e;
	struct lc_miss *m;

	if (*end > high || !list_empty(&sh->through) || !lc_evict_room(lc) ||
	    READ_ONCE(lc->fills.nr_ready) >= LC_FILL_MANY)
		return;
	lc_miss_bound(lc, *start, *end, &low, &high);
	if (lc->origin.ops->costly && !lc_miss_known(sh, low, high))
		return;
	while (low < *start && lc_index_lookup(&sh->index, lc_key(low), *start - low, &e))
		low = round_up(low + (lc_extent_end(&e) - lc_key(low)), LC_BLOCK_SECTORS);
	if (*end < high && lc_index_lookup(&sh->index, lc_key(*end), high - *end, &e))
		high = round_down(*end + (e.key - lc_key(*end)), LC_BLOCK_SECTORS);
	list_for_each_entry(m, &sh->misses, list) {
		if (m->lba < *start)
			low = max(low, m->lba + m->len);
	}
	*start = min(*start, round_up(low, LC_BLOCK_SECTORS));
	*end = max(*end, high);
}

/* What of [lba, lba + len) one new miss may cover, in whole blocks. */
static u32 lc_miss_span(struct logcache *lc, struct lc_shard *sh, u64 start, u64 end)
{
	struct lc_miss *m;

	end = round_up(end, LC_BLOCK_SECTORS);
	end = min(end, start + LC_MISS_SECTORS);
	end = min(end, start + lc_stripe_room(start));
	end = min(end, lc->volume_sectors);
	list_for_each_entry(m, &sh->misses, list) {
		if (m->lba > start && m->lba < end)
			end = m->lba;
	}
	return end - start;
}

static int lc_fill_bypass(struct logcache *lc, struct bio *bio)
{
	lc_stat_inc(lc, READ_BYPASS);
	return lc->origin.ops->remap(lc, bio);
}

/* Shard lock held; released. */
static int lc_miss_join(struct lc_miss *m, struct bio *bio, unsigned long flags)
	__releases(&m->sh->lock)
{
	bool filled = m->filled;

	m->want = min(m->want, bio->bi_iter.bi_sector);
	m->want_end = max(m->want_end, bio_end_sector(bio));
	if (filled)
		refcount_inc(&m->refs);
	else
		bio_list_add(&m->waiters, bio);
	spin_unlock_irqrestore(&m->sh->lock, flags);
	lc_stat_inc(m->lc, READ_JOINS);
	if (filled) {
		lc_miss_copy(m, bio);
		lc_miss_put(m);
		bio_endio(bio);
	}
	return DM_MAPIO_SUBMITTED;
}

/* Shard lock held; released. */
static int lc_miss_start(struct logcache *lc, struct lc_shard *sh, struct bio *bio, u32 len,
			 unsigned long flags)
	__releases(&sh->lock)
{
	u64 lba = bio->bi_iter.bi_sector, start = round_down(lba, LC_BLOCK_SECTORS);
	u64 end = round_up(lba + len, LC_BLOCK_SECTORS);
	struct lc_miss *m;
	u32 span;

	lc_miss_widen(lc, sh, lba, &start, &end);
	span = lc_miss_span(lc, sh, start, end);
	lc_cut(bio, min_t(u32, len, start + span - lba));
	m = lc_miss_alloc(lc, start, span, GFP_NOWAIT | __GFP_NOWARN);
	if (m) {
		m->sh = sh;
		m->want = lba;
		m->want_end = lba + bio_sectors(bio);
		if (!lc->origin.ops->read_begin(m, REQ_OP_READ | (bio->bi_opf & LC_MISS_FLAGS))) {
			lc_miss_free(m);
			m = NULL;
		}
	}
	if (!m) {
		spin_unlock_irqrestore(&sh->lock, flags);
		return lc_fill_bypass(lc, bio);
	}
	list_add(&m->list, &sh->misses);
	bio_list_add(&m->waiters, bio);
	atomic_inc(&lc->fills.reading);
	spin_unlock_irqrestore(&sh->lock, flags);
	lc->origin.ops->read(m);
	return DM_MAPIO_SUBMITTED;
}

int lc_fill_read(struct logcache *lc, struct lc_shard *sh, struct bio *bio, u32 len,
		 unsigned long flags)
	__releases(&sh->lock)
{
	u64 lba = bio->bi_iter.bi_sector;
	struct lc_miss *m;

	lc_stat_inc(lc, READ_MISSES);
	m = lc_miss_find(lc, sh, lba);
	if (m) {
		lc_cut(bio, min_t(u64, len, m->lba + m->len - lba));
		return lc_miss_join(m, bio, flags);
	}
	if (!lc_inserts_reads(lc) || lc_through_overlaps(sh, lba, len, NULL)) {
		spin_unlock_irqrestore(&sh->lock, flags);
		lc_cut(bio, len);
		return lc_fill_bypass(lc, bio);
	}
	return lc_miss_start(lc, sh, bio, len, flags);
}

struct lc_miss *lc_fill_private(struct logcache *lc, struct bio *bio)
{
	u64 lba = bio->bi_iter.bi_sector, start = round_down(lba, LC_BLOCK_SECTORS);
	u64 end = round_up(lba + bio_sectors(bio), LC_BLOCK_SECTORS);
	struct lc_miss *m;

	end = min3(end, start + LC_MISS_SECTORS, lc->volume_sectors);
	m = lc_miss_alloc(lc, start, end - start, GFP_NOIO);
	m->sh = lc_shard_of(lc, start);
	m->keep = false;
	bio_list_add(&m->waiters, bio);
	atomic_inc(&lc->fills.reading);
	return m;
}

void lc_fill_stale(struct lc_shard *sh, u64 lba, u32 len)
{
	struct lc_miss *m, *n;

	list_for_each_entry_safe(m, n, &sh->misses, list) {
		if (m->lba < lba + len && lba < m->lba + m->len)
			list_del_init(&m->list);
	}
}

/*--------------------------------------------------------------------------
 * The data is there: serve the readers, queue for the cache
 *--------------------------------------------------------------------------
 */

/* What is behind the end of @m is read by itself. */
static void lc_miss_give(struct lc_miss *m, struct bio *bio)
{
	u32 have = m->lba + m->len - bio->bi_iter.bi_sector;

	lc_miss_copy(m, bio);
	if (have < bio_sectors(bio)) {
		bio_advance(bio, have << LC_SECTOR_SHIFT);
		m->lc->origin.ops->submit(m->lc, bio);
	} else {
		bio_endio(bio);
	}
}

static void lc_miss_serve(struct lc_miss *m, struct bio_list *waiters)
{
	struct bio *bio;

	while ((bio = bio_list_pop(waiters))) {
		/* That a write failed is not the readers' business. */
		if (m->status && m->through) {
			lc_stat_inc(m->lc, READ_BYPASS);
			m->lc->origin.ops->submit(m->lc, bio);
			continue;
		}
		if (!m->status) {
			lc_miss_give(m, bio);
			continue;
		}
		bio->bi_status = m->status;
		bio_endio(bio);
	}
}

/* Shard lock held. From here on readers copy from the buffer themselves. */
static struct bio_list lc_miss_filled(struct lc_miss *m)
{
	if (!m->status)
		lc_miss_pad(m);
	m->filled = !m->status;
	if (m->status)
		list_del_init(&m->list);
	return m->waiters;
}

/* Any context if lc_miss_quick() said so, else one that may submit. */
static void lc_miss_finish(struct lc_miss *m, struct bio_list *waiters)
{
	struct logcache *lc = m->lc;
	struct lc_fills *f = &lc->fills;
	unsigned long flags;

	lc_miss_serve(m, waiters);
	if (m->status && m->status != BLK_STS_DM_REQUEUE)
		lc_stat_inc(lc, FILL_ERRORS);
	if (m->status || !m->keep) {
		atomic_dec(&f->reading);
		lc_miss_put(m);
	} else {
		spin_lock_irqsave(&f->lock, flags);
		list_add_tail(&m->ready, &f->ready);
		f->nr_ready += m->nr_pages;
		spin_unlock_irqrestore(&f->lock, flags);
		atomic_dec(&f->reading);
	}
	/* A batch for the cache is full, or nobody is left to wait for. */
	if (READ_ONCE(f->nr_ready) >= LC_FILL_BATCH || !atomic_read(&f->reading))
		queue_work(lc->bg, &f->work);
}

static void lc_miss_work(struct work_struct *work)
{
	struct lc_miss *m = container_of(work, struct lc_miss, work);
	struct bio_list waiters;

	spin_lock_irq(&m->sh->lock);
	waiters = lc_miss_filled(m);
	spin_unlock_irq(&m->sh->lock);
	lc_miss_finish(m, &waiters);
}

/* Shard lock held. One reader of one block: to wake a worker would take longer. */
static bool lc_miss_quick(const struct lc_miss *m)
{
	const struct bio *bio = m->waiters.head;

	return !m->status && m->keep && bio && bio == m->waiters.tail &&
	       bio_sectors(bio) <= LC_BLOCK_SECTORS &&
	       bio_end_sector(bio) <= m->lba + m->len;
}

void lc_miss_answer(struct lc_miss *m, blk_status_t status)
{
	struct bio_list waiters;
	unsigned long flags;
	bool quick;

	m->status = status;
	/* The end of the reader does not end us: lc_log_quiesce() waits. */
	rcu_read_lock();
	spin_lock_irqsave(&m->sh->lock, flags);
	quick = lc_miss_quick(m);
	if (quick)
		waiters = lc_miss_filled(m);
	spin_unlock_irqrestore(&m->sh->lock, flags);
	if (quick)
		lc_miss_finish(m, &waiters);
	else
		queue_work(m->lc->wq, &m->work);
	rcu_read_unlock();
}

/*--------------------------------------------------------------------------
 * Writethrough: the data comes from the writer, not from the origin
 *--------------------------------------------------------------------------
 */

static void lc_miss_take(struct lc_miss *m, struct bio *bio)
{
	struct bvec_iter iter;
	struct bio_vec bv;
	u32 at = 0;

	bio_for_each_segment(bv, bio, iter) {
		unsigned int done = 0, off, n;

		for (; done < bv.bv_len; done += n, at += n) {
			off = at & (LC_BLOCK_SIZE - 1);
			n = min_t(unsigned int, bv.bv_len - done, LC_BLOCK_SIZE - off);
			memcpy_page(m->page[at >> LC_BLOCK_SHIFT], off, bv.bv_page,
				    bv.bv_offset + done, n);
		}
	}
}

struct lc_miss *lc_fill_through(struct logcache *lc, struct bio *bio)
{
	u64 lba = bio->bi_iter.bi_sector;
	struct lc_miss *m;

	if (lc->args.mode != LC_MODE_WRITETHROUGH || !lc->args.write_cache ||
	    bio_op(bio) != REQ_OP_WRITE || (lba | bio_sectors(bio)) % LC_BLOCK_SECTORS ||
	    bio_sectors(bio) > LC_MISS_SECTORS || lc->state != LC_OK)
		return NULL;
	m = lc_miss_alloc(lc, lba, bio_sectors(bio), GFP_NOWAIT | __GFP_NOWARN);
	if (!m)
		return NULL;
	m->sh = lc_shard_of(lc, lba);
	m->through = true;
	lc_miss_take(m, bio);
	atomic_inc(&lc->fills.reading);
	spin_lock_irq(&m->sh->lock);
	/*
	 * Two writes of one block at a time: which of them is last nobody knows. One
	 * that registers later makes the copy stale itself.
	 */
	if (!lc_miss_overlaps(m->sh, lba, m->len) &&
	    !lc_through_overlaps(m->sh, lba, m->len, lc_bio(bio)))
		list_add(&m->list, &m->sh->misses);
	spin_unlock_irq(&m->sh->lock);
	return m;
}

void lc_miss_done(struct lc_miss *m, blk_status_t status)
{
	m->status = status;
	queue_work(m->lc->wq, &m->work);
}

/*--------------------------------------------------------------------------
 * To the cache, into the index
 *--------------------------------------------------------------------------
 */

struct lc_fill_ctx {
	struct logcache *lc;
	struct lc_miss *m;
	struct lc_segbuf *sb;
};

static void lc_fill_added(void *data, const struct lc_extent *e)
{
	struct lc_fill_ctx *c = data;
	struct logcache *lc = c->lc;
	u64 lba = lc_unkey(lc, c->m->sh, e->key), block;
	struct lc_ent ent = {
		.lba = lba,
		.len = e->len,
		.pos = e->loc - lc_geo_loc(&lc->geo, c->sb->seg, 0),
		.op = LC_OP_COPY,
	};

	lc_segbuf_add(c->sb, &ent);
	lc_seg_live_add(lc, &lc->segs.seg[c->sb->seg], e->len);
	/* Block by block of the volume: it is aligned in the same way there. */
	for (block = lc_block_at(e->loc); block <= lc_block_at(e->loc + e->len - 1); block++) {
		if (lba < c->m->want_end && lba + LC_BLOCK_SECTORS > c->m->want)
			lc_lru_add(lc->lru, block);
		lba += LC_BLOCK_SECTORS;
	}
}

/* The data is on the cache: enter it, unless it is stale. */
static void lc_fill_insert(struct logcache *lc, struct lc_segbuf *sb, struct lc_miss *m)
{
	struct lc_fill_ctx ctx = { .lc = lc, .m = m, .sb = sb };
	struct lc_shard *sh = m->sh;
	struct lc_extent e = {
		.key = lc_key(m->lba),
		.len = m->len,
		.kind = LC_EXT_DATA,
		.loc = lc_geo_loc(&lc->geo, sb->seg, m->at * LC_BLOCK_SECTORS),
	};
	int done = 0;

	spin_lock_irq(&sh->lock);
	while (!list_empty(&m->list)) {
		if (!lc_shard_topup(lc, sh)) {
			spin_unlock_irq(&sh->lock);
			lc_shard_topup_wait(lc, sh);
			spin_lock_irq(&sh->lock);
			continue;
		}
		done = lc_index_insert_holes(&sh->index, &e, lc_fill_added, &ctx);
		if (WARN_ON_ONCE(done < 0) || done == e.len) {
			list_del_init(&m->list);
			break;
		}
		lc_extent_clip(&e, e.key + done, lc_extent_end(&e));
	}
	spin_unlock_irq(&sh->lock);
	if (done > 0)
		lc_stat_inc(lc, FILLS);
	else
		lc_stat_inc(lc, FILLS_STALE);
}

static void lc_fill_unlink(struct lc_miss *m)
{
	spin_lock_irq(&m->sh->lock);
	list_del_init(&m->list);
	spin_unlock_irq(&m->sh->lock);
}

/* Part of an entry that is not to be in the slot: then nor in the index. */
static void lc_copy_forget(struct logcache *lc, struct lc_segbuf *sb, const struct lc_ent *ent)
{
	struct lc_shard *sh = lc_shard_of(lc, ent->lba);
	u64 loc = lc_geo_loc(&lc->geo, sb->seg, ent->pos);

	lc_forget(lc, sh, ent->lba, ent->len, loc, LC_EXT_DATA);
}

/*
 * Cut the part from *@ent that is wholly intact, or that is wholly not, in front.
 * Return: is it?
 */
static bool lc_copy_cut(struct logcache *lc, struct lc_segbuf *sb, struct lc_ent *ent,
			struct lc_ent *part)
{
	u64 base = lc_seg_block(lc, sb->seg);
	u32 pos = ent->pos, end = ent->pos + ent->len;
	bool intact = test_bit_le(base + pos / LC_BLOCK_SECTORS, lc->segs.intact);

	do {
		pos = min(end, round_down(pos, LC_BLOCK_SECTORS) + LC_BLOCK_SECTORS);
	} while (pos < end &&
		 test_bit_le(base + pos / LC_BLOCK_SECTORS, lc->segs.intact) == intact);
	*part = *ent;
	part->len = pos - ent->pos;
	ent->lba += part->len;
	ent->pos += part->len;
	ent->len -= part->len;
	return intact;
}

/*
 * Keep the intact parts of entry @i. The first takes its place among those kept
 * (*@nr), further ones go behind the last entry if there is room, *@extra of them.
 */
static void lc_copy_keep(struct logcache *lc, struct lc_segbuf *sb, unsigned int i,
			 unsigned int *nr, unsigned int *extra)
{
	struct lc_entry *ents = lc_slot_entries(sb->slot);
	struct lc_ent ent, part;
	bool first = true;

	lc_entry_get(&ents[i], &ent);
	while (ent.len) {
		if (!lc_copy_cut(lc, sb, &ent, &part)) {
			lc_copy_forget(lc, sb, &part);
		} else if (first) {
			lc_entry_put(&ents[(*nr)++], &part);
			first = false;
		} else if (sb->nr + *extra < lc->geo.slot_entries) {
			lc_entry_put(&ents[sb->nr + (*extra)++], &part);
		} else {
			lc_copy_forget(lc, sb, &part);
		}
	}
}

int lc_copies_seal(struct logcache *lc, struct lc_segbuf *sb)
{
	struct lc_entry *ents = lc_slot_entries(sb->slot);
	struct lc_seg *s = &lc->segs.seg[sb->seg];
	unsigned int i, nr = 0, extra = 0;
	u64 as_of;
	int r;

	/*
	 * A checkpoint that is taken from here on does not call the segment open:
	 * what is superseded behind this scan must not count as intact.
	 */
	spin_lock_irq(&lc->segs.lock);
	sb->closing = true;
	spin_unlock_irq(&lc->segs.lock);
	/*
	 * What is superseded by a write below as_of must not be in the slot.
	 * Publishing clears the bit before it moves published_lsn.
	 */
	as_of = smp_load_acquire(&lc->log.published_lsn);
	for (i = 0; i < sb->nr; i++)
		lc_copy_keep(lc, sb, i, &nr, &extra);
	memmove(&ents[nr], &ents[sb->nr], extra * sizeof(*ents));
	sb->nr = nr + extra;
	s->first_lsn = as_of;
	s->end_lsn = as_of;
	/*
	 * The slot makes the copies outlive a power cut, so the origin's own must not
	 * be in its cache. Without a slot the segment stays open until the next start.
	 */
	r = lc_origin_unflushed(lc) ? lc_origin_flush(lc) : 0;
	if (r) {
		lc_warn(lc, "flushing %s failed: error %d; a segment of copies will not survive a restart",
			lc->origin.name, r);
		lc_segbuf_put(lc, sb);
		return 0;
	}
	r = lc_segbuf_seal(lc, sb, as_of);
	if (r) {
		lc_fail(lc, "writing a segment summary failed", r);
	} else {
		WRITE_ONCE(s->state, LC_SEG_SEALED);
		spin_lock_irq(&lc->lru_lock);
		lc_lru_clean(lc->lru, sb->seg);
		spin_unlock_irq(&lc->lru_lock);
	}
	lc_segbuf_put(lc, sb);
	return r;
}

/* An open fill segment with room for @blocks, or NULL. */
static struct lc_segbuf *lc_fill_segbuf(struct logcache *lc, unsigned int blocks)
{
	struct lc_fills *f = &lc->fills;
	u32 seg;

	if (f->cur && (lc->geo.seg_blocks - f->cur->fill < blocks ||
		       lc_segbuf_room(lc, f->cur) < blocks * LC_BLOCK_PIECES)) {
		lc_copies_seal(lc, f->cur);
		f->cur = NULL;
	}
	if (f->cur)
		return f->cur;
	lc_evict_kick(lc);
	seg = lc_seg_alloc(lc, LC_SEG_FILL, LC_SEG_RESERVE);
	if (seg == LC_SEG_NONE)
		return NULL;
	f->cur = lc_segbuf_get(lc, seg, LC_LRU_FILL, 0);
	if (!f->cur)
		lc_seg_free(lc, seg);
	return f->cur;
}

static unsigned int lc_fill_take(struct lc_fills *f, struct list_head *batch)
{
	unsigned int blocks = 0;
	struct lc_miss *m;

	spin_lock_irq(&f->lock);
	while ((m = list_first_entry_or_null(&f->ready, struct lc_miss, ready))) {
		if (blocks + m->nr_pages > LC_FILL_BATCH)
			break;
		list_move_tail(&m->ready, batch);
		blocks += m->nr_pages;
	}
	f->nr_ready -= blocks;
	spin_unlock_irq(&f->lock);
	return blocks;
}

static int lc_fill_write(struct logcache *lc, struct lc_segbuf *sb, struct list_head *batch,
			 unsigned int blocks)
{
	u32 *crc = &lc->segs.crc[lc_seg_block(lc, sb->seg)];
	struct lc_miss *m;
	struct bio *bio;
	unsigned int i;
	int r;

	bio = bio_alloc_bioset(lc->cache->bdev, blocks, REQ_OP_WRITE | REQ_IDLE | REQ_SYNC,
			       GFP_NOIO, &lc->bs);
	bio->bi_iter.bi_sector = lc_geo_sector(&lc->geo,
					       lc_geo_loc(&lc->geo, sb->seg, sb->fill * 8));
	list_for_each_entry(m, batch, ready) {
		m->at = sb->fill;
		for (i = 0; i < m->nr_pages; i++) {
			crc[sb->fill++] = lc_block_crc(page_address(m->page[i]));
			__bio_add_page(bio, m->page[i], LC_BLOCK_SIZE, 0);
		}
	}
	r = submit_bio_wait(bio);
	bio_put(bio);
	return r;
}

/* Log and fills are apart: here the worker may wait for its own I/O. */
static void lc_fill_worker(struct work_struct *work)
{
	struct logcache *lc = container_of(work, struct logcache, fills.work);
	struct lc_fills *f = &lc->fills;
	LIST_HEAD(batch);
	struct lc_miss *m;
	struct lc_segbuf *sb;
	unsigned int blocks;
	int nice = task_nice(current);

	while ((blocks = lc_fill_take(f, &batch))) {
		lc_pace(nice, READ_ONCE(f->nr_ready) >= LC_FILL_LATE);
		sb = lc->state == LC_OK ? lc_fill_segbuf(lc, blocks) : NULL;
		if (sb && lc_fill_write(lc, sb, &batch, blocks))
			sb = NULL;
		while ((m = list_first_entry_or_null(&batch, struct lc_miss, ready))) {
			list_del(&m->ready);
			if (sb)
				lc_fill_insert(lc, sb, m);
			else
				lc_fill_unlink(m);
			lc_miss_put(m);
		}
		lc_stat_add(lc, FILL_BLOCKS, blocks);
	}
	lc_pace(nice, true);
}

/*--------------------------------------------------------------------------
 * Start and stop
 *--------------------------------------------------------------------------
 */

void lc_fill_drain(struct logcache *lc)
{
	queue_work(lc->bg, &lc->fills.work);
	wait_event_idle(lc->fills.idle, !atomic_read(&lc->fills.nr));
	flush_work(&lc->fills.work);
}

int lc_fill_stop(struct logcache *lc)
{
	struct lc_segbuf *sb = lc->fills.cur;

	lc->fills.cur = NULL;
	return sb ? lc_copies_seal(lc, sb) : 0;
}

int lc_fill_init(struct logcache *lc)
{
	struct lc_fills *f = &lc->fills;

	spin_lock_init(&f->lock);
	INIT_LIST_HEAD(&f->ready);
	INIT_WORK(&f->work, lc_fill_worker);
	init_waitqueue_head(&f->idle);
	f->misses = mempool_create_kmalloc_pool(LC_MISS_MIN, sizeof(struct lc_miss));
	f->pages = mempool_create_page_pool(LC_PAGES_MIN, 0);
	if (!f->misses || !f->pages)
		return -ENOMEM;
	return bioset_init(&f->bs, LC_MISS_MIN, 0, BIOSET_NEED_BVECS);
}

void lc_fill_exit(struct logcache *lc)
{
	bioset_exit(&lc->fills.bs);
	mempool_destroy(lc->fills.pages);
	mempool_destroy(lc->fills.misses);
}
