// SPDX-License-Identifier: GPL-2.0-only
/* Pieces of the arena, against a map of who has which block. */
#include <string.h>

#include "logcached/arena.h"
#include "tap.h"

#define BLOCK		LC_ARENA_ALIGN
#define BLOCKS		200u

static struct lc_arena a;

/* --- the model -------------------------------------------------------------- */

/* Of each block: 0, or whose it is. */
static unsigned char map[BLOCKS];
static unsigned int rnd_state;

static unsigned int rnd(unsigned int n)
{
	rnd_state = rnd_state * 1103515245 + 12345;
	return (rnd_state >> 16) % n;
}

static bool all_free(unsigned int at, unsigned int n)
{
	while (n && !map[at + n - 1])
		n--;
	return !n;
}

/* The lowest place, or BLOCKS. */
static unsigned int first_fit(unsigned int n)
{
	unsigned int at;

	for (at = 0; at + n <= BLOCKS; at++)
		if (all_free(at, n))
			return at;
	return BLOCKS;
}

static void begin(void)
{
	memset(map, 0, sizeof(map));
	lc_arena_init(&a, BLOCKS * BLOCK);
}

/* --- the cases -------------------------------------------------------------- */

static void pieces_lie_side_by_side(void)
{
	size_t at;

	begin();
	CHECK(lc_arena_take(&a, 1, &at) && at == 0);
	CHECK(lc_arena_take(&a, BLOCK, &at) && at == BLOCK);
	CHECK(lc_arena_take(&a, BLOCK + 1, &at) && at == 2 * BLOCK);
	CHECK(lc_arena_take(&a, 1, &at) && at == 4 * BLOCK);
}

static void what_does_not_fit_is_refused(void)
{
	size_t at = 7;

	begin();
	CHECK(!lc_arena_take(&a, BLOCKS * BLOCK + 1, &at));
	CHECK(!lc_arena_take(&a, (size_t)-1, &at) && !lc_arena_take(&a, (size_t)-BLOCK, &at));
	CHECK(at == 7 && !a.nr);
	CHECK(lc_arena_take(&a, BLOCKS * BLOCK, &at) && at == 0);
	CHECK(!lc_arena_take(&a, 1, &at));
	lc_arena_give(&a, 0);
	CHECK(lc_arena_take(&a, BLOCKS * BLOCK - 1, &at) && at == 0);
}

/* Three neighbours come back, the one in the middle last. */
static void what_is_free_joins(void)
{
	size_t at[4], all;
	unsigned int i;

	begin();
	for (i = 0; i < 4; i++)
		CHECK(lc_arena_take(&a, 50 * BLOCK, &at[i]));
	lc_arena_give(&a, at[0]);
	lc_arena_give(&a, at[2]);
	CHECK(!lc_arena_take(&a, 51 * BLOCK, &all));
	lc_arena_give(&a, at[1]);
	CHECK(lc_arena_take(&a, 150 * BLOCK, &all) && all == 0);
}

static void so_many_pieces_and_no_more(void)
{
	size_t at, last = 0;
	unsigned int i;

	begin();
	for (i = 0; i < LC_ARENA_PIECES; i++)
		CHECK(lc_arena_take(&a, 1, &last));
	CHECK(!lc_arena_take(&a, 1, &at));
	lc_arena_give(&a, last);
	CHECK(lc_arena_take(&a, 1, &at) && at == last);
}

/* What is given back was taken; anything else would be a bug that must not spread. */
static void what_is_not_there_cannot_be_given(void)
{
	size_t at;

	begin();
	CHECK(lc_arena_take(&a, 2 * BLOCK, &at));
	lc_arena_give(&a, BLOCK);
	CHECK(a.nr == 1 && lc_arena_take(&a, 1, &at) && at == 2 * BLOCK);
}

/* Taken and given back in any order; every place is the one that the map says. */
static void it_does_what_the_map_does(void)
{
	unsigned int place[LC_ARENA_PIECES], len[LC_ARENA_PIECES], nr = 0, i, n, want, refused = 0;
	size_t at;

	begin();
	rnd_state = 1;
	for (i = 0; i < 200000; i++) {
		n = 1 + rnd(rnd(8) ? 8 : 60);
		if (nr && rnd(2)) {
			unsigned int j = rnd(nr);

			lc_arena_give(&a, (size_t)place[j] * BLOCK);
			memset(map + place[j], 0, len[j]);
			nr--;
			place[j] = place[nr];
			len[j] = len[nr];
			continue;
		}
		want = nr < LC_ARENA_PIECES ? first_fit(n) : BLOCKS;
		if (!lc_arena_take(&a, n * BLOCK - rnd(BLOCK), &at)) {
			CHECK(want == BLOCKS);
			refused++;
			continue;
		}
		CHECK(at == (size_t)want * BLOCK);
		memset(map + want, 1, n);
		place[nr] = want;
		len[nr++] = n;
	}
	/* Both happened. */
	CHECK(refused > 1000 && refused < 100000);
}

int main(void)
{
	RUN(pieces_lie_side_by_side);
	RUN(what_does_not_fit_is_refused);
	RUN(what_is_free_joins);
	RUN(so_many_pieces_and_no_more);
	RUN(what_is_not_there_cannot_be_given);
	RUN(it_does_what_the_map_does);
	return tap_done();
}
