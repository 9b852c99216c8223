// SPDX-License-Identifier: GPL-2.0-only
/*
 * Garbage collection, one step at a time:
 *
 *   delete   what nothing needs and a durable mark and a durable object know so
 *   mark     when much waits for it to be deleted
 *   copy     what is needed out of some objects (gc_choose.c), into a new one: then
 *            nothing needs them
 *   tick     an object without contents, when much waits and no other object comes
 *
 * Deleting waits, since a missing object must not be taken for the end of the volume:
 * a mark or checkpoint from then on says by its name, and the newest object in its
 * header, that everything before was complete (recover.h, the floor).
 *
 * Objects that a snapshot or a clone needs are not worth copying from: they stay.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gc_choose.h"

#define DELETES		32u
#define WAIT_RATIO	128u	/* of the payload so much may wait to be deleted */

struct gc_job {
	struct lc_volume *vol;
	lc_volume_fn done;
	void *data;
	u32 flying;		/* DELETEs */
	u32 nr_deleted;
	u64 deleted[DELETES];
	int err;
	struct lc_gc_copy tick;	/* nothing, as an object */
};

bool lc_gc_idle(const struct lc_volume *vol)
{
	return !vol->gcs.job;
}

static void finish(struct gc_job *job, int err)
{
	struct lc_volume *vol = job->vol;

	vol->gcs.job = NULL;
	job->done(vol, err, job->data);
	free(job);
	lc_vol_settle(vol);
}

bool lc_gc_own(const struct lc_volume *vol, u64 seq)
{
	const struct lc_run *run = lc_manifest_run(&vol->m, seq);

	return run && !memcmp(run->uuid, vol->uuid, sizeof(run->uuid));
}

/*----------------------------------------------------------------
 * Deleting
 *----------------------------------------------------------------
 */

/* By their names: everything up to here was complete. */
static u64 marked(const struct lc_volume *vol)
{
	return max(vol->ckpts.durable, vol->marks.durable);
}

/* Its absence would be understood. */
static bool known_dead(const struct lc_volume *vol, const struct lc_objs_entry *e)
{
	if (lc_planted(vol, LC_BK_PLANT_EARLY_DELETE) || lc_planted(vol, LC_BK_PLANT_NO_ZERO))
		return true;
	return e->dead_at <= marked(vol) && e->dead_at <= vol->committed_field;
}

static bool dead(const struct lc_volume *vol, const struct lc_objs_entry *e)
{
	if (lc_planted(vol, LC_BK_PLANT_NO_ZERO) && !e->live && e->seq < marked(vol))
		return true;
	return e->dead_at != LC_BK_NEVER;
}

static bool garbage(const struct lc_volume *vol, const struct lc_objs_entry *e)
{
	return dead(vol, e) && !e->deleting && e->seq != vol->committed &&
	       lc_gc_own(vol, e->seq) &&
	       !lc_vol_pinned(vol, e->seq, e->dead_at);
}

static int forget(struct lc_volume *vol, const u64 *seqs, u32 nr)
{
	struct lc_map_state state = *lc_map_state(vol->map);
	int err = lc_map_begin(vol->map);
	u32 i;

	if (err)
		return err;
	for (i = 0; i < nr && !err; i++)
		err = lc_map_forget(vol->map, seqs[i]);
	if (!err)
		return lc_map_commit(vol->map, &state);
	lc_map_abort(vol->map);
	return err;
}

static void deletes_done(struct gc_job *job)
{
	struct lc_volume *vol = job->vol;
	int err = job->err ?: forget(vol, job->deleted, job->nr_deleted);

	if (err && err != -ECANCELED)
		lc_vol_stop(vol, err);
	vol->st.deleted += job->nr_deleted;
	finish(job, err ?: -EAGAIN);
}

static void deleted(struct lc_io *io)
{
	struct gc_job *job = io->data;

	if (io->req.status != LC_STORE_OK)
		job->err = lc_io_errno(io->req.status);
	free(io);
	if (!--job->flying)
		deletes_done(job);
}

static void delete(struct gc_job *job, u64 epoch, u64 seq)
{
	struct lc_io *io = lc_vol_alloc(sizeof(*io));

	lc_io_init(io, job->vol, LC_STORE_DELETE, deleted, job);
	lc_key_data(io->req.key, job->vol->uuid, epoch, seq);
	job->flying++;
	lc_io_start(io);
}

/*
 * Somebody else may have claimed the volume and be recovering it by now: what was put
 * after that listing must not go, or a place that was filled would be taken for a hole.
 * All these were there before this question, and so before a claim that it does not see.
 */
static void still_owner(struct lc_volume *vol, int err, void *data)
{
	struct gc_job *job = data;
	u32 i;

	if (err) {
		for (i = 0; i < job->nr_deleted; i++)
			lc_objs_find(lc_map_objs(vol->map), job->deleted[i])->deleting = false;
		finish(job, err);
		return;
	}
	for (i = 0; i < job->nr_deleted; i++)
		delete(job, lc_manifest_run(&vol->m, job->deleted[i])->epoch, job->deleted[i]);
}

static bool delete_garbage(struct gc_job *job)
{
	struct lc_objs *objs = lc_map_objs(job->vol->map);
	struct lc_objs_entry *e;
	u32 i;

	for (i = 0; i < objs->nr && job->nr_deleted < DELETES; i++) {
		e = &objs->e[i];
		if (!garbage(job->vol, e) || !known_dead(job->vol, e))
			continue;
		e->deleting = true;
		job->deleted[job->nr_deleted++] = e->seq;
	}
	if (job->nr_deleted)
		lc_own_check(job->vol, still_owner, job);
	return job->nr_deleted;
}

/*----------------------------------------------------------------
 * Strays: in the bucket, and not in the map
 *----------------------------------------------------------------
 */

static const struct lc_run *run_of(const struct lc_volume *vol, const struct lc_inv_object *o)
{
	const struct lc_run *run = lc_manifest_run(&vol->m, o->seq);

	return lc_gc_own(vol, o->seq) && run->epoch == o->epoch ? run : NULL;
}

static bool is_stray(const struct lc_volume *vol, const struct lc_inv_object *o)
{
	if (o->vol)
		return false;
	/* In no run, it does not count; but a fence has to stay, and is as small as this. */
	if (!run_of(vol, o))
		return o->bytes > LC_BK_BLOCK;
	return !lc_line_span(&vol->line, o->seq) || !lc_objs_find(lc_map_objs(vol->map), o->seq);
}

void lc_gc_adopt(struct lc_volume *vol, struct lc_inventory *inv)
{
	u64 i, n = 0;

	for (i = 0; i < inv->nr; i++)
		if (is_stray(vol, &inv->objects[i]))
			inv->objects[n++] = inv->objects[i];
	inv->nr = n;
	lc_inventory_free(&vol->gcs.strays);
	vol->gcs.strays = *inv;
	*inv = (struct lc_inventory){ 0 };
	vol->gcs.sweep = true;
}

void lc_gc_free(struct lc_volume *vol)
{
	lc_inventory_free(&vol->gcs.strays);
}

/* On the line, the map has seen its end; beside it, a snapshot may need it. */
static bool stray_needed(const struct lc_volume *vol, const struct lc_inv_object *o)
{
	if (!run_of(vol, o))
		return false;
	return lc_vol_pinned(vol, o->seq, lc_line_span(&vol->line, o->seq) ? 0 : LC_BK_NEVER);
}

static bool delete_strays(struct gc_job *job)
{
	struct lc_inventory *inv = &job->vol->gcs.strays;
	u64 i, n = 0;

	if (!job->vol->gcs.sweep)
		return false;
	for (i = 0; i < inv->nr; i++) {
		if (job->flying < DELETES && !stray_needed(job->vol, &inv->objects[i]))
			delete(job, inv->objects[i].epoch, inv->objects[i].seq);
		else
			inv->objects[n++] = inv->objects[i];
	}
	inv->nr = n;
	job->vol->gcs.sweep = job->flying == DELETES;
	return job->flying;
}

/*----------------------------------------------------------------
 * Marks and ticks
 *----------------------------------------------------------------
 */

static void settled(struct lc_volume *vol, int err, void *data)
{
	finish(data, err ?: -EAGAIN);
}

static void ticked(struct lc_gc_copy *copy, int err)
{
	struct gc_job *job = copy->priv;

	finish(job, err ?: -EAGAIN);
}

/* Payload that could go if everything were known to be complete, not only up to @seq. */
static u64 waiting(const struct lc_volume *vol, u64 seq)
{
	const struct lc_objs *objs = lc_map_objs(vol->map);
	u64 sum = 0;
	u32 i;

	for (i = 0; i < objs->nr; i++)
		if (objs->e[i].payload && objs->e[i].dead_at > seq && garbage(vol, &objs->e[i]))
			sum += objs->e[i].payload;
	return sum;
}

/* Is it worth a request? */
static bool many(const struct lc_volume *vol, u64 sectors)
{
	return sectors && sectors >= lc_map_objs(vol->map)->payload / WAIT_RATIO;
}

static bool put_mark(struct gc_job *job)
{
	struct lc_volume *vol = job->vol;

	if (!many(vol, waiting(vol, marked(vol))))
		return false;
	lc_mark_put(vol, settled, job);
	return true;
}

/* The next unit or copy would do as well. */
static bool put_tick(struct gc_job *job)
{
	struct lc_volume *vol = job->vol;

	if (!lc_put_idle(vol) || !many(vol, waiting(vol, vol->committed_field)))
		return false;
	job->tick = (struct lc_gc_copy){ .done = ticked, .priv = job };
	lc_put_copy(vol, &job->tick);
	return true;
}

/*----------------------------------------------------------------
 * A step
 *----------------------------------------------------------------
 */

static void copied(struct lc_volume *vol, int err, void *data)
{
	finish(data, err ?: -EAGAIN);
}

static void nothing_left(struct lc_volume *vol, int err, void *data)
{
	finish(data, err);
}

void lc_volume_gc(struct lc_volume *vol, lc_volume_fn done, void *data)
{
	int err = lc_vol_check(vol);
	struct lc_gc_victims victims;
	struct gc_job *job;

	if (!err && (vol->gcs.job || vol->idle)) {
		lc_vol_why(vol, "garbage is being collected already; try again");
		err = -EBUSY;
	}
	if (err) {
		lc_vol_answer(vol, done, data, err);
		return;
	}
	job = lc_vol_alloc(sizeof(*job));
	*job = (struct gc_job){ .vol = vol, .done = done, .data = data };
	vol->gcs.job = job;
	if (delete_garbage(job) || delete_strays(job))
		return;
	if (put_mark(job))
		return;
	if (lc_gc_choose(vol, &victims)) {
		lc_gc_copy_start(vol, &victims, copied, job);
		return;
	}
	if (put_tick(job))
		return;
	lc_vol_answer(vol, nothing_left, job, 0);
}
