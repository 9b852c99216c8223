/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How far the log on an image is whole, without asking for the end of it.
 *
 * From what is on the origin on, the log is followed by summaries, and where one is
 * missing by the records of a segment, which say the same. What comes first is kept;
 * where neither continues the log it ends, at a moment that the volume really had.
 *
 * What lies behind is not part of the prefix, but it is believed in what it says of
 * the origin: a record that says "all below 80 is on the origin" is right about that
 * even if the log ends at 50, and then nothing from before 80 may cover the origin.
 */
#ifndef CTL_PREFIX_H
#define CTL_PREFIX_H

#include "recover.h"

/* A log segment that is kept. */
struct piece {
	u32 seg;
	u64 epoch;		/* of its records, or of its summary */
	u64 seq;
	u64 first_lsn;
	u64 end_lsn;
	u32 chain;
	u32 nr_bad;		/* records of it with damaged payload */
	struct lc_slot *slot;	/* made from its records; NULL: it has one */
	u32 slot_bytes;
};

/* An entry that is not kept, as far as it is known. */
struct lost_entry {
	u64 lsn;
	struct lc_ent ent;
};

struct prefix {
	u64 clean_lsn;		/* entries below it are on the origin */
	u64 acked_lsn;		/* entries below it were durable */
	u64 end_lsn;		/* the log is whole up to here; not below clean_lsn */
	u64 known_lsn;		/* no entry is known from here on */
	u64 next_seq;		/* higher than any */
	u32 chain;		/* of the last record that is kept */
	bool all_given_up;	/* since copies that the log needs are lost */
	struct piece *pieces;	/* oldest first */
	u32 nr_pieces;
	struct lost_entry *lost;	/* by LSN */
	u32 nr_lost;
	u32 room;
};

/* @epoch: what summaries that are made anew carry. */
void prefix_find(struct prefix *p, const struct image *img, const struct recovery *rec, u64 epoch);
void prefix_free(struct prefix *p);

/* Is @seg one of the pieces that need a summary? */
bool prefix_makes_slot(const struct prefix *p, u32 seg);

#endif /* CTL_PREFIX_H */
