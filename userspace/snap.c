// SPDX-License-Identifier: GPL-2.0-only
/* snapshot, snapshots, snapshot-delete, clone, clone-gone */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bucket/manifest.h"
#include "change.h"
#include "control.h"
#include "ctl.h"
#include "mkcache.h"
#include "online.h"
#include "origin.h"
#include "remote.h"
#include "vol_arg.h"

void help_offline(FILE *out)
{
	fputs("\nVOL is the name of a device that runs, or the UUID of a volume this host knows.\n"
	      "The logcached that has the volume does it. --offline is for a volume that does not\n"
	      "run anywhere: this command becomes its owner for a moment. If another host has it\n"
	      "after all, that host stops writing: its users see errors.\n", out);
}

void help_snapshot(FILE *out)
{
	fputs("\nThe snapshot has every write that was acknowledged before the command: they are\n"
	      "uploaded first. It costs one request, whatever the size. Writes go on meanwhile;\n"
	      "freeze a file system on the volume if it is to be clean (fsfreeze).\n", out);
	help_offline(out);
}

/* All that was acknowledged until now into the store, if there is a device. */
static int upload(const struct ctl *ctl, const struct vol_arg *v)
{
	const char *text = ctl_get(ctl, "timeout");
	u64 timeout = 0;

	if (text && (!parse_u64(text, &timeout) || timeout > 0x7fffffff))
		return ctl_error(CTL_USAGE, "%s: --timeout is a number of seconds, not '%s'",
				 ctl->cmd->name, text);
	if (!v->name || ctl_has(ctl, "no-flush"))
		return CTL_OK;
	return write_back(v->name, "flush", timeout);
}

static int check_name(const struct ctl *ctl, const char *name)
{
	const char *p;

	for (p = name; (unsigned char)*p > ' ' && *p != 0x7f; p++)
		;
	if (*p || !*name || p - name >= LC_PIN_NAME)
		return ctl_error(CTL_USAGE,
				 "%s: '%s': a snapshot's name has 1 to %u characters, none of them a space",
				 ctl->cmd->name, name, LC_PIN_NAME - 1);
	return CTL_OK;
}

/* VOL [NAME], and what to do with it. */
static int with_volume(const struct ctl *ctl,
		       int (*fn)(const struct ctl *ctl, const struct vol_arg *v))
{
	struct vol_arg v = {};
	int ret = vol_arg_find(&v, ctl_arg(ctl, 0));

	ret = ret ?: fn(ctl, &v);
	vol_arg_free(&v);
	return ret;
}

/*----------------------------------------------------------------
 * Snapshots
 *----------------------------------------------------------------
 */

static int keep_state(const struct ctl *ctl, const struct vol_arg *v)
{
	struct change c = { .kind = CHANGE_SNAPSHOT, .name = ctl_arg(ctl, 1) };
	int ret = check_name(ctl, c.name) ?: upload(ctl, v) ?: change_make(ctl, v, &c);

	if (!ret)
		printf("%s: snapshot %s is in the store.\n", v->name ?: v->text, c.name);
	return ret;
}

int cmd_snapshot(const struct ctl *ctl)
{
	return with_volume(ctl, keep_state);
}

static int snapshot_delete(const struct ctl *ctl, const struct vol_arg *v)
{
	struct change c = { .kind = CHANGE_SNAPSHOT_DELETE, .name = ctl_arg(ctl, 1) };

	return change_make(ctl, v, &c);
}

int cmd_snapshot_delete(const struct ctl *ctl)
{
	return with_volume(ctl, snapshot_delete);
}

static void pin_time(char *text, size_t len, u64 created)
{
	time_t t = created;
	struct tm tm;

	if (!gmtime_r(&t, &tm) || !strftime(text, len, "%Y-%m-%d %H:%M:%S", &tm))
		snprintf(text, len, "?");
}

static void print_pin(const struct lc_pin *pin)
{
	char when[32], clone[UUID_TEXT];

	pin_time(when, sizeof(when), pin->created);
	if (lc_pin_is_clone(pin))
		printf("clone     %s  %10llu  %s%s%s\n", when, pin->seq,
		       uuid_text(clone, pin->clone), *pin->name ? " of " : "", pin->name);
	else
		printf("snapshot  %s  %10llu  %s\n", when, pin->seq, pin->name);
}

static void json_pin(json_t *list, const struct lc_pin *pin)
{
	json_t *o = json_object();
	char text[UUID_TEXT];

	json_set_str(o, "name", pin->name);
	if (lc_pin_is_clone(pin))
		json_set_str(o, "uuid", uuid_text(text, pin->clone));
	json_set_u64(o, "created", pin->created);
	json_set_u64(o, "seq", pin->seq);
	json_array_append_new(list, o);
}

static void show_pins(const struct lc_manifest *m, bool json)
{
	json_t *o = json ? json_object() : NULL, *list[2];
	u32 i;

	if (o) {
		list[0] = json_array();
		list[1] = json_array();
		json_object_set_new(o, "snapshots", list[0]);
		json_object_set_new(o, "clones", list[1]);
	} else {
		printf("%-8s  %-19s  %10s  NAME\n", "KIND", "CREATED (UTC)", "OBJECT");
	}
	for (i = 0; i < m->nr_pins; i++) {
		if (o)
			json_pin(list[lc_pin_is_clone(&m->pins[i])], &m->pins[i]);
		else
			print_pin(&m->pins[i]);
	}
	if (o)
		json_print(o);
}

/* From the bucket: that needs no owner. */
static int snapshots(const struct ctl *ctl, const struct vol_arg *v)
{
	struct remote r = {};
	struct lc_manifest m;
	int ret;

	ret = remote_load(&r.conf, v->uuid) ?: remote_open(&r) ?:
	      remote_manifest(&r, v->uuid, &m);
	if (!ret) {
		show_pins(&m, ctl_has(ctl, "json"));
		lc_manifest_free(&m);
	}
	remote_close(&r);
	return ret;
}

int cmd_snapshots(const struct ctl *ctl)
{
	return with_volume(ctl, snapshots);
}

/*----------------------------------------------------------------
 * Clones
 *----------------------------------------------------------------
 */

void help_clone(FILE *out)
{
	fputs("\nThe clone is a volume of its own beside the first. It begins as the snapshot,\n"
	      "or as the volume is now, and shares its objects: both cost only what is written later.\n"
	      "When it is deleted one day (delete), clone-gone tells the parent.\n",
	      out);
	help_offline(out);
}

struct clone {
	struct mkcache mk;		/* with --cache */
	struct lc_conf conf;
	struct remote remote;
	char text[UUID_TEXT];
	char helper[ORIGIN_HELPER_NAME];
};

/* The size of the parent, that is the clone's. */
static int size_of_parent(struct clone *c, const struct vol_arg *v)
{
	struct lc_manifest m;
	int ret;

	c->remote.conf = c->conf;
	ret = remote_open(&c->remote) ?: remote_manifest(&c->remote, v->uuid, &m);
	if (ret)
		return ret;
	c->mk.origin_sectors = m.sectors;
	lc_manifest_free(&m);
	return CTL_OK;
}

static int prepare_cache(const struct ctl *ctl, struct clone *c, const struct vol_arg *v)
{
	int ret;

	c->mk.helper = true;
	c->mk.origin_id = c->helper;
	ret = mkcache_segment_size(ctl, &c->mk.seg_bytes);
	if (!ret && !device_open(&c->mk.dev, ctl_get(ctl, "cache"), DEVICE_WRITE))
		ret = CTL_FAILED;
	if (!ret && !ctl_has(ctl, "force"))
		ret = mkcache_may_overwrite(&c->mk.dev);
	return ret ?: size_of_parent(c, v) ?: mkcache_lay_out(&c->mk) ?:
	       mkcache_ask(ctl, &c->mk.dev);
}

static int check_cache_options(const struct ctl *ctl)
{
	static const char * const names[] = { "segment-size", "force", "yes" };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(names); i++)
		if (ctl_has(ctl, names[i]) && !ctl_has(ctl, "cache"))
			return ctl_error(CTL_USAGE, "clone: --%s is for --cache", names[i]);
	return CTL_OK;
}

/* Where the parent is, with a uuid of its own. */
static int name_clone(struct clone *c, const struct vol_arg *v)
{
	int ret = remote_load(&c->conf, v->uuid) ?: uuid_random(c->conf.uuid);

	memset(c->conf.cache, 0, sizeof(c->conf.cache));
	memset(c->conf.after, 0, sizeof(c->conf.after));
	uuid_text(c->text, c->conf.uuid);
	origin_helper_of(c->helper, c->conf.uuid);
	return ret;
}

static int write_cache(struct clone *c, bool cache)
{
	int ret;

	if (cache)
		memcpy(c->conf.cache, c->mk.geo.uuid, sizeof(c->conf.cache));
	ret = remote_save(&c->conf);
	if (!ret && cache)
		ret = mkcache_write(&c->mk);
	if (ret)
		return ctl_error(ret,
				 "the clone is in the store; go on with: logcachectl recover --cache DEV --origin %s --volume %s",
				 c->conf.url, c->text);
	return control_reload();
}

static void say_clone(const struct clone *c, bool cache)
{
	if (cache) {
		mkcache_say(&c->mk);
		printf("Start it with:\n  logcachectl create NAME --cache %s\n", c->mk.dev.path);
	} else {
		printf("Clone %s is in the store. Give it a cache with:\n"
		       "  logcachectl recover --cache DEV --volume %s\n", c->text, c->text);
	}
}

static int make_clone(const struct ctl *ctl, const struct vol_arg *v, struct clone *c)
{
	struct change ch = {
		.kind = CHANGE_CLONE, .name = ctl_get(ctl, "snapshot"), .other = c->conf.uuid,
	};
	bool cache = ctl_has(ctl, "cache");
	int ret;

	ret = check_cache_options(ctl) ?: name_clone(c, v);
	if (!ret && ch.name)
		ret = check_name(ctl, ch.name);
	if (!ret && cache)
		ret = prepare_cache(ctl, c, v);
	if (!ret && !ch.name)
		ret = upload(ctl, v);
	ret = ret ?: change_make(ctl, v, &ch) ?: write_cache(c, cache);
	if (!ret)
		say_clone(c, cache);
	return ret;
}

static int clone_volume(const struct ctl *ctl, const struct vol_arg *v)
{
	struct clone c = { .mk.dev.fd = -1 };
	int ret = make_clone(ctl, v, &c);

	remote_close(&c.remote);
	device_close(&c.mk.dev);
	return ret;
}

int cmd_clone(const struct ctl *ctl)
{
	return with_volume(ctl, clone_volume);
}

/*----------------------------------------------------------------
 * clone-gone
 *----------------------------------------------------------------
 */

void help_clone_gone(FILE *out)
{
	fputs("\nUUID is the clone. Objects that it shares with VOL are kept for it until VOL is\n"
	      "told that it is gone; refused while the clone has a manifest in the store.\n", out);
	help_offline(out);
}

/* Objects it needs would be deleted. */
static int still_there(const struct vol_arg *v, const u8 uuid[16])
{
	struct remote r = {};
	char text[UUID_TEXT];
	bool there = false;
	int ret;

	ret = remote_load(&r.conf, v->uuid) ?: remote_open(&r) ?: remote_has(&r, uuid, &there);
	if (!ret && there)
		ret = ctl_error(CTL_FAILED,
				"%s: clone %s is there; delete it first: logcachectl delete --volume %s",
				r.conf.url, uuid_text(text, uuid), text);
	remote_close(&r);
	return ret;
}

static int clone_gone(const struct ctl *ctl, const struct vol_arg *v)
{
	u8 uuid[16];
	struct change c = { .kind = CHANGE_CLONE_GONE, .other = uuid };

	if (!uuid_parse(ctl_arg(ctl, 1), uuid))
		return ctl_error(CTL_USAGE, "clone-gone: '%s' is no UUID", ctl_arg(ctl, 1));
	return still_there(v, uuid) ?: change_make(ctl, v, &c);
}

int cmd_clone_gone(const struct ctl *ctl)
{
	return with_volume(ctl, clone_gone);
}
