/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Segments: allocation, what becomes of their blocks, the index over them.
 */
#ifndef LC_SEGMENT_H
#define LC_SEGMENT_H

#include "logcache.h"

int lc_segs_init(struct logcache *lc);
void lc_segs_exit(struct logcache *lc);

/* Free segments that a running log leaves, so that it can be started again. */
#define LC_SEG_RESTART	2u
/* Free segments that only the log may take. */
#define LC_SEG_RESERVE	6u

/* Take a free segment and leave @least; or LC_SEG_NONE. Any context. */
u32 lc_seg_alloc(struct logcache *lc, enum lc_seg_type type, u32 least);
/* Give back a log segment that was never opened. Any context. */
void lc_seg_unalloc(struct logcache *lc, u32 seg);
/* Back to the free list. Any context. */
void lc_seg_free(struct logcache *lc, u32 seg);

/* A spare slot buffer, or NULL; set up for @seg: sequence number, empty slot, blocks intact. */
struct lc_segbuf *lc_segbuf_get(struct logcache *lc, u32 seg, enum lc_lru_stream stream, u64 lsn);
void lc_segbuf_put(struct logcache *lc, struct lc_segbuf *sb);
/* Sequence numbers of the open segments into @seq (LC_CKPT_OPEN of them, 0: none);
 * returns the next one to be given out.
 */
u64 lc_segs_open(struct logcache *lc, u64 *seq);
/* Entries that still fit. */
u32 lc_segbuf_room(const struct logcache *lc, const struct lc_segbuf *sb);
void lc_segbuf_add(struct lc_segbuf *sb, const struct lc_ent *ent);

/* Write the slot, behind a flush of the cache if it is volatile. May sleep; 0 or -errno.
 * @end_lsn: end of a log segment; "as of" of a fill segment.
 */
int lc_segbuf_seal(struct logcache *lc, struct lc_segbuf *sb, u64 end_lsn);

/* Read the slot of @seg into @slot (slot_blocks blocks) and check it. May sleep. */
int lc_slot_read(struct logcache *lc, u32 seg, struct lc_slot *slot, struct lc_slot_info *info);

/* A user's read that comes meanwhile waits for no more than this. */
#define LC_READ_BLOCKS	32u

/* All blocks of @seg into @data, in portions that leave room for others. May sleep; 0 or -errno. */
int lc_seg_read(struct logcache *lc, u32 seg, void *data);

static inline u32 lc_seg_no(const struct logcache *lc, const struct lc_seg *s)
{
	return s - lc->segs.seg;
}

static inline struct lc_seg *lc_seg_at(struct logcache *lc, u64 loc)
{
	return &lc->segs.seg[loc >> lc->geo.seg_shift];
}

/* Global number of the block that holds @loc. */
static inline u64 lc_block_at(u64 loc)
{
	return loc >> 3;
}

static inline u64 lc_seg_block(const struct logcache *lc, u32 seg)
{
	return (u64)seg * lc->geo.seg_blocks;
}

/*
 * Set in lc_seg.live of a log segment until it is clean: what changes the number
 * learns in the same step whether it changes the sum in lc_segs.dirty_live, too.
 */
#define LC_SEG_COUNTED	0x40000000

static inline u32 lc_seg_live(const struct lc_seg *s)
{
	return atomic_read(&s->live) & ~LC_SEG_COUNTED;
}

/* Map @n more sectors to @s; negative: fewer. Any context. */
static inline void lc_seg_live_add(struct logcache *lc, struct lc_seg *s, int n)
{
	if (atomic_add_return(n, &s->live) & LC_SEG_COUNTED)
		atomic64_add(n, &lc->segs.dirty_live);
}

/* @s is dirty, as found at a start; or it is no longer. Any context. */
static inline void lc_seg_count(struct logcache *lc, struct lc_seg *s)
{
	atomic64_add(atomic_fetch_or(LC_SEG_COUNTED, &s->live), &lc->segs.dirty_live);
}

static inline void lc_seg_uncount(struct logcache *lc, struct lc_seg *s)
{
	int live = atomic_fetch_andnot(LC_SEG_COUNTED, &s->live);

	if (live & LC_SEG_COUNTED)
		atomic64_sub(live & ~LC_SEG_COUNTED, &lc->segs.dirty_live);
}

/* Block of the device where segment @seg starts; and its slot. */
static inline u64 lc_seg_dev_block(const struct logcache *lc, u32 seg)
{
	return lc->geo.data_start + lc_seg_block(lc, seg);
}

static inline u64 lc_slot_dev_block(const struct logcache *lc, u32 seg)
{
	return lc->geo.slot_start + (u64)seg * lc->geo.slot_blocks;
}

/*
 * Is what the index maps to @s on the origin, all of it? May say no for what is
 * clean in a segment that is not, but not while nothing at all is dirty.
 */
static inline bool lc_seg_is_clean(const struct logcache *lc, const struct lc_seg *s)
{
	/* What was mapped when we looked is below this. */
	u64 published = smp_load_acquire(&lc->log.published_lsn);
	u64 clean = READ_ONCE(lc->log.clean_lsn);

	return s->type == LC_SEG_FILL || s->end_lsn <= clean || published <= clean;
}

/* An index callback: the piece left the index; account for its segment. @ctx: struct logcache */
void lc_seg_drop(void *ctx, const struct lc_extent *e);

/* Take what is still mapped to @loc out of the index, within one stripe; fills in
 * flight there are stale, since they may have been read from before it was
 * written back. What is clean only because it is damaged stays. May sleep.
 */
void lc_forget(struct logcache *lc, struct lc_shard *sh, u64 lba, u32 len, u64 loc, u8 kind);
/* The same, damaged or not. */
void lc_forget_now(struct logcache *lc, struct lc_shard *sh, u64 lba, u32 len, u64 loc, u8 kind);

/* Nodes for one more change of @sh's index. Called under its lock; does not sleep. */
bool lc_shard_topup(struct logcache *lc, struct lc_shard *sh);
/* The same, at any price; may sleep. No lock held. */
void lc_shard_topup_wait(struct logcache *lc, struct lc_shard *sh);

#endif /* LC_SEGMENT_H */
