// SPDX-License-Identifier: GPL-2.0-only

#include "command.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <linux/kernel.h>
#include <linux/string.h>

#include "bucket_limits.h"
#include "daemon.h"
#include "log.h"
#include "metrics.h"

/* Garbage is being collected already. */
#define GC_WAIT_MS	50u

/*----------------------------------------------------------------
 * Answers
 *----------------------------------------------------------------
 */

static void answer(struct lc_request *rq, json_t *out)
{
	rq->out = out ?: json_pack("{s:s, s:i}", "error", "out of memory", "errno", ENOMEM);
	rq->done(rq);
}

static void answer_ok(struct lc_request *rq)
{
	answer(rq, json_pack("{s:b}", "ok", 1));
}

__printf(3, 4)
static void answer_error(struct lc_request *rq, int err, const char *fmt, ...)
{
	char text[640];
	json_t *out = json_object();
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	json_object_set_new(out, "error", json_string(text) ?: json_string("unreadable"));
	json_object_set_new(out, "errno", json_integer(-err));
	answer(rq, out);
}

/* Of the bucket; the volume may be on its way out. */
static void answer_volume(struct lc_volume *vol, int err, void *data)
{
	struct lc_request *rq = data;

	if (!err)
		answer_ok(rq);
	else if (err == -ECANCELED)
		answer_error(rq, -EAGAIN, "the volume was closed meanwhile");
	else
		answer_error(rq, err, "%s", lc_volume_why(vol));
}

/*----------------------------------------------------------------
 * What is in a request
 *----------------------------------------------------------------
 */

static const char *text_of(const struct lc_request *rq, const char *key)
{
	return json_string_value(json_object_get(rq->in, key));
}

static bool uuid_of(const struct lc_request *rq, const char *key, u8 uuid[16])
{
	const char *text = text_of(rq, key);

	return text && lc_conf_uuid(text, uuid);
}

static u64 now_s(void)
{
	return time(NULL);
}

/* NULL: it was answered. */
static struct lc_serve *volume_of(struct lc_request *rq)
{
	struct lc_serve *sv = NULL;

	if (!uuid_of(rq, "volume", rq->uuid)) {
		answer_error(rq, -EINVAL, "'volume' is not a uuid");
		return NULL;
	}
	sv = lc_daemon_find(rq->daemon, rq->uuid);
	if (!sv)
		answer_error(rq, -ENOENT, "no volume %s here: no file in %s",
			     text_of(rq, "volume"), rq->daemon->conf_dir);
	return sv;
}

static struct lc_serve *active_of(struct lc_request *rq)
{
	struct lc_serve *sv = volume_of(rq);

	if (!sv || (lc_serve_active(sv) && !sv->closing && !sv->drop))
		return sv;
	answer_error(rq, -EAGAIN, "the volume is not attached (%s): %s",
		     lc_serve_state_name(sv->state), sv->why);
	return NULL;
}

static const char *name_of(struct lc_request *rq)
{
	const char *name = text_of(rq, "name");

	if (!name)
		answer_error(rq, -EINVAL, "'name' is missing");
	return name;
}

/*----------------------------------------------------------------
 * Looking
 *----------------------------------------------------------------
 */

static void status(struct lc_request *rq)
{
	json_t *volumes = json_array();
	struct lc_serve *sv;

	if (text_of(rq, "volume")) {
		sv = volume_of(rq);
		if (!sv) {
			json_decref(volumes);
			return;
		}
		json_array_append_new(volumes, lc_metrics_volume(sv));
	} else {
		list_for_each_entry(sv, &rq->daemon->volumes, list)
			json_array_append_new(volumes, lc_metrics_volume(sv));
	}
	answer(rq, json_pack("{s:b, s:i, s:s, s:o, s:o}", "ok", 1, "pid", (int)getpid(),
			     "version", LC_VERSION, "volumes", volumes,
			     "buckets", lc_metrics_buckets(rq->daemon)));
}

static void metrics(struct lc_request *rq)
{
	answer(rq, json_pack("{s:b, s:o}", "ok", 1, "text", lc_metrics_text(rq->daemon)));
}

static void add_snapshot(json_t *snapshots, json_t *clones, const struct lc_snapshot *s)
{
	static const u8 none[16];
	char text[LC_UUID_TEXT];
	json_t *o = json_object();
	bool clone = memcmp(s->clone, none, sizeof(none));

	if (clone)
		json_object_set_new(o, "uuid", json_string(lc_uuid_text(text, s->clone)));
	json_object_set_new(o, "name", json_string_nocheck(s->name));
	json_object_set_new(o, "created", json_integer(s->created));
	json_object_set_new(o, "seq", json_integer(s->seq));
	json_array_append_new(clone ? clones : snapshots, o);
}

static void snapshots(struct lc_request *rq)
{
	struct lc_serve *sv = active_of(rq);
	json_t *list, *clones;
	struct lc_snapshot s;
	u32 i;

	if (!sv)
		return;
	list = json_array();
	clones = json_array();
	for (i = 0; lc_volume_snapshot_get(sv->vol, i, &s); i++)
		add_snapshot(list, clones, &s);
	answer(rq, json_pack("{s:b, s:o, s:o}", "ok", 1, "snapshots", list, "clones", clones));
}

/*----------------------------------------------------------------
 * Changing the bucket
 *----------------------------------------------------------------
 */

static void snapshot(struct lc_request *rq)
{
	struct lc_serve *sv = active_of(rq);
	const char *name = sv ? name_of(rq) : NULL;

	if (name)
		lc_volume_snapshot(sv->vol, name, now_s(), answer_volume, rq);
}

static void snapshot_delete(struct lc_request *rq)
{
	struct lc_serve *sv = active_of(rq);
	const char *name = sv ? name_of(rq) : NULL;

	if (name)
		lc_volume_snapshot_delete(sv->vol, name, answer_volume, rq);
}

/* An active volume and the clone that is meant; otherwise NULL, and it is answered. */
static struct lc_serve *clone_of(struct lc_request *rq, u8 uuid[16])
{
	struct lc_serve *sv = active_of(rq);

	if (!sv || uuid_of(rq, "uuid", uuid))
		return sv;
	answer_error(rq, -EINVAL, "'uuid' is not one");
	return NULL;
}

static void clone(struct lc_request *rq)
{
	u8 uuid[16];
	struct lc_serve *sv = clone_of(rq, uuid);

	if (sv)
		lc_volume_clone(sv->vol, text_of(rq, "name"), uuid, now_s(), answer_volume, rq);
}

static void clone_gone(struct lc_request *rq)
{
	u8 uuid[16];
	struct lc_serve *sv = clone_of(rq, uuid);

	if (sv)
		lc_volume_clone_gone(sv->vol, uuid, answer_volume, rq);
}

static void grow(struct lc_request *rq)
{
	json_t *sectors = json_object_get(rq->in, "sectors");
	struct lc_serve *sv = active_of(rq);

	if (!sv)
		return;
	if (json_integer_value(sectors) <= 0)
		answer_error(rq, -EINVAL, "'sectors' is not a number of them");
	else
		lc_volume_grow(sv->vol, json_integer_value(sectors), answer_volume, rq);
}

static void checkpoint(struct lc_request *rq)
{
	struct lc_serve *sv = active_of(rq);

	if (sv)
		lc_volume_checkpoint(sv->vol, answer_volume, rq);
}

static void check(struct lc_request *rq)
{
	struct lc_serve *sv = active_of(rq);

	if (sv)
		lc_volume_check_owner(sv->vol, answer_volume, rq);
}

static void gc_step(struct lc_volume *vol, int err, void *data)
{
	struct lc_request *rq = data;

	if (err == -EAGAIN || err == -EBUSY)
		lc_timer_arm(rq->daemon->loop, &rq->again, err == -EBUSY ? GC_WAIT_MS : 0);
	else
		answer_volume(vol, err, rq);
}

static void gc(struct lc_request *rq)
{
	struct lc_serve *sv = active_of(rq);

	if (sv)
		lc_volume_gc(sv->vol, gc_step, rq);
}

/* The volume may have gone meanwhile, so it is looked for again. */
static void gc_again(struct lc_timer *t)
{
	gc(t->data);
}

static void rollback_done(struct lc_rollback *rb)
{
	struct lc_request *rq = rb->data;

	if (rb->err)
		answer_error(rq, rb->err, "%s", rb->why);
	else
		answer_ok(rq);
}

static void rollback(struct lc_request *rq)
{
	struct lc_serve *sv = volume_of(rq);
	const char *name = sv ? name_of(rq) : NULL;

	if (!name)
		return;
	if (!uuid_of(rq, "cache", rq->rollback.cache)) {
		answer_error(rq, -EINVAL, "'cache' is not a uuid");
		return;
	}
	strscpy(rq->rollback.name, name, sizeof(rq->rollback.name));
	rq->rollback.done = rollback_done;
	rq->rollback.data = rq;
	lc_serve_rollback(sv, &rq->rollback);
}

/*----------------------------------------------------------------
 * The daemon
 *----------------------------------------------------------------
 */

static void set_of_bucket(struct lc_request *rq, const char *name, const char *key,
			  const char *value)
{
	struct lc_bucket_limits *b = lc_bucket_limits_find(rq->daemon, name);
	char why[LC_STORE_WHY_MAX];

	if (!b) {
		answer_error(rq, -ENOENT, "no volume here is in bucket '%.256s'", name);
		return;
	}
	if (lc_bucket_limits_set(b, key, value, why)) {
		answer_error(rq, -EINVAL, "%s", why);
		return;
	}
	lc_log(LC_LOG_INFO, b->name, "%s is %s until %s is read again", key, value,
	       rq->daemon->conf_file);
	answer_ok(rq);
}

static void set_of_volume(struct lc_request *rq, const char *key, const char *value)
{
	struct lc_serve *sv = volume_of(rq);
	char why[LC_STORE_WHY_MAX];

	if (!sv)
		return;
	if (lc_rates_set(&sv->conf.rates, key, value, why)) {
		answer_error(rq, -EINVAL, "%s", why);
		return;
	}
	lc_serve_set_limits(sv);
	lc_log(LC_LOG_INFO, sv->who, "%s is %s until its file is read again", key, value);
	answer_ok(rq);
}

static void set(struct lc_request *rq)
{
	const char *key = text_of(rq, "key"), *value = text_of(rq, "value");
	const char *bucket = text_of(rq, "bucket");

	if (!key || !value)
		answer_error(rq, -EINVAL, "'key' and 'value' are texts");
	else if (bucket)
		set_of_bucket(rq, bucket, key, value);
	else
		set_of_volume(rq, key, value);
}

static void reload(struct lc_request *rq)
{
	lc_daemon_reload(rq->daemon);
	answer_ok(rq);
}

static const struct command {
	const char *name;
	void (*run)(struct lc_request *rq);
} commands[] = {
	{ "status", status },
	{ "metrics", metrics },
	{ "snapshots", snapshots },
	{ "snapshot", snapshot },
	{ "snapshot-delete", snapshot_delete },
	{ "rollback", rollback },
	{ "clone", clone },
	{ "clone-gone", clone_gone },
	{ "grow", grow },
	{ "checkpoint", checkpoint },
	{ "gc", gc },
	{ "check", check },
	{ "set", set },
	{ "reload", reload },
};

void lc_command_run(struct lc_request *rq)
{
	const char *name = text_of(rq, "cmd");
	unsigned int i;

	rq->again = (struct lc_timer){ .expired = gc_again, .data = rq };
	if (rq->daemon->stopping) {
		answer_error(rq, -EAGAIN, "logcached is ending");
		return;
	}
	for (i = 0; name && i < ARRAY_SIZE(commands); i++) {
		if (!strcmp(name, commands[i].name)) {
			commands[i].run(rq);
			return;
		}
	}
	answer_error(rq, -EINVAL, "no command '%.64s'", name ?: "");
}
