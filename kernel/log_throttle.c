// SPDX-License-Identifier: GPL-2.0-only
#include "log_throttle.h"

#include <linux/hrtimer.h>
#include <linux/jiffies.h>

#include "log_batch.h"
#include "target.h"

/* The pause of writers between throttle and limit, for each block: 1 us and up to 1 ms. */
#define LC_PACE_MIN_NS		(1 * NSEC_PER_USEC)
#define LC_PACE_DOUBLINGS	10u

bool lc_log_throttled(struct logcache *lc)
{
	struct lc_log *log = &lc->log;
	unsigned int pct = lc_wb_dirty_percent(lc);
	unsigned int from = lc->args.dirty_throttle, to = lc->args.dirty_limit;
	u64 now;

	/* The two segments the log always holds are no reason to wait. */
	if (likely(pct < from) || log->clean_lsn == log->next_lsn)
		return false;
	lc_wb_kick(lc);
	if (pct >= to)
		return true;
	now = ktime_get_ns();
	if (now >= log->slow_until)
		return false;
	log->slowed = true;
	lc_stat_inc(lc, THROTTLED);
	hrtimer_start(&log->pace, ns_to_ktime(log->slow_until - now), HRTIMER_MODE_REL);
	return true;
}

/*
 * After @blocks went to the log, a pause that is paid for each of
 * them: it doubles every few per cents, so writers settle where they are as fast
 * as the origin, and the first per cents cost next to nothing.
 */
void lc_log_slow(struct logcache *lc, unsigned int blocks)
{
	unsigned int pct = lc_wb_dirty_percent(lc), from = lc->args.dirty_throttle;
	unsigned int to = lc->args.dirty_limit;

	if (likely(pct < from) || pct >= to)
		return;
	lc->log.slow_until = ktime_get_ns() +
		((u64)blocks * LC_PACE_MIN_NS << (pct - from) * LC_PACE_DOUBLINGS / (to - from));
}

enum hrtimer_restart lc_log_pace(struct hrtimer *timer)
{
	struct logcache *lc = container_of(timer, struct logcache, log.pace);

	queue_work(lc->wq, &lc->log.work);
	return HRTIMER_NORESTART;
}

void lc_log_note_held(struct logcache *lc)
{
	struct lc_log *log = &lc->log;
	unsigned long until;

	if (bio_list_empty(&log->pending) || log->nr_inflight || log->slowed) {
		log->held_since = 0;
	} else if (!log->held_since) {
		log->held_since = jiffies ?: 1;
		lc_stat_inc(lc, HELD);
	}
	/* When the patience with the origin is at its end. */
	if (!log->held_since || !lc->args.hold_ms)
		return;
	until = log->held_since + msecs_to_jiffies(lc->args.hold_ms);
	mod_delayed_work(lc->wq, &log->delay, time_after(until, jiffies) ? until - jiffies : 0);
}

/* Writes wait for space or for the writeback; hold_ms says how long. */
void lc_log_delay_work(struct work_struct *work)
{
	struct logcache *lc = container_of(to_delayed_work(work), struct logcache, log.delay);
	unsigned long hold = msecs_to_jiffies(lc->args.hold_ms), flags;
	struct bio_list failed = BIO_EMPTY_LIST;
	struct lc_log *log = &lc->log;
	struct bio *bio;

	lc_log_run(lc);
	spin_lock_irqsave(&log->lock, flags);
	if (hold && log->held_since && time_after_eq(jiffies, log->held_since + hold)) {
		bio_list_merge(&failed, &log->pending);
		bio_list_init(&log->pending);
		log->held_since = 0;
	}
	spin_unlock_irqrestore(&log->lock, flags);
	while ((bio = bio_list_pop(&failed)))
		lc_bio_end(bio, BLK_STS_TIMEOUT);
}
