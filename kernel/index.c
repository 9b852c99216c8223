// SPDX-License-Identifier: GPL-2.0
/*
 * A packed B+tree of extents.
 *
 * A leaf is a head and 63 words, one per extent, relative to the leaf's base
 * key.  What is compared is topmost, so words sort like keys and the search in
 * a leaf compares whole words.  With P = log2 of the cache size in sectors:
 *
 *	 63                delta_at        loc_at          2   0
 *	+-----------------+---------------+---------------+-----+
 *	| key - base      | loc: P bits   | len - 1: 11   | kind|  data
 *	+-----------------+---------------+------+--------+-----+
 *	| key - base      | segment: P-11 | len - 1: 15   | kind|  zero, discard
 *	+-----------------+---------------+---------------+-----+
 *
 * That leaves 51 - P bits of key: a volume sparser than its leaves can reach
 * over would waste them.  So a leaf whose extents are all aligned to 4 KiB
 * counts in units of 8 sectors ("coarse") and reaches 512 times as far.
 *
 * Unused words are all ones, which is above any extent, so the search needs no
 * count and always takes six steps.
 *
 * An inner node has up to 32 children and the separators between them; the
 * subtree left of a separator holds keys below it.  Extents do not cross
 * separators: whoever needs to, moves the separator first (lc_widen).  A lookup
 * therefore never has to look at two leaves to find what covers a key.
 *
 * To change something, describe it as an edit of one leaf.  If the leaf cannot
 * take the edit, change the tree a little (lc_make_room) and start again from
 * the root; every such step brings the edit closer to fitting:
 *
 *	out of words	spread over up to 3 neighbours, else 3 leaves become 4
 *	out of reach	move the base or change the unit, else split the leaf
 *			where the edit is, until it has one to itself
 *	parent is full	split the topmost full node on the way down
 *
 * On removal, five neighbours that fit into four are pushed together.
 */
#include <linux/bits.h>
#include <linux/bug.h>
#include <linux/build_bug.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/string.h>

#include "index.h"

#define LC_LEAF_MAX	63u
#define LC_INNER_MAX	32u		/* children */
#define LC_INNER_MIN	8u		/* except in the root */
#define LC_UNUSED	(~0ULL)		/* word or separator */
#define LC_KEY_END	BIT_ULL(LC_INDEX_KEY_BITS)

#define LC_COARSE	3u		/* log2 of a coarse leaf's unit */
#define LC_COARSE_MASK	((1u << LC_COARSE) - 1)
#define LC_KIND_BITS	2u
#define LC_DATA_BITS	11u		/* of len - 1 */
#define LC_HOLE_BITS	15u

/* A leaf's worth of free words per leaf kept when spreading: see lc_spread. */
#define LC_SPREAD_LEAVES	3u
#define LC_SPREAD_SLACK		4u
#define LC_GATHER_LEAVES	5u
#define LC_GATHER_SLACK		4u
#define LC_GATHER_BELOW		52u

struct lc_leaf {
	u64 head;			/* base << 8 | coarse << 7 | words used */
	u64 word[LC_LEAF_MAX];
};

struct lc_inner {
	u32 nr;				/* children */
	u64 sep[LC_INNER_MAX - 1];	/* child[i] < sep[i] <= child[i + 1] */
	void *child[LC_INNER_MAX];
};

static_assert(sizeof(struct lc_leaf) == LC_INDEX_NODE_SIZE);
static_assert(sizeof(struct lc_inner) <= LC_INDEX_NODE_SIZE);
static_assert(LC_EXT_MAX_DATA == 1u << LC_DATA_BITS);
static_assert(LC_EXT_MAX_HOLE == 1u << LC_HOLE_BITS);
/* Any one extent fits a fine leaf; len of a hole stays below its segment. */
static_assert(LC_KIND_BITS + LC_DATA_BITS + LC_INDEX_LOC_BITS_MAX < 64 - LC_HOLE_BITS);
static_assert(LC_HOLE_BITS - LC_DATA_BITS <= LC_INDEX_SEG_SHIFT_MIN - LC_COARSE);

/* The way from the root to a leaf: level 0 is the leaf, slot[1] its place. */
struct lc_path {
	struct lc_leaf *leaf;
	u64 hi;				/* first key that is not the leaf's */
	struct lc_inner *node[LC_INDEX_HEIGHT_MAX];
	u8 slot[LC_INDEX_HEIGHT_MAX];
};

enum { LC_LEFT, LC_NEW, LC_RIGHT, LC_PARTS };

/*
 * What is to become of one leaf: words [first, last) make way for those parts
 * that have a length, in this order.
 *
 *	  first   cut       cut_end  last
 *	    |------|-|=======|--|------|	words; = is the range written
 *	    |  ..joined..   NEW  ..    |
 *	           |LEFT|    |RIGHT|		what sticks out of the range
 */
struct lc_edit {
	u8 first, last;
	u8 cut, cut_end;		/* words that intersect the range */
	u8 parts;
	u64 from, to;			/* the range that is overwritten */
	struct lc_extent part[LC_PARTS];
	u64 lo, hi, bits;		/* of all parts: ends, and alignment */
};

/* ---- Spare nodes ----------------------------------------------------- */

void lc_index_give(struct lc_index *ix, void *node)
{
	*(void **)node = ix->spare;
	ix->spare = node;
	ix->spare_nr++;
}

void *lc_index_take(struct lc_index *ix)
{
	void *node = ix->spare;

	if (node) {
		ix->spare = *(void **)node;
		ix->spare_nr--;
	}
	return node;
}

/*
 * At worst an overwrite cuts an extent at either end out of coarse leaves that
 * reach too far to become fine, under two parents that are full all the way
 * up, and then finds no leaf near enough for itself.
 */
unsigned int lc_index_need(const struct lc_index *ix)
{
	return 2 * ix->height + 6;
}

/* lc_index_need() was checked before anything was touched. */
static void *lc_node_alloc(struct lc_index *ix)
{
	ix->nodes++;
	return lc_index_take(ix);
}

static void lc_node_free(struct lc_index *ix, void *node)
{
	ix->nodes--;
	lc_index_give(ix, node);
}

static struct lc_leaf *lc_leaf_alloc(struct lc_index *ix)
{
	struct lc_leaf *leaf = lc_node_alloc(ix);

	memset(leaf, 0xff, sizeof(*leaf));
	leaf->head = 0;
	return leaf;
}

static struct lc_inner *lc_inner_alloc(struct lc_index *ix)
{
	struct lc_inner *in = lc_node_alloc(ix);

	memset(in, 0xff, sizeof(*in));
	in->nr = 0;
	return in;
}

/* ---- Extents --------------------------------------------------------- */

static u64 lc_segment(const struct lc_index *ix, u64 loc)
{
	return loc >> ix->seg_shift;
}

static u64 lc_stripe(const struct lc_index *ix, u64 key)
{
	return key >> ix->stripe_shift;
}

static u32 lc_max_len(u8 kind)
{
	return kind == LC_EXT_DATA ? LC_EXT_MAX_DATA : LC_EXT_MAX_HOLE;
}

static bool lc_valid(const struct lc_index *ix, const struct lc_extent *e)
{
	u64 last = e->key + e->len - 1;
	u64 last_loc = e->loc + (e->kind == LC_EXT_DATA ? e->len - 1 : 0);

	return e->kind <= LC_EXT_DISCARD &&
	       e->len - 1 < lc_max_len(e->kind) &&
	       e->key < LC_KEY_END && last < LC_KEY_END &&
	       lc_stripe(ix, e->key) == lc_stripe(ix, last) &&
	       last_loc >> ix->loc_bits == 0 &&
	       lc_segment(ix, e->loc) == lc_segment(ix, last_loc);
}

/* If b continues a, make *sum the two of them; sum may be a or b. */
static bool lc_join(const struct lc_index *ix, const struct lc_extent *a,
		    const struct lc_extent *b, struct lc_extent *sum)
{
	u64 step = a->kind == LC_EXT_DATA ? a->len : 0;
	u32 len = a->len + b->len;

	if (lc_extent_end(a) != b->key || a->kind != b->kind ||
	    a->loc + step != b->loc || len > lc_max_len(a->kind) ||
	    lc_segment(ix, a->loc) != lc_segment(ix, b->loc) ||
	    lc_stripe(ix, a->key) != lc_stripe(ix, b->key))
		return false;
	*sum = *a;
	sum->len = len;
	return true;
}

/* The bits that must be clear for an extent to go into a coarse leaf. */
static u64 lc_align_bits(const struct lc_extent *e)
{
	return e->key | e->len | e->loc;
}

/* ---- Words of a leaf ------------------------------------------------- */

static u64 lc_head(u64 base, bool coarse, unsigned int nr)
{
	return base << 8 | (coarse ? 0x80 : 0) | nr;
}

static unsigned int lc_leaf_nr(const struct lc_leaf *leaf)
{
	return leaf->head & 0x7f;
}

static bool lc_head_coarse(u64 head)
{
	return head & 0x80;
}

static u64 lc_head_base(u64 head)
{
	return head >> 8;
}

static u64 lc_leaf_base(const struct lc_leaf *leaf)
{
	return lc_head_base(leaf->head);
}

static const struct lc_index_layout *lc_layout(const struct lc_index *ix, u64 head)
{
	return &ix->layout[lc_head_coarse(head)];
}

static u64 lc_pack(const struct lc_index_layout *lay, u64 base,
		   const struct lc_extent *e)
{
	return (e->key - base) >> lay->unit << lay->delta_at |
	       e->loc >> lay->unit << lay->loc_at |
	       (u64)((e->len >> lay->unit) - 1) << LC_KIND_BITS | e->kind;
}

static __always_inline void
lc_unpack_word(const struct lc_index *ix, u64 head, u64 w, struct lc_extent *e)
{
	const struct lc_index_layout *lay = lc_layout(ix, head);
	u32 len_mask = LC_EXT_MAX_DATA - 1;

	e->kind = w & ((1u << LC_KIND_BITS) - 1);
	e->key = lc_head_base(head) + (w >> lay->delta_at << lay->unit);
	e->loc = (w >> lay->loc_at & lay->loc_mask) << lay->unit;
	if (e->kind != LC_EXT_DATA) {
		e->loc = lc_segment(ix, e->loc) << ix->seg_shift;
		len_mask = LC_EXT_MAX_HOLE - 1;
	}
	e->len = (((u32)(w >> LC_KIND_BITS) & len_mask >> lay->unit) + 1) << lay->unit;
}

static __always_inline void
lc_unpack(const struct lc_index *ix, const struct lc_leaf *leaf, unsigned int i,
	  struct lc_extent *e)
{
	lc_unpack_word(ix, leaf->head, leaf->word[i], e);
}

static u64 lc_leaf_key(const struct lc_index *ix, const struct lc_leaf *leaf,
		       unsigned int i)
{
	const struct lc_index_layout *lay = lc_layout(ix, leaf->head);

	return lc_leaf_base(leaf) + (leaf->word[i] >> lay->delta_at << lay->unit);
}

static u64 lc_leaf_end(const struct lc_index *ix, const struct lc_leaf *leaf,
		       unsigned int i)
{
	struct lc_extent e;

	lc_unpack(ix, leaf, i, &e);
	return lc_extent_end(&e);
}

/*
 * One step of a binary search among 2 * half - 1 words from v on: where to go
 * on if the answer is the first of them that is not below bound.
 */
static __always_inline const u64 *lc_step(const u64 *v, unsigned int half,
					  u64 bound)
{
	return v[half - 1] < bound ? v + half : v;
}

/* How many extents of the leaf start at or before key. */
static __always_inline unsigned int
lc_leaf_rank(const struct lc_index *ix, const struct lc_leaf *leaf, u64 key)
{
	const struct lc_index_layout *lay = lc_layout(ix, leaf->head);
	u64 delta = key - lc_leaf_base(leaf);
	const u64 *v = leaf->word;
	u64 bound;

	if (unlikely(delta > lay->max_delta)) {
		if (key < lc_leaf_base(leaf))
			return 0;
		delta = lay->max_delta;
	}
	bound = ((delta >> lay->unit) + 1) << lay->delta_at;
	v = lc_step(v, 32, bound);
	v = lc_step(v, 16, bound);
	v = lc_step(v, 8, bound);
	v = lc_step(v, 4, bound);
	v = lc_step(v, 2, bound);
	v = lc_step(v, 1, bound);
	return v - leaf->word;
}

/* Make words [at, at + drop) into a gap of add words, whose content is old. */
static void lc_leaf_splice(struct lc_leaf *leaf, unsigned int at,
			   unsigned int drop, unsigned int add)
{
	unsigned int nr = lc_leaf_nr(leaf);
	u64 *gap = &leaf->word[at];

	if (add == drop)
		return;
	memmove(gap + add, gap + drop, (nr - at - drop) * sizeof(u64));
	if (add < drop)
		memset(&leaf->word[nr + add - drop], 0xff,
		       (drop - add) * sizeof(u64));
	leaf->head += add;
	leaf->head -= drop;
}

/* The alignment of all extents from i on, as lc_align_bits(). */
static u64 lc_leaf_bits(const struct lc_index *ix, const struct lc_leaf *leaf,
			unsigned int i, unsigned int nr)
{
	struct lc_extent e;
	u64 bits = 0;

	if (lc_head_coarse(leaf->head))
		return 0;
	for (; nr; nr--, i++) {
		lc_unpack(ix, leaf, i, &e);
		bits |= lc_align_bits(&e);
	}
	return bits;
}

/*
 * Rewrite nr words that were packed under head as words of dst from at on.
 * Either they come from another leaf or they are those very words of dst.
 */
static void lc_leaf_recode(const struct lc_index *ix, struct lc_leaf *dst,
			   unsigned int at, u64 head, const u64 *word,
			   unsigned int nr)
{
	const struct lc_index_layout *lay = lc_layout(ix, dst->head);
	u64 base = lc_leaf_base(dst), shift;
	struct lc_extent e;

	if (lc_head_coarse(dst->head) == lc_head_coarse(head)) {
		shift = (lc_head_base(head) - base) >> lay->unit << lay->delta_at;
		for (; nr; nr--)
			dst->word[at++] = *word++ + shift;
		return;
	}
	for (; nr; nr--) {
		lc_unpack_word(ix, head, *word++, &e);
		dst->word[at++] = lc_pack(lay, base, &e);
	}
}

/*
 * Choose base and unit of the leaf anew, so that it can take extents in
 * [lo, hi) aligned to bits besides those it has.  What reach is left over is
 * shared out to both sides.  False, and nothing changed, if that is too far.
 */
static bool lc_leaf_refit(const struct lc_index *ix, struct lc_leaf *leaf,
			  u64 lo, u64 hi, u64 bits)
{
	unsigned int nr = lc_leaf_nr(leaf);
	u64 room, old = leaf->head;
	bool coarse;

	if (nr) {
		lo = min(lo, lc_leaf_key(ix, leaf, 0));
		hi = max(hi, lc_leaf_end(ix, leaf, nr - 1));
		bits |= lc_leaf_bits(ix, leaf, 0, nr);
	}
	coarse = !(bits & LC_COARSE_MASK);
	lo &= ~(u64)LC_COARSE_MASK;
	room = ix->layout[coarse].max_delta;
	if (hi - lo > room)
		return false;
	room = (room - (hi - lo)) / 2 & ~(u64)LC_COARSE_MASK;
	leaf->head = lc_head(lo - min(lo, room), coarse, nr);
	lc_leaf_recode(ix, leaf, 0, old, leaf->word, nr);
	return true;
}

/* ---- Finding the way ------------------------------------------------- */

/* Which child key belongs to: as many separators are not above it. */
static __always_inline unsigned int lc_inner_slot(const struct lc_inner *in,
						  u64 key)
{
	const u64 *v = in->sep;

	key++;
	v = lc_step(v, 16, key);
	v = lc_step(v, 8, key);
	v = lc_step(v, 4, key);
	v = lc_step(v, 2, key);
	v = lc_step(v, 1, key);
	return v - in->sep;
}

static __always_inline const struct lc_leaf *
lc_find_leaf(const struct lc_index *ix, u64 key)
{
	const void *node = ix->root;
	const struct lc_inner *in;
	unsigned int level;

	for (level = ix->height - 1; level; level--) {
		in = node;
		node = in->child[lc_inner_slot(in, key)];
	}
	return node;
}

static void lc_find(const struct lc_index *ix, u64 key, struct lc_path *path)
{
	struct lc_inner *in;
	void *node = ix->root;
	unsigned int level, slot;

	path->hi = LC_KEY_END;
	for (level = ix->height - 1; level; level--) {
		in = node;
		slot = lc_inner_slot(in, key);
		path->node[level] = in;
		path->slot[level] = slot;
		if (slot + 1 < in->nr)
			path->hi = in->sep[slot];
		node = in->child[slot];
	}
	path->leaf = node;
}

/* The first extent in [key, end) when none of the leaf up to i covers key. */
static noinline bool lc_lookup_after(const struct lc_index *ix,
				     const struct lc_leaf *leaf, unsigned int i,
				     u64 key, u64 end, struct lc_extent *out)
{
	struct lc_extent e;
	struct lc_path path;

	if (i == lc_leaf_nr(leaf)) {
		lc_find(ix, key, &path);
		if (path.hi >= end)
			return false;
		leaf = lc_find_leaf(ix, path.hi);
		i = 0;
	}
	lc_unpack(ix, leaf, i, &e);
	if (e.key >= end)
		return false;
	lc_extent_clip(&e, key, end);
	*out = e;
	return true;
}

bool lc_index_lookup(const struct lc_index *ix, u64 key, u64 len,
		     struct lc_extent *out)
{
	const struct lc_leaf *leaf;
	struct lc_extent e;
	unsigned int i;
	u64 off;

	if (unlikely(!ix->height || key >= LC_KEY_END || !len))
		return false;
	len = min(len, LC_KEY_END - key);
	leaf = lc_find_leaf(ix, key);
	i = lc_leaf_rank(ix, leaf, key);
	if (likely(i)) {
		lc_unpack(ix, leaf, i - 1, &e);
		off = key - e.key;
		if (likely(off < e.len)) {
			out->key = key;
			out->len = min_t(u64, e.len - off, len);
			out->kind = e.kind;
			out->loc = e.kind == LC_EXT_DATA ? e.loc + off : e.loc;
			return true;
		}
	}
	return lc_lookup_after(ix, leaf, i, key, key + len, out);
}

bool lc_index_next(const struct lc_index *ix, u64 *cursor,
		   struct lc_extent *out)
{
	if (!lc_index_lookup(ix, *cursor, LC_KEY_END, out))
		return false;
	*cursor = lc_extent_end(out);
	return true;
}

/* ---- Children of inner nodes ----------------------------------------- */

/* Put child in at slot > 0; sep goes to its left. */
static void lc_inner_insert(struct lc_inner *in, unsigned int slot, u64 sep,
			    void *child)
{
	unsigned int tail = in->nr - slot;

	memmove(&in->sep[slot], &in->sep[slot - 1], tail * sizeof(u64));
	memmove(&in->child[slot + 1], &in->child[slot], tail * sizeof(void *));
	in->sep[slot - 1] = sep;
	in->child[slot] = child;
	in->nr++;
}

/* Take a child out; its range falls to the left neighbour, else the right. */
static void lc_inner_remove(struct lc_inner *in, unsigned int slot)
{
	unsigned int sep = slot ? slot - 1 : 0;

	in->nr--;
	memmove(&in->child[slot], &in->child[slot + 1],
		(in->nr - slot) * sizeof(void *));
	if (in->nr) {
		memmove(&in->sep[sep], &in->sep[sep + 1],
			(in->nr - 1 - sep) * sizeof(u64));
		in->sep[in->nr - 1] = LC_UNUSED;
	}
}

/* Move the last n children of up's child b to the front of the next one. */
static void lc_inner_push(struct lc_inner *up, unsigned int b, unsigned int n)
{
	struct lc_inner *l = up->child[b], *r = up->child[b + 1];
	unsigned int keep = l->nr - n;

	memmove(&r->child[n], r->child, r->nr * sizeof(void *));
	memcpy(r->child, &l->child[keep], n * sizeof(void *));
	if (r->nr) {
		memmove(&r->sep[n], r->sep, (r->nr - 1) * sizeof(u64));
		r->sep[n - 1] = up->sep[b];
	}
	memcpy(r->sep, &l->sep[keep], (n - 1) * sizeof(u64));
	up->sep[b] = l->sep[keep - 1];
	memset(&l->sep[keep - 1], 0xff, n * sizeof(u64));
	l->nr -= n;
	r->nr += n;
}

/* Move the first n children of up's child b + 1 to the end of child b. */
static void lc_inner_pull(struct lc_inner *up, unsigned int b, unsigned int n)
{
	struct lc_inner *l = up->child[b], *r = up->child[b + 1];
	unsigned int keep = r->nr - n;

	l->sep[l->nr - 1] = up->sep[b];
	memcpy(&l->sep[l->nr], r->sep, (n - 1) * sizeof(u64));
	memcpy(&l->child[l->nr], r->child, n * sizeof(void *));
	l->nr += n;
	r->nr -= n;
	if (!keep)
		return;
	up->sep[b] = r->sep[n - 1];
	memmove(r->child, &r->child[n], keep * sizeof(void *));
	memmove(r->sep, &r->sep[n], (keep - 1) * sizeof(u64));
	memset(&r->sep[keep - 1], 0xff, n * sizeof(u64));
}

/* A new root above the old one. */
static void lc_grow(struct lc_index *ix)
{
	struct lc_inner *root = lc_inner_alloc(ix);

	root->child[0] = ix->root;
	root->nr = 1;
	ix->root = root;
	ix->height++;
}

/*
 * See to it that the leaf's parent has room for one more child.  False if it
 * had; otherwise the tree has changed and the path is void.
 */
static bool lc_parent_room(struct lc_index *ix, struct lc_path *path)
{
	unsigned int level = 1;
	struct lc_inner *up;

	while (level < ix->height && path->node[level]->nr == LC_INNER_MAX)
		level++;
	if (level == ix->height) {
		lc_grow(ix);
		return true;
	}
	if (level == 1)
		return false;
	up = path->node[level];
	lc_inner_insert(up, path->slot[level] + 1, LC_UNUSED, lc_inner_alloc(ix));
	lc_inner_push(up, path->slot[level], LC_INNER_MAX / 2);
	return true;
}

/* Child b of up has few children left: join it with a neighbour, or borrow. */
static void lc_inner_mend(struct lc_index *ix, struct lc_inner *up,
			  unsigned int b)
{
	unsigned int left = b ? b - 1 : 0;
	struct lc_inner *l = up->child[left], *r = up->child[left + 1];
	unsigned int half = (l->nr + r->nr) / 2;

	if (l->nr + r->nr <= LC_INNER_MAX - LC_INNER_MIN / 2) {
		lc_inner_pull(up, left, r->nr);
		lc_inner_remove(up, left + 1);
		lc_node_free(ix, r);
	} else if (l->nr < LC_INNER_MIN) {
		lc_inner_pull(up, left, half - l->nr);
	} else if (r->nr < LC_INNER_MIN) {
		lc_inner_push(up, left, half - r->nr);
	}
}

/* The leaf's parent has lost children: mend it, and its parents if need be. */
static void lc_mend(struct lc_index *ix, struct lc_path *path)
{
	struct lc_inner *root;
	unsigned int level;

	for (level = 1; level + 1 < ix->height; level++) {
		if (path->node[level]->nr >= LC_INNER_MAX / 2)
			break;
		lc_inner_mend(ix, path->node[level + 1], path->slot[level + 1]);
	}
	root = ix->root;
	if (root->nr == 1) {
		ix->root = root->child[0];
		ix->height--;
		lc_node_free(ix, root);
	}
}

/* Remove the empty ones among nr of the leaf's siblings. */
static void lc_delete_empty(struct lc_index *ix, struct lc_path *path,
			    unsigned int from, unsigned int nr)
{
	struct lc_inner *up = path->node[1];
	struct lc_leaf *leaf;

	while (nr--) {
		leaf = up->child[from + nr];
		if (lc_leaf_nr(leaf))
			continue;
		lc_inner_remove(up, from + nr);
		lc_node_free(ix, leaf);
	}
	lc_mend(ix, path);
}

/* Remove the leaf, which is empty. */
static void lc_delete(struct lc_index *ix, struct lc_path *path)
{
	if (ix->height > 1) {
		lc_delete_empty(ix, path, path->slot[1], 1);
		return;
	}
	lc_node_free(ix, path->leaf);
	ix->root = NULL;
	ix->height = 0;
}

/* ---- Neighbouring leaves --------------------------------------------- */

/*
 * Make dst able to hold src's words [from, from + nr), giving up some of them
 * if that is too far, from the end away from dst.  Returns how many it can.
 */
static unsigned int lc_leaf_admit(const struct lc_index *ix,
				  struct lc_leaf *dst, const struct lc_leaf *src,
				  unsigned int nr, bool from_front)
{
	unsigned int src_nr = lc_leaf_nr(src), at;

	nr = min(nr, LC_LEAF_MAX - lc_leaf_nr(dst));
	for (nr = min(nr, src_nr); nr; nr /= 2) {
		at = from_front ? 0 : src_nr - nr;
		if (lc_leaf_refit(ix, dst, lc_leaf_key(ix, src, at),
				  lc_leaf_end(ix, src, at + nr - 1),
				  lc_leaf_bits(ix, src, at, nr)))
			break;
	}
	return nr;
}

/* Move up to n words from the end of child b to the front of the next one. */
static void lc_leaf_push(const struct lc_index *ix, struct lc_inner *up,
			 unsigned int b, unsigned int n)
{
	struct lc_leaf *l = up->child[b], *r = up->child[b + 1];
	unsigned int keep;

	n = lc_leaf_admit(ix, r, l, n, false);
	if (!n)
		return;
	keep = lc_leaf_nr(l) - n;
	lc_leaf_splice(r, 0, 0, n);
	lc_leaf_recode(ix, r, 0, l->head, &l->word[keep], n);
	lc_leaf_splice(l, keep, n, 0);
	up->sep[b] = lc_leaf_key(ix, r, 0);
}

/* Move up to n words from the front of child b + 1 to the end of child b. */
static void lc_leaf_pull(const struct lc_index *ix, struct lc_inner *up,
			 unsigned int b, unsigned int n)
{
	struct lc_leaf *l = up->child[b], *r = up->child[b + 1];
	unsigned int at = lc_leaf_nr(l);

	n = lc_leaf_admit(ix, l, r, n, true);
	if (!n)
		return;
	lc_leaf_splice(l, at, 0, n);
	lc_leaf_recode(ix, l, at, r->head, r->word, n);
	lc_leaf_splice(r, 0, n, 0);
	/* an empty leaf is about to be filled from its right, or deleted */
	up->sep[b] = lc_leaf_nr(r) ? lc_leaf_key(ix, r, 0) :
				     lc_leaf_end(ix, l, at + n - 1);
}

static unsigned int lc_leaves_sum(const struct lc_inner *up,
				  unsigned int from, unsigned int nr)
{
	unsigned int sum = 0;

	while (nr--)
		sum += lc_leaf_nr(up->child[from++]);
	return sum;
}

/*
 * Even out leaves [from, from + nr) to the same number of words in the first
 * "full" of them and none in the rest, as far as reach allows.  Words go right
 * in a pass from the right and left in a pass from the left, so that each move
 * finds the room that the one before has made.
 */
static void lc_leaves_even(const struct lc_index *ix, struct lc_inner *up,
			   unsigned int from, unsigned int nr, unsigned int full)
{
	unsigned int total = lc_leaves_sum(up, from, nr);
	unsigned int b, have, want;

	for (b = nr - 1; b--; ) {
		have = lc_leaves_sum(up, from, b + 1);
		want = total * min(b + 1, full) / full;
		if (have > want)
			lc_leaf_push(ix, up, from + b,
				     min(have - want, lc_leaf_nr(up->child[from + b]) - 1));
	}
	for (b = 0; b < nr - 1; b++) {
		have = lc_leaves_sum(up, from, b + 1);
		want = total * min(b + 1, full) / full;
		if (have < want)
			lc_leaf_pull(ix, up, from + b, want - have);
	}
}

/* The window of up to nr children of up around slot: its first slot. */
static unsigned int lc_window(const struct lc_inner *up, unsigned int slot,
			      unsigned int *nr)
{
	unsigned int first = slot - min(slot, *nr / 2);

	*nr = min(*nr, up->nr);
	return min(first, up->nr - *nr);
}

/* The leaf is full: give words to its neighbours.  False if they are, too. */
static bool lc_spread(const struct lc_index *ix, const struct lc_path *path)
{
	unsigned int nr = LC_SPREAD_LEAVES, from;
	struct lc_inner *up;

	if (ix->height == 1)
		return false;
	up = path->node[1];
	from = lc_window(up, path->slot[1], &nr);
	if (lc_leaves_sum(up, from, nr) > nr * (LC_LEAF_MAX - LC_SPREAD_SLACK))
		return false;
	lc_leaves_even(ix, up, from, nr, nr);
	return true;
}

/*
 * Words have been removed.  Look, now and then, whether the leaf and its
 * neighbours fit into one leaf less.
 */
static void lc_gather(struct lc_index *ix, struct lc_path *path)
{
	unsigned int words = lc_leaf_nr(path->leaf);
	unsigned int nr = LC_GATHER_LEAVES, from;
	struct lc_inner *up;

	if (!words) {
		lc_delete(ix, path);
		return;
	}
	if (ix->height == 1 || words > LC_GATHER_BELOW || words % 4)
		return;
	up = path->node[1];
	from = lc_window(up, path->slot[1], &nr);
	if (lc_leaves_sum(up, from, nr) > (nr - 1) * (LC_LEAF_MAX - LC_GATHER_SLACK))
		return;
	lc_leaves_even(ix, up, from, nr, nr - 1);
	lc_delete_empty(ix, path, from, nr);
}

/* Split the leaf before word at; an empty half is for what is at key. */
static void lc_split_at(struct lc_index *ix, struct lc_path *path,
			unsigned int at, u64 key)
{
	struct lc_leaf *l = path->leaf, *r = lc_leaf_alloc(ix);
	unsigned int nr = lc_leaf_nr(l) - at;

	if (nr) {
		key = lc_leaf_key(ix, l, at);
		r->head = lc_head(lc_leaf_base(l), lc_head_coarse(l->head), nr);
		memcpy(r->word, &l->word[at], nr * sizeof(u64));
		lc_leaf_splice(l, at, nr, 0);
	}
	lc_inner_insert(path->node[1], path->slot[1] + 1, key, r);
}

/* The leaf and its neighbours are full: one leaf more, and spread over it. */
static void lc_split_full(struct lc_index *ix, struct lc_path *path,
			  const struct lc_edit *ed)
{
	struct lc_inner *up = path->node[1];
	unsigned int slot = path->slot[1], nr = LC_SPREAD_LEAVES, from;

	if ((slot == up->nr - 1 && ed->first == LC_LEAF_MAX) ||
	    (slot == 0 && ed->last == 0)) {
		/* growing at one end, as a sequential writer does */
		lc_split_at(ix, path, ed->first, ed->lo);
		return;
	}
	from = lc_window(up, slot, &nr);
	lc_split_at(ix, path, LC_LEAF_MAX / 2, 0);
	lc_leaves_even(ix, up, from, nr + 1, nr + 1);
}

/* Change the tree so that the edit comes closer to fitting; voids the path. */
static void lc_make_room(struct lc_index *ix, struct lc_path *path,
			 const struct lc_edit *ed, bool again)
{
	unsigned int nr = lc_leaf_nr(path->leaf);
	unsigned int at;
	bool full = nr + ed->parts > LC_LEAF_MAX + ed->last - ed->first;

	if (full ? !again && lc_spread(ix, path) :
		   lc_leaf_refit(ix, path->leaf, ed->lo, ed->hi, ed->bits))
		return;
	if (lc_parent_room(ix, path))
		return;
	if (full) {
		lc_split_full(ix, path, ed);
		return;
	}
	if (ed->first)
		at = ed->first;
	else if (ed->last < nr)
		at = ed->last;
	else
		at = ed->last - 1;
	lc_split_at(ix, path, at, ed->lo);
}

/*
 * Move the separator right of the leaf up to where the next leaf starts, which
 * the caller knows to be at least at end.
 */
static void lc_widen(const struct lc_index *ix, struct lc_path *path)
{
	const struct lc_leaf *next = lc_find_leaf(ix, path->hi);
	unsigned int level = 1;

	while (path->slot[level] + 1 == path->node[level]->nr)
		level++;
	path->hi = lc_leaf_key(ix, next, 0);
	path->node[level]->sep[path->slot[level]] = path->hi;
}

/* ---- Edits ----------------------------------------------------------- */

/*
 * Describe the removal of [from, to) from the leaf.
 *
 *	from      to
 *	 |=========|
 *    |-----|  |-----|      LEFT and RIGHT stay, both shortened
 *    |--------------|      one extent becomes two
 *	  |---|             nothing stays
 */
static void lc_edit_clear(const struct lc_index *ix, const struct lc_leaf *leaf,
			  u64 from, u64 to, struct lc_edit *ed)
{
	struct lc_extent e;
	unsigned int i = lc_leaf_rank(ix, leaf, from);

	ed->from = from;
	ed->to = to;
	ed->part[LC_LEFT].len = 0;
	ed->part[LC_NEW].len = 0;
	ed->part[LC_RIGHT].len = 0;
	ed->last = lc_leaf_rank(ix, leaf, to - 1);
	if (i) {
		lc_unpack(ix, leaf, i - 1, &e);
		if (lc_extent_end(&e) > from)
			i--;
		if (lc_extent_end(&e) > from && e.key < from) {
			ed->part[LC_LEFT] = e;
			lc_extent_clip(&ed->part[LC_LEFT], e.key, from);
		}
	}
	ed->first = i;
	if (i < ed->last) {
		lc_unpack(ix, leaf, ed->last - 1, &e);
		if (lc_extent_end(&e) > to) {
			ed->part[LC_RIGHT] = e;
			lc_extent_clip(&ed->part[LC_RIGHT], to, lc_extent_end(&e));
		}
	}
	ed->cut = ed->first;
	ed->cut_end = ed->last;
}

/* Add a new extent to the edit that clears its range, joined with neighbours. */
static void lc_edit_add(const struct lc_index *ix, const struct lc_leaf *leaf,
			const struct lc_extent *e, struct lc_edit *ed)
{
	struct lc_extent *part = ed->part, *new = &part[LC_NEW];
	struct lc_extent side;

	*new = *e;
	if (part[LC_LEFT].len) {
		if (lc_join(ix, &part[LC_LEFT], new, new))
			part[LC_LEFT].len = 0;
	} else if (ed->first) {
		lc_unpack(ix, leaf, ed->first - 1, &side);
		ed->first -= lc_join(ix, &side, new, new);
	}
	if (part[LC_RIGHT].len) {
		if (lc_join(ix, new, &part[LC_RIGHT], new))
			part[LC_RIGHT].len = 0;
	} else if (ed->last < lc_leaf_nr(leaf)) {
		lc_unpack(ix, leaf, ed->last, &side);
		ed->last += lc_join(ix, new, &side, new);
	}
}

/* Can the leaf take the edit as it is? */
static bool lc_edit_fits(const struct lc_index *ix, const struct lc_leaf *leaf,
			 struct lc_edit *ed)
{
	const struct lc_index_layout *lay = lc_layout(ix, leaf->head);
	const struct lc_extent *e;

	ed->parts = 0;
	ed->lo = LC_KEY_END;
	ed->hi = 0;
	ed->bits = 0;
	for (e = ed->part; e < ed->part + LC_PARTS; e++) {
		if (!e->len)
			continue;
		ed->parts++;
		ed->lo = min(ed->lo, e->key);
		ed->hi = lc_extent_end(e);
		ed->bits |= lc_align_bits(e);
	}
	return !ed->parts ||
	       (lc_leaf_nr(leaf) + ed->parts <= LC_LEAF_MAX + ed->last - ed->first &&
		ed->lo >= lc_leaf_base(leaf) &&
		ed->hi - lc_leaf_base(leaf) <= lay->max_delta &&
		!(ed->bits & ((1u << lay->unit) - 1)));
}

/* Report what the edit cuts away, then carry it out. */
static void lc_edit_apply(struct lc_index *ix, struct lc_leaf *leaf,
			  const struct lc_edit *ed,
			  lc_index_drop_fn drop, void *ctx)
{
	const struct lc_index_layout *lay = lc_layout(ix, leaf->head);
	unsigned int i, old = ed->last - ed->first;
	struct lc_extent e;

	for (i = ed->cut; i < ed->cut_end; i++) {
		lc_unpack(ix, leaf, i, &e);
		lc_extent_clip(&e, max(e.key, ed->from), ed->to);
		ix->sectors -= e.len;
		if (drop)
			drop(ctx, &e);
	}
	lc_leaf_splice(leaf, ed->first, old, ed->parts);
	i = ed->first;
	for (unsigned int p = 0; p < LC_PARTS; p++)
		if (ed->part[p].len)
			leaf->word[i++] = lc_pack(lay, lc_leaf_base(leaf), &ed->part[p]);
	ix->extents += ed->parts;
	ix->extents -= old;
}

/* ---- Changing the map ------------------------------------------------ */

/* Unmap [from, to), one leaf at a time. */
static void lc_clear(struct lc_index *ix, u64 from, u64 to,
		     lc_index_drop_fn drop, void *ctx)
{
	struct lc_edit ed;
	struct lc_path path;
	bool again = false;

	while (from < to && ix->height) {
		lc_find(ix, from, &path);
		lc_edit_clear(ix, path.leaf, from, min(to, path.hi), &ed);
		if (!lc_edit_fits(ix, path.leaf, &ed)) {
			lc_make_room(ix, &path, &ed, again);
			again = true;
			continue;
		}
		if (ed.first != ed.last) {
			lc_edit_apply(ix, path.leaf, &ed, drop, ctx);
			lc_gather(ix, &path);
		}
		from = ed.to;
		again = false;
	}
}

/* Map e, whose range is known to be unmapped. */
static void lc_put(struct lc_index *ix, const struct lc_extent *e)
{
	struct lc_edit ed;
	struct lc_path path;
	bool again = false;

	if (!ix->height) {
		ix->root = lc_leaf_alloc(ix);
		ix->height = 1;
	}
	for (;;) {
		lc_find(ix, e->key, &path);
		if (path.hi < lc_extent_end(e))
			lc_widen(ix, &path);
		lc_edit_clear(ix, path.leaf, e->key, lc_extent_end(e), &ed);
		lc_edit_add(ix, path.leaf, e, &ed);
		if (lc_edit_fits(ix, path.leaf, &ed))
			break;
		lc_make_room(ix, &path, &ed, again);
		again = true;
	}
	lc_edit_apply(ix, path.leaf, &ed, NULL, NULL);
	ix->sectors += e->len;
}

/* The common case: everything happens in one leaf, which has room. */
static bool lc_overwrite_in_leaf(struct lc_index *ix, const struct lc_extent *e,
				 lc_index_drop_fn drop, void *ctx)
{
	struct lc_edit ed;
	struct lc_path path;

	if (!ix->height)
		return false;
	lc_find(ix, e->key, &path);
	if (path.hi < lc_extent_end(e))
		return false;
	lc_edit_clear(ix, path.leaf, e->key, lc_extent_end(e), &ed);
	lc_edit_add(ix, path.leaf, e, &ed);
	if (!lc_edit_fits(ix, path.leaf, &ed))
		return false;
	lc_edit_apply(ix, path.leaf, &ed, drop, ctx);
	ix->sectors += e->len;
	if (ed.parts < ed.last - ed.first)
		lc_gather(ix, &path);
	return true;
}

/* A copy of e as it comes out again: a hole names a segment, not a sector. */
static struct lc_extent lc_normal(const struct lc_index *ix,
				  const struct lc_extent *e)
{
	struct lc_extent n = *e;

	if (n.kind != LC_EXT_DATA)
		n.loc = lc_segment(ix, n.loc) << ix->seg_shift;
	return n;
}

int lc_index_insert(struct lc_index *ix, const struct lc_extent *e,
		    lc_index_drop_fn drop, void *ctx)
{
	struct lc_extent n;

	if (WARN_ON_ONCE(!lc_valid(ix, e)))
		return -EINVAL;
	if (ix->spare_nr < lc_index_need(ix))
		return -ENOSPC;
	n = lc_normal(ix, e);
	if (!lc_overwrite_in_leaf(ix, &n, drop, ctx)) {
		lc_clear(ix, n.key, lc_extent_end(&n), drop, ctx);
		lc_put(ix, &n);
	}
	return 0;
}

int lc_index_remove(struct lc_index *ix, u64 key, u64 len,
		    lc_index_drop_fn drop, void *ctx)
{
	if (ix->spare_nr < lc_index_need(ix))
		return -ENOSPC;
	if (key < LC_KEY_END)
		lc_clear(ix, key, key + min(len, LC_KEY_END - key), drop, ctx);
	return 0;
}

int lc_index_remove_at(struct lc_index *ix, u64 key, u64 len, u64 loc, u8 kind,
		       lc_index_drop_fn drop, void *ctx)
{
	struct lc_extent e;
	u64 at = key, end;

	if (ix->spare_nr < lc_index_need(ix))
		return -ENOSPC;
	end = key + min(len, LC_KEY_END - min(key, LC_KEY_END));
	while (at < end && lc_index_lookup(ix, at, end - at, &e)) {
		at = lc_extent_end(&e);
		if (e.kind != kind)
			continue;
		if (kind == LC_EXT_DATA ? e.loc - e.key == loc - key :
		    lc_segment(ix, e.loc) == lc_segment(ix, loc))
			lc_clear(ix, e.key, at, drop, ctx);
	}
	return 0;
}

int lc_index_insert_holes(struct lc_index *ix, const struct lc_extent *e,
			  lc_index_drop_fn added, void *ctx)
{
	u64 at = e->key, end = lc_extent_end(e);
	struct lc_extent mapped, gap;

	if (WARN_ON_ONCE(!lc_valid(ix, e)))
		return -EINVAL;
	while (at < end) {
		if (!lc_index_lookup(ix, at, end - at, &mapped)) {
			mapped.key = end;
			mapped.len = 0;
		}
		if (at < mapped.key) {
			if (ix->spare_nr < lc_index_need(ix))
				break;
			gap = lc_normal(ix, e);
			lc_extent_clip(&gap, at, mapped.key);
			lc_put(ix, &gap);
			if (added)
				added(ctx, &gap);
		}
		at = lc_extent_end(&mapped);
	}
	return at - e->key;
}

/* ---- Life of an index ------------------------------------------------ */

static void lc_layout_init(struct lc_index_layout *lay, unsigned int loc_bits,
			   unsigned int unit)
{
	lay->unit = unit;
	lay->loc_mask = (1ULL << (loc_bits - unit)) - 1;
	lay->loc_at = LC_KIND_BITS + LC_DATA_BITS - unit;
	lay->delta_at = lay->loc_at + loc_bits - unit;
	lay->max_delta = ((1ULL << (64 - lay->delta_at)) - 2) << unit;
}

void lc_index_init(struct lc_index *ix, const struct lc_index_geo *geo)
{
	unsigned int seg = geo->seg_shift, loc = geo->loc_bits;

	WARN_ON_ONCE(seg < LC_INDEX_SEG_SHIFT_MIN || seg > loc ||
		     loc > LC_INDEX_LOC_BITS_MAX || geo->stripe_shift > 63);
	memset(ix, 0, sizeof(*ix));
	ix->seg_shift = clamp_t(unsigned int, seg, LC_INDEX_SEG_SHIFT_MIN,
				LC_INDEX_LOC_BITS_MAX);
	ix->loc_bits = clamp_t(unsigned int, loc, ix->seg_shift,
			       LC_INDEX_LOC_BITS_MAX);
	ix->stripe_shift = min_t(unsigned int, geo->stripe_shift, 63);
	lc_layout_init(&ix->layout[0], ix->loc_bits, 0);
	lc_layout_init(&ix->layout[1], ix->loc_bits, LC_COARSE);
}

void lc_index_clear(struct lc_index *ix)
{
	struct lc_path path = {};

	while (ix->height) {
		lc_find(ix, 0, &path);
		path.leaf->head = 0;
		lc_delete(ix, &path);
	}
	ix->extents = 0;
	ix->sectors = 0;
}

/* ---- Self-check ------------------------------------------------------ */

static int lc_bad(u64 key, const char *what)
{
	pr_err("logcache: index damaged near key %llu: %s\n", key, what);
	return -EUCLEAN;
}

/* One node on the way to key: its separators ascend inside (lo, hi). */
static int lc_check_inner(const struct lc_index *ix, const struct lc_inner *in,
			  unsigned int level, u64 lo, u64 hi)
{
	unsigned int least = level + 1 < ix->height ? LC_INNER_MIN : 2;
	unsigned int i;

	if (in->nr < least || in->nr > LC_INNER_MAX)
		return lc_bad(lo, "number of children");
	for (i = 0; i < LC_INNER_MAX - 1; i++) {
		if (i >= in->nr - 1) {
			if (in->sep[i] != LC_UNUSED)
				return lc_bad(lo, "unused separator is set");
			continue;
		}
		if (in->sep[i] <= lo || in->sep[i] >= hi)
			return lc_bad(lo, "separator out of order");
		lo = in->sep[i];
	}
	return 0;
}

/* Walk down to key; how many nodes are met for the first time goes to *nodes. */
static int lc_check_path(const struct lc_index *ix, u64 key, u64 *hi,
			 const struct lc_leaf **leaf, unsigned int *nodes)
{
	const struct lc_inner *in;
	const void *node = ix->root;
	unsigned int level, slot;
	u64 lo = 0;
	int err;

	*hi = LC_KEY_END;
	for (level = ix->height - 1; level; level--) {
		in = node;
		err = lc_check_inner(ix, in, level, lo, *hi);
		if (err)
			return err;
		*nodes += key == lo;
		slot = lc_inner_slot(in, key);
		if (slot)
			lo = in->sep[slot - 1];
		if (slot + 1 < in->nr)
			*hi = in->sep[slot];
		node = in->child[slot];
	}
	*nodes += 1;
	*leaf = node;
	return lo == key ? 0 : lc_bad(key, "leaf does not start at separator");
}

static int lc_check_leaf(const struct lc_index *ix, const struct lc_leaf *leaf,
			 u64 lo, u64 hi, u64 *extents, u64 *sectors)
{
	u64 reach = lc_leaf_base(leaf) + lc_layout(ix, leaf->head)->max_delta;
	unsigned int i, nr = lc_leaf_nr(leaf);
	struct lc_extent e;

	if (!nr || nr > LC_LEAF_MAX || lc_leaf_base(leaf) & LC_COARSE_MASK)
		return lc_bad(lo, "head of a leaf");
	for (i = 0; i < nr; i++) {
		lc_unpack(ix, leaf, i, &e);
		if (!lc_valid(ix, &e))
			return lc_bad(lo, "invalid extent");
		if (e.key < lo || lc_extent_end(&e) > min(hi, reach))
			return lc_bad(e.key, "extent out of place");
		lo = lc_extent_end(&e);
		*sectors += e.len;
	}
	*extents += nr;
	for (; i < LC_LEAF_MAX; i++)
		if (leaf->word[i] != LC_UNUSED)
			return lc_bad(lo, "unused word is set");
	return 0;
}

static int lc_check_spare(const struct lc_index *ix)
{
	unsigned int nr = 0;
	void *node;

	for (node = ix->spare; node && nr <= ix->spare_nr; node = *(void **)node)
		nr++;
	return nr == ix->spare_nr ? 0 : lc_bad(0, "number of spare nodes");
}

int lc_index_check(const struct lc_index *ix)
{
	const struct lc_leaf *leaf;
	u64 key = 0, hi, extents = 0, sectors = 0;
	unsigned int nodes = 0;
	int err;

	if (ix->height > LC_INDEX_HEIGHT_MAX || !ix->height != !ix->root)
		return lc_bad(0, "height");
	for (; ix->height && key < LC_KEY_END; key = hi) {
		err = lc_check_path(ix, key, &hi, &leaf, &nodes);
		if (!err)
			err = lc_check_leaf(ix, leaf, key, hi, &extents, &sectors);
		if (err)
			return err;
	}
	if (nodes != ix->nodes)
		return lc_bad(0, "number of nodes");
	if (extents != ix->extents || sectors != ix->sectors)
		return lc_bad(0, "number of extents or sectors");
	return lc_check_spare(ix);
}
