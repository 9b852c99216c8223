// SPDX-License-Identifier: GPL-2.0-only
/*
 * Copies of garbage collection on their way into the order of objects. By the time
 * they get their place, newer versions may be on their way: those are left out, so that
 * an object never has anything that one before it has newer.
 */
#include <errno.h>
#include <stdlib.h>

#include "put.h"

struct filter {
	struct lc_volume *vol;
	struct lc_part *parts;
	u32 nr, max;
	const struct lc_ext *ext;	/* the copy under the knife */
	const u8 *data;
};

static void keep(struct filter *f, u64 lba, u64 end)
{
	struct lc_part *p;

	/* What does not fit stays where it is. */
	if (f->nr == LC_BK_EXTENTS_MAX)
		return;
	if (f->nr == f->max) {
		f->max = f->max ? 2 * f->max : 64;
		f->parts = reallocarray(f->parts, f->max, sizeof(*f->parts));
		if (!f->parts)
			lc_vol_no_memory();
	}
	p = &f->parts[f->nr++];
	*p = (struct lc_part){ .lba = lba, .len = end - lba, .op = f->ext->op };
	if (f->data)
		p->data = f->data + (lba - f->ext->lba) * LC_BK_SECTOR;
}

/* The first extent of @b that ends behind @lba. */
static u32 first_behind(const struct lc_built *b, u64 lba)
{
	u32 lo = 0, hi = b->obj.nr_extents, mid;

	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		if (b->exts[mid].lba + b->exts[mid].len <= lba)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* What no object on its way, from @at on, has of [lba, end). As deep as there are objects. */
static void keep_uncovered(struct filter *f, const struct list_head *at, u64 lba, u64 end)
{
	const struct lc_built *b;
	u32 i;

	if (lba >= end)
		return;
	if (at == &f->vol->puts.list) {
		keep(f, lba, end);
		return;
	}
	b = &list_entry(at, struct put, list)->b;
	for (i = first_behind(b, lba); i < b->obj.nr_extents && b->exts[i].lba < end; i++) {
		keep_uncovered(f, at->next, lba, b->exts[i].lba);
		lba = b->exts[i].lba + b->exts[i].len;
	}
	keep_uncovered(f, at->next, lba, end);
}

/* What object @seq still has of [lba, end), of which it had all. */
static void keep_newest(struct filter *f, u64 seq)
{
	u64 lba = f->ext->lba, end = lba + f->ext->len;
	struct lc_piece pieces[16];
	int i, n;

	while (lba < end) {
		n = lc_map_lookup(f->vol->map, lba, end - lba, pieces, ARRAY_SIZE(pieces));
		if (n <= 0) {
			lc_vol_stop(f->vol, -EIO);
			return;
		}
		for (i = 0; i < n; i++) {
			if (pieces[i].seq == seq && pieces[i].op == f->ext->op)
				keep_uncovered(f, f->vol->puts.list.next, pieces[i].lba,
					       pieces[i].lba + pieces[i].len);
			lba = pieces[i].lba + pieces[i].len;
		}
	}
}

static void filter_copies(struct filter *f, const struct lc_gc_copy *copy)
{
	u32 i;

	for (i = 0; i < copy->nr; i++) {
		f->ext = &copy->exts[i];
		f->data = copy->data[i];
		if (lc_planted(f->vol, LC_BK_PLANT_GC_STALE))
			keep(f, f->ext->lba, f->ext->lba + f->ext->len);
		else
			keep_newest(f, copy->seqs[i]);
	}
}

struct copied {
	struct lc_call call;
	struct lc_gc_copy *copy;
};

static void copy_needless(struct lc_call *call)
{
	struct copied *c = container_of(call, struct copied, call);

	c->copy->done(c->copy, call->err);
	free(c);
}

static void answer_copy(struct lc_volume *vol, struct lc_gc_copy *copy, int err)
{
	struct copied *c = lc_vol_alloc(sizeof(*c));

	c->copy = copy;
	c->call = (struct lc_call){ .fn = copy_needless, .err = err };
	lc_vol_later(vol, &c->call);
}

/* Between two units; nothing at all may be left by now. */
void lc_put_send_copy(struct lc_volume *vol)
{
	struct lc_gc_copy *copy = vol->puts.copy;
	struct filter f = { .vol = vol };
	struct put *p;

	vol->puts.copy = NULL;
	filter_copies(&f, copy);
	if (vol->stop_err || (copy->nr && !f.nr)) {
		answer_copy(vol, copy, vol->stop_err);
		free(f.parts);
		return;
	}
	p = lc_vol_alloc(sizeof(*p));
	p->copy = copy;
	p->last = true;
	p->b.obj.flags = LC_BK_GC;
	p->b.obj.lsn_first = vol->puts.sent_lsn;
	p->b.obj.lsn_end = vol->puts.sent_lsn;
	lc_put_send(vol, p, f.parts, f.nr);
	free(f.parts);
}

void lc_put_copy(struct lc_volume *vol, struct lc_gc_copy *copy)
{
	vol->puts.copy = copy;
	lc_put_pump(vol);
}
