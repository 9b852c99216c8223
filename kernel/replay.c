// SPDX-License-Identifier: GPL-2.0-only
#include "replay.h"

#include <linux/ktime.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/vmalloc.h>

#include "io.h"
#include "log_start.h"
#include "logcache.h"
#include "segment.h"
#include "super.h"
#include "target.h"

/* The summary table is read in portions of this many slots. */
#define LC_TABLE_CHUNK	64u

/* The unsealed tail: at most this many segments can be open or being sealed. */
#define LC_TAIL_SEGS	LC_CKPT_OPEN

struct lc_tail_seg {
	u32 seg;
	u64 seq;
	u64 first_lsn;
	u64 end_lsn;
	u32 chain;		/* of the last record taken */
	u32 chain_at_start;
	u32 fill;
};

/* A position in the tail, and what is known of it. */
struct lc_tail {
	struct lc_tail_seg seg[LC_TAIL_SEGS];
	unsigned int nr;
	u64 lsn;		/* next expected */
	u32 chain;
	u64 acked;		/* entries below it were durable, as far as is known */
	u64 damaged;		/* records below it with a bad payload */
	u64 beyond;		/* the same, said by records that the walk did not reach */
};

struct lc_replay {
	struct logcache *lc;
	struct lc_ckpt_info ck;
	struct lc_tail tail;
	u32 *order;		/* segments by sequence number */
	u32 *payload;		/* of each segment that was dirty at the checkpoint, sectors */
	u32 later;		/* a segment whose slot is newer than any checkpoint */
	u64 clean_lsn;
	u64 seq;		/* highest seen */
	u32 last_log;		/* sealed log segment with the highest seq */
	u64 last_seq;
	u32 last_next;
	u32 last_chain;
	void *buf;		/* table chunk or one segment */
	size_t bytes;
	u32 nr_slots;
};

/*--------------------------------------------------------------------------
 * Versions: which of two segments' entries for a sector is the newer one
 *--------------------------------------------------------------------------
 */

/*
 * Log segments hold disjoint ranges of LSNs. A copy was right as of an LSN: it
 * is newer than a log segment that ended by then. It cannot be newer than one
 * that had not, since such a segment was still dirty and its entries were in
 * the index, where a copy only fills holes. So there is one order for all: a log
 * segment is as new as its end, a copy as the LSN it was right at.
 */
static bool lc_seg_newer(const struct lc_seg *a, const struct lc_seg *b)
{
	if (a == b)
		return true;
	if (a->type == LC_SEG_LOG && b->type == LC_SEG_LOG)
		return a->first_lsn > b->first_lsn;
	if (a->type == LC_SEG_LOG)
		return b->first_lsn < a->end_lsn;
	if (b->type == LC_SEG_LOG)
		return a->first_lsn >= b->end_lsn;
	return a->first_lsn != b->first_lsn ? a->first_lsn > b->first_lsn : a->seq > b->seq;
}

static void lc_replay_topup(struct logcache *lc, struct lc_shard *sh)
{
	while (!lc_shard_topup(lc, sh))
		lc_shard_topup_wait(lc, sh);
}

static void lc_replay_put(struct logcache *lc, struct lc_shard *sh, const struct lc_extent *e)
{
	lc_replay_topup(lc, sh);
	if (e->kind == LC_EXT_DATA)
		lc_seg_live_add(lc, lc_seg_at(lc, e->loc), e->len);
	WARN_ON_ONCE(lc_index_insert(&sh->index, e, lc_seg_drop, lc));
}

/* A part that something newer covers: its blocks are not intact. */
static void lc_replay_superseded(struct logcache *lc, const struct lc_extent *e)
{
	u64 block;

	if (e->kind != LC_EXT_DATA)
		return;
	for (block = lc_block_at(e->loc); block <= lc_block_at(e->loc + e->len - 1); block++)
		clear_bit_le(block, lc->segs.intact);
}

/* Enter @e, within one stripe, wherever nothing newer is. */
static void lc_replay_extent(struct logcache *lc, struct lc_extent e, u64 lba)
{
	const struct lc_seg *s = lc_seg_at(lc, e.loc);
	struct lc_shard *sh = lc_shard_of(lc, lba);
	struct lc_extent old, part;
	u64 end = lc_extent_end(&e), at = e.key, to;

	while (at < end) {
		bool found = lc_index_lookup(&sh->index, at, end - at, &old);
		bool put = !found || old.key > at || lc_seg_newer(s, lc_seg_at(lc, old.loc));

		to = !found ? end : old.key > at ? old.key : lc_extent_end(&old);
		part = e;
		lc_extent_clip(&part, at, to);
		if (put)
			lc_replay_put(lc, sh, &part);
		else
			lc_replay_superseded(lc, &part);
		at = to;
	}
}

/* One entry: within a stripe, and no longer than an extent can be (record.c). */
static void lc_replay_entry(struct logcache *lc, u32 seg, const struct lc_ent *ent, u8 kind)
{
	struct lc_extent e = {
		.key = lc_key(ent->lba),
		.len = ent->len,
		.kind = kind,
		.loc = lc_geo_loc(&lc->geo, seg, kind == LC_EXT_DATA ? ent->pos : 0),
	};

	static_assert(LC_ENTRY_DATA_MAX <= LC_EXT_MAX_DATA);
	static_assert(LC_STRIPE_SECTORS <= LC_EXT_MAX_HOLE);
	lc_replay_extent(lc, e, ent->lba);
	cond_resched();
}

/* Of a block that was superseded in part: what is damaged, and so was not. */
static void lc_replay_damaged(struct logcache *lc, u32 seg, struct lc_ent part)
{
	u32 left;

	for (left = part.len; left; left -= part.len, part.lba += part.len, part.pos += part.len) {
		part.len = left;
		if (lc_damage_run(lc, lc_geo_loc(&lc->geo, seg, part.pos), &part.len))
			lc_replay_entry(lc, seg, &part, LC_EXT_DATA);
	}
}

/* Only blocks with a set bit; runs of them stay together. */
static void lc_replay_intact(struct logcache *lc, u32 seg, const struct lc_ent *ent)
{
	u64 base = lc_seg_block(lc, seg);
	struct lc_ent part = *ent;
	u32 pos = ent->pos, end = ent->pos + ent->len, to;

	for (; pos < end; pos = to) {
		to = min(end, round_down(pos, LC_BLOCK_SECTORS) + LC_BLOCK_SECTORS);
		part.pos = pos;
		part.lba = ent->lba + (pos - ent->pos);
		part.len = to - pos;
		if (test_bit_le(base + pos / LC_BLOCK_SECTORS, lc->segs.intact))
			lc_replay_entry(lc, seg, &part, LC_EXT_DATA);
		else
			lc_replay_damaged(lc, seg, part);
	}
}

/*
 * While loading, LC_EXT_DISCARD stands for "the origin has it": it covers what
 * is older and goes away at the end.
 */
static void lc_replay_op(struct logcache *lc, u32 seg, const struct lc_ent *ent, bool bits,
			 bool clean)
{
	switch (ent->op) {
	case LC_OP_WRITE:
	case LC_OP_COPY:
		if (bits)
			lc_replay_intact(lc, seg, ent);
		else
			lc_replay_entry(lc, seg, ent, LC_EXT_DATA);
		break;
	case LC_OP_ZERO:
	case LC_OP_DISCARD:
		lc_replay_entry(lc, seg, ent, clean ? LC_EXT_DISCARD : LC_EXT_ZERO);
		break;
	case LC_OP_INVAL:
		lc_replay_entry(lc, seg, ent, LC_EXT_DISCARD);
		break;
	default:
		break;
	}
}

/*--------------------------------------------------------------------------
 * The summary table
 *--------------------------------------------------------------------------
 */

static bool lc_ckpt_was_open(const struct lc_ckpt_info *ck, u64 seq)
{
	unsigned int i;

	for (i = 0; i < LC_CKPT_OPEN; i++) {
		if (ck->open_seq[i] == seq)
			return true;
	}
	return false;
}

/* Does the bitmap speak of this use of the segment? */
static bool lc_slot_has_bits(const struct lc_replay *rp, const struct lc_slot_info *info)
{
	if (info->seq >= rp->ck.next_seq || lc_ckpt_was_open(&rp->ck, info->seq))
		return false;
	return info->type == LC_SEG_FILL || info->end_lsn <= rp->ck.clean_lsn;
}

static void lc_replay_note(struct lc_replay *rp, const struct lc_slot_info *info)
{
	struct lc_seg *s = &rp->lc->segs.seg[info->seg];

	s->state = LC_SEG_SEALED;
	s->type = info->type;
	s->seq = info->seq;
	s->first_lsn = info->first_lsn;
	s->end_lsn = info->end_lsn;
	rp->nr_slots++;
	rp->seq = max(rp->seq, info->seq);
	rp->clean_lsn = max(rp->clean_lsn, info->clean_lsn);
	if (info->type == LC_SEG_LOG && info->seq > rp->last_seq) {
		rp->last_log = info->seg;
		rp->last_seq = info->seq;
		rp->last_next = info->next_seg;
		rp->last_chain = info->chain;
	}
}

static void lc_set_intact(struct logcache *lc, u32 seg, int byte)
{
	memset((u8 *)lc->segs.intact + lc_seg_block(lc, seg) / 8, byte, lc->geo.seg_blocks / 8);
}

static void lc_replay_slot(struct lc_replay *rp, const struct lc_slot *slot, u32 seg)
{
	struct logcache *lc = rp->lc;
	const struct lc_entry *ents = lc_slot_entries(slot);
	u32 *crc = &lc->segs.crc[lc_seg_block(lc, seg)];
	struct lc_slot_info info;
	const char *why = "";
	struct lc_ent ent;
	bool bits;
	u32 i;
	int r;

	r = lc_slot_decode(slot, &lc->geo, seg, lc->volume_sectors, &info, &why);
	if (r) {
		/* Torn while it was being sealed: then the tail has the segment. */
		if (r != -ENODATA)
			lc_warn(lc,
				"summary of segment %u on %s: %s; what only it describes is read from the origin",
				seg, lc->cache->name, why);
		lc_set_intact(lc, seg, 0);
		return;
	}
	if (info.type == LC_SEG_LOG && lc_ckpt_copied(&rp->ck, info.end_lsn)) {
		lc_set_intact(lc, seg, 0);
		return;
	}
	/* The checkpoint with an epoch is durable before anything else has it. */
	if (info.epoch > rp->ck.epoch)
		rp->later = seg;
	lc_replay_note(rp, &info);
	bits = lc_slot_has_bits(rp, &info);
	if (!bits)
		lc_set_intact(lc, seg, 0xff);
	for (i = 0; i < info.nr_crcs; i++)
		crc[i] = le32_to_cpu(lc_slot_crcs(slot)[i]);
	for (i = 0; i < info.nr_entries; i++) {
		lc_entry_get(&ents[i], &ent);
		lc_replay_op(lc, seg, &ent, bits, info.type == LC_SEG_LOG &&
			     info.end_lsn <= rp->ck.clean_lsn);
		if (ent.op == LC_OP_WRITE)
			rp->payload[seg] += ent.len;
	}
}

static int lc_replay_table(struct lc_replay *rp)
{
	struct logcache *lc = rp->lc;
	size_t slot = (size_t)lc->geo.slot_blocks << LC_BLOCK_SHIFT;
	u32 seg, i, n;
	int r;

	for (seg = 0; seg < lc->geo.nr_segs; seg += n) {
		n = min(lc->geo.nr_segs - seg, LC_TABLE_CHUNK);
		r = lc_io_cache(lc, REQ_OP_READ, lc_slot_dev_block(lc, seg), rp->buf, n * slot);
		if (r) {
			lc_error(lc,
				 "cannot read the summary table: error %d; check the cache device",
				 r);
			return r;
		}
		for (i = 0; i < n; i++)
			lc_replay_slot(rp, rp->buf + i * slot, seg + i);
		cond_resched();
	}
	if (rp->later == LC_SEG_NONE)
		return 0;
	lc_error(lc,
		 "the newest checkpoint on %s is lost: segment %u is of a later activation; run logcachectl check",
		 lc->cache->name, rp->later);
	return -EBADMSG;
}

/*--------------------------------------------------------------------------
 * The tail: walked twice, first headers only, then with payloads
 *--------------------------------------------------------------------------
 */

/* Is the record at block @at the one the log goes on with? */
static bool lc_tail_continues(struct lc_replay *rp, const struct lc_record *r, u32 at, u64 seq,
			      struct lc_record_info *info)
{
	struct logcache *lc = rp->lc;
	const struct lc_tail *t = &rp->tail;
	const char *why;

	if (lc_record_decode(r, &lc->geo, at, lc->volume_sectors, info, &why))
		return false;
	if (info->epoch != rp->ck.epoch || info->lsn != t->lsn || info->prev_crc != t->chain)
		return false;
	/* The first record of a segment sets its number, which only grows. */
	return at ? info->seq == seq : info->seq > seq;
}

static bool lc_payload_ok(const struct lc_record *r, u32 nr_blocks)
{
	const __le32 *crc = lc_record_crcs(r);
	u32 i;

	for (i = 0; i < nr_blocks; i++) {
		if (lc_block_crc((void *)r + ((size_t)(i + 1) << LC_BLOCK_SHIFT)) !=
		    le32_to_cpu(crc[i]))
			return false;
	}
	return true;
}

static void lc_tail_apply(struct lc_replay *rp, struct lc_segbuf *sb, const struct lc_record *r,
			  u32 at, const struct lc_record_info *info)
{
	struct logcache *lc = rp->lc;
	u32 *crc = &lc->segs.crc[lc_seg_block(lc, sb->seg) + at];
	struct lc_ent ent;
	u32 i;

	crc[0] = 0;
	for (i = 0; i < info->nr_blocks; i++)
		crc[1 + i] = le32_to_cpu(lc_record_crcs(r)[i]);
	for (i = 0; i < info->nr_entries; i++) {
		lc_entry_get(&lc_record_entries(r)[i], &ent);
		lc_replay_op(lc, sb->seg, &ent, false, false);
		lc_segbuf_add(sb, &ent);
		if (ent.op == LC_OP_WRITE)
			rp->payload[sb->seg] += ent.len;
	}
	sb->fill = at + 1 + info->nr_blocks;
	sb->next_seg = info->next_seg;
	sb->chain = info->crc;
}

/* A torn record ends the log, unless it is known to have been acknowledged. */
static bool lc_tail_torn(struct lc_replay *rp, const struct lc_record *r,
			 const struct lc_record_info *info)
{
	if (lc_payload_ok(r, info->nr_blocks))
		return false;
	if (info->lsn + info->nr_entries > rp->tail.acked)
		return true;
	rp->tail.damaged++;
	return false;
}

/* A slot buffer for a segment of the tail; what it had before counts no more. */
static struct lc_segbuf *lc_tail_segbuf(struct lc_replay *rp, u32 seg)
{
	struct logcache *lc = rp->lc;
	struct lc_segbuf *sb = list_first_entry_or_null(&lc->segs.bufs, struct lc_segbuf, list);

	if (!sb)
		return NULL;
	list_del_init(&sb->list);
	sb->seg = seg;
	sb->next_seg = LC_SEG_NONE;
	sb->nr = 0;
	sb->given = 0;
	sb->closing = false;
	sb->fill = 0;
	sb->chain = 0;
	sb->type = LC_SEG_LOG;
	return sb;
}

/* The first record of a segment is there: the segment is what it says now. */
static void lc_tail_open(struct lc_replay *rp, struct lc_segbuf *sb,
			 const struct lc_record_info *info)
{
	struct lc_seg *s = &rp->lc->segs.seg[sb->seg];

	sb->seq = info->seq;
	sb->first_lsn = info->lsn;
	rp->payload[sb->seg] = 0;
	s->state = LC_SEG_OPEN;
	s->type = LC_SEG_LOG;
	s->seq = info->seq;
	s->first_lsn = info->lsn;
	s->end_lsn = U64_MAX;
	lc_set_intact(rp->lc, sb->seg, 0xff);
	rp->seq = max(rp->seq, info->seq);
}

/* Seal what was found. Nothing is lost if this is not reached: it is found again. */
static int lc_tail_close(struct lc_replay *rp, struct lc_segbuf *sb)
{
	struct logcache *lc = rp->lc;
	struct lc_seg *s = &lc->segs.seg[sb->seg];
	int r = 0;

	if (s->state == LC_SEG_OPEN) {
		s->end_lsn = rp->tail.lsn;
		r = lc_planted(LC_PLANT_NO_FENCE) ? 0 : lc_segbuf_seal(lc, sb, s->end_lsn);
		s->state = LC_SEG_SEALED;
	}
	if (r)
		lc_error(lc, "cannot write the summary of segment %u: error %d", sb->seg, r);
	lc_segbuf_put(lc, sb);
	return r;
}

static int lc_tail_read(struct lc_replay *rp, u32 seg)
{
	struct logcache *lc = rp->lc;
	int r;

	r = lc_io_cache(lc, REQ_OP_READ, lc_seg_dev_block(lc, seg), rp->buf,
			(size_t)lc->geo.seg_blocks << LC_BLOCK_SHIFT);
	if (r)
		lc_error(lc,
			 "cannot read log segment %u: error %d; check the cache device",
			 seg, r);
	return r;
}

/*
 * The walk ends at block @at. A record behind it, in flight when the power failed,
 * proves nothing; one that was written when entries from here on had been
 * acknowledged proves that they are damaged.
 */
static void lc_tail_look(struct lc_replay *rp, u32 at)
{
	struct logcache *lc = rp->lc;
	struct lc_tail *t = &rp->tail;
	struct lc_record_info info;
	const char *why;

	for (; at < lc->geo.seg_blocks; at++) {
		if (lc_record_decode(rp->buf + ((size_t)at << LC_BLOCK_SHIFT), &lc->geo, at,
				     lc->volume_sectors, &info, &why))
			continue;
		if (info.epoch == rp->ck.epoch && info.lsn >= t->lsn)
			t->beyond = max(t->beyond, info.acked_lsn);
	}
}

/* What one segment adds. @sb: where to, or NULL for headers only.
 * Return: the segment to try next, or LC_SEG_NONE; *@took: records found.
 */
static u32 lc_tail_segment(struct lc_replay *rp, u32 seg, u64 *seq, struct lc_segbuf *sb, u32 *took)
{
	struct logcache *lc = rp->lc;
	struct lc_tail *t = &rp->tail;
	struct lc_record_info info;
	const struct lc_record *r;
	u32 at = 0, next = LC_SEG_NONE;

	*took = 0;
	while (at < lc->geo.seg_blocks) {
		r = rp->buf + ((size_t)at << LC_BLOCK_SHIFT);
		if (!lc_tail_continues(rp, r, at, *seq, &info))
			break;
		if (sb && lc_tail_torn(rp, r, &info))
			return LC_SEG_NONE;
		if (sb && lc_segbuf_room(lc, sb) < info.nr_entries)
			return LC_SEG_NONE;
		*seq = info.seq;
		if (sb) {
			if (!at)
				lc_tail_open(rp, sb, &info);
			lc_tail_apply(rp, sb, r, at, &info);
		}
		t->lsn = info.lsn + info.nr_entries;
		t->chain = info.crc;
		rp->clean_lsn = max(rp->clean_lsn, info.clean_lsn);
		/* What is on the origin was durable before. */
		t->acked = max3(t->acked, info.acked_lsn, rp->clean_lsn);
		next = info.next_seg;
		at += 1 + info.nr_blocks;
		(*took)++;
	}
	if (!sb)
		lc_tail_look(rp, at);
	return next;
}

/* Where the log goes on behind the last sealed segment. */
static u32 lc_tail_start(struct lc_replay *rp, u64 *seq)
{
	struct lc_tail *t = &rp->tail;

	if (rp->last_seq && rp->last_seq >= rp->ck.log_seq) {
		t->lsn = rp->lc->segs.seg[rp->last_log].end_lsn;
		t->chain = rp->last_chain;
		*seq = rp->last_seq;
		return rp->last_next;
	}
	t->lsn = rp->ck.log_lsn;
	t->chain = rp->ck.log_chain;
	/* The segment the checkpoint names carries exactly that number. */
	*seq = rp->ck.log_seq - 1;
	return rp->ck.log_seg;
}

static int lc_tail_walk(struct lc_replay *rp, bool apply)
{
	struct logcache *lc = rp->lc;
	struct lc_segbuf *sb = NULL;
	unsigned int i;
	u32 seg, took;
	u64 seq;
	int r;

	seg = lc_tail_start(rp, &seq);
	for (i = 0; seg != LC_SEG_NONE && i < LC_TAIL_SEGS; i++) {
		/* A sealed segment is no tail; a chain back into one is a forgery. */
		if (lc->segs.seg[seg].state == LC_SEG_SEALED && lc->segs.seg[seg].seq > seq)
			break;
		r = lc_tail_read(rp, seg);
		if (r)
			return r;
		if (apply) {
			sb = lc_tail_segbuf(rp, seg);
			if (!sb)
				return -ENOMEM;
		}
		seg = lc_tail_segment(rp, seg, &seq, sb, &took);
		r = sb ? lc_tail_close(rp, sb) : 0;
		if (r)
			return r;
		if (!took)
			break;
	}
	return 0;
}

/*
 * No log segment that ends above the checkpoint's clean_lsn has been freed but
 * those that were copied, so the sealed ones lead from there to the tail without a
 * gap, clean or not: what is missing could be what supersedes something older.
 */
static u64 lc_sealed_end(struct lc_replay *rp)
{
	struct logcache *lc = rp->lc;
	u64 at = lc_ckpt_begin(&rp->ck);
	const struct lc_seg *s;
	u32 i;

	for (i = 0; i < lc->geo.nr_segs; i++) {
		s = &lc->segs.seg[rp->order[i]];
		if (s->state != LC_SEG_SEALED || s->type != LC_SEG_LOG || s->end_lsn <= at)
			continue;
		if (s->first_lsn > at)
			break;
		at = s->end_lsn;
	}
	return at;
}

/* @start: where the tail begins. */
static int lc_replay_whole(struct lc_replay *rp, u64 start)
{
	struct logcache *lc = rp->lc;
	u64 at = lc_sealed_end(rp);

	if (at >= start)
		return 0;
	lc_error(lc,
		 "log entries from %llu on are missing on %s: a segment summary is damaged; run logcachectl check and repair",
		 at, lc->cache->name);
	return -EBADMSG;
}

static int lc_replay_end(struct lc_replay *rp, u64 end)
{
	struct logcache *lc = rp->lc;

	if (rp->clean_lsn > end)
		lc_error(lc,
			 "%s says that entries up to %llu are written back, but its log ends at %llu; run logcachectl check and repair",
			 lc->cache->name, rp->clean_lsn, end);
	else if (rp->ck.floor_lsn > end)
		lc_error(lc,
			 "%s says that entries up to %llu are durable, but its log ends at %llu; run logcachectl check and repair",
			 lc->cache->name, rp->ck.floor_lsn, end);
	else
		return 0;
	return -EBADMSG;
}

static int lc_replay_tail(struct lc_replay *rp)
{
	struct lc_tail *t = &rp->tail;
	u64 end, seq;
	int r;

	if (rp->ck.flags & LC_CKPT_CLEAN) {
		t->lsn = rp->ck.log_lsn;
		t->chain = rp->ck.log_chain;
		return lc_replay_whole(rp, t->lsn) ?: lc_replay_end(rp, t->lsn);
	}
	lc_tail_start(rp, &seq);
	t->acked = max(rp->clean_lsn, rp->ck.floor_lsn);
	r = lc_replay_whole(rp, t->lsn);
	r = r ?: lc_tail_walk(rp, false);
	end = t->lsn;
	if (!r && t->beyond > end) {
		lc_error(rp->lc,
			 "log entries from %llu to %llu were acknowledged and are damaged on %s; run logcachectl check and repair",
			 end, t->beyond - 1, rp->lc->cache->name);
		return -EBADMSG;
	}
	/* The second walk writes: what is to be refused is refused before. */
	r = r ?: lc_replay_end(rp, end);
	if (r)
		return r;
	r = lc_tail_walk(rp, true);
	if (t->lsn < end)
		lc_info(rp->lc,
			"the log ends at a torn record: %llu entries that were never durable are dropped",
			end - t->lsn);
	if (t->damaged)
		lc_error(rp->lc,
			 "%llu log records with acknowledged data fail their checksum; run logcachectl check",
			 t->damaged);
	return r ?: lc_replay_end(rp, t->lsn);
}

/*--------------------------------------------------------------------------
 * Sorting out
 *--------------------------------------------------------------------------
 */

static bool lc_seg_clean(const struct lc_replay *rp, const struct lc_seg *s)
{
	return s->type == LC_SEG_FILL || s->end_lsn <= rp->clean_lsn;
}

/* What only covered older versions has done its work. */
static void lc_replay_sweep(struct lc_replay *rp)
{
	struct logcache *lc = rp->lc;
	struct lc_extent e;
	struct lc_shard *sh;
	u64 cursor;

	for (sh = lc->shards; sh < lc->shards + LC_SHARDS; sh++) {
		cursor = 0;
		while (lc_index_next(&sh->index, &cursor, &e)) {
			cond_resched();
			if (e.kind == LC_EXT_DATA ||
			    (e.kind == LC_EXT_ZERO && !lc_seg_clean(rp, lc_seg_at(lc, e.loc))))
				continue;
			lc_replay_topup(lc, sh);
			WARN_ON_ONCE(lc_index_remove(&sh->index, e.key, e.len, NULL, NULL));
		}
	}
}

static int lc_seg_cmp_seq(const void *a, const void *b, const void *priv)
{
	const struct lc_seg *seg = priv;
	u64 x = seg[*(const u32 *)a].seq, y = seg[*(const u32 *)b].seq;

	return x < y ? -1 : x > y;
}

static void lc_replay_sort_one(struct lc_replay *rp, u32 seg)
{
	struct logcache *lc = rp->lc;
	struct lc_seg *s = &lc->segs.seg[seg];
	u64 block;

	if (s->state != LC_SEG_SEALED || (lc_seg_clean(rp, s) && !lc_seg_live(s))) {
		lc_set_intact(lc, seg, 0);
		lc_seg_free(lc, seg);
		return;
	}
	lc_lru_open(lc->lru, seg, s->type == LC_SEG_LOG ? LC_LRU_WRITE : LC_LRU_FILL,
		    ktime_get_seconds());
	for (block = lc_seg_block(lc, seg); block < lc_seg_block(lc, seg + 1); block++) {
		if (test_bit_le(block, lc->segs.intact))
			lc_lru_add(lc->lru, block);
	}
	if (lc_seg_clean(rp, s)) {
		lc_lru_clean(lc->lru, seg);
	} else {
		list_add_tail(&s->list, &lc->log.dirty);
		lc->segs.nr_dirty++;
		lc_seg_count(lc, s);
	}
}

/* Oldest first, for the eviction's sake and because the log is in that order. */
static void lc_replay_sort(struct lc_replay *rp)
{
	u32 i;

	for (i = 0; i < rp->lc->geo.nr_segs; i++) {
		lc_replay_sort_one(rp, rp->order[i]);
		cond_resched();
	}
}

static void lc_replay_order(struct lc_replay *rp)
{
	u32 i;

	for (i = 0; i < rp->lc->geo.nr_segs; i++)
		rp->order[i] = i;
	sort_r(rp->order, rp->lc->geo.nr_segs, sizeof(*rp->order), lc_seg_cmp_seq, NULL,
	       rp->lc->segs.seg);
}

/* Payload of @s below clean_lsn: what is clean in a dirty segment. */
static u64 lc_replay_clean_part(struct lc_replay *rp, const struct lc_seg *s)
{
	struct lc_slot *slot = rp->buf;
	struct lc_slot_info info;
	struct lc_ent ent;
	u64 sum = 0;
	u32 i;

	/* Without its slot the figure is too high: no reason not to start. */
	if (lc_slot_read(rp->lc, lc_seg_no(rp->lc, s), slot, &info))
		return 0;
	for (i = 0; i < rp->clean_lsn - s->first_lsn; i++) {
		lc_entry_get(&lc_slot_entries(slot)[i], &ent);
		if (ent.op == LC_OP_WRITE)
			sum += ent.len;
	}
	return sum;
}

/* As the log counts: every version of a sector. */
static u64 lc_replay_dirty(struct lc_replay *rp)
{
	struct logcache *lc = rp->lc;
	struct lc_seg *s;
	u64 sum = 0;

	list_for_each_entry(s, &lc->log.dirty, list) {
		sum += rp->payload[lc_seg_no(lc, s)];
		if (s->first_lsn < rp->clean_lsn)
			sum -= lc_replay_clean_part(rp, s);
	}
	return sum;
}

/* Cut the log here, durably, and begin the next epoch behind the cut. */
static int lc_replay_fence(struct lc_replay *rp)
{
	bool skip = lc_planted(LC_PLANT_NO_FENCE) && !(rp->ck.flags & LC_CKPT_CLEAN);
	struct logcache *lc = rp->lc;
	int r;

	lc->segs.next_seq = max(rp->seq + 1, rp->ck.next_seq);
	lc->ckpt_seq = rp->ck.ckpt_seq;
	lc->epoch = rp->ck.epoch + !skip;
	lc->log.clean_lsn = rp->clean_lsn;
	lc->log.begin_lsn = rp->ck.begin_lsn;
	lc->log.floor_lsn = rp->ck.floor_lsn;
	/*
	 * What units there were, nobody knows: the origin may have something of all that is
	 * in the log, and is whole again when it has everything.
	 */
	if (rp->clean_lsn < rp->tail.lsn && !lc->origin.ops->writeback) {
		lc->log.floor_lsn = rp->tail.lsn;
		lc->wb.half = true;
	}
	lc->log.dirty_sectors = lc_replay_dirty(rp);
	lc->log.dirty_since = lc->log.dirty_sectors ? get_jiffies_64() : 0;
	r = lc_log_start(lc, rp->tail.lsn, rp->tail.chain);
	if (r) {
		lc_error(lc,
			 "no free segment to start the log in; the cache device is full of dirty data");
		return r;
	}
	return skip ? 0 : lc_ckpt_write(lc, 0);
}

static int lc_replay_run(struct lc_replay *rp)
{
	struct logcache *lc = rp->lc;
	int r;

	r = lc_ckpt_load(lc, &rp->ck);
	if (r)
		return r;
	if (rp->ck.origin_sectors > lc->volume_sectors) {
		lc_error(lc,
			 "the table has %llu sectors, the volume %llu: shrinking is not supported",
			 lc->volume_sectors, rp->ck.origin_sectors);
		return -EINVAL;
	}
	lc->epoch = rp->ck.epoch;
	rp->clean_lsn = rp->ck.clean_lsn;
	r = lc_replay_table(rp);
	if (r)
		return r;
	lc_replay_order(rp);
	r = lc_replay_tail(rp);
	if (r)
		return r;
	lc_replay_sweep(rp);
	/* The tail has changed it. */
	lc_replay_order(rp);
	lc_replay_sort(rp);
	return lc_replay_fence(rp);
}

int lc_replay(struct logcache *lc)
{
	size_t table = (size_t)LC_TABLE_CHUNK * lc->geo.slot_blocks << LC_BLOCK_SHIFT;
	size_t seg = (size_t)lc->geo.seg_blocks << LC_BLOCK_SHIFT;
	struct lc_replay *rp = kzalloc(sizeof(*rp), GFP_KERNEL);
	ktime_t start = ktime_get();
	int r = -ENOMEM;

	if (!rp)
		return -ENOMEM;
	rp->lc = lc;
	rp->later = LC_SEG_NONE;
	rp->bytes = max(table, seg);
	rp->buf = lc_buf_alloc(rp->bytes);
	rp->order = vmalloc(array_size(lc->geo.nr_segs, sizeof(*rp->order)));
	rp->payload = vzalloc(array_size(lc->geo.nr_segs, sizeof(*rp->payload)));
	if (rp->buf && rp->order && rp->payload)
		r = lc_replay_run(rp);
	lc->recovery_us = ktime_us_delta(ktime_get(), start);
	if (!r)
		lc_info(lc, "ready after %llu us: %u segments in use, %llu dirty sectors, epoch %llu, %s stop before",
			lc->recovery_us, rp->nr_slots, lc->log.dirty_sectors, lc->epoch,
			rp->ck.flags & LC_CKPT_CLEAN ? "clean" : "unclean");
	vfree(rp->payload);
	vfree(rp->order);
	lc_buf_free(rp->buf, rp->bytes);
	kfree(rp);
	return r;
}
