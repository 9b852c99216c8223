/* SPDX-License-Identifier: GPL-2.0-only */
/* Keys of a listing with their sizes, one behind the other in one piece of memory. */
#ifndef LC_NAMES_H
#define LC_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lc_names {
	char *buf;		/* size, then the NUL-terminated key, each */
	size_t len;
	size_t max;
};

/* False: out of memory. */
bool lc_names_add(struct lc_names *names, const char *key, uint64_t size);

/* The one at *@pos, which starts at 0; NULL behind the last. */
const char *lc_names_next(const struct lc_names *names, size_t *pos, uint64_t *size);

void lc_names_free(struct lc_names *names);

#endif /* LC_NAMES_H */
