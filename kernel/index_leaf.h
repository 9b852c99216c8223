/* SPDX-License-Identifier: GPL-2.0 */
/*
 * index_leaf - a leaf of the index: up to 63 extents in 512 bytes
 *
 * A leaf is a head and one word per extent.  Keys are relative to the leaf's
 * base, and what is compared is topmost, so words sort like keys and a search
 * compares whole words:
 *
 *	 63               delta_at       loc_at                 2    0
 *	+----------------+--------------+----------------------+------+
 *	| key - base     | loc          | len - 1              | kind |   data
 *	+----------------+--------------+---+------------------+------+
 *	| key - base     | segment's loc    | len - 1          | kind |   zero, discard
 *	+----------------+------------------+------------------+------+
 *
 * How many bits each field gets is the leaf's layout, the first of these that
 * suits all its extents.  P is log2 of the cache device in sectors; a segment
 * has at least 2^11 of them, so a hole can use the 4 lowest bits of loc.
 *
 *	layout	fields count in		data up to	sectors reached
 *	0	sectors			1 MiB		2^(51 - P)
 *	1	8 sectors		1 MiB		2^(60 - P)
 *	2	sectors			8 KiB		2^(58 - P)
 *	3	8 sectors		32 KiB		2^(65 - P)
 *
 * So leaves of a large, sparsely cached volume are as full as those of a small
 * one.  Fields in units of 8 sectors do not ask for aligned keys, only for keys
 * with the same remainder, as in a partition that starts at sector 63.
 *
 * Unused words are all ones, which is above any extent, so a search needs no
 * count and always takes six steps.
 *
 * Everything here works on one or two leaves and knows nothing of the tree.
 * Rules as in index.h; of ix only the geometry and the layouts are used.
 */
#ifndef LC_INDEX_LEAF_H
#define LC_INDEX_LEAF_H

#include <linux/build_bug.h>
#include <linux/compiler.h>
#include <linux/types.h>

#include "index.h"

#define LC_LEAF_MAX	63u
#define LC_UNUSED	(~0ULL)

#define LC_KIND_BITS	2u
#define LC_UNIT_MASK	7u		/* of the layouts that count in 8 sectors */
#define LC_HOLE_SHIFT	4u		/* holes are longer than data by that much */

struct lc_leaf {
	u64 head;			/* base << 8 | layout << 6 | words used */
	u64 word[LC_LEAF_MAX];
};

static_assert(sizeof(struct lc_leaf) == LC_INDEX_NODE_SIZE);
static_assert(LC_EXT_MAX_DATA << LC_HOLE_SHIFT == LC_EXT_MAX_HOLE);
/* A hole reaches into loc, but never up to its segment number. */
static_assert(LC_INDEX_SEG_SHIFT_MIN >= 3 + LC_HOLE_SHIFT);

/* ---- Head -------------------------------------------------------------- */

static inline u64 lc_head(u64 base, unsigned int layout, unsigned int nr)
{
	return base << 8 | layout << 6 | nr;
}

static inline u64 lc_head_base(u64 head)
{
	return head >> 8;
}

static inline const struct lc_index_layout *
lc_head_layout(const struct lc_index *ix, u64 head)
{
	return &ix->layout[head >> 6 & 3];
}

static inline const struct lc_index_layout *
lc_leaf_layout(const struct lc_index *ix, const struct lc_leaf *leaf)
{
	return lc_head_layout(ix, leaf->head);
}

static inline u64 lc_leaf_base(const struct lc_leaf *leaf)
{
	return lc_head_base(leaf->head);
}

static inline unsigned int lc_leaf_nr(const struct lc_leaf *leaf)
{
	return leaf->head & 0x3f;
}

/* ---- Words ------------------------------------------------------------- */

/* e must suit the layout: see lc_form(). */
static inline u64 lc_word_pack(const struct lc_index_layout *lay, u64 base,
			       const struct lc_extent *e)
{
	return (e->key - base) >> lay->unit << lay->delta_at |
	       e->loc >> lay->unit << lay->loc_at |
	       (u64)((e->len - 1) >> lay->unit) << LC_KIND_BITS | e->kind;
}

static inline u64 lc_word_key(const struct lc_index_layout *lay, u64 base, u64 w)
{
	return base + (w >> lay->delta_at << lay->unit);
}

static __always_inline void
lc_word_unpack(const struct lc_index_layout *lay, u64 base, u64 w,
	       struct lc_extent *e)
{
	u8 kind = w & ((1u << LC_KIND_BITS) - 1);
	u32 len_mask = lay->len_mask;
	u64 loc = (w >> lay->loc_at & lay->loc_mask) << lay->unit;

	if (unlikely(kind != LC_EXT_DATA)) {
		loc = loc >> lay->seg_shift << lay->seg_shift;
		len_mask = (len_mask + 1) << LC_HOLE_SHIFT;
		len_mask--;
	}
	e->key = lc_word_key(lay, base, w);
	e->len = (((u32)(w >> LC_KIND_BITS) & len_mask) + 1) << lay->unit;
	e->kind = kind;
	e->loc = loc;
}

static inline void lc_leaf_get(const struct lc_index *ix,
			       const struct lc_leaf *leaf, unsigned int i,
			       struct lc_extent *e)
{
	lc_word_unpack(lc_leaf_layout(ix, leaf), lc_leaf_base(leaf), leaf->word[i], e);
}

static inline u64 lc_leaf_key(const struct lc_index *ix,
			      const struct lc_leaf *leaf, unsigned int i)
{
	return lc_word_key(lc_leaf_layout(ix, leaf), lc_leaf_base(leaf), leaf->word[i]);
}

static inline u64 lc_leaf_end(const struct lc_index *ix,
			      const struct lc_leaf *leaf, unsigned int i)
{
	struct lc_extent e;

	lc_leaf_get(ix, leaf, i, &e);
	return lc_extent_end(&e);
}

/*
 * What a layout must allow for an extent, as one word.  Forms of several are
 * ored together; a layout suits all of them if it forbids none of the bits:
 *
 *	 63                                     3 2         0
 *	+----------------------------------------+-----------+
 *	| longest len - 1, holes 1/16 of it      | unaligned |
 *	+----------------------------------------+-----------+
 *
 * Keys count as aligned relative to ref, any one key of the lot.
 */
static inline u64 lc_form(const struct lc_extent *e, u64 ref)
{
	u32 len = e->len - 1;

	if (e->kind != LC_EXT_DATA)
		len >>= LC_HOLE_SHIFT;
	return (((e->key - ref) | e->len | e->loc) & LC_UNIT_MASK) | (u64)len << 3;
}

/* Can the leaf take extents of this form in [lo, hi)?  lo was the reference. */
static inline bool lc_leaf_suits(const struct lc_index *ix,
				 const struct lc_leaf *leaf, u64 lo, u64 hi,
				 u64 form)
{
	const struct lc_index_layout *lay = lc_leaf_layout(ix, leaf);
	u64 base = lc_leaf_base(leaf);

	return lo >= base && hi - base <= lay->max_delta &&
	       !((form | ((lo - base) & LC_UNIT_MASK)) & lay->forbid);
}

/* ---- Search ------------------------------------------------------------ */

/*
 * One step of a search for the last word that is below bound: *v is.  The
 * compiler is kept from making this a branch, which would be as good as random.
 */
static __always_inline const u64 *lc_word_step(const u64 *v, size_t step,
					       u64 bound)
{
	const u64 *up = v + step;

	OPTIMIZER_HIDE_VAR(up);
	return *up < bound ? up : v;
}

/* The word of the last extent that starts at or before key, else the head. */
static __always_inline const u64 *
lc_leaf_seek(const struct lc_index_layout *lay, const struct lc_leaf *leaf, u64 key)
{
	u64 base = lc_leaf_base(leaf), delta = key - base, bound;
	const u64 *v = (const u64 *)leaf;

	if (unlikely(delta > lay->max_delta)) {
		if (key < base)
			return v;
		delta = lay->max_delta;
	}
	bound = ((delta >> lay->unit) + 1) << lay->delta_at;
	v = lc_word_step(v, 32, bound);
	v = lc_word_step(v, 16, bound);
	v = lc_word_step(v, 8, bound);
	v = lc_word_step(v, 4, bound);
	v = lc_word_step(v, 2, bound);
	return lc_word_step(v, 1, bound);
}

/* How many extents of the leaf start at or before key. */
static inline unsigned int
lc_leaf_rank(const struct lc_index *ix, const struct lc_leaf *leaf, u64 key)
{
	return lc_leaf_seek(lc_leaf_layout(ix, leaf), leaf, key) - &leaf->head;
}

/* ---- Changes ----------------------------------------------------------- */

/* Compute ix->layout from ix->loc_bits. */
void lc_leaf_layouts(struct lc_index *ix);

/* Make the node an empty leaf. */
void lc_leaf_init(struct lc_leaf *leaf);

/* Make drop words from at on into a gap of add words, to be written next. */
void lc_leaf_splice(struct lc_leaf *leaf, unsigned int at, unsigned int drop,
		    unsigned int add);

/*
 * Choose base and layout anew, so that extents of this form in [lo, hi) fit in
 * besides those that the leaf has; lo was the form's reference.  What reach is
 * to spare goes to both sides.  False, and nothing changed, if there is no way;
 * a single extent always fits.
 */
bool lc_leaf_refit(const struct lc_index *ix, struct lc_leaf *leaf,
		   u64 lo, u64 hi, u64 form);

/* Move the words of l from at on to r, which is empty. */
void lc_leaf_split(struct lc_leaf *l, struct lc_leaf *r, unsigned int at);

/*
 * Move up to n words from the end of l to the front of r, or from the front of
 * r to the end of l: as many as there are, as there is room for, and as the
 * receiver can reach.  Returns how many.
 */
unsigned int lc_leaf_push(const struct lc_index *ix, struct lc_leaf *l,
			  struct lc_leaf *r, unsigned int n);
unsigned int lc_leaf_pull(const struct lc_index *ix, struct lc_leaf *l,
			  struct lc_leaf *r, unsigned int n);

#endif /* LC_INDEX_LEAF_H */
