/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The codec: bytes of the cache device to and from values. Pure and total: any
 * bytes go in, a value or an error with a reason comes out. Knows no device,
 * no lock, does not allocate; may be called from any context.
 *
 * The checksum is attacker-computable, so what passes it is still bounded:
 * every number handed out by a *_decode() lies inside the geometry it was
 * given. Reasons (@why) are constant strings fit for a message to an operator
 * ("checksum does not match", "segment size is not a power of two").
 */
#ifndef LC_RECORD_H
#define LC_RECORD_H

#include <asm/byteorder.h>

#include "format.h"

/**
 * struct lc_geo - where everything lies on the cache device
 * All block numbers are absolute, in 4096-byte blocks.
 */
struct lc_geo {
	u8 uuid[16];
	u64 cache_sectors;
	u64 origin_sectors;
	u32 seg_blocks;
	u32 seg_shift;		/* log2 of the segment size in sectors */
	u32 nr_segs;
	u32 ckpt_start;
	u32 ckpt_blocks;
	u32 nr_bitmap;		/* bitmap blocks of a checkpoint */
	u32 slot_start;
	u32 slot_blocks;
	u32 slot_entries;	/* most entries a slot can hold with all CRCs */
	u64 data_start;
	u64 scratch_start;	/* 0: there is none */
	u64 created;
	u32 flags;		/* LC_SUPER_* */
	char origin_id[64];
};

/* One entry in CPU order. */
struct lc_ent {
	u64 lba;
	u32 len;
	u32 pos;		/* sector offset in the segment; 0 without payload */
	u8 op;			/* enum lc_op */
};

/* lc_geo_init() - lay out a cache device of @cache_sectors.
 * @seg_blocks: power of two in LC_SEG_BLOCKS_MIN..MAX.
 * Return: 0, or -EINVAL with *@why (too small, too large, bad segment size).
 */
int lc_geo_init(struct lc_geo *geo, u64 cache_sectors, u64 origin_sectors,
		u32 seg_blocks, const u8 uuid[16], const char **why);

/* lc_geo_init_helper() - the same with a scratch area, for an origin that is a helper. */
int lc_geo_init_helper(struct lc_geo *geo, u64 cache_sectors, u64 origin_sectors,
		       u32 seg_blocks, const u8 uuid[16], const char **why);

/*
 * A *loc* is a sector counted from the start of segment 0, so that segments are
 * aligned in it. The sector of the device is lc_geo_sector().
 */
static inline u64 lc_geo_loc(const struct lc_geo *geo, u32 seg, u32 pos)
{
	return ((u64)seg << geo->seg_shift) + pos;
}

static inline u64 lc_geo_sector(const struct lc_geo *geo, u64 loc)
{
	return (geo->data_start << 3) + loc;
}

/* The superblock. Decode recomputes the layout and compares: no field is taken on trust. */
void lc_super_encode(struct lc_super *sb, const struct lc_geo *geo, u64 epoch);
int lc_super_decode(const struct lc_super *sb, struct lc_geo *geo, const char **why);

/* Sectors of the log that are damaged: where they are on the volume and on the cache. */
struct lc_damage {
	u64 lba;
	u64 loc;
	u32 len;
};

/* A checkpoint's head block in CPU order. */
struct lc_ckpt_info {
	u64 epoch;
	u64 ckpt_seq;
	u64 next_seq;
	u64 clean_lsn;
	u64 log_seq;
	u64 log_lsn;
	u32 log_seg;
	u32 log_chain;
	u32 flags;
	u64 origin_sectors;
	u64 open_seq[LC_CKPT_OPEN];
	u32 nr_damaged;
	const struct lc_damage *damaged;	/* to encode; decoded by lc_ckpt_damaged() */
	u64 begin_lsn;
	u64 floor_lsn;
};

/* Was the log segment copied away when the checkpoint was taken? */
static inline bool lc_ckpt_copied(const struct lc_ckpt_info *ck, u64 end_lsn)
{
	return end_lsn > ck->clean_lsn && end_lsn <= ck->begin_lsn;
}

/* The LSN from which on the checkpoint promises the log to be there. */
static inline u64 lc_ckpt_begin(const struct lc_ckpt_info *ck)
{
	return ck->begin_lsn > ck->clean_lsn ? ck->begin_lsn : ck->clean_lsn;
}

void lc_ckpt_encode(struct lc_ckpt *ck, const struct lc_geo *geo, const struct lc_ckpt_info *in);
int lc_ckpt_decode(const struct lc_ckpt *ck, const struct lc_geo *geo,
		   struct lc_ckpt_info *out, const char **why);
/* Damage @i < nr_damaged of a checkpoint that was decoded. */
void lc_ckpt_damaged(const struct lc_ckpt *ck, u32 i, struct lc_damage *out);

/* Bitmap block @index: seals a block whose bits the caller has filled in; checks one. */
void lc_bitmap_seal(struct lc_bitmap_block *b, const struct lc_geo *geo, u64 epoch,
		    u64 ckpt_seq, u32 index);
int lc_bitmap_check(const struct lc_bitmap_block *b, const struct lc_geo *geo, u64 epoch,
		    u64 ckpt_seq, u32 index, const char **why);

static inline void lc_entry_put(struct lc_entry *e, const struct lc_ent *in)
{
	e->lba_op = cpu_to_le64(in->lba | (u64)in->op << LC_ENTRY_LBA_BITS);
	e->len = cpu_to_le32(in->len);
	e->pos = cpu_to_le32(in->pos);
}

static inline void lc_entry_get(const struct lc_entry *e, struct lc_ent *out)
{
	u64 v = le64_to_cpu(e->lba_op);

	out->lba = v & LC_ENTRY_LBA_MASK;
	out->op = v >> LC_ENTRY_LBA_BITS;
	out->len = le32_to_cpu(e->len);
	out->pos = le32_to_cpu(e->pos);
}

static inline struct lc_entry *lc_record_entries(const struct lc_record *r)
{
	return (struct lc_entry *)(r + 1);
}

static inline __le32 *lc_record_crcs(const struct lc_record *r)
{
	return (__le32 *)(lc_record_entries(r) + le16_to_cpu(r->nr_entries));
}

static inline struct lc_entry *lc_slot_entries(const struct lc_slot *s)
{
	return (struct lc_entry *)(s + 1);
}

static inline __le32 *lc_slot_crcs(const struct lc_slot *s)
{
	return (__le32 *)(lc_slot_entries(s) + le16_to_cpu(s->nr_entries));
}

/* CRC32C of one payload block, as records and slots hold it. */
u32 lc_block_crc(const void *block);

/* A record's fixed fields in CPU order. @crc is an output of encode and decode. */
struct lc_record_info {
	u64 epoch;
	u64 seq;
	u64 lsn;
	u64 acked_lsn;
	u64 clean_lsn;
	u32 prev_crc;
	u32 next_seg;
	u32 nr_entries;
	u32 nr_blocks;
	u32 crc;
};

/* lc_record_seal() - fill in the fixed fields and checksum of a header block.
 * The caller has put the entries and then the CRCs behind the struct. The rest
 * of the block is not covered and may be anything.
 * Return: the record's CRC, which the next record carries as prev_crc.
 */
u32 lc_record_seal(struct lc_record *r, const struct lc_geo *geo, const struct lc_record_info *in);

/* lc_record_decode() - check the header block @r, found at block @at of its segment.
 * Checks magic, uuid, checksum, counts, that the payload ends inside the
 * segment, and of every entry: op, lba + len <= @lba_end, payload inside this
 * record's blocks. Does not judge epoch, seq, LSN or chain: the replay does.
 * Return: 0, or -EBADMSG (not a record: magic, uuid or checksum) or -EINVAL
 * (checksummed, but out of bounds) with *@why.
 */
int lc_record_decode(const struct lc_record *r, const struct lc_geo *geo, u32 at, u64 lba_end,
		     struct lc_record_info *out, const char **why);

struct lc_slot_info {
	u64 epoch;
	u64 seq;
	u64 first_lsn;
	u64 end_lsn;
	u64 clean_lsn;
	u32 seg;
	u32 next_seg;
	u32 chain;
	u32 nr_entries;
	u32 nr_crcs;
	u8 type;
};

/* lc_slot_seal() - the same for a slot; entries, then CRCs, are in place.
 * Return: bytes to write, a multiple of LC_BLOCK_SIZE; the tail is zeroed.
 */
u32 lc_slot_seal(struct lc_slot *s, const struct lc_geo *geo, const struct lc_slot_info *in);

/* lc_slot_decode() - check the slot of segment @seg. Entries and CRCs inside are bounded as for
 * records. Return: 0, -ENODATA (all-zero head: never written), -EBADMSG, -EINVAL with *@why.
 */
int lc_slot_decode(const struct lc_slot *s, const struct lc_geo *geo, u32 seg, u64 lba_end,
		   struct lc_slot_info *out, const char **why);

#endif /* LC_RECORD_H */
