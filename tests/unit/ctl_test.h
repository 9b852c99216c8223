/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Cache images made by hand: what the module would have written, block by
 * block, so that a test can have a log in exactly the state it wants.
 *
 *	struct img im;
 *
 *	img_make(&im);
 *	img_activate(&im);
 *	log_open(&im, 0, 1);
 *	log_write(&im, 0, 8, 'a');
 *	log_seal(&im);
 *	...
 */
#ifndef CTL_TEST_H
#define CTL_TEST_H

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "record.h"
#include "tap.h"

#define CACHE_FILE	"cache.img"
#define ORIGIN_FILE	"origin.img"
#define SEG_BLOCKS	256u
#define IMG_SEGS	20u
#define CACHE_BYTES	(21ull << 20)
#define ORIGIN_BYTES	(64ull << 20)
#define SLOT_BUF	(2 * LC_BLOCK_SIZE)

/* A segment under construction: its slot, as the module builds it up. */
struct img_seg {
	u32 seg;
	u32 next;
	u64 seq;
	u64 first_lsn;
	u32 at;			/* next free block */
	u32 nr;
	struct lc_ent ents[400];
	u32 crcs[SEG_BLOCKS];
	u32 last_at;		/* block of the last record */
	u32 last_crc;
	u32 chain_at_start;
};

struct img {
	int fd;
	struct lc_geo geo;
	u64 epoch;
	u64 ckpt_seq;
	u64 next_seq;
	u64 lsn;
	u64 acked;
	u64 clean;
	u64 begin;		/* segments up to here were copied to the head, */
	u64 floor;		/* and the log is whole from here on */
	u32 chain;
	u8 bits[2 * LC_BITMAP_BYTES];
	u64 open_seq[LC_CKPT_OPEN];
	struct img_seg log;
	struct img_seg oldest;	/* as it was opened: the oldest log segment that is not sealed */
};

static inline void img_read(const struct img *im, u64 block, void *buf, u32 nr)
{
	REQUIRE(pread(im->fd, buf, nr * LC_BLOCK_SIZE, block * LC_BLOCK_SIZE) ==
		nr * LC_BLOCK_SIZE);
}

static inline void img_write(const struct img *im, u64 block, const void *buf, u32 nr)
{
	REQUIRE(pwrite(im->fd, buf, nr * LC_BLOCK_SIZE, block * LC_BLOCK_SIZE) ==
		nr * LC_BLOCK_SIZE);
}

/* What bit rot does. */
static inline void img_flip(const struct img *im, u64 block, u32 byte)
{
	u8 buf[LC_BLOCK_SIZE];

	img_read(im, block, buf, 1);
	buf[byte] ^= 0x10;
	img_write(im, block, buf, 1);
}

static inline void img_clear(const struct img *im, u64 block)
{
	static const u8 zeroes[LC_BLOCK_SIZE];

	img_write(im, block, zeroes, 1);
}

static inline u64 img_seg_block(const struct img *im, u32 seg)
{
	return im->geo.data_start + seg * SEG_BLOCKS;
}

static inline u64 img_slot_block(const struct img *im, u32 seg)
{
	return im->geo.slot_start + seg * im->geo.slot_blocks;
}

static inline u64 img_ckpt_block(const struct img *im, u64 ckpt_seq)
{
	return im->geo.ckpt_start + ckpt_seq % 2 * im->geo.ckpt_blocks;
}

/* The files, empty, with a cache on one of them as `format` makes it. @ctl formats. */
static inline void img_make(struct img *im, int (*ctl)(const char *args))
{
	const char *why = "";
	struct lc_super sb;

	memset(im, 0, sizeof(*im));
	unlink(CACHE_FILE);
	unlink(ORIGIN_FILE);
	im->fd = open(ORIGIN_FILE, O_RDWR | O_CREAT, 0600);
	REQUIRE(im->fd >= 0 && !ftruncate(im->fd, ORIGIN_BYTES));
	close(im->fd);
	im->fd = open(CACHE_FILE, O_RDWR | O_CREAT, 0600);
	REQUIRE(im->fd >= 0 && !ftruncate(im->fd, CACHE_BYTES));
	REQUIRE(!ctl("format --cache " CACHE_FILE " --origin " ORIGIN_FILE
		     " --segment-size 1M --yes"));
	img_read(im, 0, &sb, 1);
	REQUIRE(!lc_super_decode(&sb, &im->geo, &why));
	REQUIRE(im->geo.nr_segs == IMG_SEGS);
	im->ckpt_seq = 1;
	im->next_seq = 1;
	im->lsn = 1;
	im->acked = 1;
	im->clean = 1;
}

static inline void img_close(struct img *im)
{
	close(im->fd);
}

/* The bits of the checkpoint with number ckpt_seq, which are written before its head. */
static inline void img_ckpt_bits(struct img *im)
{
	static struct lc_bitmap_block b;
	u32 i;

	for (i = 0; i < im->geo.nr_bitmap; i++) {
		memcpy(b.bits, im->bits + i * LC_BITMAP_BYTES, LC_BITMAP_BYTES);
		lc_bitmap_seal(&b, &im->geo, im->epoch, im->ckpt_seq, i);
		img_write(im, img_ckpt_block(im, im->ckpt_seq) + 1 + i, &b, 1);
	}
}

/* A checkpoint now; the log goes on in the segment that is open, if one is. */
static inline void img_ckpt(struct img *im, u32 flags)
{
	struct lc_ckpt_info info = {
		.epoch = im->epoch,
		.ckpt_seq = ++im->ckpt_seq,
		.next_seq = im->next_seq,
		.clean_lsn = im->clean,
		.begin_lsn = im->begin,
		.floor_lsn = im->floor,
		.log_seq = im->oldest.seq,
		.log_lsn = im->oldest.seq ? im->oldest.first_lsn : im->lsn,
		.log_seg = im->oldest.seq ? im->oldest.seg : LC_SEG_NONE,
		.log_chain = im->oldest.seq ? im->oldest.chain_at_start : im->chain,
		.flags = flags,
		.origin_sectors = im->geo.origin_sectors,
	};
	static struct lc_ckpt ck;

	memcpy(info.open_seq, im->open_seq, sizeof(info.open_seq));
	img_ckpt_bits(im);
	lc_ckpt_encode(&ck, &im->geo, &info);
	img_write(im, img_ckpt_block(im, im->ckpt_seq), &ck, 1);
}

static inline void img_set_bits(struct img *im, u32 seg, u8 byte)
{
	memset(im->bits + seg * SEG_BLOCKS / 8, byte, SEG_BLOCKS / 8);
}

static inline void img_clear_bit(struct img *im, u32 seg, u32 block)
{
	u32 n = seg * SEG_BLOCKS + block;

	im->bits[n / 8] &= ~(1 << n % 8);
}

static inline void seg_open(struct img *im, struct img_seg *s, u32 seg, u32 next)
{
	memset(s, 0, sizeof(*s));
	s->seg = seg;
	s->next = next;
	s->seq = im->next_seq++;
	s->first_lsn = im->lsn;
}

/* The log goes on in @seg, and after that in @next. */
static inline void log_open(struct img *im, u32 seg, u32 next)
{
	seg_open(im, &im->log, seg, next);
	im->log.chain_at_start = im->chain;
}

/* The same, with nothing before it left to be sealed. */
static inline void log_start(struct img *im, u32 seg, u32 next)
{
	log_open(im, seg, next);
	im->oldest = im->log;
}

/* What the module does when it starts: a new epoch and a checkpoint that says where the log is. */
static inline void img_activate(struct img *im, u32 seg, u32 next)
{
	im->epoch++;
	log_start(im, seg, next);
	im->open_seq[0] = im->log.seq;
	img_ckpt(im, 0);
}

/* One record with @nr entries and @blocks blocks of payload filled with @fill. */
static inline void log_record(struct img *im, const struct lc_ent *ents, u32 nr, u32 blocks, u8 fill)
{
	static u8 buf[LC_BLOCK_SIZE * 129];
	struct lc_record *r = (void *)buf;
	struct img_seg *s = &im->log;
	struct lc_record_info info = {
		.epoch = im->epoch, .seq = s->seq, .lsn = im->lsn, .acked_lsn = im->acked,
		.clean_lsn = im->clean, .prev_crc = im->chain, .next_seg = s->next,
		.nr_entries = nr, .nr_blocks = blocks,
	};
	u32 i;

	memset(buf + LC_BLOCK_SIZE, fill, blocks * LC_BLOCK_SIZE);
	r->nr_entries = cpu_to_le16(nr);
	for (i = 0; i < nr; i++) {
		lc_entry_put(&lc_record_entries(r)[i], &ents[i]);
		s->ents[s->nr++] = ents[i];
	}
	for (i = 0; i < blocks; i++) {
		s->crcs[s->at + 1 + i] = lc_block_crc(buf + (i + 1) * LC_BLOCK_SIZE);
		lc_record_crcs(r)[i] = cpu_to_le32(s->crcs[s->at + 1 + i]);
	}
	im->chain = lc_record_seal(r, &im->geo, &info);
	img_write(im, img_seg_block(im, s->seg) + s->at, buf, 1 + blocks);
	s->last_at = s->at;
	s->last_crc = im->chain;
	s->at += 1 + blocks;
	im->lsn += nr;
}

/* A write of whole blocks; @len in sectors, a multiple of 8. */
static inline void log_write(struct img *im, u64 lba, u32 len, u8 fill)
{
	struct lc_ent e = {
		.lba = lba, .len = len, .pos = (im->log.at + 1) * 8, .op = LC_OP_WRITE,
	};

	log_record(im, &e, 1, len / 8, fill);
}

static inline void log_op(struct img *im, u8 op, u64 lba, u32 len)
{
	struct lc_ent e = { .lba = lba, .len = len, .op = op };

	log_record(im, &e, 1, 0, 0);
}

static inline void seg_seal(struct img *im, const struct img_seg *s, u8 type, u64 as_of)
{
	static union {
		struct lc_slot slot;
		u8 bytes[SLOT_BUF];
	} b;
	struct lc_slot_info info = {
		.epoch = im->epoch, .seq = s->seq,
		.first_lsn = type == LC_SEG_LOG ? s->first_lsn : as_of,
		.end_lsn = type == LC_SEG_LOG ? s->first_lsn + s->nr : as_of,
		.clean_lsn = im->clean, .seg = s->seg, .next_seg = s->next, .chain = s->last_crc,
		.nr_entries = s->nr, .nr_crcs = s->at, .type = type,
	};
	u32 i;

	b.slot.nr_entries = cpu_to_le16(s->nr);
	for (i = 0; i < s->nr; i++)
		lc_entry_put(&lc_slot_entries(&b.slot)[i], &s->ents[i]);
	for (i = 0; i < s->at; i++)
		lc_slot_crcs(&b.slot)[i] = cpu_to_le32(s->crcs[i]);
	img_write(im, img_slot_block(im, s->seg), &b, lc_slot_seal(&b.slot, &im->geo, &info) / LC_BLOCK_SIZE);
}

/* Seals the open log segment and opens the next one, which goes on in @after. */
static inline void log_next(struct img *im, u32 after)
{
	u32 next = im->log.next;

	seg_seal(im, &im->log, LC_SEG_LOG, 0);
	log_start(im, next, after);
}

/* A fill segment with one copy of @len sectors. */
static inline void fill_seg(struct img *im, u32 seg, u64 lba, u32 len, u8 fill, u64 as_of)
{
	static u8 buf[LC_BLOCK_SIZE];
	struct img_seg s;
	u32 i;

	seg_open(im, &s, seg, LC_SEG_NONE);
	memset(buf, fill, sizeof(buf));
	for (i = 0; i < len / 8; i++) {
		img_write(im, img_seg_block(im, seg) + i, buf, 1);
		s.crcs[s.at++] = lc_block_crc(buf);
	}
	s.ents[s.nr++] = (struct lc_ent){ .lba = lba, .len = len, .op = LC_OP_COPY };
	seg_seal(im, &s, LC_SEG_FILL, as_of);
}

#endif /* CTL_TEST_H */
