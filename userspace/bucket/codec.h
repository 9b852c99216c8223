/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The codec of data objects, checkpoints and marks: bytes of the bucket to and from
 * values. Pure and total: any bytes go in, a value or an error with a reason
 * comes out. What a decode hands out is bounded, for the checksum proves nothing
 * about intentions. Reasons (@why) are constant strings fit for an operator.
 */
#ifndef LC_BUCKET_CODEC_H
#define LC_BUCKET_CODEC_H

#include "bucket.h"

/* One extent in CPU order; @pos is 0 without payload. */
struct lc_ext {
	u64 lba;
	u32 len;
	u32 pos;
	u8 op;			/* enum lc_bk_op */
};

static inline bool lc_bk_counter_ok(u64 v)
{
	return v < LC_BK_COUNTER_MAX;
}

/* The fixed part's head: fills it in and seals it; the rest of the fixed part is there. */
void lc_bk_seal(struct lc_bk_head *h, u32 magic, const u8 uuid[16], u64 epoch, u64 seq,
		const void *body, size_t body_bytes);
/* Magic, uuid, version, checksum, range of the counters. 0, -EBADMSG or -EINVAL with *@why. */
int lc_bk_check(const struct lc_bk_head *h, u32 magic, const u8 uuid[16], const char **why);
/* The checksum of the body. */
int lc_bk_check_body(const struct lc_bk_head *h, const void *body, size_t body_bytes,
		     const char **why);

/*----------------------------------------------------------------
 * Data objects
 *----------------------------------------------------------------
 */

/* The fixed part of a data object. */
struct lc_obj {
	u64 epoch;
	u64 seq;
	u64 prev;
	u64 committed;
	u64 nr_live;
	u64 lsn_first;
	u64 lsn_end;
	u32 header_bytes;	/* out of encode and decode */
	u32 flags;
	u32 nr_extents;
	u32 nr_crcs;		/* out of encode and decode */
	u32 payload;		/* sectors */
	u32 crc;		/* of the fixed part, and so of all of it; out of both */
};

/* Bytes of a header with that many extents and sectors of payload. */
u32 lc_obj_header_bytes(u32 nr_extents, u32 payload);

/*
 * lc_obj_encode() - the whole header into @buf, lc_obj_header_bytes() long.
 * @crcs: one for each block of the payload, little-endian as in the object
 */
void lc_obj_encode(void *buf, const u8 uuid[16], struct lc_obj *obj, const struct lc_ext *exts,
		   const u32 *crcs);

/*
 * lc_obj_decode() - the fixed part, LC_BK_FIXED bytes.
 * An object that is not where it says (@epoch, @seq) is refused, but for a fence,
 * which has the epoch of who put it there.
 */
int lc_obj_decode(const void *buf, const u8 uuid[16], u64 epoch, u64 seq, struct lc_obj *obj,
		  const char **why);

/* The rest, @obj->header_bytes in all: every extent is inside a volume of @sectors. */
int lc_obj_check(const void *buf, const struct lc_obj *obj, u64 sectors, const char **why);

/* Of a header that lc_obj_check() accepted; @i inside it. */
void lc_obj_extent(const void *buf, u32 i, struct lc_ext *ext);
u32 lc_obj_crc(const void *buf, const struct lc_obj *obj, u32 i);

/* Bytes of payload block @i of @payload sectors: the last may be short. */
static inline u32 lc_obj_block_bytes(u32 payload, u32 i)
{
	u32 left = payload - i * LC_BK_BLOCK_SECTORS;

	return (left < LC_BK_BLOCK_SECTORS ? left : LC_BK_BLOCK_SECTORS) * LC_BK_SECTOR;
}

/*----------------------------------------------------------------
 * Checkpoint parts
 *----------------------------------------------------------------
 */

struct lc_ckpt_info {
	u64 epoch;		/* of who wrote it */
	u64 seq;		/* the state after this object */
	u64 obj_epoch;
	u64 lsn;
	u32 part;
	u32 nr_parts;
	u32 nr_objects;
	u32 nr_extents;
};

struct lc_ckpt_obj {
	u64 seq;
	u64 dead_at;
	u32 header_bytes;
	u32 payload;
};

static inline size_t lc_ckpt_bytes(u32 nr_objects, u32 nr_extents)
{
	return LC_BK_FIXED + nr_objects * sizeof(struct lc_bk_ckpt_object) +
	       nr_extents * sizeof(struct lc_bk_ckpt_extent);
}

/* Entries are put first, then the part is sealed. Objects come before extents. */
void lc_ckpt_put_object(void *buf, u32 i, const struct lc_ckpt_obj *obj);
void lc_ckpt_put_extent(void *buf, u32 nr_objects, u32 i, const struct lc_ext *ext, u64 seq);
void lc_ckpt_seal(void *buf, const u8 uuid[16], const struct lc_ckpt_info *info);

/* All @bytes of a part of the volume @uuid, which has @sectors. */
int lc_ckpt_part_decode(const void *buf, size_t bytes, const u8 uuid[16], u64 sectors,
			struct lc_ckpt_info *info, const char **why);
void lc_ckpt_object(const void *buf, u32 i, struct lc_ckpt_obj *obj);
void lc_ckpt_extent(const void *buf, u32 nr_objects, u32 i, struct lc_ext *ext, u64 *seq);

/*----------------------------------------------------------------
 * Marks
 *----------------------------------------------------------------
 */

/* LC_BK_FIXED bytes into @buf. */
void lc_mark_encode(void *buf, const u8 uuid[16], u64 epoch, u64 seq);
/* All @bytes of one; it has to be of @epoch and @seq, as its name says. */
int lc_mark_decode(const void *buf, size_t bytes, const u8 uuid[16], u64 epoch, u64 seq,
		   const char **why);

#endif /* LC_BUCKET_CODEC_H */
