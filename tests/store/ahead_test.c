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

static void what_was_read_is_served(void)
{
	struct lc_ahead *a = begin();

	CHECK(get(a, 100) == -ENOENT);
	lc_ahead_want(a, NULL, 100, 3000);
	CHECK(nr_reads == 2 && reads[0]->lba == 100 && reads[0]->sectors == LC_AHEAD_SECTORS);
	CHECK(reads[1]->lba + reads[1]->sectors == 3100);
	CHECK(get(a, 100) == 0 && !lc_ahead_idle(a));
	answer_all();
	CHECK(nr_ready == 2 && lc_ahead_idle(a) && lc_ahead_bytes(a) == 3000 * 512);
	CHECK(has(a, 100, 16, 'a') && has(a, 3084, 16, 'a') && get(a, 3085) == -ENOENT);
	/* Also where two of them meet. */
	CHECK(has(a, 100 + LC_AHEAD_SECTORS - 8, 16, 'a'));
	lc_ahead_free(a);
}

static void nothing_is_read_twice(void)
{
	struct lc_ahead *a = begin();

	lc_ahead_want(a, NULL, 0, 2048);
	lc_ahead_want(a, NULL, 4096, 100);
	lc_ahead_want(a, NULL, 8, 6000);
	CHECK(nr_reads == 4);
	CHECK(reads[2]->lba == 2048 && reads[2]->sectors == 2048);
	CHECK(reads[3]->lba == 4196 && reads[3]->sectors == 6008 - 4196);
	answer_all();
	lc_ahead_free(a);
}

static void what_has_changed_is_dropped(void)
{
	struct lc_ahead *a = begin();

	lc_ahead_want(a, NULL, 0, 4096);
	answer_all();
	version = 'b';
	lc_ahead_drop(a, 2047, 1);
	CHECK(get(a, 0) == -ENOENT && has(a, 2048, 16, 'a'));
	lc_ahead_want(a, NULL, 0, 16);
	answer_all();
	CHECK(has(a, 0, 16, 'b'));
	lc_ahead_drop_all(a);
	CHECK(get(a, 0) == -ENOENT && get(a, 2048) == -ENOENT);
	lc_ahead_free(a);
}

/* It has the old version and arrives after the unit with the new one. */
static void also_while_it_is_on_its_way(void)
{
	struct lc_ahead *a = begin();

	lc_ahead_want(a, NULL, 0, 2048);
	version = 'b';
	lc_ahead_drop(a, 0, 8);
	CHECK(get(a, 0) == -ENOENT && !lc_ahead_idle(a));
	lc_ahead_want(a, NULL, 0, 2048);
	CHECK(nr_reads == 2);
	answer(0, 0);
	CHECK(get(a, 0) == 0);
	answer(1, 0);
	CHECK(has(a, 0, 16, 'b') && lc_ahead_idle(a));
	nr_reads = 0;
	lc_ahead_want(a, NULL, 8192, 2048);
	lc_ahead_drop_all(a);
	answer_all();
	CHECK(get(a, 8192) == -ENOENT && lc_ahead_idle(a));
	lc_ahead_free(a);
}

static void what_could_not_be_read_is_not_there(void)
{
	struct lc_ahead *a = begin();

	lc_ahead_want(a, NULL, 0, 2048);
	answer(0, -EIO);
	CHECK(nr_ready == 1 && get(a, 0) == -ENOENT && lc_ahead_idle(a));
	lc_ahead_free(a);
}

static void the_oldest_makes_room(void)
{
	struct lc_ahead *a = begin();
	unsigned int i;

	for (i = 0; i < CHUNKS; i++) {
		lc_ahead_want(a, NULL, i * 10000, 2048);
		answer_all();
	}
	lc_ahead_want(a, NULL, 900000, 2048);
	CHECK(nr_reads == 1 && get(a, 0) == -ENOENT && has(a, 10000, 16, 'a'));
	answer_all();
	/* At most half of it for what comes next; and what is on its way stays. */
	lc_ahead_want(a, NULL, 2000000, 1000000);
	CHECK(nr_reads == CHUNKS / 2);
	lc_ahead_want(a, NULL, 3000000, 1000000);
	CHECK(nr_reads == CHUNKS);
	lc_ahead_want(a, NULL, 4000000, 1000000);
	CHECK(nr_reads == CHUNKS);
	answer_all();
	lc_ahead_free(a);
}

int main(void)
{
	RUN(what_was_read_is_served);
	RUN(nothing_is_read_twice);
	RUN(what_has_changed_is_dropped);
	RUN(also_while_it_is_on_its_way);
	RUN(what_could_not_be_read_is_not_there);
	RUN(the_oldest_makes_room);
	return tap_done();
}
