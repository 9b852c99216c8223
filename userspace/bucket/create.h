/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef LC_BUCKET_CREATE_H
#define LC_BUCKET_CREATE_H

#include "manifest.h"
#include "store/store.h"

struct lc_create;

/*
 * Put the first manifest of a volume. Doing it again with the same contents is
 * harmless; -EEXIST if there is another one. What is returned is gone when @done is called,
 * which is never within the call.
 */
struct lc_create *lc_create_manifest(struct lc_store *store, const struct lc_manifest *m,
				     void (*done)(int err, const char *why, void *data),
				     void *data);
/* It is not wanted any more: @done soon, -ECANCELED unless it has come to an end already. */
void lc_create_cancel(struct lc_create *c);

#endif /* LC_BUCKET_CREATE_H */
