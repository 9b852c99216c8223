// SPDX-License-Identifier: GPL-2.0-only
/* One volume: which state it is in, and what follows from that. */

#include "serve.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <linux/kernel.h>
#include <linux/string.h>

#include "bucket_limits.h"
#include "daemon.h"
#include "download.h"
#include "log.h"
#include "store/open.h"
#include "store/retry.h"
#include "upload.h"

/* Transfers of the SSD in flight. */
#define SSD_DEPTH	64u
/* Another process has the object map open: it is waited for, but not for ever. */
#define MAP_WAIT_MS	100u
#define MAP_WAITS	20u
#define ROLLBACK_WAIT_MS 50u
#define ROLLBACK_WAITS	60u
#define BACKOFF_MS	1000u
#define BACKOFF_MAX	60000u

static void attach_due(struct lc_timer *t);

/*----------------------------------------------------------------
 * State
 *----------------------------------------------------------------
 */

const char *lc_serve_state_name(enum lc_serve_state state)
{
	static const char *const names[] = {
		[LC_SERVE_WAITING] = "waiting",
		[LC_SERVE_ATTACHING] = "attaching",
		[LC_SERVE_ACTIVE] = "active",
		[LC_SERVE_STALE] = "stale",
		[LC_SERVE_FAILED] = "failed",
	};

	return names[state];
}

__printf(3, 4)
static void set_state(struct lc_serve *sv, enum lc_serve_state state, const char *fmt, ...)
{
	va_list ap;

	sv->state = state;
	va_start(ap, fmt);
	vsnprintf(sv->why, sizeof(sv->why), fmt, ap);
	va_end(ap);
}

const char *lc_serve_reason(const struct lc_serve *sv)
{
	const char *why = sv->vol ? lc_volume_why(sv->vol) : "it was closed";
	size_t skip = strlen("volume ") + LC_UUID_TEXT - 1 + strlen(": ");

	return !strncmp(why, "volume ", 7) && strlen(why) > skip ? why + skip : why;
}

static void name_it(struct lc_serve *sv)
{
	if (*sv->info.name)
		snprintf(sv->who, sizeof(sv->who), "%s (%s)", sv->uuid_text, sv->info.name);
	else
		snprintf(sv->who, sizeof(sv->who), "%s", sv->uuid_text);
}

/* What is offered from now on, and what was, is treated another way. */
static void go(struct lc_serve *sv)
{
	if (sv->up)
		lc_upload_go(sv->up);
	if (sv->down)
		lc_download_go(sv->down);
}

/*----------------------------------------------------------------
 * When it does not work
 *----------------------------------------------------------------
 */

static void drop_volume(struct lc_serve *sv)
{
	lc_upkeep_stop(sv);
	sv->drop = true;
	lc_serve_step(sv);
}

static void back_off(struct lc_serve *sv, const char *why)
{
	uint64_t ms;

	sv->tries++;
	ms = (uint64_t)BACKOFF_MS * sv->tries * sv->tries;
	set_state(sv, LC_SERVE_ATTACHING, "%s", why);
	/* Once, and then every now and then. */
	if (sv->tries == 1 || sv->tries % 10 == 0)
		lc_log(LC_LOG_WARNING, sv->who, "cannot be attached, trying again: %s", why);
	lc_timer_arm(sv->daemon->loop, &sv->retry, min_t(uint64_t, ms, BACKOFF_MAX));
	drop_volume(sv);
}

static void give_up(struct lc_serve *sv, enum lc_serve_state state, const char *why)
{
	set_state(sv, state, "%s", why);
	lc_log(LC_LOG_ERROR, sv->who, "%s", why);
	drop_volume(sv);
	go(sv);
}

/* If it was only another process of this host, the kernel has told us by now. */
static void verdict_due(struct lc_timer *t)
{
	struct lc_serve *sv = t->data;
	char why[sizeof(sv->why)];

	if (!sv->claimed || sv->stopping || lc_serve_hopeless(sv))
		return;
	snprintf(why, sizeof(why),
		 "%.300s; this host has stopped writing, and what is dirty stays on the SSD. %s",
		 sv->why, sv->missing ?
		 "If the volume is in the store, see that it can be read, and restart logcached" :
		 "Look which host is to have the volume, and take the device down on the other one");
	give_up(sv, LC_SERVE_STALE, why);
}

static void suspect(struct lc_serve *sv)
{
	struct lc_volume_status st;

	lc_volume_status(sv->vol, &st);
	sv->missing = st.gone;
	set_state(sv, LC_SERVE_ATTACHING, "%s", lc_serve_reason(sv));
	drop_volume(sv);
	lc_channel_poke(sv->ch);
	lc_timer_arm(sv->daemon->loop, &sv->verdict, 0);
}

static void no_fencing_text(struct lc_serve *sv, char *why, size_t max)
{
	snprintf(why, max,
		 "the store has no conditional PUTs (%s), so that nothing would keep two hosts from writing the volume and destroying it. If only this host ever attaches it, put 'no_fencing = true' into %s/%s%s and reload",
		 lc_serve_reason(sv), sv->daemon->conf_dir, sv->uuid_text, LC_CONF_SUFFIX);
}

/* The bucket has refused, or the volume has stopped. */
static void failed(struct lc_serve *sv, int err)
{
	char why[sizeof(sv->why)];

	snprintf(why, sizeof(why), "%s", lc_serve_reason(sv));
	switch (err) {
	case -ESTALE:
		suspect(sv);
		break;
	case -EOPNOTSUPP:
		no_fencing_text(sv, why, sizeof(why));
		give_up(sv, LC_SERVE_FAILED, why);
		break;
	case -EBADMSG:
	case -EINVAL:
		give_up(sv, LC_SERVE_FAILED, why);
		break;
	default:
		back_off(sv, *why ? why : strerror(-err));
	}
}

/*----------------------------------------------------------------
 * Attaching
 *----------------------------------------------------------------
 */

void lc_serve_set_limits(struct lc_serve *sv)
{
	if (sv->store)
		lc_rates_apply(&sv->conf.rates, lc_store_retry_limits(sv->store),
			       lc_loop_now(sv->daemon->loop));
}

static bool open_store(struct lc_serve *sv, char *why)
{
	struct lc_retry_cfg cfg;
	struct lc_store *bare;

	if (sv->store)
		return true;
	bare = lc_store_open(sv->daemon->loop, &sv->conf.store, why);
	if (!bare)
		return false;
	lc_retry_cfg_init(&cfg);
	sv->store = lc_store_retry_new(bare, &cfg);
	if (!sv->store) {
		bare->ops->free(bare);
		snprintf(why, LC_STORE_WHY_MAX, "out of memory");
		return false;
	}
	lc_store_retry_share(sv->store, &sv->bucket->share);
	lc_serve_set_limits(sv);
	return true;
}

static bool open_ssd(struct lc_serve *sv, char *why)
{
	const struct lc_volume_info *i = &sv->info;

	if (sv->ssd)
		return true;
	sv->ssd = lc_ssd_open(sv->daemon->loop, i->cache_major, i->cache_minor,
			      i->scratch_start, i->scratch_sectors, SSD_DEPTH, why);
	sv->ssd_info = *i;
	return sv->ssd;
}

static bool wrong_ssd(const struct lc_serve *sv)
{
	const struct lc_volume_info *a = &sv->ssd_info, *b = &sv->info;

	return sv->ssd && (a->cache_major != b->cache_major || a->cache_minor != b->cache_minor ||
			   a->scratch_start != b->scratch_start);
}

/* For as long as the daemon has the volume. */
static bool make_buffers(struct lc_serve *sv)
{
	sv->up = sv->up ?: lc_upload_new(sv);
	sv->down = sv->down ?: lc_download_new(sv);
	return sv->up && sv->down;
}

static u64 gc_delay(void *data, u64 bytes)
{
	return lc_upkeep_gc_delay(data, bytes);
}

static void stopped(struct lc_volume *vol, int err, void *data)
{
	struct lc_serve *sv = data;

	/* An attach that fails says so itself. */
	if (vol == sv->vol && lc_serve_active(sv))
		failed(sv, err);
}

static bool wrong_cache(const struct lc_serve *sv)
{
	return memcmp(sv->attached_cache, sv->info.cache_uuid, sizeof(sv->attached_cache));
}

/*
 * What is uploaded was in the log before. If the SSD does not know of it, LSNs that are in
 * the bucket are given to new writes, which would then be taken for uploaded.
 */
static bool bucket_ahead(const struct lc_serve *sv, const struct lc_volume_status *st,
			 char *why, size_t max)
{
	if (st->lsn <= sv->log_end)
		return false;
	snprintf(why, max,
		 "the bucket has the log up to LSN %llu, but the log of the SSD ended at %llu when the device was activated: the SSD has lost something, or is an older copy. Put the right one back, or make an empty SSD the new cache (logcachectl recover); what was written since then is on this SSD only",
		 st->lsn, (unsigned long long)sv->log_end);
	return true;
}

/* What does not fit cannot be helped by waiting. */
static bool fits(struct lc_serve *sv, const struct lc_volume_status *st, char *why, size_t max)
{
	const struct lc_volume_info *i = &sv->info;

	if (st->sectors < i->sectors) {
		snprintf(why, max,
			 "the device has %llu sectors and the volume in the bucket only %llu; give the device the size of the volume, or make the volume larger (logcachectl grow --offline)",
			 (unsigned long long)i->sectors, st->sectors);
		return false;
	}
	/* It grows in the bucket first. */
	if (st->sectors > i->sectors)
		lc_log(LC_LOG_NOTICE, sv->who,
		       "the volume in the bucket has %llu sectors and the device only %llu, which does no harm; logcachectl grow makes it as large",
		       st->sectors, (unsigned long long)i->sectors);
	if (st->lsn < i->clean_lsn) {
		snprintf(why, max,
			 "the bucket has the log up to LSN %llu, but the SSD remembers that everything up to %llu was uploaded: the bucket has lost something, or is an older copy. Put it back, or make an empty SSD the new cache (logcachectl recover)",
			 st->lsn, (unsigned long long)i->clean_lsn);
		return false;
	}
	return !bucket_ahead(sv, st, why, max);
}

static void attached(struct lc_volume *vol, int err, void *data)
{
	struct lc_serve *sv = data;
	struct lc_volume_status st;
	char why[sizeof(sv->why)];

	if (sv->drop || sv->stopping || !sv->claimed || wrong_cache(sv))
		return;
	if (err) {
		failed(sv, err);
		return;
	}
	lc_volume_status(vol, &st);
	if (!fits(sv, &st, why, sizeof(why))) {
		give_up(sv, LC_SERVE_FAILED, why);
		return;
	}
	/* From now on it grows with what we upload. */
	sv->log_end = UINT64_MAX;
	sv->tries = 0;
	set_state(sv, LC_SERVE_ACTIVE, "%s", "");
	lc_log(LC_LOG_NOTICE, sv->who, "in %s, epoch %llu, LSN %llu: active",
	       sv->conf.url, st.epoch, st.lsn);
	lc_upkeep_start(sv);
	go(sv);
}

static void set_params(struct lc_serve *sv, struct lc_volume_params *p)
{
	*p = (struct lc_volume_params){
		.store = sv->store,
		.new_lsn = sv->info.clean_lsn,
		.no_fencing = sv->conf.no_fencing,
		.map_dir = sv->map.path,
		.gc_target = sv->conf.gc_target,
		.gc_delay = gc_delay,
		.stopped = stopped,
		.data = sv,
	};
	memcpy(p->uuid, sv->conf.uuid, sizeof(p->uuid));
	memcpy(p->log, sv->info.cache_uuid, sizeof(p->log));
	memcpy(p->new_after, sv->conf.after, sizeof(p->new_after));
	p->new_log = !memcmp(sv->conf.cache, p->log, sizeof(p->log));
}

static bool attach_with(struct lc_serve *sv, struct lc_volume_params *p, lc_volume_fn done)
{
	if (getrandom(p->owner, sizeof(p->owner), 0) != sizeof(p->owner))
		return false;
	memcpy(sv->attached_cache, p->log, sizeof(sv->attached_cache));
	lc_mapdir_opening();
	sv->vol = lc_volume_attach(p, done, sv);
	lc_mapdir_opened(&sv->map);
	return sv->vol;
}

static int lock_map(struct lc_serve *sv)
{
	int err = lc_mapdir_lock(&sv->map, sv->daemon->state_dir, sv->uuid_text,
				 sv->map_tries >= MAP_WAITS);

	sv->map_tries = err == -EAGAIN ? sv->map_tries + 1 : 0;
	return err;
}

static void attach(struct lc_serve *sv)
{
	char why[LC_STORE_WHY_MAX] = "out of memory";
	struct lc_volume_params params;
	int err;

	if (sv->state != LC_SERVE_ATTACHING)
		set_state(sv, LC_SERVE_ATTACHING, "reading the bucket");
	if (!make_buffers(sv) || !open_ssd(sv, why) || !open_store(sv, why)) {
		back_off(sv, why);
		return;
	}
	err = lock_map(sv);
	if (err == -EAGAIN) {
		lc_timer_arm(sv->daemon->loop, &sv->retry, MAP_WAIT_MS);
		return;
	}
	if (err) {
		snprintf(why, sizeof(why), "no directory for the object map in %.100s: %s",
			 sv->daemon->state_dir, strerror(-err));
		back_off(sv, why);
		return;
	}
	sv->drop = false;
	set_params(sv, &params);
	if (!attach_with(sv, &params, attached)) {
		lc_mapdir_unlock(&sv->map);
		back_off(sv, why);
	}
}

/*----------------------------------------------------------------
 * What is to be done next
 *----------------------------------------------------------------
 */

static bool items_idle(const struct lc_serve *sv)
{
	return (!sv->up || lc_upload_idle(sv->up)) && (!sv->down || lc_download_idle(sv->down));
}

static void closed(void *data)
{
	struct lc_serve *sv = data;

	sv->vol = NULL;
	sv->closing = false;
	sv->drop = false;
	lc_upkeep_stop(sv);
	lc_mapdir_unlock(&sv->map);
	if (sv->up)
		lc_upload_reset(sv->up);
	if (sv->down)
		lc_download_reset(sv->down);
	lc_serve_step(sv);
}

static void close_volume(struct lc_serve *sv)
{
	if (sv->closing)
		return;
	sv->closing = true;
	lc_upkeep_stop(sv);
	lc_volume_close(sv->vol, closed, sv);
}

static void step_stopping(struct lc_serve *sv)
{
	/* The deadline frees the channel, too. */
	if (sv->ch && !items_idle(sv))
		return;
	lc_channel_free(sv->ch);
	sv->ch = NULL;
	sv->claimed = false;
	if (sv->vol)
		close_volume(sv);
	else if (items_idle(sv) && (!sv->ssd || !lc_ssd_busy(sv->ssd)))
		sv->gone(sv);
}

static void step(struct lc_timer *t)
{
	struct lc_serve *sv = t->data;

	/* A rollback ends first, and comes back here. */
	if (sv->stopping && !sv->rollback) {
		step_stopping(sv);
		return;
	}
	if (sv->rolling || sv->stopping)
		return;
	if (sv->vol && (sv->drop || !sv->claimed || wrong_cache(sv))) {
		close_volume(sv);
		return;
	}
	if (sv->ssd && (!sv->claimed || wrong_ssd(sv))) {
		if (!items_idle(sv) || lc_ssd_busy(sv->ssd))
			return;
		lc_ssd_close(sv->ssd);
		sv->ssd = NULL;
	}
	if (sv->claimed && !sv->vol && !sv->retry.at && !sv->verdict.at && !sv->rollback &&
	    !lc_serve_hopeless(sv))
		attach(sv);
}

void lc_serve_step(struct lc_serve *sv)
{
	lc_timer_arm(sv->daemon->loop, &sv->step, 0);
}

static void attach_due(struct lc_timer *t)
{
	lc_serve_step(t->data);
}

/*----------------------------------------------------------------
 * What the kernel says
 *----------------------------------------------------------------
 */

static void void_items(struct lc_serve *sv)
{
	if (sv->up)
		lc_upload_void(sv->up);
	if (sv->down)
		lc_download_void(sv->down);
}

static void no_buffers(struct lc_serve *sv)
{
	lc_log(LC_LOG_ERROR, sv->who,
	       "no memory for buffers (%s): nothing is uploaded or fetched; make room, and reload",
	       strerror(errno));
}

/*
 * With another cache under it, or the same one on another device, everything begins anew,
 * when what is in flight has ended.
 */
static void other_cache(struct lc_serve *sv)
{
	if (!sv->vol || sv->rolling || (!wrong_cache(sv) && !wrong_ssd(sv)))
		return;
	sv->drop = true;
	if (sv->state == LC_SERVE_ACTIVE)
		set_state(sv, LC_SERVE_ATTACHING, "it has another cache now");
}

/*
 * As early as we can know it, before new writes make up for what is missing. Somebody else
 * may have uploaded more while the volume was not ours.
 */
static void note_log_end(struct lc_serve *sv, const struct lc_volume_info *info)
{
	if (!sv->claimed || info->activation != sv->info.activation)
		sv->log_end = info->published_lsn;
}

static void claimed(struct lc_channel *ch, const struct lc_volume_info *info)
{
	struct lc_serve *sv = lc_channel_data(ch);

	void_items(sv);
	note_log_end(sv, info);
	sv->info = *info;
	sv->claimed = true;
	name_it(sv);
	lc_log(LC_LOG_INFO, sv->who, "is ours: activation %" PRIu64 ", clean up to LSN %" PRIu64,
	       info->activation, info->clean_lsn);
	other_cache(sv);
	if (!make_buffers(sv))
		no_buffers(sv);
	lc_serve_step(sv);
}

static void upload(struct lc_channel *ch, const struct lc_upload_item *item)
{
	struct lc_serve *sv = lc_channel_data(ch);

	if (sv->stopping)
		return;
	if (sv->up && sv->down)
		lc_upload_offer(sv->up, item);
	else
		lc_channel_uploaded(ch, item->id, LC_ITEM_AGAIN);
}

static void fetch(struct lc_channel *ch, const struct lc_fetch_item *item)
{
	struct lc_serve *sv = lc_channel_data(ch);

	if (sv->stopping)
		return;
	if (sv->up && sv->down)
		lc_download_offer(sv->down, item);
	else
		lc_channel_fetched(ch, item->id, LC_ITEM_AGAIN, NULL, 0);
}

static void lost(struct lc_channel *ch, int error, const char *why)
{
	struct lc_serve *sv = lc_channel_data(ch);

	/* Also if it is ours again before we get to it: somebody may have had it meanwhile. */
	sv->claimed = false;
	sv->drop = true;
	void_items(sv);
	lc_timer_cancel(sv->daemon->loop, &sv->retry);
	sv->tries = 0;
	lc_log(LC_LOG_NOTICE, sv->who, "%s", error == -ENOENT ? "the device is gone" :
	       error == -ESTALE ? "another process of this host has it now" : why);
	if (!lc_serve_hopeless(sv))
		set_state(sv, LC_SERVE_WAITING, "%s", error == -ESTALE ?
			  "another process of this host has it" : "its device is not there");
	lc_serve_step(sv);
}

static const struct lc_channel_ops channel_ops = {
	.claimed = claimed,
	.upload = upload,
	.fetch = fetch,
	.lost = lost,
};

void lc_serve_refused(struct lc_serve *sv, const char *what, int err)
{
	if (err == -ENOENT)
		return;
	if (err != -ESTALE)
		lc_log(LC_LOG_WARNING, sv->who, "the kernel refused %s: %s", what,
		       lc_channel_why(sv->ch));
	lc_channel_poke(sv->ch);
}

/*----------------------------------------------------------------
 * Rollback
 *----------------------------------------------------------------
 */

static void rollback_over(struct lc_serve *sv)
{
	struct lc_rollback *rb = sv->rollback;

	sv->rollback = NULL;
	sv->rolling = false;
	lc_serve_step(sv);
	rb->done(rb);
}

static void rollback_closed(void *data)
{
	closed(data);
	rollback_over(data);
}

static void rollback_end(struct lc_serve *sv, int err)
{
	struct lc_rollback *rb = sv->rollback;

	/* It was given up, which ended what was under way. */
	if (sv->closing)
		return;
	rb->err = err;
	if (err)
		snprintf(rb->why, sizeof(rb->why), "%s", lc_serve_reason(sv));
	sv->closing = true;
	lc_volume_close(sv->vol, rollback_closed, sv);
}

static void rolled_back(struct lc_volume *vol, int err, void *data)
{
	rollback_end(data, err);
}

static void rollback_attached(struct lc_volume *vol, int err, void *data)
{
	struct lc_serve *sv = data;
	struct lc_volume_status st;

	if (err) {
		rollback_end(sv, err);
		return;
	}
	lc_volume_status(vol, &st);
	if (st.lsn == LC_FIRST_LSN) {
		lc_volume_rollback(vol, sv->rollback->name, rolled_back, sv);
		return;
	}
	rollback_end(sv, -EINVAL);
	snprintf(sv->rollback->why, sizeof(sv->rollback->why),
		 "that cache has written the volume already; format it anew for a rollback");
}

/* 0, or why it cannot begin. */
static int rollback_begin(struct lc_serve *sv, struct lc_rollback *rb)
{
	struct lc_volume_params p;
	int err;

	if (!open_store(sv, rb->why))
		return -EIO;
	err = lc_mapdir_lock(&sv->map, sv->daemon->state_dir, sv->uuid_text, true);
	if (err) {
		snprintf(rb->why, sizeof(rb->why), "no directory for the object map: %s",
			 strerror(-err));
		return err;
	}
	set_params(sv, &p);
	memcpy(p.log, rb->cache, sizeof(p.log));
	p.new_log = true;
	memset(p.new_after, 0, sizeof(p.new_after));
	p.new_lsn = LC_FIRST_LSN;
	p.gc_delay = NULL;
	sv->rolling = true;
	if (attach_with(sv, &p, rollback_attached))
		return 0;
	lc_mapdir_unlock(&sv->map);
	snprintf(rb->why, sizeof(rb->why), "out of memory");
	return -ENOMEM;
}

/* The store may not answer for a long time. */
static void give_up_rollback(struct lc_serve *sv)
{
	if (!sv->rolling || sv->closing)
		return;
	lc_log(LC_LOG_NOTICE, sv->who, "stops before the rollback to snapshot %s has ended",
	       sv->rollback->name);
	rollback_end(sv, -ECANCELED);
	snprintf(sv->rollback->why, sizeof(sv->rollback->why),
		 "logcached ended before the store had answered; try again");
}

/* That the device is gone may not have been noticed yet; or the volume is being closed. */
static void rollback_due(struct lc_timer *t)
{
	struct lc_rollback *rb = t->data;
	struct lc_serve *sv = rb->sv;

	if ((sv->claimed || sv->vol) && !sv->stopping && rb->waits++ < ROLLBACK_WAITS) {
		lc_timer_arm(sv->daemon->loop, t, ROLLBACK_WAIT_MS);
		return;
	}
	if (sv->claimed || sv->vol || sv->stopping) {
		snprintf(rb->why, sizeof(rb->why), "the volume is in use; remove its device first");
		rb->err = -EBUSY;
	} else {
		rb->err = rollback_begin(sv, rb);
	}
	if (rb->err)
		rollback_over(sv);
}

void lc_serve_rollback(struct lc_serve *sv, struct lc_rollback *rb)
{
	rb->sv = sv;
	rb->wait = (struct lc_timer){ .expired = rollback_due, .data = rb };
	if (sv->rollback || sv->stopping) {
		snprintf(rb->why, sizeof(rb->why), "the volume is busy; try again");
		rb->err = -EBUSY;
		rb->done(rb);
		return;
	}
	sv->rollback = rb;
	lc_channel_poke(sv->ch);
	lc_timer_arm(sv->daemon->loop, &rb->wait, ROLLBACK_WAIT_MS);
}

/*----------------------------------------------------------------
 * Start and stop
 *----------------------------------------------------------------
 */

void lc_serve_retry(struct lc_serve *sv)
{
	if (sv->state == LC_SERVE_FAILED)
		set_state(sv, sv->claimed ? LC_SERVE_ATTACHING : LC_SERVE_WAITING, "trying again");
	sv->tries = 0;
	lc_timer_cancel(sv->daemon->loop, &sv->retry);
	lc_serve_step(sv);
}

static void deadline_due(struct lc_timer *t)
{
	struct lc_serve *sv = t->data;

	if (sv->ch && !items_idle(sv))
		lc_log(LC_LOG_NOTICE, sv->who,
		       "stops before everything in flight has ended; the next process gets it");
	lc_channel_free(sv->ch);
	sv->ch = NULL;
	sv->claimed = false;
	void_items(sv);
	give_up_rollback(sv);
	lc_serve_step(sv);
}

void lc_serve_stop(struct lc_serve *sv, uint64_t patience_ms, void (*gone)(struct lc_serve *sv))
{
	sv->stopping = true;
	sv->gone = gone;
	lc_timer_cancel(sv->daemon->loop, &sv->retry);
	lc_timer_cancel(sv->daemon->loop, &sv->verdict);
	lc_timer_arm(sv->daemon->loop, &sv->deadline, patience_ms);
	lc_serve_step(sv);
}

static void init_timer(struct lc_serve *sv, struct lc_timer *t, void (*fn)(struct lc_timer *t))
{
	*t = (struct lc_timer){ .expired = fn, .data = sv };
}

struct lc_serve *lc_serve_new(struct lc_daemon *daemon, const struct lc_conf *conf,
			      bool takeover)
{
	struct lc_serve *sv = calloc(1, sizeof(*sv));

	if (!sv)
		return NULL;
	sv->daemon = daemon;
	sv->conf = *conf;
	sv->file_rates = conf->rates;
	sv->map.fd = -1;
	lc_uuid_text(sv->uuid_text, conf->uuid);
	name_it(sv);
	init_timer(sv, &sv->retry, attach_due);
	init_timer(sv, &sv->verdict, verdict_due);
	init_timer(sv, &sv->deadline, deadline_due);
	init_timer(sv, &sv->step, step);
	lc_upkeep_init(sv);
	set_state(sv, LC_SERVE_WAITING, "its device is not there");
	sv->bucket = lc_bucket_limits_of(daemon, &conf->store);
	if (sv->bucket)
		sv->ch = lc_channel_new(daemon->loop, conf->uuid, takeover, &channel_ops, sv);
	if (!sv->ch) {
		free(sv);
		return NULL;
	}
	return sv;
}

void lc_serve_free(struct lc_serve *sv)
{
	struct lc_loop *loop = sv->daemon->loop;

	lc_timer_cancel(loop, &sv->retry);
	lc_timer_cancel(loop, &sv->verdict);
	lc_timer_cancel(loop, &sv->deadline);
	lc_timer_cancel(loop, &sv->step);
	lc_upkeep_stop(sv);
	lc_ssd_close(sv->ssd);
	lc_upload_free(sv->up);
	lc_download_free(sv->down);
	if (sv->store)
		sv->store->ops->free(sv->store);
	free(sv);
}
