// SPDX-License-Identifier: GPL-2.0-only

#include <stdlib.h>

#include "ctl.h"
#include "overlay.h"

static void top_up(struct lc_index *ix)
{
	while (lc_index_spare(ix) < lc_index_need(ix)) {
		void *node = aligned_alloc(64, LC_INDEX_NODE_SIZE);

		if (!node) {
			ctl_error(0, "out of memory for the index");
			exit(CTL_FAILED);
		}
		lc_index_give(ix, node);
	}
}

static void cannot_fail(int err)
{
	if (!err)
		return;
	ctl_error(0, "internal error in the index (%d)", err);
	exit(CTL_FAILED);
}

static void put(struct lc_index *ix, const struct lc_extent *e)
{
	top_up(ix);
	cannot_fail(lc_index_insert(ix, e, NULL, NULL));
}

static void forget(struct lc_index *ix, u64 lba, u32 len)
{
	top_up(ix);
	cannot_fail(lc_index_remove(ix, lba, len, NULL, NULL));
}

/* Longest step from @lba that the index takes at once. */
static u32 step(u64 lba, u32 left, bool data)
{
	u32 room = LC_STRIPE_SECTORS - (lba & (LC_STRIPE_SECTORS - 1));
	u32 most = data ? LC_EXT_MAX_DATA : LC_EXT_MAX_HOLE;

	if (room < most)
		most = room;
	return left < most ? left : most;
}

static void apply_step(struct overlay *o, const struct lc_ent *e, const struct lc_extent *ext,
		       bool dirty)
{
	/* Clean, these only say that older versions are void. */
	bool tombstone = e->op == LC_OP_INVAL ||
			 (!dirty && (e->op == LC_OP_ZERO || e->op == LC_OP_DISCARD));

	if (tombstone)
		forget(&o->live, ext->key, ext->len);
	else
		put(&o->live, ext);
	if (dirty && !tombstone)
		put(&o->dirty, ext);
	else
		forget(&o->dirty, ext->key, ext->len);
}

static u8 extent_kind(u8 op)
{
	if (op_has_payload(op))
		return LC_EXT_DATA;
	return op == LC_OP_ZERO ? LC_EXT_ZERO : LC_EXT_DISCARD;
}

static void apply_part(struct overlay *o, const struct image *img, const struct source *src,
		       const struct lc_ent *e, u32 from, u32 len, bool dirty)
{
	bool data = op_has_payload(e->op);
	struct lc_extent ext = { .kind = extent_kind(e->op) };
	u32 end = from + len;

	for (; from < end; from += ext.len) {
		ext.key = e->lba + from;
		ext.len = step(ext.key, end - from, data);
		ext.loc = lc_geo_loc(&img->geo, src->seg, data ? e->pos + from : 0);
		apply_step(o, e, &ext, dirty);
	}
}

static bool apply_source(struct overlay *o, const struct image *img, const struct recovery *rec,
			 const struct source *src)
{
	struct contents c;
	u32 i, from, len;

	if (!contents_load(img, rec, src, &c))
		return false;
	for (i = 0; i < c.nr_ents; i++) {
		bool dirty = src->dirty && source_lsn(src, i) >= rec->clean_lsn;

		for (from = 0; source_part(img, src, &c.ents[i], &from, &len); from += len)
			apply_part(o, img, src, &c.ents[i], from, len, dirty);
	}
	contents_free(&c);
	return true;
}

bool overlay_build(struct overlay *o, const struct image *img, const struct recovery *rec)
{
	const struct lc_index_geo geo = {
		.loc_bits = LC_INDEX_LOC_BITS_MAX,
		.seg_shift = img->geo.seg_shift,
		.stripe_shift = LC_STRIPE_SHIFT,
	};
	struct progress p;
	bool ok = true;
	u32 i;

	lc_index_init(&o->live, &geo);
	lc_index_init(&o->dirty, &geo);
	progress_start(&p, "laying out the log", rec->nr_sources);
	for (i = 0; i < rec->nr_sources && ok; i++) {
		ok = apply_source(o, img, rec, &rec->sources[i]);
		progress_show(&p, i);
	}
	progress_end(&p);
	return ok;
}

static void free_index(struct lc_index *ix)
{
	void *node;

	lc_index_clear(ix);
	while ((node = lc_index_take(ix)))
		free(node);
}

void overlay_free(struct overlay *o)
{
	free_index(&o->live);
	free_index(&o->dirty);
}
