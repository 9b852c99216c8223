// SPDX-License-Identifier: GPL-2.0-only
/*
 * check: is everything on a cache device as it must be, and can all of it be
 * recovered? Changes nothing.
 *
 *	superblocks, checkpoints, slots		image.c, while loading
 *	the tail of the log			recover.c, while walking
 *	slots against each other		here: sequence numbers, LSNs without gap
 *	slots against their segments		here: record headers, chain, payload
 *	what reads would find			here: payload of all live blocks
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ctl.h"
#include "overlay.h"

struct counts {
	u64 log_segs;
	u64 dirty_segs;
	u64 tail_segs;
	u64 fill_segs;
	u64 unused_segs;
	u64 entries;
	u64 records;
	u64 payload_blocks;
	u64 live_sectors;
	u64 dirty_sectors;
	u64 hole_sectors;
};

struct check {
	struct image img;
	struct recovery rec;
	struct overlay over;
	struct findings findings;
	struct counts n;
	u8 *live;		/* one bit per block: some sector of it is live */
	u8 *seg_buf;		/* a whole segment */
};

static const char advice_dirty[] =
	"writes are lost; restore the origin from a backup, or copy what is left";
static const char advice_gap[] =
	"writes are lost, unless logcachectl repair finds their records; it keeps those before";
static const char advice_known[] =
	"the volume knows and fails reads of it; write it again, or send forget_damaged";
static const char advice_clean[] = "clean copies; they are read from the origin again";

static const char *advice_for(const struct source *src)
{
	return src->dirty ? advice_dirty : advice_clean;
}

/*----------------------------------------------------------------
 * Slots
 *----------------------------------------------------------------
 */

static bool seg_in_tail(const struct check *c, u32 seg)
{
	u32 i;

	for (i = 0; i < c->rec.nr_records; i++)
		if (c->rec.records[i].seg == seg)
			return true;
	return false;
}

/*
 * A slot that was torn by a crash leaves its segment in the tail, or was one of
 * clean copies. What no crash can leave is a slot that is sealed and impossible.
 */
static void check_bad_slot(struct check *c, u32 seg)
{
	const struct seg_slot *s = &c->img.slots[seg];
	const char *advice = "the device was tampered with, or this is a bug";
	bool torn = s->err == -EBADMSG;

	if (torn && seg_in_tail(c, seg))
		advice = "its records were found in the log; nothing is lost";
	else if (torn)
		advice = "it counts as empty; if it held dirty data, that is reported below";
	finding(&c->findings, torn ? NOTE : FAULT, image_slot_block(&c->img, seg), advice,
		"summary of segment %u: %s", seg, s->why);
}

static void check_slot(struct check *c, u32 seg)
{
	const struct seg_slot *s = &c->img.slots[seg];

	if (s->err && s->err != -ENODATA)
		check_bad_slot(c, seg);
	if (!s->err && s->info.epoch > c->img.ckpt.epoch)
		finding(&c->findings, FAULT, image_slot_block(&c->img, seg),
			"the newest checkpoint is lost; seek help before using the cache",
			"summary of segment %u is of a later activation than the checkpoint", seg);
}

static int compare_seq(const void *a, const void *b)
{
	const struct source *x = *(struct source **)a, *y = *(struct source **)b;

	return x->seq < y->seq ? -1 : x->seq > y->seq;
}

static void check_sequence(struct check *c)
{
	const struct source **by_seq = xcalloc(c->rec.nr_sources, sizeof(*by_seq));
	u32 i;

	for (i = 0; i < c->rec.nr_sources; i++)
		by_seq[i] = &c->rec.sources[i];
	qsort(by_seq, c->rec.nr_sources, sizeof(*by_seq), compare_seq);
	for (i = 1; i < c->rec.nr_sources; i++)
		if (by_seq[i]->seq == by_seq[i - 1]->seq)
			finding(&c->findings, FAULT, image_slot_block(&c->img, by_seq[i]->seg),
				"seek help before using the cache",
				"segments %u and %u have the same sequence number %llu",
				by_seq[i - 1]->seg, by_seq[i]->seg, by_seq[i]->seq);
	free(by_seq);
}

/*
 * Everything that was not on the origin at the checkpoint has to be there, without
 * a gap: nothing of it can have been freed, and what is missing superseded something.
 */
static void check_lsns(struct check *c)
{
	const struct recovery *rec = &c->rec;
	u64 from = lc_ckpt_begin(&c->img.ckpt), have = from;
	u32 i;

	if (c->img.ckpt.floor_lsn > rec->tail_lsn)
		finding(&c->findings, FAULT, NO_BLOCK, advice_gap,
			"all below LSN %llu is said to be durable, but the log ends at %llu",
			c->img.ckpt.floor_lsn, rec->tail_lsn);

	if (rec->clean_lsn > rec->tail_lsn)
		finding(&c->findings, FAULT, NO_BLOCK,
			"the end of the log is lost; logcachectl repair goes on with what the origin has",
			"all below LSN %llu is said to be on the origin, but the log ends at %llu",
			rec->clean_lsn, rec->tail_lsn);
	/* Log sources are sorted by their end. */
	for (i = 0; i < rec->nr_sources; i++) {
		const struct source *s = &rec->sources[i];

		if (s->type != LC_SEG_LOG || s->end_lsn <= from)
			continue;
		if (s->first_lsn > have)
			finding(&c->findings, FAULT, image_slot_block(&c->img, s->seg),
				advice_gap,
				"writes with LSN %llu to %llu are missing before segment %u",
				have, s->first_lsn - 1, s->seg);
		else if (s->first_lsn < have && have != from)
			finding(&c->findings, FAULT, image_slot_block(&c->img, s->seg),
				"seek help before using the cache",
				"segment %u has LSN %llu again", s->seg, s->first_lsn);
		have = s->end_lsn;
	}
	if (have < rec->tail_lsn)
		finding(&c->findings, FAULT, NO_BLOCK, advice_gap,
			"writes with LSN %llu to %llu are missing before the end of the log",
			have, rec->tail_lsn - 1);
}

/*----------------------------------------------------------------
 * Segments
 *----------------------------------------------------------------
 */

static void *seg_block_at(const struct check *c, u32 at)
{
	return c->seg_buf + (size_t)at * LC_BLOCK_SIZE;
}

static u64 seg_dev_block(const struct check *c, const struct source *src, u32 at)
{
	return image_seg_block(&c->img, src->seg) + at;
}

static bool same_entry(const struct lc_ent *a, const struct lc_ent *b)
{
	return a->lba == b->lba && a->len == b->len && a->pos == b->pos && a->op == b->op;
}

/* The entries of the record at @at against those of the slot from @first on. */
static bool entries_match(const struct contents *has, u32 first, const struct lc_record *r, u32 nr)
{
	struct lc_ent e;
	u32 i;

	if (nr > has->nr_ents - first)
		return false;
	for (i = 0; i < nr; i++) {
		lc_entry_get(&lc_record_entries(r)[i], &e);
		if (!same_entry(&e, &has->ents[first + i]))
			return false;
	}
	return true;
}

static void bad_record(struct check *c, const struct source *src, u32 at, const char *why)
{
	finding(&c->findings, FAULT, seg_dev_block(c, src, at), advice_for(src),
		"record in block %u of segment %u: %s", at, src->seg, why);
}

/*
 * Had the segment been freed when the checkpoint was taken? Then it may be in use
 * again, and what is in it need not be what its slot says, in no part: of the first
 * record of the new use any sectors can be there. A segment that is not free has
 * the bit of its first header, which no payload supersedes.
 */
static bool was_free(const struct check *c, const struct source *src)
{
	return src->end_lsn <= c->img.ckpt.clean_lsn &&
	       !image_intact(&c->img, src->seg, src->seq, 0);
}

/* Follows the records of a sealed segment, which has to lead to what its slot says. */
static void check_records(struct check *c, const struct source *src, const struct contents *has)
{
	const struct lc_slot_info *slot = &c->img.slots[src->seg].info;
	u64 lba_end = c->img.ckpt.origin_sectors;
	struct lc_record_info info = { .crc = slot->chain };
	u32 at = 0, chain = 0, done = 0;
	const char *why;

	if (was_free(c, src))
		return;
	while (done < has->nr_ents) {
		const struct lc_record *r;

		if (at >= c->img.geo.seg_blocks)
			return bad_record(c, src, at - 1, "the segment ends before its entries do");
		r = seg_block_at(c, at);
		if (lc_record_decode(r, &c->img.geo, at, lba_end, &info, &why))
			return bad_record(c, src, at, why);
		if (info.seq != src->seq || info.lsn != source_lsn(src, done))
			return bad_record(c, src, at, "it is not the one of the summary");
		if (done && info.prev_crc != chain)
			return bad_record(c, src, at, "it does not continue the chain");
		if (!entries_match(has, done, r, info.nr_entries))
			return bad_record(c, src, at, "its entries are not those of the summary");
		chain = info.crc;
		at += 1 + info.nr_blocks;
		done += info.nr_entries;
		c->n.records++;
	}
	if (info.crc != slot->chain)
		bad_record(c, src, 0, "the last record is not the one that the summary names");
}

static bool is_live(const struct check *c, u32 seg, u32 at)
{
	u64 n = (u64)seg * c->img.geo.seg_blocks + at;

	return c->live[n / 8] >> n % 8 & 1;
}

/* Blocks that hold payload of some entry. */
static void mark_payload(const struct contents *has, bool *payload)
{
	u32 i, b;

	for (i = 0; i < has->nr_ents; i++) {
		const struct lc_ent *e = &has->ents[i];

		if (!op_has_payload(e->op))
			continue;
		for (b = e->pos / LC_BLOCK_SECTORS;
		     b <= (e->pos + e->len - 1) / LC_BLOCK_SECTORS; b++)
			payload[b] = true;
	}
}

static bool block_known_bad(const struct check *c, const struct source *src, u32 at)
{
	return image_damaged(&c->img, lc_geo_loc(&c->img.geo, src->seg, at * LC_BLOCK_SECTORS),
			     LC_BLOCK_SECTORS);
}

static void check_payload(struct check *c, const struct source *src, const struct contents *has)
{
	bool payload[LC_SEG_BLOCKS_MAX] = {};
	u32 at;

	mark_payload(has, payload);
	for (at = 0; at < has->nr_crcs; at++) {
		if (!payload[at] || (!src->dirty && !is_live(c, src->seg, at)))
			continue;
		c->n.payload_blocks++;
		if (lc_block_crc(seg_block_at(c, at)) != has->crcs[at])
			finding(&c->findings, FAULT, seg_dev_block(c, src, at),
				block_known_bad(c, src, at) ? advice_known : advice_for(src),
				"payload in block %u of segment %u is damaged", at, src->seg);
	}
}

static void check_overlap(struct check *c, const struct source *src, const struct contents *has)
{
	static u8 taken[LC_SEG_BLOCKS_MAX * LC_BLOCK_SECTORS];
	u32 i, s;

	memset(taken, 0, sizeof(taken));
	for (i = 0; i < has->nr_ents; i++) {
		const struct lc_ent *e = &has->ents[i];

		if (!op_has_payload(e->op))
			continue;
		for (s = e->pos; s < e->pos + e->len && !taken[s]; s++)
			taken[s] = 1;
		if (s == e->pos + e->len)
			continue;
		finding(&c->findings, FAULT, seg_dev_block(c, src, s / LC_BLOCK_SECTORS),
			advice_for(src), "two entries of segment %u share sector %u of it",
			src->seg, s);
		return;
	}
}

static bool read_segment(struct check *c, const struct source *src)
{
	int ret = device_read(&c->img.dev, image_seg_block(&c->img, src->seg), c->seg_buf,
			      c->img.geo.seg_blocks);

	if (ret)
		finding(&c->findings, FAULT, seg_dev_block(c, src, 0), advice_for(src),
			"segment %u cannot be read: %s", src->seg, strerror(-ret));
	return !ret;
}

static void check_segment(struct check *c, const struct source *src)
{
	struct contents has;

	if (!contents_load(&c->img, &c->rec, src, &has))
		return;
	c->n.entries += has.nr_ents;
	check_overlap(c, src, &has);
	if (src->tail) {
		c->n.records += src->nr_records;
	} else if (read_segment(c, src)) {
		if (src->type == LC_SEG_LOG)
			check_records(c, src, &has);
		check_payload(c, src, &has);
	}
	contents_free(&has);
}

static void check_segments(struct check *c)
{
	struct progress p;
	u32 i;

	c->seg_buf = xcalloc(c->img.geo.seg_blocks, LC_BLOCK_SIZE);
	progress_start(&p, "verifying segments", c->rec.nr_sources);
	for (i = 0; i < c->rec.nr_sources; i++) {
		check_segment(c, &c->rec.sources[i]);
		progress_show(&p, i);
	}
	progress_end(&p);
	free(c->seg_buf);
}

/*----------------------------------------------------------------
 * Live data
 *----------------------------------------------------------------
 */

static void mark_live(struct check *c, const struct lc_extent *e)
{
	u64 b;

	if (e->kind != LC_EXT_DATA) {
		c->n.hole_sectors += e->len;
		return;
	}
	c->n.live_sectors += e->len;
	for (b = e->loc / LC_BLOCK_SECTORS; b <= (e->loc + e->len - 1) / LC_BLOCK_SECTORS; b++)
		c->live[b / 8] |= 1 << b % 8;
}

static bool lay_over(struct check *c)
{
	u64 blocks = (u64)c->img.geo.nr_segs * c->img.geo.seg_blocks, cursor;
	struct lc_extent e;

	if (!overlay_build(&c->over, &c->img, &c->rec))
		return false;
	c->live = xcalloc(blocks / 8 + 1, 1);
	for (cursor = 0; lc_index_next(&c->over.live, &cursor, &e); )
		mark_live(c, &e);
	for (cursor = 0; lc_index_next(&c->over.dirty, &cursor, &e); )
		if (e.kind == LC_EXT_DATA)
			c->n.dirty_sectors += e.len;
	return true;
}

static void count_segments(struct check *c)
{
	u32 i;

	for (i = 0; i < c->rec.nr_sources; i++) {
		const struct source *s = &c->rec.sources[i];

		c->n.log_segs += s->type == LC_SEG_LOG;
		c->n.fill_segs += s->type == LC_SEG_FILL;
		c->n.dirty_segs += s->dirty;
		c->n.tail_segs += s->tail;
	}
	c->n.unused_segs = c->img.geo.nr_segs - c->rec.nr_sources;
}

/*----------------------------------------------------------------
 * Report
 *----------------------------------------------------------------
 */

static json_t *json_counts(const struct counts *n)
{
	json_t *o = json_object();

	json_set_u64(o, "log_segments", n->log_segs);
	json_set_u64(o, "dirty_segments", n->dirty_segs);
	json_set_u64(o, "tail_segments", n->tail_segs);
	json_set_u64(o, "fill_segments", n->fill_segs);
	json_set_u64(o, "unused_segments", n->unused_segs);
	json_set_u64(o, "entries", n->entries);
	json_set_u64(o, "records", n->records);
	json_set_u64(o, "payload_blocks_verified", n->payload_blocks);
	json_set_u64(o, "live_sectors", n->live_sectors);
	json_set_u64(o, "dirty_sectors", n->dirty_sectors);
	json_set_u64(o, "zeroed_sectors", n->hole_sectors);
	return o;
}

static json_t *json_log(const struct recovery *rec)
{
	json_t *o = json_object();

	json_set_u64(o, "clean_lsn", rec->clean_lsn);
	json_set_u64(o, "acked_lsn", rec->acked_lsn);
	json_set_u64(o, "end_lsn", rec->tail_lsn);
	json_set_u64(o, "tail_records", rec->nr_counted);
	json_object_set_new(o, "torn", json_boolean(rec->torn));
	if (rec->end_why)
		json_set_str(o, "end_reason", rec->end_why);
	return o;
}

static void report_json(struct check *c, bool loaded)
{
	json_t *o = json_object();
	char uuid[UUID_TEXT];

	json_set_str(o, "device", c->img.dev.path);
	json_object_set_new(o, "ok", json_boolean(!c->findings.faults));
	json_set_u64(o, "faults", c->findings.faults);
	json_set_u64(o, "notes", c->findings.notes);
	json_object_set_new(o, "findings", c->findings.list);
	if (loaded) {
		json_set_str(o, "uuid", uuid_text(uuid, c->img.geo.uuid));
		json_set_u64(o, "segments", c->img.geo.nr_segs);
		json_object_set_new(o, "clean_stop",
				    json_boolean(c->img.ckpt.flags & LC_CKPT_CLEAN));
		json_object_set_new(o, "log", json_log(&c->rec));
		json_object_set_new(o, "counts", json_counts(&c->n));
	}
	json_print(o);
}

static void report_cache(const struct check *c)
{
	char uuid[UUID_TEXT], a[SIZE_TEXT], b[SIZE_TEXT], d[SIZE_TEXT];
	const struct lc_geo *g = &c->img.geo;

	printf("  cache     %s, %u segments of %s, for %s (%s)\n",
	       uuid_text(uuid, g->uuid), g->nr_segs,
	       size_text(a, (u64)g->seg_blocks << LC_BLOCK_SHIFT),
	       *g->origin_id ? g->origin_id : "an origin without name",
	       size_text(b, c->img.ckpt.origin_sectors << LC_SECTOR_SHIFT));
	printf("  stopped   %s; checkpoint %llu of activation %llu\n",
	       c->img.ckpt.flags & LC_CKPT_CLEAN ? "in order" : "without notice, or still in use",
	       c->img.ckpt.ckpt_seq, c->img.ckpt.epoch);
	printf("  segments  %llu log (%llu dirty, %llu not sealed), %llu fill, %llu empty\n",
	       c->n.log_segs, c->n.dirty_segs, c->n.tail_segs, c->n.fill_segs, c->n.unused_segs);
	printf("  log       clean below LSN %llu, ends at LSN %llu",
	       c->rec.clean_lsn, c->rec.tail_lsn);
	if (c->rec.torn)
		printf(" in a record that was not written completely");
	printf("\n  holds     %s, %s of it dirty; %s zeroed or discarded\n",
	       size_text(a, c->n.live_sectors << LC_SECTOR_SHIFT),
	       size_text(b, c->n.dirty_sectors << LC_SECTOR_SHIFT),
	       size_text(d, c->n.hole_sectors << LC_SECTOR_SHIFT));
	printf("  verified  %llu records, %llu entries, %s of payload\n",
	       c->n.records, c->n.entries, size_text(a, c->n.payload_blocks << LC_BLOCK_SHIFT));
}

static void report_text(const struct check *c, bool loaded)
{
	printf("%s: %s", c->img.dev.path, c->findings.faults ? "" : "no faults");
	if (c->findings.faults)
		printf("%llu fault%s", c->findings.faults, c->findings.faults == 1 ? "" : "s");
	if (c->findings.notes)
		printf(", %llu note%s", c->findings.notes, c->findings.notes == 1 ? "" : "s");
	putchar('\n');
	if (loaded)
		report_cache(c);
}

/*----------------------------------------------------------------
 * Command
 *----------------------------------------------------------------
 */

static void check_repair(struct check *c)
{
	if (c->img.ckpt.flags & LC_CKPT_REPAIR)
		finding(&c->findings, FAULT, image_ckpt_block(&c->img, c->img.ckpt_slot),
			"run logcachectl repair again", "a repair was begun and is not finished");
	if (c->img.ckpt.flags & LC_CKPT_GIVEN_UP)
		finding(&c->findings, NOTE, NO_BLOCK,
			"the message forget_given_up ends this; check what is on the volume first",
			"a repair gave up writes that had been acknowledged");
}

static bool check_image(struct check *c)
{
	u32 i;

	check_repair(c);
	recover(&c->img, &c->rec);
	count_segments(c);
	for (i = 0; i < c->img.geo.nr_segs; i++)
		check_slot(c, i);
	check_sequence(c);
	check_lsns(c);
	if (!lay_over(c)) {
		ctl_error(0, "%s: changed while it was being checked; stop what uses it",
			  c->img.dev.path);
		return false;
	}
	check_segments(c);
	return true;
}

int cmd_check(const struct ctl *ctl)
{
	struct check c = {};
	struct device dev;
	bool loaded, done;

	if (!device_open(&dev, ctl_get(ctl, "cache"),
			 ctl_has(ctl, "force") ? DEVICE_LOOK : DEVICE_READ))
		return CTL_USAGE;
	c.findings.device = dev.path;
	if (ctl_has(ctl, "json"))
		c.findings.list = json_array();

	loaded = image_load(&c.img, &dev, &c.findings);
	done = loaded && check_image(&c);
	if (ctl_has(ctl, "json"))
		report_json(&c, done);
	else
		report_text(&c, done);

	if (done)
		overlay_free(&c.over);
	recovery_free(&c.rec);
	image_free(&c.img);
	free(c.live);
	device_close(&dev);
	if (!loaded && !c.img.geo.nr_segs)
		return CTL_USAGE;
	return c.findings.faults || !done ? CTL_FAILED : CTL_OK;
}
