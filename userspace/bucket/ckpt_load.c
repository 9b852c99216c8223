// SPDX-License-Identifier: GPL-2.0-only
/* Reading a checkpoint into the map, one part after the other. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "recover.h"

#define PART_MAX	(LC_BK_FIXED + (size_t)LC_BK_PART_ENTRIES * 24)
#define GUESS		65536u

struct load {
	struct lc_slurp slurp;
	u8 uuid[16];
	struct lc_inv_ckpt ckpt;
	u64 obj_epoch;
	u64 end;		/* of the last extent loaded */
	u64 last;		/* object loaded */
	bool extents;		/* there were some: no object comes any more */
	u32 part;
	struct lc_ckpt_info info;
	void (*done)(struct lc_volume *vol, int err, void *data);
	void *data;
};

static void finish(struct load *l, int err)
{
	l->done(l->slurp.io.vol, err, l->data);
	free(l);
}

static int refuse(struct load *l, const char *why)
{
	lc_vol_why(l->slurp.io.vol, "%s: %s", l->slurp.io.req.key, why);
	return -EBADMSG;
}

static int check_part(struct load *l, const struct lc_ckpt_info *info)
{
	if (info->seq != l->ckpt.seq || info->epoch != l->ckpt.epoch || info->part != l->part)
		return refuse(l, "is not what its name says");
	if (info->obj_epoch != l->obj_epoch)
		return refuse(l, "is of another line of objects");
	if (l->part && (info->nr_parts != l->info.nr_parts || info->lsn != l->info.lsn))
		return refuse(l, "does not belong to the parts before it");
	if (l->extents && info->nr_objects)
		return refuse(l, "has objects behind extents");
	l->info = *info;
	return 0;
}

static int load_objects(struct load *l, const void *buf)
{
	struct lc_map *map = l->slurp.io.vol->map;
	struct lc_ckpt_obj o;
	int err = 0;
	u32 i;

	for (i = 0; i < l->info.nr_objects && !err; i++) {
		lc_ckpt_object(buf, i, &o);
		if (o.seq <= l->last)
			return refuse(l, "has objects out of order");
		l->last = o.seq;
		err = lc_map_load_object(map, &o);
	}
	return err;
}

static int load_extents(struct load *l, const void *buf)
{
	struct lc_map *map = l->slurp.io.vol->map;
	struct lc_objs_entry *o;
	struct lc_ext e;
	u64 seq;
	u32 i;

	for (i = 0; i < l->info.nr_extents; i++) {
		lc_ckpt_extent(buf, l->info.nr_objects, i, &e, &seq);
		o = lc_objs_find(lc_map_objs(map), seq);
		if (e.lba < l->end)
			return refuse(l, "has extents out of order");
		if (!o || o->dead_at != LC_BK_NEVER ||
		    (e.op == LC_BK_DATA && (u64)e.pos + e.len > o->payload))
			return refuse(l, "has an extent of an object that it does not have");
		l->end = e.lba + e.len;
		if (lc_map_load_extent(map, &e, seq))
			return -EIO;
	}
	l->extents |= l->info.nr_extents;
	return 0;
}

static bool complete(const struct load *l)
{
	return l->part + 1 == l->info.nr_parts;
}

static int load_part(struct load *l, const void *buf)
{
	struct lc_map *map = l->slurp.io.vol->map;
	struct lc_map_state state = { 0 };
	int err;

	err = lc_map_begin(map);
	if (err)
		return err;
	if (!l->part)
		err = lc_map_clear(map);
	err = err ?: load_objects(l, buf);
	err = err ?: load_extents(l, buf);
	if (err) {
		lc_map_abort(map);
		return err;
	}
	/* Until the last part is there it counts for nothing. */
	if (complete(l))
		state = (struct lc_map_state){ l->info.seq, l->obj_epoch, l->info.lsn };
	return lc_map_commit(map, &state);
}

static void next_part(struct load *l);

static void got_part(struct lc_slurp *s, int err, void *buf, size_t bytes)
{
	struct load *l = s->data;
	struct lc_volume *vol = s->io.vol;
	struct lc_ckpt_info info;
	const char *why;

	if (err)
		lc_vol_why(vol, "%s", s->io.req.why);
	else if (lc_ckpt_part_decode(buf, bytes, l->uuid, vol->m.sectors, &info, &why))
		err = refuse(l, why);
	err = err ?: check_part(l, &info);
	err = err ?: load_part(l, buf);
	free(buf);
	if (err || complete(l)) {
		finish(l, err);
		return;
	}
	l->part++;
	next_part(l);
}

static void next_part(struct load *l)
{
	struct lc_volume *vol = l->slurp.io.vol;
	char key[LC_KEY_LEN];

	lc_key_ckpt(key, l->uuid, l->ckpt.seq, l->ckpt.epoch, l->part);
	l->slurp.done = got_part;
	l->slurp.data = l;
	lc_slurp_start(&l->slurp, vol, key, GUESS, PART_MAX);
}

void lc_ckpt_load(struct lc_volume *vol, const struct lc_inventory *inv,
		  const struct lc_inv_ckpt *ckpt, u64 obj_epoch,
		  void (*done)(struct lc_volume *vol, int err, void *data), void *data)
{
	struct load *l = lc_vol_alloc(sizeof(*l));

	memcpy(l->uuid, inv->vols[ckpt->vol], sizeof(l->uuid));
	l->ckpt = *ckpt;
	l->obj_epoch = obj_epoch;
	l->done = done;
	l->data = data;
	l->slurp.io.vol = vol;
	next_part(l);
}
