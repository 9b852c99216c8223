// SPDX-License-Identifier: GPL-2.0-only
/* A volume that is not there yet. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "create.h"
#include "vol.h"

#define TRIES	10u
#define PAUSE_MS	1000u

struct lc_create {
	struct lc_store *store;
	struct lc_store_req req;
	struct lc_timer timer;
	struct iovec iov;
	void *found;
	bool fencing;
	bool cancelled;
	unsigned int tries;
	void (*done)(int err, const char *why, void *data);
	void *data;
};

static void finish(struct lc_create *c, int err)
{
	c->done(err, c->req.why, c->data);
	free(c->iov.iov_base);
	free(c->found);
	free(c);
}

static void give_up(struct lc_create *c)
{
	lc_store_set(&c->req, LC_STORE_CANCELLED, "cancelled");
	finish(c, -ECANCELED);
}

static void again(struct lc_create *c)
{
	lc_timer_arm(c->store->loop, &c->timer, c->cancelled ? 0 : PAUSE_MS);
}

static void looked(struct lc_store_req *req)
{
	struct lc_create *c = req->data;

	if (req->status == LC_STORE_NOT_FOUND && c->tries < TRIES) {
		again(c);
		return;
	}
	if (req->status != LC_STORE_OK) {
		finish(c, lc_io_errno(req->status));
		return;
	}
	if (req->size == c->iov.iov_len && req->got == req->size &&
	    !memcmp(c->found, c->iov.iov_base, req->got)) {
		finish(c, 0);
		return;
	}
	lc_store_set(req, LC_STORE_PRECOND, "there is a volume of that name already");
	finish(c, -EEXIST);
}

static void look_up(struct lc_create *c)
{
	if (c->cancelled) {
		give_up(c);
		return;
	}
	c->req.op = LC_STORE_GET;
	c->req.buf = c->found;
	c->req.buf_len = c->iov.iov_len;
	c->req.flags = 0;
	c->req.done = looked;
	c->store->ops->submit(c->store, &c->req);
}

static void put_done(struct lc_store_req *req)
{
	struct lc_create *c = req->data;

	if (req->status == LC_STORE_PRECOND || req->status == LC_STORE_UNKNOWN)
		look_up(c);
	else if (lc_io_passing(req->status) && c->tries < TRIES)
		again(c);
	else
		finish(c, lc_io_errno(req->status));
}

static void submit(struct lc_timer *t)
{
	struct lc_create *c = t->data;

	if (c->cancelled) {
		give_up(c);
		return;
	}
	c->tries++;
	c->req.op = LC_STORE_PUT;
	c->req.iov = &c->iov;
	c->req.nr_iov = 1;
	c->req.flags = c->fencing ? LC_STORE_IF_ABSENT : 0;
	c->req.done = put_done;
	c->store->ops->submit(c->store, &c->req);
}

/* Without conditions an existing volume would be overwritten: look first. */
static void looked_first(struct lc_store_req *req)
{
	struct lc_create *c = req->data;

	if (req->status == LC_STORE_NOT_FOUND)
		submit(&c->timer);
	else
		looked(req);
}

struct lc_create *lc_create_manifest(struct lc_store *store, const struct lc_manifest *m,
				     void (*done)(int err, const char *why, void *data),
				     void *data)
{
	struct lc_create *c = lc_vol_alloc(sizeof(*c));

	c->store = store;
	c->fencing = !(m->flags & LC_BK_NO_FENCING);
	c->done = done;
	c->data = data;
	c->timer.expired = submit;
	c->timer.data = c;
	c->req.data = c;
	lc_key_manifest(c->req.key, m->uuid);
	c->iov.iov_base = lc_manifest_encode(m, &c->iov.iov_len);
	c->found = malloc(c->iov.iov_len);
	if (!c->iov.iov_base || !c->found)
		lc_vol_no_memory();
	if (c->fencing) {
		submit(&c->timer);
		return c;
	}
	look_up(c);
	c->req.done = looked_first;
	return c;
}

void lc_create_cancel(struct lc_create *c)
{
	if (c->cancelled)
		return;
	c->cancelled = true;
	/* It waits, or it is in the store. */
	if (c->timer.at)
		lc_timer_arm(c->store->loop, &c->timer, 0);
	else
		c->store->ops->cancel(c->store, &c->req);
}

void lc_volume_create(struct lc_store *store, const u8 uuid[16], u64 sectors, u64 created,
		      bool no_fencing, void (*done)(int err, const char *why, void *data),
		      void *data)
{
	struct lc_manifest m = {
		.sectors = sectors, .created = created,
		/*
		 * None that a volume of this uuid had that was deleted: objects of it may come
		 * late, and maps of it may be left.
		 */
		.epoch = created,
		.flags = no_fencing ? LC_BK_NO_FENCING : 0,
	};

	memcpy(m.uuid, uuid, sizeof(m.uuid));
	lc_create_manifest(store, &m, done, data);
}
