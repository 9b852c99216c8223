// SPDX-License-Identifier: GPL-2.0-only
/* volumes, recover: volumes in a store, whoever wrote them. */

#include <stdlib.h>
#include <string.h>

#include <linux/string.h>

#include "bucket/key.h"
#include "bucket/manifest.h"
#include "control.h"
#include "ctl.h"
#include "dm.h"
#include "mkcache.h"
#include "origin.h"
#include "remote.h"
#include "vol_arg.h"

/*----------------------------------------------------------------
 * volumes
 *----------------------------------------------------------------
 */

/* From the listing, which is in the order of keys: one volume after the other. */
struct found {
	u8 uuid[16];
	u64 objects;
	u64 bytes;
	bool manifest;
};

struct found_list {
	unsigned int nr;
	struct found *v;
};

static bool found_key(struct lc_store_req *req, const char *key, uint64_t size)
{
	struct found_list *list = req->data;
	char text[UUID_TEXT] = "";
	struct found *last;
	u8 uuid[16];

	strscpy(text, key, UUID_TEXT);
	if (key[strcspn(key, "/")] != '/' || !uuid_parse(text, uuid) || key[UUID_TEXT - 1] != '/')
		return true;
	if (!list->nr || memcmp(list->v[list->nr - 1].uuid, uuid, 16)) {
		list->v = xrealloc(list->v, (list->nr + 1) * sizeof(*list->v));
		list->v[list->nr] = (struct found){};
		memcpy(list->v[list->nr++].uuid, uuid, 16);
	}
	last = &list->v[list->nr - 1];
	last->objects++;
	last->bytes += size;
	last->manifest |= !strcmp(key + UUID_TEXT, "manifest");
	return true;
}

static int find_volumes(struct remote *r, struct found_list *list)
{
	struct lc_store_req req = { .op = LC_STORE_LIST, .list = found_key, .data = list };

	if (lc_store_wait(r->store, &req) == LC_STORE_OK)
		return CTL_OK;
	return ctl_error(CTL_FAILED, "%s: %s", r->conf.url, req.why);
}

static void count_pins(const struct lc_manifest *m, u64 *snapshots, u64 *clones)
{
	u32 i;

	*clones = 0;
	for (i = 0; i < m->nr_pins; i++)
		*clones += lc_pin_is_clone(&m->pins[i]);
	*snapshots = m->nr_pins - *clones;
}

static void print_volume(const struct found *f, const struct lc_manifest *m)
{
	char uuid[UUID_TEXT], cache[UUID_TEXT] = "-", size[SIZE_TEXT], stored[SIZE_TEXT];
	u64 snapshots, clones;

	count_pins(m, &snapshots, &clones);
	if (m->nr_runs)
		uuid_text(cache, lc_manifest_head(m)->log);
	printf("%s %10s %10s %8llu %6llu %9llu  %s\n", uuid_text(uuid, f->uuid),
	       size_text(size, m->sectors << LC_SECTOR_SHIFT), size_text(stored, f->bytes),
	       f->objects, m->epoch, snapshots, cache);
}

static void json_volume(json_t *list, const struct found *f, const struct lc_manifest *m)
{
	u64 snapshots, clones;
	json_t *o = json_object();
	char text[UUID_TEXT];

	count_pins(m, &snapshots, &clones);
	json_set_str(o, "uuid", uuid_text(text, f->uuid));
	json_set_u64(o, "sectors", m->sectors);
	json_set_u64(o, "created", m->created);
	json_set_u64(o, "epoch", m->epoch);
	json_set_u64(o, "objects", f->objects);
	json_set_u64(o, "bytes", f->bytes);
	json_set_u64(o, "snapshots", snapshots);
	json_set_u64(o, "clones", clones);
	if (m->nr_runs)
		json_set_str(o, "cache", uuid_text(text, lc_manifest_head(m)->log));
	json_array_append_new(list, o);
}

/* One that cannot be read is said so, and the others are shown all the same. */
static int show_volume(struct remote *r, const struct found *f, json_t *list)
{
	struct lc_manifest m;
	char text[UUID_TEXT];
	int ret;

	if (!f->manifest)
		return ctl_error(CTL_FAILED,
				 "%s: %s: %llu objects, but no manifest; logcachectl delete --force removes them, which no clone may need",
				 r->conf.url, uuid_text(text, f->uuid), f->objects);
	ret = remote_manifest(r, f->uuid, &m);
	if (ret)
		return ret;
	if (list)
		json_volume(list, f, &m);
	else
		print_volume(f, &m);
	lc_manifest_free(&m);
	return CTL_OK;
}

static int show_volumes(struct remote *r, json_t *json)
{
	struct found_list list = {};
	int ret = find_volumes(r, &list), one;
	unsigned int i;

	if (!json)
		printf("%-36s %10s %10s %8s %6s %9s  %s\n", "VOLUME", "SIZE", "STORED", "OBJECTS",
		       "EPOCH", "SNAPSHOTS", "WRITTEN BY CACHE");
	for (i = 0; i < list.nr; i++) {
		one = show_volume(r, &list.v[i], json);
		ret = ret ?: one;
	}
	free(list.v);
	return ret;
}

int cmd_volumes(const struct ctl *ctl)
{
	json_t *json = ctl_has(ctl, "json") ? json_array() : NULL;
	static const u8 none[16];
	struct remote r = {};
	int ret;

	ret = remote_options(ctl, &r.conf, none) ?: remote_open(&r);
	ret = ret ?: show_volumes(&r, json);
	remote_close(&r);
	if (json && !ret)
		json_print(json_incref(json));
	json_decref(json);
	return ret;
}

/*----------------------------------------------------------------
 * recover
 *----------------------------------------------------------------
 */

void help_recover(FILE *out)
{
	fputs("\nGives a volume in a store a new, empty cache: after the loss of the old SSD, or\n"
	      "on another host. What was written and not uploaded yet is on the old SSD only, and\n"
	      "lost with it; the volume is as it was some seconds before, as after a power cut.\n"
	      "If the old SSD is alive, use it instead, or remove --flush it first. It is not let\n"
	      "in again. A host that still has the volume stops writing it as soon as this one\n"
	      "starts.\n",
	      out);
	help_store_options(out);
}

struct rescue {
	struct mkcache mk;
	struct remote remote;
	char helper[ORIGIN_HELPER_NAME];
	u8 last[16];		/* cache that wrote last; 0: none */
};

static int parse(const struct ctl *ctl, struct rescue *s)
{
	s->mk.helper = true;
	s->mk.origin_id = s->helper;
	return mkcache_segment_size(ctl, &s->mk.seg_bytes) ?:
	       remote_volume(ctl, &s->remote.conf);
}

static int not_running(const struct rescue *s)
{
	char *name = vol_arg_running(s->remote.conf.uuid);
	int ret = CTL_OK;

	if (name)
		ret = ctl_error(CTL_FAILED,
				"volume %s runs as %s; stop it first: logcachectl remove %s --flush",
				s->helper + strlen("helper:"), name, name);
	free(name);
	return ret;
}

/* Its size, and who will miss it. */
static int look_at_volume(struct rescue *s)
{
	struct lc_manifest m;
	int ret = remote_open(&s->remote) ?: remote_manifest(&s->remote, s->remote.conf.uuid, &m);

	if (ret)
		return ret;
	s->mk.origin_sectors = m.sectors;
	if (m.nr_runs)
		memcpy(s->last, lc_manifest_head(&m)->log, sizeof(s->last));
	lc_manifest_free(&m);
	return remote_fencing(&s->remote);
}

static void say_loss(const struct rescue *s)
{
	static const u8 none[16];
	char uuid[UUID_TEXT];

	if (memcmp(s->last, none, 16))
		printf("What cache %s has not uploaded will be lost.\n",
		       uuid_text(uuid, s->last));
}

static int write_cache(struct rescue *s)
{
	int ret;

	memcpy(s->remote.conf.cache, s->mk.geo.uuid, sizeof(s->remote.conf.cache));
	memcpy(s->remote.conf.after, s->last, sizeof(s->remote.conf.after));
	ret = remote_save(&s->remote.conf) ?: mkcache_write(&s->mk);
	if (ret)
		return ret;
	mkcache_say(&s->mk);
	printf("  volume    %s\nStart it with:\n  logcachectl create NAME --cache %s\n",
	       s->remote.conf.url, s->mk.dev.path);
	return control_reload();
}

static int rescue(const struct ctl *ctl, struct rescue *s)
{
	int ret;

	ret = parse(ctl, s);
	if (ret)
		return ret;
	origin_helper_of(s->helper, s->remote.conf.uuid);
	ret = not_running(s);
	if (!ret && !device_open(&s->mk.dev, ctl_get(ctl, "cache"), DEVICE_WRITE))
		ret = CTL_FAILED;
	if (!ret && !ctl_has(ctl, "force"))
		ret = mkcache_may_overwrite(&s->mk.dev);
	ret = ret ?: look_at_volume(s) ?: mkcache_lay_out(&s->mk);
	if (ret)
		return ret;
	say_loss(s);
	return mkcache_ask(ctl, &s->mk.dev) ?: write_cache(s);
}

int cmd_recover(const struct ctl *ctl)
{
	struct rescue s = { .mk.dev.fd = -1 };
	int ret = rescue(ctl, &s);

	remote_close(&s.remote);
	device_close(&s.mk.dev);
	return ret;
}
