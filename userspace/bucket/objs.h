/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is known of each object of the volume: how much of it is still needed. Pure;
 * sorted by sequence number, which only ever grows at the end.
 *
 * An object is *needed* as long as a sector of the volume has its newest version in
 * it, be it data or zeroes: replayed in order, the needed objects alone give the
 * volume. (Without the zeroes, an older object would show through.)
 */
#ifndef LC_BUCKET_OBJS_H
#define LC_BUCKET_OBJS_H

#include <stdbool.h>

#include <linux/types.h>

struct lc_objs_entry {
	u64 seq;
	u64 dead_at;		/* needed by nothing from this object on; LC_BK_NEVER: needed */
	u64 live;		/* sectors of payload that are needed */
	u64 zero;		/* sectors of the volume that are zero by this object */
	u32 header_bytes;
	u32 payload;		/* sectors */
	bool dirty;		/* not in the database as it is here */
	bool deleting;		/* a DELETE is on its way */
};

struct lc_objs {
	struct lc_objs_entry *e;
	u32 nr;
	u32 max;
	u64 nr_needed;
	u64 live;		/* sums over all, in sectors */
	u64 payload;
	u64 bytes;		/* of the objects, headers and all */
};

void lc_objs_clear(struct lc_objs *objs);
/* NULL: not there. */
struct lc_objs_entry *lc_objs_find(const struct lc_objs *objs, u64 seq);
/* Behind the last one, nothing of it needed yet. -ENOMEM, -EINVAL: out of order. */
int lc_objs_add(struct lc_objs *objs, const struct lc_objs_entry *entry);
void lc_objs_remove(struct lc_objs *objs, u64 seq);

/* @sectors of @seq became the newest version; data or zeroes. False: no such object. */
bool lc_objs_gain(struct lc_objs *objs, u64 seq, u64 sectors, bool data);
/* The opposite, by object @at. False: no such object, or it had not that many. */
bool lc_objs_lose(struct lc_objs *objs, u64 seq, u64 sectors, bool data, u64 at);

static inline u64 lc_objs_bytes(const struct lc_objs_entry *e)
{
	return e->header_bytes + (u64)e->payload * 512;
}

#endif /* LC_BUCKET_OBJS_H */
