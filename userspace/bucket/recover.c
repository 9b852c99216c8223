// SPDX-License-Identifier: GPL-2.0-only

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "recover.h"

#define ROUNDS		24u
#define ROUND_PAUSE_MS	100u
#define ROUND_PAUSE_MAX	2000u
/* So often what is missing may have been on its way, or deleted, when it was listed. */
#define ROUNDS_MISSING	3u

struct job {
	struct lc_volume *vol;
	struct lc_manifest m;	/* vol->m, with the open run closed behind what is listed */
	const struct lc_run *open;	/* of vol->m; NULL: it has none */
	struct lc_line line;	/* all that may count */
	u64 bound;		/* its tip */
	u64 floor;
	u64 probe;		/* object whose header is asked for the floor */
	u32 next_ckpt;		/* candidates below this index are left to try */
	struct lc_io io;
	u8 fixed[LC_BK_FIXED];
	struct lc_replay replay;
	struct lc_recovered rec;
	unsigned int rounds;	/* listings */
	unsigned int missing;
	lc_recover_fn done;
	void *data;
};

static void forget(struct job *j)
{
	lc_inventory_free(&j->rec.inv);
	lc_line_free(&j->line);
	lc_manifest_free(&j->m);
	free(j->replay.objects);
	j->replay.objects = NULL;
	j->replay.nr = 0;
	j->rec = (struct lc_recovered){ 0 };
	j->floor = 0;
}

static void finish(struct job *j, int err)
{
	j->done(j->vol, err, &j->rec, j->data);
	forget(j);
	free(j);
}

/*----------------------------------------------------------------
 * What may count
 *----------------------------------------------------------------
 */

/* The line up to the last object there is. */
static int draw_line(struct job *j)
{
	const struct lc_inv_object *last = NULL;
	struct lc_run *head = lc_manifest_head(&j->m);

	if (!j->open) {
		j->bound = lc_manifest_tip(&j->m);
	} else {
		last = lc_inventory_last(&j->rec.inv, j->open);
		j->bound = last ? last->seq : j->open->prev;
		if (last)
			head->end = last->seq + 1;
		else
			j->m.nr_runs--;
	}
	j->rec.last = last ? last->seq : 0;
	/* What came before the open run was complete when that began. */
	j->floor = last ? j->open->first - 1 : j->bound;
	return lc_line_init(&j->line, &j->m, j->bound) ? 0 : -ENOMEM;
}

/* Does volume @vol, whose checkpoint this is, share the line up to that object? */
static bool shares(const struct job *j, u32 vol, u64 seq)
{
	const u8 *uuid = j->rec.inv.vols[vol];
	u32 i;

	if (!vol)
		return true;
	for (i = j->line.nr; i; i--)
		if (!memcmp(j->line.spans[i - 1].run->uuid, uuid, 16))
			return seq <= j->line.spans[i - 1].last;
	return false;
}

/* A checkpoint or mark of a state of this line, by its name. */
static const struct lc_span *of_line(const struct job *j, const struct lc_inv_ckpt *c)
{
	const struct lc_span *span = lc_line_span(&j->line, c->seq);

	if (!span || c->epoch < span->run->epoch || !shares(j, c->vol, c->seq))
		return NULL;
	return span;
}

static void raise_floor(struct job *j, u64 seq)
{
	if (seq > j->floor && seq <= j->bound)
		j->floor = seq;
}

/*----------------------------------------------------------------
 * The end
 *----------------------------------------------------------------
 */

/* Is that object of the map in the bucket? */
static bool there(const struct job *j, u64 seq)
{
	const struct lc_span *span = lc_line_span(&j->line, seq);

	return span && lc_inventory_find(&j->rec.inv, span->run, seq);
}

/* What the map needs has to be there. */
static int check_needed(struct job *j)
{
	const struct lc_objs *objs = lc_map_objs(j->vol->map);
	u32 i;

	for (i = objs->nr; i; i--) {
		const struct lc_objs_entry *e = &objs->e[i - 1];

		if (e->dead_at != LC_BK_NEVER || there(j, e->seq))
			continue;
		lc_vol_why(j->vol, "object %llx is missing and needed; put it back", e->seq);
		return -EBADMSG;
	}
	return 0;
}

/* The newest object that was complete is never deleted: it has to be there. */
static int check_tip(struct job *j)
{
	bool before_open = j->open && j->floor < j->open->first;
	u64 tip = before_open ? j->open->prev : j->floor;

	if (lc_map_state(j->vol->map)->seq >= tip)
		return 0;
	lc_vol_why(j->vol, "objects up to %llx were complete, and the last one there is %llx; "
		   "put back what was deleted", tip, lc_map_state(j->vol->map)->seq);
	return -EBADMSG;
}

/* Nothing is missing: what was deleted is taken off, and from now on the map counts. */
static int accept_map(struct job *j)
{
	struct lc_objs *objs = lc_map_objs(j->vol->map);
	struct lc_map_state state = *lc_map_state(j->vol->map);
	int err = lc_map_begin(j->vol->map);
	u32 i;

	if (err)
		return err;
	for (i = objs->nr; i && !err; i--)
		if (!there(j, objs->e[i - 1].seq))
			err = lc_map_forget(j->vol->map, objs->e[i - 1].seq);
	state.unchecked = false;
	if (!err)
		return lc_map_commit(j->vol->map, &state);
	lc_map_abort(j->vol->map);
	return err;
}

static int empty_map(struct lc_volume *vol)
{
	const struct lc_map_state none = { 0 };
	int err = lc_map_begin(vol->map);

	if (err)
		return err;
	err = lc_map_clear(vol->map);
	if (!err)
		return lc_map_commit(vol->map, &none);
	lc_map_abort(vol->map);
	return err;
}

static void listed(struct lc_volume *vol, int err, struct lc_inventory *inv, void *data);

static void pause_over(struct lc_io *io)
{
	struct job *j = io->data;

	if (io->req.status == LC_STORE_CANCELLED)
		finish(j, -ECANCELED);
	else
		lc_inventory_list(j->vol, &j->vol->m, listed, j);
}

/* Whoever changes the bucket may be at it for a while. */
static void list_again(struct job *j)
{
	forget(j);
	j->rounds++;
	lc_io_pause(&j->io, j->vol, min(j->rounds * ROUND_PAUSE_MS, ROUND_PAUSE_MAX), pause_over,
		    j);
}

/* One that was listed is gone. */
static int vanished(struct job *j, u64 seq)
{
	if (j->rounds + 1 < ROUNDS) {
		list_again(j);
		return 0;
	}
	lc_vol_why(j->vol,
		   "object %llx was listed and then was not there, and the like %u times in a row: somebody keeps deleting objects; see that no other host has the volume, and try again",
		   seq, ROUNDS);
	return -EBUSY;
}

static void replayed(struct lc_volume *vol, int err, void *data)
{
	const struct lc_map_state *state = lc_map_state(vol->map);
	struct job *j = data;

	/*
	 * One that was listed is gone: an owner that is still at it has deleted it. By then
	 * the bucket said that nothing needed it, and does so in a new listing. What is in
	 * the map by now stays there.
	 */
	if (err == -ENOENT) {
		err = vanished(j, j->replay.gone);
		if (!err)
			return;
	}
	if (!err) {
		err = check_needed(j);
		if (err == -EBADMSG && ++j->missing < ROUNDS_MISSING) {
			list_again(j);
			return;
		}
	}
	err = err ?: check_tip(j);
	err = err ?: accept_map(j);
	/* What was missing would not be missed the next time: the map is behind it by now. */
	if (err == -EBADMSG)
		empty_map(vol);
	j->rec.tip = state->seq;
	j->rec.hole = j->replay.known + 1;
	if (j->open && j->rec.hole < j->open->first)
		j->rec.hole = j->open->first;
	j->rec.fenced = j->replay.fenced;
	if (j->open) {
		j->rec.lsn = state->seq >= j->open->first ? state->lsn : j->open->lsn;
		if (state->seq >= j->open->first)
			j->rec.committed_field = j->replay.committed_field;
	}
	finish(j, err);
}

/* What the map does not have yet, up to the last object there is. */
static void replay(struct job *j)
{
	u64 base = lc_map_state(j->vol->map)->seq, i;
	const struct lc_inventory *inv = &j->rec.inv;
	struct lc_replay *r = &j->replay;
	const struct lc_inv_object *o;
	const struct lc_span *span;

	r->objects = lc_vol_alloc((inv->nr + 1) * sizeof(*r->objects));
	r->fenced = false;
	r->floor = j->floor;
	r->known = base > j->floor ? base : j->floor;
	r->open_first = j->open ? j->open->first : LC_BK_NEVER;
	for (i = lc_inventory_from(inv, base + 1); i < inv->nr; i++) {
		o = &inv->objects[i];
		span = lc_line_span(&j->line, o->seq);
		if (span && lc_inventory_find(inv, span->run, o->seq) == o)
			r->objects[r->nr++] = (struct lc_replay_object){ o->seq, o->bytes, span };
	}
	lc_replay(j->vol, r, replayed, j);
}

/*----------------------------------------------------------------
 * What to begin with
 *----------------------------------------------------------------
 */

/* The local map, if it is of a state of this line. */
static bool local_map_usable(const struct job *j)
{
	const struct lc_map_state *state = lc_map_state(j->vol->map);
	const struct lc_span *span = lc_line_span(&j->line, state->seq);

	return state->seq && !state->unchecked && span && span->run->epoch == state->epoch;
}

static void next_base(struct job *j);

static void base_loaded(struct lc_volume *vol, int err, void *data)
{
	struct job *j = data;

	if (err == -ECANCELED)
		finish(j, err);
	else if (err)
		next_base(j);
	else
		replay(j);
}

static void next_base(struct job *j)
{
	const struct lc_inventory *inv = &j->rec.inv;
	const struct lc_inv_ckpt *c;
	const struct lc_span *span;
	int err;

	/* What was counted was another map. */
	j->replay.nr_counts = 0;
	j->replay.committed_field = 0;
	while (j->next_ckpt) {
		c = &inv->ckpts[--j->next_ckpt];
		span = of_line(j, c);
		if (!span || !c->nr_parts)
			continue;
		lc_ckpt_load(j->vol, inv, c, span->run->epoch, base_loaded, j);
		return;
	}
	err = empty_map(j->vol);
	if (err)
		finish(j, err);
	else
		replay(j);
}

/* Objects were there, and are not: nothing that counts is behind the last one of a run. */
static bool end_is_lost(struct job *j, const struct lc_inv_ckpt *c)
{
	if (c->vol || !(c->mark || c->nr_parts) || !j->open || c->epoch != j->open->epoch ||
	    c->seq < j->open->first || c->seq <= j->bound)
		return false;
	lc_vol_why(j->vol, "objects up to %llx were complete, and the last one there is %llx; "
		   "put back what was deleted", c->seq, j->bound);
	return true;
}

static void choose_base(struct job *j)
{
	const struct lc_inventory *inv = &j->rec.inv;
	u64 newest = 0;
	u32 i;

	for (i = 0; i < inv->nr_ckpts; i++) {
		if (end_is_lost(j, &inv->ckpts[i])) {
			finish(j, -EBADMSG);
			return;
		}
	}
	for (i = 0; i < inv->nr_ckpts; i++) {
		if (!of_line(j, &inv->ckpts[i]))
			continue;
		if (inv->ckpts[i].nr_parts)
			newest = inv->ckpts[i].seq;
		if (inv->ckpts[i].nr_parts || inv->ckpts[i].mark)
			raise_floor(j, inv->ckpts[i].seq);
	}
	j->next_ckpt = inv->nr_ckpts;
	if (local_map_usable(j) && lc_map_state(j->vol->map)->seq >= newest)
		replay(j);
	else
		next_base(j);
}

/*----------------------------------------------------------------
 * The floor, by what the last object says
 *----------------------------------------------------------------
 */

static void probe(struct job *j);

static void probed(struct lc_io *io)
{
	struct job *j = io->data;
	const char *why;
	struct lc_obj obj;

	if (io->req.status == LC_STORE_NOT_FOUND) {
		j->replay.gone = j->probe;
		replayed(j->vol, -ENOENT, j);
		return;
	}
	if (io->req.status != LC_STORE_OK) {
		lc_vol_why(j->vol, "%s", io->req.why);
		finish(j, lc_io_errno(io->req.status));
		return;
	}
	if (io->req.status == LC_STORE_OK && io->req.got == LC_BK_FIXED &&
	    !lc_obj_decode(j->fixed, j->open->uuid, j->open->epoch, j->probe, &obj, &why) &&
	    !(obj.flags & LC_BK_FENCE)) {
		raise_floor(j, obj.committed);
		choose_base(j);
		return;
	}
	/* A fence, or damaged: the one before it knows nearly as much. */
	j->probe--;
	probe(j);
}

static void probe(struct job *j)
{
	const struct lc_run *run = j->open;

	while (j->probe && run && j->probe >= run->first &&
	       !lc_inventory_find(&j->rec.inv, run, j->probe))
		j->probe--;
	if (!run || j->probe < run->first) {
		choose_base(j);
		return;
	}
	lc_io_init(&j->io, j->vol, LC_STORE_GET, probed, j);
	lc_key_data(j->io.req.key, run->uuid, run->epoch, j->probe);
	j->io.req.buf = j->fixed;
	j->io.req.buf_len = sizeof(j->fixed);
	j->io.req.len = sizeof(j->fixed);
	lc_io_start(&j->io);
}

static void listed(struct lc_volume *vol, int err, struct lc_inventory *inv, void *data)
{
	struct job *j = data;

	j->rec.inv = *inv;
	*inv = (struct lc_inventory){ 0 };
	if (!err)
		err = lc_manifest_copy(&j->m, &vol->m) ? 0 : -ENOMEM;
	err = err ?: draw_line(j);
	if (err) {
		finish(j, err);
		return;
	}
	j->probe = j->rec.last;
	probe(j);
}

void lc_recover(struct lc_volume *vol, lc_recover_fn done, void *data)
{
	struct lc_run *head = lc_manifest_head(&vol->m);
	struct job *j = lc_vol_alloc(sizeof(*j));

	j->vol = vol;
	j->done = done;
	j->data = data;
	j->open = head && head->end == LC_BK_NEVER ? head : NULL;
	lc_inventory_list(vol, &vol->m, listed, j);
}
