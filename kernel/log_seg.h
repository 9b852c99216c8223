/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The segments under the log, and its positions.
 *
 * A segment of the log:
 *
 *   log.cur --full--> log.sealing --all of it published, slot written--> log.dirty
 *           --all of it on the origin (clean), or copied to the head of the log--> nobody's
 *
 * Positions in the log, all LSNs:
 *
 *   clean_lsn ≤ durable_lsn ≤ published_lsn ≤ next_lsn
 *
 * Below clean: on the origin, flushed. Below durable: survives a power cut; the
 * same as published if the SSD has no volatile cache. Below published: written,
 * in the index, acknowledged. Below next: submitted. The origin is only given
 * what is durable, or it could be ahead of the log after a power cut.
 */
#ifndef LC_LOG_SEG_H
#define LC_LOG_SEG_H

#include <linux/types.h>

struct lc_ckpt_info;
struct lc_log;
struct lc_seg;
struct lc_segbuf;
struct logcache;
struct work_struct;

/* May records go to @sb, the open segment? Log lock held. */
bool lc_log_may_begin(const struct logcache *lc, const struct lc_segbuf *sb);
/* The open segment is full: go on in the next one. False: there is none. Log lock held. */
bool lc_log_next_seg(struct logcache *lc);
/* log.seal */
void lc_log_seal_work(struct work_struct *work);

/* A flush of the cache that began when published_lsn was @lsn has completed. Any context. */
void lc_log_durable(struct logcache *lc, u64 lsn);
/* Make durable what is published by now. May sleep; 0 or -errno. */
int lc_log_flush_cache(struct logcache *lc);

/* Wait until all that has an LSN by now, below *@lsn, is published and durable: a record
 * can be in the index and not be published yet. May sleep; 0 or -errno.
 */
int lc_log_settle(struct logcache *lc, u64 *lsn);

/* Everything below @lsn, @sectors of it, is on the origin now. Any context. */
void lc_log_cleaned(struct logcache *lc, u64 lsn, u64 sectors);

/* The oldest sealed segment is empty, and all that took its place is durable and below
 * @floor. @sectors: payload in it that was dirty. It is nobody's then. Any context.
 */
void lc_log_copied(struct logcache *lc, struct lc_seg *s, u64 sectors, u64 floor);

/* The origin may have something of all below @lsn: it is a past state of the volume only
 * when it has all of it. Any context.
 */
void lc_log_raise_floor(struct logcache *lc, u64 lsn);

/* Where the log begins for the writeback; and the LSN that its next unit has to
 * reach, 0: any.
 */
u64 lc_log_begin(const struct lc_log *log);
u64 lc_log_floor(const struct lc_log *log);

/* Where recovery has to start reading now; for a checkpoint. */
void lc_log_position(struct logcache *lc, struct lc_ckpt_info *ck);

#endif /* LC_LOG_SEG_H */
