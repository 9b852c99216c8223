/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From extents and their data to one object: what goes where in the payload, which
 * bytes to send, which checksums. Pure but for memory.
 *
 * The payload is in the order of sectors, so that what is read together lies together;
 * but extents that are no multiple of a block come last, so that they do not push the
 * others off the block boundaries that checksums have.
 */
#ifndef LC_BUCKET_UNIT_H
#define LC_BUCKET_UNIT_H

#include <sys/uio.h>

#include "codec.h"

/* Sorted, disjoint. */
struct lc_part {
	u64 lba;
	u64 len;		/* sectors */
	u8 op;			/* enum lc_bk_op */
	const u8 *data;
};

struct lc_built {
	struct lc_obj obj;
	struct lc_ext *exts;	/* as in the header */
	void *header;
	struct iovec *iov;	/* the header, then the payload */
	int nr_iov;
	u64 bytes;		/* of the object */
};

/*
 * How many of the @nr parts go into one object of at most @max sectors of payload. The
 * last of them may have to be cut: *@cut sectors of it do, if that is not 0.
 */
u32 lc_parts_fit(const struct lc_part *parts, u32 nr, u32 max, u32 *cut);

/* @b->obj has all but the counts. False: out of memory. */
bool lc_built_make(struct lc_built *b, const u8 uuid[16], const struct lc_part *parts, u32 nr);
void lc_built_free(struct lc_built *b);

/* Sorts them. False: one overlaps another, or is empty, or ends behind @sectors. */
bool lc_parts_sort(struct lc_part *parts, u32 nr, u64 sectors);

#endif /* LC_BUCKET_UNIT_H */
