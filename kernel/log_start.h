/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Start and stop of the log.
 *
 *   init --> start --> running --> quiesce --> stop --> start again, or exit
 *                        | ^
 *                   hold `-' unhold: a suspend without flush has begun; or did not happen
 */
#ifndef LC_LOG_START_H
#define LC_LOG_START_H

#include "logcache.h"

/* Memory, timers, work. May sleep; -ENOMEM: lc_log_exit() cleans up. */
int lc_log_init(struct logcache *lc);
void lc_log_exit(struct logcache *lc);

/* Open the first segment at @lsn, behind a record with CRC @chain; the caller
 * writes the checkpoint that says so before the first write. May sleep.
 */
int lc_log_start(struct logcache *lc, u64 lsn, u32 chain);

/* Until the next start: give back to device-mapper what cannot be placed at once. */
void lc_log_hold(struct logcache *lc);
/* The suspend did not happen. */
void lc_log_unhold(struct logcache *lc);

/* Is a suspend without flush under way, which waits for bios to be given back? */
static inline bool lc_log_requeues(const struct logcache *lc)
{
	/* An interrupted suspend is over for device-mapper before we are told. */
	return READ_ONCE(lc->log.requeue) && dm_noflush_suspending(lc->ti);
}

/* Before suspend has ended: timers and callbacks that could still come. May sleep. */
void lc_log_quiesce(struct logcache *lc);
/* Nothing is in flight (suspended): seal the open segment. May sleep; 0 or -errno. */
int lc_log_stop(struct logcache *lc);

#endif /* LC_LOG_START_H */
