// SPDX-License-Identifier: GPL-2.0-only
/*
 * record.c - the codec: bytes of the cache device to and from values.
 *
 * Pure: sees no device, takes no lock, allocates nothing. Every decode works in
 * the same order, so that a reason is never misleading:
 *
 *   magic  → is it a block of this kind at all?
 *   uuid   → of this cache?               (not asked of the superblock)
 *   crc    → as it was written?
 *   fields → inside the geometry? The checksum is no proof of honesty: whoever
 *            can write the device can compute it.
 */

#include <linux/crc32c.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/log2.h>
#include <linux/math64.h>
#include <linux/string.h>

#include "record.h"

/* Leaves room to count on from a hostile number without wrapping. */
#define LC_COUNTER_MAX		0x4000000000000000ull

static int refuse(const char **why, int err, const char *reason)
{
	*why = reason;
	return err;
}

static bool counter_ok(u64 v)
{
	return v < LC_COUNTER_MAX;
}

static bool seg_link_ok(const struct lc_geo *geo, u32 seg)
{
	return seg < geo->nr_segs || seg == LC_SEG_NONE;
}

/*----------------------------------------------------------------
 * Heads and checksums
 *----------------------------------------------------------------
 */

static u32 head_crc(const struct lc_head *h, u32 bytes)
{
	return crc32c(~0u, &h->magic, bytes - sizeof(h->crc));
}

static void head_put(struct lc_head *h, u32 magic, const struct lc_geo *geo, u64 epoch)
{
	h->magic = cpu_to_le32(magic);
	memcpy(h->uuid, geo->uuid, sizeof(h->uuid));
	h->epoch = cpu_to_le64(epoch);
}

/* Comes last: covers everything behind the field. */
static u32 head_seal(struct lc_head *h, u32 bytes)
{
	u32 crc = head_crc(h, bytes);

	h->crc = cpu_to_le32(crc);
	return crc;
}

static int head_check_sum(const struct lc_head *h, u32 bytes, const char **why)
{
	if (le32_to_cpu(h->crc) != head_crc(h, bytes))
		return refuse(why, -EBADMSG, "checksum does not match");
	return 0;
}

static int head_check_owner(const struct lc_head *h, u32 magic, const struct lc_geo *geo,
			    const char **why)
{
	if (le32_to_cpu(h->magic) != magic)
		return refuse(why, -EBADMSG, "magic number does not match");
	if (memcmp(h->uuid, geo->uuid, sizeof(h->uuid)))
		return refuse(why, -EBADMSG, "belongs to another cache (uuid differs)");
	return 0;
}

static int head_check(const struct lc_head *h, u32 magic, const struct lc_geo *geo,
		      const char **why)
{
	int ret = head_check_owner(h, magic, geo, why);

	if (ret)
		return ret;
	ret = head_check_sum(h, LC_BLOCK_SIZE, why);
	if (ret)
		return ret;
	if (!counter_ok(le64_to_cpu(h->epoch)))
		return refuse(why, -EINVAL, "epoch is out of range");
	return 0;
}

u32 lc_block_crc(const void *block)
{
	return crc32c(~0u, block, LC_BLOCK_SIZE);
}

/*----------------------------------------------------------------
 * Geometry and superblock
 *----------------------------------------------------------------
 */

/* Lay out @nr_segs segments. Return: the first block behind the last one. */
static u64 lay_out(struct lc_geo *geo, u32 nr_segs)
{
	u64 bits = (u64)nr_segs * geo->seg_blocks;
	u64 slots_end;

	geo->nr_segs = nr_segs;
	geo->nr_bitmap = div_u64(bits + LC_BITMAP_BITS - 1, LC_BITMAP_BITS);
	geo->ckpt_start = LC_SUPER_BLOCKS;
	geo->ckpt_blocks = 1 + geo->nr_bitmap;
	geo->slot_start = geo->ckpt_start + LC_CKPT_SLOTS * geo->ckpt_blocks;
	slots_end = geo->slot_start + (u64)nr_segs * geo->slot_blocks;
	geo->data_start = (slots_end + LC_DATA_ALIGN_BLOCKS - 1) &
			  ~(u64)(LC_DATA_ALIGN_BLOCKS - 1);
	return geo->data_start + bits;
}

/* The most segments that fit into @blocks; LC_SEGS_MAX + 1 if more than are allowed do. */
static u32 most_segs(struct lc_geo *geo, u64 blocks)
{
	u32 fits = 0, too_many = LC_SEGS_MAX + 2;

	while (too_many - fits > 1) {
		u32 mid = fits + (too_many - fits) / 2;

		if (lay_out(geo, mid) <= blocks)
			fits = mid;
		else
			too_many = mid;
	}
	return fits;
}

int lc_geo_init(struct lc_geo *geo, u64 cache_sectors, u64 origin_sectors,
		u32 seg_blocks, const u8 uuid[16], const char **why)
{
	u32 nr_segs;

	if (!is_power_of_2(seg_blocks))
		return refuse(why, -EINVAL, "segment size is not a power of two");
	if (seg_blocks < LC_SEG_BLOCKS_MIN || seg_blocks > LC_SEG_BLOCKS_MAX)
		return refuse(why, -EINVAL, "segment size is not between 1 and 4 MiB");
	if (!origin_sectors)
		return refuse(why, -EINVAL, "origin is empty");
	if (origin_sectors > LC_ENTRY_LBA_MASK)
		return refuse(why, -EINVAL, "origin is too large");

	memset(geo, 0, sizeof(*geo));
	memcpy(geo->uuid, uuid, sizeof(geo->uuid));
	geo->cache_sectors = cache_sectors;
	geo->origin_sectors = origin_sectors;
	geo->seg_blocks = seg_blocks;
	geo->seg_shift = ilog2(seg_blocks) + LC_BLOCK_SHIFT - LC_SECTOR_SHIFT;
	geo->slot_blocks = seg_blocks / LC_SLOT_RATIO;
	geo->slot_entries = (geo->slot_blocks * LC_BLOCK_SIZE - sizeof(struct lc_slot) -
			     seg_blocks * sizeof(__le32)) / sizeof(struct lc_entry);

	nr_segs = most_segs(geo, cache_sectors / LC_BLOCK_SECTORS);
	if (nr_segs < LC_SEGS_MIN)
		return refuse(why, -EINVAL, "cache device is too small");
	if (nr_segs > LC_SEGS_MAX)
		return refuse(why, -EINVAL, "cache device is too large for this segment size");
	lay_out(geo, nr_segs);
	return 0;
}

int lc_geo_init_helper(struct lc_geo *geo, u64 cache_sectors, u64 origin_sectors,
		       u32 seg_blocks, const u8 uuid[16], const char **why)
{
	u64 blocks = cache_sectors / LC_BLOCK_SECTORS;
	int ret;

	if (blocks < LC_SCRATCH_BLOCKS)
		return refuse(why, -EINVAL, "cache device is too small");
	if (origin_sectors % LC_BLOCK_SECTORS)
		return refuse(why, -EINVAL, "volume of a helper is no multiple of 4 KiB");
	blocks -= LC_SCRATCH_BLOCKS;
	ret = lc_geo_init(geo, blocks * LC_BLOCK_SECTORS, origin_sectors, seg_blocks, uuid, why);
	if (ret)
		return ret;
	geo->cache_sectors = cache_sectors;
	geo->scratch_start = blocks;
	geo->flags = LC_SUPER_HELPER;
	return 0;
}

void lc_super_encode(struct lc_super *sb, const struct lc_geo *geo, u64 epoch)
{
	memset(sb, 0, sizeof(*sb));
	head_put(&sb->head, LC_SUPER_MAGIC, geo, epoch);
	sb->version = cpu_to_le32(LC_FORMAT_VERSION);
	sb->flags = cpu_to_le32(geo->flags);
	sb->cache_sectors = cpu_to_le64(geo->cache_sectors);
	sb->origin_sectors = cpu_to_le64(geo->origin_sectors);
	sb->seg_blocks = cpu_to_le32(geo->seg_blocks);
	sb->nr_segs = cpu_to_le32(geo->nr_segs);
	sb->ckpt_start = cpu_to_le32(geo->ckpt_start);
	sb->ckpt_blocks = cpu_to_le32(geo->ckpt_blocks);
	sb->slot_start = cpu_to_le32(geo->slot_start);
	sb->slot_blocks = cpu_to_le32(geo->slot_blocks);
	sb->data_start = cpu_to_le64(geo->data_start);
	sb->created = cpu_to_le64(geo->created);
	/* The last byte stays NUL whatever the caller left in geo. */
	memcpy(sb->origin_id, geo->origin_id, sizeof(sb->origin_id) - 1);
	head_seal(&sb->head, LC_BLOCK_SIZE);
}

static bool super_layout_matches(const struct lc_super *sb, const struct lc_geo *geo)
{
	return le32_to_cpu(sb->nr_segs) == geo->nr_segs &&
	       le32_to_cpu(sb->ckpt_start) == geo->ckpt_start &&
	       le32_to_cpu(sb->ckpt_blocks) == geo->ckpt_blocks &&
	       le32_to_cpu(sb->slot_start) == geo->slot_start &&
	       le32_to_cpu(sb->slot_blocks) == geo->slot_blocks &&
	       le64_to_cpu(sb->data_start) == geo->data_start;
}

static int super_geo(const struct lc_super *sb, struct lc_geo *geo, const char **why)
{
	u64 cache = le64_to_cpu(sb->cache_sectors), origin = le64_to_cpu(sb->origin_sectors);
	u32 seg_blocks = le32_to_cpu(sb->seg_blocks);

	if (sb->flags & cpu_to_le32(LC_SUPER_HELPER))
		return lc_geo_init_helper(geo, cache, origin, seg_blocks, sb->head.uuid, why);
	return lc_geo_init(geo, cache, origin, seg_blocks, sb->head.uuid, why);
}

int lc_super_decode(const struct lc_super *sb, struct lc_geo *geo, const char **why)
{
	int ret;

	if (le32_to_cpu(sb->head.magic) != LC_SUPER_MAGIC)
		return refuse(why, -EBADMSG, "not a logcache superblock");
	ret = head_check_sum(&sb->head, LC_BLOCK_SIZE, why);
	if (ret)
		return ret;
	if (le32_to_cpu(sb->version) != LC_FORMAT_VERSION)
		return refuse(why, -EINVAL, "format version is not supported");
	if (sb->flags & ~cpu_to_le32(LC_SUPER_HELPER))
		return refuse(why, -EINVAL, "unknown flags are set");
	if (!counter_ok(le64_to_cpu(sb->head.epoch)))
		return refuse(why, -EINVAL, "epoch is out of range");
	if (sb->origin_id[sizeof(sb->origin_id) - 1])
		return refuse(why, -EINVAL, "origin id is not terminated");

	ret = super_geo(sb, geo, why);
	if (ret)
		return ret;
	if (!super_layout_matches(sb, geo))
		return refuse(why, -EINVAL, "layout does not follow from the device size");
	geo->created = le64_to_cpu(sb->created);
	memcpy(geo->origin_id, sb->origin_id, sizeof(geo->origin_id));
	return 0;
}

/*----------------------------------------------------------------
 * Checkpoint
 *----------------------------------------------------------------
 */

void lc_ckpt_encode(struct lc_ckpt *ck, const struct lc_geo *geo, const struct lc_ckpt_info *in)
{
	unsigned int i;

	memset(ck, 0, sizeof(*ck));
	head_put(&ck->head, LC_CKPT_MAGIC, geo, in->epoch);
	ck->ckpt_seq = cpu_to_le64(in->ckpt_seq);
	ck->next_seq = cpu_to_le64(in->next_seq);
	ck->clean_lsn = cpu_to_le64(in->clean_lsn);
	ck->log_seq = cpu_to_le64(in->log_seq);
	ck->log_lsn = cpu_to_le64(in->log_lsn);
	ck->log_seg = cpu_to_le32(in->log_seg);
	ck->log_chain = cpu_to_le32(in->log_chain);
	ck->flags = cpu_to_le32(in->flags);
	ck->nr_bitmap = cpu_to_le32(geo->nr_bitmap);
	ck->origin_sectors = cpu_to_le64(in->origin_sectors);
	for (i = 0; i < LC_CKPT_OPEN; i++)
		ck->open_seq[i] = cpu_to_le64(in->open_seq[i]);
	ck->nr_damaged = cpu_to_le32(in->nr_damaged);
	for (i = 0; i < in->nr_damaged; i++) {
		ck->damaged[i].lba = cpu_to_le64(in->damaged[i].lba);
		ck->damaged[i].loc = cpu_to_le64(in->damaged[i].loc);
		ck->damaged[i].len = cpu_to_le32(in->damaged[i].len);
	}
	ck->begin_lsn = cpu_to_le64(in->begin_lsn);
	ck->floor_lsn = cpu_to_le64(in->floor_lsn);
	head_seal(&ck->head, LC_BLOCK_SIZE);
}

static void ckpt_get(const struct lc_ckpt *ck, struct lc_ckpt_info *out)
{
	unsigned int i;

	out->epoch = le64_to_cpu(ck->head.epoch);
	out->ckpt_seq = le64_to_cpu(ck->ckpt_seq);
	out->next_seq = le64_to_cpu(ck->next_seq);
	out->clean_lsn = le64_to_cpu(ck->clean_lsn);
	out->log_seq = le64_to_cpu(ck->log_seq);
	out->log_lsn = le64_to_cpu(ck->log_lsn);
	out->log_seg = le32_to_cpu(ck->log_seg);
	out->log_chain = le32_to_cpu(ck->log_chain);
	out->flags = le32_to_cpu(ck->flags);
	out->origin_sectors = le64_to_cpu(ck->origin_sectors);
	for (i = 0; i < LC_CKPT_OPEN; i++)
		out->open_seq[i] = le64_to_cpu(ck->open_seq[i]);
	out->nr_damaged = le32_to_cpu(ck->nr_damaged);
	out->damaged = NULL;
	out->begin_lsn = le64_to_cpu(ck->begin_lsn);
	out->floor_lsn = le64_to_cpu(ck->floor_lsn);
}

void lc_ckpt_damaged(const struct lc_ckpt *ck, u32 i, struct lc_damage *out)
{
	out->lba = le64_to_cpu(ck->damaged[i].lba);
	out->loc = le64_to_cpu(ck->damaged[i].loc);
	out->len = le32_to_cpu(ck->damaged[i].len);
}

static int ckpt_bound(const struct lc_ckpt_info *c, const struct lc_geo *geo, const char **why)
{
	unsigned int i;

	if (c->flags & ~(LC_CKPT_CLEAN | LC_CKPT_REPAIR | LC_CKPT_GIVEN_UP))
		return refuse(why, -EINVAL, "unknown flags are set");
	if (!c->ckpt_seq || !counter_ok(c->ckpt_seq))
		return refuse(why, -EINVAL, "checkpoint number is out of range");
	if (!c->next_seq || !counter_ok(c->next_seq))
		return refuse(why, -EINVAL, "next segment sequence is out of range");
	if (!counter_ok(c->clean_lsn))
		return refuse(why, -EINVAL, "clean LSN is out of range");
	/* Not compared with next_seq, which is taken a moment before. */
	if (!counter_ok(c->log_seq))
		return refuse(why, -EINVAL, "log sequence is out of range");
	if (!c->log_lsn || !counter_ok(c->log_lsn))
		return refuse(why, -EINVAL, "log LSN is out of range");
	if (!seg_link_ok(geo, c->log_seg))
		return refuse(why, -EINVAL, "log segment is outside the cache");
	if (!counter_ok(c->floor_lsn) || c->begin_lsn > c->floor_lsn)
		return refuse(why, -EINVAL, "the log's begin is out of range");
	if (c->origin_sectors < geo->origin_sectors)
		return refuse(why, -EINVAL, "origin is smaller than at format");
	if (c->origin_sectors > LC_ENTRY_LBA_MASK)
		return refuse(why, -EINVAL, "origin is too large");
	for (i = 0; i < LC_CKPT_OPEN; i++)
		if (!counter_ok(c->open_seq[i]))
			return refuse(why, -EINVAL, "open segment's sequence is out of range");
	return 0;
}

static int damage_check(const struct lc_damage *d, const struct lc_geo *geo, u64 lba_end,
			const char **why)
{
	u64 locs = (u64)geo->nr_segs << geo->seg_shift;

	if (!d->len || d->len > LC_ENTRY_DATA_MAX)
		return refuse(why, -EINVAL, "length of damage is out of range");
	if (d->lba >= lba_end || d->len > lba_end - d->lba ||
	    d->lba >> LC_STRIPE_SHIFT != (d->lba + d->len - 1) >> LC_STRIPE_SHIFT)
		return refuse(why, -EINVAL, "damage lies outside the origin");
	if (d->loc >= locs || d->loc >> geo->seg_shift != (d->loc + d->len - 1) >> geo->seg_shift)
		return refuse(why, -EINVAL, "damage lies outside the cache");
	return 0;
}

static int ckpt_check_damaged(const struct lc_ckpt *ck, const struct lc_geo *geo,
			      const struct lc_ckpt_info *c, const char **why)
{
	struct lc_damage d;
	int ret = 0;
	u32 i;

	if (c->nr_damaged > LC_DAMAGE_MAX)
		return refuse(why, -EINVAL, "too much damage");
	for (i = 0; !ret && i < c->nr_damaged; i++) {
		lc_ckpt_damaged(ck, i, &d);
		ret = damage_check(&d, geo, c->origin_sectors, why);
	}
	return ret;
}

int lc_ckpt_decode(const struct lc_ckpt *ck, const struct lc_geo *geo,
		   struct lc_ckpt_info *out, const char **why)
{
	int ret = head_check(&ck->head, LC_CKPT_MAGIC, geo, why);

	if (ret)
		return ret;
	if (le32_to_cpu(ck->nr_bitmap) != geo->nr_bitmap)
		return refuse(why, -EINVAL, "number of bitmap blocks is wrong");
	ckpt_get(ck, out);
	ret = ckpt_bound(out, geo, why);
	return ret ?: ckpt_check_damaged(ck, geo, out, why);
}

void lc_bitmap_seal(struct lc_bitmap_block *b, const struct lc_geo *geo, u64 epoch,
		    u64 ckpt_seq, u32 index)
{
	memset(b, 0, offsetof(struct lc_bitmap_block, bits));
	head_put(&b->head, LC_BITMAP_MAGIC, geo, epoch);
	b->ckpt_seq = cpu_to_le64(ckpt_seq);
	b->index = cpu_to_le32(index);
	head_seal(&b->head, LC_BLOCK_SIZE);
}

int lc_bitmap_check(const struct lc_bitmap_block *b, const struct lc_geo *geo, u64 epoch,
		    u64 ckpt_seq, u32 index, const char **why)
{
	int ret = head_check(&b->head, LC_BITMAP_MAGIC, geo, why);

	if (ret)
		return ret;
	if (le64_to_cpu(b->head.epoch) != epoch)
		return refuse(why, -EINVAL, "bitmap block is of another epoch");
	if (le64_to_cpu(b->ckpt_seq) != ckpt_seq)
		return refuse(why, -EINVAL, "bitmap block is of another checkpoint");
	if (le32_to_cpu(b->index) != index || index >= geo->nr_bitmap)
		return refuse(why, -EINVAL, "bitmap block is in the wrong place");
	return 0;
}

/*----------------------------------------------------------------
 * Entries
 *----------------------------------------------------------------
 */

/* Sectors of the segment in which payload may lie. */
struct span {
	u32 start;
	u32 end;
};

static int fence_check(const struct lc_ent *e, const char **why)
{
	if (e->lba || e->len || e->pos)
		return refuse(why, -EINVAL, "fence entry is not empty");
	return 0;
}

static int entry_check(const struct lc_ent *e, bool payload, u64 lba_end, const struct span *room,
		       const char **why)
{
	if (!e->len)
		return refuse(why, -EINVAL, "entry is empty");
	if (e->lba >= lba_end || e->len > lba_end - e->lba)
		return refuse(why, -EINVAL, "entry lies outside the origin");
	if (!payload && e->pos)
		return refuse(why, -EINVAL, "entry without payload has a position");
	if (payload && (e->pos < room->start || e->pos >= room->end ||
			e->len > room->end - e->pos))
		return refuse(why, -EINVAL, "payload lies outside its blocks");
	if (e->lba >> LC_STRIPE_SHIFT != (e->lba + e->len - 1) >> LC_STRIPE_SHIFT)
		return refuse(why, -EINVAL, "entry crosses a stripe");
	if (payload && e->len > LC_ENTRY_DATA_MAX)
		return refuse(why, -EINVAL, "entry is too long");
	return 0;
}

static int log_entry_check(const struct lc_ent *e, u64 lba_end, const struct span *room,
			   const char **why)
{
	switch (e->op) {
	case LC_OP_WRITE:
		return entry_check(e, true, lba_end, room, why);
	case LC_OP_ZERO:
	case LC_OP_DISCARD:
	case LC_OP_INVAL:
		return entry_check(e, false, lba_end, room, why);
	case LC_OP_FENCE:
		return fence_check(e, why);
	default:
		return refuse(why, -EINVAL, "entry has an unknown operation");
	}
}

static int fill_entry_check(const struct lc_ent *e, u64 lba_end, const struct span *room,
			    const char **why)
{
	if (e->op != LC_OP_COPY)
		return refuse(why, -EINVAL, "entry has an unknown operation");
	return entry_check(e, true, lba_end, room, why);
}

static int entries_check(const struct lc_entry *entries, u32 nr, enum lc_seg_type type,
			 u64 lba_end, const struct span *room, const char **why)
{
	u32 i;

	for (i = 0; i < nr; i++) {
		struct lc_ent e;
		int ret;

		lc_entry_get(&entries[i], &e);
		if (type == LC_SEG_FILL)
			ret = fill_entry_check(&e, lba_end, room, why);
		else
			ret = log_entry_check(&e, lba_end, room, why);
		if (ret)
			return ret;
	}
	return 0;
}

/*----------------------------------------------------------------
 * Record
 *----------------------------------------------------------------
 */

static u32 record_bytes(u32 nr_entries, u32 nr_blocks)
{
	return sizeof(struct lc_record) + nr_entries * sizeof(struct lc_entry) +
	       nr_blocks * sizeof(__le32);
}

u32 lc_record_seal(struct lc_record *r, const struct lc_geo *geo, const struct lc_record_info *in)
{
	u32 used = record_bytes(in->nr_entries, in->nr_blocks);

	head_put(&r->head, LC_RECORD_MAGIC, geo, in->epoch);
	r->seq = cpu_to_le64(in->seq);
	r->lsn = cpu_to_le64(in->lsn);
	r->acked_lsn = cpu_to_le64(in->acked_lsn);
	r->clean_lsn = cpu_to_le64(in->clean_lsn);
	r->prev_crc = cpu_to_le32(in->prev_crc);
	r->next_seg = cpu_to_le32(in->next_seg);
	r->nr_entries = cpu_to_le16(in->nr_entries);
	r->nr_blocks = cpu_to_le16(in->nr_blocks);
	r->pad = 0;
	return head_seal(&r->head, used);
}

static void record_get(const struct lc_record *r, struct lc_record_info *out)
{
	out->epoch = le64_to_cpu(r->head.epoch);
	out->seq = le64_to_cpu(r->seq);
	out->lsn = le64_to_cpu(r->lsn);
	out->acked_lsn = le64_to_cpu(r->acked_lsn);
	out->clean_lsn = le64_to_cpu(r->clean_lsn);
	out->prev_crc = le32_to_cpu(r->prev_crc);
	out->next_seg = le32_to_cpu(r->next_seg);
	out->nr_entries = le16_to_cpu(r->nr_entries);
	out->nr_blocks = le16_to_cpu(r->nr_blocks);
	out->crc = le32_to_cpu(r->head.crc);
}

static int record_bound(const struct lc_record_info *rec, const struct lc_geo *geo, u32 at,
			const char **why)
{
	if (at >= geo->seg_blocks)
		return refuse(why, -EINVAL, "record lies outside its segment");
	if (!rec->nr_entries)
		return refuse(why, -EINVAL, "record has no entries");
	if (rec->nr_blocks > LC_RECORD_BLOCKS_MAX)
		return refuse(why, -EINVAL, "record has too many blocks");
	if (rec->nr_blocks > geo->seg_blocks - at - 1)
		return refuse(why, -EINVAL, "record lies outside its segment");
	if (!rec->seq || !counter_ok(rec->seq))
		return refuse(why, -EINVAL, "segment sequence is out of range");
	if (!rec->lsn || !counter_ok(rec->lsn))
		return refuse(why, -EINVAL, "LSN is out of range");
	/* What is acknowledged or written back was written before. */
	if (rec->acked_lsn > rec->lsn)
		return refuse(why, -EINVAL, "acknowledged LSN is out of range");
	if (rec->clean_lsn > rec->lsn)
		return refuse(why, -EINVAL, "clean LSN is out of range");
	if (!seg_link_ok(geo, rec->next_seg))
		return refuse(why, -EINVAL, "next segment is outside the cache");
	return 0;
}

int lc_record_decode(const struct lc_record *r, const struct lc_geo *geo, u32 at, u64 lba_end,
		     struct lc_record_info *out, const char **why)
{
	struct span room;
	u32 used;
	int ret;

	ret = head_check_owner(&r->head, LC_RECORD_MAGIC, geo, why);
	if (ret)
		return ret;
	record_get(r, out);
	/* The counts say how much is covered: nothing is known of them yet. */
	used = record_bytes(out->nr_entries, out->nr_blocks);
	if (used > LC_BLOCK_SIZE)
		return refuse(why, -EBADMSG, "record has too many entries");
	ret = head_check_sum(&r->head, used, why);
	if (ret)
		return ret;
	if (!counter_ok(out->epoch))
		return refuse(why, -EINVAL, "epoch is out of range");
	ret = record_bound(out, geo, at, why);
	if (ret)
		return ret;
	room.start = (at + 1) * LC_BLOCK_SECTORS;
	room.end = room.start + out->nr_blocks * LC_BLOCK_SECTORS;
	return entries_check(lc_record_entries(r), out->nr_entries, LC_SEG_LOG, lba_end,
			     &room, why);
}

/*----------------------------------------------------------------
 * Summary slot
 *----------------------------------------------------------------
 */

static u32 slot_bytes(u32 nr_entries, u32 nr_crcs)
{
	return sizeof(struct lc_slot) + nr_entries * sizeof(struct lc_entry) +
	       nr_crcs * sizeof(__le32);
}

u32 lc_slot_seal(struct lc_slot *s, const struct lc_geo *geo, const struct lc_slot_info *in)
{
	u32 used = slot_bytes(in->nr_entries, in->nr_crcs);
	u32 bytes = (used + LC_BLOCK_SIZE - 1) & ~(LC_BLOCK_SIZE - 1);

	head_put(&s->head, LC_SLOT_MAGIC, geo, in->epoch);
	s->seq = cpu_to_le64(in->seq);
	s->first_lsn = cpu_to_le64(in->first_lsn);
	s->end_lsn = cpu_to_le64(in->end_lsn);
	s->clean_lsn = cpu_to_le64(in->clean_lsn);
	s->seg = cpu_to_le32(in->seg);
	s->next_seg = cpu_to_le32(in->next_seg);
	s->chain = cpu_to_le32(in->chain);
	s->bytes = cpu_to_le32(used);
	s->type = cpu_to_le16(in->type);
	s->nr_entries = cpu_to_le16(in->nr_entries);
	s->nr_crcs = cpu_to_le16(in->nr_crcs);
	s->pad = 0;
	s->pad2 = 0;
	memset((u8 *)s + used, 0, bytes - used);
	head_seal(&s->head, used);
	return bytes;
}

static void slot_get(const struct lc_slot *s, struct lc_slot_info *out)
{
	out->epoch = le64_to_cpu(s->head.epoch);
	out->seq = le64_to_cpu(s->seq);
	out->first_lsn = le64_to_cpu(s->first_lsn);
	out->end_lsn = le64_to_cpu(s->end_lsn);
	out->clean_lsn = le64_to_cpu(s->clean_lsn);
	out->seg = le32_to_cpu(s->seg);
	out->next_seg = le32_to_cpu(s->next_seg);
	out->chain = le32_to_cpu(s->chain);
	out->nr_entries = le16_to_cpu(s->nr_entries);
	out->nr_crcs = le16_to_cpu(s->nr_crcs);
	out->type = le16_to_cpu(s->type);	/* checked to fit */
}

static int slot_bound_lsn(const struct lc_slot_info *s, const char **why)
{
	u32 entries = s->type == LC_SEG_LOG ? s->nr_entries : 0;

	if (!s->first_lsn || !counter_ok(s->first_lsn))
		return refuse(why, -EINVAL, "LSN is out of range");
	if (s->end_lsn != s->first_lsn + entries)
		return refuse(why, -EINVAL, "last LSN does not follow from the entries");
	if (!counter_ok(s->clean_lsn))
		return refuse(why, -EINVAL, "clean LSN is out of range");
	return 0;
}

static int slot_bound(const struct lc_slot_info *s, const struct lc_geo *geo, u32 seg,
		      const char **why)
{
	if (s->seg != seg || seg >= geo->nr_segs)
		return refuse(why, -EINVAL, "slot is in the wrong place");
	if (s->nr_entries > geo->slot_entries)
		return refuse(why, -EINVAL, "slot has too many entries");
	if (s->nr_crcs > geo->seg_blocks)
		return refuse(why, -EINVAL, "slot has too many checksums");
	if (!counter_ok(s->epoch))
		return refuse(why, -EINVAL, "epoch is out of range");
	if (!s->seq || !counter_ok(s->seq))
		return refuse(why, -EINVAL, "segment sequence is out of range");
	if (!seg_link_ok(geo, s->next_seg))
		return refuse(why, -EINVAL, "next segment is outside the cache");
	if (s->next_seg == seg)
		return refuse(why, -EINVAL, "next segment is the segment itself");
	return slot_bound_lsn(s, why);
}

static bool head_is_blank(const struct lc_head *h)
{
	static const struct lc_head blank;

	return !memcmp(h, &blank, sizeof(blank));
}

/* The length must be bounded before the checksum can be taken over it. */
static int slot_check_head(const struct lc_slot *s, const struct lc_geo *geo, const char **why)
{
	u32 bytes = le32_to_cpu(s->bytes);
	int ret;

	if (head_is_blank(&s->head))
		return refuse(why, -ENODATA, "never written");
	ret = head_check_owner(&s->head, LC_SLOT_MAGIC, geo, why);
	if (ret)
		return ret;
	if (bytes < sizeof(*s) || bytes > geo->slot_blocks * LC_BLOCK_SIZE)
		return refuse(why, -EBADMSG, "length is out of range");
	return head_check_sum(&s->head, bytes, why);
}

int lc_slot_decode(const struct lc_slot *s, const struct lc_geo *geo, u32 seg, u64 lba_end,
		   struct lc_slot_info *out, const char **why)
{
	struct span room;
	u32 type;
	int ret;

	ret = slot_check_head(s, geo, why);
	if (ret)
		return ret;
	type = le16_to_cpu(s->type);
	if (type != LC_SEG_LOG && type != LC_SEG_FILL)
		return refuse(why, -EINVAL, "segment type is unknown");
	slot_get(s, out);
	ret = slot_bound(out, geo, seg, why);
	if (ret)
		return ret;
	if (le32_to_cpu(s->bytes) != slot_bytes(out->nr_entries, out->nr_crcs))
		return refuse(why, -EINVAL, "length does not follow from the counts");

	/* Block 0 of a log segment is a record header. */
	room.start = out->type == LC_SEG_LOG ? LC_BLOCK_SECTORS : 0;
	room.end = out->nr_crcs * LC_BLOCK_SECTORS;
	return entries_check(lc_slot_entries(s), out->nr_entries, out->type, lba_end, &room, why);
}
