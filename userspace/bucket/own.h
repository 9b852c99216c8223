/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The manifest in the bucket: reading it, and replacing it on the condition that
 * nobody else did. Whoever fails at that is not the owner any more.
 */
#ifndef LC_BUCKET_OWN_H
#define LC_BUCKET_OWN_H

#include "manifest.h"
#include "volume.h"

/* Into vol->m, with its tag. -ENOENT, -EBADMSG, ... */
void lc_own_load(struct lc_volume *vol, void (*done)(struct lc_volume *vol, int err));

/*
 * lc_own_begin() - a copy of vol->m into vol->next, to be changed; its generation is
 * the next one. One at a time: -EBUSY. It ends with lc_own_put() or lc_own_drop().
 */
int lc_own_begin(struct lc_volume *vol);
void lc_own_drop(struct lc_volume *vol);
/*
 * Put vol->next; it is vol->m when @done gets 0. Otherwise vol->next is gone; after
 * -ESTALE the volume has been stopped. -EAGAIN: it was the claim, and somebody else has
 * changed the manifest since it was read.
 */
void lc_own_put(struct lc_volume *vol, lc_volume_fn done, void *data);

/*
 * Is the manifest still the one of this owner? -ESTALE stops the volume. One answer that
 * there is none is no evidence: it is asked again, for several seconds, and until it is
 * clear nothing new is put or deleted.
 */
void lc_own_check(struct lc_volume *vol, lc_volume_fn done, void *data);

/*
 * Does the manifest keep objects for clone @uuid, whoever owns it now? -ESTALE: the volume
 * is being deleted, or is gone; -ENOENT: the clone has been given up. Does not stop the
 * volume.
 */
void lc_own_keeps(struct lc_volume *vol, const u8 uuid[16], lc_volume_fn done, void *data);

#endif /* LC_BUCKET_OWN_H */
