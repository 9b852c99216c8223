/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The origin: where the volume's data is in the end, and all that is clean. A
 * sector of the volume is the same sector of the origin. One table of
 * operations; everything else in the module knows the origin by these alone.
 *
 *   origin_bdev.c    a block device
 *   origin_helper.c  a helper in userspace (helper.h)
 */
#ifndef LC_ORIGIN_H
#define LC_ORIGIN_H

#include <linux/bio.h>
#include <linux/device-mapper.h>

struct logcache;
struct lc_args;
struct lc_extent;
struct lc_helper;
struct lc_miss;

/**
 * struct lc_origin_ops - what an origin can do
 * @ctr:	open what the table calls @arg; sets ti->error. May sleep; 0 or -errno
 * @check:	does the superblock, which is known now, fit? As @ctr
 * @init:	memory, as the geometry demands. May sleep; 0 or -errno
 * @dtr:	undo, of whatever is there
 * @iterate:	call @fn for each of the origin's devices
 * @direct:	it can be written to directly: all modes (mode.h)
 * @patient:	a read may take as long as it likes
 * @costly:	each byte that is read takes time, or money: none on suspicion
 *
 * Each may be NULL:
 * @start:	the volume is resumed
 * @hold:	a suspend without flush begins: nothing may wait. May sleep
 * @stop:	the volume is suspended, no bio is in flight. May sleep
 * @status:	print pairs for the status line; returns how much, as scnprintf() does
 *
 * Reads. Each ends by itself, with the status of the origin:
 * @read_begin:	have everything that a read of @m into its pages needs; false: no
 *		memory, nothing was done. Under the shard lock; does not sleep
 * @read:	start it; ends with lc_miss_done() or lc_miss_answer(). Any context that may
 *		submit
 * @remap:	@bio, as it is, in map context; does not sleep. DM_MAPIO_*
 * @submit:	@bio, as it is, from anywhere else; also writes and discards
 * @around:	most sectors, in whole blocks, that a read had better take along. Any context
 *
 * Writeback and direct modes; these may sleep and return 0 or -errno:
 * @writeback:	do whatever is due. NULL: writeback.c does, with the next two
 * @submit_wait: as @submit, and wait for it
 * @zero:	the sectors of @e, LC_EXT_ZERO or _DISCARD
 * @flush:	what has completed is durable
 * @discards:	is a discard any use? Any context
 */
struct lc_origin_ops {
	int (*ctr)(struct logcache *lc, const char *arg);
	int (*check)(struct logcache *lc);
	int (*init)(struct logcache *lc);
	void (*dtr)(struct logcache *lc);
	int (*iterate)(struct logcache *lc, iterate_devices_callout_fn fn, void *data);
	bool direct;
	bool patient;
	bool costly;

	void (*start)(struct logcache *lc);
	void (*hold)(struct logcache *lc);
	void (*stop)(struct logcache *lc);
	unsigned int (*status)(struct logcache *lc, char *buf, unsigned int len);

	bool (*read_begin)(struct lc_miss *m, blk_opf_t opf);
	void (*read)(struct lc_miss *m);
	int (*remap)(struct logcache *lc, struct bio *bio);
	void (*submit)(struct logcache *lc, struct bio *bio);
	u32 (*around)(const struct logcache *lc);

	void (*writeback)(struct logcache *lc);
	int (*submit_wait)(struct logcache *lc, struct bio *bio);
	int (*zero)(struct logcache *lc, const struct lc_extent *e);
	int (*flush)(struct logcache *lc);
	bool (*discards)(const struct logcache *lc);
};

struct lc_origin {
	const struct lc_origin_ops *ops;
	const char *name;	/* as the table says it */
	struct dm_dev *dev;	/* origin_bdev.c */
	struct lc_helper *helper;	/* origin_helper.c */
};

extern const struct lc_origin_ops lc_origin_bdev;

/* Of a volume under construction: choose by @arg, then open. May sleep; 0 or -errno. */
int lc_origin_ctr(struct logcache *lc, const char *arg);
/* Accepts what has not been opened. */
void lc_origin_dtr(struct logcache *lc);
/* Can it do what @args ask for? 0 or -EINVAL. Any context. */
int lc_origin_allows(const struct logcache *lc, const struct lc_args *args);

#endif /* LC_ORIGIN_H */
