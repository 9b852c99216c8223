// SPDX-License-Identifier: GPL-2.0-only

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sync.h"

#define PENDING	1

void scratch_new(char *dir, size_t size)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(dir, size, "%s/lc-bucket-XXXXXX",
		 access("/dev/shm", W_OK) ? (tmp ? tmp : "/tmp") : "/dev/shm");
	if (!mkdtemp(dir)) {
		perror(dir);
		exit(1);
	}
}

void scratch_free(const char *dir)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/data.mdb", dir);
	unlink(path);
	snprintf(path, sizeof(path), "%s/lock.mdb", dir);
	unlink(path);
	rmdir(dir);
}

void test_uuid(u8 *uuid, u8 n)
{
	memset(uuid, 0x5a, 16);
	uuid[15] = n;
}

void test_params(struct lc_volume_params *p, struct host *h, const u8 *uuid, const char *dir)
{
	*p = (struct lc_volume_params){
		.store = &h->store, .map_dir = dir, .map_limit = 64 << 20,
		.object_sectors = 64, .puts_max = 8, .ckpt_objects = 7, .ckpt_entries = 40,
	};
	memcpy(p->uuid, uuid, 16);
	memset(p->owner, 1, 16);
	memset(p->log, 1, 16);
}

static void run_until(struct world *w, const int *pending)
{
	unsigned int idle = 0;

	while (*pending == PENDING) {
		idle = world_run(w) ? 0 : idle + 1;
		if (idle > 100000) {
			fprintf(stderr, "nothing happens any more\n");
			abort();
		}
	}
}

static void created(int err, const char *why, void *data)
{
	*(int *)data = err;
}

int create_sync(struct host *h, const u8 *uuid, u64 sectors, bool no_fencing)
{
	int ret = PENDING;

	lc_volume_create(&h->store, uuid, sectors, 0, no_fencing, created, &ret);
	run_until(h->world, &ret);
	return ret;
}

static void answered(struct lc_volume *vol, int err, void *data)
{
	*(int *)data = err;
}

struct lc_volume *attach_sync(struct world *w, const struct lc_volume_params *p, int *err,
			      char *why)
{
	struct lc_volume *vol;

	*err = PENDING;
	vol = lc_volume_attach(p, answered, err);
	if (!vol)
		abort();
	run_until(w, err);
	if (!*err)
		return vol;
	if (why)
		snprintf(why, 512, "%s", lc_volume_why(vol));
	close_sync(w, vol);
	return NULL;
}

static void closed(void *data)
{
	*(int *)data = 0;
}

void close_sync(struct world *w, struct lc_volume *vol)
{
	int ret = PENDING;

	lc_volume_close(vol, closed, &ret);
	run_until(w, &ret);
}

static void unit_done(struct lc_unit *unit, int err)
{
	*(int *)unit->data = err;
}

int put_sync(struct world *w, struct lc_volume *vol, u64 lsn_first, u64 lsn_end,
	     const struct lc_unit_extent *extents, u32 nr)
{
	int ret = PENDING;
	struct lc_unit unit = {
		.lsn_first = lsn_first, .lsn_end = lsn_end, .extents = extents,
		.nr_extents = nr, .done = unit_done, .data = &ret,
	};

	lc_volume_put(vol, &unit);
	run_until(w, &ret);
	return ret;
}

static void read_done(struct lc_volume_read *rd, int err)
{
	*(int *)rd->data = err;
}

int read_sync(struct world *w, struct lc_volume *vol, u64 lba, u32 sectors, void *buf)
{
	int ret = PENDING;
	struct lc_volume_read rd = {
		.lba = lba, .sectors = sectors, .buf = buf, .done = read_done, .data = &ret,
	};

	lc_volume_read(vol, &rd);
	run_until(w, &ret);
	return ret;
}

int call_sync(struct world *w, struct lc_volume *vol, sync_fn fn)
{
	int ret = PENDING;

	fn(vol, answered, &ret);
	run_until(w, &ret);
	return ret;
}

int snapshot_sync(struct world *w, struct lc_volume *vol, const char *name)
{
	int ret = PENDING;

	lc_volume_snapshot(vol, name, 0, answered, &ret);
	run_until(w, &ret);
	return ret;
}

int snapshot_delete_sync(struct world *w, struct lc_volume *vol, const char *name)
{
	int ret = PENDING;

	lc_volume_snapshot_delete(vol, name, answered, &ret);
	run_until(w, &ret);
	return ret;
}

int rollback_sync(struct world *w, struct lc_volume *vol, const char *name)
{
	int ret = PENDING;

	lc_volume_rollback(vol, name, answered, &ret);
	run_until(w, &ret);
	return ret;
}

int clone_sync(struct world *w, struct lc_volume *vol, const char *name, const u8 *uuid)
{
	int ret = PENDING;

	lc_volume_clone(vol, name, uuid, 0, answered, &ret);
	run_until(w, &ret);
	return ret;
}

int grow_sync(struct world *w, struct lc_volume *vol, u64 sectors)
{
	int ret = PENDING;

	lc_volume_grow(vol, sectors, answered, &ret);
	run_until(w, &ret);
	return ret;
}

int clone_gone_sync(struct world *w, struct lc_volume *vol, const u8 *uuid)
{
	int ret = PENDING;

	lc_volume_clone_gone(vol, uuid, answered, &ret);
	run_until(w, &ret);
	return ret;
}

int gc_all_sync(struct world *w, struct lc_volume *vol)
{
	int ret;

	do
		ret = call_sync(w, vol, lc_volume_gc);
	while (ret == -EAGAIN);
	return ret;
}
