/* SPDX-License-Identifier: GPL-2.0 */
/*
 * index - where on the cache device each sector of the volume lives
 *
 * One struct lc_index is one shard: an ordered map of extents that never
 * overlap, from a key space in sectors to sectors of the cache device.
 *
 *	key      0         8        16        24        32        40
 *	         |--DATA A--|         |--DATA B-|-------ZERO-------|
 *	loc      900        908       64        72   (segment 3)
 *
 * It is a B+tree of fixed nodes whose leaves pack an extent into 8 bytes.
 * A million random 4 KiB extents cost at most 11.2 bytes each, whatever the
 * size of the volume; sequential data merges and costs far less.
 *
 * Rules for every function below, unless it says otherwise:
 *
 *   Context   any, hard irq included.  Nothing sleeps, nothing allocates.
 *   Locking   the caller holds the shard's lock; there is none in here.
 *             const functions may run side by side, others run alone.
 *   Time      O(log n) plus O(1) for every extent that is changed.
 *   Units     512-byte sectors.  Keys are below 2^LC_INDEX_KEY_BITS.
 *   Callbacks run under the caller's lock, in key order, and must not touch
 *             the index.
 *
 * Memory: the index lives off nodes that the caller gives it.  The pattern is
 *
 *	while (lc_index_spare(ix) < lc_index_need(ix)) {
 *		unlock; node = allocate; lock;
 *		lc_index_give(ix, node);
 *	}
 *	err = lc_index_insert(ix, &e, drop, ctx);
 *
 * Nodes that fall free go back to the spares and are used again; the caller
 * may take them out with lc_index_take() and free them.
 */
#ifndef LC_INDEX_H
#define LC_INDEX_H

#include <linux/types.h>

/* Bytes of a node.  8-byte alignment is needed, a cache line's is better. */
#define LC_INDEX_NODE_SIZE	512

#define LC_INDEX_KEY_BITS	55	/* 2^64 bytes of volume */
#define LC_INDEX_LOC_BITS_MAX	35	/* 16 TiB of cache device */
#define LC_INDEX_SEG_SHIFT_MIN	11	/* 1 MiB */

/* Longest extent that can be inserted, and that merging ever makes. */
#define LC_EXT_MAX_DATA		2048u	/* 1 MiB */
#define LC_EXT_MAX_HOLE		32768u	/* 16 MiB, LC_EXT_ZERO and _DISCARD */

enum lc_ext_kind {
	LC_EXT_DATA,		/* payload at loc, which advances with key */
	LC_EXT_ZERO,		/* reads as zeroes; a record in loc's segment says so */
	LC_EXT_DISCARD,		/* the same, and the origin may forget it too */
};

/*
 * For LC_EXT_DATA loc is the cache sector of key.  For the two others it only
 * names the segment whose log record they came from: any sector of it will do
 * on the way in, and the first sector of it comes out.
 */
struct lc_extent {
	u64 key;
	u32 len;		/* never 0 */
	u8 kind;		/* enum lc_ext_kind */
	u64 loc;
};

/*
 * Where the lines are that no extent crosses.  Shards interleave stripes, so
 * two keys on either side of a stripe boundary are not neighbours on the
 * volume: extents are inserted within one stripe and never joined across two.
 * The data of one extent likewise lies in one segment of the cache device.
 */
struct lc_index_geo {
	u8 loc_bits;		/* every loc is below 2^loc_bits */
	u8 seg_shift;		/* a segment is 2^seg_shift sectors of loc */
	u8 stripe_shift;	/* a stripe is 2^stripe_shift sectors of key */
};

/* How a leaf packs an extent into 64 bits.  Private: see index_leaf.h. */
struct lc_index_layout {
	u64 max_delta;		/* sectors a leaf can reach beyond its base */
	u64 loc_mask;
	u64 forbid;		/* see lc_form() */
	u32 len_mask;
	u8 unit;		/* log2 of the sectors that all fields count in */
	u8 loc_at;		/* lowest bit of the loc field */
	u8 delta_at;		/* lowest bit of the key field, which is topmost */
	u8 seg_shift;
};

/* All fields are private: use the functions.  Embed it where the lock is. */
struct lc_index {
	void *root;
	u8 height;		/* levels, leaves included; 0 when empty */
	u8 loc_bits;
	u8 seg_shift;
	u8 stripe_shift;
	unsigned int spare_nr;
	unsigned int nodes;
	void *spare;
	struct lc_index_layout layout[4];
	u64 extents;
	u64 sectors;
};

/*
 * Told about one piece of the index: one that has just been replaced or
 * removed ("drop"), or one that has just been put in ("added").
 */
typedef void (*lc_index_drop_fn)(void *ctx, const struct lc_extent *piece);

/* First sector after the extent. */
static inline u64 lc_extent_end(const struct lc_extent *e)
{
	return e->key + e->len;
}

/*
 * Cut e down to its part inside [from, to), which must not be empty.  loc of
 * data moves along with key, so callers that split extents at stripe, segment
 * or I/O boundaries need no arithmetic of their own.
 */
static inline void lc_extent_clip(struct lc_extent *e, u64 from, u64 to)
{
	u64 end = lc_extent_end(e);

	if (from > e->key) {
		if (e->kind == LC_EXT_DATA)
			e->loc += from - e->key;
		e->key = from;
	}
	e->len = (to < end ? to : end) - e->key;
}

/*
 * Make *ix an empty index without spares.  geo is copied.  A geometry outside
 * the limits above is a bug of the caller: warned about, then clamped.
 * May be called on memory with any content.
 */
void lc_index_init(struct lc_index *ix, const struct lc_index_geo *geo);

/*
 * Remove everything, silently: all nodes become spares.  Takes O(nodes), so
 * this is for teardown and not for the I/O path.
 */
void lc_index_clear(struct lc_index *ix);

/* Add a node of LC_INDEX_NODE_SIZE bytes to the spares.  The index owns it. */
void lc_index_give(struct lc_index *ix, void *node);

/* Take a node out of the spares, or NULL.  The caller owns it again. */
void * __must_check lc_index_take(struct lc_index *ix);

/* Spare nodes at hand. */
static inline unsigned int lc_index_spare(const struct lc_index *ix)
{
	return ix->spare_nr;
}

/*
 * Spares that one call of insert, remove or remove_at, or one inserted piece
 * of insert_holes, can use up at worst in the present state of the index.
 * Grows by two with every level of the tree; LC_INDEX_NEED_MAX bounds it.
 */
unsigned int lc_index_need(const struct lc_index *ix);

#define LC_INDEX_HEIGHT_MAX	12
#define LC_INDEX_NEED_MAX	(2 * LC_INDEX_HEIGHT_MAX + 6)

/* Nodes in use, spares not counted; times LC_INDEX_NODE_SIZE is the memory. */
static inline unsigned int lc_index_nodes(const struct lc_index *ix)
{
	return ix->nodes;
}

/* Extents held, and the sectors that they map. */
static inline u64 lc_index_extents(const struct lc_index *ix)
{
	return ix->extents;
}

static inline u64 lc_index_sectors(const struct lc_index *ix)
{
	return ix->sectors;
}

/*
 * Map [e->key, e->key + e->len) to e, whatever was there before.  Every piece
 * that is replaced goes to drop (which may be NULL) exactly once, clipped to
 * that range.  The new extent joins neighbours that it continues, in key and
 * in loc for data, within the same segment and stripe and up to the longest
 * length.
 *
 * Returns 0.  -ENOSPC: fewer spares than lc_index_need(); top up and repeat.
 * -EINVAL, with a warning: e is empty or too long, crosses a stripe or segment
 * or leaves the key or loc space.  On error nothing has changed and drop was
 * not called.
 */
int __must_check lc_index_insert(struct lc_index *ix, const struct lc_extent *e,
				 lc_index_drop_fn drop, void *ctx);

/*
 * Unmap [key, key + len), which may span stripes; len may be 0.  Pieces go to
 * drop as with insert.  The time grows with the number of extents in the range,
 * so callers cut long ranges into portions and release the lock in between.
 *
 * Returns 0, or -ENOSPC as with insert: removing the middle of an extent leaves
 * two, and unaligned cuts can need room.
 */
int __must_check lc_index_remove(struct lc_index *ix, u64 key, u64 len,
				 lc_index_drop_fn drop, void *ctx);

/*
 * Unmap those parts of [key, key + len) that are mapped to exactly the place
 * given, and leave alone whatever has been written over them since:
 *   data: key + i is mapped to loc + i;
 *   zero, discard: same kind, and loc's segment.
 * This is how eviction forgets the contents of a segment.
 *
 * Returns 0 or -ENOSPC, as lc_index_remove().
 */
int __must_check lc_index_remove_at(struct lc_index *ix, u64 key, u64 len,
				    u64 loc, u8 kind,
				    lc_index_drop_fn drop, void *ctx);

/*
 * Map those parts of e's range to e that are not mapped at all: what a read
 * fill may do without overtaking a write.  Each piece put in goes to added
 * (which may be NULL) by itself, whatever neighbours it has joined.
 *
 * Works from the front and stops when the spares run low.  Returns how many
 * sectors of e are done, counting those that were mapped already: e->len when
 * finished, else top up and call again with
 * lc_extent_clip(&e, e.key + done, lc_extent_end(&e)).  -EINVAL as with insert.
 */
int __must_check lc_index_insert_holes(struct lc_index *ix,
				       const struct lc_extent *e,
				       lc_index_drop_fn added, void *ctx);

/*
 * Find the first extent that intersects [key, key + len) and return its part
 * inside that range.  False, and *out untouched, if there is none.  This is
 * the hot path of every read.
 */
bool lc_index_lookup(const struct lc_index *ix, u64 key, u64 len,
		     struct lc_extent *out);

/*
 * Walk the index in key order: start with *cursor = 0 and call until false.
 * Returns the first extent that ends after *cursor, without what lies before
 * *cursor, and moves *cursor to its end.  The index may change between calls;
 * keys already passed are not visited again.
 */
bool lc_index_next(const struct lc_index *ix, u64 *cursor,
		   struct lc_extent *out);

/*
 * Walk the whole structure and verify every invariant and counter; for tests
 * and debug builds, O(nodes * height).  Returns 0, or -EUCLEAN after a message
 * that names the first thing found wrong.
 */
int __must_check lc_index_check(const struct lc_index *ix);

#endif /* LC_INDEX_H */
