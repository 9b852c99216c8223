// SPDX-License-Identifier: GPL-2.0-only

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <linux/string.h>

#include "crc.h"
#include "recover.h"
#include "verify.h"

#define OBJECT_MAX	((size_t)LC_BK_HEADER_MAX + (size_t)LC_BK_PAYLOAD_MAX * LC_BK_SECTOR)
#define PART_MAX	lc_ckpt_bytes(0, LC_BK_PART_ENTRIES)

struct verify {
	struct lc_volume *vol;
	struct lc_inventory inv;
	struct lc_manifest m;		/* the one that counts, while its size is asked for */
	struct lc_slurp slurp;
	u64 at;			/* object, then checkpoint */
	u32 part;
	struct lc_verify_object obj;
	struct lc_verify_result res;
	int err;
	char why[512];
	void (*object)(const struct lc_verify_object *obj, void *data);
	void (*done)(int err, const char *why, const struct lc_verify_result *res, void *data);
	void *data;
};

const char *lc_verify_kind_name(enum lc_verify_kind kind)
{
	static const char * const names[] = {
		[LC_VERIFY_LIVE] = "live",
		[LC_VERIFY_DEAD] = "dead",
		[LC_VERIFY_PINNED] = "pinned",
		[LC_VERIFY_ORPHAN] = "orphan",
		[LC_VERIFY_FENCE] = "fence",
		[LC_VERIFY_CKPT] = "map",
	};

	return kind < ARRAY_SIZE(names) ? names[kind] : "?";
}

static void closed(void *data)
{
	struct verify *v = data;

	v->done(v->err, v->why, &v->res, v->data);
	lc_inventory_free(&v->inv);
	free(v);
}

static void finish(struct verify *v, int err)
{
	v->err = err;
	if (err)
		strscpy(v->why, lc_volume_why(v->vol), sizeof(v->why));
	lc_volume_close(v->vol, closed, v);
}

/*----------------------------------------------------------------
 * One object
 *----------------------------------------------------------------
 */

static bool pinned(const struct lc_volume *vol, u64 seq)
{
	const struct lc_objs_entry *e = lc_objs_find(lc_map_objs(vol->map), seq);

	if (!lc_line_span(&vol->line, seq))
		return lc_vol_pinned(vol, seq, LC_BK_NEVER);
	return lc_vol_pinned(vol, seq, e ? e->dead_at : 0);
}

static enum lc_verify_kind classify(const struct verify *v, const struct lc_inv_object *o)
{
	const struct lc_volume *vol = v->vol;
	const struct lc_run *run = lc_manifest_run(&vol->m, o->seq);
	const struct lc_objs_entry *e = lc_objs_find(lc_map_objs(vol->map), o->seq);

	if (!run || run->epoch != o->epoch || memcmp(run->uuid, vol->uuid, 16))
		return LC_VERIFY_ORPHAN;
	/* Behind the end of a run that is still being written. */
	if (run->end == LC_BK_NEVER && o->seq > v->res.seq)
		return LC_VERIFY_ORPHAN;
	if (e && e->dead_at == LC_BK_NEVER && lc_line_span(&vol->line, o->seq))
		return LC_VERIFY_LIVE;
	if (pinned(vol, o->seq))
		return LC_VERIFY_PINNED;
	return e ? LC_VERIFY_DEAD : LC_VERIFY_ORPHAN;
}

static int check_payload(const u8 *buf, const struct lc_obj *obj, const char **why)
{
	const u8 *payload = buf + obj->header_bytes;
	u32 i;

	for (i = 0; i < obj->nr_crcs; i++)
		if (lc_bk_crc(~0u, payload + (size_t)i * LC_BK_BLOCK,
			      lc_obj_block_bytes(obj->payload, i)) != lc_obj_crc(buf, obj, i)) {
			*why = "a block of the payload has a wrong checksum";
			return -EBADMSG;
		}
	return 0;
}

static int check_object(struct verify *v, const void *buf, size_t bytes, const char **why)
{
	const struct lc_inv_object *o = &v->inv.objects[v->at];
	struct lc_obj obj;
	int err;

	*why = "shorter than its fixed part";
	if (bytes < LC_BK_FIXED)
		return -EBADMSG;
	err = lc_obj_decode(buf, v->vol->uuid, o->epoch, o->seq, &obj, why);
	if (err)
		return err;
	v->obj.lsn_first = obj.lsn_first;
	v->obj.lsn_end = obj.lsn_end;
	if (obj.flags & LC_BK_FENCE)
		v->obj.kind = LC_VERIFY_FENCE;
	*why = "has not the size its header says";
	if (bytes != obj.header_bytes + (u64)obj.payload * LC_BK_SECTOR)
		return -EBADMSG;
	err = lc_obj_check(buf, &obj, v->vol->m.sectors, why);
	return err ?: check_payload(buf, &obj, why);
}

static void next(struct verify *v);

static void report(struct verify *v, int err, const char *why)
{
	v->obj.err = err;
	v->obj.why = err ? why : "";
	v->obj.key = v->slurp.io.req.key;
	v->res.objects++;
	v->res.bytes += v->obj.bytes;
	v->res.live_bytes += v->obj.live_bytes;
	v->res.damaged += !!err;
	v->res.kinds[v->obj.kind]++;
	if (v->object)
		v->object(&v->obj, v->data);
}

static void got_object(struct lc_slurp *s, int err, void *buf, size_t bytes)
{
	struct verify *v = s->data;
	const struct lc_inv_object *o = &v->inv.objects[v->at];
	const struct lc_objs_entry *e = lc_objs_find(lc_map_objs(v->vol->map), o->seq);
	const char *why = s->io.req.why;

	v->obj = (struct lc_verify_object){
		.kind = classify(v, o), .epoch = o->epoch, .seq = o->seq, .bytes = o->bytes,
	};
	if (v->obj.kind == LC_VERIFY_LIVE)
		v->obj.live_bytes = e->live * LC_BK_SECTOR;
	err = err ?: check_object(v, buf, bytes, &why);
	/* Deleted since it was listed. */
	if (err != -ENOENT)
		report(v, err, why);
	free(buf);
	v->at++;
	next(v);
}

/*----------------------------------------------------------------
 * One checkpoint, or a mark
 *----------------------------------------------------------------
 */

static void got_part(struct lc_slurp *s, int err, void *buf, size_t bytes)
{
	struct verify *v = s->data;
	const struct lc_inv_ckpt *c = &v->inv.ckpts[v->at - v->inv.nr];
	const char *why = s->io.req.why;
	struct lc_ckpt_info info;

	v->obj = (struct lc_verify_object){
		.kind = LC_VERIFY_CKPT, .epoch = c->epoch, .seq = c->seq, .bytes = bytes,
	};
	err = err ?: lc_ckpt_part_decode(buf, bytes, v->vol->uuid, v->vol->m.sectors, &info, &why);
	if (!err && (info.seq != c->seq || info.epoch != c->epoch || info.part != v->part)) {
		err = -EBADMSG;
		why = "is not what its name says";
	}
	if (!err)
		v->obj.lsn_end = info.lsn;
	if (err != -ENOENT)
		report(v, err, why);
	free(buf);
	if (++v->part >= c->nr_parts + c->mark) {
		v->part = 0;
		v->at++;
	}
	next(v);
}

static void got_mark(struct lc_slurp *s, int err, void *buf, size_t bytes)
{
	struct verify *v = s->data;
	const struct lc_inv_ckpt *c = &v->inv.ckpts[v->at - v->inv.nr];
	const char *why = s->io.req.why;

	v->obj = (struct lc_verify_object){
		.kind = LC_VERIFY_CKPT, .epoch = c->epoch, .seq = c->seq, .bytes = bytes,
	};
	err = err ?: lc_mark_decode(buf, bytes, v->vol->uuid, c->epoch, c->seq, &why);
	if (err != -ENOENT)
		report(v, err, why);
	free(buf);
	v->part = 0;
	v->at++;
	next(v);
}

/* Part @v->part of it, or its mark behind these. */
static void get_part(struct verify *v)
{
	const struct lc_inv_ckpt *c = &v->inv.ckpts[v->at - v->inv.nr];
	bool mark = v->part == c->nr_parts;
	char key[LC_KEY_LEN];

	lc_key_ckpt(key, v->vol->uuid, c->seq, c->epoch, mark ? LC_BK_MARK_PART : v->part);
	v->slurp.done = mark ? got_mark : got_part;
	lc_slurp_start(&v->slurp, v->vol, key, LC_BK_BLOCK, mark ? LC_BK_FIXED : PART_MAX);
}

static bool nothing_of_it(const struct lc_inv_ckpt *c)
{
	return c->vol || (!c->nr_parts && !c->mark);
}

static void next(struct verify *v)
{
	char key[LC_KEY_LEN];
	u64 ckpts = v->inv.nr + v->inv.nr_ckpts;

	/* The parents' are verified with them. */
	while (v->at < v->inv.nr && v->inv.objects[v->at].vol)
		v->at++;
	while (v->at >= v->inv.nr && v->at < ckpts &&
	       nothing_of_it(&v->inv.ckpts[v->at - v->inv.nr]))
		v->at++;
	if (v->at == ckpts) {
		finish(v, 0);
		return;
	}
	v->slurp.data = v;
	if (v->at < v->inv.nr) {
		const struct lc_inv_object *o = &v->inv.objects[v->at];

		lc_key_data(key, v->vol->uuid, o->epoch, o->seq);
		v->slurp.done = got_object;
		lc_slurp_start(&v->slurp, v->vol, key, o->bytes < OBJECT_MAX ? o->bytes : 1,
			       OBJECT_MAX);
	} else {
		get_part(v);
	}
}

/*----------------------------------------------------------------
 * The whole
 *----------------------------------------------------------------
 */

static void count_pins(struct verify *v)
{
	u32 i;

	for (i = 0; i < v->vol->m.nr_pins; i++)
		if (lc_pin_is_clone(&v->vol->m.pins[i]))
			v->res.clones++;
		else
			v->res.snapshots++;
}

/* What was listed can be looked at, whether or not it gives a volume. */
static void begin(struct verify *v)
{
	int err = v->res.recover_err;

	v->res.strange = v->inv.strange;
	v->res.epoch = v->vol->m.epoch;
	count_pins(v);
	v->vol->committed = v->res.seq;
	err = err ?: lc_vol_set_line(v->vol);
	if (err == -ECANCELED || err == -ENOMEM)
		finish(v, err);
	else
		next(v);
}

static void recovered(struct lc_volume *vol, int err, struct lc_recovered *rec, void *data);

/*
 * All that is listed was put before, so it fits into the size that the manifest has now. It
 * may have grown since it was read first: then what did not fit was not damaged.
 */
static void size_known(struct lc_volume *vol, int err)
{
	struct verify *v = vol->params.data;
	u64 sectors = err ? v->m.sectors : vol->m.sectors;
	bool grown = sectors > v->m.sectors;

	lc_manifest_free(&vol->m);
	vol->m = v->m;
	vol->m.sectors = sectors;
	v->m = (struct lc_manifest){ 0 };
	if (grown && v->res.recover_err == -EBADMSG) {
		lc_inventory_free(&v->inv);
		lc_recover(vol, recovered, v);
	} else {
		begin(v);
	}
}

static void recovered(struct lc_volume *vol, int err, struct lc_recovered *rec, void *data)
{
	struct verify *v = data;

	v->inv = rec->inv;
	rec->inv = (struct lc_inventory){ 0 };
	v->res.recover_err = err;
	v->res.recover_why[0] = '\0';
	if (err)
		strscpy(v->res.recover_why, lc_volume_why(vol), sizeof(v->res.recover_why));
	v->res.seq = err ? 0 : rec->tip;
	v->res.lsn = rec->lsn;
	if (!lc_manifest_copy(&v->m, &vol->m))
		lc_vol_no_memory();
	lc_own_load(vol, size_known);
}

static void loaded(struct lc_volume *vol, int err)
{
	struct verify *v = vol->params.data;

	if (err)
		finish(v, err);
	else
		lc_recover(vol, recovered, v);
}

void lc_bucket_verify(struct lc_store *store, const u8 uuid[16], const char *map_dir,
		      void (*object)(const struct lc_verify_object *obj, void *data),
		      void (*done)(int err, const char *why, const struct lc_verify_result *res,
				   void *data),
		      void *data)
{
	struct verify *v = lc_vol_alloc(sizeof(*v));
	struct lc_volume_params p = { .store = store, .map_dir = map_dir, .data = v };
	int err;

	memcpy(p.uuid, uuid, sizeof(p.uuid));
	v->object = object;
	v->done = done;
	v->data = data;
	v->vol = lc_vol_new(&p);
	if (!v->vol)
		lc_vol_no_memory();
	err = lc_map_open(&v->vol->map, map_dir, 0, uuid);
	if (err) {
		lc_vol_why(v->vol, "the scratch map in %s cannot be opened (%s)", map_dir,
			   strerror(-err));
		finish(v, err);
		return;
	}
	lc_own_load(v->vol, loaded);
}
