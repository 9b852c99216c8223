// SPDX-License-Identifier: GPL-2.0-only

#include "upkeep.h"

#include <errno.h>

#include "daemon.h"
#include "download.h"
#include "log.h"
#include "upload.h"

/* Between two looks for garbage, and between two steps of collecting it. */
#define LOOK_MS		10000u
#define STEP_MS		50u
/* So long a volume may go on that somebody has deleted. */
#define DELETED_MS	60000u
/* Copying is as fast as this while somebody waits, and as the limits are otherwise. */
#define BUSY_KIB_S	(16u << 10)

static struct lc_loop *loop_of(const struct lc_serve *sv)
{
	return sv->daemon->loop;
}

/* The timers are armed no more once the volume is being closed: @sv may be freed then. */
static bool goes_on(const struct lc_serve *sv, const struct lc_volume *vol)
{
	return vol == sv->vol && lc_serve_active(sv) && !sv->closing && !sv->stopping;
}

uint64_t lc_upkeep_gc_delay(struct lc_serve *sv, uint64_t bytes)
{
	struct lc_download_status down;
	struct lc_upload_status up;

	lc_upload_status(sv->up, &up);
	lc_download_status(sv->down, &down);
	return up.units || down.fetches ? bytes * 1000 / (BUSY_KIB_S << 10) : 0;
}

static void step_done(struct lc_volume *vol, int err, void *data)
{
	struct lc_serve *sv = data;
	struct lc_volume_status st;

	sv->upkeep.gc_busy = false;
	if (!goes_on(sv, vol))
		return;
	if (!err) {
		lc_volume_status(vol, &st);
		sv->upkeep.gc_seq = st.seq;
	} else if (err != -EAGAIN && err != -EBUSY && err != -ECANCELED && err != -ESTALE) {
		lc_log(LC_LOG_WARNING, sv->who, "garbage cannot be collected now: %s",
		       lc_serve_reason(sv));
	}
	lc_timer_arm(loop_of(sv), &sv->upkeep.gc, err == -EAGAIN ? STEP_MS : LOOK_MS);
}

static void gc_due(struct lc_timer *t)
{
	struct lc_serve *sv = t->data;
	struct lc_volume_status st;

	if (!goes_on(sv, sv->vol))
		return;
	lc_volume_status(sv->vol, &st);
	if (st.seq == sv->upkeep.gc_seq) {
		lc_timer_arm(loop_of(sv), t, LOOK_MS);
		return;
	}
	sv->upkeep.gc_busy = true;
	lc_volume_gc(sv->vol, step_done, sv);
}

static void look_later(struct lc_serve *sv)
{
	lc_timer_arm(loop_of(sv), &sv->upkeep.owner,
		     sv->conf.no_fencing ? LC_UPKEEP_OWNER_MS : DELETED_MS);
}

/* Another owner is told of by lc_volume_params.stopped. */
static void checked(struct lc_volume *vol, int err, void *data)
{
	struct lc_serve *sv = data;

	(void)err;
	sv->upkeep.owner_busy = false;
	if (goes_on(sv, vol))
		look_later(sv);
}

static void owner_due(struct lc_timer *t)
{
	struct lc_serve *sv = t->data;

	if (!goes_on(sv, sv->vol))
		return;
	sv->upkeep.owner_busy = true;
	lc_volume_check_owner(sv->vol, checked, sv);
}

void lc_upkeep_init(struct lc_serve *sv)
{
	sv->upkeep.gc = (struct lc_timer){ .expired = gc_due, .data = sv };
	sv->upkeep.owner = (struct lc_timer){ .expired = owner_due, .data = sv };
}

void lc_upkeep_start(struct lc_serve *sv)
{
	sv->upkeep.gc_seq = UINT64_MAX;
	if (!sv->upkeep.gc_busy)
		lc_timer_arm(loop_of(sv), &sv->upkeep.gc, LOOK_MS);
	if (!sv->upkeep.owner_busy)
		look_later(sv);
}

void lc_upkeep_stop(struct lc_serve *sv)
{
	lc_timer_cancel(loop_of(sv), &sv->upkeep.gc);
	lc_timer_cancel(loop_of(sv), &sv->upkeep.owner);
}
