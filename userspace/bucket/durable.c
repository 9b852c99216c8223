// SPDX-License-Identifier: GPL-2.0-only

#include <errno.h>
#include <string.h>

#include <linux/string.h>

#include "vol.h"

static void finish(struct lc_durable *d, int err)
{
	if (!err)
		d->put.vol->st.put_bytes += d->bytes;
	d->done(d, err);
}

static bool same(const struct lc_durable *d)
{
	const struct lc_store_req *req = &d->look.req;

	return req->got == LC_BK_FIXED && req->size == d->bytes &&
	       !memcmp(d->found, d->put.req.iov[0].iov_base, LC_BK_FIXED);
}

static void looked(struct lc_io *io)
{
	struct lc_durable *d = io->data;
	struct lc_volume *vol = io->vol;

	switch (io->req.status) {
	case LC_STORE_OK:
		if (same(d) || lc_planted(vol, LC_BK_PLANT_NO_EPOCH)) {
			finish(d, 0);
			return;
		}
		lc_vol_why(vol, "%s was written by another owner of the volume", io->req.key);
		finish(d, -ESTALE);
		return;
	case LC_STORE_NOT_FOUND:
		lc_io_again(&d->put);
		return;
	case LC_STORE_CANCELLED:
		finish(d, -ECANCELED);
		return;
	default:
		lc_io_again(io);
	}
}

static void look_up(struct lc_durable *d)
{
	struct lc_io *io = &d->look;

	lc_io_init(io, d->put.vol, LC_STORE_GET, looked, d);
	strscpy(io->req.key, d->put.req.key, sizeof(io->req.key));
	io->req.buf = d->found;
	io->req.buf_len = sizeof(d->found);
	io->req.len = sizeof(d->found);
	io->tries_max = LC_IO_FOR_EVER;
	d->put.vol->st.lookups++;
	lc_io_start(io);
}

static void put_done(struct lc_io *io)
{
	struct lc_durable *d = io->data;

	switch (io->req.status) {
	case LC_STORE_OK:
		finish(d, 0);
		return;
	case LC_STORE_PRECOND:
	case LC_STORE_UNKNOWN:
		look_up(d);
		return;
	case LC_STORE_CANCELLED:
		finish(d, -ECANCELED);
		return;
	case LC_STORE_NO_COND:
		lc_vol_why(io->vol, "%s", io->req.why);
		finish(d, -EOPNOTSUPP);
		return;
	default:
		lc_vol_why(io->vol, "%s", io->req.why);
		lc_io_again(io);
	}
}

void lc_durable_start(struct lc_durable *d, struct lc_volume *vol, const char *key,
		      const struct iovec *iov, int nr_iov)
{
	lc_io_init(&d->put, vol, LC_STORE_PUT, put_done, d);
	strscpy(d->put.req.key, key, sizeof(d->put.req.key));
	d->put.req.flags = vol->params.no_fencing ? 0 : LC_STORE_IF_ABSENT;
	d->put.req.iov = iov;
	d->put.req.nr_iov = nr_iov;
	d->bytes = lc_store_put_len(&d->put.req);
	lc_io_start(&d->put);
}
