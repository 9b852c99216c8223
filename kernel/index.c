// SPDX-License-Identifier: GPL-2.0
/*
 * A B+tree of extents, packed as index_leaf.h describes.
 *
 * An inner node has up to 31 children, each with the lowest key that belongs
 * below it; that of the first is the node's own, which its parent knows better,
 * so it is not kept up to date.  Extents do not cross these lines: whoever needs
 * to, moves the line first (lc_widen).  A lookup therefore never has to look at
 * two leaves to find what covers a key.
 *
 * To change something, describe it as an edit of one leaf.  If the leaf cannot
 * take the edit, change the tree a little (lc_make_room) and start again from
 * the root; every such step brings the edit closer to fitting:
 *
 *	out of words	share with up to 4 neighbours, else 5 leaves become 6
 *	out of reach	move the base or change the layout, else split the leaf
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
#include "index_leaf.h"

#define LC_INNER_MAX	31u		/* children */
#define LC_INNER_MIN	8u		/* except in the root */
#define LC_KEY_END	BIT_ULL(LC_INDEX_KEY_BITS)

/*
 * How many neighbours share what one leaf has too much of, or make room for one
 * less of them; and the free words that must be left to each for that.
 */
#define LC_WINDOW		5u
#define LC_SLACK		4u
#define LC_GATHER_BELOW		52u	/* words, for it to be worth a look */

struct lc_inner {
	u32 nr;
	struct lc_child {
		u64 key;		/* LC_UNUSED from nr on */
		void *node;
	} child[LC_INNER_MAX];
	u64 stop;			/* LC_UNUSED: a key for child[LC_INNER_MAX] */
};

static_assert(sizeof(struct lc_inner) <= LC_INDEX_NODE_SIZE);

/* The way from the root to a leaf, which is level 0. */
struct lc_path {
	struct lc_leaf *leaf;
	u64 hi;				/* first key that is not the leaf's */
	struct lc_inner *node[LC_INDEX_HEIGHT_MAX];
	const struct lc_child *child[LC_INDEX_HEIGHT_MAX];	/* of node */
};

enum { LC_LEFT, LC_NEW, LC_RIGHT, LC_PARTS };

/*
 * What is to become of one leaf: words [first, last) make way for up to three
 * parts, those in the mask "have".
 *
 *	              from        to
 *	                |=========|		the range that is written
 *	 |--A--|   |--B--| |-C-| |--D--|  |--E--|
 *
 *	           |LEFT|         |RIGHT|	what sticks out of B and D stays
 *	                |== NEW ==|		takes the place between them
 *
 * Words [cut, cut_end) are B, C and D: this is what has to be reported.  NEW
 * swallows LEFT and RIGHT if it continues them or, where nothing sticks out, A
 * and E, which is how first and last get outside of the cut.
 */
struct lc_edit {
	u8 first, last;
	u8 cut, cut_end;
	u8 have;
	u8 parts;			/* how many */
	u64 from, to;
	struct lc_extent part[LC_PARTS];
	u64 lo, hi, form;		/* of all parts, see lc_leaf_refit() */
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
 * At worst an overwrite cuts two extents whose leaves then reach too far: each
 * is split off before and after, the second having nothing before it.  Another
 * three leaves go to the new extent, if it finds the leaf full and, when that is
 * split, still out of reach on both sides.  Their parents can be two chains of
 * full nodes that meet in the root, which gets a new one above it.
 */
unsigned int lc_index_need(const struct lc_index *ix)
{
	return 2u * ix->height + 6;
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

	lc_leaf_init(leaf);
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

static u64 lc_seg_start(const struct lc_index *ix, u64 loc)
{
	return loc >> ix->seg_shift << ix->seg_shift;
}

static u32 lc_max_len(u8 kind)
{
	return kind == LC_EXT_DATA ? LC_EXT_MAX_DATA : LC_EXT_MAX_HOLE;
}

/* What loc advances by over the extent. */
static u32 lc_step_len(const struct lc_extent *e)
{
	return e->kind == LC_EXT_DATA ? e->len : 0;
}

/* Is there no stripe line between the keys, no segment line between the locs? */
static bool lc_same_line(const struct lc_index *ix, u64 key, u64 key2, u64 loc,
			 u64 loc2)
{
	return !((key ^ key2) >> ix->stripe_shift | (loc ^ loc2) >> ix->seg_shift);
}

static bool lc_valid(const struct lc_index *ix, const struct lc_extent *e)
{
	u64 last = e->key + e->len - 1;
	u64 last_loc = e->loc + (e->kind == LC_EXT_DATA ? e->len - 1 : 0);

	return e->kind <= LC_EXT_DISCARD && e->len - 1 < lc_max_len(e->kind) &&
	       !(e->key >> LC_INDEX_KEY_BITS | e->loc >> ix->loc_bits) &&
	       lc_same_line(ix, e->key, last, e->loc, last_loc);
}

/* If b continues a, make *sum the two of them; sum may be a or b. */
static bool lc_join(const struct lc_index *ix, const struct lc_extent *a,
		    const struct lc_extent *b, struct lc_extent *sum)
{
	u32 len = a->len + b->len;

	if (lc_extent_end(a) != b->key || a->kind != b->kind ||
	    a->loc + lc_step_len(a) != b->loc || len > lc_max_len(a->kind) ||
	    !lc_same_line(ix, a->key, b->key, a->loc, b->loc))
		return false;
	*sum = *a;
	sum->len = len;
	return true;
}

/* ---- Finding the way ------------------------------------------------- */

/* One step of a search for the last child whose key is not above key. */
static __always_inline const struct lc_child *
lc_child_step(const struct lc_child *c, size_t step, u64 key)
{
	const struct lc_child *up = c + step;

	OPTIMIZER_HIDE_VAR(up);
	return up->key <= key ? up : c;
}

static __always_inline const struct lc_child *
lc_inner_seek(const struct lc_inner *in, u64 key)
{
	const struct lc_child *c = in->child;

	OPTIMIZER_HIDE_VAR(c);
	c = lc_child_step(c, 16, key);
	c = lc_child_step(c, 8, key);
	c = lc_child_step(c, 4, key);
	c = lc_child_step(c, 2, key);
	return lc_child_step(c, 1, key);
}

static __always_inline const struct lc_leaf *
lc_find_leaf(const struct lc_index *ix, u64 key)
{
	const void *node = ix->root;
	unsigned int level;

	for (level = ix->height - 1; level; level--)
		node = lc_inner_seek(node, key)->node;
	return node;
}

static void lc_find(const struct lc_index *ix, u64 key, struct lc_path *path)
{
	const struct lc_child *c;
	struct lc_inner *in;
	void *node = ix->root;
	unsigned int level;

	path->hi = LC_KEY_END;
	for (level = ix->height - 1; level; level--) {
		in = node;
		c = lc_inner_seek(in, key);
		path->node[level] = in;
		path->child[level] = c;
		path->hi = min(path->hi, c[1].key);
		node = c->node;
	}
	path->leaf = node;
}

/* The first extent in [key, key + len) when none of the leaf up to i is. */
static noinline bool lc_lookup_after(const struct lc_index *ix,
				     const struct lc_leaf *leaf, unsigned int i,
				     u64 key, u64 len, struct lc_extent *out)
{
	struct lc_extent e;
	struct lc_path path;
	u64 end;

	if (key >= LC_KEY_END)
		return false;
	end = key + min(len, LC_KEY_END - key);
	if (i == lc_leaf_nr(leaf)) {
		lc_find(ix, key, &path);
		if (path.hi >= end)
			return false;
		leaf = lc_find_leaf(ix, path.hi);
		i = 0;
	}
	lc_leaf_get(ix, leaf, i, &e);
	if (e.key >= end)
		return false;
	lc_extent_clip(&e, key, end);
	*out = e;
	return true;
}

bool lc_index_lookup(const struct lc_index *ix, u64 key, u64 len,
		     struct lc_extent *out)
{
	const struct lc_index_layout *lay;
	const struct lc_leaf *leaf;
	struct lc_extent e;
	const u64 *word;
	u64 off;

	if (unlikely(!ix->height || !len))
		return false;
	leaf = lc_find_leaf(ix, key);
	lay = lc_leaf_layout(ix, leaf);
	OPTIMIZER_HIDE_VAR(lay);	/* or it is computed for each field */
	word = lc_leaf_seek(lay, leaf, key);
	if (likely(word != &leaf->head)) {
		lc_word_unpack(lay, lc_leaf_base(leaf), *word, &e);
		off = key - e.key;
		if (likely(off < e.len)) {
			out->key = key;
			out->len = min_t(u64, e.len - off, len);
			out->kind = e.kind;
			out->loc = e.loc + (e.kind == LC_EXT_DATA ? off : 0);
			return true;
		}
	}
	return lc_lookup_after(ix, leaf, word - &leaf->head, key, len, out);
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

static unsigned int lc_slot(const struct lc_path *path, unsigned int level)
{
	return path->child[level] - path->node[level]->child;
}

static struct lc_leaf *lc_leaf_child(const struct lc_inner *in, unsigned int i)
{
	return in->child[i].node;
}

/* Put a node in at slot > 0. */
static void lc_inner_insert(struct lc_inner *in, unsigned int slot, u64 key,
			    void *node)
{
	struct lc_child *c = &in->child[slot];

	memmove(c + 1, c, (in->nr - slot) * sizeof(*c));
	c->key = key;
	c->node = node;
	in->nr++;
}

/* Take children out; their range falls to what is left of them, else right. */
static void lc_inner_remove(struct lc_inner *in, unsigned int slot,
			    unsigned int nr)
{
	struct lc_child *c = &in->child[slot];

	in->nr -= nr;
	memmove(c, c + nr, (in->nr - slot) * sizeof(*c));
	memset(&in->child[in->nr], 0xff, nr * sizeof(*c));
}

/* Move the last n children of up's child b to the front of the next one. */
static void lc_inner_push(struct lc_inner *up, unsigned int b, unsigned int n)
{
	struct lc_inner *l = up->child[b].node, *r = up->child[b + 1].node;

	r->child[0].key = up->child[b + 1].key;
	memmove(&r->child[n], r->child, r->nr * sizeof(*r->child));
	memcpy(r->child, &l->child[l->nr - n], n * sizeof(*r->child));
	r->nr += n;
	lc_inner_remove(l, l->nr - n, n);
	up->child[b + 1].key = r->child[0].key;
}

/* Move the first n children of up's child b + 1 to the end of child b. */
static void lc_inner_pull(struct lc_inner *up, unsigned int b, unsigned int n)
{
	struct lc_inner *l = up->child[b].node, *r = up->child[b + 1].node;

	r->child[0].key = up->child[b + 1].key;
	memcpy(&l->child[l->nr], r->child, n * sizeof(*l->child));
	l->nr += n;
	lc_inner_remove(r, 0, n);
	up->child[b + 1].key = r->child[0].key;
}

/* A new root above the old one. */
static void lc_grow(struct lc_index *ix)
{
	struct lc_inner *root = lc_inner_alloc(ix);

	root->child[0].key = 0;
	root->child[0].node = ix->root;
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
	lc_inner_insert(up, lc_slot(path, level) + 1, 0, lc_inner_alloc(ix));
	lc_inner_push(up, lc_slot(path, level), LC_INNER_MAX / 2);
	return true;
}

/* Child b of up has few children left: join it with a neighbour, or borrow. */
static void lc_inner_mend(struct lc_index *ix, struct lc_inner *up,
			  unsigned int b)
{
	unsigned int left = b ? b - 1 : 0;
	struct lc_inner *l = up->child[left].node, *r = up->child[left + 1].node;
	unsigned int half = (l->nr + r->nr) / 2;

	if (l->nr + r->nr <= LC_INNER_MAX - LC_INNER_MIN / 2) {
		lc_inner_pull(up, left, r->nr);
		lc_inner_remove(up, left + 1, 1);
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
		lc_inner_mend(ix, path->node[level + 1], lc_slot(path, level + 1));
	}
	root = ix->root;
	if (root->nr == 1) {
		ix->root = root->child[0].node;
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
		leaf = lc_leaf_child(up, from + nr);
		if (lc_leaf_nr(leaf))
			continue;
		lc_inner_remove(up, from + nr, 1);
		lc_node_free(ix, leaf);
	}
	lc_mend(ix, path);
}

/* Remove the leaf, which is empty. */
static void lc_delete(struct lc_index *ix, struct lc_path *path)
{
	if (ix->height > 1) {
		lc_delete_empty(ix, path, lc_slot(path, 1), 1);
		return;
	}
	lc_node_free(ix, path->leaf);
	ix->root = NULL;
	ix->height = 0;
}

/* ---- Neighbouring leaves --------------------------------------------- */

/* Move up to n words of child b to the next one, and the line along. */
static void lc_push(const struct lc_index *ix, struct lc_inner *up,
		    unsigned int b, unsigned int n)
{
	struct lc_leaf *r = lc_leaf_child(up, b + 1);

	if (lc_leaf_push(ix, lc_leaf_child(up, b), r, n))
		up->child[b + 1].key = lc_leaf_key(ix, r, 0);
}

/*
 * Move up to n words of child b + 1 to child b, and the line along.  If none
 * are left it is about to be filled from its right, or deleted.
 */
static void lc_pull(const struct lc_index *ix, struct lc_inner *up,
		    unsigned int b, unsigned int n)
{
	struct lc_leaf *l = lc_leaf_child(up, b), *r = lc_leaf_child(up, b + 1);

	if (lc_leaf_pull(ix, l, r, n))
		up->child[b + 1].key = lc_leaf_nr(r) ?
			lc_leaf_key(ix, r, 0) :
			lc_leaf_end(ix, l, lc_leaf_nr(l) - 1);
}

static unsigned int lc_leaves_sum(const struct lc_inner *up,
				  unsigned int from, unsigned int nr)
{
	unsigned int sum = 0;

	while (nr--)
		sum += lc_leaf_nr(lc_leaf_child(up, from++));
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
	unsigned int b, have, want, last;

	for (b = nr - 1; b--; ) {
		have = lc_leaves_sum(up, from, b + 1);
		want = total * min(b + 1, full) / full;
		last = lc_leaf_nr(lc_leaf_child(up, from + b));
		if (have > want && last)
			lc_push(ix, up, from + b, min(have - want, last - 1));
	}
	for (b = 0; b < nr - 1; b++) {
		have = lc_leaves_sum(up, from, b + 1);
		want = total * min(b + 1, full) / full;
		if (have < want)
			lc_pull(ix, up, from + b, want - have);
	}
}

/* The leaf and its neighbours, as many as there are: the first, and how many. */
static unsigned int lc_window(const struct lc_path *path, unsigned int *nr)
{
	const struct lc_inner *up = path->node[1];
	unsigned int slot = lc_slot(path, 1);

	*nr = min(LC_WINDOW, up->nr);
	return min(slot - min(slot, LC_WINDOW / 2), up->nr - *nr);
}

/* The leaf is full: give words to its neighbours.  False if they are, too. */
static bool lc_spread(const struct lc_index *ix, const struct lc_path *path)
{
	unsigned int nr, from;
	struct lc_inner *up;

	if (ix->height == 1)
		return false;
	up = path->node[1];
	from = lc_window(path, &nr);
	if (lc_leaves_sum(up, from, nr) > nr * (LC_LEAF_MAX - LC_SLACK))
		return false;
	lc_leaves_even(ix, up, from, nr, nr);
	return true;
}

/* With this many words left, is the leaf to be deleted, or to be gathered? */
static bool lc_gather_due(unsigned int words)
{
	return !words || (words <= LC_GATHER_BELOW && words % 4 == 0);
}

/*
 * Words have been removed.  Look, now and then, whether the leaf and its
 * neighbours fit into one leaf less.
 */
static void lc_gather(struct lc_index *ix, struct lc_path *path)
{
	unsigned int words = lc_leaf_nr(path->leaf);
	unsigned int nr, from;
	struct lc_inner *up;

	if (!lc_gather_due(words))
		return;
	if (!words) {
		lc_delete(ix, path);
		return;
	}
	if (ix->height == 1)
		return;
	up = path->node[1];
	from = lc_window(path, &nr);
	if (lc_leaves_sum(up, from, nr) > (nr - 1) * (LC_LEAF_MAX - LC_SLACK))
		return;
	lc_leaves_even(ix, up, from, nr, nr - 1);
	lc_delete_empty(ix, path, from, nr);
}

/* Split the leaf before word at; an empty half is for what is at key. */
static void lc_split_at(struct lc_index *ix, struct lc_path *path,
			unsigned int at, u64 key)
{
	struct lc_leaf *l = path->leaf, *r = lc_leaf_alloc(ix);

	if (at < lc_leaf_nr(l)) {
		key = lc_leaf_key(ix, l, at);
		lc_leaf_split(l, r, at);
	}
	lc_inner_insert(path->node[1], lc_slot(path, 1) + 1, key, r);
}

/* The leaf and its neighbours are full: one leaf more, and spread over it. */
static void lc_split_full(struct lc_index *ix, struct lc_path *path)
{
	struct lc_inner *up = path->node[1];
	unsigned int nr, from;

	from = lc_window(path, &nr);
	lc_split_at(ix, path, LC_LEAF_MAX / 2, 0);
	lc_leaves_even(ix, up, from, nr + 1, nr + 1);
}

/*
 * The leaf is full and will grow at one end.  A stream of ascending or
 * descending keys does that time and again, so leave behind a leaf that is full
 * instead of making room where nothing will come any more.
 */
static bool lc_at_end(const struct lc_edit *ed)
{
	return ed->first == LC_LEAF_MAX || !ed->last;
}

/* Change the tree so that the edit comes closer to fitting; voids the path. */
static void lc_make_room(struct lc_index *ix, struct lc_path *path,
			 const struct lc_edit *ed, bool again)
{
	unsigned int nr = lc_leaf_nr(path->leaf);
	bool full = nr + ed->parts > LC_LEAF_MAX + ed->last - ed->first;
	bool split = !full || lc_at_end(ed);

	if (full ? !split && !again && lc_spread(ix, path) :
		   lc_leaf_refit(ix, path->leaf, ed->lo, ed->hi, ed->form))
		return;
	if (lc_parent_room(ix, path))
		return;
	if (split)
		lc_split_at(ix, path, ed->first ? ed->first : ed->last, ed->lo);
	else
		lc_split_full(ix, path);
}

/*
 * Move the line right of the leaf up to where the extents of the next leaf
 * start, so that one that has been found to fit in between may cross the line.
 */
static noinline void lc_widen(const struct lc_index *ix, struct lc_path *path)
{
	const struct lc_leaf *next = lc_find_leaf(ix, path->hi);
	unsigned int level = 1;

	while (lc_slot(path, level) + 1 == path->node[level]->nr)
		level++;
	path->hi = lc_leaf_key(ix, next, 0);
	path->node[level]->child[lc_slot(path, level) + 1].key = path->hi;
}

/* ---- Edits ----------------------------------------------------------- */

/*
 * Describe the removal of [from, to) from the leaf.  LEFT is left behind with
 * a length but not in the mask if it is a neighbour that is not cut.
 */
static void lc_edit_clear(const struct lc_index *ix, const struct lc_leaf *leaf,
			  u64 from, u64 to, struct lc_edit *ed)
{
	struct lc_extent *l = &ed->part[LC_LEFT], *r = &ed->part[LC_RIGHT];
	unsigned int i = lc_leaf_rank(ix, leaf, from);
	unsigned int first = i, last = i;
	u64 end;

	ed->from = from;
	ed->to = to;
	ed->have = 0;
	l->len = 0;
	if (i < lc_leaf_nr(leaf) && lc_leaf_key(ix, leaf, i) < to)
		last = lc_leaf_rank(ix, leaf, to - 1);
	if (i) {
		lc_leaf_get(ix, leaf, i - 1, l);
		end = lc_extent_end(l);
		if (end > from) {
			first--;
			if (end > to) {
				*r = *l;
				lc_extent_clip(r, to, end);
				ed->have |= BIT(LC_RIGHT);
			}
			l->len = from - l->key;
			ed->have |= l->len ? BIT(LC_LEFT) : 0;
		}
	}
	if (last > i) {
		lc_leaf_get(ix, leaf, last - 1, r);
		end = lc_extent_end(r);
		if (end > to) {
			lc_extent_clip(r, to, end);
			ed->have |= BIT(LC_RIGHT);
		}
	}
	ed->first = first;
	ed->cut = first;
	ed->last = last;
	ed->cut_end = last;
}

/* Add a new extent to the edit that clears its range, joined with neighbours. */
static void lc_edit_add(const struct lc_index *ix, const struct lc_leaf *leaf,
			const struct lc_extent *e, struct lc_edit *ed)
{
	struct lc_extent *l = &ed->part[LC_LEFT], *r = &ed->part[LC_RIGHT];
	struct lc_extent *new = &ed->part[LC_NEW];

	*new = *e;
	if (e->kind != LC_EXT_DATA)
		new->loc = lc_seg_start(ix, e->loc);
	if (!l->len && ed->first)
		lc_leaf_get(ix, leaf, ed->first - 1, l);
	if (l->len && lc_extent_end(l) == ed->from && lc_join(ix, l, new, new)) {
		ed->first -= !(ed->have & BIT(LC_LEFT));
		ed->have &= ~BIT(LC_LEFT);
	}
	if (ed->have & BIT(LC_RIGHT)) {
		if (lc_join(ix, new, r, new))
			ed->have &= ~BIT(LC_RIGHT);
	} else if (ed->last < lc_leaf_nr(leaf) &&
		   lc_leaf_key(ix, leaf, ed->last) == ed->to) {
		lc_leaf_get(ix, leaf, ed->last, r);
		ed->last += lc_join(ix, new, r, new);
	}
	ed->have |= BIT(LC_NEW);
}

/* What all parts together ask of the leaf. */
static void lc_edit_sum(struct lc_edit *ed)
{
	const struct lc_extent *e;
	unsigned int p;

	ed->parts = 0;
	ed->form = 0;
	for (p = 0; p < LC_PARTS; p++) {
		if (!(ed->have & BIT(p)))
			continue;
		e = &ed->part[p];
		if (!ed->parts++)
			ed->lo = e->key;
		ed->hi = lc_extent_end(e);
		ed->form |= lc_form(e, ed->lo);
	}
}

/* Can the leaf take the edit as it is? */
static bool lc_edit_fits(const struct lc_index *ix, const struct lc_leaf *leaf,
			 struct lc_edit *ed)
{
	lc_edit_sum(ed);
	return !ed->parts ||
	       (lc_leaf_nr(leaf) + ed->parts <= LC_LEAF_MAX + ed->last - ed->first &&
		lc_leaf_suits(ix, leaf, ed->lo, ed->hi, ed->form));
}

/* Report what the edit cuts away, then carry it out. */
static void lc_edit_apply(struct lc_index *ix, struct lc_leaf *leaf,
			  const struct lc_edit *ed,
			  lc_index_drop_fn drop, void *ctx)
{
	const struct lc_index_layout *lay = lc_leaf_layout(ix, leaf);
	u64 *word = &leaf->word[ed->first], base = lc_leaf_base(leaf);
	unsigned int i, p, old = ed->last - ed->first;
	struct lc_extent e;

	for (i = ed->cut; i < ed->cut_end; i++) {
		lc_leaf_get(ix, leaf, i, &e);
		lc_extent_clip(&e, ed->from, ed->to);
		ix->sectors -= e.len;
		if (drop)
			drop(ctx, &e);
	}
	if (ed->parts != old)
		lc_leaf_splice(leaf, ed->first, old, ed->parts);
	for (p = 0; p < LC_PARTS; p++)
		if (ed->have & BIT(p))
			*word++ = lc_word_pack(lay, base, &ed->part[p]);
	ix->extents += ed->parts;
	ix->extents -= old;
}

/* ---- Changing the map ------------------------------------------------ */

/*
 * The quick way for what random I/O does most of the time, once the cache is
 * warm: an extent and its neighbours do not touch, and it is inserted in a free
 * place, or replaces one of the same size, or is removed as it is.  All of this
 * changes one word and, thanks to the neighbour on the right, has no business
 * with other leaves.
 */
static bool lc_insert_quick(struct lc_index *ix, const struct lc_extent *e,
			    lc_index_drop_fn drop, void *ctx)
{
	struct lc_leaf *leaf = (struct lc_leaf *)lc_find_leaf(ix, e->key);
	unsigned int i = lc_leaf_rank(ix, leaf, e->key), nr = lc_leaf_nr(leaf);
	struct lc_extent old = { .len = 0 };
	u64 end = lc_extent_end(e);

	if (i == nr || lc_leaf_key(ix, leaf, i) <= end ||
	    !lc_leaf_suits(ix, leaf, e->key, end, lc_form(e, e->key)))
		return false;
	if (i)
		lc_leaf_get(ix, leaf, i - 1, &old);
	if (i && lc_extent_end(&old) >= e->key) {
		if (old.key != e->key || old.len != e->len ||
		    (i > 1 && lc_leaf_end(ix, leaf, i - 2) == e->key))
			return false;
		if (drop)
			drop(ctx, &old);
		i--;
	} else {
		if (nr == LC_LEAF_MAX)
			return false;
		lc_leaf_splice(leaf, i, 0, 1);
		ix->sectors += e->len;
		ix->extents++;
	}
	leaf->word[i] = lc_word_pack(lc_leaf_layout(ix, leaf), lc_leaf_base(leaf), e);
	return true;
}

static bool lc_remove_quick(struct lc_index *ix, u64 from, u64 to,
			    lc_index_drop_fn drop, void *ctx)
{
	struct lc_leaf *leaf = (struct lc_leaf *)lc_find_leaf(ix, from);
	unsigned int i = lc_leaf_rank(ix, leaf, from), nr = lc_leaf_nr(leaf);
	struct lc_extent old;

	if (!i || lc_gather_due(nr - 1))
		return false;
	lc_leaf_get(ix, leaf, i - 1, &old);
	if (old.key != from || lc_extent_end(&old) != to)
		return false;
	if (drop)
		drop(ctx, &old);
	lc_leaf_splice(leaf, i - 1, 1, 0);
	ix->sectors -= old.len;
	ix->extents--;
	return true;
}

/*
 * An edit of several words does not fit.  Those that go altogether are in no
 * one's way, so take what is cut at either end one by one: where to stop first.
 */
static u64 lc_clear_less(const struct lc_index *ix, const struct lc_leaf *leaf,
			 const struct lc_edit *ed)
{
	return lc_leaf_key(ix, leaf, ed->have & BIT(LC_LEFT) ? ed->first + 1 :
							       ed->last - 1);
}

/* Unmap [from, to), one leaf at a time. */
static void lc_clear(struct lc_index *ix, u64 from, u64 to,
		     lc_index_drop_fn drop, void *ctx)
{
	struct lc_edit ed;
	struct lc_path path;
	u64 stop = to;
	bool again = false;

	if (ix->height && lc_remove_quick(ix, from, to, drop, ctx))
		return;
	while (from < to && ix->height) {
		lc_find(ix, from, &path);
		lc_edit_clear(ix, path.leaf, from, min(stop, path.hi), &ed);
		if (lc_edit_fits(ix, path.leaf, &ed)) {
			if (ed.first != ed.last) {
				lc_edit_apply(ix, path.leaf, &ed, drop, ctx);
				lc_gather(ix, &path);
			}
			from = ed.to;
			stop = to;
			again = false;
		} else if (ed.last - ed.first > 1) {
			stop = lc_clear_less(ix, path.leaf, &ed);
		} else {
			lc_make_room(ix, &path, &ed, again);
			again = true;
		}
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

/* Everything happens in one leaf, which has room. */
static bool lc_insert_in_leaf(struct lc_index *ix, const struct lc_extent *e,
			      lc_index_drop_fn drop, void *ctx)
{
	struct lc_edit ed;
	struct lc_path path;

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

int lc_index_insert(struct lc_index *ix, const struct lc_extent *e,
		    lc_index_drop_fn drop, void *ctx)
{
	if (WARN_ON_ONCE(!lc_valid(ix, e)))
		return -EINVAL;
	if (ix->spare_nr < lc_index_need(ix))
		return -ENOSPC;
	if (ix->height && e->kind == LC_EXT_DATA && lc_insert_quick(ix, e, drop, ctx))
		return 0;
	if (ix->height && lc_insert_in_leaf(ix, e, drop, ctx))
		return 0;
	lc_clear(ix, e->key, lc_extent_end(e), drop, ctx);
	lc_put(ix, e);
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
		    e.loc == lc_seg_start(ix, loc))
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
			gap = *e;
			if (e->kind != LC_EXT_DATA)
				gap.loc = lc_seg_start(ix, e->loc);
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

void lc_index_init(struct lc_index *ix, const struct lc_index_geo *geo)
{
	unsigned int seg = geo->seg_shift, loc = geo->loc_bits;

	WARN_ON_ONCE(seg < LC_INDEX_SEG_SHIFT_MIN || seg > loc ||
		     loc > LC_INDEX_LOC_BITS_MAX ||
		     geo->stripe_shift > LC_INDEX_KEY_BITS);
	memset(ix, 0, sizeof(*ix));
	ix->seg_shift = clamp_t(unsigned int, seg, LC_INDEX_SEG_SHIFT_MIN,
				LC_INDEX_LOC_BITS_MAX);
	ix->loc_bits = clamp_t(unsigned int, loc, ix->seg_shift,
			       LC_INDEX_LOC_BITS_MAX);
	ix->stripe_shift = min_t(unsigned int, geo->stripe_shift, LC_INDEX_KEY_BITS);
	lc_leaf_layouts(ix);
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

/* One node on the way to key: its children's keys ascend inside (lo, hi). */
static int lc_check_inner(const struct lc_index *ix, const struct lc_inner *in,
			  unsigned int level, u64 lo, u64 hi)
{
	unsigned int least = level + 1 < ix->height ? LC_INNER_MIN : 2;
	unsigned int i;

	if (in->nr < least || in->nr > LC_INNER_MAX || in->stop != LC_UNUSED)
		return lc_bad(lo, "number of children");
	for (i = 1; i < LC_INNER_MAX; i++) {
		if (i >= in->nr) {
			if (in->child[i].key != LC_UNUSED)
				return lc_bad(lo, "unused child has a key");
			continue;
		}
		if (in->child[i].key <= lo || in->child[i].key >= hi)
			return lc_bad(lo, "children out of order");
		lo = in->child[i].key;
	}
	return 0;
}

/* Walk down to key; how many nodes are met for the first time goes to *nodes. */
static int lc_check_path(const struct lc_index *ix, u64 key, u64 *hi,
			 const struct lc_leaf **leaf, unsigned int *nodes)
{
	const struct lc_child *c;
	const struct lc_inner *in;
	const void *node = ix->root;
	unsigned int level;
	u64 lo = 0;
	int err;

	*hi = LC_KEY_END;
	for (level = ix->height - 1; level; level--) {
		in = node;
		err = lc_check_inner(ix, in, level, lo, *hi);
		if (err)
			return err;
		*nodes += key == lo;
		c = lc_inner_seek(in, key);
		if (c != in->child)
			lo = c->key;
		*hi = min(*hi, c[1].key);
		node = c->node;
	}
	*nodes += 1;
	*leaf = node;
	return lo == key ? 0 : lc_bad(key, "leaf does not start on its line");
}

static int lc_check_leaf(const struct lc_index *ix, const struct lc_leaf *leaf,
			 u64 lo, u64 hi, u64 *extents, u64 *sectors)
{
	u64 reach = lc_leaf_base(leaf) + lc_leaf_layout(ix, leaf)->max_delta;
	unsigned int i, nr = lc_leaf_nr(leaf);
	struct lc_extent e;

	if (!nr)
		return lc_bad(lo, "empty leaf");
	for (i = 0; i < nr; i++) {
		lc_leaf_get(ix, leaf, i, &e);
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
