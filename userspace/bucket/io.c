// SPDX-License-Identifier: GPL-2.0-only

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <linux/string.h>

#include "vol.h"

#define READ_TRIES	5u
#define READ_PAUSE_MS	300u
#define READ_PAUSE_MAX	10000u
#define PUT_PAUSE_MS	1000u
#define PUT_PAUSE_MAX	60000u
/* Between two looks whether something may be written again. */
#define HELD_MS		500u

bool lc_io_passing(enum lc_store_status status)
{
	return status == LC_STORE_BUSY || status == LC_STORE_FAILED ||
	       status == LC_STORE_UNKNOWN || status == LC_STORE_CORRUPT ||
	       status == LC_STORE_DENIED;
}

int lc_io_errno(enum lc_store_status status)
{
	switch (status) {
	case LC_STORE_OK:
		return 0;
	case LC_STORE_NOT_FOUND:
		return -ENOENT;
	case LC_STORE_PRECOND:
		return -ESTALE;
	case LC_STORE_NO_COND:
		return -EOPNOTSUPP;
	case LC_STORE_BUSY:
		return -EBUSY;
	case LC_STORE_DENIED:
		return -EACCES;
	case LC_STORE_CANCELLED:
		return -ECANCELED;
	case LC_STORE_RANGE:
		return -EBADMSG;
	default:
		return -EIO;
	}
}

static u64 pause_ms(const struct lc_io *io)
{
	u64 n = io->tries;

	if (io->tries_max == LC_IO_FOR_EVER)
		return n > 7 ? PUT_PAUSE_MAX : PUT_PAUSE_MS * n * n;
	return n * READ_PAUSE_MS < READ_PAUSE_MAX ? n * READ_PAUSE_MS : READ_PAUSE_MAX;
}

static void finish(struct lc_io *io)
{
	struct lc_volume *vol = io->vol;

	list_del(&io->list);
	if (io->cancelled)
		io->req.status = LC_STORE_CANCELLED;
	io->done(io);
	lc_vol_settle(vol);
}

/* A PUT has conditions and outcomes of its own: durable.c and own.c decide. */
static bool try_again(const struct lc_io *io)
{
	return io->req.op != LC_STORE_PUT && lc_io_passing(io->req.status) && !io->cancelled &&
	       (io->tries_max == LC_IO_FOR_EVER || io->tries < io->tries_max);
}

static void answered(struct lc_store_req *req)
{
	struct lc_io *io = req->data;

	io->in_store = false;
	if (req->op == LC_STORE_GET && req->status == LC_STORE_OK)
		io->vol->st.got_bytes += req->got;
	if (try_again(io)) {
		io->vol->st.retries++;
		lc_timer_arm(io->vol->loop, &io->timer, pause_ms(io));
		return;
	}
	finish(io);
}

/* As long as nobody knows whether the volume is there. */
static bool held(const struct lc_io *io)
{
	return io->vol->doubts && (io->req.op == LC_STORE_PUT || io->req.op == LC_STORE_DELETE);
}

static void submit(struct lc_timer *t)
{
	struct lc_io *io = t->data;

	if (io->cancelled) {
		finish(io);
		return;
	}
	if (held(io)) {
		lc_timer_arm(io->vol->loop, t, HELD_MS);
		return;
	}
	io->tries++;
	io->in_store = true;
	io->vol->st.requests++;
	io->vol->store->ops->submit(io->vol->store, &io->req);
}

void lc_io_init(struct lc_io *io, struct lc_volume *vol, enum lc_store_op op,
		void (*done)(struct lc_io *io), void *data)
{
	memset(io, 0, sizeof(*io));
	io->vol = vol;
	io->req.op = op;
	io->req.done = answered;
	io->req.data = io;
	io->timer.expired = submit;
	io->timer.data = io;
	io->tries_max = op == LC_STORE_PUT || op == LC_STORE_DELETE ? LC_IO_FOR_EVER : READ_TRIES;
	io->done = done;
	io->data = data;
}

void lc_io_start(struct lc_io *io)
{
	list_add_tail(&io->list, &io->vol->ios);
	io->cancelled = io->vol->closing || io->vol->stop_err;
	if (io->cancelled)
		lc_timer_arm(io->vol->loop, &io->timer, 0);
	else
		submit(&io->timer);
}

void lc_io_again(struct lc_io *io)
{
	list_add_tail(&io->list, &io->vol->ios);
	io->cancelled = io->vol->closing || io->vol->stop_err;
	io->vol->st.retries++;
	lc_timer_arm(io->vol->loop, &io->timer, io->cancelled ? 0 : pause_ms(io));
}

static void paused(struct lc_timer *t)
{
	finish(t->data);
}

void lc_io_pause(struct lc_io *io, struct lc_volume *vol, u64 ms, void (*done)(struct lc_io *io),
		 void *data)
{
	lc_io_init(io, vol, LC_STORE_HEAD, done, data);
	io->timer.expired = paused;
	list_add_tail(&io->list, &vol->ios);
	io->cancelled = vol->closing || vol->stop_err;
	lc_timer_arm(vol->loop, &io->timer, io->cancelled ? 0 : ms);
}

void lc_io_cancel(struct lc_io *io)
{
	if (io->cancelled)
		return;
	io->cancelled = true;
	if (io->in_store)
		io->vol->store->ops->cancel(io->vol->store, &io->req);
	else
		lc_timer_arm(io->vol->loop, &io->timer, 0);
}

/*----------------------------------------------------------------
 * Whole objects
 *----------------------------------------------------------------
 */

static void slurp_answer(struct lc_slurp *s, int err)
{
	struct lc_store_req *req = &s->io.req;
	void *buf = req->buf;

	/* Should it be started again. */
	req->buf = NULL;
	req->buf_len = 0;
	if (err) {
		free(buf);
		buf = NULL;
	}
	s->done(s, err, buf, req->got);
}

static void slurped(struct lc_io *io)
{
	struct lc_slurp *s = io->data;
	struct lc_store_req *req = &io->req;
	void *buf;

	if (req->status != LC_STORE_OK || req->got == req->size) {
		slurp_answer(s, lc_io_errno(req->status));
		return;
	}
	if (req->size > s->max) {
		lc_store_set(req, LC_STORE_CORRUPT, "has %llu bytes, more than there can be",
			     (unsigned long long)req->size);
		slurp_answer(s, -EBADMSG);
		return;
	}
	buf = realloc(req->buf, req->size);
	if (!buf) {
		slurp_answer(s, -ENOMEM);
		return;
	}
	req->buf = buf;
	req->buf_len = req->size;
	lc_io_start(io);
}

void lc_slurp_start(struct lc_slurp *s, struct lc_volume *vol, const char *key, size_t guess,
		    size_t max)
{
	lc_io_init(&s->io, vol, LC_STORE_GET, slurped, s);
	strscpy(s->io.req.key, key, sizeof(s->io.req.key));
	s->max = max;
	s->io.req.buf = malloc(guess);
	s->io.req.buf_len = s->io.req.buf ? guess : 0;
	lc_io_start(&s->io);
}
