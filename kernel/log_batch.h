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
