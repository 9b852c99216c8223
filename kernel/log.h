/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The write log: gathers bios into records, writes each with one I/O, and
 * publishes and acknowledges them in LSN order. In the order a write meets them:
 *
 *   log.c            the way in; everything that can move moves
 *     log_throttle.c   if it is held back
 *   log_batch.c      its place in the open batch; the batch becomes a record
 *     log_crowd.c      and when
 *   log_publish.c    the record has been written: into the index, acknowledged
 *   log_seg.c        the segments below it, and the positions of the log
 *     log_copy.c       what the cleaner puts into the log
 *     log_start.c      start and stop
 *
 * Here are the state of all of them and the way in.
 */
#ifndef LC_LOG_H
#define LC_LOG_H

#include <linux/bio.h>
#include <linux/hrtimer.h>
#include <linux/workqueue.h>

#include "format.h"
#include "record.h"

struct lc_batch;
struct lc_segbuf;
struct logcache;

#define LC_LOG_DEPTH_MAX	8u
/* In flight, one gathering, one being acknowledged. */
#define LC_LOG_BATCHES		(LC_LOG_DEPTH_MAX + 2)

struct lc_log {
	spinlock_t lock;		/* all of this */
	struct lc_batch *batch;		/* array */
	struct list_head free;
	struct lc_batch *open;
	struct list_head inflight;	/* in LSN order */
	unsigned int nr_inflight;	/* records on their way, */
	unsigned int outstanding;	/* entries not yet acknowledged */
	unsigned int crowd;		/* writes that are outstanding at a time */
	unsigned int uncounted;		/* records since the crowd was counted */
	struct hrtimer lull;		/* the open batch waits for company, */
	bool awaiting;			/* which the timer watches; */
	bool hurry;			/* it has waited long enough */
	u64 seen;			/* what had happened when last looked at, */
	unsigned int lulls;		/* and how often that was the same */
	struct bio_list pending;	/* no room: no batch, no segment, held */
	bool submitting;		/* one context seals and submits */
	bool completing;		/* one context publishes */
	bool starved;			/* no free segment; eviction will kick */
	bool stopped;			/* suspended */
	bool requeue;			/* suspending without flush: nothing may wait */
	bool direct;			/* takes INVAL only: mode.h */
	bool gated;			/* writes wait for the change of mode */
	bool slowed;			/* writes wait for slow_until, */
	u64 slow_until;			/* in ktime_get_ns() */
	struct hrtimer pace;		/* which this tells */
	struct lc_segbuf *cur;
	struct list_head sealing;	/* full segments, oldest first */
	struct lc_batch *copy;		/* the cleaner's, waiting for its turn */
	u64 begin_lsn;			/* clean.h: segments up to here were copied, */
	u64 floor_lsn;			/* a unit has to get here, if it begins before */
	u64 next_lsn;
	u64 published_lsn;
	u64 durable_lsn;		/* below it the SSD has been flushed */
	u64 clean_lsn;
	u32 chain;
	struct list_head dirty;		/* sealed dirty segments, oldest first */
	u64 dirty_sectors;		/* payload between clean and published */
	u64 dirty_since;		/* jiffies64 of the oldest dirty entry; 0: none */
	unsigned long held_since;	/* jiffies; 0: nothing is held */
	struct work_struct work;
	struct delayed_work delay;
	struct work_struct seal;
	struct bio_list fua;		/* published, waiting for a flush */
	struct work_struct flush;
};

/* Take over @bio: write (with data), discard or write-zeroes. Ends it when it
 * is in the log and in the index, FUA also durable. Does not sleep. A large
 * write may be cut short with dm_accept_partial_bio(): map context only.
 * False: not taken, writes go the other way now (mode.h).
 */
bool lc_log_write(struct logcache *lc, struct bio *bio);

/* Largest write one record can hold, in sectors. */
u32 lc_log_write_max(const struct logcache *lc);

/* Everything that can move moves. Process context. */
void lc_log_run(struct logcache *lc);
/* log.work */
void lc_log_work(struct work_struct *work);
/* Something changed that pending bios may wait for. Any context. */
void lc_log_kick(struct logcache *lc);

#endif /* LC_LOG_H */
