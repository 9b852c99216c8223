// SPDX-License-Identifier: GPL-2.0-only

#include "arena.h"

#include <string.h>

void lc_arena_init(struct lc_arena *a, size_t size)
{
	a->size = size;
	a->nr = 0;
}

/* Where piece @i may begin: behind the one before it. */
static size_t behind(const struct lc_arena *a, unsigned int i)
{
	return i ? a->piece[i - 1].at + a->piece[i - 1].len : 0;
}

static size_t room(const struct lc_arena *a, unsigned int i)
{
	return (i < a->nr ? a->piece[i].at : a->size) - behind(a, i);
}

bool lc_arena_take(struct lc_arena *a, size_t bytes, size_t *at)
{
	unsigned int i = 0;
	size_t len;

	/* Rounded up it would wrap. */
	if (bytes > a->size || a->nr == LC_ARENA_PIECES)
		return false;
	len = (bytes + LC_ARENA_ALIGN - 1) & ~(size_t)(LC_ARENA_ALIGN - 1);
	while (i < a->nr && room(a, i) < len)
		i++;
	if (room(a, i) < len)
		return false;
	*at = behind(a, i);
	memmove(&a->piece[i + 1], &a->piece[i], (a->nr - i) * sizeof(*a->piece));
	a->piece[i] = (struct lc_arena_piece){ *at, len };
	a->nr++;
	return true;
}

void lc_arena_give(struct lc_arena *a, size_t at)
{
	unsigned int i = 0;

	while (i < a->nr && a->piece[i].at != at)
		i++;
	if (i == a->nr)
		return;
	a->nr--;
	memmove(&a->piece[i], &a->piece[i + 1], (a->nr - i) * sizeof(*a->piece));
}
