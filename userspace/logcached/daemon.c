// SPDX-License-Identifier: GPL-2.0-only
/* The volumes of the daemon: which there are, by the files of volumes.d. */

#include "daemon.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bucket_limits.h"
#include "log.h"

/* So long what is in flight is waited for. */
#define PATIENCE_MS	10000u

struct lc_serve *lc_daemon_find(struct lc_daemon *d, const uint8_t uuid[16])
{
	struct lc_serve *sv;

	list_for_each_entry(sv, &d->volumes, list)
		if (!memcmp(sv->conf.uuid, uuid, sizeof(sv->conf.uuid)))
			return sv;
	return NULL;
}

static bool load(struct lc_daemon *d, const uint8_t uuid[16], struct lc_conf *conf)
{
	char why[LC_STORE_WHY_MAX] = "", text[LC_UUID_TEXT];
	int err = lc_conf_load(conf, d->conf_dir, uuid, why);

	if (err)
		lc_log(LC_LOG_ERROR, lc_uuid_text(text, uuid), "%s", *why ? why : strerror(-err));
	return !err;
}

static void add(struct lc_daemon *d, const struct lc_conf *conf)
{
	struct lc_serve *sv = lc_serve_new(d, conf, d->takeover);
	char text[LC_UUID_TEXT];

	if (sv)
		list_add_tail(&sv->list, &d->volumes);
	else
		lc_log(LC_LOG_ERROR, lc_uuid_text(text, conf->uuid),
		       "no netlink socket: %s", strerror(errno));
}

/*----------------------------------------------------------------
 * Ending
 *----------------------------------------------------------------
 */

/* What was set for the one before, unless the file has changed it. */
static void keep_rates(struct lc_daemon *d, const uint8_t uuid[16], const struct lc_rates *rates,
		       struct lc_rates *file)
{
	struct lc_serve *sv = lc_daemon_find(d, uuid);
	struct lc_rates now = *rates;

	if (!sv)
		return;
	lc_rates_reload(&now, file, &sv->file_rates);
	sv->conf.rates = now;
}

static void gone(struct lc_serve *sv)
{
	struct lc_daemon *d = sv->daemon;
	struct lc_rates rates = sv->conf.rates, file = sv->file_rates;
	bool again = sv->again && !d->stopping;
	struct lc_conf conf;
	uint8_t uuid[16];

	memcpy(uuid, sv->conf.uuid, sizeof(uuid));
	list_del(&sv->list);
	lc_serve_free(sv);
	if (again && load(d, uuid, &conf)) {
		add(d, &conf);
		keep_rates(d, uuid, &rates, &file);
	}
	if (d->stopping && list_empty(&d->volumes))
		lc_loop_stop(d->loop);
}

void lc_daemon_stop(struct lc_daemon *d)
{
	uint64_t patience = d->stopping ? 0 : PATIENCE_MS;
	struct lc_serve *sv;

	d->stopping = true;
	list_for_each_entry(sv, &d->volumes, list)
		lc_serve_stop(sv, patience, gone);
	if (list_empty(&d->volumes))
		lc_loop_stop(d->loop);
}

/*----------------------------------------------------------------
 * Reading volumes.d
 *----------------------------------------------------------------
 */

/* All of it but the limits, which can be changed while it runs. */
static bool same(const struct lc_conf *a, const struct lc_conf *b)
{
	return !strcmp(a->url, b->url) && !memcmp(&a->store, &b->store, sizeof(a->store)) &&
	       !memcmp(a->cache, b->cache, sizeof(a->cache)) &&
	       !memcmp(a->after, b->after, sizeof(a->after)) && a->no_fencing == b->no_fencing &&
	       a->gc_target == b->gc_target && a->upload_memory == b->upload_memory;
}

static void replace(struct lc_serve *sv)
{
	sv->again = true;
	lc_serve_stop(sv, PATIENCE_MS, gone);
}

/* It may have been stopped a moment ago: then it comes again. */
static void look_at(const uint8_t uuid[16], void *data)
{
	struct lc_daemon *d = data;
	struct lc_serve *sv = lc_daemon_find(d, uuid);
	struct lc_conf conf;

	if (!load(d, uuid, &conf)) {
		if (sv)
			sv->seen = true;
		return;
	}
	if (!sv) {
		add(d, &conf);
		sv = lc_daemon_find(d, uuid);
		if (sv)
			sv->seen = true;
		return;
	}
	sv->seen = true;
	if (sv->stopping || !same(&sv->conf, &conf)) {
		replace(sv);
		return;
	}
	lc_rates_reload(&sv->conf.rates, &sv->file_rates, &conf.rates);
	conf.rates = sv->conf.rates;
	sv->conf = conf;
	lc_serve_set_limits(sv);
	lc_serve_retry(sv);
}

void lc_daemon_reload(struct lc_daemon *d)
{
	struct lc_serve *sv;
	int err;

	if (d->stopping)
		return;
	lc_bucket_limits_reload(d);
	list_for_each_entry(sv, &d->volumes, list)
		sv->seen = false;
	err = lc_conf_each(d->conf_dir, look_at, d);
	if (err) {
		lc_log(LC_LOG_ERROR, NULL, "%s cannot be read: %s", d->conf_dir, strerror(-err));
		return;
	}
	lc_bucket_limits_warn(d);
	list_for_each_entry(sv, &d->volumes, list) {
		if (sv->seen)
			continue;
		sv->again = false;
		lc_serve_stop(sv, PATIENCE_MS, gone);
	}
}
