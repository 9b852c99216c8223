// SPDX-License-Identifier: GPL-2.0-only
#include "collect.h"

#include "log_seg.h"
#include "logcache.h"
#include "segment.h"

/* Entries of the segment that holds @lsn, from that one on. */
struct lc_span {
	const struct lc_entry *ent;
	u32 seg;
	u32 nr;
};

/* Log lock held. An open segment's entries are only in memory: copy them. */
static bool lc_span_open(struct logcache *lc, struct lc_segbuf *sb, u64 lsn, struct lc_span *span)
{
	u64 end = min(sb->first_lsn + sb->nr, lc->log.durable_lsn);

	if (lsn < sb->first_lsn || lsn >= end)
		return false;
	span->seg = sb->seg;
	span->nr = end - lsn;
	memcpy(lc_slot_entries(lc->wb.slot), lc_slot_entries(sb->slot) + (lsn - sb->first_lsn),
	       span->nr * sizeof(struct lc_entry));
	span->ent = lc_slot_entries(lc->wb.slot);
	return true;
}

static struct lc_seg *lc_span_sealed(struct logcache *lc, u64 lsn)
{
	struct lc_seg *s;

	list_for_each_entry(s, &lc->log.dirty, list) {
		if (lsn < s->end_lsn)
			return lsn >= s->first_lsn ? s : NULL;
	}
	return NULL;
}

/* 1: found; 0: nothing durable behind @lsn; or -errno. */
static int lc_span_find(struct logcache *lc, u64 lsn, struct lc_span *span)
{
	struct lc_log *log = &lc->log;
	struct lc_slot_info info;
	struct lc_segbuf *sb;
	struct lc_seg *s;
	bool found = false;
	int r;

	spin_lock_irq(&log->lock);
	s = lc_span_sealed(lc, lsn);
	if (!s) {
		list_for_each_entry(sb, &log->sealing, list) {
			found = lc_span_open(lc, sb, lsn, span);
			if (found)
				break;
		}
		if (!found && log->cur)
			found = lc_span_open(lc, log->cur, lsn, span);
	}
	spin_unlock_irq(&log->lock);
	if (!s)
		return found;

	r = lc_slot_read(lc, lc_seg_no(lc, s), lc->wb.slot, &info);
	if (r)
		return r;
	span->seg = info.seg;
	span->ent = lc_slot_entries(lc->wb.slot) + (lsn - info.first_lsn);
	span->nr = info.end_lsn - lsn;
	return 1;
}

static bool lc_unit_full(struct logcache *lc, const struct lc_unit_limit *limit)
{
	struct lc_writeback *wb = &lc->wb;

	/* One entry more can make two extents more. */
	return lc_index_spare(&wb->unit) < LC_INDEX_NEED_MAX || wb->unit_data >= limit->data ||
	       wb->unit_end >= limit->end || lc_index_extents(&wb->unit) + 2 > limit->extents;
}

/* An older version is not written: the unit can go on for as much longer. */
static void lc_unit_drop(void *ctx, const struct lc_extent *e)
{
	struct lc_writeback *wb = ctx;

	if (e->kind == LC_EXT_DATA)
		wb->unit_data -= e->len;
}

/* Cut @e to the window; false: it is outside. */
static bool lc_unit_window(const struct lc_writeback *wb, struct lc_extent *e)
{
	u64 from = max(e->key, wb->unit_low), to = min(lc_extent_end(e), wb->unit_high);

	if (from >= to)
		return false;
	lc_extent_clip(e, from, to);
	return true;
}

static int lc_unit_add(struct logcache *lc, const struct lc_ent *ent, u32 seg)
{
	struct lc_extent e = {
		.key = ent->lba,
		.len = ent->len,
		.loc = lc_geo_loc(&lc->geo, seg, ent->pos),
	};
	struct lc_writeback *wb = &lc->wb;
	int r;

	switch (ent->op) {
	case LC_OP_WRITE:
		e.kind = LC_EXT_DATA;
		break;
	case LC_OP_ZERO:
		e.kind = LC_EXT_ZERO;
		break;
	case LC_OP_DISCARD:
		e.kind = LC_EXT_DISCARD;
		break;
	default:
		return 0;
	}
	if (ent->op == LC_OP_WRITE && !wb->unit_low)
		wb->unit_sectors += ent->len;
	if (!lc_unit_window(wb, &e))
		return 0;
	r = lc_index_insert(&wb->unit, &e, lc_unit_drop, wb);
	if (!r && ent->op == LC_OP_WRITE)
		wb->unit_data += e.len;
	return r;
}

/* No room for more, but the unit cannot end here: leave half of it to another window. */
static void lc_unit_narrow(struct logcache *lc)
{
	struct lc_writeback *wb = &lc->wb;
	u64 keep = lc_index_extents(&wb->unit) / 2, cursor = 0;
	struct lc_extent e;

	while (keep-- && lc_index_next(&wb->unit, &cursor, &e))
		;
	wb->unit_high = cursor;
	WARN_ON_ONCE(lc_index_remove(&wb->unit, cursor, U64_MAX - cursor, lc_unit_drop, wb));
}

/* True if the unit can take more. */
static bool lc_unit_add_span(struct logcache *lc, const struct lc_span *span,
			     const struct lc_unit_limit *limit)
{
	struct lc_writeback *wb = &lc->wb;
	struct lc_ent ent;
	u32 i;

	for (i = 0; i < span->nr; i++) {
		/* A unit of several windows is large enough. */
		if (wb->unit_end >= limit->floor &&
		    (lc_unit_full(lc, limit) || wb->unit_high != U64_MAX))
			return false;
		if (lc_index_spare(&wb->unit) < LC_INDEX_NEED_MAX)
			lc_unit_narrow(lc);
		lc_entry_get(&span->ent[i], &ent);
		if (WARN_ON_ONCE(lc_unit_add(lc, &ent, span->seg)))
			return false;
		wb->unit_end++;
	}
	cond_resched();
	return true;
}

/* The window from sector @low on. */
static int lc_unit_collect_window(struct logcache *lc, u64 from, u64 low,
				  const struct lc_unit_limit *limit)
{
	struct lc_writeback *wb = &lc->wb;
	struct lc_span span;
	int r;

	lc_index_clear(&wb->unit);
	wb->unit_data = 0;
	wb->unit_low = low;
	wb->unit_high = U64_MAX;
	wb->unit_end = from;
	do {
		r = lc_span_find(lc, wb->unit_end, &span);
	} while (r > 0 && lc_unit_add_span(lc, &span, limit));
	/* A summary that cannot be read ends the unit in front of it. */
	if (wb->unit_end > from && wb->unit_end >= limit->floor)
		return 0;
	/* Something is due, so a unit without anything would be due again at once. */
	return r < 0 ? r : -EUCLEAN;
}

int lc_unit_collect(struct logcache *lc, u64 from, const struct lc_unit_limit *limit)
{
	int r = 0;

	/* The origin must never be ahead of what the log keeps through a power cut. */
	if (READ_ONCE(lc->log.durable_lsn) < READ_ONCE(lc->log.published_lsn))
		r = lc_log_flush_cache(lc);
	/* What is durable already can be saved from a cache that refuses writes. */
	if (r && (READ_ONCE(lc->log.durable_lsn) <= from ||
		  READ_ONCE(lc->log.durable_lsn) < limit->floor))
		return r;
	lc->wb.unit_sectors = 0;
	return lc_unit_collect_window(lc, from, 0, limit);
}

bool lc_unit_next_window(struct logcache *lc, u64 from, int *r)
{
	struct lc_writeback *wb = &lc->wb;
	const struct lc_unit_limit limit = {
		.floor = wb->unit_end,
		.end = wb->unit_end,
		.data = U64_MAX,
		.extents = U32_MAX,
	};

	if (wb->unit_high == U64_MAX)
		return false;
	*r = lc_unit_collect_window(lc, from, wb->unit_high, &limit);
	return !*r;
}
