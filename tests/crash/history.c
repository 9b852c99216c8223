// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "history.h"
#include "util.h"

#define FILE_MAGIC	0x3130746c68636372ull

struct file_header {
	uint64_t magic;
	uint64_t clock;
	uint64_t seq_base;
	uint64_t nr_dev;
	uint64_t nr_vol;
};

struct history *history_new(uint64_t seq_base)
{
	struct history *h = xcalloc(1, sizeof(*h));

	pthread_mutex_init(&h->lock, NULL);
	h->seq_base = seq_base;
	return h;
}

void history_free(struct history *h)
{
	if (!h)
		return;
	for (size_t i = 0; i < h->nr_dev; i++)
		free(h->dev[i].data);
	free(h->dev);
	free(h->vol);
	pthread_mutex_destroy(&h->lock);
	free(h);
}

static void *grow(void *array, size_t nr, size_t *cap, size_t size)
{
	if (nr < *cap)
		return array;
	*cap = *cap ? *cap * 2 : 1024;
	return xrealloc(array, *cap, size);
}

static void *copy_data(const struct dev_op *op)
{
	size_t bytes = (size_t)op->nr * SECTOR_SIZE;
	void *copy;

	if (op->type != OP_WRITE || !op->nr)
		return NULL;
	copy = xcalloc(1, bytes);
	memcpy(copy, op->data, bytes);
	return copy;
}

size_t history_arrive(struct history *h, const struct dev_op *op)
{
	void *data = copy_data(op);
	struct dev_op *new;
	size_t index;

	pthread_mutex_lock(&h->lock);
	h->dev = grow(h->dev, h->nr_dev, &h->cap_dev, sizeof(*h->dev));
	index = h->nr_dev++;
	new = &h->dev[index];
	*new = *op;
	new->data = data;
	new->arrive = ++h->clock;
	new->complete = NEVER;
	pthread_mutex_unlock(&h->lock);
	return index;
}

void history_complete(struct history *h, size_t index)
{
	pthread_mutex_lock(&h->lock);
	h->dev[index].complete = ++h->clock;
	pthread_mutex_unlock(&h->lock);
}

size_t history_issue(struct history *h, const struct vol_op *op)
{
	struct vol_op *new;
	size_t index;

	pthread_mutex_lock(&h->lock);
	h->vol = grow(h->vol, h->nr_vol, &h->cap_vol, sizeof(*h->vol));
	index = h->nr_vol++;
	new = &h->vol[index];
	*new = *op;
	new->issue = ++h->clock;
	new->ack = NEVER;
	pthread_mutex_unlock(&h->lock);
	return index;
}

void history_ack(struct history *h, size_t index)
{
	pthread_mutex_lock(&h->lock);
	h->vol[index].ack = ++h->clock;
	pthread_mutex_unlock(&h->lock);
}

uint64_t history_now(struct history *h)
{
	uint64_t now;

	pthread_mutex_lock(&h->lock);
	now = h->clock;
	pthread_mutex_unlock(&h->lock);
	return now;
}

static bool put(FILE *f, const void *p, size_t size, size_t nr)
{
	return !nr || fwrite(p, size, nr, f) == nr;
}

static bool get(FILE *f, void *p, size_t size, size_t nr)
{
	return !nr || fread(p, size, nr, f) == nr;
}

static bool save_body(const struct history *h, FILE *f)
{
	struct file_header fh = {
		.magic = FILE_MAGIC, .clock = h->clock, .seq_base = h->seq_base,
		.nr_dev = h->nr_dev, .nr_vol = h->nr_vol,
	};

	if (!put(f, &fh, sizeof(fh), 1) || !put(f, h->vol, sizeof(*h->vol), h->nr_vol) ||
	    !put(f, h->dev, sizeof(*h->dev), h->nr_dev))
		return false;
	for (size_t i = 0; i < h->nr_dev; i++)
		if (h->dev[i].data && !put(f, h->dev[i].data, SECTOR_SIZE, h->dev[i].nr))
			return false;
	return true;
}

int history_save(const struct history *h, const char *path)
{
	FILE *f = fopen(path, "wb");
	bool ok;

	if (!f)
		return -errno;
	ok = save_body(h, f);
	if (fclose(f) || !ok)
		return -EIO;
	return 0;
}

static bool load_body(struct history *h, FILE *f)
{
	struct file_header fh;

	if (!get(f, &fh, sizeof(fh), 1) || fh.magic != FILE_MAGIC)
		return false;
	h->clock = fh.clock;
	h->seq_base = fh.seq_base;
	h->vol = xcalloc(fh.nr_vol, sizeof(*h->vol));
	h->dev = xcalloc(fh.nr_dev, sizeof(*h->dev));
	if (!get(f, h->vol, sizeof(*h->vol), fh.nr_vol) ||
	    !get(f, h->dev, sizeof(*h->dev), fh.nr_dev))
		return false;
	h->nr_vol = h->cap_vol = fh.nr_vol;
	/* The pointers in the file say only which ops have data. */
	for (; h->nr_dev < fh.nr_dev; h->nr_dev++) {
		struct dev_op *op = &h->dev[h->nr_dev];

		if (!op->data)
			continue;
		op->data = xcalloc(op->nr, SECTOR_SIZE);
		if (!get(f, op->data, SECTOR_SIZE, op->nr))
			return false;
	}
	h->cap_dev = h->nr_dev;
	return true;
}

struct history *history_load(const char *path)
{
	FILE *f = fopen(path, "rb");
	struct history *h;
	bool ok;

	if (!f)
		return NULL;
	h = history_new(0);
	ok = load_body(h, f);
	fclose(f);
	if (ok)
		return h;
	history_free(h);
	return NULL;
}

const char *op_name(enum op_type type)
{
	static const char *const names[] = {
		[OP_WRITE] = "write", [OP_FLUSH] = "flush", [OP_DISCARD] = "discard",
		[OP_ZERO] = "write-zeroes", [OP_READ] = "read",
	};

	return names[type];
}
