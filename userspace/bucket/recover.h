/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From the bucket to the map: list what there is, take the newest good checkpoint (or
 * the local map, if it is as new), lay the objects behind it over it, up to the first
 * one that is missing. Changes nothing in the bucket. What is laid over the map counts
 * after the end only, when it is known that nothing is missing: whoever is stopped before
 * begins anew, since a map that is behind what is missing does not miss it.
 *
 *             base                  floor              tip   hole
 *   ... 38 39 |40| 41 .. 43 .. .. 46 |47| 48   49 50 51     (53) 54
 *   <- not looked at ->   ^ deleted  ^                 \_____/
 *     since the map at 40   since,     committed, for    a unit of three objects, one
 *     has them              needless   object 54 says so  missing: none of them counts
 */
#ifndef LC_BUCKET_RECOVER_H
#define LC_BUCKET_RECOVER_H

#include "vol.h"

struct lc_recovered {
	u64 tip;		/* last object that counts; 0: none */
	u64 lsn;		/* in the bucket up to here, of the log of the open run */
	u64 committed_field;	/* of object @tip, if it is of the open run */
	u64 hole;		/* first object of the open run that is not there */
	u64 last;		/* the highest one that is; 0: none */
	bool fenced;		/* there is a fence in the hole */
	struct lc_inventory inv;	/* may be taken */
};

typedef void (*lc_recover_fn)(struct lc_volume *vol, int err, struct lc_recovered *rec,
			      void *data);

/* By vol->m, into vol->map, which is of no use after an error. */
void lc_recover(struct lc_volume *vol, lc_recover_fn done, void *data);

/*----------------------------------------------------------------
 * The steps of it
 *----------------------------------------------------------------
 */

/* A checkpoint to load: @vol is the index in the inventory. */
void lc_ckpt_load(struct lc_volume *vol, const struct lc_inventory *inv,
		  const struct lc_inv_ckpt *ckpt, u64 obj_epoch,
		  void (*done)(struct lc_volume *vol, int err, void *data), void *data);

/* An object that may count. */
struct lc_replay_object {
	u64 seq;
	u64 bytes;
	const struct lc_span *span;
};

/* So many are remembered: more than are ever on their way when an object is put. */
#define LC_REPLAY_COUNTS	1024u

/* How many objects were needed, as of. */
struct lc_replay_count {
	u64 seq;
	u64 nr;
};

/* Objects in order, and what came of them. */
struct lc_replay {
	struct lc_replay_object *objects;
	u64 nr;
	u64 floor;		/* up to here a missing object is one that was not needed */
	u64 open_first;		/* of the open run; LC_BK_NEVER: it is closed */

	u64 known;		/* there, or not needed, up to here */
	bool fenced;		/* a fence is at known + 1 */
	u64 gone;		/* -ENOENT: this one was listed */

	/* Of all that is in the map, also if it has been laid over it before. */
	u64 committed_field;	/* of the last object that counts */
	u64 nr_live;		/* what it says there should be, as of committed_field */
	struct lc_replay_count counts[LC_REPLAY_COUNTS];
	u64 nr_counts;
};

/* Lay them over vol->map, up to the first hole behind the floor. */
void lc_replay(struct lc_volume *vol, struct lc_replay *r,
	       void (*done)(struct lc_volume *vol, int err, void *data), void *data);

#endif /* LC_BUCKET_RECOVER_H */
