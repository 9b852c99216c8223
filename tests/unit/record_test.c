// SPDX-License-Identifier: GPL-2.0-only
/*
 * The codec: what is written is read back, and nothing else is.
 *
 * Runs in userspace, and as a KUnit suite, which includes this file.
 */
#ifndef LC_KUNIT
#include <linux/crc32c.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/string.h>

#include "record.h"
#include "tap.h"
#endif

static const u8 uuid_a[16] = "logcache-uuid-a";
static const u8 uuid_b[16] = "logcache-uuid-b";

#define ORIGIN		(1ull << 30)	/* sectors */
#define CACHE		(1ull << 21)
#define LBA_END		ORIGIN
#define SLOT_BLOCKS_MAX	(LC_SEG_BLOCKS_MAX / LC_SLOT_RATIO)

/* Static: too large for a kernel stack, and redzoned under ASan. */
static struct lc_geo geo;
static union {
	struct lc_super sb;
	struct lc_ckpt ck;
	struct lc_bitmap_block bm;
	struct lc_record rec;
	u8 bytes[LC_BLOCK_SIZE];
} blk;
static union {
	struct lc_slot slot;
	u8 bytes[SLOT_BLOCKS_MAX * LC_BLOCK_SIZE];
} sl;

static const char *reason;

static bool is(int ret, int err, const char *text)
{
	return ret == err && !strcmp(reason, text);
}

static void setup(void)
{
	const char *why = "";

	reason = "";
	lc_geo_init(&geo, CACHE, ORIGIN, LC_SEG_BLOCKS_DEFAULT, uuid_a, &why);
	memset(&blk, 0xa5, sizeof(blk));
	memset(&sl, 0xa5, sizeof(sl));
}

/* What whoever can write the device can do too. */
static void reseal(struct lc_head *h, u32 bytes)
{
	h->crc = cpu_to_le32(crc32c(~0u, &h->magic, bytes - sizeof(h->crc)));
}

/*----------------------------------------------------------------
 * Geometry
 *----------------------------------------------------------------
 */

static bool layout_holds(const struct lc_geo *g)
{
	u64 blocks = g->cache_sectors / LC_BLOCK_SECTORS;
	u64 end = g->data_start + (u64)g->nr_segs * g->seg_blocks;

	return g->ckpt_start == LC_SUPER_BLOCKS &&
	       g->ckpt_blocks == 1 + g->nr_bitmap &&
	       (u64)g->nr_bitmap * LC_BITMAP_BITS >= (u64)g->nr_segs * g->seg_blocks &&
	       g->slot_start == g->ckpt_start + 2 * g->ckpt_blocks &&
	       g->data_start >= g->slot_start + (u64)g->nr_segs * g->slot_blocks &&
	       g->data_start % LC_DATA_ALIGN_BLOCKS == 0 &&
	       end <= blocks &&
	       g->seg_blocks * LC_BLOCK_SECTORS == 1u << g->seg_shift;
}

static bool slot_holds(const struct lc_geo *g)
{
	u32 fixed = sizeof(struct lc_slot) + g->seg_blocks * sizeof(__le32);
	u32 room = g->slot_blocks * LC_BLOCK_SIZE;

	return fixed + g->slot_entries * sizeof(struct lc_entry) <= room &&
	       fixed + (g->slot_entries + 1) * sizeof(struct lc_entry) > room;
}

static void geometry_fits_every_size(void)
{
	const char *why = "";
	u32 seg_blocks;
	u64 size;

	for (seg_blocks = LC_SEG_BLOCKS_MIN; seg_blocks <= LC_SEG_BLOCKS_MAX; seg_blocks *= 2)
		for (size = 1 << 18; size < 1ull << 35; size += size / 3 + 12345) {
			CHECK(!lc_geo_init(&geo, size, ORIGIN, seg_blocks, uuid_a, &why));
			CHECK(layout_holds(&geo));
			CHECK(slot_holds(&geo));
		}
}

/* One segment less of device must hold exactly one segment less. */
static void geometry_wastes_nothing(void)
{
	const char *why = "";
	struct lc_geo less;
	u64 end, size;

	for (size = 1 << 18; size < 1 << 25; size += 99991) {
		CHECK(!lc_geo_init(&geo, size, ORIGIN, 256, uuid_a, &why));
		end = (geo.data_start + (u64)geo.nr_segs * 256) * LC_BLOCK_SECTORS;
		CHECK(!lc_geo_init(&less, end, ORIGIN, 256, uuid_a, &why));
		CHECK(less.nr_segs == geo.nr_segs);
		CHECK(!lc_geo_init(&less, end - 1, ORIGIN, 256, uuid_a, &why));
		CHECK(less.nr_segs == geo.nr_segs - 1);
	}
}

static int geo_try(u64 cache, u64 origin, u32 seg_blocks)
{
	return lc_geo_init(&geo, cache, origin, seg_blocks, uuid_a, &reason);
}

static void geometry_refuses_the_impossible(void)
{
	CHECK(is(geo_try(CACHE, ORIGIN, 0), -EINVAL, "segment size is not a power of two"));
	CHECK(is(geo_try(CACHE, ORIGIN, 384), -EINVAL, "segment size is not a power of two"));
	CHECK(is(geo_try(CACHE, ORIGIN, 128), -EINVAL, "segment size is not between 1 and 4 MiB"));
	CHECK(is(geo_try(CACHE, ORIGIN, 2048), -EINVAL, "segment size is not between 1 and 4 MiB"));
	CHECK(is(geo_try(CACHE, 0, 512), -EINVAL, "origin is empty"));
	CHECK(is(geo_try(CACHE, 1ull << 56, 512), -EINVAL, "origin is too large"));
	CHECK(is(geo_try(CACHE, ~0ull, 512), -EINVAL, "origin is too large"));
	CHECK(is(geo_try(0, ORIGIN, 512), -EINVAL, "cache device is too small"));
	CHECK(is(geo_try(16 << 12, ORIGIN, 512), -EINVAL, "cache device is too small"));
	CHECK(is(geo_try(~0ull, ORIGIN, 1024), -EINVAL,
		 "cache device is too large for this segment size"));
	CHECK(!geo_try(1ull << 36, ORIGIN, 512));
}

/*----------------------------------------------------------------
 * Superblock
 *----------------------------------------------------------------
 */

static void super_make(void)
{
	setup();
	geo.created = 1700000000;
	strscpy(geo.origin_id, "the big slow one", sizeof(geo.origin_id));
	lc_super_encode(&blk.sb, &geo, 7);
}

static int super_read(void)
{
	struct lc_geo out;

	return lc_super_decode(&blk.sb, &out, &reason);
}

static void super_round_trip(void)
{
	struct lc_geo out;

	super_make();
	CHECK(!lc_super_decode(&blk.sb, &out, &reason));
	CHECK(!memcmp(&out, &geo, sizeof(geo)));
	CHECK(le64_to_cpu(blk.sb.head.epoch) == 7);
}

/* The scratch area is behind all segments, and the layout that of a smaller device. */
static void super_of_a_helper_has_a_scratch_area(void)
{
	struct lc_geo out, plain;
	const char *why = "";

	setup();
	CHECK(!lc_geo_init(&plain, CACHE - LC_SCRATCH_BLOCKS * LC_BLOCK_SECTORS, ORIGIN, 512,
			   uuid_a, &why));
	CHECK(!lc_geo_init_helper(&geo, CACHE, ORIGIN, 512, uuid_a, &why));
	CHECK(geo.nr_segs == plain.nr_segs && geo.data_start == plain.data_start);
	CHECK(geo.cache_sectors == CACHE && geo.flags == LC_SUPER_HELPER);
	CHECK(geo.data_start + (u64)geo.nr_segs * 512 <= geo.scratch_start);
	CHECK(geo.scratch_start + LC_SCRATCH_BLOCKS == CACHE / LC_BLOCK_SECTORS);
	lc_super_encode(&blk.sb, &geo, 0);
	CHECK(!lc_super_decode(&blk.sb, &out, &reason));
	CHECK(!memcmp(&out, &geo, sizeof(geo)));

	blk.sb.flags = 0;
	reseal(&blk.sb.head, LC_BLOCK_SIZE);
	CHECK(is(super_read(), -EINVAL, "layout does not follow from the device size"));
	CHECK(lc_geo_init_helper(&geo, 8, ORIGIN, 512, uuid_a, &why) == -EINVAL);
	CHECK(lc_geo_init_helper(&geo, CACHE, ORIGIN + 4, 512, uuid_a, &why) == -EINVAL);
}

static void super_terminates_the_origin_id(void)
{
	struct lc_geo out;

	super_make();
	memset(geo.origin_id, 'x', sizeof(geo.origin_id));
	lc_super_encode(&blk.sb, &geo, 0);
	CHECK(!lc_super_decode(&blk.sb, &out, &reason));
	CHECK(strlen(out.origin_id) == sizeof(out.origin_id) - 1);
}

/* Every single-bit flip of a sealed block is refused. */
static void super_bit_flips(void)
{
	u32 bit;

	super_make();
	for (bit = 0; bit < LC_BLOCK_SIZE * 8; bit++) {
		blk.bytes[bit / 8] ^= 1 << bit % 8;
		CHECK(super_read() == -EBADMSG);
		blk.bytes[bit / 8] ^= 1 << bit % 8;
	}
	CHECK(!super_read());
}

/* Set a field, make the checksum right again, expect the reason. */
#define REFUSES(make, read, h, bytes, set, err, text) do {	\
	make();							\
	set;							\
	reseal(h, bytes);					\
	CHECK(is(read(), err, text));				\
} while (0)

#define SUPER(set, text) \
	REFUSES(super_make, super_read, &blk.sb.head, LC_BLOCK_SIZE, set, -EINVAL, text)

static void super_fields_are_bounded(void)
{
	const char *layout = "layout does not follow from the device size";

	super_make();
	blk.sb.head.magic = cpu_to_le32(LC_CKPT_MAGIC);
	reseal(&blk.sb.head, LC_BLOCK_SIZE);
	CHECK(is(super_read(), -EBADMSG, "not a logcache superblock"));

	SUPER(blk.sb.version = cpu_to_le32(2), "format version is not supported");
	SUPER(blk.sb.flags = cpu_to_le32(LC_SUPER_HELPER), layout);
	SUPER(blk.sb.flags = cpu_to_le32(2), "unknown flags are set");
	SUPER(blk.sb.flags = cpu_to_le32(1u << 31), "unknown flags are set");
	SUPER(blk.sb.head.epoch = cpu_to_le64(~0ull), "epoch is out of range");
	SUPER(blk.sb.origin_id[63] = 'x', "origin id is not terminated");
	SUPER(blk.sb.cache_sectors = cpu_to_le64(0), "cache device is too small");
	SUPER(blk.sb.cache_sectors = cpu_to_le64(CACHE * 2), layout);
	SUPER(blk.sb.cache_sectors = cpu_to_le64(~0ull),
	      "cache device is too large for this segment size");
	SUPER(blk.sb.origin_sectors = cpu_to_le64(0), "origin is empty");
	SUPER(blk.sb.origin_sectors = cpu_to_le64(~0ull), "origin is too large");
	SUPER(blk.sb.seg_blocks = cpu_to_le32(511), "segment size is not a power of two");
	SUPER(blk.sb.seg_blocks = cpu_to_le32(1u << 31), "segment size is not between 1 and 4 MiB");
	SUPER(blk.sb.seg_blocks = cpu_to_le32(256), layout);
	SUPER(blk.sb.nr_segs = cpu_to_le32(~0u), layout);
	SUPER(blk.sb.nr_segs = cpu_to_le32(geo.nr_segs - 1), layout);
	SUPER(blk.sb.ckpt_start = cpu_to_le32(3), layout);
	SUPER(blk.sb.ckpt_blocks = cpu_to_le32(0), layout);
	SUPER(blk.sb.slot_start = cpu_to_le32(~0u), layout);
	SUPER(blk.sb.slot_blocks = cpu_to_le32(1), layout);
	SUPER(blk.sb.data_start = cpu_to_le64(~0ull), layout);
}

/*----------------------------------------------------------------
 * Checkpoint and bitmap
 *----------------------------------------------------------------
 */

static const struct lc_ckpt_info ckpt_in = {
	.epoch = 3,
	.ckpt_seq = 12,
	.next_seq = 900,
	.clean_lsn = 5000,
	.log_seq = 899,
	.log_lsn = 6000,
	.log_seg = 42,
	.log_chain = 0xdeadbeef,
	.flags = LC_CKPT_CLEAN,
	.origin_sectors = ORIGIN + 8,
	.open_seq = { 899, 880, [LC_CKPT_OPEN - 1] = 7 },
	.begin_lsn = 5500,
	.floor_lsn = 5900,
};

static void ckpt_make(void)
{
	setup();
	lc_ckpt_encode(&blk.ck, &geo, &ckpt_in);
}

static int ckpt_read(void)
{
	struct lc_ckpt_info out;

	return lc_ckpt_decode(&blk.ck, &geo, &out, &reason);
}

static void ckpt_round_trip(void)
{
	struct lc_ckpt_info out;

	ckpt_make();
	memset(&out, 0, sizeof(out));
	CHECK(!lc_ckpt_decode(&blk.ck, &geo, &out, &reason));
	CHECK(!memcmp(&out, &ckpt_in, sizeof(out)));
}

static const struct lc_damage damage[] = {
	{ .lba = 0, .loc = 0, .len = 1 },
	{ .lba = ORIGIN + 7, .loc = 4096 * 3 + 5, .len = 1 },
	{ .lba = LC_STRIPE_SECTORS, .loc = 4096, .len = LC_ENTRY_DATA_MAX },
};

static void ckpt_damage_make(void)
{
	struct lc_ckpt_info in = ckpt_in;

	in.nr_damaged = ARRAY_SIZE(damage);
	in.damaged = damage;
	setup();
	lc_ckpt_encode(&blk.ck, &geo, &in);
}

static void ckpt_keeps_damage(void)
{
	struct lc_ckpt_info out;
	struct lc_damage d;
	u32 i;

	ckpt_damage_make();
	CHECK(!lc_ckpt_decode(&blk.ck, &geo, &out, &reason));
	CHECK(out.nr_damaged == ARRAY_SIZE(damage));
	for (i = 0; i < ARRAY_SIZE(damage); i++) {
		lc_ckpt_damaged(&blk.ck, i, &d);
		CHECK(d.lba == damage[i].lba && d.loc == damage[i].loc && d.len == damage[i].len);
	}
}

static void ckpt_of_a_fresh_cache(void)
{
	struct lc_ckpt_info in = {
		.ckpt_seq = 1, .next_seq = 1, .clean_lsn = 1, .log_seq = 1, .log_lsn = 1,
		.flags = LC_CKPT_CLEAN, .origin_sectors = ORIGIN,
	};

	setup();
	lc_ckpt_encode(&blk.ck, &geo, &in);
	CHECK(!ckpt_read());
	in.log_seg = LC_SEG_NONE;
	lc_ckpt_encode(&blk.ck, &geo, &in);
	CHECK(!ckpt_read());
}

static void ckpt_bit_flips(void)
{
	u32 bit;

	ckpt_make();
	for (bit = 0; bit < LC_BLOCK_SIZE * 8; bit++) {
		blk.bytes[bit / 8] ^= 1 << bit % 8;
		CHECK(ckpt_read() == -EBADMSG);
		blk.bytes[bit / 8] ^= 1 << bit % 8;
	}
	CHECK(!ckpt_read());
}

#define CKPT_ERR(set, err, text) \
	REFUSES(ckpt_make, ckpt_read, &blk.ck.head, LC_BLOCK_SIZE, set, err, text)
#define CKPT(set, text)		CKPT_ERR(set, -EINVAL, text)

#define DAMAGE(set, text) \
	REFUSES(ckpt_damage_make, ckpt_read, &blk.ck.head, LC_BLOCK_SIZE, set, -EINVAL, text)

static void ckpt_damage_is_bounded(void)
{
	DAMAGE(blk.ck.nr_damaged = cpu_to_le32(LC_DAMAGE_MAX + 1), "too much damage");
	DAMAGE(blk.ck.nr_damaged = cpu_to_le32(~0u), "too much damage");
	DAMAGE(blk.ck.nr_damaged = cpu_to_le32(4), "length of damage is out of range");
	DAMAGE(blk.ck.damaged[0].len = cpu_to_le32(LC_ENTRY_DATA_MAX + 1),
	       "length of damage is out of range");
	DAMAGE(blk.ck.damaged[0].lba = cpu_to_le64(ORIGIN + 8), "damage lies outside the origin");
	DAMAGE(blk.ck.damaged[0].lba = cpu_to_le64(~0ull), "damage lies outside the origin");
	DAMAGE(blk.ck.damaged[1].len = cpu_to_le32(2), "damage lies outside the origin");
	DAMAGE(blk.ck.damaged[2].lba = cpu_to_le64(LC_STRIPE_SECTORS - 1),
	       "damage lies outside the origin");
	DAMAGE(blk.ck.damaged[0].loc = cpu_to_le64((u64)geo.nr_segs << geo.seg_shift),
	       "damage lies outside the cache");
	DAMAGE(blk.ck.damaged[0].loc = cpu_to_le64(~0ull), "damage lies outside the cache");
	DAMAGE(blk.ck.damaged[2].loc = cpu_to_le64(4095), "damage lies outside the cache");
}

static void ckpt_knows_what_was_copied(void)
{
	struct lc_ckpt_info ck = { .clean_lsn = 10, .begin_lsn = 20, .floor_lsn = 30 };

	CHECK(lc_ckpt_begin(&ck) == 20);
	CHECK(!lc_ckpt_copied(&ck, 10));
	CHECK(lc_ckpt_copied(&ck, 11));
	CHECK(lc_ckpt_copied(&ck, 20));
	CHECK(!lc_ckpt_copied(&ck, 21));
	/* Written back since: history. */
	ck.clean_lsn = 25;
	CHECK(lc_ckpt_begin(&ck) == 25);
	CHECK(!lc_ckpt_copied(&ck, 20));
}

static void ckpt_fields_are_bounded(void)
{
	CKPT(blk.ck.begin_lsn = cpu_to_le64(5901), "the log's begin is out of range");
	CKPT(blk.ck.floor_lsn = cpu_to_le64(~0ull), "the log's begin is out of range");
	CKPT_ERR(blk.ck.head.magic = 0, -EBADMSG, "magic number does not match");
	CKPT_ERR(memcpy(blk.ck.head.uuid, uuid_b, 16), -EBADMSG,
		 "belongs to another cache (uuid differs)");
	CKPT(blk.ck.head.epoch = cpu_to_le64(~0ull), "epoch is out of range");
	CKPT(blk.ck.nr_bitmap = 0, "number of bitmap blocks is wrong");
	CKPT(blk.ck.nr_bitmap = cpu_to_le32(~0u), "number of bitmap blocks is wrong");
	CKPT(blk.ck.flags = cpu_to_le32(8), "unknown flags are set");
	CKPT(blk.ck.ckpt_seq = 0, "checkpoint number is out of range");
	CKPT(blk.ck.ckpt_seq = cpu_to_le64(~0ull), "checkpoint number is out of range");
	CKPT(blk.ck.next_seq = 0, "next segment sequence is out of range");
	CKPT(blk.ck.next_seq = cpu_to_le64(~0ull), "next segment sequence is out of range");
	CKPT(blk.ck.clean_lsn = cpu_to_le64(~0ull), "clean LSN is out of range");
	CKPT(blk.ck.log_seq = cpu_to_le64(~0ull), "log sequence is out of range");
	CKPT(blk.ck.log_lsn = 0, "log LSN is out of range");
	CKPT(blk.ck.log_lsn = cpu_to_le64(~0ull), "log LSN is out of range");
	CKPT(blk.ck.log_seg = cpu_to_le32(geo.nr_segs), "log segment is outside the cache");
	CKPT(blk.ck.log_seg = cpu_to_le32(LC_SEG_NONE - 1), "log segment is outside the cache");
	CKPT(blk.ck.origin_sectors = cpu_to_le64(ORIGIN - 1), "origin is smaller than at format");
	CKPT(blk.ck.origin_sectors = cpu_to_le64(~0ull), "origin is too large");
	CKPT(blk.ck.open_seq[LC_CKPT_OPEN - 1] = cpu_to_le64(~0ull),
	     "open segment's sequence is out of range");
}

static void bitmap_block_make(void)
{
	setup();
	memset(blk.bm.bits, 0x5a, sizeof(blk.bm.bits));
	lc_bitmap_seal(&blk.bm, &geo, 3, 12, 1);
}

static int bitmap_block_read(void)
{
	return lc_bitmap_check(&blk.bm, &geo, 3, 12, 1, &reason);
}

static void bitmap_keeps_its_bits(void)
{
	u32 i;

	bitmap_block_make();
	CHECK(!bitmap_block_read());
	for (i = 0; i < LC_BITMAP_BYTES; i++)
		CHECK(blk.bm.bits[i] == 0x5a);
}

static void bitmap_bit_flips(void)
{
	u32 bit;

	bitmap_block_make();
	for (bit = 0; bit < LC_BLOCK_SIZE * 8; bit++) {
		blk.bytes[bit / 8] ^= 1 << bit % 8;
		CHECK(bitmap_block_read() == -EBADMSG);
		blk.bytes[bit / 8] ^= 1 << bit % 8;
	}
}

#define BITMAP_ERR(set, err, text) \
	REFUSES(bitmap_block_make, bitmap_block_read, &blk.bm.head, LC_BLOCK_SIZE, set, err, text)
#define BITMAP(set, text)	BITMAP_ERR(set, -EINVAL, text)

static void bitmap_must_be_of_this_checkpoint(void)
{
	BITMAP_ERR(blk.bm.head.magic = 0, -EBADMSG, "magic number does not match");
	BITMAP_ERR(memcpy(blk.bm.head.uuid, uuid_b, 16), -EBADMSG,
		   "belongs to another cache (uuid differs)");
	BITMAP(blk.bm.head.epoch = cpu_to_le64(2), "bitmap block is of another epoch");
	BITMAP(blk.bm.ckpt_seq = cpu_to_le64(11), "bitmap block is of another checkpoint");
	BITMAP(blk.bm.index = cpu_to_le32(0), "bitmap block is in the wrong place");
	CHECK(lc_bitmap_check(&blk.bm, &geo, 3, 12, geo.nr_bitmap, &reason) == -EINVAL);
}

/*----------------------------------------------------------------
 * Record
 *----------------------------------------------------------------
 */

#define AT	10u		/* block of the record in its segment */
#define BLOCKS	3u
#define ROOM	((AT + 1) * 8)	/* first sector of its payload */

static const struct lc_ent record_ents[] = {
	{ .lba = 0, .len = 8, .pos = ROOM, .op = LC_OP_WRITE },
	{ .lba = LBA_END - 1, .len = 1, .pos = ROOM + 8 * BLOCKS - 1, .op = LC_OP_WRITE },
	{ .lba = 8, .len = LC_STRIPE_SECTORS - 8, .op = LC_OP_DISCARD },
	{ .lba = 16, .len = 8, .op = LC_OP_ZERO },
	{ .lba = 24, .len = 8, .op = LC_OP_INVAL },
	{ .op = LC_OP_FENCE },
};

static const struct lc_record_info record_in = {
	.epoch = 3,
	.seq = 55,
	.lsn = 1000,
	.acked_lsn = 990,
	.clean_lsn = 800,
	.prev_crc = 0xcafe,
	.next_seg = 17,
	.nr_entries = ARRAY_SIZE(record_ents),
	.nr_blocks = BLOCKS,
};

static u32 record_crc;

static void record_make(void)
{
	u32 i;

	setup();
	blk.rec.nr_entries = cpu_to_le16(record_in.nr_entries);
	for (i = 0; i < record_in.nr_entries; i++)
		lc_entry_put(&lc_record_entries(&blk.rec)[i], &record_ents[i]);
	for (i = 0; i < BLOCKS; i++)
		lc_record_crcs(&blk.rec)[i] = cpu_to_le32(0x1000 + i);
	record_crc = lc_record_seal(&blk.rec, &geo, &record_in);
}

static int record_read_at(u32 at, u64 lba_end)
{
	struct lc_record_info out;

	return lc_record_decode(&blk.rec, &geo, at, lba_end, &out, &reason);
}

static int record_read(void)
{
	return record_read_at(AT, LBA_END);
}

static void record_round_trip(void)
{
	struct lc_record_info out, want = record_in;
	struct lc_ent e;
	u32 i;

	record_make();
	want.crc = record_crc;
	memset(&out, 0, sizeof(out));
	CHECK(!lc_record_decode(&blk.rec, &geo, AT, LBA_END, &out, &reason));
	CHECK(!memcmp(&out, &want, sizeof(out)));
	for (i = 0; i < out.nr_entries; i++) {
		lc_entry_get(&lc_record_entries(&blk.rec)[i], &e);
		CHECK(e.lba == record_ents[i].lba && e.len == record_ents[i].len);
		CHECK(e.pos == record_ents[i].pos && e.op == record_ents[i].op);
	}
	for (i = 0; i < BLOCKS; i++)
		CHECK(le32_to_cpu(lc_record_crcs(&blk.rec)[i]) == 0x1000 + i);
}

/* Bytes that the checksum covers, as the counts in the header have it now. */
static u32 record_used(void)
{
	u32 used = sizeof(blk.rec) + le16_to_cpu(blk.rec.nr_entries) * sizeof(struct lc_entry) +
		   le16_to_cpu(blk.rec.nr_blocks) * sizeof(__le32);

	return used < LC_BLOCK_SIZE ? used : LC_BLOCK_SIZE;
}

static void record_bit_flips(void)
{
	u32 bit;

	record_make();
	for (bit = 0; bit < record_used() * 8; bit++) {
		blk.bytes[bit / 8] ^= 1 << bit % 8;
		CHECK(record_read() == -EBADMSG);
		blk.bytes[bit / 8] ^= 1 << bit % 8;
	}
	CHECK(!record_read());
}

#define RECORD_ERR(set, err, text) \
	REFUSES(record_make, record_read, &blk.rec.head, record_used(), set, err, text)
#define RECORD(set, text)	RECORD_ERR(set, -EINVAL, text)

static void record_fields_are_bounded(void)
{
	RECORD_ERR(blk.rec.head.magic = 0, -EBADMSG, "magic number does not match");
	RECORD_ERR(memcpy(blk.rec.head.uuid, uuid_b, 16), -EBADMSG,
		   "belongs to another cache (uuid differs)");
	RECORD(blk.rec.head.epoch = cpu_to_le64(~0ull), "epoch is out of range");
	RECORD(blk.rec.seq = 0, "segment sequence is out of range");
	RECORD(blk.rec.seq = cpu_to_le64(~0ull), "segment sequence is out of range");
	RECORD(blk.rec.lsn = 0, "LSN is out of range");
	RECORD(blk.rec.lsn = cpu_to_le64(~0ull), "LSN is out of range");
	RECORD(blk.rec.acked_lsn = cpu_to_le64(1001), "acknowledged LSN is out of range");
	RECORD(blk.rec.clean_lsn = cpu_to_le64(1001), "clean LSN is out of range");
	RECORD(blk.rec.next_seg = cpu_to_le32(geo.nr_segs), "next segment is outside the cache");
	RECORD(blk.rec.nr_entries = 0, "record has no entries");
	/* What is covered would end outside the block: refused before it is read. */
	RECORD_ERR(blk.rec.nr_entries = cpu_to_le16(0xffff), -EBADMSG,
		   "record has too many entries");
	RECORD_ERR(blk.rec.nr_blocks = cpu_to_le16(0xffff), -EBADMSG,
		   "record has too many entries");
	RECORD(blk.rec.nr_blocks = cpu_to_le16(LC_RECORD_BLOCKS_MAX + 1),
	       "record has too many blocks");
	/* Header, 219 entries and 128 CRCs fill a block to the byte. */
	RECORD_ERR((blk.rec.nr_blocks = cpu_to_le16(128), blk.rec.nr_entries = cpu_to_le16(220)),
		   -EBADMSG, "record has too many entries");
	RECORD(blk.rec.next_seg = cpu_to_le32(LC_SEG_NONE - 1),
	       "next segment is outside the cache");
}

static void record_ends_inside_its_segment(void)
{
	record_make();
	CHECK(is(record_read_at(geo.seg_blocks, LBA_END), -EINVAL,
		 "record lies outside its segment"));
	CHECK(is(record_read_at(~0u, LBA_END), -EINVAL, "record lies outside its segment"));
	CHECK(is(record_read_at(geo.seg_blocks - BLOCKS, LBA_END), -EINVAL,
		 "record lies outside its segment"));
	/* Fits, but its entries do not point here. */
	CHECK(is(record_read_at(geo.seg_blocks - BLOCKS - 1, LBA_END), -EINVAL,
		 "payload lies outside its blocks"));
}

/* Entry @n in place of what is there. */
static void put(u32 n, u64 lba, u32 len, u32 pos, u8 op)
{
	struct lc_ent e = { .lba = lba, .len = len, .pos = pos, .op = op };

	lc_entry_put(&lc_record_entries(&blk.rec)[n], &e);
}

static void record_entries_are_bounded(void)
{
	RECORD(put(0, 0, 0, ROOM, LC_OP_WRITE), "entry is empty");
	RECORD(put(2, 0, 0, 0, LC_OP_DISCARD), "entry is empty");
	RECORD(put(0, LBA_END, 1, ROOM, LC_OP_WRITE), "entry lies outside the origin");
	RECORD(put(0, LBA_END - 1, 2, ROOM, LC_OP_WRITE), "entry lies outside the origin");
	RECORD(put(2, LBA_END - 1, ~0u, 0, LC_OP_DISCARD), "entry lies outside the origin");
	RECORD(put(2, LC_ENTRY_LBA_MASK, ~0u, 0, LC_OP_ZERO), "entry lies outside the origin");
	RECORD(put(0, 0, 8, ROOM - 1, LC_OP_WRITE), "payload lies outside its blocks");
	RECORD(put(0, 0, 8, 0, LC_OP_WRITE), "payload lies outside its blocks");
	RECORD(put(0, 0, 8, ~0u, LC_OP_WRITE), "payload lies outside its blocks");
	RECORD(put(0, 0, 8, ROOM + BLOCKS * 8, LC_OP_WRITE), "payload lies outside its blocks");
	RECORD(put(0, 0, BLOCKS * 8 + 1, ROOM, LC_OP_WRITE), "payload lies outside its blocks");
	RECORD(put(0, 0, 1 << 29, ROOM, LC_OP_WRITE), "payload lies outside its blocks");
	RECORD(put(0, LC_STRIPE_SECTORS - 4, 8, ROOM, LC_OP_WRITE), "entry crosses a stripe");
	RECORD(put(2, 0, LC_STRIPE_SECTORS + 1, 0, LC_OP_ZERO), "entry crosses a stripe");
	RECORD(put(2, 8, LC_STRIPE_SECTORS, 0, LC_OP_INVAL), "entry crosses a stripe");
	RECORD(put(2, 0, 8, ROOM, LC_OP_DISCARD), "entry without payload has a position");
	RECORD(put(0, 0, 8, ROOM, LC_OP_COPY), "entry has an unknown operation");
	RECORD(put(0, 0, 8, ROOM, 0), "entry has an unknown operation");
	RECORD(put(5, 0, 8, ROOM, 255), "entry has an unknown operation");
	RECORD(put(5, 1, 0, 0, LC_OP_FENCE), "fence entry is not empty");
	RECORD(put(5, 0, 8, 0, LC_OP_FENCE), "fence entry is not empty");
	RECORD(put(5, 0, 0, 8, LC_OP_FENCE), "fence entry is not empty");
}

static void record_may_be_full(void)
{
	struct lc_record_info in = record_in;
	u32 i;

	setup();
	in.nr_blocks = LC_RECORD_BLOCKS_MAX;
	in.nr_entries = 219;
	blk.rec.nr_entries = cpu_to_le16(in.nr_entries);
	for (i = 0; i < in.nr_entries; i++)
		put(i, i * 8, 4, ROOM + i * 4, LC_OP_WRITE);
	for (i = 0; i < in.nr_blocks; i++)
		lc_record_crcs(&blk.rec)[i] = 0;
	lc_record_seal(&blk.rec, &geo, &in);
	CHECK(!record_read());

	/* And without payload. */
	in.nr_blocks = 0;
	in.nr_entries = LC_RECORD_ENTRIES_MAX;
	for (i = 0; i < in.nr_entries; i++)
		put(i, i * 8, 4, 0, LC_OP_DISCARD);
	lc_record_seal(&blk.rec, &geo, &in);
	CHECK(!record_read());
}

/*----------------------------------------------------------------
 * Summary slot
 *----------------------------------------------------------------
 */

#define SEG	33u
#define CRCS	40u

static const struct lc_slot_info log_slot = {
	.epoch = 3,
	.seq = 55,
	.first_lsn = 1000,
	.end_lsn = 1000 + 3,
	.clean_lsn = 1200,
	.seg = SEG,
	.next_seg = 34,
	.chain = 0xfeed,
	.nr_entries = 3,
	.nr_crcs = CRCS,
	.type = LC_SEG_LOG,
};

static void slot_put(u32 n, u64 lba, u32 len, u32 pos, u8 op)
{
	struct lc_ent e = { .lba = lba, .len = len, .pos = pos, .op = op };

	lc_entry_put(&lc_slot_entries(&sl.slot)[n], &e);
}

static u32 slot_seal(const struct lc_slot_info *in)
{
	u32 i;

	sl.slot.nr_entries = cpu_to_le16(in->nr_entries);
	for (i = 0; i < in->nr_crcs; i++)
		lc_slot_crcs(&sl.slot)[i] = cpu_to_le32(i);
	return lc_slot_seal(&sl.slot, &geo, in);
}

static void log_slot_make(void)
{
	setup();
	slot_put(0, 0, 8, 8, LC_OP_WRITE);
	slot_put(1, LBA_END - 1, 1, CRCS * 8 - 1, LC_OP_WRITE);
	slot_put(2, 100, 100, 0, LC_OP_DISCARD);
	slot_seal(&log_slot);
}

static void fill_slot_make(void)
{
	struct lc_slot_info in = log_slot;

	setup();
	in.type = LC_SEG_FILL;
	in.end_lsn = in.first_lsn;
	in.next_seg = LC_SEG_NONE;
	in.chain = 0;
	slot_put(0, 0, 8, 0, LC_OP_COPY);
	slot_put(1, 8, 8, 8, LC_OP_COPY);
	slot_put(2, 16, 8, CRCS * 8 - 8, LC_OP_COPY);
	slot_seal(&in);
}

static int slot_read(void)
{
	struct lc_slot_info out;

	return lc_slot_decode(&sl.slot, &geo, SEG, LBA_END, &out, &reason);
}

static u32 slot_used(void)
{
	return le32_to_cpu(sl.slot.bytes);
}

static void slot_round_trip(void)
{
	struct lc_slot_info out;
	u32 i;

	log_slot_make();
	memset(&out, 0, sizeof(out));
	CHECK(!lc_slot_decode(&sl.slot, &geo, SEG, LBA_END, &out, &reason));
	CHECK(!memcmp(&out, &log_slot, sizeof(out)));
	for (i = 0; i < CRCS; i++)
		CHECK(le32_to_cpu(lc_slot_crcs(&sl.slot)[i]) == i);
	fill_slot_make();
	CHECK(!slot_read());
}

static void slot_is_written_in_whole_blocks(void)
{
	struct lc_slot_info in = log_slot;
	u32 i;

	log_slot_make();
	CHECK(slot_seal(&log_slot) == LC_BLOCK_SIZE);
	for (i = slot_used(); i < LC_BLOCK_SIZE; i++)
		CHECK(!sl.bytes[i]);
	CHECK(sl.bytes[LC_BLOCK_SIZE] == 0xa5);

	/* As full as a slot gets: all entries, all checksums. */
	in.nr_entries = geo.slot_entries;
	in.nr_crcs = geo.seg_blocks;
	in.end_lsn = in.first_lsn + in.nr_entries;
	for (i = 0; i < in.nr_entries; i++)
		slot_put(i, i, 1, 8 + i, LC_OP_WRITE);
	CHECK(slot_seal(&in) == geo.slot_blocks * LC_BLOCK_SIZE);
	CHECK(!slot_read());
	CHECK(sl.bytes[geo.slot_blocks * LC_BLOCK_SIZE] == 0xa5);
}

static void slot_never_written(void)
{
	setup();
	memset(&sl, 0, sizeof(sl));
	CHECK(is(slot_read(), -ENODATA, "never written"));
	sl.bytes[31] = 1;
	CHECK(slot_read() == -EBADMSG);
}

static void slot_bit_flips(void)
{
	u32 bit, bits;

	log_slot_make();
	bits = slot_used() * 8;
	for (bit = 0; bit < bits; bit++) {
		sl.bytes[bit / 8] ^= 1 << bit % 8;
		CHECK(slot_read() == -EBADMSG);
		sl.bytes[bit / 8] ^= 1 << bit % 8;
	}
	CHECK(!slot_read());
}

#define SLOT_ERR(set, err, text) \
	REFUSES(log_slot_make, slot_read, &sl.slot.head, slot_used(), set, err, text)
#define SLOT(set, text)		SLOT_ERR(set, -EINVAL, text)
#define FILL(set, text) \
	REFUSES(fill_slot_make, slot_read, &sl.slot.head, slot_used(), set, -EINVAL, text)

static void slot_fields_are_bounded(void)
{
	struct lc_slot_info out;

	SLOT_ERR(sl.slot.head.magic = 0, -EBADMSG, "magic number does not match");
	SLOT_ERR(memcpy(sl.slot.head.uuid, uuid_b, 16), -EBADMSG,
		 "belongs to another cache (uuid differs)");
	SLOT(sl.slot.head.epoch = cpu_to_le64(~0ull), "epoch is out of range");
	SLOT(sl.slot.seq = 0, "segment sequence is out of range");
	SLOT(sl.slot.seq = cpu_to_le64(~0ull), "segment sequence is out of range");
	SLOT(sl.slot.first_lsn = 0, "LSN is out of range");
	SLOT(sl.slot.first_lsn = cpu_to_le64(~0ull - 2), "LSN is out of range");
	SLOT(sl.slot.end_lsn = cpu_to_le64(1004), "last LSN does not follow from the entries");
	SLOT(sl.slot.clean_lsn = cpu_to_le64(~0ull), "clean LSN is out of range");
	SLOT(sl.slot.seg = cpu_to_le32(SEG + 1), "slot is in the wrong place");
	SLOT(sl.slot.next_seg = cpu_to_le32(geo.nr_segs), "next segment is outside the cache");
	SLOT(sl.slot.next_seg = cpu_to_le32(SEG), "next segment is the segment itself");
	SLOT(sl.slot.type = 0, "segment type is unknown");
	SLOT(sl.slot.type = cpu_to_le16(0x101), "segment type is unknown");
	SLOT(sl.slot.nr_entries = cpu_to_le16(0xffff), "slot has too many entries");
	SLOT(sl.slot.nr_entries = cpu_to_le16(2), "last LSN does not follow from the entries");
	SLOT(sl.slot.nr_crcs = cpu_to_le16(0xffff), "slot has too many checksums");
	SLOT(sl.slot.nr_crcs = cpu_to_le16(CRCS + 1), "length does not follow from the counts");
	FILL(sl.slot.end_lsn = cpu_to_le64(1003), "last LSN does not follow from the entries");
	FILL(sl.slot.nr_entries = cpu_to_le16(2), "length does not follow from the counts");
	CHECK(lc_slot_decode(&sl.slot, &geo, geo.nr_segs, LBA_END, &out, &reason));
}

static void slot_length_is_bounded_before_use(void)
{
	static const u32 lengths[] = { 0, 1, 31, 32, 95, 4 * LC_BLOCK_SIZE + 1, 0x7fffffff, ~0u };
	u32 i;

	for (i = 0; i < ARRAY_SIZE(lengths); i++) {
		log_slot_make();
		sl.slot.bytes = cpu_to_le32(lengths[i]);
		CHECK(is(slot_read(), -EBADMSG, "length is out of range"));
	}
	SLOT(sl.slot.bytes = cpu_to_le32(96), "length does not follow from the counts");
	SLOT(sl.slot.bytes = cpu_to_le32(LC_BLOCK_SIZE), "length does not follow from the counts");
}

static void slot_entries_are_bounded(void)
{
	SLOT(slot_put(0, 0, 0, 8, LC_OP_WRITE), "entry is empty");
	SLOT(slot_put(0, LBA_END, 8, 8, LC_OP_WRITE), "entry lies outside the origin");
	SLOT(slot_put(0, 0, 8, 7, LC_OP_WRITE), "payload lies outside its blocks");
	SLOT(slot_put(0, 0, 8, CRCS * 8 - 7, LC_OP_WRITE), "payload lies outside its blocks");
	SLOT(slot_put(0, 0, ~0u >> 3, 8, LC_OP_WRITE), "payload lies outside its blocks");
	SLOT(slot_put(0, 0, 8, ~0u, LC_OP_WRITE), "payload lies outside its blocks");
	SLOT(slot_put(2, 5 * LC_STRIPE_SECTORS - 1, 2, 0, LC_OP_ZERO), "entry crosses a stripe");
	SLOT(slot_put(2, 0, 8, 8, LC_OP_ZERO), "entry without payload has a position");
	SLOT(slot_put(0, 0, 8, 8, LC_OP_COPY), "entry has an unknown operation");
	FILL(slot_put(0, 0, 8, 8, LC_OP_WRITE), "entry has an unknown operation");
	FILL(slot_put(0, 0, 8, CRCS * 8, LC_OP_COPY), "payload lies outside its blocks");
	FILL(slot_put(0, LBA_END - 4, 8, 0, LC_OP_COPY), "entry lies outside the origin");
}

#define RECORD_CASES(X)				\
	X(geometry_fits_every_size)		\
	X(geometry_wastes_nothing)		\
	X(geometry_refuses_the_impossible)	\
	X(super_round_trip)			\
	X(super_of_a_helper_has_a_scratch_area)	\
	X(super_terminates_the_origin_id)	\
	X(super_bit_flips)			\
	X(super_fields_are_bounded)		\
	X(ckpt_round_trip)			\
	X(ckpt_of_a_fresh_cache)		\
	X(ckpt_bit_flips)			\
	X(ckpt_knows_what_was_copied)		\
	X(ckpt_fields_are_bounded)		\
	X(ckpt_keeps_damage)			\
	X(ckpt_damage_is_bounded)		\
	X(bitmap_keeps_its_bits)		\
	X(bitmap_bit_flips)			\
	X(bitmap_must_be_of_this_checkpoint)	\
	X(record_round_trip)			\
	X(record_bit_flips)			\
	X(record_fields_are_bounded)		\
	X(record_ends_inside_its_segment)	\
	X(record_entries_are_bounded)		\
	X(record_may_be_full)			\
	X(slot_round_trip)			\
	X(slot_is_written_in_whole_blocks)	\
	X(slot_never_written)			\
	X(slot_bit_flips)			\
	X(slot_fields_are_bounded)		\
	X(slot_length_is_bounded_before_use)	\
	X(slot_entries_are_bounded)

#ifndef LC_KUNIT
#define X(name) RUN(name);
int main(void)
{
	RECORD_CASES(X)
	return tap_done();
}
#endif
