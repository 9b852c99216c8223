// SPDX-License-Identifier: GPL-2.0-only
/*
 * Object headers, fetched several at a time and laid over the map in order. Behind the
 * floor a unit of several objects is held back until all of them are there.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "recover.h"

#define WINDOW	16u
#define GUESS	65536u

struct header {
	struct lc_io io;
	struct job *job;
	struct lc_replay_object *object;
	struct lc_obj obj;
	u8 *buf;
	u32 got;
	bool ready;
	int err;
};

struct job {
	struct lc_volume *vol;
	struct lc_replay *r;
	struct header *window[WINDOW];
	u64 next_get;
	u64 next;		/* to be laid over the map */
	u32 flying;
	bool over;
	int err;
	struct header **group;	/* a unit that is not complete yet */
	u32 nr_group;
	void (*done)(struct lc_volume *vol, int err, void *data);
	void *data;
};

static void free_header(struct header *h)
{
	if (!h)
		return;
	free(h->buf);
	free(h);
}

static int damaged(struct header *h, const char *why)
{
	lc_vol_why(h->job->vol, "%s: %s; put back a good copy of it", h->io.req.key, why);
	return -EBADMSG;
}

/*----------------------------------------------------------------
 * Laying them over the map
 *----------------------------------------------------------------
 */

static void count(struct job *j, u64 seq)
{
	struct lc_replay *r = j->r;

	r->counts[r->nr_counts++ % LC_REPLAY_COUNTS] = (struct lc_replay_count){
		.seq = seq, .nr = lc_map_objs(j->vol->map)->nr_needed,
	};
}

static int apply(struct job *j, struct header **headers, u32 nr)
{
	const struct lc_obj *last = &headers[nr - 1]->obj;
	struct lc_map *map = j->vol->map;
	const struct lc_map_state state = {
		.seq = last->seq, .epoch = headers[nr - 1]->object->span->run->epoch,
		.lsn = last->lsn_end, .unchecked = true,
	};
	int err = lc_map_begin(map);
	u32 i;

	if (err)
		return err;
	for (i = 0; i < nr && !err; i++)
		err = lc_map_apply(map, &headers[i]->obj, headers[i]->buf);
	if (err) {
		lc_map_abort(map);
		lc_vol_why(j->vol, "%s: cannot be added to the object map (%s)",
			   headers[0]->io.req.key, strerror(-err));
		return err;
	}
	err = lc_map_commit(map, &state);
	j->r->committed_field = last->committed;
	j->r->nr_live = last->nr_live;
	count(j, last->seq);
	return err;
}

static int apply_group(struct job *j)
{
	int err = j->nr_group ? apply(j, j->group, j->nr_group) : 0;
	u32 i;

	for (i = 0; i < j->nr_group; i++)
		free_header(j->group[i]);
	j->nr_group = 0;
	return err;
}

static int add_to_group(struct job *j, struct header *h)
{
	struct header **group = reallocarray(j->group, j->nr_group + 1, sizeof(*group));

	if (!group)
		lc_vol_no_memory();
	j->group = group;
	j->group[j->nr_group++] = h;
	if (h->obj.flags & LC_BK_MORE && !lc_planted(j->vol, LC_BK_PLANT_HALF_GROUP))
		return 0;
	return apply_group(j);
}

static int check_chain(struct header *h)
{
	const struct lc_span *span = h->object->span;
	u64 prev = h->object->seq == span->first ? span->run->prev : h->object->seq - 1;

	return h->obj.prev == prev ? 0 : damaged(h, "does not follow the object before it");
}

/* Is it one more that counts? Otherwise it is the end, or an error. */
static int judge(struct job *j, struct header *h)
{
	struct lc_replay *r = j->r;
	u64 seq = h->object->seq;

	j->over = seq > r->known + 1;
	if (j->over)
		return 0;
	if (h->err == -ENOENT)
		r->gone = seq;
	if (h->err)
		return h->err;
	if (!(h->obj.flags & LC_BK_FENCE))
		return check_chain(h);
	if (seq <= r->floor)
		return damaged(h, "a fence where an object was");
	j->over = true;
	r->fenced = true;
	return 0;
}

/* The next one in order; it belongs to the callee. */
static int take(struct job *j, struct header *h)
{
	u64 seq = h->object->seq;
	int err = judge(j, h);

	if (err || j->over) {
		free_header(h);
		return err;
	}
	if (seq > j->r->known)
		j->r->known = seq;
	err = add_to_group(j, h);
	/* What was committed was complete, even if a part of it is not needed any more. */
	if (!err && seq <= j->r->floor)
		err = apply_group(j);
	return err;
}

/* How many objects were needed when the last one was written is known: are they there? */
static int check_count(struct job *j)
{
	const struct lc_replay_count *c;
	struct lc_replay *r = j->r;
	u64 found = 0, nr = 0;

	if (lc_map_state(j->vol->map)->seq < r->open_first)
		return 0;
	for (c = r->counts; c < r->counts + min_t(u64, r->nr_counts, LC_REPLAY_COUNTS); c++) {
		if (c->seq > r->committed_field || c->seq < found)
			continue;
		found = c->seq;
		nr = c->nr;
	}
	if (!found || !r->committed_field || nr == r->nr_live)
		return 0;
	lc_vol_why(j->vol, "%llu objects are needed as of object %llx, and %llu are there; "
		   "put back what was deleted", r->nr_live, found, nr);
	return -EBADMSG;
}

/*----------------------------------------------------------------
 * Fetching
 *----------------------------------------------------------------
 */

static void finish(struct job *j)
{
	u32 i;

	if (!j->err)
		j->err = check_count(j);
	for (i = 0; i < WINDOW; i++)
		free_header(j->window[i]);
	for (i = 0; i < j->nr_group; i++)
		free_header(j->group[i]);
	free(j->group);
	j->done(j->vol, j->err, j->data);
	free(j);
}

static void fetch(struct job *j);

static void advance(struct job *j)
{
	struct header **slot, *h;

	while (!j->over && !j->err && j->next < j->r->nr) {
		slot = &j->window[j->next % WINDOW];
		h = *slot;
		if (!h || !h->ready)
			break;
		*slot = NULL;
		j->next++;
		j->err = take(j, h);
	}
	if (j->err || j->next >= j->r->nr)
		j->over = true;
	if (!j->over)
		fetch(j);
	else if (!j->flying)
		finish(j);
}

static void ready(struct header *h, int err)
{
	h->ready = true;
	h->err = err;
	h->job->flying--;
	advance(h->job);
}

static void get_rest(struct header *h)
{
	u8 *buf = realloc(h->buf, h->obj.header_bytes);

	if (!buf)
		lc_vol_no_memory();
	h->buf = buf;
	h->io.req.buf = buf + h->got;
	h->io.req.buf_len = h->obj.header_bytes - h->got;
	h->io.req.offset = h->got;
	h->io.req.len = h->io.req.buf_len;
	lc_io_start(&h->io);
}

static int decode(struct header *h)
{
	const struct lc_run *run = h->object->span->run;
	const char *why;

	if (h->got < LC_BK_FIXED)
		return damaged(h, "shorter than its fixed part");
	if (lc_obj_decode(h->buf, run->uuid, run->epoch, h->object->seq, &h->obj, &why))
		return damaged(h, why);
	if (h->obj.header_bytes + (u64)h->obj.payload * LC_BK_SECTOR != h->object->bytes)
		return damaged(h, "has not the size its header says");
	if (h->got >= h->obj.header_bytes &&
	    lc_obj_check(h->buf, &h->obj, h->job->vol->m.sectors, &why))
		return damaged(h, why);
	return 0;
}

static void got_header(struct lc_io *io)
{
	struct header *h = io->data;
	u32 before = h->got;
	int err;

	if (io->req.status != LC_STORE_OK) {
		lc_vol_why(io->vol, "%s", io->req.why);
		ready(h, lc_io_errno(io->req.status));
		return;
	}
	h->got += io->req.got;
	err = decode(h);
	if (err || h->got >= h->obj.header_bytes)
		ready(h, err);
	else if (h->got == before)
		ready(h, damaged(h, "shorter than its header"));
	else
		get_rest(h);
}

static void get(struct job *j, u64 i)
{
	struct header *h = lc_vol_alloc(sizeof(*h));
	const struct lc_run *run;

	h->job = j;
	h->object = &j->r->objects[i];
	run = h->object->span->run;
	lc_io_init(&h->io, j->vol, LC_STORE_GET, got_header, h);
	lc_key_data(h->io.req.key, run->uuid, run->epoch, h->object->seq);
	h->buf = lc_vol_alloc(GUESS);
	h->io.req.buf = h->buf;
	h->io.req.buf_len = GUESS;
	h->io.req.len = GUESS;
	j->window[i % WINDOW] = h;
	j->flying++;
	lc_io_start(&h->io);
}

static void fetch(struct job *j)
{
	while (j->next_get < j->r->nr && j->next_get < j->next + WINDOW)
		get(j, j->next_get++);
}

void lc_replay(struct lc_volume *vol, struct lc_replay *r,
	       void (*done)(struct lc_volume *vol, int err, void *data), void *data)
{
	struct job *j = lc_vol_alloc(sizeof(*j));

	j->vol = vol;
	j->r = r;
	j->done = done;
	j->data = data;
	count(j, lc_map_state(vol->map)->seq);
	advance(j);
}
