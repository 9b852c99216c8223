/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Writeback: everything from clean_lsn to some later LSN is one *unit*. Of each
 * sector the newest version inside the unit goes to the origin, sorted by LBA,
 * neighbours merged; then one flush of the origin; then clean_lsn moves to the
 * end of the unit. Units never overlap in time, so after each of them the
 * origin is the volume as it was at clean_lsn, whatever has been written since.
 *
 *   collect -> jobs: read SSD -> verify -> write origin -> flush origin -> clean
 *              `--- failed: again after a pause, for ever --'
 *
 * Blocks that cannot be had from the SSD are given up after some tries, if the SSD
 * is there otherwise: what is good around them goes to the origin, they go to the
 * table of what is damaged (damage.h), and a checkpoint with it is written before
 * the unit counts as clean.
 */
#ifndef LC_WRITEBACK_H
#define LC_WRITEBACK_H

#include <linux/bio.h>
#include <linux/mempool.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "format.h"

#include "index.h"

struct logcache;

/*
 * Whose the oldest segments of the log are. The cleaner moves what a unit reads, so
 * they take turns. A unit in which the origin's readers leave no room is asked for
 * its turn: what it has written was not for nothing only if it is not superseded, but
 * the space is needed now.
 *
 *   NOBODY --unit--> UNIT --asked--> ASKED --given up--> OFFERED --clean--> CLEAN_OFFERED
 *     ^  ^             |               |                  |   ^                 |
 *     |  `----done-----+-----done------'                  |   `-----segment-----'
 *     `-----------the cleaner has looked------------------'
 *   NOBODY --clean--> CLEAN --segment--> NOBODY
 *
 * The cleaner's turn ends with a segment that is empty, or is not to be emptied.
 */
enum lc_wb_turn {
	LC_TURN_NOBODY,
	LC_TURN_UNIT,
	LC_TURN_ASKED,		/* the unit's, which is to give up */
	LC_TURN_OFFERED,	/* it has: no other before the cleaner had its turn */
	LC_TURN_CLEAN,
	LC_TURN_CLEAN_OFFERED,	/* the same, and it goes back to OFFERED */
};

struct lc_writeback {
	struct workqueue_struct *wq;	/* its own: it waits for the origin without bound */
	struct delayed_work work;
	struct delayed_work save;	/* a checkpoint with clean_lsn, if the log stays idle */
	u64 saved_lsn;			/* clean_lsn in the last of these */
	struct lc_index unit;		/* newest version of each sector; key: lba */
	void *nodes;
	struct lc_slot *slot;		/* one, being collected */
	u64 unit_end;			/* LSN */
	u64 unit_sectors;		/* of payload that the unit makes clean */
	u64 unit_data;			/* of it what is newest, and goes to the origin */
	u64 unit_low;			/* its window: sectors of the volume that it looks at; */
	u64 unit_high;			/* more than one if not all fits the index */
	atomic_t turn;			/* enum lc_wb_turn */
	u64 yielded;			/* jiffies64 when one last gave up for the cleaner; or 0 */
	u64 flush_lsn;			/* forced up to here */
	bool drain;			/* write back whatever there is: a change of mode */
	bool keep_clean;		/* the same, because somebody asked for it */
	bool stop;			/* suspending: give the unit up */
	bool half;			/* a unit is being applied, or was and is not whole */
	bool skipped;			/* part of it, to give it up */
	bool damaged;			/* it leaves damage behind */
	atomic_t jobs;			/* in flight */
	spinlock_t lock;
	struct list_head failed;	/* jobs to be tried again, under lock */
	wait_queue_head_t wait;		/* a job ended; clean_lsn moved; stop */
	u64 misses;			/* as counted when somebody last waited for the origin */
	unsigned long foreground_until;	/* jiffies */
	unsigned int errors;		/* rounds in a row with a failed job */
	unsigned long pause_until;	/* jiffies; 0: no unit has failed */
	mempool_t *job_pool;
	mempool_t *pages;
	struct bio_set bs;
};

int lc_wb_init(struct logcache *lc);
void lc_wb_exit(struct logcache *lc);
/* Something has just become dirty: look when it comes of age. Any context. */
void lc_wb_arm(struct logcache *lc);
/* There may be something to do. Any context. */
void lc_wb_kick(struct logcache *lc);
/* One more segment is dirty: that can be enough to begin. Any context. */
void lc_wb_grown(struct logcache *lc);
/* Write back everything published so far, in the background. Any context. */
void lc_wb_flush(struct logcache *lc);
/* Stop and wait for the running unit to end or give up. May sleep. */
void lc_wb_stop(struct logcache *lc);
void lc_wb_resume(struct logcache *lc);
/* Everything below @lsn, @sectors of payload, is on the origin, flushed. wb.work only. */
void lc_wb_cleaned(struct logcache *lc, u64 lsn, u64 sectors);
/* Percent of the segments that hold log data not yet on the origin. */
unsigned int lc_wb_dirty_percent(const struct logcache *lc);
/* Has somebody asked for everything to be written back? */
bool lc_wb_awaited(const struct logcache *lc);

/* The cleaner's turn; false: a unit is under way, and is asked to give up where that
 * is better. Any context.
 */
bool lc_wb_clean_begin(struct logcache *lc);
void lc_wb_clean_end(struct logcache *lc);
/* Has a unit been asked to give up, and will kick the eviction when it has? Any context. */
bool lc_wb_yields(const struct logcache *lc);
/* The cleaner has looked: units go on. Any context. */
void lc_wb_unyield(struct logcache *lc);

#endif /* LC_WRITEBACK_H */
