/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Cleaning the log: space that is full of overwritten data is had back without the
 * origin. What still counts in the oldest dirty segment is copied to the head of the
 * log, and the segment is free behind the next checkpoint:
 *
 *   oldest                                                     head
 *   | S1: a b c d | S2: a e . | S3: b d f |        | a b  ...   |
 *          `------------ c, the only one that counts ------^
 *     begin_lsn ->|                                            |<- floor_lsn
 *
 * A copy is a write like any other: it has an LSN, and what it says was true at it,
 * since it gets one only while nothing newer is in the index or on its way there
 * (lc_log_copy). What it takes is the log's past: between S1 and the head there are
 * moments that can no longer be told from what is left. A crash does not want to know
 * them, everything up to floor_lsn being durable before S1 is used again. The
 * origin does: a unit of writeback that begins in front of S2 has to go on up
 * to floor_lsn at least, where all that superseded something of S1 is inside.
 *
 * Both positions are in the checkpoint that frees the segment (format.h).
 */
#ifndef LC_CLEAN_H
#define LC_CLEAN_H

#include <linux/types.h>

#include "format.h"

struct logcache;
struct lc_batch;
struct lc_slot;

struct lc_clean {
	struct lc_batch *batch;
	void *data;		/* of the segment */
	struct lc_slot *slot;
	u64 stuck_lsn;		/* end of a segment that cannot be copied */
	bool dropped;		/* of a record with zeroes, since something newer was on its way */
	bool zeroes;		/* seen in the segment, or discards */
};

int lc_clean_init(struct logcache *lc);
void lc_clean_exit(struct logcache *lc);

/* Is copying the cheapest way to more space? Any context. */
bool lc_clean_worth(struct logcache *lc);

/* Empty the oldest segment of the log. May sleep; one at a time. Return: 0, with nothing of
 * segment *@seg mapped or being read any more, and it may be used again behind a
 * checkpoint; -EAGAIN: a unit of writeback is in the way; or another -errno.
 */
int lc_clean_segment(struct logcache *lc, u32 *seg);

#endif /* LC_CLEAN_H */
