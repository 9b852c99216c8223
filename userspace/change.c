// SPDX-License-Identifier: GPL-2.0-only
#include "change.h"

#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bucket/manifest.h"
#include "bucket/volume.h"
#include "control.h"
#include "ctl.h"
#include "remote.h"
#include "scratch.h"
#include "store/loop.h"
#include "vol_arg.h"

/*----------------------------------------------------------------
 * By logcached
 *----------------------------------------------------------------
 */

static const char * const commands[] = {
	[CHANGE_SNAPSHOT] = "snapshot",
	[CHANGE_SNAPSHOT_DELETE] = "snapshot-delete",
	[CHANGE_ROLLBACK] = "rollback",
	[CHANGE_CLONE] = "clone",
	[CHANGE_CLONE_GONE] = "clone-gone",
	[CHANGE_GROW] = "grow",
};

static json_t *request_of(const struct vol_arg *v, const struct change *c)
{
	json_t *request = control_request(commands[c->kind], v->uuid);
	char text[UUID_TEXT];

	if (c->name)
		json_set_str(request, "name", c->name);
	if (c->other)
		json_set_str(request, c->kind == CHANGE_ROLLBACK ? "cache" : "uuid",
			     uuid_text(text, c->other));
	if (c->sectors)
		json_set_u64(request, "sectors", c->sectors);
	return request;
}

/* What logcached had of a device that has just gone takes a moment to be put away. */
#define BUSY_MS		200
#define BUSY_TRIES	300

static int ask(const struct vol_arg *v, const struct change *c)
{
	json_t *request = request_of(v, c), *answer = NULL;
	unsigned int tries = 0;
	int ret;

	for (;;) {
		ret = control_try(request, &answer);
		if (ret != -EBUSY || ++tries == BUSY_TRIES)
			break;
		json_decref(answer);
		usleep(BUSY_MS * 1000);
	}
	if (ret < 0 && ret != -ENOTCONN)
		ret = control_refused(request, answer);
	json_decref(answer);
	json_decref(request);
	return ret;
}

static int online(const struct ctl *ctl, const struct vol_arg *v, const struct change *c)
{
	int ret = ask(v, c);

	if (ret != -ENOTCONN)
		return ret;
	return ctl_error(CTL_FAILED,
			 "%s: no logcached runs that could do it: systemctl start logcached. Or %s --offline, which takes the volume over for a moment: a host that has it now stops writing it",
			 v->name ?: v->text, ctl->cmd->name);
}

/*----------------------------------------------------------------
 * By this process
 *----------------------------------------------------------------
 */

/* Of a cache that was just formatted. */
#define FIRST_LSN	1

struct offline {
	struct remote remote;
	struct lc_volume_params params;
	struct lc_volume *vol;
	bool done;
	int err;
};

static void answered(struct lc_volume *vol __maybe_unused, int err, void *data)
{
	struct offline *o = data;

	o->done = true;
	o->err = err;
	lc_loop_stop(o->remote.loop);
}

static int wait_answer(struct offline *o)
{
	while (!o->done)
		lc_loop_run(o->remote.loop);
	o->done = false;
	return o->err;
}

static void closed(void *data)
{
	answered(NULL, 0, data);
}

/* The reason names the volume. */
static int failed(const struct offline *o, const struct vol_arg *v)
{
	const char *why = lc_volume_why(o->vol);

	if (*why)
		return ctl_error(CTL_FAILED, "%s", why);
	return ctl_error(CTL_FAILED, "volume %s: %s", v->text, strerror(-o->err));
}

/*
 * The cache that wrote last goes on as if nothing had happened. Behind a rollback it is
 * the new one. A volume that nobody has written is written by nobody.
 */
static int choose_log(struct offline *o, const struct change *c)
{
	const struct lc_run *head;
	struct lc_manifest m;
	int ret;

	ret = remote_manifest(&o->remote, o->remote.conf.uuid, &m);
	if (ret)
		return ret;
	head = lc_manifest_head(&m);
	o->params.new_log = !head || c->kind == CHANGE_ROLLBACK;
	o->params.new_lsn = FIRST_LSN;
	if (c->kind == CHANGE_ROLLBACK)
		memcpy(o->params.log, c->other, sizeof(o->params.log));
	else if (head)
		memcpy(o->params.log, head->log, sizeof(o->params.log));
	else
		ret = uuid_random(o->params.log);
	lc_manifest_free(&m);
	return ret;
}

static int attach(struct offline *o, const struct vol_arg *v, const char *dir)
{
	struct lc_volume_params *p = &o->params;
	int ret = uuid_random(p->owner);

	if (ret)
		return ret;
	p->store = o->remote.store;
	memcpy(p->uuid, v->uuid, sizeof(p->uuid));
	p->no_fencing = o->remote.conf.no_fencing;
	p->map_dir = dir;
	o->vol = lc_volume_attach(p, answered, o);
	if (!o->vol)
		return ctl_error(CTL_FAILED, "out of memory");
	return wait_answer(o) ? failed(o, v) : CTL_OK;
}

static int apply(struct offline *o, const struct vol_arg *v, const struct change *c)
{
	u64 now = time(NULL);

	switch (c->kind) {
	case CHANGE_SNAPSHOT:
		lc_volume_snapshot(o->vol, c->name, now, answered, o);
		break;
	case CHANGE_SNAPSHOT_DELETE:
		lc_volume_snapshot_delete(o->vol, c->name, answered, o);
		break;
	case CHANGE_ROLLBACK:
		lc_volume_rollback(o->vol, c->name, answered, o);
		break;
	case CHANGE_CLONE:
		lc_volume_clone(o->vol, c->name, c->other, now, answered, o);
		break;
	case CHANGE_CLONE_GONE:
		lc_volume_clone_gone(o->vol, c->other, answered, o);
		break;
	case CHANGE_GROW:
		lc_volume_grow(o->vol, c->sectors, answered, o);
		break;
	}
	return wait_answer(o) ? failed(o, v) : CTL_OK;
}

static void detach(struct offline *o)
{
	if (!o->vol)
		return;
	lc_volume_close(o->vol, closed, o);
	wait_answer(o);
}

static int owned(struct offline *o, const struct vol_arg *v, const struct change *c)
{
	char *dir = scratch_new();
	int ret;

	if (!dir)
		return CTL_FAILED;
	ret = attach(o, v, dir) ?: apply(o, v, c);
	detach(o);
	scratch_remove(dir);
	return ret;
}

static int run_offline(const struct vol_arg *v, const struct change *c)
{
	struct offline o = {};
	int ret;

	if (v->name)
		return ctl_error(CTL_USAGE, "%s: runs; --offline is for volumes that do not",
				 v->name);
	ret = remote_load(&o.remote.conf, v->uuid) ?: remote_open(&o.remote) ?:
	      choose_log(&o, c) ?: owned(&o, v, c);
	remote_close(&o.remote);
	return ret;
}

int change_make(const struct ctl *ctl, const struct vol_arg *v, const struct change *c)
{
	return ctl_has(ctl, "offline") ? run_offline(v, c) : online(ctl, v, c);
}
