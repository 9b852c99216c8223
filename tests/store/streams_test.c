// SPDX-License-Identifier: GPL-2.0-only
/* Who reads in order, and who does not. */
#include <stdlib.h>
#include <string.h>

#include "logcached/streams.h"
#include "tap.h"

#define C	((uint64_t)LC_CHUNK_SECTORS)
#define MAX	16u
#define PIECE	256u		/* a fetch: 128 KiB */

static struct lc_streams ss;
static uint64_t from;

static void begin(void)
{
	memset(&ss, 0, sizeof(ss));
	ss.max = MAX;
}

static unsigned int seen(uint64_t lba, uint32_t sectors)
{
	return lc_streams_seen(&ss, lba, sectors, &from);
}

static void in_order(void)
{
	unsigned int chunk, n = 0, was;
	uint64_t lba;

	begin();
	CHECK(!seen(0, PIECE));
	CHECK(seen(PIECE, PIECE) == 1 && from == 1);
	for (lba = 2 * PIECE; lba < 10 * C; lba += PIECE) {
		chunk = lba / C;
		was = n;
		n = seen(lba, PIECE);
		CHECK(from == chunk + 1 && n >= was);
		CHECK(n == (chunk < 4 ? 1u << chunk : MAX));
	}
}

/* Many threads read the next megabyte each: none of it is far from its place. */
static void nearly_in_order(void)
{
	static const unsigned int order[] = { 1, 0, 2, 3, 5, 4, 7, 6, 8, 10, 9, 11, 12, 14, 13, 15 };
	unsigned int i, j, n = 0;

	begin();
	for (i = 0; i < 16; i++)
		for (j = 0; j < C; j += PIECE)
			n = seen(order[i] * C + j, PIECE);
	CHECK(n == MAX && from == 16);
	/* Pieces of several of them by turns. */
	begin();
	for (i = 0; i < 64; i += 4)
		for (j = 0; j < 4 * C; j += PIECE)
			n = seen((i + j / PIECE % 4) * C + j / PIECE / 4 * PIECE, PIECE);
	CHECK(n == MAX && from == 64);
}

static void at_random(void)
{
	unsigned int i, windows = 0;

	begin();
	srandom(1);
	for (i = 0; i < 10000; i++)
		windows += seen(random() % (1000 * C) / 128 * 128, 128);
	CHECK(windows < 10);
	/* In one place: some, but no window grows. */
	begin();
	for (i = 0; i < 10000; i++)
		CHECK(seen(random() % (16 * C) / 128 * 128, 128) <= 2);
}

static void several(void)
{
	unsigned int i, k, n[LC_STREAMS];

	begin();
	for (i = 0; i < 8 * C; i += PIECE)
		for (k = 0; k < LC_STREAMS; k++)
			n[k] = seen(k * 100 * C + i, PIECE);
	for (k = 0; k < LC_STREAMS; k++)
		CHECK(n[k] == MAX);
	/* Another one takes the place of the one that was seen last longest ago. */
	CHECK(!seen(900 * C, PIECE));
	CHECK(seen(100 * C + i, PIECE) == MAX);
	CHECK(!seen(i, PIECE));
}

static void what_was_passed(void)
{
	uint64_t lba;

	begin();
	for (lba = 0; lba < 12 * C; lba += PIECE)
		seen(lba, PIECE);
	CHECK(lc_streams_passed(&ss, 0) && lc_streams_passed(&ss, 2));
	/* Reads that are late, and those to come. */
	CHECK(!lc_streams_passed(&ss, 3) && !lc_streams_passed(&ss, 12));
	CHECK(!lc_streams_passed(&ss, 200));
	/* Another one is still to come by. */
	seen(0, PIECE);
	CHECK(!lc_streams_passed(&ss, 200));
}

int main(void)
{
	RUN(in_order);
	RUN(nearly_in_order);
	RUN(at_random);
	RUN(several);
	RUN(what_was_passed);
	return tap_done();
}
