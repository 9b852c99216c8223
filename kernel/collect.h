/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Collecting a unit: of every sector that the log holds from some LSN on the newest
 * version, in the index wb.unit. An open segment gives what is durable of it, or the
 * origin could be ahead of what the log keeps through a power cut.
 *
 * A unit that has to go on although the index is full (clean.h) is collected in windows,
 * ranges of the volume: the first decides where the unit ends, and each of the others
 * looks at the same entries again.
 */
#ifndef LC_COLLECT_H
#define LC_COLLECT_H

#include <linux/types.h>

struct logcache;

/**
 * struct lc_unit_limit - where a unit ends at the latest
 * @floor:	but not before this LSN: then it has several windows if it has to
 * @end:	LSN
 * @data:	sectors, of the newest versions; the entry that reaches it is in
 * @extents:	in the index
 */
struct lc_unit_limit {
	u64 floor;
	u64 end;
	u64 data;
	u32 extents;
};

/* Fill wb.unit, and the fields of struct lc_writeback named unit_*, from LSN @from on.
 * wb.work only; may sleep. 0, and there is at least one entry; or -errno: -EUCLEAN if
 * there is none.
 */
int lc_unit_collect(struct logcache *lc, u64 from, const struct lc_unit_limit *limit);

/* The next window of the unit that began at @from. False: there is none, or *@r is not 0. */
bool lc_unit_next_window(struct logcache *lc, u64 from, int *r);

#endif /* LC_COLLECT_H */
