/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The origin: where the volume's data is in the end, and all that is clean. A
 * sector of the volume is the same sector of the origin. One table of
 * operations; everything else in the module knows the origin by these alone.
 *
 *   origin_bdev.c    a block device
 */
#ifndef LC_ORIGIN_H
#define LC_ORIGIN_H

#include <linux/bio.h>
#include <linux/device-mapper.h>

struct logcache;
struct lc_extent;
struct lc_miss;

/**
 * struct lc_origin_ops - what an origin can do
 * @ctr:	open what the table calls @arg; sets ti->error. May sleep; 0 or -errno
 * @dtr:	undo, of whatever is there
 * @iterate:	call @fn for each of the origin's devices
 *
 * Reads. Each ends by itself, with the status of the origin:
 * @read_begin:	have everything that a read of @m into its pages needs; false: no
 *		memory, nothing was done. Under the shard lock; does not sleep
 * @read:	start it; ends with lc_miss_done(). Any context that may submit
 * @remap:	@bio, as it is, in map context; does not sleep. DM_MAPIO_*
 * @submit:	@bio, as it is, from anywhere else; also writes and discards
 *
 * Writeback and direct modes; these may sleep and return 0 or -errno:
 * @submit_wait: as @submit, and wait for it
 * @zero:	the sectors of @e, LC_EXT_ZERO or _DISCARD
 * @flush:	what has completed is durable
 * @discards:	is a discard any use? Any context
 */
struct lc_origin_ops {
	int (*ctr)(struct logcache *lc, const char *arg);
	void (*dtr)(struct logcache *lc);
	int (*iterate)(struct logcache *lc, iterate_devices_callout_fn fn, void *data);

	bool (*read_begin)(struct lc_miss *m, blk_opf_t opf);
	void (*read)(struct lc_miss *m);
	int (*remap)(struct logcache *lc, struct bio *bio);
	void (*submit)(struct logcache *lc, struct bio *bio);

	int (*submit_wait)(struct logcache *lc, struct bio *bio);
	int (*zero)(struct logcache *lc, const struct lc_extent *e);
	int (*flush)(struct logcache *lc);
	bool (*discards)(const struct logcache *lc);
};

struct lc_origin {
	const struct lc_origin_ops *ops;
	const char *name;	/* as the table says it */
	struct dm_dev *dev;	/* origin_bdev.c */
};

extern const struct lc_origin_ops lc_origin_bdev;

/* Of a volume under construction: choose by @arg, then open. May sleep; 0 or -errno. */
int lc_origin_ctr(struct logcache *lc, const char *arg);
/* Accepts what has not been opened. */
void lc_origin_dtr(struct logcache *lc);

#endif /* LC_ORIGIN_H */
