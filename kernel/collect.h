/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Collecting a unit: of every sector that the log holds from some LSN on the newest
 * version, in the index wb.unit. An open segment gives what is durable of it, or the
 * origin could be ahead of what the log keeps through a power cut.
 */
#ifndef LC_COLLECT_H
#define LC_COLLECT_H

#include <linux/types.h>

struct logcache;

/**
 * struct lc_unit_limit - where a unit begins, and where it ends at the latest
 * @from:	LSN
 * @floor:	LSN that it has to reach, whatever the other limits say (clean.h); or 0
 * @end:	LSN
 * @data:	sectors, of the newest versions; the entry that reaches it is in
 * @extents:	in the index
 */
struct lc_unit_limit {
	u64 from;
	u64 floor;
	u64 end;
	u64 data;
	u32 extents;
};

/* Fill wb.unit, and the fields of struct lc_writeback named unit_*. wb.work only; may
 * sleep. 0, and there is at least one entry; or -errno: -EUCLEAN if there is none.
 */
int lc_unit_collect(struct logcache *lc, const struct lc_unit_limit *limit);

/* Only the window from sector @low of the volume on, as far as the index can hold it
 * (wb.unit_high): more than one if @floor allows no shorter unit.
 */
int lc_unit_window(struct logcache *lc, u64 low, const struct lc_unit_limit *limit);

#endif /* LC_COLLECT_H */
