// SPDX-License-Identifier: GPL-2.0
#include <linux/bits.h>
#include <linux/kernel.h>
#include <linux/string.h>

#include "index_leaf.h"

/* Each is tried only if those before it do not reach far enough. */
static const struct {
	u8 unit;			/* log2 of what the fields count in */
	u8 len_bits;
} lc_layouts[] = {
	{ 0, 11 },
	{ 3, 8 },
	{ 0, 4 },
	{ 3, 3 },
};

static_assert(ARRAY_SIZE(lc_layouts) == ARRAY_SIZE(((struct lc_index *)0)->layout));
static_assert(LC_EXT_MAX_DATA == 1u << 11);
/* Layout 0 takes any one extent, even with the longest loc. */
static_assert((1ULL << (64 - LC_KIND_BITS - 11 - LC_INDEX_LOC_BITS_MAX)) - 2 >=
	      LC_EXT_MAX_HOLE);

void lc_leaf_layouts(struct lc_index *ix)
{
	struct lc_index_layout *lay;
	unsigned int i, unit, bits;

	for (i = 0; i < ARRAY_SIZE(lc_layouts); i++) {
		lay = &ix->layout[i];
		unit = lc_layouts[i].unit;
		bits = lc_layouts[i].len_bits;
		lay->unit = unit;
		lay->seg_shift = ix->seg_shift;
		lay->len_mask = BIT(bits) - 1;
		lay->loc_mask = BIT_ULL(ix->loc_bits - unit) - 1;
		lay->loc_at = LC_KIND_BITS + bits;
		lay->delta_at = lay->loc_at + ix->loc_bits - unit;
		/* all ones is for unused words, and rank() adds one */
		lay->max_delta = (BIT_ULL(64 - lay->delta_at) - 2) << unit;
		lay->forbid = ~(BIT_ULL(bits + unit + 3) - 1) |
			      (unit ? LC_UNIT_MASK : 0);
	}
}

void lc_leaf_init(struct lc_leaf *leaf)
{
	memset(leaf, 0xff, sizeof(*leaf));
	leaf->head = 0;
}

void lc_leaf_splice(struct lc_leaf *leaf, unsigned int at, unsigned int drop,
		    unsigned int add)
{
	unsigned int nr = lc_leaf_nr(leaf);
	u64 *gap = &leaf->word[at];

	memmove(gap + add, gap + drop, (nr - at - drop) * sizeof(u64));
	if (add < drop)
		memset(&leaf->word[nr + add - drop], 0xff,
		       (drop - add) * sizeof(u64));
	leaf->head += add;
	leaf->head -= drop;
}

/* The form of nr extents from i on. */
static u64 lc_leaf_form(const struct lc_index *ix, const struct lc_leaf *leaf,
			unsigned int i, unsigned int nr, u64 ref)
{
	struct lc_extent e;
	u64 form = 0;

	for (; nr; nr--, i++) {
		lc_leaf_get(ix, leaf, i, &e);
		form |= lc_form(&e, ref);
	}
	return form;
}

/*
 * Rewrite nr words that were packed under head as words of dst from at on.
 * Either they come from another leaf or they are those very words of dst.
 */
static void lc_leaf_recode(const struct lc_index *ix, struct lc_leaf *dst,
			   unsigned int at, u64 head, const u64 *word,
			   unsigned int nr)
{
	const struct lc_index_layout *lay = lc_leaf_layout(ix, dst);
	const struct lc_index_layout *old = lc_head_layout(ix, head);
	u64 base = lc_leaf_base(dst), shift;
	struct lc_extent e;

	if (lay == old) {
		shift = (lc_head_base(head) - base) >> lay->unit << lay->delta_at;
		for (; nr; nr--)
			dst->word[at++] = *word++ + shift;
		return;
	}
	for (; nr; nr--) {
		lc_word_unpack(old, lc_head_base(head), *word++, &e);
		dst->word[at++] = lc_word_pack(lay, base, &e);
	}
}

bool lc_leaf_refit(const struct lc_index *ix, struct lc_leaf *leaf,
		   u64 lo, u64 hi, u64 form)
{
	const struct lc_index_layout *lay = ix->layout;
	unsigned int nr = lc_leaf_nr(leaf);
	u64 spare, old = leaf->head, ref = lo;

	if (nr) {
		lo = min(lo, lc_leaf_key(ix, leaf, 0));
		hi = max(hi, lc_leaf_end(ix, leaf, nr - 1));
	}
	if (hi - lo > lay->max_delta) {
		form |= lc_leaf_form(ix, leaf, 0, nr, ref);
		do {
			if (++lay == ix->layout + ARRAY_SIZE(ix->layout))
				return false;
		} while (form & lay->forbid || hi - lo > lay->max_delta);
	}
	/* the base keeps ref's remainder, so that keys are aligned to it */
	spare = (lay->max_delta - (hi - lo)) / 2;
	leaf->head = lc_head(lo - (min(lo, spare) & ~(u64)LC_UNIT_MASK),
			     lay - ix->layout, nr);
	lc_leaf_recode(ix, leaf, 0, old, leaf->word, nr);
	return true;
}

void lc_leaf_split(struct lc_leaf *l, struct lc_leaf *r, unsigned int at)
{
	unsigned int nr = lc_leaf_nr(l) - at;

	memcpy(r->word, &l->word[at], nr * sizeof(u64));
	r->head = l->head - at;
	lc_leaf_splice(l, at, nr, 0);
}

/* Can dst hold nr of src's words from at on?  See to it if need be. */
static bool lc_leaf_adapt(const struct lc_index *ix, struct lc_leaf *dst,
			  const struct lc_leaf *src, unsigned int at,
			  unsigned int nr)
{
	u64 lo = lc_leaf_key(ix, src, at), hi = lc_leaf_end(ix, src, at + nr - 1);
	u64 base = lc_leaf_base(dst), reach = ix->layout[0].max_delta;

	if (lc_leaf_layout(ix, dst) == ix->layout &&
	    lo >= base && hi - base <= reach)
		return true;
	return lc_leaf_refit(ix, dst, lo, hi, lc_leaf_form(ix, src, at, nr, lo));
}

/* How many of src's n words at one end dst can be made to hold. */
static unsigned int lc_leaf_admit(const struct lc_index *ix,
				  struct lc_leaf *dst, const struct lc_leaf *src,
				  unsigned int n, bool front)
{
	unsigned int nr = lc_leaf_nr(src);

	n = min3(n, nr, LC_LEAF_MAX - lc_leaf_nr(dst));
	while (n && !lc_leaf_adapt(ix, dst, src, front ? 0 : nr - n, n))
		n /= 2;
	return n;
}

unsigned int lc_leaf_push(const struct lc_index *ix, struct lc_leaf *l,
			  struct lc_leaf *r, unsigned int n)
{
	unsigned int keep;

	n = lc_leaf_admit(ix, r, l, n, false);
	keep = lc_leaf_nr(l) - n;
	lc_leaf_splice(r, 0, 0, n);
	lc_leaf_recode(ix, r, 0, l->head, &l->word[keep], n);
	lc_leaf_splice(l, keep, n, 0);
	return n;
}

unsigned int lc_leaf_pull(const struct lc_index *ix, struct lc_leaf *l,
			  struct lc_leaf *r, unsigned int n)
{
	unsigned int at = lc_leaf_nr(l);

	n = lc_leaf_admit(ix, l, r, n, true);
	lc_leaf_splice(l, at, 0, n);
	lc_leaf_recode(ix, l, at, r->head, r->word, n);
	lc_leaf_splice(r, 0, n, 0);
	return n;
}
