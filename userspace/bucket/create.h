/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef LC_BUCKET_CREATE_H
#define LC_BUCKET_CREATE_H

#include "manifest.h"
#include "store/store.h"

/*
 * Put the first manifest of a volume. Doing it again with the same contents is
 * harmless; -EEXIST if there is another one.
 */
void lc_create_manifest(struct lc_store *store, const struct lc_manifest *m,
			void (*done)(int err, const char *why, void *data), void *data);

#endif /* LC_BUCKET_CREATE_H */
