// SPDX-License-Identifier: GPL-2.0-only

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <linux/string.h>

#include "vol.h"

#define GUESS	65536u
/* All answers of so long, and this apart, that there is no manifest: then there is none. */
#define GONE_MS		5000u
#define GONE_PAUSE_MS	2000u

static bool same_owner(const struct lc_volume *vol, const struct lc_manifest *m)
{
	return m->epoch == vol->m.epoch && !memcmp(m->owner, vol->m.owner, sizeof(m->owner));
}

static int stale(struct lc_volume *vol, const struct lc_manifest *m)
{
	if (m->flags & LC_BK_DELETING)
		lc_vol_why(vol, "somebody deletes the volume");
	else
		lc_vol_why(vol,
			   "another host has attached the volume (epoch %llu, this one has %llu)",
			   m->epoch, vol->m.epoch);
	lc_vol_stop(vol, -ESTALE);
	return -ESTALE;
}

/*
 * The claim is what changes the epoch. Who does not get it was never the owner and may try
 * again: what came in between may be the last change of a process that is no more.
 */
static int lost(struct lc_volume *vol, const struct lc_manifest *m)
{
	if (vol->next.epoch == vol->m.epoch)
		return stale(vol, m);
	lc_vol_why(vol,
		   "somebody else has changed the manifest meanwhile (epoch %llu, generation %llu); try again",
		   m->epoch, m->generation);
	return -EAGAIN;
}

/*----------------------------------------------------------------
 * Reading
 *----------------------------------------------------------------
 */

struct load {
	struct lc_slurp slurp;
	void (*done)(struct lc_volume *vol, int err);
};

static int decode(struct lc_volume *vol, const void *buf, size_t bytes, struct lc_manifest *m)
{
	char key[LC_KEY_LEN];
	const char *why;
	int err;

	err = lc_manifest_decode(buf, bytes, vol->uuid, m, &why);
	if (err) {
		lc_key_manifest(key, vol->uuid);
		lc_vol_why(vol, "%s: %s; put back a good copy of it", key, why);
	}
	return err;
}

/* What came of reading it; takes @buf. 0: @m is to be freed. */
static int take(struct lc_slurp *s, int err, void *buf, size_t bytes, struct lc_manifest *m)
{
	if (err)
		lc_vol_why(s->io.vol, "%s", s->io.req.why);
	else
		err = decode(s->io.vol, buf, bytes, m);
	free(buf);
	return err;
}

/* It may lack objects already. */
static int check_deleted(struct lc_volume *vol)
{
	if (!(vol->m.flags & LC_BK_DELETING))
		return 0;
	lc_vol_why(vol, "is being deleted; logcachectl delete finishes that");
	return -EINVAL;
}

static void loaded(struct lc_slurp *s, int err, void *buf, size_t bytes)
{
	struct load *l = s->data;
	struct lc_volume *vol = s->io.vol;
	struct lc_manifest m;

	err = take(s, err, buf, bytes, &m);
	if (!err) {
		lc_manifest_free(&vol->m);
		vol->m = m;
		strscpy(vol->etag, s->io.req.etag, sizeof(vol->etag));
		err = check_deleted(vol);
	}
	l->done(vol, err);
	free(l);
}

void lc_own_load(struct lc_volume *vol, void (*done)(struct lc_volume *vol, int err))
{
	struct load *l = lc_vol_alloc(sizeof(*l));
	char key[LC_KEY_LEN];

	l->done = done;
	l->slurp.done = loaded;
	l->slurp.data = l;
	lc_key_manifest(key, vol->uuid);
	lc_slurp_start(&l->slurp, vol, key, GUESS, LC_MANIFEST_BYTES_MAX);
}

/*----------------------------------------------------------------
 * Replacing
 *----------------------------------------------------------------
 */

struct update {
	struct lc_io put;
	struct lc_slurp look;
	struct iovec iov;
	lc_volume_fn done;
	void *data;
};

int lc_own_begin(struct lc_volume *vol)
{
	if (vol->updating) {
		lc_vol_why(vol, "the manifest is being changed already; try again");
		return -EBUSY;
	}
	if (!lc_manifest_copy(&vol->next, &vol->m))
		return -ENOMEM;
	vol->next.generation++;
	vol->updating = true;
	return 0;
}

void lc_own_drop(struct lc_volume *vol)
{
	lc_manifest_free(&vol->next);
	vol->updating = false;
}

static void finish(struct update *u, int err, const char *etag)
{
	struct lc_volume *vol = u->put.vol;

	if (!err) {
		lc_manifest_free(&vol->m);
		vol->m = vol->next;
		vol->next = (struct lc_manifest){ 0 };
		strscpy(vol->etag, etag, sizeof(vol->etag));
		vol->st.put_bytes += u->iov.iov_len;
		/* It points into the manifest. */
		err = lc_vol_set_line(vol);
	}
	lc_own_drop(vol);
	u->done(vol, err, u->data);
	free(u->iov.iov_base);
	free(u);
}

/* The put did not succeed, as far as one knows; @buf is what is there now. */
static void judge(struct update *u, const void *buf, size_t bytes)
{
	struct lc_volume *vol = u->put.vol;
	struct lc_manifest m;
	int err;

	if (bytes == u->iov.iov_len && !memcmp(buf, u->iov.iov_base, bytes)) {
		finish(u, 0, u->look.io.req.etag);
		return;
	}
	err = decode(vol, buf, bytes, &m);
	if (err) {
		finish(u, err, NULL);
		return;
	}
	/* The next put finds its condition true if nothing has changed but the tag. */
	if (m.generation == vol->m.generation && same_owner(vol, &m)) {
		strscpy(u->put.req.etag, u->look.io.req.etag, sizeof(u->put.req.etag));
		lc_io_again(&u->put);
	} else {
		finish(u, lost(vol, &m), NULL);
	}
	lc_manifest_free(&m);
}

static void looked(struct lc_slurp *s, int err, void *buf, size_t bytes)
{
	struct update *u = s->data;

	if (err == -ECANCELED || err == -ENOENT || err == -EBADMSG || err == -ENOMEM) {
		lc_vol_why(u->put.vol, "%s", s->io.req.why);
		finish(u, err, NULL);
	} else if (err) {
		lc_io_again(&s->io);
	} else {
		judge(u, buf, bytes);
	}
	free(buf);
}

static void look_up(struct update *u)
{
	struct lc_volume *vol = u->put.vol;

	u->look.done = looked;
	u->look.data = u;
	vol->st.lookups++;
	lc_slurp_start(&u->look, vol, u->put.req.key, GUESS, LC_MANIFEST_BYTES_MAX);
}

static void put_done(struct lc_io *io)
{
	struct update *u = io->data;

	switch (io->req.status) {
	case LC_STORE_OK:
		finish(u, 0, io->req.etag);
		break;
	case LC_STORE_PRECOND:
	case LC_STORE_UNKNOWN:
		look_up(u);
		break;
	case LC_STORE_NO_COND:
		lc_vol_why(io->vol, "%s: no fencing here; attach with no_fencing if you must",
			   io->req.why);
		finish(u, -EOPNOTSUPP, NULL);
		break;
	case LC_STORE_CANCELLED:
		finish(u, -ECANCELED, NULL);
		break;
	default:
		lc_vol_why(io->vol, "%s", io->req.why);
		strscpy(io->req.etag, io->vol->etag, sizeof(io->req.etag));
		lc_io_again(io);
	}
}

void lc_own_put(struct lc_volume *vol, lc_volume_fn done, void *data)
{
	struct update *u = lc_vol_alloc(sizeof(*u));

	u->done = done;
	u->data = data;
	u->iov.iov_base = lc_manifest_encode(&vol->next, &u->iov.iov_len);
	if (!u->iov.iov_base)
		lc_vol_no_memory();
	lc_io_init(&u->put, vol, LC_STORE_PUT, put_done, u);
	lc_key_manifest(u->put.req.key, vol->uuid);
	u->put.req.iov = &u->iov;
	u->put.req.nr_iov = 1;
	if (!vol->params.no_fencing) {
		u->put.req.flags = LC_STORE_IF_MATCH;
		strscpy(u->put.req.etag, vol->etag, sizeof(u->put.req.etag));
	}
	lc_io_start(&u->put);
}

/*----------------------------------------------------------------
 * Asking
 *----------------------------------------------------------------
 */

struct check {
	struct lc_slurp slurp;
	struct lc_io pause;
	int (*verdict)(struct check *c, const struct lc_manifest *m);	/* NULL: none */
	u8 clone[16];
	u64 since;		/* of the first answer in a row that there is none */
	bool none;		/* said the last answer */
	bool doubt;		/* counted in vol->doubts */
	lc_volume_fn done;
	void *data;
};

static void ask(struct check *c)
{
	char key[LC_KEY_LEN];

	lc_key_manifest(key, c->slurp.io.vol->uuid);
	lc_slurp_start(&c->slurp, c->slurp.io.vol, key, GUESS, LC_MANIFEST_BYTES_MAX);
}

static void finish_check(struct check *c, int err)
{
	struct lc_volume *vol = c->slurp.io.vol;

	vol->doubts -= c->doubt;
	c->done(vol, err, c->data);
	free(c);
}

static void pause_over(struct lc_io *io)
{
	struct check *c = io->data;

	if (io->req.status == LC_STORE_CANCELLED)
		finish_check(c, -ECANCELED);
	else
		ask(c);
}

/*
 * No manifest: somebody may have deleted the volume, or the store has lost its way for a
 * moment. True: that is not clear yet, and it is asked again. Nothing is written meanwhile.
 */
static bool asked_again(struct check *c, int err)
{
	struct lc_volume *vol = c->slurp.io.vol;
	u64 now = lc_loop_now(vol->loop);

	/* Once in doubt, only the manifest or its absence is an answer. */
	if (err != -ENOENT && !(c->doubt && (err == -EIO || err == -EBUSY || err == -EACCES)))
		return false;
	if (!c->doubt)
		vol->doubts++;
	c->doubt = true;
	if (!c->none)
		c->since = now;
	c->none = err == -ENOENT;
	if (c->none && now - c->since >= GONE_MS)
		return false;
	lc_io_pause(&c->pause, vol, GONE_PAUSE_MS, pause_over, c);
	return true;
}

static int gone(struct lc_volume *vol)
{
	lc_vol_why(vol,
		   "its manifest is not there any more, by all answers of several seconds: the volume was deleted, or the manifest is not readable");
	vol->gone = true;
	lc_vol_stop(vol, -ESTALE);
	return -ESTALE;
}

static int owned(struct check *c, const struct lc_manifest *m)
{
	struct lc_volume *vol = c->slurp.io.vol;

	if (!m)
		return gone(vol);
	if (same_owner(vol, m) || lc_planted(vol, LC_BK_PLANT_NO_EPOCH))
		return 0;
	return stale(vol, m);
}

static void checked(struct lc_slurp *s, int err, void *buf, size_t bytes)
{
	struct check *c = s->data;
	struct lc_manifest m;

	err = take(s, err, buf, bytes, &m);
	if (asked_again(c, err))
		return;
	if (err == -ENOENT) {
		err = c->verdict(c, NULL);
	} else if (!err) {
		err = c->verdict(c, &m);
		lc_manifest_free(&m);
	}
	finish_check(c, err);
}

static struct check *new_check(struct lc_volume *vol,
			       int (*verdict)(struct check *c, const struct lc_manifest *m),
			       lc_volume_fn done, void *data)
{
	struct check *c = lc_vol_alloc(sizeof(*c));

	c->slurp.io.vol = vol;
	c->slurp.done = checked;
	c->slurp.data = c;
	c->verdict = verdict;
	c->done = done;
	c->data = data;
	return c;
}

void lc_own_check(struct lc_volume *vol, lc_volume_fn done, void *data)
{
	ask(new_check(vol, owned, done, data));
}

static int keeps(struct check *c, const struct lc_manifest *m)
{
	struct lc_volume *vol = c->slurp.io.vol;

	if (!m) {
		vol->gone = true;
		return -ESTALE;
	}
	if (m->flags & LC_BK_DELETING) {
		lc_vol_why(vol, "somebody deletes the volume");
		return -ESTALE;
	}
	if (lc_manifest_find_clone(m, c->clone) >= 0)
		return 0;
	lc_vol_why(vol, "its manifest does not have the clone any more");
	return -ENOENT;
}

void lc_own_keeps(struct lc_volume *vol, const u8 uuid[16], lc_volume_fn done, void *data)
{
	struct check *c = new_check(vol, keeps, done, data);

	memcpy(c->clone, uuid, sizeof(c->clone));
	ask(c);
}
