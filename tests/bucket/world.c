// SPDX-License-Identifier: GPL-2.0-only

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "world.h"

struct request {
	struct list_head list;
	struct host *host;
	struct lc_store_req *req;
	bool cancelled;
};

/* A PUT or DELETE that happens when nobody waits for it any more. */
struct late {
	struct list_head list;
	enum lc_store_op op;
	u32 flags;
	char *key;
	char etag[LC_STORE_ETAG_MAX];
	struct blob *blob;
};

static void *xalloc(size_t n)
{
	void *p = calloc(1, n);

	if (!p)
		abort();
	return p;
}

/*----------------------------------------------------------------
 * What is there
 *----------------------------------------------------------------
 */

static struct blob *blob_new(size_t size)
{
	struct blob *b = xalloc(sizeof(*b) + size);

	b->refs = 1;
	b->size = size;
	return b;
}

static void blob_put(struct blob *b)
{
	if (b && !--b->refs)
		free(b);
}

static size_t lower_bound(const struct world *w, const char *key)
{
	size_t lo = 0, hi = w->nr, mid;

	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		if (strcmp(w->objects[mid].key, key) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

struct object *world_find(struct world *w, const char *key)
{
	size_t i = lower_bound(w, key);

	return i < w->nr && !strcmp(w->objects[i].key, key) ? &w->objects[i] : NULL;
}

/* Takes the reference. */
static struct object *set_blob(struct world *w, const char *key, struct blob *blob)
{
	size_t i = lower_bound(w, key);

	if (i == w->nr || strcmp(w->objects[i].key, key)) {
		if (w->nr == w->max) {
			w->max = w->max ? 2 * w->max : 64;
			w->objects = realloc(w->objects, w->max * sizeof(*w->objects));
			if (!w->objects)
				abort();
		}
		memmove(&w->objects[i + 1], &w->objects[i], (w->nr - i) * sizeof(*w->objects));
		w->objects[i] = (struct object){ .key = strdup(key) };
		w->nr++;
	}
	blob_put(w->objects[i].blob);
	w->objects[i].blob = blob;
	w->objects[i].tag = w->next_tag++;
	return &w->objects[i];
}

void world_put(struct world *w, const char *key, const void *data, size_t size)
{
	struct blob *b = blob_new(size);

	memcpy(b->data, data, size);
	set_blob(w, key, b);
}

void world_delete(struct world *w, const char *key)
{
	struct object *o = world_find(w, key);

	if (!o)
		return;
	free(o->key);
	blob_put(o->blob);
	w->nr--;
	memmove(o, o + 1, (w->objects + w->nr - o) * sizeof(*o));
}

void world_delete_prefix(struct world *w, const char *prefix)
{
	size_t i;

	while ((i = lower_bound(w, prefix)) < w->nr &&
	       !strncmp(w->objects[i].key, prefix, strlen(prefix)))
		world_delete(w, w->objects[i].key);
}

size_t world_count(const struct world *w, const char *prefix)
{
	size_t i, n = 0;

	for (i = lower_bound(w, prefix);
	     i < w->nr && !strncmp(w->objects[i].key, prefix, strlen(prefix)); i++)
		n++;
	return n;
}

void world_init(struct world *w, u64 seed)
{
	*w = (struct world){ .rng = { seed }, .next_tag = 1 };
	w->loop = lc_loop_new();
	if (!w->loop)
		abort();
	lc_loop_set_now(w->loop, 1000);
	INIT_LIST_HEAD(&w->requests);
	INIT_LIST_HEAD(&w->late);
}

static void free_late(struct world *w, struct late *l)
{
	list_del(&l->list);
	w->nr_late--;
	blob_put(l->blob);
	free(l->key);
	free(l);
}

void world_fini(struct world *w)
{
	size_t i;

	while (!list_empty(&w->late))
		free_late(w, list_first_entry(&w->late, struct late, list));
	for (i = 0; i < w->nr; i++) {
		free(w->objects[i].key);
		blob_put(w->objects[i].blob);
	}
	free(w->objects);
	lc_loop_free(w->loop);
}

void world_fork(struct world *to, const struct world *from)
{
	size_t i;

	world_init(to, 1);
	to->no_cond = from->no_cond;
	to->next_tag = from->next_tag;
	to->nr = from->nr;
	to->max = from->nr + 64;
	to->objects = xalloc(to->max * sizeof(*to->objects));
	for (i = 0; i < from->nr; i++) {
		to->objects[i] = from->objects[i];
		to->objects[i].key = strdup(from->objects[i].key);
		to->objects[i].blob->refs++;
	}
}

/*----------------------------------------------------------------
 * Doing what a request says
 *----------------------------------------------------------------
 */

static void tag_text(char *etag, u64 tag)
{
	snprintf(etag, LC_STORE_ETAG_MAX, "tag-%llu", tag);
}

static enum lc_store_status check_cond(struct world *w, u32 flags, const char *key,
				       const char *etag)
{
	const struct object *o = world_find(w, key);
	char have[LC_STORE_ETAG_MAX];

	if (flags && w->no_cond)
		return LC_STORE_NO_COND;
	if (flags & LC_STORE_IF_ABSENT && o)
		return LC_STORE_PRECOND;
	if (flags & LC_STORE_IF_MATCH) {
		if (!o)
			return LC_STORE_PRECOND;
		tag_text(have, o->tag);
		if (strcmp(have, etag))
			return LC_STORE_PRECOND;
	}
	return LC_STORE_OK;
}

static struct blob *gather(const struct lc_store_req *req)
{
	struct blob *b = blob_new(lc_store_put_len(req));
	size_t at = 0;
	int i;

	for (i = 0; i < req->nr_iov; i++) {
		memcpy(b->data + at, req->iov[i].iov_base, req->iov[i].iov_len);
		at += req->iov[i].iov_len;
	}
	return b;
}

static void tell(struct world *w, const char *key)
{
	if (w->changed)
		w->changed(w, key);
}

static void do_put(struct world *w, struct lc_store_req *req)
{
	enum lc_store_status st = check_cond(w, req->flags, req->key, req->etag);
	struct object *o;

	if (st != LC_STORE_OK) {
		lc_store_set(req, st, "%s", lc_store_status_name(st));
		return;
	}
	w->put_bytes += lc_store_put_len(req);
	o = set_blob(w, req->key, gather(req));
	tag_text(req->etag, o->tag);
	lc_store_set_ok(req);
	tell(w, req->key);
}

static void do_get(struct world *w, struct lc_store_req *req)
{
	const struct object *o = world_find(w, req->key);
	u64 left;

	if (w->garbage) {
		lc_store_set(req, LC_STORE_CORRUPT, "no XML");
		return;
	}
	if (!o) {
		lc_store_set(req, LC_STORE_NOT_FOUND, "no such object");
		return;
	}
	req->size = o->blob->size;
	tag_text(req->etag, o->tag);
	lc_store_set_ok(req);
	if (req->op == LC_STORE_HEAD)
		return;
	if (req->offset && req->offset >= req->size) {
		lc_store_set(req, LC_STORE_RANGE, "range behind the end");
		return;
	}
	left = req->size - req->offset;
	req->got = req->len && req->len < left ? req->len : left;
	if (req->got > req->buf_len)
		req->got = req->buf_len;
	if (req->got)
		memcpy(req->buf, o->blob->data + req->offset, req->got);
}

static void do_delete(struct world *w, struct lc_store_req *req)
{
	char key[LC_STORE_KEY_MAX];

	strcpy(key, req->key);
	world_delete(w, key);
	lc_store_set_ok(req);
	tell(w, key);
}

static void do_list(struct world *w, struct lc_store_req *req)
{
	size_t i, len = strlen(req->key);

	lc_store_set_ok(req);
	for (i = lower_bound(w, req->key); i < w->nr; i++) {
		if (strncmp(w->objects[i].key, req->key, len))
			break;
		if (!req->list(req, w->objects[i].key, w->objects[i].blob->size))
			break;
	}
}

static void apply(struct world *w, struct lc_store_req *req)
{
	switch (req->op) {
	case LC_STORE_PUT:
		w->puts++;
		do_put(w, req);
		break;
	case LC_STORE_HEAD:
	case LC_STORE_GET:
		*(req->op == LC_STORE_GET ? &w->gets : &w->heads) += 1;
		do_get(w, req);
		break;
	case LC_STORE_DELETE:
		w->deletes++;
		do_delete(w, req);
		break;
	case LC_STORE_LIST:
		w->lists++;
		do_list(w, req);
		break;
	}
}

/*----------------------------------------------------------------
 * Late
 *----------------------------------------------------------------
 */

static void postpone(struct world *w, const struct lc_store_req *req)
{
	struct late *l = xalloc(sizeof(*l));

	l->op = req->op;
	l->flags = req->flags;
	l->key = strdup(req->key);
	strcpy(l->etag, req->etag);
	if (req->op == LC_STORE_PUT)
		l->blob = gather(req);
	list_add_tail(&l->list, &w->late);
	w->nr_late++;
}

static void apply_late(struct world *w)
{
	u64 n = rng_below(&w->rng, w->nr_late);
	struct late *l;

	list_for_each_entry(l, &w->late, list)
		if (!n--)
			break;
	if (l->op == LC_STORE_DELETE) {
		world_delete(w, l->key);
		tell(w, l->key);
	} else if (check_cond(w, l->flags, l->key, l->etag) == LC_STORE_OK) {
		set_blob(w, l->key, l->blob);
		l->blob = NULL;
		tell(w, l->key);
	}
	free_late(w, l);
}

static bool can_be_late(const struct world *w, const struct lc_store_req *req)
{
	if (req->op == LC_STORE_DELETE)
		return true;
	/* Without conditions a late manifest would do what no fencing warns of. */
	return req->op == LC_STORE_PUT && (req->flags || !w->no_cond || !strstr(req->key, "manifest"));
}

/*----------------------------------------------------------------
 * Hosts
 *----------------------------------------------------------------
 */

static struct request *find_request(struct world *w, const struct lc_store_req *req)
{
	struct request *r;

	list_for_each_entry(r, &w->requests, list)
		if (r->req == req)
			return r;
	return NULL;
}

static void host_submit(struct lc_store *store, struct lc_store_req *req)
{
	struct host *h = container_of(store, struct host, store);
	struct request *r = xalloc(sizeof(*r));

	r->host = h;
	r->req = req;
	req->got = 0;
	list_add_tail(&r->list, &h->world->requests);
	h->world->nr_requests++;
}

static void host_cancel(struct lc_store *store, struct lc_store_req *req)
{
	struct host *h = container_of(store, struct host, store);
	struct request *r = find_request(h->world, req);

	if (r)
		r->cancelled = true;
}

static const struct lc_store_ops host_ops = {
	.name = "memory",
	.submit = host_submit,
	.cancel = host_cancel,
};

void host_init(struct host *h, struct world *w)
{
	*h = (struct host){ .store = { .ops = &host_ops, .loop = w->loop }, .world = w };
}

static void answer(struct request *r)
{
	struct lc_store_req *req = r->req;

	list_del(&r->list);
	r->host->world->nr_requests--;
	free(r);
	req->done(req);
}

static void unknown(struct lc_store_req *req)
{
	lc_store_set(req, LC_STORE_UNKNOWN, "timed out");
}

static void with_faults(struct world *w, struct lc_store_req *req)
{
	const struct faults *f = &w->faults;
	u64 n = rng_below(&w->rng, 1000);
	bool change = req->op == LC_STORE_PUT || req->op == LC_STORE_DELETE;

	if (n < f->fail) {
		lc_store_set(req, LC_STORE_FAILED, "connection reset");
	} else if ((n -= f->fail) < f->busy) {
		lc_store_set(req, LC_STORE_BUSY, "slow down");
	} else if (!change) {
		apply(w, req);
	} else if ((n -= f->busy) < f->unknown_lost) {
		unknown(req);
	} else if ((n -= f->unknown_lost) < f->unknown_applied) {
		apply(w, req);
		unknown(req);
	} else if ((n -= f->unknown_applied) < f->unknown_late && can_be_late(w, req)) {
		postpone(w, req);
		unknown(req);
	} else {
		apply(w, req);
	}
}

/* A cancelled request may have happened all the same. */
static void cancelled(struct world *w, struct lc_store_req *req)
{
	bool change = req->op == LC_STORE_PUT || req->op == LC_STORE_DELETE;

	if (change && rng_chance(&w->rng, 300))
		apply(w, req);
	else if (change && can_be_late(w, req) && rng_chance(&w->rng, 300))
		postpone(w, req);
	lc_store_set(req, LC_STORE_CANCELLED, "cancelled");
}

/* Of a host that is not held. */
static struct request *first_free(struct world *w)
{
	struct request *r;

	list_for_each_entry(r, &w->requests, list)
		if (!r->host->held)
			return r;
	return NULL;
}

bool world_step(struct world *w)
{
	struct request *r;
	u64 n;

	if (w->nr_late && (!w->nr_requests || rng_chance(&w->rng, 30))) {
		apply_late(w);
		return true;
	}
	if (!w->nr_requests)
		return false;
	r = first_free(w);
	if (!r)
		return false;
	if (!r->host->in_order) {
		n = rng_below(&w->rng, w->nr_requests);
		while (n) {
			r = r->list.next == &w->requests ?
			    list_first_entry(&w->requests, struct request, list) :
			    list_next_entry(r, list);
			n -= !r->host->held;
		}
	}
	if (r->cancelled)
		cancelled(w, r->req);
	else if (r->host->in_order)
		apply(w, r->req);
	else
		with_faults(w, r->req);
	answer(r);
	return true;
}

bool world_run(struct world *w)
{
	lc_loop_turn(w->loop, 0);
	if (w->nr_requests && world_step(w))
		return true;
	/* Time passes in steps that are long enough for most pauses. */
	lc_loop_set_now(w->loop, lc_loop_now(w->loop) + 500);
	lc_loop_turn(w->loop, 0);
	return w->nr_requests || (w->nr_late && world_step(w));
}

const struct lc_store_req *host_waits(struct host *h)
{
	struct request *r;

	list_for_each_entry(r, &h->world->requests, list)
		if (r->host == h)
			return r->req;
	return NULL;
}

void host_crash(struct host *h)
{
	struct request *r;

	list_for_each_entry(r, &h->world->requests, list)
		if (r->host == h)
			r->cancelled = true;
}
