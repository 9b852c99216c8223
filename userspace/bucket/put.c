// SPDX-License-Identifier: GPL-2.0-only
/*
 * Units become objects, many on their way at a time, committed in order.
 *
 *   lc_volume_put()    waiting ----> on its way ----> durable ----> answered
 *                              gets its seq    any order    commit(), in order
 *
 * Copies of garbage collection go in between units (put_copy.c).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "put.h"

/* A unit, from lc_volume_put() until it is answered. */
struct unit {
	struct list_head list;	/* of vol->puts.units until its last object is on its way */
	struct lc_call call;
	struct lc_unit *unit;
	struct lc_part *parts;
	u32 nr;
	u32 next;		/* first part that is not on its way */
	u32 flying;		/* objects that are not durable */
	u64 sectors;
	u64 since_ms;
	bool sent;
	bool answered;
};

static void free_unit(struct unit *u)
{
	free(u->parts);
	free(u);
}

static void free_put(struct put *p)
{
	list_del(&p->list);
	p->vol->puts.nr -= !p->durable;
	lc_built_free(&p->b);
	free(p);
}

static void answer_unit(struct lc_volume *vol, struct unit *u, int err)
{
	if (u->answered)
		return;
	u->answered = true;
	vol->st.units--;
	vol->st.units_sectors -= u->sectors;
	u->unit->done(u->unit, err);
}

/*----------------------------------------------------------------
 * Committing
 *----------------------------------------------------------------
 */

/* The last object of the first unit, if all of it is durable. */
static struct put *complete(struct lc_volume *vol)
{
	struct put *p;

	list_for_each_entry(p, &vol->puts.list, list) {
		if (!p->durable)
			return NULL;
		if (p->last)
			return p;
	}
	return NULL;
}

static int extend_line(struct lc_volume *vol)
{
	struct lc_span *last = vol->line.nr ? &vol->line.spans[vol->line.nr - 1] : NULL;

	if (!last || last->run != lc_manifest_head(&vol->m))
		return lc_vol_set_line(vol);
	last->last = vol->committed;
	return 0;
}

/* Objects up to @last into the map, in one step. */
static int add_to_map(struct lc_volume *vol, struct put *last)
{
	const struct lc_map_state state = {
		last->b.obj.seq, last->b.obj.epoch, last->b.obj.lsn_end,
	};
	int err = lc_map_begin(vol->map);
	struct put *p;

	if (err)
		return err;
	list_for_each_entry(p, &vol->puts.list, list) {
		err = lc_map_apply(vol->map, &p->b.obj, p->b.header);
		if (err || p == last)
			break;
	}
	if (err) {
		lc_map_abort(vol->map);
		return err;
	}
	return lc_map_commit(vol->map, &state);
}

static void finish_unit(struct lc_volume *vol, struct put *last)
{
	struct lc_gc_copy *copy = last->copy;
	struct unit *u = last->unit;
	struct put *p;
	u64 bytes = 0;
	bool end;

	do {
		p = list_first_entry(&vol->puts.list, struct put, list);
		end = p == last;
		bytes += p->b.bytes;
		free_put(p);
	} while (!end);
	lc_ckpt_note(vol, bytes);
	if (copy) {
		vol->st.gc_bytes += bytes;
		copy->done(copy, 0);
		return;
	}
	answer_unit(vol, u, 0);
	free_unit(u);
}

static void commit(struct lc_volume *vol)
{
	struct put *last;
	int err;

	/* A callback may get here again. */
	if (vol->puts.committing)
		return;
	vol->puts.committing = true;
	while (!vol->stop_err && !vol->closing && (last = complete(vol))) {
		err = add_to_map(vol, last);
		vol->committed = last->b.obj.seq;
		vol->lsn = last->b.obj.lsn_end;
		vol->committed_field = last->b.obj.committed;
		err = err ?: extend_line(vol);
		if (err) {
			lc_vol_why(vol, "the object map cannot be written (%s); make room for it",
				   strerror(-err));
			lc_vol_stop(vol, err);
			break;
		}
		finish_unit(vol, last);
	}
	vol->puts.committing = false;
}

static void put_done(struct lc_durable *d, int err)
{
	struct put *p = d->data;
	struct lc_volume *vol = p->vol;
	struct unit *u = p->unit;

	if (err && err != -ECANCELED)
		lc_vol_stop(vol, err);
	if (err)
		return;
	p->durable = true;
	vol->puts.nr--;
	if (u && !--u->flying && u->sent && lc_planted(vol, LC_BK_PLANT_COMMIT_ORDER))
		answer_unit(vol, u, 0);
	commit(vol);
	lc_put_pump(vol);
	lc_vol_settle(vol);
}

/*----------------------------------------------------------------
 * Sending
 *----------------------------------------------------------------
 */

/* What is durable and waits for others does not count: a unit may be larger than this. */
static bool window_full(const struct lc_volume *vol)
{
	return vol->puts.nr >= vol->params.puts_max;
}

static void number(struct lc_volume *vol, struct lc_obj *obj)
{
	obj->epoch = vol->m.epoch;
	obj->seq = vol->puts.next_seq++;
	obj->prev = vol->puts.prev;
	obj->committed = vol->committed;
	obj->nr_live = lc_map_objs(vol->map)->nr_needed;
	vol->puts.prev = obj->seq;
}

void lc_put_send(struct lc_volume *vol, struct put *p, const struct lc_part *parts, u32 nr)
{
	char key[LC_KEY_LEN];

	p->vol = vol;
	number(vol, &p->b.obj);
	if (!lc_built_make(&p->b, vol->uuid, parts, nr))
		lc_vol_no_memory();
	list_add_tail(&p->list, &vol->puts.list);
	vol->puts.nr++;
	lc_key_data(key, vol->uuid, p->b.obj.epoch, p->b.obj.seq);
	p->d.done = put_done;
	p->d.data = p;
	lc_durable_start(&p->d, vol, key, p->b.iov, p->b.nr_iov);
}

/* The next object of a unit. */
static void send_some(struct lc_volume *vol, struct unit *u)
{
	struct put *p = lc_vol_alloc(sizeof(*p));
	struct lc_part *first = &u->parts[u->next], rest = { 0 };
	u32 cut, nr;

	nr = lc_parts_fit(first, u->nr - u->next, vol->params.object_sectors, &cut);
	if (cut) {
		rest = first[nr - 1];
		rest.lba += cut;
		rest.len -= cut;
		rest.data += rest.op == LC_BK_DATA ? cut * LC_BK_SECTOR : 0;
		first[nr - 1].len = cut;
	}
	p->last = !cut && u->next + nr == u->nr;
	p->unit = u;
	p->b.obj.flags = p->last ? 0 : LC_BK_MORE;
	p->b.obj.lsn_first = u->unit->lsn_first;
	p->b.obj.lsn_end = u->unit->lsn_end;
	u->flying++;
	lc_put_send(vol, p, first, nr);
	u->next += nr;
	if (cut)
		u->parts[--u->next] = rest;
	u->sent = p->last;
}

/*----------------------------------------------------------------
 * In and out
 *----------------------------------------------------------------
 */

void lc_put_pump(struct lc_volume *vol)
{
	struct unit *u;

	while (!vol->stop_err && !vol->closing && !window_full(vol)) {
		u = list_first_entry_or_null(&vol->puts.units, struct unit, list);
		if (vol->puts.copy && (!u || (!u->next && !u->flying))) {
			lc_put_send_copy(vol);
			continue;
		}
		if (!u)
			break;
		send_some(vol, u);
		if (!u->sent)
			continue;
		vol->puts.sent_lsn = u->unit->lsn_end;
		list_del(&u->list);
	}
}

void lc_put_open(struct lc_volume *vol, u64 next_seq, u64 prev)
{
	vol->puts.next_seq = next_seq;
	vol->puts.prev = prev;
	vol->puts.lsn = vol->lsn;
	vol->puts.sent_lsn = vol->lsn;
}

bool lc_put_idle(const struct lc_volume *vol)
{
	return list_empty(&vol->puts.units) && list_empty(&vol->puts.list) && !vol->puts.copy;
}

void lc_put_fail(struct lc_volume *vol, int err)
{
	struct lc_gc_copy *copy = vol->puts.copy;
	struct unit *u;
	struct put *p;

	vol->puts.copy = NULL;
	if (copy)
		copy->done(copy, err);
	while (!list_empty(&vol->puts.list)) {
		p = list_first_entry(&vol->puts.list, struct put, list);
		u = p->last ? p->unit : NULL;
		copy = p->copy;
		free_put(p);
		if (copy)
			copy->done(copy, err);
		if (!u)
			continue;
		answer_unit(vol, u, err);
		free_unit(u);
	}
	while (!list_empty(&vol->puts.units)) {
		u = list_first_entry(&vol->puts.units, struct unit, list);
		list_del(&u->list);
		answer_unit(vol, u, err);
		free_unit(u);
	}
}

static void answer_at_once(struct lc_call *call)
{
	struct unit *u = container_of(call, struct unit, call);

	u->unit->done(u->unit, call->err);
	free_unit(u);
}

static int check_lsn(struct lc_volume *vol, const struct lc_unit *unit)
{
	if (unit->lsn_end <= unit->lsn_first || !lc_bk_counter_ok(unit->lsn_end)) {
		lc_vol_why(vol, "a unit without LSNs");
		return -EINVAL;
	}
	if (unit->lsn_first > vol->puts.lsn) {
		lc_vol_why(vol, "a unit begins behind LSN %llu, but the last one ended at %llu",
			   unit->lsn_first, vol->puts.lsn);
		return -EINVAL;
	}
	if (unit->lsn_end <= vol->puts.lsn) {
		lc_vol_why(vol, "the unit up to LSN %llu is on its way already", unit->lsn_end);
		return -EBUSY;
	}
	return 0;
}

static int take_parts(struct lc_volume *vol, struct unit *u)
{
	const struct lc_unit *unit = u->unit;
	u32 i;

	u->parts = lc_vol_alloc((unit->nr_extents + 1) * sizeof(*u->parts));
	u->nr = unit->nr_extents;
	for (i = 0; i < u->nr; i++) {
		u->parts[i] = (struct lc_part){
			unit->extents[i].lba, unit->extents[i].len, unit->extents[i].op,
			unit->extents[i].data,
		};
		u->sectors += unit->extents[i].op == LC_BK_DATA ? unit->extents[i].len : 0;
	}
	if (lc_parts_sort(u->parts, u->nr, vol->m.sectors))
		return 0;
	lc_vol_why(vol, "extents of a unit overlap or are outside the volume");
	return -EINVAL;
}

void lc_volume_put(struct lc_volume *vol, struct lc_unit *unit)
{
	struct unit *u = lc_vol_alloc(sizeof(*u));
	int err = lc_vol_check(vol);

	u->unit = unit;
	u->since_ms = lc_loop_now(vol->loop);
	/* Offered again after a crash: it is there. */
	if (!err && unit->lsn_end <= vol->lsn)
		goto answer;
	err = err ?: check_lsn(vol, unit);
	err = err ?: take_parts(vol, u);
	if (err)
		goto answer;
	vol->puts.lsn = unit->lsn_end;
	vol->st.units++;
	vol->st.units_sectors += u->sectors;
	list_add_tail(&u->list, &vol->puts.units);
	lc_put_pump(vol);
	return;
answer:
	u->call.fn = answer_at_once;
	u->call.err = err;
	lc_vol_later(vol, &u->call);
}

static u64 since(const struct lc_volume *vol)
{
	struct put *p;

	list_for_each_entry(p, &vol->puts.list, list)
		if (p->unit)
			return p->unit->since_ms;
	if (list_empty(&vol->puts.units))
		return lc_loop_now(vol->loop);
	return list_first_entry(&vol->puts.units, struct unit, list)->since_ms;
}

void lc_put_status(const struct lc_volume *vol, struct lc_volume_status *st)
{
	st->oldest_ms = lc_loop_now(vol->loop) - since(vol);
}
