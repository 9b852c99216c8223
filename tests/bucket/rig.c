// SPDX-License-Identifier: GPL-2.0-only

#include <stdlib.h>
#include <string.h>

#include "bucket/bucket.h"
#include "bucket/manifest.h"
#include "tap.h"

#include "rig.h"

void rig_init(struct rig *r)
{
	int err;

	memset(r, 0, sizeof(*r));
	world_init(&r->w, 1);
	host_init(&r->h, &r->w);
	r->h.in_order = true;
	scratch_new(r->dir, sizeof(r->dir));
	test_uuid(r->uuid, 1);
	test_params(&r->p, &r->h, r->uuid, r->dir);
	REQUIRE(!create_sync(&r->h, r->uuid, SECTORS, false));
	r->vol = attach_sync(&r->w, &r->p, &err, NULL);
	REQUIRE(!err);
}

void rig_fini(struct rig *r)
{
	if (r->vol)
		close_sync(&r->w, r->vol);
	scratch_free(r->dir);
	world_fini(&r->w);
}

int again(struct rig *r)
{
	int err;

	if (r->vol)
		close_sync(&r->w, r->vol);
	scratch_free(r->dir);
	scratch_new(r->dir, sizeof(r->dir));
	r->p.owner[0]++;
	r->vol = attach_sync(&r->w, &r->p, &err, r->why);
	return err;
}

int once_more(struct rig *r)
{
	int err;

	if (r->vol)
		close_sync(&r->w, r->vol);
	r->p.owner[0]++;
	r->vol = attach_sync(&r->w, &r->p, &err, r->why);
	return err;
}

int write_to(struct rig *r, struct lc_volume *vol, u32 at, u32 nr)
{
	u8 *data = malloc(nr * 4096);
	const struct lc_unit_extent e = {
		.lba = at * 8, .len = nr * 8, .op = LC_BK_DATA, .data = data,
	};
	u32 i;
	int err;

	for (i = 0; i < nr * 8; i++)
		stamp_fill(data + i * 512, ++r->stamp);
	err = put_sync(&r->w, vol, r->lsn, r->lsn + 1, &e, 1);
	if (!err)
		r->lsn++;
	free(data);
	return err;
}

int write_blocks(struct rig *r, u32 at, u32 nr)
{
	return write_to(r, r->vol, at, nr);
}

u64 stamp_of(struct rig *r, struct lc_volume *vol, u32 at)
{
	u8 buf[4096];
	u64 stamp;

	if (read_sync(&r->w, vol, at * 8, 8, buf) || !stamp_read(buf, &stamp))
		return ~0ull;
	return stamp;
}

struct lc_volume_status status(const struct rig *r)
{
	struct lc_volume_status st;

	lc_volume_status(r->vol, &st);
	return st;
}

struct object *find_object(struct rig *r, const char *part, int n)
{
	size_t i, k;

	for (i = 0; i < r->w.nr; i++) {
		k = n < 0 ? r->w.nr - 1 - i : i;
		if (!strstr(r->w.objects[k].key, part))
			continue;
		if (n < 0 ? !++n : !n--)
			return &r->w.objects[k];
	}
	return NULL;
}

void damage(struct object *o, size_t at)
{
	struct blob *b = calloc(1, sizeof(*b) + o->blob->size);

	/* The blob may be shared. */
	memcpy(b, o->blob, sizeof(*b) + o->blob->size);
	b->refs = 1;
	b->data[at] ^= 0x10;
	if (!--o->blob->refs)
		free(o->blob);
	o->blob = b;
}

int fill(struct rig *r, u32 units)
{
	u32 i;
	int err = 0;

	for (i = 0; i < units && !err; i++)
		err = write_blocks(r, i % 100, 2);
	return err;
}

bool all_there(struct rig *r, u32 units)
{
	u32 i;

	for (i = units > 20 ? units - 20 : 0; i < units; i++)
		if (stamp_of(r, r->vol, i % 100) != i * 16ull + 1)
			return false;
	return true;
}

int make_garbage(struct rig *r)
{
	return fill(r, 20) ?: write_blocks(r, 0, 8) ?: write_blocks(r, 8, 8) ?:
	       write_blocks(r, 16, 8) ?: write_blocks(r, 90, 1);
}

int churn(struct rig *r, u32 n)
{
	int err = 0;

	while (n-- && !err)
		err = write_blocks(r, 0, 4);
	return err;
}

struct lc_volume *attach_newer(struct rig *r, char dir[64])
{
	struct lc_volume *newer;
	int err;

	scratch_new(dir, 64);
	r->p.map_dir = dir;
	r->p.owner[0]++;
	newer = attach_sync(&r->w, &r->p, &err, NULL);
	REQUIRE(newer);
	return newer;
}

void take_err(struct lc_volume *vol, int err, void *data)
{
	*(int *)data = err;
}

void edit_manifest(struct rig *r, void (*edit)(struct lc_manifest *m))
{
	struct object *o = world_find(&r->w, MANIFEST);
	struct lc_manifest m;
	const char *why;
	size_t size;
	void *buf;

	REQUIRE(o && !lc_manifest_decode(o->blob->data, o->blob->size, r->uuid, &m, &why));
	edit(&m);
	buf = lc_manifest_encode(&m, &size);
	world_put(&r->w, MANIFEST, buf, size);
	free(buf);
	lc_manifest_free(&m);
}

static void mark(struct lc_manifest *m)
{
	m->flags |= LC_BK_DELETING;
	m->epoch++;
	m->owner[0]++;
}

void mark_deleted(struct rig *r)
{
	edit_manifest(r, mark);
}

void delete_manifest(struct rig *r)
{
	world_delete(&r->w, MANIFEST);
}

/*----------------------------------------------------------------
 * Verifying
 *----------------------------------------------------------------
 */

static void one_verified(const struct lc_verify_object *obj, void *data)
{
	struct verified *v = data;

	if (obj->err)
		strcpy(v->bad, obj->key);
}

static void verified(int err, const char *why, const struct lc_verify_result *res, void *data)
{
	struct verified *v = data;

	v->res = *res;
	v->err = err;
}

void verify_begin(struct rig *r, struct host *h, struct verified *v)
{
	scratch_new(v->dir, sizeof(v->dir));
	v->err = 1;
	lc_bucket_verify(&h->store, r->uuid, v->dir, one_verified, verified, v);
}

void verify_end(struct rig *r, struct verified *v)
{
	while (v->err == 1)
		world_run(&r->w);
	scratch_free(v->dir);
}

void verify(struct rig *r, struct verified *v)
{
	*v = (struct verified){ 0 };
	verify_begin(r, &r->h, v);
	verify_end(r, v);
}
