/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What recovery would make of an image: how far the log reaches, and which
 * version of every sector counts. The rules are the module's:
 *
 *   sealed segments   said by their slots
 *   the tail          segments not yet sealed, found by following record headers
 *                     from the newest sealed log segment (or from where the
 *                     checkpoint says) as long as epoch, LSN, sequence number
 *                     and chain continue; cut at the first torn record
 *
 * Both become sources. Sorted, a later one wins over an earlier one:
 *
 *   log segments by LSN; a fill segment, which is as of some LSN, behind all log
 *   segments that end at or below it; of two fills as of the same LSN the one
 *   opened later.
 */
#ifndef CTL_RECOVER_H
#define CTL_RECOVER_H

#include "image.h"

/* A record of the tail, by its header. */
struct tail_record {
	u32 seg;
	u32 at;			/* block in the segment */
	struct lc_record_info info;
	struct lc_ent *ents;
	u32 bad_block;		/* first payload block with a wrong checksum, or NO_BAD_BLOCK */
};

#define NO_BAD_BLOCK	(~0u)

struct source {
	u32 seg;
	u8 type;		/* enum lc_seg_type */
	bool tail;
	bool dirty;		/* log: has entries that are not on the origin */
	u64 seq;
	u64 first_lsn;
	u64 end_lsn;
	u32 first_record;	/* tail: in recovery.records */
	u32 nr_records;
};

struct recovery {
	u64 clean_lsn;		/* entries below it are on the origin */
	u64 tail_lsn;		/* the next entry would have had it */
	u64 acked_lsn;
	u32 end_seg;		/* where the log ends */
	u32 end_at;
	const char *end_why;
	bool torn;		/* ends with a record that was not written completely */
	u64 tail_start;		/* LSN of the first record that is not in a sealed segment */
	u64 headers_lsn;	/* as far as headers continue the log, torn or not */
	u64 beyond_lsn;		/* all below it was durable, say records behind that; or 0 */
	u32 beyond[LC_CKPT_OPEN];	/* segments where such records were looked for */
	u32 nr_beyond;
	struct tail_record *records;
	u32 nr_records;		/* headers that continue the chain */
	u32 nr_counted;		/* of these, those that count */
	struct source *sources;	/* in the order described above */
	u32 nr_sources;
};

/* Needs an image that image_load() accepted. What is wrong goes to img->findings. */
void recover(const struct image *img, struct recovery *rec);
void recovery_free(struct recovery *rec);

/* The entries of one source, and the checksums that its slot has for its blocks. */
struct contents {
	u32 nr_ents;
	u32 nr_crcs;
	struct lc_ent *ents;
	u32 *crcs;
};

/* False if the slot cannot be read any more. */
bool contents_load(const struct image *img, const struct recovery *rec, const struct source *src,
		   struct contents *c);
void contents_free(struct contents *c);

/* LSN of entry @i of a log source. */
static inline u64 source_lsn(const struct source *src, u32 i)
{
	return src->first_lsn + i;
}

static inline bool op_has_payload(u8 op)
{
	return op == LC_OP_WRITE || op == LC_OP_COPY;
}

/*
 * The next part of @e, from sector *@from of it on, that recovery believes: *@from
 * and *@len are set to it. False when there is no more.
 */
bool source_part(const struct image *img, const struct source *src, const struct lc_ent *e,
		 u32 *from, u32 *len);

#endif /* CTL_RECOVER_H */
