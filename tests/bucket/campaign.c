// SPDX-License-Identifier: GPL-2.0-only

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bucket/key.h"
#include "bucket/plant.h"

#include "campaign.h"

#define LSN_STEP	10u		/* per unit */
#define VOLUMES		3u
#define SNAPSHOTS	4u
#define UNITS_MAX	10u

struct tvol;

/* One host that attached the volume. */
struct session {
	struct tvol *tv;
	struct host host;
	struct lc_volume *vol;
	char dir[64];
	bool stopped;
	bool closed;
	u32 units;
	u64 generation;		/* of the oracle that its units are of */
	u64 offered;
	bool replaced;		/* another one has attached */
	u64 fence;		/* then: the last unit it can have had answered */
};

enum snap_state { SNAP_NONE, SNAP_ADDING, SNAP_THERE, SNAP_DROPPING };

struct snap {
	enum snap_state state;
	char name[16];
	struct state content;
};

/* A volume, and what is known of it. */
struct tvol {
	struct campaign *c;
	bool exists;
	u8 uuid[16];
	u8 n;
	char prefix[64];
	struct history h;
	u64 generation;		/* of h: another one after a rollback or a lost SSD */
	u64 committed;		/* unit that was answered */
	u8 log;
	u64 log_base;		/* LSN of state h.first */
	struct session *now;
	bool attaching;
	/* While it is not known yet which of two is true. */
	const struct state *rollback;	/* being rolled back to this */
	u8 new_log;		/* being attached with that one; 0: not */
	u64 new_lsn;
	struct snap snaps[SNAPSHOTS];
	struct snap *op;	/* under way */
};

struct campaign {
	struct campaign_opts opts;
	struct campaign_result *res;
	struct world w;
	struct rng rng;
	struct tvol vols[VOLUMES];
	struct session *old[8];
	u64 owner;
	u8 last_uuid;
	char dir[64];
	bool checking;
	u8 *image;
};

static void fail(struct campaign *c, const char *fmt, ...)
{
	va_list ap;

	if (c->res->failed)
		return;
	c->res->failed = true;
	va_start(ap, fmt);
	vsnprintf(c->res->why, sizeof(c->res->why), fmt, ap);
	va_end(ap);
}

/*----------------------------------------------------------------
 * Recovery at a cut
 *----------------------------------------------------------------
 */

static bool same(const struct state *a, const struct state *b)
{
	return !memcmp(a, b, sizeof(*a));
}

static bool read_state(struct campaign *c, struct world *w, struct lc_volume *vol,
		       struct state *state)
{
	u32 sector;
	int err = read_sync(w, vol, 0, SECTORS, c->image);

	if (err) {
		fail(c, "cut %llu: read failed: %s (%s)", c->res->cuts, strerror(-err),
		     lc_volume_why(vol));
		return false;
	}
	if (state_read(c->image, state, &sector))
		return true;
	fail(c, "cut %llu: sector %u is none that was ever written", c->res->cuts, sector);
	return false;
}

static u64 unit_of(const struct tvol *tv, u64 lsn)
{
	return tv->h.first + (lsn - tv->log_base) / LSN_STEP;
}

static void explain(struct tvol *tv, const struct state *s, u64 lsn)
{
	struct campaign *c = tv->c;
	u64 i, n = unit_of(tv, lsn), found = ~0ull, sector = 0;
	const struct state *want;

	for (i = tv->h.first; i <= history_last(&tv->h); i++)
		if (same(s, history_state(&tv->h, i)))
			found = i;
	want = history_state(&tv->h, n);
	while (want && sector < SECTORS && want->stamp[sector] == s->stamp[sector])
		sector++;
	fail(c, "cut %llu, volume %u: recovered to LSN %llu, unit %llu; the oracle has units %llu "
	     "to %llu, %llu was answered; contents are of unit %lld; first difference in sector "
	     "%llu: %llu, not %llu", c->res->cuts, tv->n, lsn, n, tv->h.first,
	     history_last(&tv->h), tv->committed, (long long)found, sector,
	     sector < SECTORS ? s->stamp[sector] : 0,
	     want && sector < SECTORS ? want->stamp[sector] : 0);
}

/* Is it one of the states that are possible now? */
static void judge(struct tvol *tv, const struct state *s, u64 lsn, u8 log)
{
	const struct state *want;
	u64 i;

	if (tv->new_log && log == tv->new_log) {
		for (i = tv->committed; i <= history_last(&tv->h); i++)
			if (same(s, history_state(&tv->h, i)) && lsn == tv->new_lsn)
				return;
		explain(tv, s, lsn);
		return;
	}
	if (tv->rollback && same(s, tv->rollback))
		return;
	want = history_state(&tv->h, unit_of(tv, lsn));
	if (want && unit_of(tv, lsn) >= tv->committed && same(s, want))
		return;
	explain(tv, s, lsn);
}

static struct lc_volume *attach_copy(struct tvol *tv, struct world *w, struct host *h, u8 *log)
{
	struct campaign *c = tv->c;
	struct lc_volume_params p;
	struct lc_volume *vol;
	char why[512];
	int err;

	test_params(&p, h, tv->uuid, c->dir);
	p.no_fencing = c->opts.no_cond;
	p.plant = c->opts.plant;
	memset(p.owner, 0xcc, sizeof(p.owner));
	*log = tv->log;
	memset(p.log, *log, sizeof(p.log));
	vol = attach_sync(w, &p, &err, why);
	if (!vol && err == -ESTALE && tv->new_log) {
		*log = tv->new_log;
		memset(p.log, *log, sizeof(p.log));
		vol = attach_sync(w, &p, &err, why);
	}
	if (!vol)
		fail(c, "cut %llu, volume %u: cannot be recovered: %s", c->res->cuts, tv->n, why);
	return vol;
}

static void check_snapshot(struct tvol *tv, struct world *w, struct host *h,
			   struct lc_volume *vol, const struct snap *snap)
{
	struct campaign *c = tv->c;
	struct lc_volume_params p;
	struct lc_volume *clone;
	struct state s;
	char why[512];
	u8 uuid[16];
	int err;

	test_uuid(uuid, 100);
	err = clone_sync(w, vol, snap->name, uuid);
	if (err) {
		fail(c, "cut %llu: snapshot %s cannot be cloned: %s", c->res->cuts, snap->name,
		     lc_volume_why(vol));
		return;
	}
	test_params(&p, h, uuid, c->dir);
	p.no_fencing = c->opts.no_cond;
	p.plant = c->opts.plant;
	clone = attach_sync(w, &p, &err, why);
	if (!clone) {
		fail(c, "cut %llu: clone of snapshot %s: %s", c->res->cuts, snap->name, why);
		return;
	}
	if (read_state(c, w, clone, &s) && !same(&s, &snap->content))
		fail(c, "cut %llu: snapshot %s has changed", c->res->cuts, snap->name);
	close_sync(w, clone);
	clone_gone_sync(w, vol, uuid);
	world_delete_prefix(w, "5a5a5a5a-5a5a-5a5a-5a5a-5a5a5a5a5a64");
	c->res->snapshot_checks++;
}

static void check_snapshots(struct tvol *tv, struct world *w, struct host *h,
			    struct lc_volume *vol)
{
	u32 i;

	for (i = 0; i < SNAPSHOTS; i++)
		if (tv->snaps[i].state == SNAP_THERE && !tv->c->res->failed)
			check_snapshot(tv, w, h, vol, &tv->snaps[i]);
}

/* Checkpoints are a short cut and no more: without them it has to come out the same. */
static void lose_checkpoints(struct campaign *c, struct world *w)
{
	char garbage[300] = { 0 };
	size_t i;
	bool damage = c->res->cuts % 4 == 2;

	if (c->res->cuts % 4 != 1 && !damage)
		return;
	for (i = w->nr; i; i--) {
		if (!strstr(w->objects[i - 1].key, "/map/"))
			continue;
		if (damage) {
			world_put(w, w->objects[i - 1].key, garbage, sizeof(garbage));
			break;
		}
		world_delete(w, w->objects[i - 1].key);
	}
}

/* An empty machine and the bucket as it is now. */
static void check(struct tvol *tv, bool snapshots)
{
	struct campaign *c = tv->c;
	struct lc_volume_status st;
	struct lc_volume *vol;
	struct state s;
	struct world w;
	struct host h;
	u8 log;

	world_fork(&w, &c->w);
	lose_checkpoints(c, &w);
	host_init(&h, &w);
	h.in_order = true;
	scratch_free(c->dir);
	scratch_new(c->dir, sizeof(c->dir));
	vol = attach_copy(tv, &w, &h, &log);
	if (vol) {
		lc_volume_status(vol, &st);
		if (read_state(c, &w, vol, &s))
			judge(tv, &s, st.lsn, log);
		if (snapshots && !c->res->failed)
			check_snapshots(tv, &w, &h, vol);
		close_sync(&w, vol);
	}
	world_fini(&w);
}

/* Is there an object of the newest epoch behind one that is missing? */
static bool has_hole(struct campaign *c, const char *prefix)
{
	const struct object *o = c->w.objects, *last = NULL;
	u64 seq, before = 0;
	size_t i;

	for (i = 0; i < c->w.nr; i++) {
		if (strncmp(o[i].key, prefix, strlen(prefix)) || !strstr(o[i].key, "/data/"))
			continue;
		seq = strtoull(strrchr(o[i].key, '/') + 1, NULL, 16);
		if (last && !strncmp(last->key, o[i].key, strrchr(o[i].key, '/') - o[i].key))
			if (seq != before + 1)
				return true;
		last = &o[i];
		before = seq;
	}
	return false;
}

static void changed(struct world *w, const char *key)
{
	struct campaign *c = w->data;
	bool all = !(c->res->cuts % 16);
	u32 i;

	if (c->res->failed)
		return;
	c->res->cuts++;
	for (i = 0; i < VOLUMES; i++) {
		struct tvol *tv = &c->vols[i];

		if (!tv->exists || (!all && strncmp(key, tv->prefix, 36)))
			continue;
		c->res->holes += has_hole(c, tv->prefix);
		check(tv, all);
	}
}

/*----------------------------------------------------------------
 * Sessions
 *----------------------------------------------------------------
 */

struct tunit {
	struct lc_unit unit;
	struct payload payload;
	struct session *session;
	u64 generation;
	u64 to;
};

static void unit_done(struct lc_unit *unit, int err)
{
	struct tunit *u = unit->data;
	struct session *s = u->session;
	struct tvol *tv = s->tv;

	s->units--;
	if (!err && u->generation == tv->generation) {
		if (s->replaced && u->to > s->fence)
			fail(tv->c, "volume %u: a host that was replaced got unit %llu answered, the "
			     "new one has %llu", tv->n, u->to, s->fence);
		if (u->to > tv->committed)
			tv->committed = u->to;
	}
	if (err && err != -ESTALE && err != -ECANCELED && err != -EBUSY)
		fail(tv->c, "volume %u: unit %llu: %s (%s)", tv->n, u->to, strerror(-err),
		     lc_volume_why(s->vol));
	payload_fini(&u->payload);
	free(u);
}

static void offer(struct session *s, u64 to)
{
	struct tunit *u = calloc(1, sizeof(*u));
	struct tvol *tv = s->tv;
	u64 from = s->offered;

	history_unit(&tv->h, from, to, &tv->c->rng, &u->payload);
	u->session = s;
	u->generation = tv->generation;
	u->to = to;
	u->unit = (struct lc_unit){
		.lsn_first = tv->log_base + (from - tv->h.first) * LSN_STEP,
		.lsn_end = tv->log_base + (to - tv->h.first) * LSN_STEP,
		.extents = u->payload.extents, .nr_extents = u->payload.nr,
		.done = unit_done, .data = u,
	};
	s->units++;
	s->offered = to;
	tv->c->res->units++;
	lc_volume_put(s->vol, &u->unit);
}

static void stopped(struct lc_volume *vol, int err, void *data)
{
	struct session *s = data;

	s->stopped = true;
	/* It was not the owner yet, and is attached once more. */
	if (err == -EAGAIN && s->tv->attaching)
		return;
	if (err == -ESTALE && s->replaced)
		s->tv->c->res->fenced++;
	if (err != -ESTALE || (!s->replaced && !s->tv->attaching))
		fail(s->tv->c, "volume %u stopped: %s (%s)", s->tv->n, strerror(-err),
		     lc_volume_why(vol));
}

static void step(struct campaign *c)
{
	world_run(&c->w);
}

static void closed(void *data)
{
	((struct session *)data)->closed = true;
}

static void end_session(struct session *s)
{
	struct campaign *c = s->tv->c;
	struct lc_volume_status st;

	lc_volume_status(s->vol, &st);
	c->res->deleted += st.deleted;
	c->res->copies += !!st.gc_bytes;
	lc_volume_close(s->vol, closed, s);
	while (!s->closed)
		step(c);
	scratch_free(s->dir);
	free(s);
}

static void set_int(struct lc_volume *vol, int err, void *data)
{
	*(int *)data = err;
}

static struct session *new_session(struct tvol *tv, bool new_log)
{
	struct campaign *c = tv->c;
	struct session *s = calloc(1, sizeof(*s));
	struct lc_volume_params p;

	s->tv = tv;
	s->generation = tv->generation;
	host_init(&s->host, &c->w);
	scratch_new(s->dir, sizeof(s->dir));
	test_params(&p, &s->host, tv->uuid, s->dir);
	p.no_fencing = c->opts.no_cond;
	p.plant = c->opts.plant;
	c->owner++;
	memcpy(p.owner, &c->owner, sizeof(c->owner));
	memset(p.log, new_log ? tv->new_log : tv->log, sizeof(p.log));
	p.new_log = new_log;
	p.new_lsn = new_log ? tv->new_lsn : 0;
	p.stopped = stopped;
	p.data = s;
	p.gc_target = 90;
	s->vol = lc_volume_attach(&p, set_int, &s->fence);
	return s;
}

static void add_units(struct tvol *tv);
static void gc_done(struct lc_volume *vol, int err, void *data);

/* The one that is being replaced is busy, and the new one slow at times. */
static void meanwhile(struct tvol *tv, struct session *s)
{
	struct campaign *c = tv->c;

	if (!tv->now || tv->now->stopped)
		return;
	if (s->host.held ? rng_chance(&c->rng, 10) : rng_chance(&c->rng, 100))
		s->host.held = !s->host.held;
	if (rng_chance(&c->rng, 200))
		add_units(tv);
	if (rng_chance(&c->rng, 200))
		lc_volume_gc(tv->now->vol, gc_done, tv->now);
}

/* Attach, again where the store had a bad day. */
static struct session *attach(struct tvol *tv, bool new_log)
{
	struct campaign *c = tv->c;
	struct session *s;
	unsigned int tries;
	int err;

	tv->attaching = true;
	for (tries = 0; tries < 20 && !c->res->failed; tries++) {
		s = new_session(tv, new_log);
		*(int *)&s->fence = 1;
		while (*(int *)&s->fence == 1) {
			meanwhile(tv, s);
			step(c);
			if (tv->now && tv->now->stopped)
				s->host.held = false;
		}
		s->host.held = false;
		err = *(int *)&s->fence;
		if (!err) {
			tv->attaching = false;
			return s;
		}
		if (err == -EBADMSG || err == -ENOENT)
			fail(c, "volume %u cannot be attached: %s", tv->n, lc_volume_why(s->vol));
		end_session(s);
	}
	fail(c, "volume %u could not be attached in %u tries", tv->n, tries);
	tv->attaching = false;
	return NULL;
}

/* What the new session found has to be what was answered, and goes on from there. */
static void adopt(struct tvol *tv, struct session *s)
{
	struct lc_volume_status st;
	u64 unit;

	lc_volume_status(s->vol, &st);
	unit = unit_of(tv, st.lsn);
	if (unit < tv->committed || unit > history_last(&tv->h))
		fail(tv->c, "volume %u: attached at unit %llu, %llu was answered", tv->n, unit,
		     tv->committed);
	tv->committed = unit;
	s->offered = unit;
	tv->now = s;
}

static void new_history(struct tvol *tv, u64 first, u64 lsn, const struct state *s)
{
	struct state copy = *s;

	history_fini(&tv->h);
	history_init(&tv->h, first, &copy);
	tv->log_base = lsn;
	tv->committed = first;
	tv->generation++;
}

/* The SSD is gone: what was in no unit in the bucket is lost. */
static void adopt_new_log(struct tvol *tv, struct session *s)
{
	struct campaign *c = tv->c;
	struct state got;
	u64 i;

	c->w.changed = NULL;
	if (!read_state(c, &c->w, s->vol, &got))
		return;
	c->w.changed = changed;
	for (i = tv->committed; i <= history_last(&tv->h); i++)
		if (same(&got, history_state(&tv->h, i)))
			break;
	if (i > history_last(&tv->h))
		fail(c, "volume %u: with a new SSD it is no state that was", tv->n);
	tv->log = tv->new_log;
	new_history(tv, i, tv->new_lsn, &got);
	tv->new_log = 0;
	s->generation = tv->generation;
	s->offered = i;
	tv->now = s;
}

static void wait_idle(struct session *s)
{
	while (s->units && !s->tv->c->res->failed)
		step(s->tv->c);
}

static void crash(struct tvol *tv, bool lose_ssd)
{
	struct campaign *c = tv->c;
	struct session *s = tv->now;

	c->res->crashes++;
	host_crash(&s->host);
	tv->now = NULL;
	end_session(s);
	if (lose_ssd) {
		c->res->lost_ssds++;
		tv->new_log = tv->log + 1;
		tv->new_lsn = 1000000 + rng_below(&c->rng, 1000) * 1000;
	}
	s = attach(tv, lose_ssd);
	if (!s)
		return;
	if (lose_ssd)
		adopt_new_log(tv, s);
	else
		adopt(tv, s);
}

/* Another host attaches while this one goes on. */
static void take_over(struct tvol *tv)
{
	struct campaign *c = tv->c;
	struct session *old = tv->now, *s;
	u32 i;

	for (i = 0; i < 8 && c->old[i]; i++)
		;
	if (i == 8)
		return;
	c->res->takeovers++;
	tv->attaching = true;
	s = attach(tv, false);
	if (!s)
		return;
	adopt(tv, s);
	old->replaced = true;
	old->fence = tv->committed;
	c->old[i] = old;
}

/*----------------------------------------------------------------
 * What a life is made of
 *----------------------------------------------------------------
 */

static void add_units(struct tvol *tv)
{
	struct session *s = tv->now;

	if (s->units >= UNITS_MAX)
		return;
	while (history_last(&tv->h) < s->offered + 2)
		history_add(&tv->h, &tv->c->rng);
	offer(s, s->offered + 1 + rng_chance(&tv->c->rng, 200));
}

static void old_goes_on(struct campaign *c, u32 i)
{
	struct session *s = c->old[i];

	if (!s->stopped && rng_chance(&c->rng, 950)) {
		/* It has the same SSD, as far as it knows. */
		if (s->generation == s->tv->generation && s->units < 3 &&
		    s->offered < history_last(&s->tv->h))
			offer(s, s->offered + 1);
		return;
	}
	c->old[i] = NULL;
	host_crash(&s->host);
	end_session(s);
}

static void gc_done(struct lc_volume *vol, int err, void *data)
{
	struct session *s = data;
	struct tvol *tv = s->tv;

	/* What a host that was replaced copies from may have been deleted by its successor. */
	if (err == -EBADMSG || (err == -ENOENT && !s->replaced) || err == -EINVAL)
		fail(tv->c, "volume %u: garbage collection: %s (%s)", tv->n, strerror(-err),
		     lc_volume_why(vol));
	/* Mostly until nothing is left to do: deleting comes before copying. */
	if (err == -EAGAIN && rng_chance(&tv->c->rng, 900))
		lc_volume_gc(vol, gc_done, s);
}

static struct snap *pick_snap(struct tvol *tv, enum snap_state state)
{
	u32 i = rng_below(&tv->c->rng, SNAPSHOTS);

	return tv->snaps[i].state == state ? &tv->snaps[i] : NULL;
}

static void snap_done(struct lc_volume *vol, int err, void *data)
{
	struct tvol *tv = data;
	struct snap *snap = tv->op;

	tv->op = NULL;
	if (err && err != -ECANCELED && err != -ESTALE && err != -EBUSY)
		fail(tv->c, "volume %u: snapshot %s: %s (%s)", tv->n, snap->name, strerror(-err),
		     lc_volume_why(vol));
	/* After an error it may be there or not: its name is not used again. */
	if (snap->state == SNAP_ADDING)
		snap->state = err ? SNAP_NONE : SNAP_THERE;
	else
		snap->state = SNAP_NONE;
}

static void add_snapshot(struct tvol *tv)
{
	struct snap *snap = pick_snap(tv, SNAP_NONE);
	static unsigned int names;

	if (!snap || tv->op)
		return;
	snprintf(snap->name, sizeof(snap->name), "s%u", names++);
	snap->state = SNAP_ADDING;
	snap->content = *history_state(&tv->h, tv->committed);
	tv->op = snap;
	tv->c->res->snapshots++;
	lc_volume_snapshot(tv->now->vol, snap->name, 0, snap_done, tv);
}

static void drop_snapshot(struct tvol *tv)
{
	struct snap *snap = pick_snap(tv, SNAP_THERE);

	if (!snap || tv->op)
		return;
	snap->state = SNAP_DROPPING;
	tv->op = snap;
	lc_volume_snapshot_delete(tv->now->vol, snap->name, snap_done, tv);
}

static void roll_back(struct tvol *tv)
{
	struct snap *snap = pick_snap(tv, SNAP_THERE);
	struct campaign *c = tv->c;
	u64 unit;
	int err = 1;

	if (!snap || tv->op)
		return;
	tv->rollback = &snap->content;
	lc_volume_rollback(tv->now->vol, snap->name, set_int, &err);
	while (err == 1)
		step(c);
	unit = tv->committed;
	if (!err) {
		wait_idle(tv->now);
		c->res->rollbacks++;
		new_history(tv, unit, tv->log_base + (unit - tv->h.first) * LSN_STEP,
			    &snap->content);
		tv->now->generation = tv->generation;
		tv->now->offered = unit;
	} else if (err == -EBADMSG || err == -ENOENT || err == -EIO) {
		fail(c, "volume %u: rollback: %s (%s)", tv->n, strerror(-err),
		     lc_volume_why(tv->now->vol));
	}
	tv->rollback = NULL;
	/* One that failed half way has stopped, or changed nothing. */
}

static void open_volume(struct campaign *c, u32 i, u8 n, const struct state *s)
{
	struct tvol *tv = &c->vols[i];

	tv->c = c;
	tv->n = n;
	tv->log = 1;
	test_uuid(tv->uuid, tv->n);
	lc_uuid_text(tv->prefix, tv->uuid);
	history_init(&tv->h, 0, s);
	tv->exists = true;
	tv->now = attach(tv, false);
}

static void make_clone(struct tvol *tv)
{
	struct campaign *c = tv->c;
	struct state s = *history_state(&tv->h, tv->committed);
	u8 uuid[16];
	int err = 1;
	u32 i;

	for (i = 0; i < VOLUMES && c->vols[i].exists; i++)
		;
	if (i == VOLUMES)
		return;
	/* One that failed may have been begun, and would be as of then. */
	test_uuid(uuid, ++c->last_uuid);
	lc_volume_clone(tv->now->vol, NULL, uuid, 0, set_int, &err);
	while (err == 1)
		step(c);
	if (err)
		return;
	c->res->clones++;
	open_volume(c, i, uuid[15], &s);
}

struct tread {
	struct lc_volume_read rd;
	struct tvol *tv;
	u64 committed;
	u64 generation;
	u8 buf[64 * 512];
};

/* Each sector is as some state had it between then and now. */
static void check_read(struct tread *t)
{
	struct tvol *tv = t->tv;
	u64 i, k, stamp;

	for (i = 0; i < t->rd.sectors; i++) {
		if (!stamp_read(t->buf + i * 512, &stamp)) {
			fail(tv->c, "volume %u: damaged sector %llu read", tv->n, t->rd.lba + i);
			return;
		}
		for (k = t->committed; k <= history_last(&tv->h); k++)
			if (history_state(&tv->h, k)->stamp[t->rd.lba + i] == stamp)
				break;
		if (k <= history_last(&tv->h))
			continue;
		fail(tv->c, "volume %u: stale sector %llu read: %llu", tv->n, t->rd.lba + i, stamp);
		return;
	}
}

static void read_done(struct lc_volume_read *rd, int err)
{
	struct tread *t = rd->data;
	struct tvol *tv = t->tv;

	if (!err && t->generation == tv->generation && !tv->rollback)
		check_read(t);
	if (err == -EBADMSG || err == -ENOENT)
		fail(tv->c, "volume %u: read: %s", tv->n, strerror(-err));
	tv->c->res->reads++;
	free(t);
}

static void read_some(struct tvol *tv)
{
	struct tread *t = calloc(1, sizeof(*t));

	t->tv = tv;
	t->committed = tv->committed;
	t->generation = tv->generation;
	t->rd = (struct lc_volume_read){
		.lba = rng_below(&tv->c->rng, SECTORS - 64),
		.sectors = 1 + rng_below(&tv->c->rng, 64), .buf = t->buf,
		.done = read_done, .data = t,
	};
	lc_volume_read(tv->now->vol, &t->rd);
}

static void act(struct tvol *tv)
{
	struct campaign *c = tv->c;
	u64 n = rng_below(&c->rng, 1000);

	if (tv->now->stopped) {
		crash(tv, false);
		return;
	}
	if (n < 400)
		add_units(tv);
	else if (n < 470)
		lc_volume_gc(tv->now->vol, gc_done, tv->now);
	else if (n < 490)
		add_snapshot(tv);
	else if (n < 500)
		drop_snapshot(tv);
	else if (n < 512)
		roll_back(tv);
	else if (n < 516)
		make_clone(tv);
	else if (n < 526)
		crash(tv, rng_chance(&c->rng, 300));
	else if (n < 540 && !c->opts.no_cond)
		take_over(tv);
	else if (n < 600)
		read_some(tv);
	for (n = rng_below(&c->rng, 6); n; n--)
		step(c);
}

static void finish(struct campaign *c)
{
	u32 i;

	for (i = 0; i < VOLUMES; i++)
		if (c->vols[i].now)
			end_session(c->vols[i].now);
	for (i = 0; i < 8; i++)
		if (c->old[i])
			end_session(c->old[i]);
	c->w.changed = NULL;
	while (c->w.nr_requests || c->w.nr_late)
		world_step(&c->w);
	for (i = 0; i < VOLUMES; i++)
		if (c->vols[i].exists)
			history_fini(&c->vols[i].h);
	scratch_free(c->dir);
	world_fini(&c->w);
	free(c->image);
}

void campaign_run(const struct campaign_opts *opts, struct campaign_result *res)
{
	struct campaign *c = calloc(1, sizeof(*c));
	u8 uuid[16];
	struct host h;
	u32 i;

	*res = (struct campaign_result){ 0 };
	c->opts = *opts;
	c->res = res;
	c->rng.state = opts->seed;
	c->image = malloc(BYTES);
	world_init(&c->w, opts->seed + 1);
	c->w.no_cond = opts->no_cond;
	scratch_new(c->dir, sizeof(c->dir));
	test_uuid(uuid, ++c->last_uuid);
	host_init(&h, &c->w);
	if (create_sync(&h, uuid, SECTORS, opts->no_cond))
		abort();
	c->w.faults = (struct faults){ 20, 20, 15, 15, 15 };
	c->w.data = c;
	c->w.changed = changed;
	open_volume(c, 0, 1, NULL);
	while (res->cuts < opts->cuts && !res->failed) {
		i = rng_below(&c->rng, VOLUMES);
		if (c->vols[i].now)
			act(&c->vols[i]);
		i = rng_below(&c->rng, 8);
		if (c->old[i])
			old_goes_on(c, i);
	}
	finish(c);
	free(c);
}
