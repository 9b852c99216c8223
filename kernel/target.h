/* SPDX-License-Identifier: GPL-2.0-only */
/* What the parts of a volume need from the whole of it. */
#ifndef LC_TARGET_H
#define LC_TARGET_H

#include "logcache.h"

/* One line in the kernel log, the volume's name in front. */
#define lc_error(lc, fmt, ...)	DMERR("%s: " fmt, (lc)->name, ##__VA_ARGS__)
#define lc_error_limit(lc, fmt, ...)	DMERR_LIMIT("%s: " fmt, (lc)->name, ##__VA_ARGS__)
#define lc_warn(lc, fmt, ...)	DMWARN("%s: " fmt, (lc)->name, ##__VA_ARGS__)
#define lc_info(lc, fmt, ...)	DMINFO("%s: " fmt, (lc)->name, ##__VA_ARGS__)

/* The cache device can no longer be trusted with writes: from now on they
 * fail, what is there is still read and written back. Any context.
 */
void lc_fail(struct logcache *lc, const char *what, int error);

/* Do reads that miss go into the cache? */
static inline bool lc_inserts_reads(const struct logcache *lc)
{
	return lc->args.read_cache && lc->args.mode != LC_MODE_PASSTHROUGH && lc->state == LC_OK;
}

/* A bio is done with its segment. Any context. */
static inline void lc_seg_read_done(struct logcache *lc, struct lc_seg *s)
{
	if (atomic_dec_and_test(&s->readers) && wq_has_sleeper(&lc->seg_wait))
		wake_up_all(&lc->seg_wait);
}

/*
 * Bugs that can be planted to prove that the crash tests would notice them.
 * Only in modules built with LC_PLANT_BUGS; there a module parameter.
 */
enum lc_plant {
	LC_PLANT_NONE,
	LC_PLANT_EARLY_ACK,	/* acknowledge before the log write completes */
	LC_PLANT_NO_FLUSH,	/* a flush does not flush the SSD */
	LC_PLANT_NO_FENCE,	/* recovery after a crash does not cut the log */
	LC_PLANT_NO_CKPT,	/* segments are used again without a checkpoint */
	LC_PLANT_STALE_COPY,	/* the cleaner does not look for newer writes */
	LC_PLANT_NO_FLOOR,	/* a unit may end anywhere, whatever was copied */
};

#ifdef LC_PLANT_BUGS
extern unsigned int lc_plant;
#define lc_planted(bug)	(lc_plant == (bug))
#else
#define lc_planted(bug)	((void)(bug), false)
#endif

#endif /* LC_TARGET_H */
