/* SPDX-License-Identifier: GPL-2.0-only */
/* The superblock and the checkpoints. All of it may sleep. */
#ifndef LC_SUPER_H
#define LC_SUPER_H

#include "logcache.h"

/* Read the superblock into lc->geo; refuses what does not fit the devices. 0 or -errno. */
int lc_super_load(struct logcache *lc);

/* Read the newest valid checkpoint: fields into *@ck, bits into segs.intact. 0 or -errno. */
int lc_ckpt_load(struct logcache *lc, struct lc_ckpt_info *ck);

/* Write the next checkpoint: bitmap, clean_lsn and where the log is. When it
 * returns 0 it is durable, and with it every segment summary written before.
 * @flags: LC_CKPT_CLEAN when the log is stopped and sealed.
 */
int lc_ckpt_write(struct logcache *lc, u32 flags);

#endif /* LC_SUPER_H */
