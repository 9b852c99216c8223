// SPDX-License-Identifier: GPL-2.0-only

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ctl.h"
#include "prefix.h"

/* The first record of a segment that no summary describes. */
struct start {
	u32 seg;
	struct lc_record_info info;
};

struct find {
	const struct image *img;
	const struct recovery *rec;
	struct prefix *p;
	u64 epoch;		/* of summaries made anew */
	u64 limit;		/* the log ends here at the latest */
	u64 seq;		/* of the last piece */
	bool chained;		/* p->chain is known */
	struct start *starts;
	u32 nr_starts;
	const struct lc_slot_info **logs;	/* sealed log segments, by LSN */
	u32 nr_logs;
	u8 *buf;		/* a segment */
};

/*----------------------------------------------------------------
 * Reading
 *----------------------------------------------------------------
 */

/* What cannot be read is no record. */
static void read_seg(struct find *f, u32 seg)
{
	u64 block = image_seg_block(f->img, seg);
	u32 i, nr = f->img->geo.seg_blocks;

	if (!device_read(&f->img->dev, block, f->buf, nr))
		return;
	for (i = 0; i < nr; i++)
		if (device_read(&f->img->dev, block + i, f->buf + (size_t)i * LC_BLOCK_SIZE, 1))
			memset(f->buf + (size_t)i * LC_BLOCK_SIZE, 0, LC_BLOCK_SIZE);
}

static const struct lc_record *record_at(const struct find *f, u32 at)
{
	return (const void *)(f->buf + (size_t)at * LC_BLOCK_SIZE);
}

static bool decode(const struct find *f, const struct lc_record *r, u32 at,
		   struct lc_record_info *info)
{
	const char *why;

	return !lc_record_decode(r, &f->img->geo, at, f->img->ckpt.origin_sectors, info, &why) &&
	       info->epoch <= f->img->ckpt.epoch;
}

static bool payload_ok(const struct find *f, u32 at, u32 nr_blocks)
{
	const struct lc_record *r = record_at(f, at);
	u32 i;

	for (i = 0; i < nr_blocks; i++)
		if (lc_block_crc(record_at(f, at + 1 + i)) != le32_to_cpu(lc_record_crcs(r)[i]))
			return false;
	return true;
}

static bool is_log_slot(const struct find *f, u32 seg)
{
	const struct seg_slot *s = &f->img->slots[seg];

	return !s->err && s->info.type == LC_SEG_LOG;
}

static int compare_logs(const void *a, const void *b)
{
	const struct lc_slot_info *x = *(struct lc_slot_info **)a, *y = *(struct lc_slot_info **)b;

	return x->first_lsn < y->first_lsn ? -1 : x->first_lsn > y->first_lsn;
}

static void find_logs(struct find *f)
{
	u32 i;

	f->logs = xcalloc(f->img->geo.nr_segs, sizeof(*f->logs));
	for (i = 0; i < f->img->geo.nr_segs; i++)
		if (is_log_slot(f, i) && f->img->slots[i].info.end_lsn <= f->limit)
			f->logs[f->nr_logs++] = &f->img->slots[i].info;
	qsort(f->logs, f->nr_logs, sizeof(*f->logs), compare_logs);
}

/* The first of them that begins at @lsn or later, or NULL. */
static const struct lc_slot_info *log_from(const struct find *f, u64 lsn)
{
	u32 low = 0, high = f->nr_logs;

	while (low < high) {
		u32 mid = low + (high - low) / 2;

		if (f->logs[mid]->first_lsn < lsn)
			low = mid + 1;
		else
			high = mid;
	}
	return low < f->nr_logs ? f->logs[low] : NULL;
}

/* The one that has the entry @lsn, or NULL. */
static const struct lc_slot_info *log_with(const struct find *f, u64 lsn)
{
	u32 low = 0, high = f->nr_logs;

	while (low < high) {
		u32 mid = low + (high - low) / 2;

		if (f->logs[mid]->first_lsn <= lsn)
			low = mid + 1;
		else
			high = mid;
	}
	return low && f->logs[low - 1]->end_lsn > lsn ? f->logs[low - 1] : NULL;
}

static void find_starts(struct find *f)
{
	const struct image *img = f->img;
	static struct {
		struct lc_record r;
		u8 rest[LC_RECORD_ROOM];
	} buf;
	struct progress p;
	u32 seg;

	f->starts = xcalloc(img->geo.nr_segs, sizeof(*f->starts));
	progress_start(&p, "looking for the log", img->geo.nr_segs);
	for (seg = 0; seg < img->geo.nr_segs; seg++) {
		const struct seg_slot *s = &img->slots[seg];
		struct start *st = &f->starts[f->nr_starts];

		progress_show(&p, seg);
		if (device_read(&img->dev, image_seg_block(img, seg), &buf, 1) ||
		    !decode(f, &buf.r, 0, &st->info) || (!s->err && st->info.seq <= s->info.seq))
			continue;
		st->seg = seg;
		f->nr_starts++;
	}
	progress_end(&p);
}

/*----------------------------------------------------------------
 * What is known of the whole log, kept or not
 *----------------------------------------------------------------
 */

static void learn(struct prefix *p, u64 seq, u64 clean, u64 acked, u64 end)
{
	p->next_seq = max(p->next_seq, seq + 1);
	p->clean_lsn = max(p->clean_lsn, clean);
	p->acked_lsn = max3(p->acked_lsn, acked, clean);
	p->known_lsn = max3(p->known_lsn, end, p->acked_lsn);
}

static void learn_entry(struct prefix *p, u64 lsn, const struct lc_ent *e)
{
	if (p->nr_lost == p->room) {
		p->room = 2 * p->room ?: 1024;
		p->lost = xrealloc(p->lost, p->room * sizeof(*p->lost));
	}
	p->lost[p->nr_lost++] = (struct lost_entry){ lsn, *e };
}

/*
 * Of another activation, beyond what the checkpoint knows, it was cut off or given up,
 * and its LSNs may have been given out again.
 */
static void learn_record(struct find *f, const struct lc_record *r,
			 const struct lc_record_info *info)
{
	const struct lc_ckpt_info *ck = &f->img->ckpt;
	u64 end = info->lsn + info->nr_entries;
	struct lc_ent e;
	u32 i;

	learn(f->p, info->seq, info->clean_lsn, 0, 0);
	if (info->epoch != ck->epoch && end > ck->log_lsn)
		return;
	learn(f->p, info->seq, info->clean_lsn, info->acked_lsn, end);
	for (i = 0; i < info->nr_entries; i++) {
		lc_entry_get(&lc_record_entries(r)[i], &e);
		learn_entry(f->p, info->lsn + i, &e);
	}
}

/* Whatever record is in @seg, wherever: what is damaged may be in front of it. */
static void scan_seg(struct find *f, u32 seg)
{
	struct lc_record_info info;
	u32 at;

	read_seg(f, seg);
	for (at = 0; at < f->img->geo.seg_blocks; at++)
		if (decode(f, record_at(f, at), at, &info))
			learn_record(f, record_at(f, at), &info);
}

static void learn_slot(struct find *f, u32 seg)
{
	const struct lc_slot_info *info = &f->img->slots[seg].info;
	bool log = info->type == LC_SEG_LOG && info->end_lsn <= f->limit;

	/* A slot is written behind a flush of all that is in the segment. */
	learn(f->p, info->seq, info->clean_lsn, log ? info->end_lsn : 0, 0);
}

static void learn_all(struct find *f)
{
	const struct lc_ckpt_info *ck = &f->img->ckpt;
	u64 begin = lc_ckpt_begin(ck);
	bool *look = xcalloc(f->img->geo.nr_segs, sizeof(*look));
	u32 i;

	/* What was before the oldest segment that is not sealed is durable. */
	learn(f->p, ck->next_seq - 1, ck->clean_lsn, max(ck->floor_lsn, ck->log_lsn), 0);
	learn(f->p, 0, f->rec->clean_lsn, f->rec->acked_lsn, f->rec->headers_lsn);
	for (i = 0; i < f->rec->nr_beyond; i++)
		look[f->rec->beyond[i]] = true;
	for (i = 0; i < f->nr_starts; i++)
		if (f->starts[i].info.lsn >= begin)
			look[f->starts[i].seg] = true;
	for (i = 0; i < f->img->geo.nr_segs; i++) {
		const struct seg_slot *s = &f->img->slots[i];

		if (!s->err)
			learn_slot(f, i);
		else if (s->err != -ENODATA)
			look[i] = true;
		if (look[i])
			scan_seg(f, i);
	}
	free(look);
}

/*----------------------------------------------------------------
 * Following the log
 *----------------------------------------------------------------
 */

static struct piece *add_piece(struct find *f)
{
	struct prefix *p = f->p;

	if (!(p->nr_pieces & (p->nr_pieces - 1)))
		p->pieces = xrealloc(p->pieces,
				     (2 * (size_t)p->nr_pieces ?: 1) * sizeof(*p->pieces));
	return memset(&p->pieces[p->nr_pieces++], 0, sizeof(*p->pieces));
}

/* Behind what was made from records it is the chain that tells. */
static bool continues(struct find *f, u32 seg)
{
	struct lc_record_info info;
	const struct prefix *p = f->p;

	if (!p->nr_pieces || !p->pieces[p->nr_pieces - 1].slot)
		return true;
	read_seg(f, seg);
	return decode(f, record_at(f, 0), 0, &info) && info.prev_crc == p->chain;
}

/* The sealed segment that has the entry @at; only the first piece may begin before. */
static bool take_slot(struct find *f, u64 at)
{
	const struct lc_slot_info *info = log_with(f, at);

	if (!info || info->seq <= f->seq || (f->p->nr_pieces && info->first_lsn != at) ||
	    !continues(f, info->seg))
		return false;
	*add_piece(f) = (struct piece){
		.seg = info->seg, .epoch = info->epoch, .seq = info->seq,
		.first_lsn = info->first_lsn, .end_lsn = info->end_lsn, .chain = info->chain,
	};
	return true;
}

/* Entries from ck.log_lsn on can only be of the last activation. */
static bool epoch_ok(const struct find *f, const struct lc_record_info *info)
{
	const struct lc_ckpt_info *ck = &f->img->ckpt;

	return info->lsn < ck->log_lsn || info->epoch == ck->epoch;
}

/*
 * Does the log go on elsewhere at @lsn, and not in the segment that @in is in? A
 * record that was not acknowledged can lie where the log was cut, with the same LSN.
 */
static bool goes_on_elsewhere(const struct find *f, const struct lc_record_info *in, u64 lsn)
{
	const struct lc_slot_info *log = log_from(f, lsn);
	const struct lc_ckpt_info *ck = &f->img->ckpt;
	u32 i;

	if (lsn >= f->limit || (lsn == ck->log_lsn && in->seq < ck->log_seq) ||
	    (log && log->first_lsn == lsn && log->seq > in->seq))
		return true;
	for (i = 0; i < f->nr_starts; i++)
		if (f->starts[i].info.lsn == lsn && f->starts[i].info.epoch > in->epoch)
			return true;
	return false;
}

/* More than any slot has room for. */
#define SLOT_ENTRIES_MAX	(LC_SEG_BLOCKS_MAX / LC_SLOT_RATIO * LC_BLOCK_SIZE / \
				 (unsigned int)sizeof(struct lc_entry))

/* A summary, as it is built up. */
struct draft {
	u32 nr_ents;
	u32 nr_crcs;
	struct lc_ent ents[SLOT_ENTRIES_MAX];
	u32 crcs[LC_SEG_BLOCKS_MAX];
};

static void draft_add(struct draft *d, const struct lc_record *r, const struct lc_record_info *info)
{
	u32 i;

	for (i = 0; i < info->nr_entries; i++)
		lc_entry_get(&lc_record_entries(r)[i], &d->ents[d->nr_ents++]);
	d->crcs[d->nr_crcs++] = 0;
	for (i = 0; i < info->nr_blocks; i++)
		d->crcs[d->nr_crcs++] = le32_to_cpu(lc_record_crcs(r)[i]);
}

static void draft_seal(const struct find *f, struct piece *pc, const struct draft *d, u32 next)
{
	struct lc_slot_info info = {
		.epoch = f->epoch, .seq = pc->seq, .first_lsn = pc->first_lsn,
		.end_lsn = pc->end_lsn, .clean_lsn = f->p->clean_lsn, .seg = pc->seg,
		.next_seg = next, .chain = pc->chain, .nr_entries = d->nr_ents,
		.nr_crcs = d->nr_crcs, .type = LC_SEG_LOG,
	};
	u32 i;

	pc->slot = xcalloc(f->img->geo.slot_blocks, LC_BLOCK_SIZE);
	pc->slot->nr_entries = cpu_to_le16(d->nr_ents);
	for (i = 0; i < d->nr_ents; i++)
		lc_entry_put(&lc_slot_entries(pc->slot)[i], &d->ents[i]);
	for (i = 0; i < d->nr_crcs; i++)
		lc_slot_crcs(pc->slot)[i] = cpu_to_le32(d->crcs[i]);
	pc->slot_bytes = lc_slot_seal(pc->slot, &f->img->geo, &info);
}

/* Does the record at @at follow, in the segment that begins as @first says? */
static bool follows(const struct find *f, u32 at, const struct piece *pc,
		    const struct lc_record_info *first, struct lc_record_info *info)
{
	if (!decode(f, record_at(f, at), at, info) || info->epoch != first->epoch ||
	    info->seq != first->seq || info->lsn != pc->end_lsn ||
	    info->prev_crc != pc->chain || !epoch_ok(f, info))
		return false;
	return !at || !goes_on_elsewhere(f, info, info->lsn);
}

/*
 * All records of a segment up to where the log ends or goes on elsewhere. False if
 * the entry @at is not among them.
 */
static bool take_records(struct find *f, const struct start *st, u64 at)
{
	static struct draft d;
	struct piece pc = { .seg = st->seg, .seq = st->info.seq, .first_lsn = st->info.lsn,
			    .end_lsn = st->info.lsn, .chain = st->info.prev_crc,
			    .epoch = st->info.epoch };
	struct lc_record_info info;
	u32 block = 0, next = LC_SEG_NONE;
	bool ok;

	d.nr_ents = 0;
	d.nr_crcs = 0;
	read_seg(f, st->seg);
	while (block < f->img->geo.seg_blocks && follows(f, block, &pc, &st->info, &info)) {
		ok = payload_ok(f, block, info.nr_blocks);
		if (!ok && info.lsn + info.nr_entries > f->p->acked_lsn)
			break;
		if (d.nr_ents + info.nr_entries > f->img->geo.slot_entries)
			break;
		draft_add(&d, record_at(f, block), &info);
		pc.nr_bad += !ok;
		pc.end_lsn += info.nr_entries;
		pc.chain = info.crc;
		next = info.next_seg;
		block += 1 + info.nr_blocks;
	}
	if (pc.end_lsn <= at)
		return false;
	draft_seal(f, &pc, &d, next);
	*add_piece(f) = pc;
	return true;
}

/* Of several that could continue the log the one of the last activation does. */
static int compare_starts(const void *a, const void *b)
{
	const struct start *x = a, *y = b;

	if (x->info.epoch != y->info.epoch)
		return x->info.epoch > y->info.epoch ? -1 : 1;
	return x->info.seq > y->info.seq ? -1 : x->info.seq < y->info.seq;
}

static bool take_start(struct find *f, u64 at)
{
	u32 i;

	for (i = 0; i < f->nr_starts; i++) {
		const struct start *st = &f->starts[i];

		if (st->info.lsn > at || st->info.seq <= f->seq ||
		    (f->p->nr_pieces && st->info.lsn != at) ||
		    (f->chained && st->info.lsn == at && st->info.prev_crc != f->p->chain))
			continue;
		if (take_records(f, st, at))
			return true;
	}
	return false;
}

/* Of which activation is the log behind @lsn? */
static u64 epoch_behind(const struct find *f, u64 lsn)
{
	const struct lc_slot_info *next = log_from(f, lsn);

	return next ? next->epoch : f->img->ckpt.epoch;
}

/*
 * The last piece, made from records that nothing continues: records of an activation
 * that was cut off there look like that, too. No activation gives out an LSN twice, so
 * it is right if the log goes on in the same, or as the checkpoint says.
 */
static bool proven(const struct find *f, const struct piece *pc)
{
	const struct lc_ckpt_info *ck = &f->img->ckpt;

	return !pc->slot || pc->epoch == epoch_behind(f, pc->end_lsn) ||
	       (pc->end_lsn == ck->log_lsn && pc->chain == ck->log_chain);
}

static void drop_last(struct find *f)
{
	struct prefix *p = f->p;
	struct piece *pc = &p->pieces[--p->nr_pieces];

	free(pc->slot);
	p->end_lsn = max(pc->first_lsn, p->clean_lsn);
	p->chain = p->nr_pieces ? pc[-1].chain : 0;
}

static void follow(struct find *f)
{
	struct prefix *p = f->p;
	const struct piece *last;

	while (p->end_lsn < f->limit && (take_slot(f, p->end_lsn) || take_start(f, p->end_lsn))) {
		last = &p->pieces[p->nr_pieces - 1];
		p->end_lsn = last->end_lsn;
		p->chain = last->chain;
		f->seq = last->seq;
		f->chained = true;
	}
	while (p->nr_pieces && !proven(f, &p->pieces[p->nr_pieces - 1]))
		drop_last(f);
}

/*----------------------------------------------------------------
 * All of it
 *----------------------------------------------------------------
 */

static void drop_pieces(struct prefix *p)
{
	u32 i;

	for (i = 0; i < p->nr_pieces; i++)
		free(p->pieces[i].slot);
	p->nr_pieces = 0;
}

/*
 * What was copied from segments that are gone lies below floor_lsn. If the log does not
 * get there, versions are missing that are older than its end: the origin's are older
 * still, and nothing of the log can be laid over them.
 */
static void need_copies(struct find *f)
{
	const struct lc_ckpt_info *ck = &f->img->ckpt;
	struct prefix *p = f->p;

	if (ck->begin_lsn <= p->clean_lsn || p->end_lsn >= ck->floor_lsn)
		return;
	drop_pieces(p);
	p->all_given_up = true;
	p->end_lsn = p->clean_lsn;
}

/* Entries of sealed segments that are not kept. */
static void lose_slots(struct find *f)
{
	const struct lc_slot_info *info;
	struct lc_slot *slot;
	struct lc_ent e;
	u32 i, j;

	for (i = 0; i < f->nr_logs; i++) {
		info = f->logs[i];
		slot = info->end_lsn > f->p->end_lsn ? image_slot(f->img, info->seg) : NULL;
		for (j = 0; slot && j < info->nr_entries; j++) {
			lc_entry_get(&lc_slot_entries(slot)[j], &e);
			learn_entry(f->p, info->first_lsn + j, &e);
		}
		free(slot);
	}
}

static int compare_lost(const void *a, const void *b)
{
	const struct lost_entry *x = a, *y = b;

	return x->lsn < y->lsn ? -1 : x->lsn > y->lsn;
}

/* What is behind the end, once. */
static void sort_lost(struct prefix *p)
{
	u32 i, n = 0;

	if (p->nr_lost)
		qsort(p->lost, p->nr_lost, sizeof(*p->lost), compare_lost);
	for (i = 0; i < p->nr_lost; i++)
		if (p->lost[i].lsn >= p->end_lsn && (!n || p->lost[n - 1].lsn != p->lost[i].lsn))
			p->lost[n++] = p->lost[i];
	p->nr_lost = n;
}

void prefix_find(struct prefix *p, const struct image *img, const struct recovery *rec, u64 epoch)
{
	const struct lc_ckpt_info *ck = &img->ckpt;
	bool ended = ck->flags & (LC_CKPT_CLEAN | LC_CKPT_REPAIR);
	struct find f = { .img = img, .rec = rec, .p = p, .epoch = epoch,
			  .limit = ended ? ck->log_lsn : ~0ull };

	*p = (struct prefix){};
	f.buf = xcalloc(img->geo.seg_blocks, LC_BLOCK_SIZE);
	find_logs(&f);
	find_starts(&f);
	qsort(f.starts, f.nr_starts, sizeof(*f.starts), compare_starts);
	learn_all(&f);
	/* It was decided then what is kept, damaged payload or not. */
	if (ck->flags & LC_CKPT_REPAIR)
		p->acked_lsn = max(p->acked_lsn, ck->log_lsn);
	p->end_lsn = max(p->clean_lsn, ck->begin_lsn);
	follow(&f);
	need_copies(&f);
	lose_slots(&f);
	sort_lost(p);
	free(f.starts);
	free(f.logs);
	free(f.buf);
}

void prefix_free(struct prefix *p)
{
	drop_pieces(p);
	free(p->pieces);
	free(p->lost);
	*p = (struct prefix){};
}

bool prefix_makes_slot(const struct prefix *p, u32 seg)
{
	u32 i;

	for (i = 0; i < p->nr_pieces; i++)
		if (p->pieces[i].seg == seg && p->pieces[i].slot)
			return true;
	return false;
}
