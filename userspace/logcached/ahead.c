// SPDX-License-Identifier: GPL-2.0-only

#include "ahead.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <linux/kernel.h>

#include "bucket/volume.h"
#include "ssd.h"

#define SECTOR		512u

enum chunk_state { FREE, READING, READY, DOOMED };

struct chunk {
	struct lc_ahead *a;
	enum chunk_state state;
	uint64_t lba;
	uint32_t sectors;
	uint64_t age;
	struct lc_volume_read rd;
	char *buf;
};

struct lc_ahead {
	void (*ready)(void *data);
	void *data;
	struct lc_bufs *bufs;
	uint64_t age;
	uint64_t bytes;
	bool asking;
	unsigned int nr;
	struct chunk chunk[];
};

static bool overlaps(const struct chunk *c, uint64_t lba, uint64_t end)
{
	return c->state != FREE && c->lba < end && lba < c->lba + c->sectors;
}

/* What has @lba in it and is of use. */
static struct chunk *find(struct lc_ahead *a, uint64_t lba)
{
	unsigned int i;

	for (i = 0; i < a->nr; i++)
		if (overlaps(&a->chunk[i], lba, lba + 1) && a->chunk[i].state != DOOMED)
			return &a->chunk[i];
	return NULL;
}

/* Where the next chunk behind @lba begins, at most @end. */
static uint64_t next_start(const struct lc_ahead *a, uint64_t lba, uint64_t end)
{
	unsigned int i;

	for (i = 0; i < a->nr; i++)
		if ((a->chunk[i].state == READING || a->chunk[i].state == READY) &&
		    a->chunk[i].lba > lba)
			end = min(end, a->chunk[i].lba);
	return end;
}

static struct chunk *make_room(struct lc_ahead *a)
{
	struct chunk *oldest = NULL, *c;

	for (c = a->chunk; c < a->chunk + a->nr; c++) {
		if (c->state == FREE)
			return c;
		if (c->state == READY && (!oldest || c->age < oldest->age))
			oldest = c;
	}
	return oldest;
}

static void chunk_read(struct lc_volume_read *rd, int err)
{
	struct chunk *c = rd->data;
	struct lc_ahead *a = c->a;

	c->state = err || c->state == DOOMED ? FREE : READY;
	a->ready(a->data);
}

static void start(struct lc_ahead *a, struct chunk *c, struct lc_volume *vol)
{
	c->state = READING;
	c->age = ++a->age;
	c->rd = (struct lc_volume_read){
		.lba = c->lba, .sectors = c->sectors, .buf = c->buf, .done = chunk_read, .data = c,
	};
	a->bytes += (uint64_t)c->sectors * SECTOR;
	a->asking = true;
	lc_volume_read(vol, &c->rd);
	a->asking = false;
}

void lc_ahead_want(struct lc_ahead *a, struct lc_volume *vol, uint64_t lba, uint64_t sectors)
{
	uint64_t end = lba + min(sectors, (uint64_t)a->nr / 2 * LC_AHEAD_SECTORS);
	struct chunk *c;

	while (lba < end) {
		c = find(a, lba);
		if (!c) {
			c = make_room(a);
			if (!c)
				return;
			c->lba = lba;
			c->sectors = min(next_start(a, lba, end) - lba, (uint64_t)LC_AHEAD_SECTORS);
			start(a, c, vol);
		}
		lba = c->lba + c->sectors;
	}
}

int lc_ahead_get(struct lc_ahead *a, uint64_t lba, uint32_t sectors, void *buf)
{
	uint64_t end = lba + sectors;
	struct chunk *c;
	uint64_t n;
	int ret = 1;

	for (; lba < end; lba += n) {
		c = find(a, lba);
		if (!c)
			return -ENOENT;
		n = min(end, c->lba + c->sectors) - lba;
		if (c->state == READING)
			ret = 0;
		else
			memcpy(buf, c->buf + (lba - c->lba) * SECTOR, n * SECTOR);
		buf = (char *)buf + n * SECTOR;
	}
	return ret;
}

void lc_ahead_drop(struct lc_ahead *a, uint64_t lba, uint32_t sectors)
{
	struct chunk *c;

	for (c = a->chunk; c < a->chunk + a->nr; c++)
		if (overlaps(c, lba, lba + sectors))
			c->state = c->state == READY ? FREE : DOOMED;
}

void lc_ahead_drop_all(struct lc_ahead *a)
{
	struct chunk *c;

	for (c = a->chunk; c < a->chunk + a->nr; c++)
		if (c->state != FREE)
			c->state = c->state == READY ? FREE : DOOMED;
}

bool lc_ahead_idle(const struct lc_ahead *a)
{
	unsigned int i;

	for (i = 0; i < a->nr; i++)
		if (a->chunk[i].state == READING || a->chunk[i].state == DOOMED)
			return false;
	return true;
}

uint64_t lc_ahead_bytes(const struct lc_ahead *a)
{
	return a->bytes;
}

bool lc_ahead_asking(const struct lc_ahead *a)
{
	return a->asking;
}

struct lc_ahead *lc_ahead_new(unsigned int chunks, void (*ready)(void *data), void *data)
{
	struct lc_ahead *a = calloc(1, sizeof(*a) + chunks * sizeof(a->chunk[0]));
	unsigned int i;

	if (!a)
		return NULL;
	a->ready = ready;
	a->data = data;
	a->nr = chunks;
	a->bufs = lc_bufs_new(LC_AHEAD_SECTORS * SECTOR, chunks);
	if (!a->bufs) {
		free(a);
		return NULL;
	}
	for (i = 0; i < chunks; i++) {
		a->chunk[i].a = a;
		a->chunk[i].buf = lc_buf_get(a->bufs);
	}
	return a;
}

void lc_ahead_free(struct lc_ahead *a)
{
	if (!a)
		return;
	lc_bufs_free(a->bufs);
	free(a);
}
