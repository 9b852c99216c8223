// SPDX-License-Identifier: GPL-2.0-only

#include "ahead.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <linux/kernel.h>

#include "bucket/volume.h"
#include "ssd.h"
#include "streams.h"

#define SECTOR		512u
/* Sectors that were read since a chunk was of use: nobody will want it. 64 MiB. */
#define STALE		(64u << 11)

enum chunk_state { FREE, READING, READY, DOOMED };

struct chunk {
	struct lc_ahead *a;
	enum chunk_state state;
	uint64_t lba;
	uint32_t sectors;
	uint32_t taken;			/* sectors */
	uint64_t used;			/* by the streams' clock */
	struct lc_volume_read rd;
	char *buf;
};

struct lc_ahead {
	void (*ready)(void *data);
	void *data;
	struct lc_bufs *bufs;
	struct lc_streams streams;
	uint64_t bytes;
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

/* Nobody comes by any more. */
static bool over(const struct lc_ahead *a, const struct chunk *c)
{
	return c->state == READY &&
	       (c->taken >= c->sectors || a->streams.clock - c->used > STALE ||
		lc_streams_passed(&a->streams, c->lba / LC_CHUNK_SECTORS));
}

static struct chunk *make_room(struct lc_ahead *a)
{
	struct chunk *c;

	for (c = a->chunk; c < a->chunk + a->nr; c++)
		if (c->state == FREE)
			return c;
	for (c = a->chunk; c < a->chunk + a->nr; c++)
		if (over(a, c))
			return c;
	return NULL;
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
	c->taken = 0;
	c->used = a->streams.clock;
	c->rd = (struct lc_volume_read){
		.lba = c->lba, .sectors = c->sectors, .buf = c->buf, .ahead = true,
		.done = chunk_read, .data = c,
	};
	a->bytes += (uint64_t)c->sectors * SECTOR;
	lc_volume_read(vol, &c->rd);
}

void lc_ahead_seen(struct lc_ahead *a, struct lc_volume *vol, uint64_t volume_sectors,
		   uint64_t lba, uint32_t sectors)
{
	unsigned int n = lc_streams_seen(&a->streams, lba, sectors, &lba);
	struct chunk *c;

	for (lba *= LC_CHUNK_SECTORS; n-- && lba < volume_sectors; lba += LC_CHUNK_SECTORS) {
		if (find(a, lba))
			continue;
		c = make_room(a);
		if (!c)
			return;
		c->lba = lba;
		c->sectors = min(volume_sectors - lba, (uint64_t)LC_CHUNK_SECTORS);
		start(a, c, vol);
	}
}

/* As lc_ahead_get(), but for the data. */
static int is_there(struct lc_ahead *a, uint64_t lba, uint64_t end)
{
	struct chunk *c;
	int ret = 1;

	for (; lba < end; lba = c->lba + c->sectors) {
		c = find(a, lba);
		if (!c)
			return -ENOENT;
		if (c->state == READING)
			ret = 0;
	}
	return ret;
}

int lc_ahead_get(struct lc_ahead *a, uint64_t lba, uint32_t sectors, void *buf)
{
	uint64_t end = lba + sectors, n;
	int ret = is_there(a, lba, end);
	struct chunk *c;

	for (; ret == 1 && lba < end; lba += n) {
		c = find(a, lba);
		n = min(end, c->lba + c->sectors) - lba;
		memcpy(buf, c->buf + (lba - c->lba) * SECTOR, n * SECTOR);
		buf = (char *)buf + n * SECTOR;
		c->taken += n;
		c->used = a->streams.clock;
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

struct lc_ahead *lc_ahead_new(unsigned int chunks, void (*ready)(void *data), void *data)
{
	struct lc_ahead *a = calloc(1, sizeof(*a) + chunks * sizeof(a->chunk[0]));
	unsigned int i;

	if (!a)
		return NULL;
	a->ready = ready;
	a->data = data;
	a->nr = chunks;
	a->streams.max = chunks / 2;
	a->bufs = lc_bufs_new(LC_CHUNK_SECTORS * SECTOR, chunks);
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
