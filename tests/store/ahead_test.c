// SPDX-License-Identifier: GPL-2.0-only
/*
 * Read-ahead of the daemon, on a volume whose sectors have a version: what is read is what
 * was committed when it is answered, unless a unit is committed in between.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bucket/volume.h"
#include "logcached/ahead.h"
#include "logcached/ssd.h"
#include "logcached/streams.h"
#include "tap.h"

#define CHUNKS	8u

/* --- what it stands on ---------------------------------------------------- */

struct lc_bufs {
	size_t bytes;
	char *mem;
	unsigned int next;
};

struct lc_bufs *lc_bufs_new(size_t bytes, unsigned int nr)
{
	struct lc_bufs *b = calloc(1, sizeof(*b));

	b->bytes = bytes;
	b->mem = calloc(nr, bytes);
	return b;
}

void *lc_buf_get(struct lc_bufs *b)
{
	return b->mem + b->next++ * b->bytes;
}

void lc_bufs_free(struct lc_bufs *b)
{
	free(b->mem);
	free(b);
}

/* The version of all sectors; a read has the one of when it began. */
static char version;
static struct lc_volume_read *reads[64];
static char versions[64];
static unsigned int nr_reads, nr_ready;

void lc_volume_read(struct lc_volume *vol, struct lc_volume_read *rd)
{
	REQUIRE(nr_reads < 64);
	versions[nr_reads] = version;
	reads[nr_reads++] = rd;
}

static void answer(unsigned int i, int err)
{
	memset(reads[i]->buf, versions[i], reads[i]->sectors * 512);
	reads[i]->done(reads[i], err);
}

static void answer_all(void)
{
	unsigned int i;

	for (i = 0; i < nr_reads; i++)
		answer(i, 0);
	nr_reads = 0;
}

static void ready(void *data)
{
	nr_ready++;
}

static struct lc_ahead *begin(void)
{
	version = 'a';
	nr_reads = 0;
	nr_ready = 0;
	return lc_ahead_new(CHUNKS, ready, NULL);
}

static bool has(struct lc_ahead *a, uint64_t lba, uint32_t sectors, char v)
{
	char buf[16 * 512];
	unsigned int i;

	if (lc_ahead_get(a, lba, sectors, buf) != 1)
		return false;
	for (i = 0; i < sectors * 512; i++)
		if (buf[i] != v)
			return false;
	return true;
}

static int get(struct lc_ahead *a, uint64_t lba)
{
	char buf[16 * 512];

	return lc_ahead_get(a, lba, 16, buf);
}

/* --- the cases ------------------------------------------------------------ */

#define C	((uint64_t)LC_CHUNK_SECTORS)
#define END	(1000 * C + 100)

/* So much of it that what is behind it will be wanted. */
static void see(struct lc_ahead *a, uint64_t chunk)
{
	lc_ahead_seen(a, NULL, END, chunk * C, C);
}

static void what_was_read_is_served(void)
{
	struct lc_ahead *a = begin();

	CHECK(get(a, 5 * C) == -ENOENT);
	see(a, 4);
	see(a, 5);
	CHECK(nr_reads == 3 && reads[0]->lba == 5 * C && reads[0]->sectors == C);
	CHECK(reads[1]->lba == 6 * C && reads[2]->lba == 7 * C);
	CHECK(get(a, 5 * C) == 0 && !lc_ahead_idle(a));
	answer_all();
	CHECK(nr_ready == 3 && lc_ahead_idle(a) && lc_ahead_bytes(a) == 3 * C * 512);
	CHECK(has(a, 5 * C, 16, 'a') && has(a, 8 * C - 16, 16, 'a') && get(a, 8 * C - 15) == -ENOENT);
	/* Also where two of them meet. */
	CHECK(has(a, 7 * C - 8, 16, 'a'));
	lc_ahead_free(a);
}

static void nothing_is_read_twice_or_behind_the_end(void)
{
	struct lc_ahead *a = begin();

	see(a, 997);
	see(a, 997);
	CHECK(nr_reads == 1);
	see(a, 998);
	CHECK(nr_reads == 3 && reads[2]->lba == 1000 * C && reads[2]->sectors == 100);
	answer_all();
	see(a, 999);
	CHECK(!nr_reads);
	lc_ahead_free(a);
}

static void what_has_changed_is_dropped(void)
{
	struct lc_ahead *a = begin();

	see(a, 0);
	see(a, 1);
	answer_all();
	version = 'b';
	lc_ahead_drop(a, 2 * C - 1, 1);
	CHECK(get(a, C) == -ENOENT && has(a, 2 * C, 16, 'a'));
	see(a, 0);
	CHECK(!nr_reads);
	lc_ahead_drop(a, 3 * C, 1);
	see(a, 1);
	answer_all();
	CHECK(has(a, 3 * C, 16, 'b'));
	lc_ahead_drop_all(a);
	CHECK(get(a, 2 * C) == -ENOENT && get(a, 3 * C) == -ENOENT);
	lc_ahead_free(a);
}

/* It has the old version and arrives after the unit with the new one. */
static void also_while_it_is_on_its_way(void)
{
	struct lc_ahead *a = begin();

	see(a, 0);
	version = 'b';
	lc_ahead_drop(a, C, 8);
	CHECK(get(a, C) == -ENOENT && !lc_ahead_idle(a));
	see(a, 0);
	CHECK(nr_reads == 2);
	answer(0, 0);
	CHECK(get(a, C) == 0);
	answer(1, 0);
	CHECK(has(a, C, 16, 'b') && lc_ahead_idle(a));
	nr_reads = 0;
	see(a, 100);
	lc_ahead_drop_all(a);
	answer_all();
	CHECK(get(a, 101 * C) == -ENOENT && lc_ahead_idle(a));
	lc_ahead_free(a);
}

static void what_could_not_be_read_is_not_there(void)
{
	struct lc_ahead *a = begin();

	see(a, 0);
	answer(0, -EIO);
	CHECK(nr_ready == 1 && get(a, C) == -ENOENT && lc_ahead_idle(a));
	lc_ahead_free(a);
}

/* Takes chunks [from, to), of which all but the first were read ahead, in pieces. */
static unsigned int read_through(struct lc_ahead *a, uint64_t from, uint64_t to)
{
	unsigned int served = 0;
	uint64_t lba;

	for (lba = from * C; lba < to * C; lba += 16) {
		lc_ahead_seen(a, NULL, END, lba, 16);
		answer_all();
		served += has(a, lba, 16, 'a');
	}
	return served;
}

/* Each is read once, in time, however few there are. */
static void a_reader_gets_all_of_it(void)
{
	struct lc_ahead *a = begin();

	CHECK(read_through(a, 0, 100) == 99 * C / 16);
	CHECK(lc_ahead_bytes(a) <= (100 + CHUNKS) * C * 512);
	lc_ahead_free(a);
}

static void what_is_of_use_does_not_make_room(void)
{
	struct lc_ahead *a = begin();
	uint64_t bytes;
	unsigned int i;

	read_through(a, 0, 6);
	read_through(a, 300, 306);
	bytes = lc_ahead_bytes(a);
	CHECK(has(a, 6 * C, 16, 'a') && has(a, 306 * C, 16, 'a'));
	/* All chunks wait for those two. */
	see(a, 600);
	see(a, 700);
	CHECK(lc_ahead_bytes(a) <= bytes + C * 512);
	answer_all();
	CHECK(has(a, 6 * C, 16, 'a') && has(a, 306 * C, 16, 'a'));
	/* Not for ever. */
	for (i = 0; i < 200; i++)
		lc_ahead_seen(a, NULL, END, 800 * C, C);
	answer_all();
	CHECK(has(a, 801 * C, 16, 'a'));
	lc_ahead_free(a);
}

int main(void)
{
	RUN(what_was_read_is_served);
	RUN(nothing_is_read_twice_or_behind_the_end);
	RUN(what_has_changed_is_dropped);
	RUN(also_while_it_is_on_its_way);
	RUN(what_could_not_be_read_is_not_there);
	RUN(a_reader_gets_all_of_it);
	RUN(what_is_of_use_does_not_make_room);
	return tap_done();
}
