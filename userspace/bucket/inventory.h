/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is in the bucket under a volume, and under those it was cloned from: listed once,
 * then looked up.
 */
#ifndef LC_BUCKET_INVENTORY_H
#define LC_BUCKET_INVENTORY_H

#include "manifest.h"

struct lc_volume;

struct lc_inv_object {
	u32 vol;		/* index of the volume whose it is */
	u64 epoch;
	u64 seq;
	u64 bytes;
};

struct lc_inv_ckpt {
	u32 vol;
	u32 nr_parts;		/* as many as there are, from part 0 on */
	bool mark;		/* there is a mark of that name */
	u64 epoch;
	u64 seq;
};

struct lc_inventory {
	u32 nr_vols;
	u8 (*vols)[16];		/* the volume itself comes first */
	u64 nr, max;
	struct lc_inv_object *objects;	/* by seq, volume, epoch */
	u32 nr_ckpts, max_ckpts;
	struct lc_inv_ckpt *ckpts;	/* by seq, epoch */
	u64 strange;		/* keys that mean nothing */
};

/* The volumes of @m. */
void lc_inventory_list(struct lc_volume *vol, const struct lc_manifest *m,
		       void (*done)(struct lc_volume *vol, int err, struct lc_inventory *inv,
				    void *data),
		       void *data);
void lc_inventory_free(struct lc_inventory *inv);

/* Index of the first object with at least that sequence number. */
u64 lc_inventory_from(const struct lc_inventory *inv, u64 seq);
/* That object of that run, NULL: it is not there. */
const struct lc_inv_object *lc_inventory_find(const struct lc_inventory *inv,
					      const struct lc_run *run, u64 seq);
/* The highest object of the run, as far as that is open; NULL: it has none. */
const struct lc_inv_object *lc_inventory_last(const struct lc_inventory *inv,
					      const struct lc_run *run);

#endif /* LC_BUCKET_INVENTORY_H */
