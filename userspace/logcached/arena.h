/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who has which part of a fixed stretch of memory: a few pieces of any size, first fit.
 * Knows places and not the memory itself.
 *
 *   0         at                                      size
 *   |  piece  | piece |   free   |     piece     | free |
 *
 * What is given back joins what is free beside it. So once nothing is taken, any piece up
 * to the size fits, whatever was there before.
 */
#ifndef LC_ARENA_H
#define LC_ARENA_H

#include <stdbool.h>
#include <stddef.h>

#define LC_ARENA_PIECES		64u
/* Pieces begin and end at multiples of it. */
#define LC_ARENA_ALIGN		4096u

/* By place, without overlap; all but @size and @nr are arena.c's. */
struct lc_arena {
	size_t size;
	unsigned int nr;
	struct lc_arena_piece {
		size_t at;
		size_t len;
	} piece[LC_ARENA_PIECES];
};

/* @size: a multiple of LC_ARENA_ALIGN. */
void lc_arena_init(struct lc_arena *a, size_t size);
/*
 * A piece of @bytes, more than 0: *@at is where. False: it does not fit between the
 * others, or there are LC_ARENA_PIECES.
 */
bool lc_arena_take(struct lc_arena *a, size_t bytes, size_t *at);
/* The piece at @at, which was taken. */
void lc_arena_give(struct lc_arena *a, size_t at);

#endif /* LC_ARENA_H */
