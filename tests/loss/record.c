// SPDX-License-Identifier: GPL-2.0
/*
 * Linked into a logcached of its own, around lc_store_open(): all that changes the
 * bucket is written down, see journal.h, in the file that LC_LOSS_JOURNAL names. Changes are
 * held back for a while, each for another, so that they overtake each other as they do in
 * a real store.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "store/loop.h"
#include "store/open.h"

#include "journal.h"

#define DELAY_MS	300

struct record_store {
	struct lc_store store;
	struct lc_store *below;
	int fd;
	uint64_t next_id;
};

struct record_req {
	struct lc_store_req req;	/* of the store below */
	struct lc_store_req *up;
	struct record_store *rs;
	struct lc_timer timer;		/* until it is submitted below */
	bool cancelled;
	uint64_t id;
};

/* A recording that is not whole proves nothing. */
static void die(const char *what)
{
	fprintf(stderr, "recording: %s: %s\n", what, strerror(errno));
	abort();
}

/* One call, so that a signal cannot come between its parts. */
static void note(struct record_store *rs, const struct record_req *r, enum journal_what what,
		 bool done)
{
	bool with_data = what == JOURNAL_BEGIN && r->req.op == LC_STORE_PUT;
	struct journal_entry e = {
		.magic = JOURNAL_MAGIC, .what = what, .done = done,
		.op = r->req.op == LC_STORE_PUT ? JOURNAL_PUT : JOURNAL_DELETE,
		.id = r->id, .key_len = strlen(r->req.key),
		.data_len = with_data ? lc_store_put_len(&r->req) : 0,
	};
	int nr = with_data ? r->req.nr_iov : 0;
	struct iovec iov[2 + nr];

	iov[0] = (struct iovec){ &e, sizeof(e) };
	iov[1] = (struct iovec){ (void *)r->req.key, e.key_len };
	memcpy(iov + 2, r->req.iov, nr * sizeof(*iov));
	if (writev(rs->fd, iov, 2 + nr) != (ssize_t)(sizeof(e) + e.key_len + e.data_len))
		die("write");
}

static void answered(struct lc_store_req *req)
{
	struct record_req *r = (struct record_req *)req;
	struct lc_store_req *up = r->up;
	bool changes = req->op == LC_STORE_PUT || req->op == LC_STORE_DELETE;

	if (changes && (req->status == LC_STORE_UNKNOWN ||
			(req->status == LC_STORE_CANCELLED && !r->cancelled)))
		die("an outcome that is unknown");
	if (changes)
		note(r->rs, r, JOURNAL_END, req->status == LC_STORE_OK);
	up->status = req->status;
	up->got = req->got;
	up->size = req->size;
	memcpy(up->etag, req->etag, sizeof(up->etag));
	memcpy(up->why, req->why, sizeof(up->why));
	free(r);
	up->done(up);
}

static bool listed(struct lc_store_req *req, const char *key, uint64_t size)
{
	struct record_req *r = (struct record_req *)req;

	return r->up->list(r->up, key, size);
}

static void held(struct lc_timer *t)
{
	struct record_req *r = t->data;

	if (r->cancelled) {
		lc_store_set(&r->req, LC_STORE_CANCELLED, "cancelled");
		answered(&r->req);
		return;
	}
	r->rs->below->ops->submit(r->rs->below, &r->req);
}

static void submit(struct lc_store *store, struct lc_store_req *up)
{
	struct record_store *rs = (struct record_store *)store;
	struct record_req *r = calloc(1, sizeof(*r));

	if (!r)
		die("memory");
	r->req = *up;
	r->req.done = answered;
	r->req.list = listed;
	r->up = up;
	r->rs = rs;
	r->id = rs->next_id++;
	up->priv = r;
	if (up->op != LC_STORE_PUT && up->op != LC_STORE_DELETE) {
		rs->below->ops->submit(rs->below, &r->req);
		return;
	}
	note(rs, r, JOURNAL_BEGIN, false);
	r->timer.expired = held;
	r->timer.data = r;
	lc_timer_arm(store->loop, &r->timer, random() % DELAY_MS);
}

static void cancel(struct lc_store *store, struct lc_store_req *up)
{
	struct record_store *rs = (struct record_store *)store;
	struct record_req *r = up->priv;

	if (r->timer.at) {
		r->cancelled = true;
		return;
	}
	rs->below->ops->cancel(rs->below, &r->req);
}

static void record_free(struct lc_store *store)
{
	struct record_store *rs = (struct record_store *)store;

	rs->below->ops->free(rs->below);
	close(rs->fd);
	free(rs);
}

static const struct lc_store_ops record_ops = {
	.name = "record",
	.submit = submit,
	.cancel = cancel,
	.free = record_free,
};

/*----------------------------------------------------------------
 * What the process before this one left
 *----------------------------------------------------------------
 */

struct open_req {
	struct journal_entry e;
	char *key;
	char *data;
};

struct leftovers {
	struct open_req *reqs;
	unsigned int nr;
	uint64_t last_id;
};

static void forget(struct leftovers *l, uint64_t id)
{
	unsigned int i;

	for (i = 0; i < l->nr; i++) {
		if (l->reqs[i].e.id != id)
			continue;
		free(l->reqs[i].key);
		free(l->reqs[i].data);
		l->reqs[i] = l->reqs[--l->nr];
		return;
	}
}

static void remember(struct leftovers *l, const struct open_req *req)
{
	l->reqs = realloc(l->reqs, (l->nr + 1) * sizeof(*l->reqs));
	if (!l->reqs)
		die("memory");
	l->reqs[l->nr++] = *req;
}

static char *read_part(FILE *f, uint32_t len, bool *whole)
{
	char *p = calloc(1, len + 1);

	if (!p)
		die("memory");
	*whole = fread(p, 1, len, f) == len;
	return p;
}

/* The file ends with whole entries afterwards. */
static void read_journal(int fd, const char *path, struct leftovers *l)
{
	FILE *f = fopen(path, "rb");
	struct open_req req;
	bool whole = true;
	long good = 0;

	if (!f)
		die(path);
	while (fread(&req.e, sizeof(req.e), 1, f) == 1 && req.e.magic == JOURNAL_MAGIC) {
		bool key_there;

		req.key = read_part(f, req.e.key_len, &key_there);
		req.data = read_part(f, req.e.data_len, &whole);
		if (!key_there || !whole)
			break;
		good = ftell(f);
		if (req.e.id > l->last_id)
			l->last_id = req.e.id;
		if (req.e.what == JOURNAL_BEGIN)
			remember(l, &req);
		else if (req.e.what == JOURNAL_END || req.e.what == JOURNAL_FATE)
			forget(l, req.e.id);
	}
	fclose(f);
	if (ftruncate(fd, good))
		die("truncate");
}

/* Nobody writes there now: is it what is in the directory? */
static bool carried_out(const char *dir, const struct open_req *req)
{
	char *path, *data;
	struct stat st;
	bool same = false, whole;
	FILE *f;

	if (asprintf(&path, "%s/%s", dir, req->key) < 0)
		die("memory");
	f = fopen(path, "rb");
	free(path);
	if (!f || req->e.op == JOURNAL_DELETE) {
		if (f)
			fclose(f);
		return !f && req->e.op == JOURNAL_DELETE;
	}
	if (!fstat(fileno(f), &st) && st.st_size == req->e.data_len) {
		data = read_part(f, req->e.data_len, &whole);
		same = whole && !memcmp(data, req->data, req->e.data_len);
		free(data);
	}
	fclose(f);
	return same;
}

static void settle(struct record_store *rs, const char *dir, struct leftovers *l)
{
	struct record_req r = { 0 };

	while (l->nr) {
		struct open_req *req = &l->reqs[0];

		r.id = req->e.id;
		r.req.op = req->e.op == JOURNAL_PUT ? LC_STORE_PUT : LC_STORE_DELETE;
		snprintf(r.req.key, sizeof(r.req.key), "%s", req->key);
		note(rs, &r, JOURNAL_FATE, carried_out(dir, req));
		forget(l, req->e.id);
	}
	free(l->reqs);
}

struct lc_store *__real_lc_store_open(struct lc_loop *loop, const struct lc_store_cfg *cfg,
				      char *why);
struct lc_store *__wrap_lc_store_open(struct lc_loop *loop, const struct lc_store_cfg *cfg,
				      char *why);

struct lc_store *__wrap_lc_store_open(struct lc_loop *loop, const struct lc_store_cfg *cfg,
				      char *why)
{
	const char *path = getenv("LC_LOSS_JOURNAL");
	struct lc_store *below = __real_lc_store_open(loop, cfg, why);
	struct record_store *rs;
	struct leftovers l = { 0 };
	struct record_req none = { 0 };

	if (!below || !path || cfg->kind != LC_STORE_KIND_FILE)
		return below;
	rs = calloc(1, sizeof(*rs));
	if (!rs)
		die("memory");
	rs->store.ops = &record_ops;
	rs->store.loop = below->loop;
	rs->below = below;
	rs->fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	if (rs->fd < 0)
		die(path);
	read_journal(rs->fd, path, &l);
	rs->next_id = l.last_id + 1;
	none.id = rs->next_id++;
	note(rs, &none, JOURNAL_START, false);
	settle(rs, cfg->path, &l);
	return &rs->store;
}
