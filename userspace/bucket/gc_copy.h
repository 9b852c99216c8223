/* SPDX-License-Identifier: GPL-2.0-only */
/* Reading what is still needed of some objects, and putting it as one. */
#ifndef LC_BUCKET_GC_COPY_H
#define LC_BUCKET_GC_COPY_H

#include "vol.h"

#define LC_GC_VICTIMS	64u

struct lc_gc_victims {
	const struct lc_objs_entry *e[LC_GC_VICTIMS];	/* only while it starts */
	u32 nr;
};

/* @done when the copy is committed, so that nothing needs the victims any more. */
void lc_gc_copy_start(struct lc_volume *vol, const struct lc_gc_victims *victims,
		      lc_volume_fn done, void *data);

#endif /* LC_BUCKET_GC_COPY_H */
