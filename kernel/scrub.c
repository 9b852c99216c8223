// SPDX-License-Identifier: GPL-2.0-only
#include "scrub.h"

#include <linux/gfp.h>

#include "io.h"
#include "logcache.h"
#include "segment.h"
#include "target.h"
#include "verify.h"

/* A portion, and the pause behind it while the volume is used: 5 MB/s. */
#define LC_SCRUB_BLOCKS	64u
#define LC_SCRUB_PAUSE	(HZ / 20)

static struct lc_seg *lc_scrub_seg(struct logcache *lc)
{
	return &lc->segs.seg[lc->scrub.seg];
}

/* Keep the segment as it is; false: there is nothing to scrub, or no longer. */
static bool lc_scrub_hold(struct logcache *lc)
{
	struct lc_seg *s = lc_scrub_seg(lc);
	bool ok;

	/* Eviction changes the state under this lock, and then waits for readers. */
	spin_lock_irq(&lc->lru_lock);
	ok = READ_ONCE(s->state) == LC_SEG_SEALED &&
	     (!lc->scrub.at || s->seq == lc->scrub.info.seq);
	if (ok)
		atomic_inc(&s->readers);
	spin_unlock_irq(&lc->lru_lock);
	return ok;
}

static void lc_scrub_error(struct logcache *lc)
{
	lc_stat_inc(lc, SCRUB_ERRORS);
	lc->scrub.errors++;
}

/*--------------------------------------------------------------------------
 * The segment as a whole: its summary, the index
 *--------------------------------------------------------------------------
 */

/* Entry @i if it has payload, with where it is. */
static bool lc_scrub_ent(struct logcache *lc, u32 i, struct lc_damage *d)
{
	struct lc_ent ent;

	lc_entry_get(&lc_slot_entries(lc->scrub.slot)[i], &ent);
	*d = (struct lc_damage) {
		.lba = ent.lba,
		.loc = lc_geo_loc(&lc->geo, lc->scrub.seg, ent.pos),
		.len = ent.len,
	};
	return ent.op == LC_OP_WRITE || ent.op == LC_OP_COPY;
}

/* Sectors that the index maps to this segment, as its entries tell. */
static u32 lc_scrub_mapped(struct logcache *lc)
{
	struct lc_damage d, part;
	u32 i, at, sum = 0;

	for (i = 0; i < lc->scrub.info.nr_entries; i++) {
		if (!lc_scrub_ent(lc, i, &d))
			continue;
		for (at = 0; lc_damage_mapped(lc, &d, &at, &part); )
			sum += part.len;
	}
	return sum;
}

static void lc_scrub_index(struct logcache *lc)
{
	struct lc_seg *s = lc_scrub_seg(lc);
	u32 live = lc_seg_live(s), sum = lc_scrub_mapped(lc);

	/* What is superseded meanwhile makes a comparison meaningless. */
	if (sum == live || lc_seg_live(s) != live)
		return;
	lc_scrub_error(lc);
	lc_error_limit(lc, "scrub: %u sectors are mapped to segment %u, its summary knows %u",
		       live, lc->scrub.seg, sum);
}

static void lc_scrub_crcs(struct logcache *lc)
{
	const u32 *crc = &lc->segs.crc[lc_seg_block(lc, lc->scrub.seg)];
	const __le32 *slot = lc_slot_crcs(lc->scrub.slot);
	u32 i;

	for (i = 0; i < lc->scrub.info.nr_crcs; i++) {
		if (crc[i] == le32_to_cpu(slot[i]))
			continue;
		lc_scrub_error(lc);
		lc_error_limit(lc,
			       "scrub: checksum of block %u of segment %u is not that of its summary",
			       i, lc->scrub.seg);
	}
}

static bool lc_scrub_open(struct logcache *lc)
{
	struct lc_scrub *sc = &lc->scrub;

	if (lc_slot_read(lc, sc->seg, sc->slot, &sc->info)) {
		lc_scrub_error(lc);
		return false;
	}
	lc_scrub_crcs(lc);
	lc_scrub_index(lc);
	return true;
}

/*--------------------------------------------------------------------------
 * A portion of it
 *--------------------------------------------------------------------------
 */

static bool lc_scrub_ent_clean(struct logcache *lc, u32 i)
{
	const struct lc_slot_info *info = &lc->scrub.info;

	return info->type == LC_SEG_FILL ||
	       info->first_lsn + i < READ_ONCE(lc->log.clean_lsn);
}

/* A part of entry @i, in one block, is not what was written. -errno: give up. */
static int lc_scrub_bad(struct logcache *lc, u32 i, const struct lc_damage *d)
{
	u64 block = lc_block_at(d->loc);
	bool clean;
	int r;

	/* Damage is noted before it counts as clean, so look in this order. */
	clean = lc_scrub_ent_clean(lc, i);
	if (lc_damaged(lc, d->loc, d->len))
		return 0;
	r = lc_block_read(lc, block, lc->scrub.page);
	if (!r)
		return 0;
	if (r != -EBADMSG && !lc_cache_alive(lc, lc->scrub.page))
		return r;
	lc_scrub_error(lc);
	lc_crc_error(lc, block, d->lba, "scrub");
	if (!clean)
		return lc_damage_add(lc, d->lba, d->loc, d->len);
	lc_forget(lc, lc_shard_of(lc, d->lba), d->lba, d->len, d->loc, LC_EXT_DATA);
	return 0;
}

/* What of entry @i lies in blocks [from, to) of the cache, of which @data is what was read. */
static int lc_scrub_entry(struct logcache *lc, u32 i, u64 from, u64 to, void *data)
{
	struct lc_damage d, part, any;
	u32 left, at, n;
	u64 block;
	int r = 0;

	if (!lc_scrub_ent(lc, i, &d))
		return 0;
	for (left = d.len; left && !r; left -= n, d.lba += n, d.loc += n) {
		n = min_t(u32, left, LC_BLOCK_SECTORS - d.loc % LC_BLOCK_SECTORS);
		block = lc_block_at(d.loc);
		part = (struct lc_damage) { .lba = d.lba, .loc = d.loc, .len = n };
		at = 0;
		if (block < from || block >= to || !lc_damage_mapped(lc, &part, &at, &any))
			continue;
		lc_stat_inc(lc, SCRUB_BLOCKS);
		if (!data || lc_block_crc(data + ((block - from) << LC_BLOCK_SHIFT)) !=
			     lc->segs.crc[block])
			r = lc_scrub_bad(lc, i, &part);
	}
	return r;
}

static int lc_scrub_portion(struct logcache *lc)
{
	struct lc_scrub *sc = &lc->scrub;
	u32 n = min(sc->info.nr_crcs - sc->at, LC_SCRUB_BLOCKS), i;
	u64 from = lc_seg_block(lc, sc->seg) + sc->at;
	void *data = sc->data;
	int r = 0;

	/* If not in one piece, block by block. */
	if (lc_io_cache(lc, REQ_OP_READ, lc_seg_dev_block(lc, sc->seg) + sc->at, data,
			(size_t)n << LC_BLOCK_SHIFT))
		data = NULL;
	for (i = 0; i < sc->info.nr_entries && !r; i++)
		r = lc_scrub_entry(lc, i, from, from + n, data);
	sc->at += n;
	return r;
}

/* One portion of one segment. -errno: the cache does not answer. */
static int lc_scrub_step(struct logcache *lc)
{
	struct lc_scrub *sc = &lc->scrub;
	bool more = lc_scrub_hold(lc);
	int r = 0;

	if (more) {
		more = sc->at || lc_scrub_open(lc);
		if (more && sc->at < sc->info.nr_crcs)
			r = lc_scrub_portion(lc);
		more = more && sc->at < sc->info.nr_crcs;
		lc_seg_read_done(lc, lc_scrub_seg(lc));
	}
	if (!more) {
		sc->seg++;
		sc->at = 0;
	}
	return r;
}

/*--------------------------------------------------------------------------
 * When
 *--------------------------------------------------------------------------
 */

static unsigned long lc_scrub_pause(struct logcache *lc)
{
	u64 ios = lc_stat_sum(&lc->stats, LC_STAT_READS) +
		  lc_stat_sum(&lc->stats, LC_STAT_WRITES);
	bool used = ios != lc->scrub.ios;

	lc->scrub.ios = ios;
	return used ? LC_SCRUB_PAUSE : 0;
}

static void lc_scrub_done(struct logcache *lc, int error)
{
	struct lc_scrub *sc = &lc->scrub;

	WRITE_ONCE(sc->running, false);
	if (error)
		lc_warn(lc, "scrub: stopped at segment %u: error %d", sc->seg, error);
	else
		lc_info(lc, "scrub: done, %llu errors", sc->errors);
	schedule_work(&lc->event);
}

static void lc_scrub_work(struct work_struct *work)
{
	struct logcache *lc = container_of(to_delayed_work(work), struct logcache, scrub.work);
	struct lc_scrub *sc = &lc->scrub;
	int r = 0;

	if (xchg(&sc->again, false)) {
		sc->seg = 0;
		sc->at = 0;
		sc->errors = 0;
	}
	if (!READ_ONCE(sc->running) || READ_ONCE(sc->stop))
		return;
	/* Segments without anything in them cost nothing. */
	while (sc->seg < lc->geo.nr_segs && lc_scrub_seg(lc)->state != LC_SEG_SEALED) {
		sc->seg++;
		sc->at = 0;
	}
	if (sc->seg < lc->geo.nr_segs)
		r = lc_scrub_step(lc);
	if (r || sc->seg == lc->geo.nr_segs)
		lc_scrub_done(lc, r);
	else
		queue_delayed_work(lc->bg, &sc->work, lc_scrub_pause(lc));
}

static void lc_scrub_kick(struct logcache *lc)
{
	if (READ_ONCE(lc->scrub.running) && !READ_ONCE(lc->scrub.stop))
		mod_delayed_work(lc->bg, &lc->scrub.work, 0);
}

void lc_scrub_start(struct logcache *lc)
{
	WRITE_ONCE(lc->scrub.again, true);
	WRITE_ONCE(lc->scrub.running, true);
	lc_scrub_kick(lc);
}

void lc_scrub_end(struct logcache *lc)
{
	WRITE_ONCE(lc->scrub.running, false);
}

void lc_scrub_resume(struct logcache *lc)
{
	WRITE_ONCE(lc->scrub.stop, false);
	lc_scrub_kick(lc);
}

void lc_scrub_stop(struct logcache *lc)
{
	WRITE_ONCE(lc->scrub.stop, true);
	cancel_delayed_work_sync(&lc->scrub.work);
}

int lc_scrub_init(struct logcache *lc)
{
	struct lc_scrub *sc = &lc->scrub;

	INIT_DELAYED_WORK(&sc->work, lc_scrub_work);
	sc->stop = true;
	sc->slot = lc_buf_alloc((size_t)lc->geo.slot_blocks << LC_BLOCK_SHIFT);
	sc->data = lc_buf_alloc(LC_SCRUB_BLOCKS << LC_BLOCK_SHIFT);
	sc->page = alloc_page(GFP_KERNEL);
	return sc->slot && sc->data && sc->page ? 0 : -ENOMEM;
}

void lc_scrub_exit(struct logcache *lc)
{
	struct lc_scrub *sc = &lc->scrub;

	if (sc->page)
		__free_page(sc->page);
	lc_buf_free(sc->data, LC_SCRUB_BLOCKS << LC_BLOCK_SHIFT);
	lc_buf_free(sc->slot, (size_t)lc->geo.slot_blocks << LC_BLOCK_SHIFT);
}
