/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Bugs that the tests plant, to see that they are found. Compiled in only with
 * LC_PLANT_BUGS.
 */
#ifndef LC_BUCKET_PLANT_H
#define LC_BUCKET_PLANT_H

enum lc_bucket_plant {
	LC_BK_PLANT_NONE,
	LC_BK_PLANT_COMMIT_ORDER,	/* a unit is answered when its own object is there */
	LC_BK_PLANT_EARLY_DELETE,	/* no mark before an object is deleted */
	LC_BK_PLANT_NO_CUT,		/* an old owner's run is not closed */
	LC_BK_PLANT_NO_EPOCH,		/* another owner's objects are taken for one's own */
	LC_BK_PLANT_GC_STALE,		/* copies are not checked against what came meanwhile */
	LC_BK_PLANT_NO_PINS,		/* snapshots do not keep anything */
	LC_BK_PLANT_NO_ZERO,		/* an object with nothing but zeroes is taken for garbage */
	LC_BK_PLANT_HALF_GROUP,		/* a part of a unit counts */
	LC_BK_PLANT_MARK_AHEAD,		/* a mark has what is on its way for complete */
	LC_BK_PLANT_NR,
};

#ifdef LC_PLANT_BUGS
#define lc_planted(vol, bug)	((vol)->params.plant == (bug))
#else
#define lc_planted(vol, bug)	((void)(vol), (void)(bug), false)
#endif

#endif /* LC_BUCKET_PLANT_H */
