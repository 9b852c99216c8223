/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Eviction: from the high to the low watermark, clean segments chosen by lru.h
 * are emptied (blocks worth keeping are carried over), then one checkpoint,
 * then they are free. With ttl_s segments that are too old are emptied all the
 * time, however much is free. The checkpoint is what keeps an older version of a block
 * from coming back to life when its successor is gone (format.h).
 */
#ifndef LC_EVICT_H
#define LC_EVICT_H

#include <linux/workqueue.h>

#include "clean.h"
#include "format.h"

struct logcache;
struct lc_segbuf;

/* A block, or a part of one, of the victim. */
struct lc_carry {
	u64 lba;
	u64 loc;
	u32 len;
};

struct lc_evict {
	struct work_struct work;
	struct list_head victims;	/* empty, waiting for the checkpoint */
	unsigned int nr_victims;
	struct list_head pinned;	/* cannot be emptied: of what is damaged there is no copy */
	struct lc_slot *slot;		/* of the victim */
	void *data;			/* its blocks */
	struct lc_carry *carry;
	unsigned int nr_carry;
	struct lc_segbuf *cur;		/* open carry segment */
	struct lc_clean clean;
	struct delayed_work ttl;	/* look for what is too old */
	u32 ttl_s;			/* for which it is set */
	bool expire;			/* it is time */
	bool no_clean;			/* in this pass, since it failed */
	int nice;			/* of the worker, before we changed it */
	bool begun;			/* something had to make room */
	bool stop;
	bool drop;			/* asked to drop every clean segment */
	bool all;			/* doing so: keep nothing */
};

int lc_evict_init(struct logcache *lc);
void lc_evict_exit(struct logcache *lc);
/* Free segments may be short. Any context. */
void lc_evict_kick(struct logcache *lc);
/* Is there space for which nothing has to be given up? Any context. */
bool lc_evict_room(const struct logcache *lc);
/* By the work, now and then: is there time, or does somebody wait for it? */
void lc_evict_pace(struct logcache *lc);
/* Stop after the victim in hand. May sleep. */
void lc_evict_stop(struct logcache *lc);
/* Stopped: seal the open carry segment. May sleep; 0 or -errno. */
int lc_evict_seal(struct logcache *lc);

#endif /* LC_EVICT_H */
