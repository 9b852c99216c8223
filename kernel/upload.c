// SPDX-License-Identifier: GPL-2.0-only
/* Writeback by way of a helper; the states are in helper.h. */
#include <linux/jiffies.h>
#include <linux/vmalloc.h>

#include "collect.h"
#include "helper.h"
#include "logcache.h"
#include "segment.h"
#include "super.h"
#include "target.h"
#include "uapi/linux/logcache.h"
#include "verify.h"

/* The helper cannot at the moment. */
#define LC_UPLOAD_PAUSE		HZ
/* Damage in a unit cuts its extents: twice for each place that is damaged. */
#define LC_EXTENTS_ROOM		(LC_UNIT_EXTENTS + 2 * LC_DAMAGE_MAX)
/* So often what is not in a unit yet is looked at, or oftener. */
#define LC_LOOK_MIN		(HZ / 20)

static struct lc_upcall *lc_up(const struct logcache *lc)
{
	return lc->origin.helper->up;
}

static struct lc_units *lc_units(const struct logcache *lc)
{
	return &lc->origin.helper->units;
}

/* The @i-th oldest. */
static struct lc_unit *lc_unit_at(const struct lc_units *us, unsigned int i)
{
	return &us->unit[(us->head + i) % LC_UNITS_MAX];
}

/*--------------------------------------------------------------------------
 * Answers; under the queue's lock
 *--------------------------------------------------------------------------
 */

static void lc_unit_done(struct lc_item *item, const struct lc_answer *a)
{
	struct lc_unit *u = container_of(item, struct lc_unit, item);

	switch (a->status) {
	case LOGCACHE_STATUS_OK:
		u->done = true;
		break;
	case LOGCACHE_STATUS_CORRUPT:
		u->corrupt = true;
		fallthrough;
	default:
		lc_stat_inc(u->lc, WB_ERRORS);
		/* After the flag, for whoever looks without the lock. */
		smp_store_release(&u->again, (jiffies + LC_UPLOAD_PAUSE) ?: 1);
	}
	lc_wb_kick(u->lc);
}

static const struct lc_item_ops lc_unit_item_ops = {
	.done = lc_unit_done,
};

/*--------------------------------------------------------------------------
 * Cutting
 *--------------------------------------------------------------------------
 */

static void lc_unit_put_ext(struct lc_unit *u, const struct lc_extent *e)
{
	struct lc_unit_ext *x = &u->ext[u->nr++];

	x->lba = e->key;
	x->loc = e->loc;
	x->len = e->len;
	x->kind = e->kind;
	if (e->kind == LC_EXT_DATA)
		u->data += e->len;
}

/* From wb.unit, without what is known to be damaged. */
static void lc_unit_flatten(struct logcache *lc, struct lc_unit *u)
{
	struct lc_extent e;
	u64 cursor = 0;

	u->nr = 0;
	u->data = 0;
	while (lc_index_next(&lc->wb.unit, &cursor, &e)) {
		if (e.kind == LC_EXT_DATA) {
			bool bad = lc_damage_run(lc, e.loc, &e.len);

			cursor = lc_extent_end(&e);
			u->damaged |= bad;
			if (bad)
				continue;
		}
		if (WARN_ON_ONCE(u->nr == LC_EXTENTS_ROOM))
			break;
		lc_unit_put_ext(u, &e);
	}
}

static int lc_unit_collect_again(struct logcache *lc, struct lc_unit *u)
{
	const struct lc_unit_limit limit = {
		.from = u->start,
		.end = u->end,
		.data = u->data_max,
		.extents = LC_UNIT_EXTENTS,
	};
	int r = lc_unit_collect(lc, &limit);

	if (r)
		return r;
	/* The same entries, so the same end. */
	if (WARN_ON_ONCE(lc->wb.unit_end != u->end))
		return -EUCLEAN;
	lc_unit_flatten(lc, u);
	return 0;
}

static void lc_unit_offer(struct logcache *lc, struct lc_unit *u)
{
	struct lc_upcall *up = lc_up(lc);

	spin_lock(&up->lock);
	u->again = 0;
	/* Not any more, if the volume stops. */
	if (up->lc)
		lc_item_submit(up, &u->item);
	spin_unlock(&up->lock);
}

static int lc_unit_cut(struct logcache *lc)
{
	struct lc_units *us = lc_units(lc);
	struct lc_unit *u = lc_unit_at(us, us->nr);
	const struct lc_unit_limit limit = {
		.from = us->next_lsn,
		.end = U64_MAX,
		/* The last entry may be as long as entries are. */
		.data = ((u64)lc->args.object_mb << (20 - LC_SECTOR_SHIFT)) - LC_ENTRY_DATA_MAX,
		.extents = LC_UNIT_EXTENTS,
	};
	int r = lc_unit_collect(lc, &limit);

	if (r)
		return r;
	u->start = us->next_lsn;
	u->end = lc->wb.unit_end;
	u->sectors = lc->wb.unit_sectors;
	u->data_max = limit.data;
	u->done = false;
	u->corrupt = false;
	u->damaged = false;
	lc_unit_flatten(lc, u);
	us->nr++;
	us->sectors += u->sectors;
	us->late = false;
	WRITE_ONCE(us->next_lsn, u->end);
	atomic_set(&lc->wb.jobs, us->nr);
	lc_unit_offer(lc, u);
	return 0;
}

/*--------------------------------------------------------------------------
 * When
 *--------------------------------------------------------------------------
 */

static bool lc_cut_asked(struct logcache *lc, u64 next)
{
	return lc->wb.drain || lc->wb.keep_clean || READ_ONCE(lc->wb.flush_lsn) > next ||
	       (READ_ONCE(lc->log.starved) && !lc_lru_ready(lc->lru));
}

static bool lc_cut_full(struct logcache *lc)
{
	struct lc_units *us = lc_units(lc);
	u64 dirty = READ_ONCE(lc->log.dirty_sectors);

	return dirty >= us->sectors + ((u64)lc->args.object_mb << (20 - LC_SECTOR_SHIFT));
}

/* When what is behind the last unit was first seen, or earlier if that is known. */
static unsigned long lc_cut_since(struct logcache *lc)
{
	struct lc_units *us = lc_units(lc);
	u64 dirty = READ_ONCE(lc->log.dirty_since);

	if (!us->late) {
		us->late = true;
		us->since = jiffies;
	}
	/* With nothing in flight it is all there is. */
	return !us->nr && dirty ? (unsigned long)dirty : us->since;
}

static bool lc_cut_due(struct logcache *lc)
{
	struct lc_units *us = lc_units(lc);

	if (us->nr == LC_UNITS_MAX || us->next_lsn >= READ_ONCE(lc->log.published_lsn))
		return false;
	return lc_cut_asked(lc, us->next_lsn) || lc_cut_full(lc) ||
	       (!us->nr && lc_wb_dirty_percent(lc) >= lc->args.dirty_start) ||
	       time_after_eq(jiffies, lc_cut_since(lc) +
			     msecs_to_jiffies(lc->args.writeback_age_ms));
}

/*--------------------------------------------------------------------------
 * What the helper says is wrong
 *--------------------------------------------------------------------------
 */

/* A block that cannot be had is lost; unless the cache cannot be had. */
static int lc_unit_look(struct logcache *lc, struct page *page, const struct lc_unit_ext *x)
{
	u64 loc = x->loc, end = x->loc + x->len;
	u32 n;
	int r;

	for (; loc < end; loc += n) {
		n = min_t(u64, end - loc, LC_BLOCK_SECTORS - loc % LC_BLOCK_SECTORS);
		if (lc->wb.stop)
			return -EINTR;
		r = lc_block_read(lc, lc_block_at(loc), page);
		if (!r)
			continue;
		if (r != -EBADMSG && !lc_cache_alive(lc, page))
			return r;
		if (r == -EBADMSG)
			lc_crc_error(lc, lc_block_at(loc), x->lba + (loc - x->loc), "writeback");
		r = lc_damage_add(lc, x->lba + (loc - x->loc), loc, n);
		if (r)
			return r;
	}
	return 0;
}

static int lc_unit_repair(struct logcache *lc, struct lc_unit *u)
{
	struct page *page = mempool_alloc(lc->verify_pages, GFP_NOIO);
	unsigned int i;
	int r = 0;

	for (i = 0; i < u->nr && !r; i++) {
		if (u->ext[i].kind == LC_EXT_DATA)
			r = lc_unit_look(lc, page, &u->ext[i]);
	}
	mempool_free(page, lc->verify_pages);
	r = r ?: lc_unit_collect_again(lc, u);
	if (!r)
		u->corrupt = false;
	return r;
}

/* In the order of the log. Return: jiffies until the next pause ends, 0 without one. */
static unsigned long lc_units_again(struct logcache *lc)
{
	struct lc_units *us = lc_units(lc);
	unsigned long wait = 0, left;
	struct lc_unit *u;
	unsigned int i;

	for (i = 0; i < us->nr && !lc->wb.stop; i++) {
		u = lc_unit_at(us, i);
		/* Then the flag is there too. */
		if (!smp_load_acquire(&u->again))
			continue;
		if (time_before(jiffies, u->again))
			left = u->again - jiffies;
		else if (u->corrupt && lc_unit_repair(lc, u))
			left = LC_UPLOAD_PAUSE;
		else
			left = 0;
		if (!left)
			lc_unit_offer(lc, u);
		else if (!wait || left < wait)
			wait = left;
	}
	return wait;
}

/*--------------------------------------------------------------------------
 * Done
 *--------------------------------------------------------------------------
 */

/* Damage is known durably before the unit counts as clean. */
static bool lc_unit_settled(struct logcache *lc, struct lc_unit *u)
{
	if (u->damaged && lc->state == LC_OK && lc_ckpt_write(lc, 0))
		return false;
	u->damaged = false;
	return true;
}

static void lc_units_retire(struct logcache *lc)
{
	struct lc_units *us = lc_units(lc);
	struct lc_unit *u;

	while (us->nr) {
		u = lc_unit_at(us, 0);
		if (!READ_ONCE(u->done) || !lc_unit_settled(lc, u))
			break;
		lc_stat_inc(lc, WB_UNITS);
		lc_stat_add(lc, WB_SECTORS, u->data);
		us->sectors -= u->sectors;
		us->nr--;
		us->head = (us->head + 1) % LC_UNITS_MAX;
		atomic_set(&lc->wb.jobs, us->nr);
		lc_wb_cleaned(lc, u->end, u->sectors);
	}
}

/*--------------------------------------------------------------------------
 * The work
 *--------------------------------------------------------------------------
 */

static void lc_units_rearm(struct logcache *lc, unsigned long pause, int error)
{
	struct lc_units *us = lc_units(lc);
	unsigned long delay = msecs_to_jiffies(lc->args.writeback_age_ms) / 4;

	delay = max_t(unsigned long, delay, LC_LOOK_MIN);
	if (error)
		delay = LC_UPLOAD_PAUSE;
	else if (pause)
		delay = min(delay, pause);
	else if (!us->nr && us->next_lsn >= READ_ONCE(lc->log.published_lsn))
		return;
	if (!lc->wb.stop)
		queue_delayed_work(lc->wb.wq, &lc->wb.work, delay);
}

void lc_units_run(struct logcache *lc)
{
	unsigned long pause;
	int r = 0;

	lc_units_retire(lc);
	pause = lc_units_again(lc);
	while (!r && !lc->wb.stop && lc_cut_due(lc))
		r = lc_unit_cut(lc);
	/* What is published need not be durable yet, if the cache cannot be flushed. */
	if (r && r != -EUCLEAN)
		lc_warn(lc, "collecting a unit failed: error %d; trying again", r);
	lc_units_rearm(lc, pause, r);
}

void lc_units_start(struct logcache *lc)
{
	struct lc_units *us = lc_units(lc);

	us->head = 0;
	us->nr = 0;
	us->sectors = 0;
	us->late = false;
	us->next_lsn = READ_ONCE(lc->log.clean_lsn);
	atomic_set(&lc->wb.jobs, 0);
}

void lc_units_stop(struct logcache *lc)
{
	/* What was done and is not noted yet: or it would be offered again. */
	lc_units_retire(lc);
}

int lc_units_init(struct logcache *lc)
{
	struct lc_units *us = lc_units(lc);
	unsigned int i;

	us->unit = kvcalloc(LC_UNITS_MAX, sizeof(*us->unit), GFP_KERNEL);
	us->ext = vmalloc(array3_size(LC_UNITS_MAX, LC_EXTENTS_ROOM, sizeof(*us->ext)));
	if (!us->unit || !us->ext)
		return -ENOMEM;
	for (i = 0; i < LC_UNITS_MAX; i++) {
		INIT_LIST_HEAD(&us->unit[i].item.list);
		us->unit[i].item.ops = &lc_unit_item_ops;
		us->unit[i].item.type = LOGCACHE_ITEM_TYPE_UPLOAD;
		us->unit[i].lc = lc;
		us->unit[i].ext = us->ext + i * LC_EXTENTS_ROOM;
	}
	return 0;
}

void lc_units_exit(struct logcache *lc)
{
	vfree(lc_units(lc)->ext);
	kvfree(lc_units(lc)->unit);
}
