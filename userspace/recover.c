// SPDX-License-Identifier: GPL-2.0-only

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ctl.h"
#include "recover.h"

/*----------------------------------------------------------------
 * The tail: following record headers
 *----------------------------------------------------------------
 */

/* Where the next record has to be, and what it has to say. */
struct walk {
	const struct image *img;
	struct recovery *rec;
	u32 seg;
	u32 at;
	u64 lsn;
	u32 chain;
	u64 seq;		/* of the segment once it has a record, else 0 */
	u64 seq_above;		/* of the segment before */
	u32 next_seg;		/* named by the last record of this segment */
	const char *why;	/* the last header did not continue the log */
};

static bool is_log_slot(const struct seg_slot *s)
{
	return !s->err && s->info.type == LC_SEG_LOG;
}

static const struct seg_slot *newest_log_slot(const struct image *img)
{
	const struct seg_slot *best = NULL;
	u32 i;

	for (i = 0; i < img->geo.nr_segs; i++)
		if (is_log_slot(&img->slots[i]) &&
		    (!best || img->slots[i].info.seq > best->info.seq))
			best = &img->slots[i];
	return best;
}

/*
 * Behind the newest sealed segment, or where the checkpoint says if that is
 * newer. After an orderly stop there is no tail.
 */
static void walk_start(struct walk *w, const struct image *img, struct recovery *rec)
{
	const struct seg_slot *slot = newest_log_slot(img);
	const struct lc_ckpt_info *ck = &img->ckpt;

	*w = (struct walk){ .img = img, .rec = rec, .next_seg = LC_SEG_NONE };
	if (ck->flags & LC_CKPT_CLEAN) {
		w->seg = LC_SEG_NONE;
		w->lsn = ck->log_lsn;
	} else if (slot && slot->info.seq >= ck->log_seq) {
		w->seg = slot->info.next_seg;
		w->lsn = slot->info.end_lsn;
		w->chain = slot->info.chain;
		w->seq_above = slot->info.seq;
	} else {
		w->seg = ck->log_seg;
		w->lsn = ck->log_lsn;
		w->chain = ck->log_chain;
		w->seq_above = ck->log_seq ? ck->log_seq - 1 : 0;
	}
}

static const char *why_not_next(const struct walk *w, const struct lc_record_info *r, u64 seq)
{
	if (r->epoch != w->img->ckpt.epoch)
		return "the next header is of another activation";
	if (r->lsn != w->lsn)
		return "the next header has another LSN";
	if (seq ? r->seq != seq : r->seq <= w->seq_above)
		return "the next header is of another use of the segment";
	if (r->prev_crc != w->chain)
		return "the next header does not continue the chain";
	return NULL;
}

/* The log goes on in segments that are not sealed yet. */
static bool sealed_since(const struct walk *w, u32 seg)
{
	const struct seg_slot *s = &w->img->slots[seg];

	return !s->err && s->info.seq > w->seq_above;
}

/* Is there, at block @at of @seg, the record that continues the log? */
static bool walk_try(struct walk *w, u32 seg, u32 at, u64 seq, struct lc_record *buf,
		     struct lc_record_info *info)
{
	const struct image *img = w->img;
	u64 block;
	int ret;

	w->why = "it reaches the end of its last segment";
	if (seg == LC_SEG_NONE || at >= img->geo.seg_blocks || sealed_since(w, seg))
		return false;
	block = image_seg_block(img, seg) + at;
	ret = device_read(&img->dev, block, buf, 1);
	if (ret) {
		w->why = strerror(-ret);
		finding(img->findings, FAULT, block, "check the device",
			"log segment %u cannot be read: %s", seg, w->why);
		return false;
	}
	ret = lc_record_decode(buf, &img->geo, at, img->ckpt.origin_sectors, info, &w->why);
	if (ret == -EBADMSG)
		w->why = "what follows is no record";
	if (ret == -EINVAL && !why_not_next(w, info, seq))
		finding(img->findings, FAULT, block,
			"the log ends here; the device was tampered with, or this is a bug",
			"record with LSN %llu continues the log but is impossible: %s",
			info->lsn, w->why);
	if (ret)
		return false;
	w->why = why_not_next(w, info, seq);
	return !w->why;
}

static u32 bad_payload(const struct walk *w, const struct lc_record *r,
		       const struct lc_record_info *info)
{
	u64 block = image_seg_block(w->img, w->seg) + w->at + 1;
	u8 *data = xcalloc(info->nr_blocks, LC_BLOCK_SIZE);
	u32 i, bad = NO_BAD_BLOCK;

	if (device_read(&w->img->dev, block, data, info->nr_blocks))
		bad = 0;
	for (i = 0; bad == NO_BAD_BLOCK && i < info->nr_blocks; i++)
		if (lc_block_crc(data + (size_t)i * LC_BLOCK_SIZE) !=
		    le32_to_cpu(lc_record_crcs(r)[i]))
			bad = i;
	free(data);
	return bad;
}

/* Takes the record at the current position into the list and steps over it. */
static void walk_take(struct walk *w, const struct lc_record *r, const struct lc_record_info *info)
{
	struct recovery *rec = w->rec;
	struct tail_record *t;
	u32 i;

	if (!(rec->nr_records & (rec->nr_records - 1)))
		rec->records = xrealloc(rec->records,
					(2 * (size_t)rec->nr_records ?: 1) * sizeof(*rec->records));
	t = &rec->records[rec->nr_records++];
	*t = (struct tail_record){ .seg = w->seg, .at = w->at, .info = *info };
	t->bad_block = bad_payload(w, r, info);
	t->ents = xcalloc(info->nr_entries, sizeof(*t->ents));
	for (i = 0; i < info->nr_entries; i++)
		lc_entry_get(&lc_record_entries(r)[i], &t->ents[i]);

	w->at += 1 + info->nr_blocks;
	w->lsn += info->nr_entries;
	w->chain = info->crc;
	w->seq = info->seq;
	w->next_seg = info->next_seg;
}

static bool walk_step(struct walk *w)
{
	struct lc_record_info info;
	static struct {
		struct lc_record r;
		u8 rest[LC_RECORD_ROOM];
	} buf;

	if (!walk_try(w, w->seg, w->at, w->seq, &buf.r, &info)) {
		const char *why = w->why;
		u64 above = w->seq_above;

		/* A segment without records names no successor. */
		if (!w->seq || w->next_seg == LC_SEG_NONE)
			return false;
		w->seq_above = w->seq;
		if (!walk_try(w, w->next_seg, 0, 0, &buf.r, &info)) {
			w->seq_above = above;
			w->why = why;
			return false;
		}
		w->seg = w->next_seg;
		w->at = 0;
	}
	walk_take(w, &buf.r, &info);
	return true;
}

/* Which records count: all up to the first that is torn. */
static void cut(const struct image *img, struct recovery *rec)
{
	u32 i;

	for (i = 0; i < rec->nr_records; i++) {
		const struct tail_record *t = &rec->records[i];
		u64 block = image_seg_block(img, t->seg) + t->at;

		if (t->bad_block == NO_BAD_BLOCK)
			continue;
		if (t->info.lsn + t->info.nr_entries > rec->acked_lsn) {
			rec->torn = true;
			rec->end_why = "its last record was not written completely";
			rec->tail_lsn = t->info.lsn;
			rec->end_seg = t->seg;
			rec->end_at = t->at;
			break;
		}
		finding(img->findings, FAULT, block + 1 + t->bad_block,
			"reads of it will fail; restore these sectors from a backup",
			"payload of the record with LSN %llu (LBA %llu, ...) is damaged, and it was acknowledged",
			t->info.lsn, t->ents[0].lba);
	}
	rec->nr_counted = i;
}

/*
 * Records of @seg from block @from on, behind the end of the log: what is the highest
 * LSN below which they say all was durable? *@next: the segment that they name.
 */
static u64 knows_better(const struct walk *w, u32 seg, u32 from, u32 *next)
{
	const struct image *img = w->img;
	u8 *buf = xcalloc(img->geo.seg_blocks, LC_BLOCK_SIZE);
	struct lc_record_info info;
	const char *why;
	u64 acked = 0;
	u32 at;

	if (device_read(&img->dev, image_seg_block(img, seg), buf, img->geo.seg_blocks))
		from = img->geo.seg_blocks;
	for (at = from; at < img->geo.seg_blocks; at++) {
		struct lc_record *r = (void *)(buf + (size_t)at * LC_BLOCK_SIZE);

		if (lc_record_decode(r, &img->geo, at, img->ckpt.origin_sectors, &info, &why) ||
		    info.epoch != img->ckpt.epoch || info.lsn < w->lsn)
			continue;
		*next = info.next_seg;
		acked = max(acked, info.acked_lsn);
	}
	free(buf);
	return acked;
}

/* Where the log was broken rather than ended, later headers may still be there and tell. */
static void look_beyond(const struct walk *w)
{
	u32 seg = w->seg, from = w->at, next = w->next_seg;
	struct recovery *rec = w->rec;
	u64 acked = 0;

	while (seg != LC_SEG_NONE && rec->nr_beyond < LC_CKPT_OPEN) {
		rec->beyond[rec->nr_beyond++] = seg;
		acked = max(acked, knows_better(w, seg, from, &next));
		seg = next;
		from = 0;
		next = LC_SEG_NONE;
	}
	if (acked <= w->lsn)
		return;
	rec->beyond_lsn = acked;
	finding(w->img->findings, FAULT, image_seg_block(w->img, w->seg) + w->at,
		"writes are lost; logcachectl repair keeps those before",
		"the log breaks off at LSN %llu, but a later record says that all below LSN %llu was durable",
		w->lsn, acked);
}

static void find_tail(const struct image *img, struct recovery *rec)
{
	struct walk w;
	u32 i;

	walk_start(&w, img, rec);
	rec->tail_start = w.lsn;
	while (walk_step(&w))
		;
	look_beyond(&w);
	rec->tail_lsn = w.lsn;
	rec->headers_lsn = w.lsn;
	rec->end_seg = w.seg;
	rec->end_at = w.at;
	rec->end_why = img->ckpt.flags & LC_CKPT_CLEAN ? "it was stopped in order" : w.why;
	rec->acked_lsn = max(img->ckpt.floor_lsn, rec->beyond_lsn);
	for (i = 0; i < rec->nr_records; i++)
		if (rec->records[i].info.acked_lsn > rec->acked_lsn)
			rec->acked_lsn = rec->records[i].info.acked_lsn;
	cut(img, rec);
}

/*----------------------------------------------------------------
 * Sources
 *----------------------------------------------------------------
 */

static void find_clean_lsn(const struct image *img, struct recovery *rec)
{
	u32 i;

	rec->clean_lsn = img->ckpt.clean_lsn;
	for (i = 0; i < img->geo.nr_segs; i++)
		if (!img->slots[i].err && img->slots[i].info.clean_lsn > rec->clean_lsn)
			rec->clean_lsn = img->slots[i].info.clean_lsn;
	for (i = 0; i < rec->nr_records; i++)
		if (rec->records[i].info.clean_lsn > rec->clean_lsn)
			rec->clean_lsn = rec->records[i].info.clean_lsn;
}

static struct source *add_source(struct recovery *rec)
{
	struct source *s = &rec->sources[rec->nr_sources++];

	memset(s, 0, sizeof(*s));
	return s;
}

static void add_tail_sources(struct recovery *rec, bool *in_tail)
{
	struct source *s = NULL;
	u32 i;

	for (i = 0; i < rec->nr_counted; i++) {
		const struct tail_record *t = &rec->records[i];

		if (!s || s->seg != t->seg) {
			s = add_source(rec);
			s->seg = t->seg;
			s->type = LC_SEG_LOG;
			s->tail = true;
			s->seq = t->info.seq;
			s->first_lsn = t->info.lsn;
			s->first_record = i;
		}
		s->nr_records++;
		s->end_lsn = t->info.lsn + t->info.nr_entries;
	}
	/* What a slot says of a segment that was written again is history. */
	for (i = 0; i < rec->nr_records; i++)
		in_tail[rec->records[i].seg] = true;
}

static void add_slot_sources(const struct image *img, struct recovery *rec, const bool *in_tail)
{
	u32 i;

	for (i = 0; i < img->geo.nr_segs; i++) {
		const struct lc_slot_info *info = &img->slots[i].info;
		struct source *s;

		if (img->slots[i].err || in_tail[i])
			continue;
		/* What counted in it is further on in the log. */
		if (info->type == LC_SEG_LOG && lc_ckpt_copied(&img->ckpt, info->end_lsn))
			continue;
		s = add_source(rec);
		s->seg = i;
		s->type = info->type;
		s->seq = info->seq;
		s->first_lsn = info->first_lsn;
		s->end_lsn = info->end_lsn;
	}
}

static int compare_sources(const void *a, const void *b)
{
	const struct source *x = a, *y = b;

	if (x->end_lsn != y->end_lsn)
		return x->end_lsn < y->end_lsn ? -1 : 1;
	if (x->type != y->type)
		return x->type == LC_SEG_LOG ? -1 : 1;
	return x->seq < y->seq ? -1 : x->seq > y->seq;
}

static void find_sources(const struct image *img, struct recovery *rec)
{
	bool *in_tail = xcalloc(img->geo.nr_segs, sizeof(*in_tail));
	u32 i;

	rec->sources = xcalloc(img->geo.nr_segs, sizeof(*rec->sources));
	add_tail_sources(rec, in_tail);
	add_slot_sources(img, rec, in_tail);
	for (i = 0; i < rec->nr_sources; i++)
		rec->sources[i].dirty = rec->sources[i].type == LC_SEG_LOG &&
					rec->sources[i].end_lsn > rec->clean_lsn;
	qsort(rec->sources, rec->nr_sources, sizeof(*rec->sources), compare_sources);
	free(in_tail);
}

void recover(const struct image *img, struct recovery *rec)
{
	*rec = (struct recovery){};
	find_tail(img, rec);
	find_clean_lsn(img, rec);
	find_sources(img, rec);
}

void recovery_free(struct recovery *rec)
{
	u32 i;

	for (i = 0; i < rec->nr_records; i++)
		free(rec->records[i].ents);
	free(rec->records);
	free(rec->sources);
	*rec = (struct recovery){};
}

/*----------------------------------------------------------------
 * What is in a source
 *----------------------------------------------------------------
 */

static void load_records(const struct recovery *rec, const struct source *src, struct contents *c)
{
	u32 i;

	c->ents = xcalloc(src->end_lsn - src->first_lsn, sizeof(*c->ents));
	for (i = 0; i < src->nr_records; i++) {
		const struct tail_record *t = &rec->records[src->first_record + i];

		memcpy(&c->ents[c->nr_ents], t->ents, t->info.nr_entries * sizeof(*t->ents));
		c->nr_ents += t->info.nr_entries;
	}
}

static bool load_slot(const struct image *img, const struct source *src, struct contents *c)
{
	struct lc_slot *slot = image_slot(img, src->seg);
	u32 i;

	if (!slot)
		return false;
	c->nr_ents = img->slots[src->seg].info.nr_entries;
	c->nr_crcs = img->slots[src->seg].info.nr_crcs;
	c->ents = xcalloc(c->nr_ents, sizeof(*c->ents));
	c->crcs = xcalloc(c->nr_crcs, sizeof(*c->crcs));
	for (i = 0; i < c->nr_ents; i++)
		lc_entry_get(&lc_slot_entries(slot)[i], &c->ents[i]);
	for (i = 0; i < c->nr_crcs; i++)
		c->crcs[i] = le32_to_cpu(lc_slot_crcs(slot)[i]);
	free(slot);
	return true;
}

bool contents_load(const struct image *img, const struct recovery *rec, const struct source *src,
		   struct contents *c)
{
	*c = (struct contents){};
	if (!src->tail)
		return load_slot(img, src, c);
	load_records(rec, src, c);
	return true;
}

void contents_free(struct contents *c)
{
	free(c->ents);
	free(c->crcs);
	*c = (struct contents){};
}

static bool believed(const struct image *img, const struct source *src, const struct lc_ent *e,
		     u32 sector)
{
	/* Of what was dirty when the checkpoint was taken, all that matters is there. */
	if (src->type == LC_SEG_LOG && src->end_lsn > img->ckpt.clean_lsn)
		return true;
	if (src->tail || !op_has_payload(e->op))
		return true;
	/* Of a block that is superseded in part, what is damaged is not. */
	if (image_damaged(img, lc_geo_loc(&img->geo, src->seg, e->pos + sector), 1))
		return true;
	return image_intact(img, src->seg, src->seq, (e->pos + sector) / LC_BLOCK_SECTORS);
}

bool source_part(const struct image *img, const struct source *src, const struct lc_ent *e,
		 u32 *from, u32 *len)
{
	u32 at = *from, end;

	while (at < e->len && !believed(img, src, e, at))
		at++;
	if (at >= e->len)
		return false;
	if (!op_has_payload(e->op)) {
		end = e->len;
	} else {
		for (end = at + 1; end < e->len && believed(img, src, e, end); end++)
			;
	}
	*from = at;
	*len = end - at;
	return true;
}
