// SPDX-License-Identifier: GPL-2.0-only
/*
 * Becoming the owner. Each step is one answer of the store:
 *
 *   manifest read -> epoch claimed -> recovered -> fence put -> run opened: active
 *                    (conditional)        ^            |        (conditional)
 *                                         `------------' an object came in between
 *
 * From the claim on, an older owner cannot change the manifest; from the fence on it
 * cannot have another object counted, and finds out with the first it tries.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "recover.h"

#define OBJECT_SECTORS	32768u
#define ROUNDS		64u

struct attach {
	struct lc_volume *vol;
	struct lc_recovered rec;
	struct lc_durable fence;
	struct iovec iov;
	u8 block[LC_BK_BLOCK];
	unsigned int rounds;
	lc_volume_fn done;
	void *data;
};

static void finish(struct attach *a, int err)
{
	struct lc_volume *vol = a->vol;

	vol->attach = NULL;
	if (err)
		lc_vol_stop(vol, err);
	else
		vol->mode = LC_VOLUME_ACTIVE;
	lc_inventory_free(&a->rec.inv);
	a->done(vol, err, a->data);
	free(a);
}

/*----------------------------------------------------------------
 * The run that is to be written
 *----------------------------------------------------------------
 */

static void run_opened(struct lc_volume *vol, int err, void *data)
{
	struct attach *a = data;
	const struct lc_run *head;

	if (err) {
		finish(a, err);
		return;
	}
	head = lc_manifest_head(&vol->m);
	vol->committed = a->rec.tip;
	vol->committed_field = a->rec.committed_field;
	vol->lsn = head->lsn;
	lc_put_open(vol, head->first, head->prev);
	err = lc_vol_set_line(vol);
	err = err ?: lc_ckpt_adopt(vol, &a->rec.inv);
	if (!err) {
		lc_mark_adopt(vol, &a->rec.inv);
		lc_gc_adopt(vol, &a->rec.inv);
	}
	finish(a, err);
}

/* The old run ends where recovery found it to end; objects behind that never count. */
static u64 close_run(struct attach *a, struct lc_run *head)
{
	if (lc_planted(a->vol, LC_BK_PLANT_NO_CUT) && a->rec.last > a->rec.tip) {
		head->end = a->rec.last + 1;
		return a->rec.last;
	}
	head->end = a->rec.tip + 1;
	return a->rec.tip;
}

static int open_run(struct attach *a)
{
	struct lc_volume *vol = a->vol;
	struct lc_run *head = lc_manifest_head(&vol->next);
	struct lc_run run = { .epoch = vol->next.epoch, .end = LC_BK_NEVER };
	bool open = head && head->end == LC_BK_NEVER;
	bool same_log = open && !memcmp(head->log, vol->params.log, sizeof(run.log));

	memcpy(run.uuid, vol->uuid, sizeof(run.uuid));
	memcpy(run.log, vol->params.log, sizeof(run.log));
	run.lsn = same_log ? a->rec.lsn : vol->params.new_lsn;
	if (open && a->rec.tip < head->first) {
		/* Nothing was written: it becomes this owner's. */
		run.first = head->first;
		run.prev = head->prev;
		*head = run;
		return 0;
	}
	run.prev = open ? close_run(a, head) : lc_manifest_tip(&vol->next);
	run.first = lc_manifest_next_seq(&vol->next);
	return lc_manifest_add_run(&vol->next, &run);
}

static void put_run(struct attach *a)
{
	int err = lc_own_begin(a->vol);

	if (err) {
		finish(a, err);
		return;
	}
	err = open_run(a);
	if (err == -ENOSPC)
		lc_vol_why(a->vol, "has been attached too often: its manifest is full");
	if (err) {
		lc_own_drop(a->vol);
		finish(a, err);
		return;
	}
	lc_own_put(a->vol, run_opened, a);
}

/*----------------------------------------------------------------
 * Recovery and fence
 *----------------------------------------------------------------
 */

static void recovered(struct lc_volume *vol, int err, struct lc_recovered *rec, void *data);

static void recover(struct attach *a)
{
	lc_inventory_free(&a->rec.inv);
	lc_recover(a->vol, recovered, a);
}

static void fence_put(struct lc_durable *d, int err)
{
	struct attach *a = d->data;

	if (!err)
		put_run(a);
	else if (err == -ESTALE && ++a->rounds < ROUNDS)
		recover(a);
	else
		finish(a, err);
}

static void put_fence(struct attach *a, const struct lc_run *run)
{
	struct lc_obj obj = {
		.epoch = a->vol->m.epoch, .seq = a->rec.hole, .prev = a->rec.hole - 1,
		.flags = LC_BK_FENCE,
	};
	char key[LC_KEY_LEN];

	lc_obj_encode(a->block, run->uuid, &obj, NULL, NULL);
	a->iov = (struct iovec){ a->block, obj.header_bytes };
	a->fence.done = fence_put;
	a->fence.data = a;
	lc_key_data(key, run->uuid, run->epoch, a->rec.hole);
	lc_durable_start(&a->fence, a->vol, key, &a->iov, 1);
}

/* Nothing else keeps us from putting back the manifest of what was deleted meanwhile. */
static void looked(struct lc_volume *vol, int err, void *data)
{
	struct attach *a = data;

	if (err)
		finish(a, err);
	else
		put_run(a);
}

static void recovered(struct lc_volume *vol, int err, struct lc_recovered *rec, void *data)
{
	const struct lc_run *head = lc_manifest_head(&vol->m);
	struct attach *a = data;
	bool open = head && head->end == LC_BK_NEVER;

	a->rec = *rec;
	rec->inv = (struct lc_inventory){ 0 };
	if (err)
		finish(a, err);
	else if (open && !rec->fenced && !vol->params.no_fencing &&
		 !lc_planted(vol, LC_BK_PLANT_NO_CUT))
		put_fence(a, head);
	else if (vol->params.no_fencing)
		lc_own_check(vol, looked, a);
	else
		put_run(a);
}

/*----------------------------------------------------------------
 * The claim
 *----------------------------------------------------------------
 */

static void claimed(struct lc_volume *vol, int err, void *data)
{
	struct attach *a = data;

	if (err)
		finish(a, err);
	else
		recover(a);
}

/* It has a run, which is not the last one. Runs of the parent of a clone say nothing. */
static bool log_is_old(const struct lc_volume *vol)
{
	const struct lc_run *run = vol->m.runs;

	for (; run < vol->m.runs + vol->m.nr_runs; run++)
		if (!memcmp(run->uuid, vol->uuid, sizeof(run->uuid)) &&
		    !memcmp(run->log, vol->params.log, sizeof(run->log)))
			return true;
	return false;
}

static bool follows(const struct lc_volume *vol, const struct lc_run *head)
{
	static const u8 any[16];
	const u8 *after = vol->params.new_after;

	return !memcmp(after, any, sizeof(any)) || !memcmp(after, head->log, sizeof(head->log));
}

/* An SSD that was replaced must not come back with what it had not uploaded. */
static int check_log(struct lc_volume *vol)
{
	const struct lc_run *head = lc_manifest_head(&vol->m);
	char last[LC_UUID_TEXT], ours[LC_UUID_TEXT];

	if (!head || !memcmp(head->log, vol->params.log, sizeof(head->log)))
		return 0;
	lc_uuid_text(last, head->log);
	lc_uuid_text(ours, vol->params.log);
	if (log_is_old(vol)) {
		lc_vol_why(vol,
			   "cache %s was replaced, cache %s wrote last: what the old one has not uploaded does not count any more; go on with the last one, or make an empty one the new cache (logcachectl recover)",
			   ours, last);
		return -ESTALE;
	}
	if (head->end != LC_BK_NEVER || (vol->params.new_log && follows(vol, head)))
		return 0;
	if (vol->params.new_log) {
		lc_vol_why(vol,
			   "cache %s was to be the new one, but cache %s has become it meanwhile; go on with that one, or take the volume over from it (logcachectl recover)",
			   ours, last);
		return -ESTALE;
	}
	lc_vol_why(vol,
		   "was written last through cache %s, and this is cache %s; use that one, or say that this one is new (logcachectl recover)",
		   last, ours);
	return -ESTALE;
}

static void loaded(struct lc_volume *vol, int err)
{
	struct attach *a = vol->attach;

	err = err ?: check_log(vol);
	err = err ?: lc_own_begin(vol);
	if (err) {
		finish(a, err);
		return;
	}
	vol->next.epoch++;
	memcpy(vol->next.owner, vol->params.owner, sizeof(vol->next.owner));
	vol->next.flags = vol->params.no_fencing ? LC_BK_NO_FENCING : 0;
	lc_own_put(vol, claimed, a);
}

static void no_map(struct lc_call *call)
{
	struct attach *a = call->data;

	lc_vol_why(a->vol, "the object map in %s cannot be opened (%s)", a->vol->params.map_dir,
		   strerror(-call->err));
	finish(a, call->err);
	free(call);
}

static void set_defaults(struct lc_volume_params *p)
{
	p->object_sectors = p->object_sectors ?: OBJECT_SECTORS;
	p->object_sectors = min(p->object_sectors & ~7u, LC_BK_PAYLOAD_MAX);
	p->puts_max = p->puts_max ?: 32;
	p->gets_max = p->gets_max ?: 64;
	p->ckpt_objects = p->ckpt_objects ?: 64;
	p->ckpt_entries = min(p->ckpt_entries ?: LC_BK_PART_ENTRIES, LC_BK_PART_ENTRIES);
	p->ckpt_ms = p->ckpt_ms ?: 30 * 60 * 1000;
	p->gc_target = p->gc_target ?: 70;
	p->gc_max_live = p->gc_max_live ?: 90;
}

struct lc_volume *lc_vol_new(const struct lc_volume_params *params)
{
	struct lc_volume *vol = calloc(1, sizeof(*vol));

	if (!vol)
		return NULL;
	vol->params = *params;
	vol->params.map_dir = strdup(params->map_dir);
	if (!vol->params.map_dir) {
		free(vol);
		return NULL;
	}
	set_defaults(&vol->params);
	vol->store = params->store;
	vol->loop = params->store->loop;
	memcpy(vol->uuid, params->uuid, sizeof(vol->uuid));
	INIT_LIST_HEAD(&vol->ios);
	INIT_LIST_HEAD(&vol->children);
	INIT_LIST_HEAD(&vol->calls);
	INIT_LIST_HEAD(&vol->puts.units);
	INIT_LIST_HEAD(&vol->puts.list);
	INIT_LIST_HEAD(&vol->gets.list);
	vol->call_timer.expired = lc_vol_run_calls;
	vol->call_timer.data = vol;
	lc_ckpt_init(vol);
	return vol;
}

struct lc_volume *lc_volume_attach(const struct lc_volume_params *params, lc_volume_fn done,
				   void *data)
{
	struct lc_volume *vol = lc_vol_new(params);
	struct attach *a = calloc(1, sizeof(*a));
	struct lc_call *call;
	int err;

	if (!vol || !a) {
		free(vol);
		free(a);
		return NULL;
	}
	a->vol = vol;
	a->done = done;
	a->data = data;
	vol->attach = a;
	err = lc_map_open(&vol->map, params->map_dir, params->map_limit, params->uuid);
	if (!err) {
		lc_own_load(vol, loaded);
		return vol;
	}
	call = lc_vol_alloc(sizeof(*call));
	*call = (struct lc_call){ .fn = no_map, .data = a, .err = err };
	lc_vol_later(vol, call);
	return vol;
}
