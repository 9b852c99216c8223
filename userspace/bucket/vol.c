// SPDX-License-Identifier: GPL-2.0-only
/* What the parts of a volume share: stopping, callbacks, closing, status. */

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vol.h"

void lc_vol_no_memory(void)
{
	fputs("out of memory\n", stderr);
	abort();
}

void *lc_vol_alloc(size_t size)
{
	void *p = calloc(1, size);

	if (!p)
		lc_vol_no_memory();
	return p;
}

void lc_vol_why(struct lc_volume *vol, const char *fmt, ...)
{
	char uuid[LC_UUID_TEXT];
	va_list ap;
	int n;

	n = snprintf(vol->why, sizeof(vol->why), "volume %s: ", lc_uuid_text(uuid, vol->uuid));
	va_start(ap, fmt);
	vsnprintf(vol->why + n, sizeof(vol->why) - n, fmt, ap);
	va_end(ap);
}

const char *lc_volume_why(const struct lc_volume *vol)
{
	return vol->why;
}

/*----------------------------------------------------------------
 * Callbacks
 *----------------------------------------------------------------
 */

void lc_vol_later(struct lc_volume *vol, struct lc_call *call)
{
	list_add_tail(&call->list, &vol->calls);
	lc_timer_arm(vol->loop, &vol->call_timer, 0);
}

struct answer {
	struct lc_call call;
	struct lc_volume *vol;
	lc_volume_fn done;
};

static void give_answer(struct lc_call *call)
{
	struct answer *a = container_of(call, struct answer, call);

	a->done(a->vol, call->err, call->data);
	free(a);
}

void lc_vol_answer(struct lc_volume *vol, lc_volume_fn done, void *data, int err)
{
	struct answer *a = lc_vol_alloc(sizeof(*a));

	a->call = (struct lc_call){ .fn = give_answer, .data = data, .err = err };
	a->vol = vol;
	a->done = done;
	lc_vol_later(vol, &a->call);
}

/*----------------------------------------------------------------
 * Stopping and closing
 *----------------------------------------------------------------
 */

static void cancel_all(struct lc_volume *vol)
{
	struct lc_io *io, *next;

	list_for_each_entry_safe(io, next, &vol->ios, list)
		lc_io_cancel(io);
	lc_snap_cancel(vol);
}

int lc_vol_check(struct lc_volume *vol)
{
	if (vol->closing)
		return -ECANCELED;
	if (vol->stop_err)
		return vol->stop_err;
	if (vol->mode != LC_VOLUME_ACTIVE) {
		lc_vol_why(vol, "is being attached or rolled back; try again");
		return -EBUSY;
	}
	return 0;
}

static void tell_stopped(struct lc_call *call)
{
	struct lc_volume *vol = call->data;

	if (vol->params.stopped && !vol->closing)
		vol->params.stopped(vol, call->err, vol->params.data);
	free(call);
}

void lc_vol_stop(struct lc_volume *vol, int err)
{
	struct lc_call *call;

	if (vol->stop_err || vol->closing)
		return;
	vol->stop_err = err;
	vol->mode = err == -ESTALE ? LC_VOLUME_STALE : LC_VOLUME_FAILED;
	cancel_all(vol);
	call = lc_vol_alloc(sizeof(*call));
	*call = (struct lc_call){ .fn = tell_stopped, .data = vol, .err = err };
	lc_vol_later(vol, call);
}

static void release(struct lc_volume *vol)
{
	void (*closed)(void *data) = vol->closed;
	void *data = vol->closed_data;

	lc_timer_cancel(vol->loop, &vol->call_timer);
	lc_timer_cancel(vol->loop, &vol->ckpts.timer);
	lc_gc_free(vol);
	lc_ckpt_free(vol);
	lc_mark_free(vol);
	lc_line_free(&vol->line);
	lc_manifest_free(&vol->m);
	lc_manifest_free(&vol->next);
	lc_map_close(vol->map);
	free((char *)vol->params.map_dir);
	free(vol);
	closed(data);
}

static bool all_idle(const struct lc_volume *vol)
{
	return lc_put_idle(vol) && lc_ckpt_idle(vol) && lc_gc_idle(vol);
}

static bool nothing_under_way(const struct lc_volume *vol)
{
	return list_empty(&vol->ios) && lc_snap_idle(vol);
}

void lc_vol_run_calls(struct lc_timer *t)
{
	struct lc_volume *vol = t->data;
	void (*idle)(struct lc_volume *vol) = vol->idle;
	struct lc_call *call;

	while (!list_empty(&vol->calls)) {
		call = list_first_entry(&vol->calls, struct lc_call, list);
		list_del(&call->list);
		call->fn(call);
	}
	if (idle && (all_idle(vol) || vol->closing || vol->stop_err)) {
		vol->idle = NULL;
		idle(vol);
	}
	if (!nothing_under_way(vol) || (!vol->closing && !vol->stop_err))
		return;
	lc_put_fail(vol, vol->closing ? -ECANCELED : vol->stop_err);
	lc_get_fail(vol, vol->closing ? -ECANCELED : vol->stop_err);
	if (!vol->closing)
		return;
	if (list_empty(&vol->calls) && nothing_under_way(vol) && !vol->idle)
		release(vol);
	else
		lc_timer_arm(vol->loop, &vol->call_timer, 0);
}

void lc_vol_settle(struct lc_volume *vol)
{
	if (vol->closing || vol->idle || vol->stop_err)
		lc_timer_arm(vol->loop, &vol->call_timer, 0);
}

void lc_volume_close(struct lc_volume *vol, void (*done)(void *data), void *data)
{
	vol->closing = true;
	vol->mode = LC_VOLUME_CLOSING;
	vol->closed = done;
	vol->closed_data = data;
	cancel_all(vol);
	lc_vol_settle(vol);
}

/*----------------------------------------------------------------
 * Which object is where, and who needs it
 *----------------------------------------------------------------
 */

bool lc_vol_key(const struct lc_volume *vol, u64 seq, char *key, u8 *uuid, u64 *epoch)
{
	const struct lc_run *run = lc_manifest_run(&vol->m, seq);

	if (!run)
		return false;
	memcpy(uuid, run->uuid, 16);
	*epoch = run->epoch;
	lc_key_data(key, uuid, *epoch, seq);
	return true;
}

static bool pinned_in(const struct lc_volume *vol, const struct lc_manifest *m, u64 seq,
		      u64 dead_at)
{
	u32 i;

	for (i = 0; i < m->nr_pins; i++)
		if (lc_pin_needs(&m->pins[i], &vol->line, &vol->m, seq, dead_at))
			return true;
	return false;
}

bool lc_vol_pinned(const struct lc_volume *vol, u64 seq, u64 dead_at)
{
	if (lc_planted(vol, LC_BK_PLANT_NO_PINS))
		return false;
	/* A snapshot that is on its way counts; one that is about to go as well. */
	return pinned_in(vol, &vol->m, seq, dead_at) ||
	       (vol->updating && pinned_in(vol, &vol->next, seq, dead_at));
}

int lc_vol_set_line(struct lc_volume *vol)
{
	lc_line_free(&vol->line);
	return lc_line_init(&vol->line, &vol->m, vol->committed) ? 0 : -ENOMEM;
}

/*----------------------------------------------------------------
 * Status
 *----------------------------------------------------------------
 */

static void count_pins(const struct lc_manifest *m, struct lc_volume_status *st)
{
	u32 i;

	for (i = 0; i < m->nr_pins; i++)
		if (lc_pin_is_clone(&m->pins[i]))
			st->clones++;
		else
			st->snapshots++;
}

void lc_volume_status(const struct lc_volume *vol, struct lc_volume_status *st)
{
	const struct lc_objs *objs;

	*st = vol->st;
	st->mode = vol->mode;
	st->gone = vol->gone;
	st->sectors = vol->m.sectors;
	st->epoch = vol->m.epoch;
	st->seq = vol->committed;
	st->lsn = vol->lsn;
	st->ckpt_seq = vol->ckpts.durable;
	st->puts = vol->puts.nr;
	lc_put_status(vol, st);
	count_pins(&vol->m, st);
	if (!vol->map)
		return;
	objs = lc_map_objs(vol->map);
	st->objects = objs->nr;
	st->live_bytes = objs->live * LC_BK_SECTOR;
	st->payload_bytes = objs->payload * LC_BK_SECTOR;
}

bool lc_volume_snapshot_get(const struct lc_volume *vol, u32 i, struct lc_snapshot *snap)
{
	const struct lc_pin *pin;

	if (i >= vol->m.nr_pins)
		return false;
	pin = &vol->m.pins[i];
	*snap = (struct lc_snapshot){ .created = pin->created, .seq = pin->seq };
	memcpy(snap->name, pin->name, sizeof(snap->name));
	memcpy(snap->clone, pin->clone, sizeof(snap->clone));
	return true;
}
