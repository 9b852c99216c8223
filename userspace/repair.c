// SPDX-License-Identifier: GPL-2.0-only
/*
 * repair: make a cache start whose log is damaged, with the log up to the damage.
 *
 * Nothing is changed on a cache that starts. What is written, in this order, each step
 * behind a flush of the one before:
 *
 *	checkpoint n + 1	REPAIR: says where the log ends; the module refuses it
 *	summaries		those that are missing are made from the records that are
 *				kept, those of what is given up are erased
 *	checkpoint n + 2	CLEAN: the module starts with it
 *
 * Until the first is there nothing is changed. From then on it is decided what is kept,
 * and a repair that was interrupted is repeated to the same end. No bit is set in either
 * bitmap: copies of what is on the origin are forgotten, since what is given up may have
 * superseded them, and the LSNs that they are as of are given out again.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl.h"
#include "prefix.h"

#define RANGES_SHOWN	32u

struct repair {
	struct image img;
	struct recovery rec;
	struct prefix p;
	struct findings quiet;
	u64 epoch;		/* of what is written */
};

/*----------------------------------------------------------------
 * Does it start? The module's reasons not to, in its order
 *----------------------------------------------------------------
 */

/* As far as sealed log segments reach without a gap; sources are sorted by their end. */
static u64 sealed_end(const struct repair *r)
{
	u64 at = lc_ckpt_begin(&r->img.ckpt);
	u32 i;

	for (i = 0; i < r->rec.nr_sources; i++) {
		const struct source *s = &r->rec.sources[i];

		if (s->type != LC_SEG_LOG || s->tail || s->end_lsn <= at)
			continue;
		if (s->first_lsn > at)
			break;
		at = s->end_lsn;
	}
	return at;
}

static bool slots_unreadable(const struct image *img)
{
	u32 i;

	for (i = 0; i < img->geo.nr_segs; i++)
		if (img->slots[i].err == -EIO)
			return true;
	return false;
}

/* Is the tail readable? It is read whole. */
static bool tail_unreadable(const struct repair *r)
{
	u8 *buf = xcalloc(r->img.geo.seg_blocks, LC_BLOCK_SIZE);
	bool bad = false;
	u32 i;

	for (i = 0; i < r->rec.nr_records && !bad; i++) {
		const struct tail_record *t = &r->rec.records[i];

		if (!t->at)
			bad = device_read(&r->img.dev, image_seg_block(&r->img, t->seg), buf,
					  r->img.geo.seg_blocks);
	}
	free(buf);
	return bad;
}

/* NULL: it starts. */
static const char *why_refused(const struct repair *r)
{
	const struct recovery *rec = &r->rec;

	if (r->img.ckpt.flags & LC_CKPT_REPAIR)
		return "a repair was begun and is not finished";
	if (r->img.bits_bad)
		return "the bitmap of the newest checkpoint is damaged";
	if (slots_unreadable(&r->img))
		return "a segment summary cannot be read";
	if (sealed_end(r) < rec->tail_start)
		return "a segment summary of the log is missing or damaged";
	if (tail_unreadable(r))
		return "a part of the log cannot be read";
	if (rec->beyond_lsn)
		return "a record in the log is missing or damaged";
	if (rec->clean_lsn > rec->tail_lsn || r->img.ckpt.floor_lsn > rec->tail_lsn)
		return "the end of the log is missing";
	return NULL;
}

static bool checkpoint_lost(const struct image *img)
{
	u32 i;

	for (i = 0; i < img->geo.nr_segs; i++)
		if (!img->slots[i].err && img->slots[i].info.epoch > img->ckpt.epoch)
			return true;
	return false;
}

/*----------------------------------------------------------------
 * What it costs
 *----------------------------------------------------------------
 */

/* Nobody may believe it any more, or it would be in the way. */
static bool slot_goes(const struct repair *r, u32 seg)
{
	const struct seg_slot *s = &r->img.slots[seg];

	if (prefix_makes_slot(&r->p, seg))
		return false;
	if (s->err)
		return s->err != -ENODATA;
	return s->info.type == LC_SEG_LOG && s->info.end_lsn > r->p.end_lsn;
}

static u64 lost_acked(const struct repair *r)
{
	return r->p.acked_lsn > r->p.end_lsn ? r->p.acked_lsn - r->p.end_lsn : 0;
}

static int compare_lba(const void *a, const void *b)
{
	const struct lost_entry *x = a, *y = b;

	return x->ent.lba < y->ent.lba ? -1 : x->ent.lba > y->ent.lba;
}

static void show_range(u64 from, u64 to, u32 nr)
{
	if (nr < RANGES_SHOWN)
		printf("              sectors %llu to %llu\n", from, to - 1);
	else if (nr == RANGES_SHOWN)
		printf("              and others\n");
}

/* Merged, by sector. */
static void show_ranges(const struct lost_entry *lost, u32 nr)
{
	struct lost_entry *e = xcalloc(nr, sizeof(*e));
	u64 from = 0, to = 0;
	u32 i, shown = 0;

	if (nr)
		memcpy(e, lost, nr * sizeof(*e));
	qsort(e, nr, sizeof(*e), compare_lba);
	for (i = 0; i < nr; i++) {
		if (to && e[i].ent.lba > to)
			show_range(from, to, shown++);
		if (!to || e[i].ent.lba > to)
			from = e[i].ent.lba;
		to = max(to, e[i].ent.lba + e[i].ent.len);
	}
	if (to)
		show_range(from, to, shown);
	free(e);
}

static void show_lost(const struct repair *r)
{
	const struct prefix *p = &r->p;
	u64 acked = lost_acked(r), sectors = 0, bytes;
	char size[SIZE_TEXT];
	u32 i;

	if (r->img.ckpt.flags & LC_CKPT_REPAIR && p->end_lsn == r->img.ckpt.log_lsn) {
		printf("  given up    what was said when the repair was begun\n");
		return;
	}
	if (p->known_lsn <= p->end_lsn) {
		printf("  given up    nothing: every write is kept\n");
		return;
	}
	for (i = 0; i < p->nr_lost; i++)
		sectors += p->lost[i].ent.len;
	bytes = sectors << LC_SECTOR_SHIFT;
	printf("  given up    LSN %llu to %llu\n"
	       "              %llu entries that were acknowledged, %llu that may not have been\n",
	       p->end_lsn, p->known_lsn - 1, acked, p->known_lsn - p->end_lsn - acked);
	if (p->all_given_up)
		printf("              all of the log: copies that it needs are damaged\n");
	printf("              of %u of them it is known what they were: %s\n", p->nr_lost,
	       size_text(size, bytes));
	show_ranges(p->lost, p->nr_lost);
	printf("The volume will be as it was at LSN %llu. What writeback had brought to the\n"
	       "origin of what is given up stays there: check what is on the volume.\n",
	       p->end_lsn);
}

/* What was known to be damaged, in a segment that goes. */
static void show_damage(const struct repair *r)
{
	const struct lc_damage *d = r->img.damaged;
	u32 i;

	for (i = 0; i < r->img.ckpt.nr_damaged; i++, d++)
		if (slot_goes(r, d->loc >> r->img.geo.seg_shift))
			printf("  damaged     sectors %llu to %llu\n"
			       "              they show what the origin has from now on, which is older\n",
			       d->lba, d->lba + d->len - 1);
}

static void show_plan(const struct repair *r, const char *why)
{
	const struct prefix *p = &r->p;
	u32 i, made = 0, bad = 0;

	for (i = 0; i < p->nr_pieces; i++) {
		made += !!p->pieces[i].slot;
		bad += p->pieces[i].nr_bad;
	}
	printf("%s does not start: %s.\n", r->img.dev.path, why);
	printf("  on origin   all below LSN %llu\n", p->clean_lsn);
	if (p->nr_pieces)
		printf("  kept        LSN %llu to %llu, in %u segments; %u get a new summary\n",
		       p->clean_lsn, p->end_lsn - 1, p->nr_pieces, made);
	else
		printf("  kept        nothing of the log\n");
	if (bad)
		printf("  damaged     payload of %u records that are kept; reads fail\n", bad);
	show_damage(r);
	printf("  forgotten   copies of what is on the origin; they are read again\n");
	show_lost(r);
}

static int confirm(const struct ctl *ctl)
{
	char answer[8] = "";

	if (ctl_has(ctl, "yes"))
		return CTL_OK;
	if (!isatty(STDIN_FILENO))
		return ctl_error(CTL_USAGE, "repair: nothing changed; nobody to ask, use --yes");
	printf("This cannot be undone. Go on? [y/N] ");
	fflush(stdout);
	if (!fgets(answer, sizeof(answer), stdin) || (answer[0] != 'y' && answer[0] != 'Y'))
		return ctl_error(CTL_FAILED, "repair: nothing was changed");
	return CTL_OK;
}

/*----------------------------------------------------------------
 * Writing
 *----------------------------------------------------------------
 */

static int write_ckpt(const struct repair *r, u64 seq, u32 flags)
{
	const struct image *img = &r->img;
	const struct prefix *p = &r->p;
	bool copies = img->ckpt.begin_lsn > p->clean_lsn && !p->all_given_up;
	struct lc_ckpt_info info = {
		.epoch = r->epoch,
		.ckpt_seq = seq,
		.next_seq = p->next_seq,
		.clean_lsn = p->clean_lsn,
		.log_seq = p->next_seq,
		.log_lsn = p->end_lsn,
		.log_seg = LC_SEG_NONE,
		.log_chain = p->chain,
		.flags = flags,
		.origin_sectors = img->ckpt.origin_sectors,
		.nr_damaged = img->ckpt.nr_damaged,
		.damaged = img->damaged,
		.begin_lsn = copies ? img->ckpt.begin_lsn : 0,
		.floor_lsn = copies ? img->ckpt.floor_lsn : 0,
	};
	u64 head = image_ckpt_block(img, seq % LC_CKPT_SLOTS);
	static struct lc_bitmap_block bits;
	static struct lc_ckpt ck;
	int ret = 0;
	u32 i;

	if (lost_acked(r) || img->ckpt.flags & LC_CKPT_GIVEN_UP)
		info.flags |= LC_CKPT_GIVEN_UP;
	for (i = 0; i < img->geo.nr_bitmap && !ret; i++) {
		lc_bitmap_seal(&bits, &img->geo, info.epoch, seq, i);
		ret = device_write(&img->dev, head + 1 + i, &bits, 1);
	}
	lc_ckpt_encode(&ck, &img->geo, &info);
	return ret ?: device_sync(&img->dev) ?: device_write(&img->dev, head, &ck, 1) ?:
	       device_sync(&img->dev);
}

static int write_slots(const struct repair *r)
{
	const struct image *img = &r->img;
	const struct piece *pc;
	int ret = 0;
	u32 i;

	for (i = 0; i < img->geo.nr_segs && !ret; i++)
		if (slot_goes(r, i))
			ret = device_zero(&img->dev, image_slot_block(img, i),
					  img->geo.slot_blocks);
	for (pc = r->p.pieces; pc < r->p.pieces + r->p.nr_pieces && !ret; pc++)
		if (pc->slot)
			ret = device_write(&img->dev, image_slot_block(img, pc->seg), pc->slot,
					   pc->slot_bytes / LC_BLOCK_SIZE);
	return ret ?: device_sync(&img->dev);
}

static int apply(const struct repair *r)
{
	u64 seq = r->img.ckpt.ckpt_seq;

	return write_ckpt(r, seq + 1, LC_CKPT_REPAIR) ?:
	       write_slots(r) ?:
	       write_ckpt(r, seq + 2, LC_CKPT_CLEAN);
}

/*----------------------------------------------------------------
 * Command
 *----------------------------------------------------------------
 */

/* What a volume's program has seen of LSNs that are given out again, nobody here knows. */
static int may_repair(const struct repair *r)
{
	if (r->img.geo.flags & LC_SUPER_HELPER && r->p.known_lsn > r->p.end_lsn)
		return ctl_error(CTL_FAILED,
				 "%s: writes of a volume that a program keeps cannot be given up here; nothing was changed",
				 r->img.dev.path);
	return CTL_OK;
}

static int repair_image(const struct ctl *ctl, struct repair *r)
{
	const char *why;
	int ret;

	if (checkpoint_lost(&r->img))
		return ctl_error(CTL_FAILED,
				 "%s: the newest checkpoint is lost, and an older one may believe what is in use again; keep the device as it is and seek help",
				 r->img.dev.path);
	recover(&r->img, &r->rec);
	why = why_refused(r);
	if (!why) {
		printf("%s: the log is whole and starts as it is; nothing was changed\n",
		       r->img.dev.path);
		return CTL_OK;
	}
	r->epoch = r->img.ckpt.epoch + 1;
	prefix_find(&r->p, &r->img, &r->rec, r->epoch);
	show_plan(r, why);
	fflush(stdout);
	ret = may_repair(r) ?: confirm(ctl);
	if (ret)
		return ret;
	ret = apply(r);
	if (ret)
		return ctl_error(CTL_FAILED,
				 "%s: writing failed: %s; it does not start, repeat the repair or copy the device",
				 r->img.dev.path, strerror(-ret));
	printf("%s is repaired and starts again.\n", r->img.dev.path);
	return CTL_OK;
}

int cmd_repair(const struct ctl *ctl)
{
	struct repair r = {};
	struct device dev;
	int ret;

	if (!device_open(&dev, ctl_get(ctl, "cache"), DEVICE_WRITE))
		return CTL_FAILED;
	r.quiet = (struct findings){ .device = dev.path, .quiet = true };
	if (image_load_log(&r.img, &dev, &r.quiet))
		ret = repair_image(ctl, &r);
	else
		ret = ctl_error(CTL_FAILED,
				"%s: cannot be repaired without a superblock and a checkpoint; logcachectl check says what is wrong, nothing was changed",
				dev.path);
	prefix_free(&r.p);
	recovery_free(&r.rec);
	image_free(&r.img);
	device_close(&dev);
	return ret;
}
