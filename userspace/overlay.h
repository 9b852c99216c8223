/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The sources laid over each other: what the index would hold after recovery.
 * Uses the module's own index, with the whole volume as one shard.
 */
#ifndef CTL_OVERLAY_H
#define CTL_OVERLAY_H

#include "index.h"
#include "recover.h"

struct overlay {
	struct lc_index live;		/* what reads would find */
	struct lc_index dirty;		/* the part that is not on the origin */
};

/* False if a slot could not be read again. */
bool overlay_build(struct overlay *o, const struct image *img, const struct recovery *rec);
void overlay_free(struct overlay *o);

#endif /* CTL_OVERLAY_H */
