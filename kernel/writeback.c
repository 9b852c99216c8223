// SPDX-License-Identifier: GPL-2.0-only
#include "writeback.h"

#include <linux/blkdev.h>
#include <linux/jiffies.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "collect.h"
#include "io.h"
#include "log_seg.h"
#include "logcache.h"
#include "segment.h"
#include "super.h"
#include "target.h"
#include "verify.h"

/* A job: a run of the origin that is written with one bio. */
#define LC_JOB_BLOCKS	64u
#define LC_JOB_PIECES	64u

/*
 * Nodes of the unit's index: 256 MiB of single blocks at half a load, more than any slot
 * holds; a thousandth of the cache, up to 64 MiB: units that have to be larger are
 * collected in windows, each of which reads the log again.
 */
#define LC_WB_NODES_MIN	2048u
#define LC_WB_NODES_MAX	(128u << 10)
#define LC_WB_BLOCKS	128u

/* A block that is wrong or cannot be read so often is lost. */
#define LC_JOB_TRIES	3u

#define LC_BACKOFF_MIN	(HZ / 10)
#define LC_BACKOFF_MAX	(10 * HZ)

/* Older than this the log is not kept from the origin for the sake of space. */
#define LC_YIELD_AGE	(60 * HZ)

/* Somebody who waited for the origin so lately will do so again. */
#define LC_FOREGROUND	(HZ / 2)
/* clean_lsn of an idle log is stored by then, however little it saves. */
#define LC_SAVE_MAX	(60 * HZ)

struct lc_piece {
	u64 loc;
	u32 len;
	u32 page;		/* first page of the job that holds it */
};

struct lc_job {
	struct list_head list;
	struct logcache *lc;
	struct work_struct work;
	atomic_t reads;
	blk_status_t status;
	bool unread;		/* failed for want of the data, not of the origin */
	u8 tries;		/* that failed so */
	u64 lba;
	u32 len;
	unsigned int nr;
	unsigned int nr_pages;
	struct lc_piece piece[LC_JOB_PIECES];
	struct page *page[LC_JOB_BLOCKS];
};

unsigned int lc_wb_dirty_percent(const struct logcache *lc)
{
	return READ_ONCE(lc->segs.nr_dirty) * 100 / lc->geo.nr_segs;
}

/* Percent of the cache that would have to go to the origin to have nothing dirty. */
static unsigned int lc_wb_live_percent(const struct logcache *lc)
{
	return div_u64(atomic64_read(&lc->segs.dirty_live) * 100,
		       (u64)lc->geo.nr_segs << lc->geo.seg_shift);
}

/* Is the log as old as it may become for the sake of space? */
static bool lc_wb_old(const struct logcache *lc)
{
	return time_after_eq64(get_jiffies_64(), READ_ONCE(lc->log.dirty_since) + LC_YIELD_AGE);
}

static bool lc_wb_gives_up(const struct lc_writeback *wb)
{
	return READ_ONCE(wb->stop) || atomic_read(&wb->turn) == LC_TURN_ASKED;
}

/*--------------------------------------------------------------------------
 * A job: SSD to origin
 *--------------------------------------------------------------------------
 */

static void lc_job_free(struct lc_job *job)
{
	struct lc_writeback *wb = &job->lc->wb;

	while (job->nr_pages)
		mempool_free(job->page[--job->nr_pages], wb->pages);
	mempool_free(job, wb->job_pool);
}

static void lc_job_end(struct lc_job *job)
{
	struct lc_writeback *wb = &job->lc->wb;
	unsigned long flags;

	if (job->status) {
		job->tries += job->unread;
		lc_stat_inc(job->lc, WB_ERRORS);
		spin_lock_irqsave(&wb->lock, flags);
		list_add_tail(&job->list, &wb->failed);
		spin_unlock_irqrestore(&wb->lock, flags);
	} else {
		lc_stat_inc(job->lc, WB_WRITES);
		lc_stat_add(job->lc, WB_SECTORS, job->len);
		lc_job_free(job);
	}
	atomic_dec(&wb->jobs);
	wake_up_all(&wb->wait);
}

static void lc_job_done_work(struct work_struct *work)
{
	lc_job_end(container_of(work, struct lc_job, work));
}

static void lc_job_write_endio(struct bio *bio)
{
	struct lc_job *job = bio->bi_private;

	job->status = bio->bi_status;
	bio_put(bio);
	/* mempool_free() of many pages is no work for an interrupt. */
	INIT_WORK(&job->work, lc_job_done_work);
	queue_work(job->lc->wq, &job->work);
}

static void lc_job_add_piece(struct bio *bio, struct lc_job *job, const struct lc_piece *p)
{
	u32 off = (p->loc % LC_BLOCK_SECTORS) << LC_SECTOR_SHIFT;
	u32 left = p->len << LC_SECTOR_SHIFT, n;
	unsigned int i;

	for (i = p->page; left; i++, left -= n, off = 0) {
		n = min(left, LC_BLOCK_SIZE - off);
		__bio_add_page(bio, job->page[i], n, off);
	}
}

static void lc_job_write(struct lc_job *job)
{
	struct logcache *lc = job->lc;
	struct bio *bio;
	unsigned int i;

	bio = bio_alloc_bioset(NULL, job->nr_pages, REQ_OP_WRITE | REQ_IDLE | REQ_SYNC, GFP_NOIO,
			       &lc->wb.bs);
	bio->bi_iter.bi_sector = job->lba;
	bio->bi_private = job;
	bio->bi_end_io = lc_job_write_endio;
	for (i = 0; i < job->nr; i++)
		lc_job_add_piece(bio, job, &job->piece[i]);
	lc->origin.ops->submit(lc, bio);
}

static unsigned int lc_piece_blocks(const struct lc_piece *p)
{
	return DIV_ROUND_UP(p->loc % LC_BLOCK_SECTORS + p->len, LC_BLOCK_SECTORS);
}

static bool lc_job_verify(struct lc_job *job)
{
	struct logcache *lc = job->lc;
	unsigned int i, j;
	bool ok = true;
	u64 block;

	for (i = 0; i < job->nr; i++) {
		block = lc_block_at(job->piece[i].loc);
		for (j = 0; j < lc_piece_blocks(&job->piece[i]); j++, block++) {
			if (lc_block_crc(page_address(job->page[job->piece[i].page + j])) ==
			    lc->segs.crc[block])
				continue;
			if (!job->tries)
				lc_crc_error(lc, block, job->lba, "writeback");
			ok = false;
		}
	}
	return ok;
}

/* All reads are back. */
static void lc_job_work(struct work_struct *work)
{
	struct lc_job *job = container_of(work, struct lc_job, work);

	if (!job->status && !lc_job_verify(job))
		job->status = BLK_STS_PROTECTION;
	job->unread = job->status;
	if (job->status)
		lc_job_end(job);
	else
		lc_job_write(job);
}

static void lc_job_read_endio(struct bio *bio)
{
	struct lc_job *job = bio->bi_private;

	if (bio->bi_status)
		job->status = bio->bi_status;
	bio_put(bio);
	if (atomic_dec_and_test(&job->reads)) {
		INIT_WORK(&job->work, lc_job_work);
		queue_work(job->lc->wq, &job->work);
	}
}

static void lc_job_read(struct lc_job *job, const struct lc_piece *p)
{
	struct logcache *lc = job->lc;
	unsigned int i, nr = lc_piece_blocks(p);
	struct bio *bio;

	bio = bio_alloc_bioset(lc->cache->bdev, nr, REQ_OP_READ, GFP_NOIO, &lc->wb.bs);
	bio->bi_iter.bi_sector = lc_geo_sector(&lc->geo, round_down(p->loc, LC_BLOCK_SECTORS));
	bio->bi_private = job;
	bio->bi_end_io = lc_job_read_endio;
	for (i = 0; i < nr; i++)
		__bio_add_page(bio, job->page[p->page + i], LC_BLOCK_SIZE, 0);
	submit_bio_noacct(bio);
}

static void lc_job_start(struct lc_job *job)
{
	unsigned int i;

	atomic_inc(&job->lc->wb.jobs);
	job->status = BLK_STS_OK;
	job->unread = false;
	atomic_set(&job->reads, job->nr);
	for (i = 0; i < job->nr; i++)
		lc_job_read(job, &job->piece[i]);
}

static bool lc_unit_again(struct logcache *lc);

/*
 * Failed jobs hold on to their memory until they are tried again. When it runs
 * short, all jobs have to end first; then the pools have enough for one.
 */
static void *lc_wb_alloc(struct logcache *lc, mempool_t *pool)
{
	void *mem = mempool_alloc(pool, GFP_NOWAIT | __GFP_NOWARN);

	if (mem)
		return mem;
	wait_event_idle(lc->wb.wait, !atomic_read(&lc->wb.jobs));
	while (lc_unit_again(lc))
		;
	return mempool_alloc(pool, GFP_NOIO);
}

static struct lc_job *lc_job_new(struct logcache *lc, u64 lba)
{
	struct lc_job *job = lc_wb_alloc(lc, lc->wb.job_pool);

	job->lc = lc;
	job->lba = lba;
	job->len = 0;
	job->nr = 0;
	job->nr_pages = 0;
	job->tries = 0;
	return job;
}

/* Take as much of @e as fits; true if all of it did. */
static bool lc_job_take(struct lc_job *job, struct lc_extent *e)
{
	u32 in_block = e->loc % LC_BLOCK_SECTORS;
	u32 room = (LC_JOB_BLOCKS - job->nr_pages) * LC_BLOCK_SECTORS;
	struct lc_piece *p = &job->piece[job->nr];
	u32 len;

	if (job->lba + job->len != e->key || job->nr == LC_JOB_PIECES || room <= in_block)
		return false;
	len = min(e->len, room - in_block);
	p->loc = e->loc;
	p->len = len;
	p->page = job->nr_pages;
	job->nr++;
	job->len += len;
	while (job->nr_pages < p->page + lc_piece_blocks(p))
		job->page[job->nr_pages++] = lc_wb_alloc(job->lc, job->lc->wb.pages);
	if (len == e->len)
		return true;
	lc_extent_clip(e, e->key + len, lc_extent_end(e));
	return false;
}

/*--------------------------------------------------------------------------
 * Applying a unit
 *--------------------------------------------------------------------------
 */

/* Does anybody wait for the origin, or did so a moment ago? */
static bool lc_wb_foreground(struct logcache *lc)
{
	u64 misses = lc_stat_sum(&lc->stats, LC_STAT_READ_MISSES);
	struct lc_writeback *wb = &lc->wb;

	if (misses != wb->misses || atomic_read(&lc->fills.reading)) {
		wb->misses = misses;
		wb->foreground_until = jiffies + LC_FOREGROUND;
	}
	return time_before(jiffies, wb->foreground_until);
}

bool lc_wb_awaited(const struct logcache *lc)
{
	return lc->wb.drain || lc->wb.keep_clean ||
	       READ_ONCE(lc->wb.flush_lsn) > READ_ONCE(lc->log.clean_lsn);
}

/* Somebody has asked for it, or waits for it. */
static bool lc_wb_asked(const struct logcache *lc)
{
	/* With clean segments to evict a full log does not wait for us. */
	return lc_wb_awaited(lc) || (READ_ONCE(lc->log.starved) && !lc_lru_ready(lc->lru));
}

/*
 * Readers of the origin come first: next to them one I/O up to dirty_start, more
 * as it becomes urgent, and all from where writers are slowed down.
 */
static int lc_wb_depth(struct logcache *lc)
{
	unsigned int depth = lc->args.writeback_depth, pct = lc_wb_live_percent(lc);
	unsigned int from = lc->args.dirty_start, to = lc->args.dirty_throttle;

	if (pct >= to || lc_wb_dirty_percent(lc) >= to || lc_wb_asked(lc) || !lc_wb_foreground(lc))
		return depth;
	if (pct <= from)
		return 1;
	/* Squared: what can still wait may be overwritten, and is then written once. */
	return 1 + (depth - 1) * (pct - from) * (pct - from) / ((to - from) * (to - from));
}

static void lc_wb_start_job(struct logcache *lc, struct lc_job *job)
{
	struct lc_writeback *wb = &lc->wb;

	wait_event_idle(wb->wait, atomic_read(&wb->jobs) < lc_wb_depth(lc) ||
			lc_wb_gives_up(wb));
	lc_job_start(job);
}

/* Take from @e, and from what @cursor has passed, only as much as is known to be
 * damaged, or not. True: it is.
 */
static bool lc_unit_skip(struct logcache *lc, u64 *cursor, struct lc_extent *e)
{
	bool bad = lc_damage_run(lc, e->loc, &e->len);

	*cursor = lc_extent_end(e);
	lc->wb.damaged |= bad;
	return bad;
}

static int lc_unit_issue(struct logcache *lc)
{
	struct lc_job *job = NULL;
	struct lc_extent e;
	u64 cursor = 0;
	int r = 0, r2;

	while (lc_index_next(&lc->wb.unit, &cursor, &e)) {
		if (lc_wb_gives_up(&lc->wb)) {
			lc->wb.skipped = true;
			break;
		}
		if (e.kind != LC_EXT_DATA) {
			r2 = lc->origin.ops->zero(lc, &e);
			r = r ?: r2;
			continue;
		}
		if (lc_unit_skip(lc, &cursor, &e))
			continue;
		while (!job || !lc_job_take(job, &e)) {
			if (job)
				lc_wb_start_job(lc, job);
			job = lc_job_new(lc, e.key);
		}
	}
	if (job)
		lc_wb_start_job(lc, job);
	return r;
}

static void lc_wb_wait_jobs(struct logcache *lc)
{
	wait_event_idle(lc->wb.wait, !atomic_read(&lc->wb.jobs));
}

/*--------------------------------------------------------------------------
 * Salvage: a job of which the SSD does not give all, block by block
 *--------------------------------------------------------------------------
 */

static int lc_salvage_write(struct logcache *lc, struct page *page, u64 lba, u64 loc, u32 len)
{
	struct bio_vec vec;
	struct bio bio;
	int r;

	bio_init(&bio, NULL, &vec, 1, REQ_OP_WRITE | REQ_SYNC);
	bio.bi_iter.bi_sector = lba;
	__bio_add_page(&bio, page, len << LC_SECTOR_SHIFT,
		       (loc % LC_BLOCK_SECTORS) << LC_SECTOR_SHIFT);
	r = lc->origin.ops->submit_wait(lc, &bio);
	bio_uninit(&bio);
	return r;
}

/* Sectors of one block. */
static int lc_salvage_block(struct logcache *lc, struct page *page, u64 lba, u64 loc, u32 len)
{
	int r = lc_block_read(lc, lc_block_at(loc), page);

	if (!r)
		return lc_salvage_write(lc, page, lba, loc, len);
	if (r != -EBADMSG && !lc_cache_alive(lc, page))
		return r;
	lc->wb.damaged = true;
	return lc_damage_add(lc, lba, loc, len);
}

/* Return: 0, and the job is done; or -errno, and it has to be tried again. */
static int lc_job_salvage(struct lc_job *job)
{
	const struct lc_piece *p;
	u64 lba = job->lba, loc;
	u32 left, n;
	int r;

	for (p = job->piece; p < job->piece + job->nr; p++) {
		loc = p->loc;
		for (left = p->len; left; left -= n, lba += n, loc += n) {
			n = min_t(u32, left, LC_BLOCK_SECTORS - loc % LC_BLOCK_SECTORS);
			r = lc_wb_gives_up(&job->lc->wb) ? -EINTR :
			    lc_salvage_block(job->lc, job->page[0], lba, loc, n);
			if (r)
				return r;
		}
	}
	return 0;
}

/* @job has failed: start it again, or do what can be done of it. */
static void lc_job_again(struct lc_job *job)
{
	struct logcache *lc = job->lc;
	struct lc_writeback *wb = &lc->wb;

	if (lc_wb_gives_up(wb)) {
		wb->skipped = true;
		lc_job_free(job);
	} else if (job->tries < LC_JOB_TRIES) {
		lc_wb_start_job(lc, job);
	} else if (!lc_job_salvage(job)) {
		lc_stat_inc(lc, WB_WRITES);
		lc_stat_add(lc, WB_SECTORS, job->len);
		lc_job_free(job);
	} else {
		spin_lock_irq(&wb->lock);
		list_add_tail(&job->list, &wb->failed);
		spin_unlock_irq(&wb->lock);
	}
}

/* Pause, then start what failed again. False: nothing failed, or stopping. */
static bool lc_unit_again(struct logcache *lc)
{
	struct lc_writeback *wb = &lc->wb;
	struct lc_job *job, *n;
	unsigned long pause;
	LIST_HEAD(jobs);

	spin_lock_irq(&wb->lock);
	list_splice_init(&wb->failed, &jobs);
	spin_unlock_irq(&wb->lock);
	if (list_empty(&jobs)) {
		wb->errors = 0;
		return false;
	}
	job = list_first_entry(&jobs, struct lc_job, list);
	if (!wb->errors++) {
		lc_warn(lc, "writeback from %s to %s fails at the %s; trying again, nothing is lost meanwhile",
			lc->cache->name, lc->origin.name, job->unread ? "former" : "latter");
		lc_mode_update(lc);
	}
	pause = min_t(unsigned long, LC_BACKOFF_MIN << min(wb->errors - 1, 7u), LC_BACKOFF_MAX);
	wait_event_idle_timeout(wb->wait, lc_wb_gives_up(wb), pause);
	list_for_each_entry_safe(job, n, &jobs, list) {
		list_del(&job->list);
		lc_job_again(job);
	}
	lc_wb_wait_jobs(lc);
	return true;
}

static int lc_unit_apply(struct logcache *lc)
{
	u64 begin = lc_log_begin(&lc->log);
	struct lc_writeback *wb = &lc->wb;
	bool any;
	int r;

	/* Direct writes leave units behind in which there is nothing for the origin. */
	any = lc_index_extents(&wb->unit);
	/* Direct writes of before must not land on top of the unit; no new ones come (mode.h). */
	if (any)
		wait_event_idle(wb->wait, lc_wb_gives_up(wb) || !atomic_read(&lc->through.nr));
	if (any && atomic_read(&lc->through.nr))
		return -EINTR;
	/* Given up half way, only a unit that gets as far makes the origin whole. */
	lc_log_raise_floor(lc, wb->unit_end);
	WRITE_ONCE(wb->half, true);
	wb->damaged = false;
	wb->skipped = false;
	do {
		r = lc_unit_issue(lc);
		lc_wb_wait_jobs(lc);
		while (lc_unit_again(lc))
			;
	} while (!r && !wb->skipped && lc_unit_next_window(lc, begin, &r));
	if (!r && wb->skipped)
		r = -EINTR;
	if (!r && any)
		r = lc->origin.ops->flush(lc);
	/*
	 * Damage is known durably before the unit counts as clean, and so is whatever
	 * newer there is of it already. A cache that refuses writes keeps all as it is.
	 */
	if (!r && wb->damaged && lc->state == LC_OK)
		r = lc_ckpt_write(lc, 0);
	if (r) {
		wb->errors += r != -EINTR;
		return r;
	}
	wb->errors = 0;
	WRITE_ONCE(wb->half, false);
	lc_stat_inc(lc, WB_UNITS);
	return 0;
}

/*--------------------------------------------------------------------------
 * When
 *--------------------------------------------------------------------------
 */

/*
 * What has just become dirty is not due for a while, and nor is what a unit has just
 * given up: the readers that were in its way are still there.
 */
static bool lc_wb_of_age(const struct logcache *lc)
{
	u64 since = READ_ONCE(lc->log.dirty_since);

	if (lc->wb.yielded && !lc_wb_old(lc))
		since = max(since, lc->wb.yielded);
	return time_after_eq64(get_jiffies_64(),
			       since + msecs_to_jiffies(lc->args.writeback_age_ms));
}

static bool lc_wb_due(struct logcache *lc)
{
	struct lc_log *log = &lc->log;
	u64 clean = READ_ONCE(log->clean_lsn);

	if (clean >= READ_ONCE(log->published_lsn) || lc->wb.stop)
		return false;
	return lc_wb_asked(lc) || lc_wb_live_percent(lc) >= lc->args.dirty_start ||
	       lc_wb_dirty_percent(lc) >= lc->args.dirty_throttle || lc_wb_of_age(lc);
}

/* Look again when the oldest dirty data comes of age; a failed unit pauses first. */
static void lc_wb_rearm(struct logcache *lc, int error)
{
	unsigned long delay = msecs_to_jiffies(lc->args.writeback_age_ms) + 1;

	if (lc->wb.stop)
		return;
	lc->wb.pause_until = error ? (jiffies + LC_BACKOFF_MAX) ?: 1 : 0;
	if (error)
		delay = LC_BACKOFF_MAX;
	else if (lc_wb_due(lc))
		delay = 0;
	else if (READ_ONCE(lc->log.clean_lsn) >= READ_ONCE(lc->log.published_lsn))
		return;
	queue_delayed_work(lc->wb.wq, &lc->wb.work, delay);
}

/*
 * Records carry clean_lsn, so a busy log remembers how far it is clean. An idle
 * one needs a checkpoint, or all of the last unit would be dirty after a crash:
 * soon if the unit was larger than the bitmap is. Nobody waits for it.
 */
static void lc_wb_idle(struct logcache *lc)
{
	struct lc_writeback *wb = &lc->wb;
	bool pays = wb->unit_data >= (u64)lc->geo.nr_bitmap * LC_BLOCK_SECTORS;

	if (wb->stop || READ_ONCE(lc->log.clean_lsn) != READ_ONCE(lc->log.next_lsn))
		return;
	if (pays)
		mod_delayed_work(lc->bg, &wb->save, 0);
	else
		queue_delayed_work(lc->bg, &wb->save, LC_SAVE_MAX);
}

static void lc_wb_save_work(struct work_struct *work)
{
	struct logcache *lc = container_of(to_delayed_work(work), struct logcache, wb.save);
	u64 clean = READ_ONCE(lc->log.clean_lsn);

	if (clean == READ_ONCE(lc->log.next_lsn) && clean > lc->wb.saved_lsn &&
	    lc->state == LC_OK && !lc_ckpt_write(lc, 0))
		lc->wb.saved_lsn = clean;
}

void lc_wb_cleaned(struct logcache *lc, u64 lsn, u64 sectors)
{
	lc_log_cleaned(lc, lsn, sectors);
	lc_wb_idle(lc);
	lc_log_kick(lc);
	lc_evict_kick(lc);
	wake_up_all(&lc->wb.wait);
}

/* From @from to @to, if that is how it stands. */
static bool lc_wb_turns(struct logcache *lc, enum lc_wb_turn from, enum lc_wb_turn to)
{
	return atomic_cmpxchg(&lc->wb.turn, from, to) == from;
}

/* Of the unit, which is done, or not whole. */
static void lc_wb_turn_back(struct logcache *lc, bool done)
{
	if (lc_wb_turns(lc, LC_TURN_UNIT, LC_TURN_NOBODY))
		return;
	lc->wb.yielded = done ? 0 : get_jiffies_64();
	atomic_set_release(&lc->wb.turn, done ? LC_TURN_NOBODY : LC_TURN_OFFERED);
}

/* The turn is ours, and is given back. */
static int lc_wb_unit(struct logcache *lc)
{
	const struct lc_unit_limit limit = {
		.floor = lc_log_floor(&lc->log),
		.end = U64_MAX,
		.data = (u64)lc->args.writeback_unit_mb << (20 - LC_SECTOR_SHIFT),
		.extents = U32_MAX,
	};
	struct lc_writeback *wb = &lc->wb;
	int r;

	r = lc_unit_collect(lc, lc_log_begin(&lc->log), &limit);
	if (!r)
		r = lc_unit_apply(lc);
	if (!r)
		lc_wb_cleaned(lc, wb->unit_end, wb->unit_sectors);
	else if (r != -EINTR)
		lc_warn(lc, "writeback of a unit failed: error %d; trying again", r);
	lc_wb_turn_back(lc, !r);
	lc_evict_kick(lc);
	wake_up_all(&wb->wait);
	lc_mode_update(lc);
	/* An origin that fails has its pause all the same. */
	return r == -EINTR && !wb->errors ? 0 : r;
}

static void lc_wb_work(struct work_struct *work)
{
	struct logcache *lc = container_of(to_delayed_work(work), struct logcache, wb.work);
	struct lc_writeback *wb = &lc->wb;
	int r = 0;

	if (lc->origin.ops->writeback) {
		lc->origin.ops->writeback(lc);
		return;
	}
	/* Whoever kicks a failing origin still waits for the pause to end. */
	if (wb->pause_until && time_before(jiffies, wb->pause_until) && !wb->stop) {
		queue_delayed_work(wb->wq, &wb->work, wb->pause_until - jiffies);
		return;
	}
	if (lc_wb_due(lc)) {
		/* Who has the turn, or is to have it, kicks us. */
		if (!lc_wb_turns(lc, LC_TURN_NOBODY, LC_TURN_UNIT))
			return;
		r = lc_wb_unit(lc);
	}
	lc_wb_rearm(lc, r);
}

bool lc_wb_clean_begin(struct logcache *lc)
{
	struct lc_writeback *wb = &lc->wb;

	if (lc_wb_turns(lc, LC_TURN_NOBODY, LC_TURN_CLEAN) ||
	    lc_wb_turns(lc, LC_TURN_OFFERED, LC_TURN_CLEAN_OFFERED))
		return true;
	/* Readers of the origin leave no room, or it fails: the unit will not end soon. */
	if (READ_ONCE(wb->errors) ||
	    (lc_wb_depth(lc) < lc->args.writeback_depth && !lc_wb_old(lc))) {
		lc_wb_turns(lc, LC_TURN_UNIT, LC_TURN_ASKED);
		wake_up_all(&wb->wait);
	}
	return false;
}

bool lc_wb_yields(const struct logcache *lc)
{
	return atomic_read(&lc->wb.turn) == LC_TURN_ASKED;
}

void lc_wb_clean_end(struct logcache *lc)
{
	if (!lc_wb_turns(lc, LC_TURN_CLEAN, LC_TURN_NOBODY))
		lc_wb_turns(lc, LC_TURN_CLEAN_OFFERED, LC_TURN_OFFERED);
	lc_wb_kick(lc);
}

void lc_wb_unyield(struct logcache *lc)
{
	if (lc_wb_turns(lc, LC_TURN_OFFERED, LC_TURN_NOBODY))
		lc_wb_kick(lc);
}

void lc_wb_arm(struct logcache *lc)
{
	unsigned long delay = msecs_to_jiffies(lc->args.writeback_age_ms) + 1;

	if (!lc->wb.stop)
		queue_delayed_work(lc->wb.wq, &lc->wb.work, lc_wb_asked(lc) ? 0 : delay);
}

void lc_wb_grown(struct logcache *lc)
{
	/* A helper has a full object to do sooner. */
	if (lc->origin.ops->writeback || lc_wb_live_percent(lc) >= lc->args.dirty_start ||
	    lc_wb_dirty_percent(lc) >= lc->args.dirty_throttle)
		lc_wb_kick(lc);
}

void lc_wb_kick(struct logcache *lc)
{
	if (!lc->wb.stop)
		mod_delayed_work(lc->wb.wq, &lc->wb.work, 0);
}

void lc_wb_flush(struct logcache *lc)
{
	WRITE_ONCE(lc->wb.flush_lsn, READ_ONCE(lc->log.published_lsn));
	lc_wb_kick(lc);
}

void lc_wb_stop(struct logcache *lc)
{
	lc->wb.stop = true;
	wake_up_all(&lc->wb.wait);
	cancel_delayed_work_sync(&lc->wb.work);
	cancel_delayed_work_sync(&lc->wb.save);
}

void lc_wb_resume(struct logcache *lc)
{
	lc->wb.stop = false;
	lc_wb_turns(lc, LC_TURN_OFFERED, LC_TURN_NOBODY);
	lc_wb_kick(lc);
}

int lc_wb_init(struct logcache *lc)
{
	struct lc_index_geo geo = {
		.loc_bits = lc->loc_bits,
		.seg_shift = lc->geo.seg_shift,
		.stripe_shift = LC_STRIPE_SHIFT,
	};
	struct lc_writeback *wb = &lc->wb;
	unsigned int i, nr;

	INIT_DELAYED_WORK(&wb->work, lc_wb_work);
	INIT_DELAYED_WORK(&wb->save, lc_wb_save_work);
	spin_lock_init(&wb->lock);
	INIT_LIST_HEAD(&wb->failed);
	init_waitqueue_head(&wb->wait);
	wb->stop = true;
	nr = clamp_t(u64, (u64)lc->geo.nr_segs * lc->geo.seg_blocks / LC_WB_BLOCKS,
		     LC_WB_NODES_MIN, LC_WB_NODES_MAX);
	wb->nodes = vmalloc(array_size(nr, LC_INDEX_NODE_SIZE));
	wb->slot = lc_buf_alloc((size_t)lc->geo.slot_blocks << LC_BLOCK_SHIFT);
	wb->job_pool = mempool_create_kmalloc_pool(2, sizeof(struct lc_job));
	wb->pages = mempool_create_page_pool(2 * LC_JOB_BLOCKS, 0);
	wb->wq = alloc_workqueue("logcache-wb", WQ_UNBOUND | WQ_MEM_RECLAIM, 0);
	if (!wb->nodes || !wb->slot || !wb->job_pool || !wb->pages || !wb->wq)
		return -ENOMEM;
	lc_index_init(&wb->unit, &geo);
	for (i = 0; i < nr; i++)
		lc_index_give(&wb->unit, wb->nodes + i * LC_INDEX_NODE_SIZE);
	return bioset_init(&wb->bs, 2 * LC_JOB_PIECES, 0, BIOSET_NEED_BVECS);
}

void lc_wb_exit(struct logcache *lc)
{
	struct lc_writeback *wb = &lc->wb;

	if (wb->wq)
		destroy_workqueue(wb->wq);
	bioset_exit(&wb->bs);
	mempool_destroy(wb->pages);
	mempool_destroy(wb->job_pool);
	lc_buf_free(wb->slot, (size_t)lc->geo.slot_blocks << LC_BLOCK_SHIFT);
	vfree(wb->nodes);
}
