// SPDX-License-Identifier: GPL-2.0-only
/* A store in memory that fails as it is told to. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/kernel.h>
#include <linux/string.h>

#include "loop.h"
#include "store_mem.h"

#define FAULTS_MAX	64

struct object {
	char key[LC_STORE_KEY_MAX];
	char *data;
	size_t len;
	unsigned int version;
};

struct fault {
	enum lc_store_op op;
	const char *key;
	enum lc_store_status status;
	enum lc_mem_effect effect;
	unsigned int times;
};

/* A request that came in, or one that was put off: then without @req. */
struct pending {
	struct pending *next;
	struct mem *mem;
	struct lc_store_req *req;
	struct lc_timer timer;
	bool hangs;
	bool cancelled;
	struct lc_store_req copy;
	struct iovec iov;
};

struct mem {
	struct lc_store store;
	struct object *objects;		/* sorted by key */
	unsigned int nr_objects;
	unsigned int versions;
	struct fault faults[FAULTS_MAX];
	unsigned int nr_faults;
	struct pending *pending;
	struct pending *late;
	bool hold;
	bool refuse_cond;
	bool ignore_cond;
	uint64_t delay;
	uint64_t usual_delay;
	unsigned int delay_times;
	unsigned int count[LC_STORE_LIST + 1];
};

static struct mem *to_mem(struct lc_store *store)
{
	return (struct mem *)store;
}

/* A test that has no memory is none. */
static void *need(void *p)
{
	if (!p)
		abort();
	return p;
}

/* --- objects ------------------------------------------------------------------ */

static unsigned int place_of(struct mem *m, const char *key)
{
	unsigned int i;

	for (i = 0; i < m->nr_objects; i++)
		if (strcmp(m->objects[i].key, key) >= 0)
			break;
	return i;
}

static struct object *find(struct mem *m, const char *key)
{
	unsigned int i = place_of(m, key);

	return i < m->nr_objects && !strcmp(m->objects[i].key, key) ? &m->objects[i] : NULL;
}

static void remove_object(struct mem *m, const char *key)
{
	struct object *o = find(m, key);

	if (!o)
		return;
	free(o->data);
	m->nr_objects--;
	memmove(o, o + 1, (m->objects + m->nr_objects - o) * sizeof(*o));
}

static struct object *set_object(struct mem *m, const char *key, char *data, size_t len)
{
	unsigned int i;

	remove_object(m, key);
	i = place_of(m, key);
	m->objects = need(reallocarray(m->objects, m->nr_objects + 1, sizeof(*m->objects)));
	memmove(&m->objects[i + 1], &m->objects[i], (m->nr_objects - i) * sizeof(*m->objects));
	m->nr_objects++;
	strscpy(m->objects[i].key, key, sizeof(m->objects[i].key));
	m->objects[i].data = data;
	m->objects[i].len = len;
	m->objects[i].version = ++m->versions;
	return &m->objects[i];
}

static void tag(char *etag, const struct object *o)
{
	snprintf(etag, LC_STORE_ETAG_MAX, "v%u", o->version);
}

/* --- requests ----------------------------------------------------------------- */

static bool condition_broken(struct mem *m, const struct lc_store_req *req)
{
	const struct object *o = find(m, req->key);
	char now[LC_STORE_ETAG_MAX];

	if (m->ignore_cond)
		return false;
	if ((req->flags & LC_STORE_IF_ABSENT) && o)
		return true;
	if (!(req->flags & LC_STORE_IF_MATCH))
		return false;
	if (o)
		tag(now, o);
	return !o || strcmp(now, req->etag);
}

static char *join(const struct lc_store_req *req)
{
	char *data = need(malloc(lc_store_put_len(req) + 1)), *p = data;
	int i;

	for (i = 0; i < req->nr_iov; i++) {
		memcpy(p, req->iov[i].iov_base, req->iov[i].iov_len);
		p += req->iov[i].iov_len;
	}
	return data;
}

static void do_put(struct mem *m, struct lc_store_req *req)
{
	if (m->refuse_cond && req->flags)
		lc_store_set(req, LC_STORE_NO_COND, "no conditions");
	else if (condition_broken(m, req))
		lc_store_set(req, LC_STORE_PRECOND, "condition is broken");
	else
		tag(req->etag, set_object(m, req->key, join(req), lc_store_put_len(req)));
}

static void do_get(struct mem *m, struct lc_store_req *req)
{
	const struct object *o = find(m, req->key);
	uint64_t offset = req->len ? req->offset : 0;

	if (!o) {
		lc_store_set(req, LC_STORE_NOT_FOUND, "not there");
		return;
	}
	req->size = o->len;
	tag(req->etag, o);
	if (req->op == LC_STORE_HEAD)
		return;
	if (req->len && offset >= o->len) {
		lc_store_set(req, LC_STORE_RANGE, "behind its end");
		return;
	}
	req->got = min_t(uint64_t, req->len ? req->len : req->buf_len, o->len - offset);
	memcpy(req->buf, o->data + offset, req->got);
}

static void do_list(struct mem *m, struct lc_store_req *req)
{
	unsigned int i;

	for (i = 0; i < m->nr_objects; i++)
		if (!strncmp(m->objects[i].key, req->key, strlen(req->key)) &&
		    !req->list(req, m->objects[i].key, m->objects[i].len))
			break;
}

static void carry_out(struct mem *m, struct lc_store_req *req)
{
	m->count[req->op]++;
	req->got = 0;
	lc_store_set_ok(req);
	switch (req->op) {
	case LC_STORE_PUT:
		do_put(m, req);
		break;
	case LC_STORE_GET:
	case LC_STORE_HEAD:
		do_get(m, req);
		break;
	case LC_STORE_DELETE:
		remove_object(m, req->key);
		break;
	case LC_STORE_LIST:
		do_list(m, req);
		break;
	}
}

/* --- faults ------------------------------------------------------------------- */

static struct fault *fault_for(struct mem *m, const struct lc_store_req *req)
{
	struct fault *f;

	for (f = m->faults; f < m->faults + m->nr_faults; f++)
		if (f->times && f->op == req->op && (!f->key || !strcmp(f->key, req->key)))
			return f;
	return NULL;
}

/* The caller's memory will be gone by then. */
static void put_off(struct mem *m, const struct lc_store_req *req)
{
	struct pending *p = need(calloc(1, sizeof(*p))), **end = &m->late;

	p->copy = *req;
	if (req->op == LC_STORE_PUT)
		p->iov = (struct iovec){ join(req), lc_store_put_len(req) };
	p->copy.iov = &p->iov;
	p->copy.nr_iov = 1;
	while (*end)
		end = &(*end)->next;
	*end = p;
}

void lc_mem_apply_late(struct lc_store *store)
{
	struct mem *m = to_mem(store);
	struct pending *p;

	while ((p = m->late)) {
		m->late = p->next;
		carry_out(m, &p->copy);
		free(p->iov.iov_base);
		free(p);
	}
}

/* A listing breaks off after its first key, so that one sees whether it goes on there. */
static void fail(struct mem *m, struct lc_store_req *req, struct fault *f)
{
	enum lc_store_status status = f->status;

	f->times--;
	if (f->effect == LC_MEM_APPLIED)
		carry_out(m, req);
	if (f->effect == LC_MEM_LATER)
		put_off(m, req);
	if (req->op == LC_STORE_LIST && m->nr_objects)
		req->list(req, m->objects[0].key, m->objects[0].len);
	lc_store_set(req, status, "as told");
}

/* --- answering ---------------------------------------------------------------- */

static void take_out(struct mem *m, struct pending *p)
{
	struct pending **q = &m->pending;

	while (*q != p)
		q = &(*q)->next;
	*q = p->next;
}

static void answer(struct pending *p)
{
	struct lc_store_req *req = p->req;
	struct mem *m = p->mem;
	struct fault *f = fault_for(m, req);

	if (!p->cancelled && f && f->effect == LC_MEM_HANG) {
		f->times--;
		p->hangs = true;
	}
	if (p->hangs && !p->cancelled)
		return;
	take_out(m, p);
	lc_timer_cancel(m->store.loop, &p->timer);
	if (p->cancelled)
		lc_store_set(req, LC_STORE_CANCELLED, "cancelled");
	else if (f)
		fail(m, req, f);
	else
		carry_out(m, req);
	free(p);
	req->done(req);
}

static void time_is_over(struct lc_timer *t)
{
	struct pending *p = t->data;

	if (!p->mem->hold || p->cancelled)
		answer(p);
}

static void mem_submit(struct lc_store *store, struct lc_store_req *req)
{
	struct pending *p = need(calloc(1, sizeof(*p))), **end;
	struct mem *m = to_mem(store);

	p->mem = m;
	p->req = req;
	p->timer = (struct lc_timer){ .expired = time_is_over, .data = p };
	for (end = &m->pending; *end; end = &(*end)->next)
		;
	*end = p;
	lc_timer_arm(store->loop, &p->timer, m->delay);
	if (m->delay_times && !--m->delay_times)
		m->delay = m->usual_delay;
}

static void mem_cancel(struct lc_store *store, struct lc_store_req *req)
{
	struct pending *p;

	for (p = to_mem(store)->pending; p; p = p->next)
		if (p->req == req) {
			p->cancelled = true;
			lc_timer_arm(store->loop, &p->timer, 0);
		}
}

static void mem_free(struct lc_store *store)
{
	struct mem *m = to_mem(store);

	lc_mem_apply_late(store);
	while (m->nr_objects)
		remove_object(m, m->objects[0].key);
	free(m->objects);
	free(m);
}

static const struct lc_store_ops mem_ops = {
	.name = "memory",
	.submit = mem_submit,
	.cancel = mem_cancel,
	.free = mem_free,
};

struct lc_store *lc_store_mem_new(struct lc_loop *loop)
{
	struct mem *m = need(calloc(1, sizeof(*m)));

	m->store.ops = &mem_ops;
	m->store.loop = loop;
	return &m->store;
}

/* --- what the test says --------------------------------------------------------- */

void lc_mem_fault(struct lc_store *store, enum lc_store_op op, const char *key,
		  enum lc_store_status status, enum lc_mem_effect effect, unsigned int times)
{
	struct mem *m = to_mem(store);

	if (m->nr_faults == FAULTS_MAX)
		abort();
	m->faults[m->nr_faults++] = (struct fault){ op, key, status, effect, times };
}

void lc_mem_delay(struct lc_store *store, uint64_t ms, unsigned int times)
{
	struct mem *m = to_mem(store);

	m->delay = ms;
	m->delay_times = times;
	if (!times)
		m->usual_delay = ms;
}

void lc_mem_hold(struct lc_store *store, bool hold)
{
	struct mem *m = to_mem(store);
	struct pending *p;

	m->hold = hold;
	for (p = m->pending; p && !hold; p = p->next)
		lc_timer_arm(store->loop, &p->timer, 0);
}

static struct pending *nth(struct lc_store *store, unsigned int nr)
{
	struct pending *p = to_mem(store)->pending;

	while (p && nr--)
		p = p->next;
	return p;
}

unsigned int lc_mem_waiting(struct lc_store *store)
{
	unsigned int nr = 0;

	while (nth(store, nr))
		nr++;
	return nr;
}

const struct lc_store_req *lc_mem_request(struct lc_store *store, unsigned int nr)
{
	struct pending *p = nth(store, nr);

	return p ? p->req : NULL;
}

void lc_mem_answer(struct lc_store *store, unsigned int nr)
{
	struct pending *p = need(nth(store, nr));

	answer(p);
}

void lc_mem_no_cond(struct lc_store *store, bool refuse, bool ignore)
{
	to_mem(store)->refuse_cond = refuse;
	to_mem(store)->ignore_cond = ignore;
}

const void *lc_mem_object(struct lc_store *store, const char *key, size_t *len)
{
	const struct object *o = find(to_mem(store), key);

	if (o)
		*len = o->len;
	return o ? o->data : NULL;
}

void lc_mem_set(struct lc_store *store, const char *key, const void *data, size_t len)
{
	char *copy = need(malloc(len + 1));

	memcpy(copy, data, len);
	set_object(to_mem(store), key, copy, len);
}

unsigned int lc_mem_count(struct lc_store *store, enum lc_store_op op)
{
	return to_mem(store)->count[op];
}

unsigned int lc_mem_objects(struct lc_store *store)
{
	return to_mem(store)->nr_objects;
}
