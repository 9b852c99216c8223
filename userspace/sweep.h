/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Many objects of a store: listed, and deleted, several at a time. Complain themselves
 * and return an exit status.
 */
#ifndef CTL_SWEEP_H
#define CTL_SWEEP_H

#include <stddef.h>

#include <linux/types.h>

struct lc_store;

/* @keep: keys that are left out, also if they become ones later; may be empty */
struct sweep {
	const char *keep[2];
	char **keys;		/* ascending */
	size_t nr;
	u64 bytes;
};

/* All with this prefix, instead of what was there. */
int sweep_list(struct sweep *s, struct lc_store *store, const char *prefix);
/* All of them; after a failure none of the others is begun. @what: see struct progress. */
int sweep_delete(const struct sweep *s, struct lc_store *store, const char *what);
void sweep_free(struct sweep *s);

#endif /* CTL_SWEEP_H */
