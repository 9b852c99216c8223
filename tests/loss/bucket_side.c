// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sync.h"

#include "bucket_side.h"

#define CHUNK	2048u

struct side {
	struct world w;
	struct world copy;
	bool copied;
	char dir[64];
};

struct side *side_new(void)
{
	struct side *side = calloc(1, sizeof(*side));

	if (!side)
		abort();
	world_init(&side->w, 1);
	scratch_new(side->dir, sizeof(side->dir));
	return side;
}

static void drop_copy(struct side *side)
{
	if (side->copied)
		world_fini(&side->copy);
	side->copied = false;
}

void side_free(struct side *side)
{
	drop_copy(side);
	world_fini(&side->w);
	scratch_free(side->dir);
	free(side);
}

void side_put(struct side *side, const char *key, const void *data, size_t bytes)
{
	drop_copy(side);
	world_put(&side->w, key, data, bytes);
}

void side_delete(struct side *side, const char *key)
{
	drop_copy(side);
	world_delete(&side->w, key);
}

static struct world *copy(struct side *side)
{
	if (!side->copied)
		world_fork(&side->copy, &side->w);
	side->copied = true;
	return &side->copy;
}

void side_extra_put(struct side *side, const char *key, const void *data, size_t bytes)
{
	world_put(copy(side), key, data, bytes);
}

void side_extra_delete(struct side *side, const char *key)
{
	world_delete(copy(side), key);
}

static int read_all(struct world *w, struct lc_volume *vol, u64 sectors, u8 *buf, char *why)
{
	u64 s;
	int err = 0;

	for (s = 0; s < sectors && !err; s += CHUNK)
		err = read_sync(w, vol, s, CHUNK, buf + s * 512);
	if (err)
		snprintf(why, 512, "cannot be read at sector %llu: %s", s - CHUNK,
			 lc_volume_why(vol));
	return err;
}

int side_recover(struct side *side, const uint8_t uuid[16], uint64_t sectors, void *buf,
		 char why[512])
{
	struct world *w = copy(side);
	struct lc_volume_params p;
	struct lc_volume *vol;
	struct host h;
	int err;

	scratch_free(side->dir);
	scratch_new(side->dir, sizeof(side->dir));
	host_init(&h, w);
	h.in_order = true;
	test_params(&p, &h, uuid, side->dir);
	memset(p.owner, 0x77, sizeof(p.owner));
	memset(p.log, 0x77, sizeof(p.log));
	p.new_log = true;
	p.new_lsn = 1;
	vol = attach_sync(w, &p, &err, why);
	if (vol) {
		err = read_all(w, vol, sectors, buf, why);
		close_sync(w, vol);
	}
	drop_copy(side);
	return err;
}

int side_uuid(struct side *side, uint8_t uuid[16])
{
	const char *key = side->w.nr ? side->w.objects[0].key : "";
	unsigned int i;
	int n;

	for (i = 0; i < 16; i++, key += n) {
		if (*key == '-')
			key++;
		if (sscanf(key, "%2hhx%n", &uuid[i], &n) != 1 || n != 2)
			return 0;
	}
	return 1;
}
