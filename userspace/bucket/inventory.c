// SPDX-License-Identifier: GPL-2.0-only

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "vol.h"

struct listing {
	struct lc_io io;
	struct lc_inventory inv;
	u32 vol;		/* being listed */
	bool ckpts;
	void (*done)(struct lc_volume *vol, int err, struct lc_inventory *inv, void *data);
	void *data;
};

void lc_inventory_free(struct lc_inventory *inv)
{
	free(inv->vols);
	free(inv->objects);
	free(inv->ckpts);
	*inv = (struct lc_inventory){ 0 };
}

static bool grow(void **array, u64 nr, u64 max, size_t size)
{
	void *p;

	if (nr < max)
		return true;
	p = realloc(*array, (max ? 2 * max : 64) * size);
	if (!p)
		return false;
	*array = p;
	return true;
}

static bool add_object(struct lc_inventory *inv, const struct lc_inv_object *o)
{
	if (!grow((void **)&inv->objects, inv->nr, inv->max, sizeof(*o)))
		return false;
	if (inv->nr == inv->max)
		inv->max = inv->max ? 2 * inv->max : 64;
	inv->objects[inv->nr++] = *o;
	return true;
}

/* Parts come in order, a mark last; only a gapless beginning counts. */
static bool add_part(struct lc_inventory *inv, const struct lc_inv_ckpt *c, u32 part)
{
	struct lc_inv_ckpt *last = inv->nr_ckpts ? &inv->ckpts[inv->nr_ckpts - 1] : NULL;

	if (last && last->vol == c->vol && last->seq == c->seq && last->epoch == c->epoch) {
		last->nr_parts += part == last->nr_parts;
		last->mark |= part == LC_BK_MARK_PART;
		return true;
	}
	if (!grow((void **)&inv->ckpts, inv->nr_ckpts, inv->max_ckpts, sizeof(*c)))
		return false;
	if (inv->nr_ckpts == inv->max_ckpts)
		inv->max_ckpts = inv->max_ckpts ? 2 * inv->max_ckpts : 64;
	inv->ckpts[inv->nr_ckpts] = *c;
	inv->ckpts[inv->nr_ckpts].mark = part == LC_BK_MARK_PART;
	inv->ckpts[inv->nr_ckpts++].nr_parts = !part;
	return true;
}

static bool listed(struct lc_store_req *req, const char *key, uint64_t size)
{
	struct listing *l = ((struct lc_io *)req->data)->data;
	struct lc_inv_object o = { .vol = l->vol, .bytes = size };
	struct lc_inv_ckpt c = { .vol = l->vol };
	const u8 *uuid = l->inv.vols[l->vol];
	bool ok = true;
	u32 part;

	if (!l->ckpts && lc_key_parse_data(key, uuid, &o.epoch, &o.seq))
		ok = add_object(&l->inv, &o);
	else if (l->ckpts && lc_key_parse_ckpt(key, uuid, &c.seq, &c.epoch, &part))
		ok = add_part(&l->inv, &c, part);
	else
		l->inv.strange++;
	if (!ok)
		lc_vol_no_memory();
	return true;
}

static int by_seq(const void *a, const void *b)
{
	const struct lc_inv_object *x = a, *y = b;

	if (x->seq != y->seq)
		return x->seq < y->seq ? -1 : 1;
	if (x->vol != y->vol)
		return x->vol < y->vol ? -1 : 1;
	return x->epoch < y->epoch ? -1 : x->epoch > y->epoch;
}

static int by_ckpt(const void *a, const void *b)
{
	const struct lc_inv_ckpt *x = a, *y = b;

	if (x->seq != y->seq)
		return x->seq < y->seq ? -1 : 1;
	return x->epoch < y->epoch ? -1 : x->epoch > y->epoch;
}

static void finish(struct listing *l, int err)
{
	struct lc_volume *vol = l->io.vol;

	if (err)
		lc_vol_why(vol, "%s", l->io.req.why);
	if (l->inv.nr)
		qsort(l->inv.objects, l->inv.nr, sizeof(*l->inv.objects), by_seq);
	if (l->inv.nr_ckpts)
		qsort(l->inv.ckpts, l->inv.nr_ckpts, sizeof(*l->inv.ckpts), by_ckpt);
	l->done(vol, err, &l->inv, l->data);
	lc_inventory_free(&l->inv);
	free(l);
}

static void list_next(struct listing *l);

/* A listing that is tried again begins anew. */
static void forget_partial(struct listing *l)
{
	while (!l->ckpts && l->inv.nr && l->inv.objects[l->inv.nr - 1].vol == l->vol)
		l->inv.nr--;
	while (l->ckpts && l->inv.nr_ckpts && l->inv.ckpts[l->inv.nr_ckpts - 1].vol == l->vol)
		l->inv.nr_ckpts--;
}

static void list_done(struct lc_io *io)
{
	struct listing *l = io->data;

	if (lc_io_passing(io->req.status) && io->tries < 5) {
		forget_partial(l);
		lc_io_again(io);
		return;
	}
	if (io->req.status != LC_STORE_OK) {
		finish(l, lc_io_errno(io->req.status));
		return;
	}
	if (!l->ckpts)
		l->vol++;
	l->ckpts = !l->ckpts;
	list_next(l);
}

/*
 * Of each volume checkpoints and marks first: what they say was complete is in the
 * listing of objects then, or was not needed any more.
 */
static void list_next(struct listing *l)
{
	struct lc_volume *vol = l->io.vol;

	if (l->vol == l->inv.nr_vols) {
		finish(l, 0);
		return;
	}
	lc_io_init(&l->io, vol, LC_STORE_LIST, list_done, l);
	l->io.tries_max = 1;
	l->io.req.list = listed;
	if (l->ckpts)
		lc_key_ckpt_prefix(l->io.req.key, l->inv.vols[l->vol]);
	else
		lc_key_data_prefix(l->io.req.key, l->inv.vols[l->vol]);
	lc_io_start(&l->io);
}

static void add_vol(struct lc_inventory *inv, const u8 uuid[16])
{
	u32 i;

	for (i = 0; i < inv->nr_vols; i++)
		if (!memcmp(inv->vols[i], uuid, 16))
			return;
	memcpy(inv->vols[inv->nr_vols++], uuid, 16);
}

void lc_inventory_list(struct lc_volume *vol, const struct lc_manifest *m,
		       void (*done)(struct lc_volume *vol, int err, struct lc_inventory *inv,
				    void *data),
		       void *data)
{
	struct listing *l = lc_vol_alloc(sizeof(*l));
	u32 i;

	l->done = done;
	l->data = data;
	l->io.vol = vol;
	l->ckpts = true;
	l->inv.vols = lc_vol_alloc((m->nr_runs + 1) * 16);
	add_vol(&l->inv, m->uuid);
	for (i = 0; i < m->nr_runs; i++)
		add_vol(&l->inv, m->runs[i].uuid);
	list_next(l);
}

/*----------------------------------------------------------------
 * Looking things up
 *----------------------------------------------------------------
 */

u64 lc_inventory_from(const struct lc_inventory *inv, u64 seq)
{
	u64 lo = 0, hi = inv->nr, mid;

	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		if (inv->objects[mid].seq < seq)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static bool of_run(const struct lc_inventory *inv, const struct lc_inv_object *o,
		   const struct lc_run *run)
{
	return o->epoch == run->epoch && !memcmp(inv->vols[o->vol], run->uuid, 16);
}

const struct lc_inv_object *lc_inventory_find(const struct lc_inventory *inv,
					      const struct lc_run *run, u64 seq)
{
	u64 i;

	for (i = lc_inventory_from(inv, seq); i < inv->nr && inv->objects[i].seq == seq; i++)
		if (of_run(inv, &inv->objects[i], run))
			return &inv->objects[i];
	return NULL;
}

const struct lc_inv_object *lc_inventory_last(const struct lc_inventory *inv,
					      const struct lc_run *run)
{
	u64 i;

	for (i = inv->nr; i && inv->objects[i - 1].seq >= run->first; i--)
		if (of_run(inv, &inv->objects[i - 1], run) && inv->objects[i - 1].seq < run->end)
			return &inv->objects[i - 1];
	return NULL;
}
