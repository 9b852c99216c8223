// SPDX-License-Identifier: GPL-2.0-only
/*
 * Marks: the smallest object whose name says that everything up to some object was
 * complete. A checkpoint's name says it as well, but a checkpoint is large, and would
 * have to be put for every few objects that garbage collection wants to delete.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "vol.h"

struct mark_job {
	struct lc_durable d;
	struct iovec iov;
	u8 block[LC_BK_FIXED];
	u64 seq;
	lc_volume_fn done;
	void *data;
};

static void free_io(struct lc_io *io)
{
	free(io);
}

static void delete_mark(struct lc_volume *vol, const struct lc_mark *mark)
{
	struct lc_io *io = lc_vol_alloc(sizeof(*io));

	lc_io_init(io, vol, LC_STORE_DELETE, free_io, NULL);
	lc_key_ckpt(io->req.key, vol->uuid, mark->seq, mark->epoch, LC_BK_MARK_PART);
	lc_io_start(io);
}

static void add(struct lc_marks *marks, u64 seq, u64 epoch)
{
	marks->e = reallocarray(marks->e, marks->nr + 1, sizeof(*marks->e));
	if (!marks->e)
		lc_vol_no_memory();
	marks->e[marks->nr++] = (struct lc_mark){ seq, epoch };
}

/* Two stay: one that was listed, and the one that was put since then. */
static void prune(struct lc_volume *vol)
{
	struct lc_marks *marks = &vol->marks;
	u32 i, n = marks->nr > 2 ? marks->nr - 2 : 0;

	for (i = 0; i < n; i++)
		delete_mark(vol, &marks->e[i]);
	memmove(marks->e, marks->e + n, (marks->nr - n) * sizeof(*marks->e));
	marks->nr -= n;
}

void lc_mark_adopt(struct lc_volume *vol, const struct lc_inventory *inv)
{
	u32 i;

	vol->marks.nr = 0;
	vol->marks.durable = 0;
	for (i = 0; i < inv->nr_ckpts; i++) {
		const struct lc_inv_ckpt *c = &inv->ckpts[i];

		if (c->vol || !c->mark)
			continue;
		add(&vol->marks, c->seq, c->epoch);
		if (c->epoch == vol->m.epoch && lc_line_span(&vol->line, c->seq))
			vol->marks.durable = c->seq;
	}
}

void lc_mark_free(struct lc_volume *vol)
{
	free(vol->marks.e);
	vol->marks.e = NULL;
}

static void put_done(struct lc_durable *d, int err)
{
	struct mark_job *job = d->data;
	struct lc_volume *vol = d->put.vol;

	if (err && err != -ECANCELED)
		lc_vol_stop(vol, err);
	if (!err) {
		add(&vol->marks, job->seq, vol->m.epoch);
		vol->marks.durable = job->seq;
		prune(vol);
	}
	job->done(vol, err, job->data);
	free(job);
}

void lc_mark_put(struct lc_volume *vol, lc_volume_fn done, void *data)
{
	struct mark_job *job = lc_vol_alloc(sizeof(*job));
	char key[LC_KEY_LEN];

	job->seq = vol->committed;
	if (lc_planted(vol, LC_BK_PLANT_MARK_AHEAD))
		job->seq = vol->puts.next_seq - 1;
	job->done = done;
	job->data = data;
	lc_mark_encode(job->block, vol->uuid, vol->m.epoch, job->seq);
	job->iov = (struct iovec){ job->block, sizeof(job->block) };
	job->d.done = put_done;
	job->d.data = job;
	lc_key_ckpt(key, vol->uuid, job->seq, vol->m.epoch, LC_BK_MARK_PART);
	lc_durable_start(&job->d, vol, key, &job->iov, 1);
}
