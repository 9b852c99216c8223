/* SPDX-License-Identifier: GPL-2.0-only */
/* What put.c and put_copy.c share: an object that is not committed yet. */
#ifndef LC_BUCKET_PUT_H
#define LC_BUCKET_PUT_H

#include "unit.h"
#include "vol.h"

struct unit;

struct put {
	struct list_head list;
	struct lc_volume *vol;
	struct unit *unit;	/* NULL: copies */
	struct lc_gc_copy *copy;
	struct lc_built b;
	struct lc_durable d;
	bool last;		/* of its unit */
	bool durable;
};

/* Give it the next number and put it. @p->b.obj has flags and LSNs, @p the rest but @b and @d. */
void lc_put_send(struct lc_volume *vol, struct put *p, const struct lc_part *parts, u32 nr);
/* vol->puts.copy, as an object of what is still the newest of it. */
void lc_put_send_copy(struct lc_volume *vol);

#endif /* LC_BUCKET_PUT_H */
