/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Batches: entries that travel to the cache as one record.
 *
 *   FREE --open--> OPEN --submit--> IN FLIGHT --end_io--> DONE --publish, ack--> FREE
 *                  bios gather      record is on its way        once all older ones are
 *
 * At most one batch is OPEN.
 *
 * The payload is copied into the batch, which makes the checksum that is stored
 * true of what is stored, whatever the user does to the page meanwhile.
 */
#ifndef LC_LOG_BATCH_H
#define LC_LOG_BATCH_H

#include "logcache.h"

/* Of a batch of copies, which remembers for each block whether its checksum is kept. */
#define LC_COPY_BLOCKS_MAX	64u
#define LC_BATCH_BYTES	((LC_RECORD_BLOCKS_MAX + 1) * LC_BLOCK_SIZE)
#define LC_BATCH_VECS	DIV_ROUND_UP(LC_BATCH_BYTES, PAGE_SIZE)

struct lc_batch_ent {
	u64 lba;
	u32 len;
	u32 pos;		/* sectors from the start of the payload */
	u8 op;
};

struct lc_batch {
	struct list_head list;
	struct completion *copied;	/* of the cleaner: told at the end, and not the log's */
	u64 *from;		/* and where each entry's data was; zeroes: the segment's loc */
	u64 kept;		/* blocks of payload that keep their checksum, */
	u32 *crc;		/* which was compared with what is copied */
	struct logcache *lc;
	struct bio_list bios;	/* to acknowledge */
	void *data;		/* header block, then payload */
	unsigned int nr;	/* entries */
	unsigned int sectors;	/* of payload, padding included */
	unsigned int max_blocks;	/* of payload, fits segment and buffer */
	unsigned int max_ents;
	struct bio bio;
	bool wide;		/* an entry may cover much of the index */
	unsigned int copying;	/* bios whose data is still on its way in */
	bool done;
	blk_status_t status;
	struct lc_segbuf *sb;
	u32 at;			/* block of the segment where the header goes */
	unsigned int published;	/* entries that are in the index */
	unsigned int dirty;	/* sectors of data, without padding */
	u64 lsn;
	struct lc_batch_ent ent[LC_RECORD_ENTRIES_MAX];
	struct bio_vec vec[LC_BATCH_VECS];
};

/* A batch without entries. Not yet the log's, or log lock held. */
void lc_batch_reset(struct lc_batch *b);
/* Where in the payload @len sectors would go: whole blocks start on a block, so that
 * aligned data stays aligned; smaller writes share one.
 */
unsigned int lc_batch_pos(const struct lc_batch *b, unsigned int len);
/* Is there room for one more entry, and for payload up to sector @end? */
bool lc_batch_fits(const struct lc_batch *b, unsigned int end);
/* Takes the place behind @b's last entry, at @pos, which fits. */
void lc_batch_add(struct lc_batch *b, u64 lba, u32 len, u8 op, unsigned int pos);

/* A place in the open batch, which is opened if there is none, for @bio: its data goes to
 * sector *@pos, and then @b->copying is lowered. NULL: no room. Log lock held.
 */
struct lc_batch *lc_log_reserve(struct logcache *lc, struct bio *bio, unsigned int *pos);
/* The data of @bio. No lock. */
void lc_bio_copy(void *to, struct bio *bio);

/* @b is the next record: it gets its LSNs and its place and is submitted. Log lock held,
 * dropped in between, while log.submitting keeps the order.
 */
void lc_log_send(struct logcache *lc, struct lc_batch *b, unsigned long *flags)
	__must_hold(&lc->log.lock);

static inline void lc_bio_end(struct bio *bio, blk_status_t status)
{
	bio->bi_status = status;
	bio_endio(bio);
}

/* Sectors of @bio that travel in a record. */
static inline unsigned int lc_bio_payload(struct bio *bio)
{
	return lc_bio(bio)->op == LC_OP_WRITE ? bio_sectors(bio) : 0;
}

static inline unsigned int lc_batch_blocks(const struct lc_batch *b)
{
	return DIV_ROUND_UP(b->sectors, LC_BLOCK_SECTORS);
}

static inline void *lc_batch_sector(struct lc_batch *b, unsigned int pos)
{
	return b->data + LC_BLOCK_SIZE + (pos << LC_SECTOR_SHIFT);
}

#endif /* LC_LOG_BATCH_H */
