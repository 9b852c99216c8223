// SPDX-License-Identifier: GPL-2.0-only
/*
 * Writing checkpoints of the map, in the background, from a view that stands still.
 * How often: after so many objects or so long, but not before so much was put that
 * the checkpoint is a small part of it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "vol.h"

/* A checkpoint costs at most 1/64 of what was put, or 1/8 where little is written. */
#define RATIO		64u
#define RATIO_IDLE	8u
/* So many are kept besides those that snapshots need. */
#define KEEP		2u

struct waiter {
	struct waiter *next;
	lc_volume_fn done;
	void *data;
};

struct ckpt_job {
	struct lc_volume *vol;
	struct lc_map_view *view;
	struct lc_ckpt_info info;
	u32 next_object;
	u64 bytes;
	struct lc_durable d;
	struct iovec iov;
	struct waiter *waiters;
};

/*----------------------------------------------------------------
 * Which there are, which are needed
 *----------------------------------------------------------------
 */

static void free_io(struct lc_io *io)
{
	free(io);
}

static void delete_ckpt(struct lc_volume *vol, const struct lc_ckpt_ref *ref)
{
	struct lc_io *io;
	u32 i;

	for (i = 0; i < ref->nr_parts; i++) {
		io = lc_vol_alloc(sizeof(*io));
		lc_io_init(io, vol, LC_STORE_DELETE, free_io, NULL);
		lc_key_ckpt(io->req.key, vol->uuid, ref->seq, ref->epoch, i);
		lc_io_start(io);
	}
}

/* The newest one at or before a state that is kept. */
static bool pin_needs(const struct lc_ckpts *ck, const struct lc_manifest *m, u32 i)
{
	u32 p;

	for (p = 0; p < m->nr_pins; p++)
		if (ck->refs[i].seq <= m->pins[p].seq &&
		    (i + 1 == ck->nr || ck->refs[i + 1].seq > m->pins[p].seq))
			return true;
	return false;
}

static void prune(struct lc_volume *vol)
{
	struct lc_ckpts *ck = &vol->ckpts;
	u32 i;

	for (i = ck->nr; i; i--) {
		if (i - 1 + KEEP >= ck->nr || pin_needs(ck, &vol->m, i - 1) ||
		    (vol->updating && pin_needs(ck, &vol->next, i - 1)))
			continue;
		delete_ckpt(vol, &ck->refs[i - 1]);
		memmove(&ck->refs[i - 1], &ck->refs[i], (ck->nr - i) * sizeof(*ck->refs));
		ck->nr--;
	}
}

static void add_ref(struct lc_ckpts *ck, u64 seq, u64 epoch, u32 nr_parts)
{
	ck->refs = reallocarray(ck->refs, ck->nr + 1, sizeof(*ck->refs));
	if (!ck->refs)
		lc_vol_no_memory();
	ck->refs[ck->nr++] = (struct lc_ckpt_ref){ seq, epoch, nr_parts };
}

int lc_ckpt_adopt(struct lc_volume *vol, const struct lc_inventory *inv)
{
	u32 i;

	vol->ckpts.nr = 0;
	vol->ckpts.durable = 0;
	for (i = 0; i < inv->nr_ckpts; i++)
		if (!inv->ckpts[i].vol && inv->ckpts[i].nr_parts)
			add_ref(&vol->ckpts, inv->ckpts[i].seq, inv->ckpts[i].epoch,
				inv->ckpts[i].nr_parts);
	/* Others may have begun one and not finished it: only one's own are relied on. */
	for (i = 0; i < vol->ckpts.nr; i++)
		if (vol->ckpts.refs[i].epoch == vol->m.epoch &&
		    lc_line_span(&vol->line, vol->ckpts.refs[i].seq))
			vol->ckpts.durable = vol->ckpts.refs[i].seq;
	lc_timer_arm(vol->loop, &vol->ckpts.timer, vol->params.ckpt_ms);
	return 0;
}

void lc_ckpt_free(struct lc_volume *vol)
{
	free(vol->ckpts.refs);
	vol->ckpts.refs = NULL;
}

/*----------------------------------------------------------------
 * Writing one
 *----------------------------------------------------------------
 */

bool lc_ckpt_idle(const struct lc_volume *vol)
{
	return !vol->ckpts.job;
}

static void finish(struct ckpt_job *job, int err)
{
	struct lc_volume *vol = job->vol;
	struct waiter *w;

	vol->ckpts.job = NULL;
	if (!err) {
		add_ref(&vol->ckpts, job->info.seq, job->info.epoch, job->info.nr_parts);
		vol->ckpts.durable = job->info.seq;
		vol->ckpts.last_bytes = job->bytes;
		vol->st.ckpt_bytes += job->bytes;
		prune(vol);
	}
	while ((w = job->waiters)) {
		job->waiters = w->next;
		w->done(vol, err, w->data);
		free(w);
	}
	lc_map_view_close(job->view);
	free(job->iov.iov_base);
	free(job);
	lc_vol_settle(vol);
}

static u32 fill_objects(struct ckpt_job *job, void *buf, u32 room)
{
	const struct lc_objs *objs = lc_map_view_objs(job->view);
	u32 n;

	for (n = 0; n < room && job->next_object < objs->nr; n++) {
		const struct lc_objs_entry *e = &objs->e[job->next_object++];
		const struct lc_ckpt_obj o = { e->seq, e->dead_at, e->header_bytes, e->payload };

		lc_ckpt_put_object(buf, n, &o);
	}
	return n;
}

static int fill_extents(struct ckpt_job *job, void *buf, u32 room)
{
	struct lc_ext ext;
	int got = 1;
	u64 seq;

	while (job->info.nr_extents < room) {
		got = lc_map_view_next(job->view, &ext, &seq);
		if (got != 1)
			break;
		lc_ckpt_put_extent(buf, job->info.nr_objects, job->info.nr_extents++, &ext, seq);
	}
	return got < 0 ? got : 0;
}

static void put_part(struct ckpt_job *job);

static void part_put(struct lc_durable *d, int err)
{
	struct ckpt_job *job = d->data;

	if (err && err != -ECANCELED)
		lc_vol_stop(job->vol, err);
	if (err || ++job->info.part == job->info.nr_parts)
		finish(job, err);
	else
		put_part(job);
}

static int fill_part(struct ckpt_job *job)
{
	u32 room = job->vol->params.ckpt_entries;
	void *buf = job->iov.iov_base;
	int err;

	job->info.nr_extents = 0;
	job->info.nr_objects = fill_objects(job, buf, room);
	err = fill_extents(job, buf, room - job->info.nr_objects);
	if (err)
		return err;
	lc_ckpt_seal(buf, job->vol->uuid, &job->info);
	job->iov.iov_len = lc_ckpt_bytes(job->info.nr_objects, job->info.nr_extents);
	job->bytes += job->iov.iov_len;
	return 0;
}

static void put_part(struct ckpt_job *job)
{
	struct lc_volume *vol = job->vol;
	char key[LC_KEY_LEN];
	int err = fill_part(job);

	if (err) {
		lc_vol_why(vol, "the object map cannot be read (%s)", strerror(-err));
		lc_vol_stop(vol, err);
		finish(job, err);
		return;
	}
	lc_key_ckpt(key, vol->uuid, job->info.seq, job->info.epoch, job->info.part);
	job->d.done = part_put;
	job->d.data = job;
	lc_durable_start(&job->d, vol, key, &job->iov, 1);
}

static u32 count_parts(const struct ckpt_job *job)
{
	u64 entries = lc_map_view_extents(job->view) + lc_map_view_objs(job->view)->nr;
	u32 room = job->vol->params.ckpt_entries;

	return entries ? DIV_ROUND_UP(entries, room) : 1;
}

static bool fill_info(struct ckpt_job *job)
{
	const struct lc_map_state *state = lc_map_view_state(job->view);

	job->info.epoch = job->vol->m.epoch;
	job->info.seq = state->seq;
	job->info.obj_epoch = state->epoch;
	job->info.lsn = state->lsn;
	job->info.nr_parts = count_parts(job);
	job->iov.iov_base = malloc(lc_ckpt_bytes(0, job->vol->params.ckpt_entries));
	return job->iov.iov_base;
}

static void start(struct lc_volume *vol)
{
	struct ckpt_job *job = lc_vol_alloc(sizeof(*job));

	job->vol = vol;
	job->view = lc_map_view_open(vol->map);
	if (!job->view || !fill_info(job))
		lc_vol_no_memory();
	vol->ckpts.job = job;
	vol->ckpts.since_bytes = 0;
	vol->ckpts.since_objects = 0;
	lc_timer_cancel(vol->loop, &vol->ckpts.timer);
	put_part(job);
}

/* A name is used once: with the same seq it would have to have the same contents. */
static bool is_new(const struct lc_volume *vol)
{
	const struct lc_ckpts *ck = &vol->ckpts;
	u32 i;

	for (i = 0; i < ck->nr; i++)
		if (ck->refs[i].seq == vol->committed && ck->refs[i].epoch == vol->m.epoch)
			return false;
	return vol->committed;
}

static bool worth_it(const struct lc_volume *vol, u32 ratio)
{
	return !vol->ckpts.job && vol->mode == LC_VOLUME_ACTIVE && is_new(vol) &&
	       vol->ckpts.since_bytes >= vol->ckpts.last_bytes * ratio;
}

void lc_ckpt_note(struct lc_volume *vol, u64 bytes)
{
	struct lc_ckpts *ck = &vol->ckpts;

	ck->since_bytes += bytes;
	ck->since_objects++;
	if (ck->since_objects >= vol->params.ckpt_objects && worth_it(vol, RATIO))
		start(vol);
	else if (!ck->timer.at)
		lc_timer_arm(vol->loop, &ck->timer, vol->params.ckpt_ms);
}

static void expired(struct lc_timer *t)
{
	struct lc_volume *vol = t->data;

	if (worth_it(vol, RATIO_IDLE))
		start(vol);
	else
		lc_timer_arm(vol->loop, t, vol->params.ckpt_ms);
}

void lc_ckpt_init(struct lc_volume *vol)
{
	vol->ckpts.timer.expired = expired;
	vol->ckpts.timer.data = vol;
}

void lc_volume_checkpoint(struct lc_volume *vol, lc_volume_fn done, void *data)
{
	int err = lc_vol_check(vol);
	struct waiter *w;

	if (!err && !vol->ckpts.job && is_new(vol))
		start(vol);
	if (err || !vol->ckpts.job) {
		lc_vol_answer(vol, done, data, err);
		return;
	}
	w = lc_vol_alloc(sizeof(*w));
	*w = (struct waiter){ vol->ckpts.job->waiters, done, data };
	vol->ckpts.job->waiters = w;
}
