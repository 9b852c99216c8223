/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Damage: sectors whose only copy is in the log, and wrong or unreadable.
 *
 *   found by writeback or scrub ──► in the table: reads of them fail
 *      │                                │ written, zeroed, discarded: healed, of itself:
 *      │                                │ the index points elsewhere
 *      ▼                                ▼
 *   writeback goes on without them   forget_damaged: the origin's old contents show
 *
 * The table says "these sectors of the cache are lost". The index still maps the
 * volume to them, so whatever supersedes a sector heals just that, and nothing can
 * fill the place with older contents from the origin. For as long as one of them
 * is mapped, its segment cannot be emptied and is not used again.
 *
 * Checkpoints carry the table, and one is durable before clean_lsn passes damage:
 * at no moment does a restart take the sectors for clean data. At a start they are
 * entered from their segment's summary whatever the bitmap says, since a block can
 * be superseded in part; and what is newer wins as ever. What superseded a sector
 * before the checkpoint has taken it out of the table.
 */
#ifndef LC_DAMAGE_H
#define LC_DAMAGE_H

#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include "record.h"

struct logcache;

struct lc_damages {
	struct mutex change;		/* the table is changed by one at a time */
	spinlock_t lock;		/* now; a leaf */
	struct lc_damage now[LC_DAMAGE_MAX];
	unsigned int nr;
	struct lc_damage next[LC_DAMAGE_MAX];	/* being made, under change */
	struct work_struct forget;
};

void lc_damage_init(struct logcache *lc);

/* The sectors of the log at @loc, which are @lba of the volume, are lost: reads of
 * them fail from now on, as far as nothing newer has taken their place. Within one
 * stripe. May sleep. Return: 0, or -ENOSPC with a full table.
 */
int lc_damage_add(struct logcache *lc, u64 lba, u64 loc, u32 len);

/* Is the sector at @loc damaged? *@len is cut to where that ends. Any context. */
bool lc_damage_run(struct logcache *lc, u64 loc, u32 *len);

/* Is any sector of [loc, loc + len)? Any context. */
bool lc_damaged(struct logcache *lc, u64 loc, u32 len);

/* The next part of @d, from its sector *@at on, that the index maps the volume to; moves
 * *@at behind it. False: there is none. Any context.
 */
bool lc_damage_mapped(struct logcache *lc, const struct lc_damage *d, u32 *at,
		      struct lc_damage *out);

/* The table, without what the index does not map any more, and its length; it does
 * not change before the thaw. May sleep.
 */
const struct lc_damage *lc_damage_freeze(struct logcache *lc, u32 *nr);
void lc_damage_thaw(struct logcache *lc);

/* Loading: believe @d, nothing else runs. */
void lc_damage_load(struct logcache *lc, const struct lc_damage *d);

/* Let the origin's contents show instead, in the background. Any context. */
void lc_damage_forget(struct logcache *lc);

/* Sectors of the volume that cannot be read. Does not sleep. */
u64 lc_damage_sectors(struct logcache *lc);

#endif /* LC_DAMAGE_H */
