/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Making a device a cache. All complain themselves and return an exit status;
 * nothing is changed before mkcache_write().
 */
#ifndef CTL_MKCACHE_H
#define CTL_MKCACHE_H

#include "device.h"
#include "record.h"

struct ctl;

struct mkcache {
	struct device dev;		/* opened for writing */
	const char *origin_id;
	bool helper;			/* the origin is one */
	u64 origin_sectors;
	u64 seg_bytes;
	struct lc_geo geo;		/* of mkcache_lay_out() */
};

/* No other cache and nothing that anybody knows is on it. */
int mkcache_may_overwrite(const struct device *dev);
/* Whoever types; or --yes. */
int mkcache_ask(const struct ctl *ctl, const struct device *dev);

/* --segment-size, or the default. */
int mkcache_segment_size(const struct ctl *ctl, u64 *bytes);
/* From all that is above @geo in the struct; with a uuid that nobody has. */
int mkcache_lay_out(struct mkcache *mk);
int mkcache_write(const struct mkcache *mk);
/* What it has become, for people. */
void mkcache_say(const struct mkcache *mk);

#endif /* CTL_MKCACHE_H */
