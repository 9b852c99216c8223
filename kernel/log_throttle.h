/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Writes that are held back. How much of the cache is dirty decides:
 *
 *   below dirty_throttle   nothing
 *   up to dirty_limit      a pause for each block that went to the log (log.pace)
 *   from dirty_limit on    no more until writeback has caught up
 *
 * What is held stays in log.pending, in order, and so does all that comes behind it;
 * the same goes for writes that find no segment. After hold_ms without any progress
 * they fail (log.delay).
 */
#ifndef LC_LOG_THROTTLE_H
#define LC_LOG_THROTTLE_H

#include <linux/hrtimer.h>
#include <linux/types.h>

struct logcache;
struct work_struct;

/* Have writes to wait? If only for a while, log.pace will kick the log. Log lock held. */
bool lc_log_throttled(struct logcache *lc);
/* @blocks are going to the log. Log lock held. */
void lc_log_slow(struct logcache *lc, unsigned int blocks);
/* All that could move has moved: is anything held? Log lock held. */
void lc_log_note_held(struct logcache *lc);

/* log.pace, log.delay */
enum hrtimer_restart lc_log_pace(struct hrtimer *timer);
void lc_log_delay_work(struct work_struct *work);

#endif /* LC_LOG_THROTTLE_H */
