// SPDX-License-Identifier: GPL-2.0-only
/* verify-bucket: every object of a volume, without owning it. */

#include <string.h>

#include <linux/string.h>

#include "bucket/verify.h"
#include "ctl.h"
#include "format.h"
#include "remote.h"
#include "scratch.h"
#include "store/loop.h"

struct verify {
	struct remote remote;
	const char *volume;
	json_t *json;		/* NULL: print */
	json_t *list;		/* of objects, NULL: not wanted */
	bool print_list;

	bool done;
	int err;
	char why[512];
	struct lc_verify_result res;
};

/*----------------------------------------------------------------
 * Objects
 *----------------------------------------------------------------
 */

static void json_of_object(json_t *list, const struct lc_verify_object *obj)
{
	json_t *o = json_object();

	json_set_str(o, "key", obj->key);
	json_set_str(o, "kind", lc_verify_kind_name(obj->kind));
	json_set_u64(o, "epoch", obj->epoch);
	json_set_u64(o, "seq", obj->seq);
	json_set_u64(o, "bytes", obj->bytes);
	json_set_u64(o, "live_bytes", obj->live_bytes);
	json_set_u64(o, "lsn_first", obj->lsn_first);
	json_set_u64(o, "lsn_end", obj->lsn_end);
	if (obj->err)
		json_set_str(o, "damage", obj->why ?: strerror(-obj->err));
	json_array_append_new(list, o);
}

static void print_object(const struct lc_verify_object *obj)
{
	char size[SIZE_TEXT];

	printf("%-6s epoch %llu seq %llu  %10s  live %3.0f %%  LSN %llu-%llu  %s\n",
	       lc_verify_kind_name(obj->kind), obj->epoch, obj->seq,
	       size_text(size, obj->bytes),
	       obj->bytes ? 100.0 * obj->live_bytes / obj->bytes : 0.0, obj->lsn_first,
	       obj->lsn_end, obj->key);
}

static void take_object(const struct lc_verify_object *obj, void *data)
{
	struct verify *v = data;

	if (v->list)
		json_of_object(v->list, obj);
	if (v->print_list)
		print_object(obj);
	if (obj->err && !v->json)
		printf("damaged: %s: %s\n", obj->key, obj->why ?: strerror(-obj->err));
	/* Without --list, what is damaged is listed all the same. */
	if (obj->err && v->json && !v->list)
		json_of_object(json_object_get(v->json, "damage"), obj);
}

/*----------------------------------------------------------------
 * The result
 *----------------------------------------------------------------
 */

static bool is_good(const struct verify *v)
{
	return !v->res.damaged && !v->res.recover_err;
}

static void print_result(const struct verify *v)
{
	const struct lc_verify_result *r = &v->res;
	char size[SIZE_TEXT], live[SIZE_TEXT];
	unsigned int i;

	printf("%s/%s: %s\n", v->remote.conf.url, v->volume,
	       is_good(v) ? "no damage" : "damaged");
	printf("  objects    %llu, %s, of which %s of data is needed (%.0f %%)\n", r->objects,
	       size_text(size, r->bytes), size_text(live, r->live_bytes),
	       r->bytes ? 100.0 * r->live_bytes / r->bytes : 0.0);
	for (i = 0; i < ARRAY_SIZE(r->kinds); i++)
		if (r->kinds[i])
			printf("    %-8s %llu\n", lc_verify_kind_name(i), r->kinds[i]);
	printf("  ends at    object %llu of epoch %llu, LSN %llu\n", r->seq, r->epoch, r->lsn);
	printf("  snapshots  %u, clones %u\n", r->snapshots, r->clones);
	if (r->strange)
		printf("  strange    %llu keys mean nothing and are not touched\n", r->strange);
	if (r->damaged)
		printf("  damaged    %llu objects; see above\n", r->damaged);
	if (r->recover_err)
		printf("  the volume cannot be brought up: %s\n", r->recover_why);
}

static void json_result(const struct verify *v)
{
	const struct lc_verify_result *r = &v->res;
	json_t *kinds = json_object();
	unsigned int i;

	json_object_set_new(v->json, "ok", json_boolean(is_good(v)));
	json_set_str(v->json, "url", v->remote.conf.url);
	json_set_str(v->json, "volume", v->volume);
	json_set_u64(v->json, "nr_objects", r->objects);
	json_set_u64(v->json, "bytes", r->bytes);
	json_set_u64(v->json, "live_bytes", r->live_bytes);
	json_set_u64(v->json, "damaged", r->damaged);
	json_set_u64(v->json, "strange", r->strange);
	json_set_u64(v->json, "seq", r->seq);
	json_set_u64(v->json, "epoch", r->epoch);
	json_set_u64(v->json, "lsn", r->lsn);
	json_set_u64(v->json, "snapshots", r->snapshots);
	json_set_u64(v->json, "clones", r->clones);
	for (i = 0; i < ARRAY_SIZE(r->kinds); i++)
		json_set_u64(kinds, lc_verify_kind_name(i), r->kinds[i]);
	json_object_set_new(v->json, "kinds", kinds);
	if (r->recover_err)
		json_set_str(v->json, "recover", r->recover_why);
}

/*----------------------------------------------------------------
 * Command
 *----------------------------------------------------------------
 */

static void finished(int err, const char *why, const struct lc_verify_result *res, void *data)
{
	struct verify *v = data;

	v->done = true;
	v->err = err;
	v->res = *res;
	strscpy(v->why, why ?: "", sizeof(v->why));
	lc_loop_stop(v->remote.loop);
}

static int run(struct verify *v)
{
	char *dir = scratch_new();

	if (!dir)
		return CTL_USAGE;
	lc_bucket_verify(v->remote.store, v->remote.conf.uuid, dir, take_object, finished, v);
	while (!v->done)
		lc_loop_run(v->remote.loop);
	scratch_remove(dir);
	if (v->err)
		return ctl_error(CTL_USAGE, "%s: volume %s: %s", v->remote.conf.url, v->volume,
				 *v->why ? v->why : strerror(-v->err));
	if (v->json)
		json_result(v);
	else
		print_result(v);
	return is_good(v) ? CTL_OK : CTL_FAILED;
}

static void want(const struct ctl *ctl, struct verify *v)
{
	v->print_list = ctl_has(ctl, "list");
	if (!ctl_has(ctl, "json"))
		return;
	v->json = json_object();
	v->list = v->print_list ? json_array() : NULL;
	v->print_list = false;
	if (v->list)
		json_object_set_new(v->json, "objects", v->list);
	else
		json_object_set_new(v->json, "damage", json_array());
}

int cmd_verify_bucket(const struct ctl *ctl)
{
	struct verify v = {};
	int ret;

	ret = remote_volume(ctl, &v.remote.conf);
	/* All that is wrong before the first look means that it cannot be checked. */
	if (ret || remote_open(&v.remote)) {
		ret = CTL_USAGE;
	} else {
		char text[UUID_TEXT];

		v.volume = uuid_text(text, v.remote.conf.uuid);
		want(ctl, &v);
		ret = run(&v);
	}
	remote_close(&v.remote);
	if (v.json && ret != CTL_USAGE)
		json_print(json_incref(v.json));
	json_decref(v.json);
	return ret;
}
