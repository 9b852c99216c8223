// SPDX-License-Identifier: GPL-2.0-only
/* create, remove, list, set: volumes as device-mapper has them. */

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "args.h"
#include "bucket/manifest.h"
#include "control.h"
#include "ctl.h"
#include "dm.h"
#include "image.h"
#include "online.h"
#include "origin.h"
#include "remote.h"
#include "status.h"

/*----------------------------------------------------------------
 * create
 *----------------------------------------------------------------
 */

/* --option key=value, each cut in two: @words, nr of them returned. */
static int split_options(const struct ctl *ctl, char **words, unsigned int *nr)
{
	unsigned int i;

	*nr = 0;
	for (i = 0; i < ctl->nr_values; i++) {
		const char *value = ctl->values[i].value;
		char *eq;

		if (strcmp(ctl->values[i].opt->name, "option"))
			continue;
		words[*nr] = xasprintf("%s", value);
		eq = strchr(words[(*nr)++], '=');
		if (!eq)
			return ctl_error(CTL_USAGE, "create: --option is KEY=VALUE, not '%s'",
					 value);
		*eq = '\0';
		words[(*nr)++] = xasprintf("%s", eq + 1);
	}
	return CTL_OK;
}

/* The options as the table wants them: "4 mode writethrough ttl_s 3600". */
static int table_options(const struct ctl *ctl, char **text)
{
	char *words[2 * CTL_VALUES_MAX], why[LC_ARGS_WHY_MAX], opts[LC_ARGS_TEXT_MAX];
	unsigned int nr, i;
	struct lc_args args;
	int ret;

	ret = split_options(ctl, words, &nr);
	if (!ret && lc_args_parse(&args, nr, words, why, sizeof(why)))
		ret = ctl_error(CTL_USAGE, "create: %s", why);
	for (i = 0; i < nr; i++)
		free(words[i]);
	if (ret)
		return ret;
	lc_args_emit(&args, opts, sizeof(opts), &nr);
	*text = xasprintf("%u%s%s", nr, nr ? " " : "", opts);
	return CTL_OK;
}

/* Nobody else uses them, the cache is one, and the origin is not too small for it. */
static int check_cache(const struct ctl *ctl, struct image *img, u64 *sectors)
{
	struct device cache = { .fd = -1 };
	struct findings none = { .quiet = true };
	int ret = CTL_OK;

	if (!device_open(&cache, ctl_get(ctl, "cache"), DEVICE_READ))
		return CTL_FAILED;
	if (!cache.is_block)
		ret = ctl_error(CTL_FAILED, "%s: is a file; make it a device with losetup",
				cache.path);
	else if (!image_load_super(img, &cache, &none))
		ret = ctl_error(CTL_FAILED,
				"%s: is no usable cache; logcachectl check --cache %s says why, logcachectl format makes it one",
				cache.path, cache.path);
	else
		*sectors = image_volume_sectors(img);
	device_close(&cache);
	return ret;
}

/* What is to be created. */
struct volume {
	struct image img;
	char helper[ORIGIN_HELPER_NAME];	/* empty: the origin is a device */
	u64 sectors;
};

/* The size is the one it had last, or a larger one. */
static int size_of_helper(const struct ctl *ctl, struct volume *v)
{
	const char *size = ctl_get(ctl, "size");
	u64 bytes;

	if (strcmp(v->helper, v->img.geo.origin_id))
		return ctl_error(CTL_FAILED, "%s: is the cache of %s", ctl_get(ctl, "cache"),
				 v->img.geo.origin_id);
	if (!size)
		return CTL_OK;
	if (!parse_size(size, &bytes) || bytes % LC_BLOCK_SIZE)
		return ctl_error(CTL_USAGE, "create: --size is a multiple of 4K, not '%s'", size);
	v->sectors = bytes >> LC_SECTOR_SHIFT;
	return CTL_OK;
}

/* Things that may be as they are, but that one will want to know. */
static void warn_of_helper(const struct ctl *ctl, const struct volume *v,
			   const struct lc_conf *conf)
{
	static const u8 none[16];
	char uuid[UUID_TEXT];

	if (memcmp(conf->cache, none, 16) && memcmp(conf->cache, v->img.geo.uuid, 16))
		ctl_error(0,
			  "warning: the volume was given another cache, %s; logcached takes %s only if it is the last one that wrote",
			  uuid_text(uuid, conf->cache), ctl_get(ctl, "cache"));
	if (!control_running())
		ctl_error(0,
			  "warning: no logcached runs: nothing gets to the store, and reads of what is not in the cache wait; systemctl start logcached");
}

/*
 * What is written behind the end of the volume could not be uploaded. The store is asked
 * only for a size that was said: otherwise a volume starts without it.
 */
static int check_bucket_size(const struct ctl *ctl, const struct volume *v,
			     const struct lc_conf *conf)
{
	struct remote r = { .conf = *conf };
	char size[SIZE_TEXT], want[SIZE_TEXT];
	struct lc_manifest m = {};
	int ret;

	if (!ctl_has(ctl, "size"))
		return CTL_OK;
	ret = remote_open(&r) ?: remote_manifest(&r, conf->uuid, &m);
	if (!ret && v->sectors > m.sectors)
		ret = ctl_error(CTL_FAILED,
				"create: --size: the volume in %s has %s, the device would have %s; make the volume larger first (logcachectl grow --offline)",
				conf->url, size_text(size, m.sectors << LC_SECTOR_SHIFT),
				size_text(want, v->sectors << LC_SECTOR_SHIFT));
	lc_manifest_free(&m);
	remote_close(&r);
	return ret;
}

/* The cache knows the volume, and this host where it is. */
static int check_store(const struct ctl *ctl, struct volume *v)
{
	const char *url = ctl_get(ctl, "origin");
	struct lc_conf conf;
	u8 uuid[16];
	int ret;

	if (!origin_helper_uuid(uuid, v->img.geo.origin_id))
		return ctl_error(url ? CTL_FAILED : CTL_USAGE, "create: %s is the cache of %s%s",
				 ctl_get(ctl, "cache"), v->img.geo.origin_id,
				 url ? "" : ": --origin is needed");
	ret = remote_load(&conf, uuid);
	if (ret)
		return ret;
	if (url && strcmp(url, conf.url))
		return ctl_error(CTL_FAILED, "%s: is the cache of a volume in %s, not in %s",
				 ctl_get(ctl, "cache"), conf.url, url);
	origin_helper_of(v->helper, uuid);
	ret = size_of_helper(ctl, v) ?: check_bucket_size(ctl, v, &conf);
	if (!ret)
		warn_of_helper(ctl, v, &conf);
	return ret;
}

static int check_helper(const struct ctl *ctl, struct volume *v)
{
	if (!origin_helper_name(v->helper, ctl_get(ctl, "origin")))
		return CTL_USAGE;
	return size_of_helper(ctl, v);
}

static int check_device(const struct ctl *ctl, struct volume *v)
{
	const struct lc_geo *geo = &v->img.geo;
	struct device origin;
	int ret = CTL_OK;

	if (!device_open(&origin, ctl_get(ctl, "origin"), DEVICE_READ))
		return CTL_FAILED;
	if (!origin.is_block)
		ret = ctl_error(CTL_FAILED, "%s: is a file; make it a device with losetup",
				origin.path);
	else if (origin.sectors < geo->origin_sectors)
		ret = ctl_error(CTL_FAILED,
				"%s: has %llu sectors, the cache was formatted for %llu (%s): it shrank or is the wrong device",
				origin.path, origin.sectors, geo->origin_sectors, geo->origin_id);
	v->sectors = origin.sectors;
	device_close(&origin);
	return ret;
}

static int check_devices(const struct ctl *ctl, struct volume *v)
{
	const char *origin = ctl_get(ctl, "origin");
	int ret = check_cache(ctl, &v->img, &v->sectors);

	if (ret)
		return ret;
	if (!origin || origin_is_url(origin))
		return check_store(ctl, v);
	return origin_is_helper(origin) ? check_helper(ctl, v) : check_device(ctl, v);
}

static int start(const struct ctl *ctl, const struct volume *v, const char *opts)
{
	const char *origin = *v->helper ? v->helper : ctl_get(ctl, "origin");
	char *params = xasprintf("%s %s %s", ctl_get(ctl, "cache"), origin, opts);
	int ret;

	ret = dm_need_target() ?:
	      dm_create(ctl_arg(ctl, 0), v->sectors, params, !ctl_has(ctl, "noudevsync"));
	free(params);
	return ret;
}

int cmd_create(const struct ctl *ctl)
{
	struct volume v = {};
	char *opts;
	int ret;

	ret = table_options(ctl, &opts);
	if (ret)
		return ret;
	ret = check_devices(ctl, &v) ?: start(ctl, &v, opts);
	free(opts);
	if (!ret)
		printf("/dev/mapper/%s is ready.\n", ctl_arg(ctl, 0));
	return ret;
}

/*----------------------------------------------------------------
 * remove
 *----------------------------------------------------------------
 */

int cmd_remove(const struct ctl *ctl)
{
	const char *name = ctl_arg(ctl, 0);
	char size[SIZE_TEXT];
	struct status s;
	u64 dirty;
	int ret;

	if (ctl_has(ctl, "flush")) {
		ret = write_back(name, "flush", 0);
		if (ret)
			return ret;
	}
	ret = status_of(&s, name);
	if (ret)
		return ret;
	dirty = status_num(&s, "dirty_sectors");
	status_free(&s);
	ret = dm_remove(name, !ctl_has(ctl, "noudevsync"));
	if (ret)
		return ret;
	if (dirty)
		printf("%s is stopped; %s that is not on the origin stays safe in the cache.\n",
		       name, size_text(size, dirty << LC_SECTOR_SHIFT));
	else
		printf("%s is stopped.\n", name);
	return CTL_OK;
}

/*----------------------------------------------------------------
 * list
 *----------------------------------------------------------------
 */

struct row {
	char *cache;
	char *origin;
	u64 sectors;
	struct status status;
};

static int read_row(struct row *r, const char *name)
{
	char *table, *rest;
	int ret;

	ret = dm_table(name, &r->sectors, &table);
	if (ret)
		return ret;
	ret = status_of(&r->status, name);
	rest = table;
	r->cache = dm_device_name(strtok_r(rest, " ", &rest) ?: "?");
	r->origin = dm_device_name(strtok_r(rest, " ", &rest) ?: "?");
	free(table);
	return ret;
}

static void free_row(struct row *r)
{
	free(r->cache);
	free(r->origin);
	status_free(&r->status);
}

static void print_row(const struct row *r, const char *name)
{
	char size[SIZE_TEXT], dirty[SIZE_TEXT], hits[16] = "-";

	if (status_hit_ratio(&r->status) >= 0)
		snprintf(hits, sizeof(hits), "%.1f %%", status_hit_ratio(&r->status));
	printf("%-16s %10s  %-12s %8s %10s  %-10s %s\n", name,
	       size_text(size, r->sectors << LC_SECTOR_SHIFT),
	       status_get(&r->status, "mode") ?: "?", hits,
	       size_text(dirty, status_num(&r->status, "dirty_sectors") << LC_SECTOR_SHIFT),
	       r->cache, r->origin);
}

static void json_row(json_t *list, const struct row *r, const char *name)
{
	json_t *o = json_object();

	json_set_str(o, "name", name);
	json_set_str(o, "cache", r->cache);
	json_set_str(o, "origin", r->origin);
	json_set_u64(o, "sectors", r->sectors);
	json_set_str(o, "mode", status_get(&r->status, "mode") ?: "?");
	json_set_u64(o, "dirty_sectors", status_num(&r->status, "dirty_sectors"));
	json_array_append_new(list, o);
}

/* @data: JSON array to add to, or NULL to print. */
static int list_one(const char *name, void *data)
{
	struct row r = {};
	int ret = read_row(&r, name);

	if (!ret && data)
		json_row(data, &r, name);
	else if (!ret)
		print_row(&r, name);
	free_row(&r);
	return ret;
}

int cmd_list(const struct ctl *ctl)
{
	json_t *list = ctl_has(ctl, "json") ? json_array() : NULL;
	int ret;

	if (!list)
		printf("%-16s %10s  %-12s %8s %10s  %-10s %s\n", "NAME", "SIZE", "MODE", "HITS",
		       "DIRTY", "CACHE", "ORIGIN");
	ret = dm_each_volume(list_one, list);
	if (list)
		json_print(list);
	return ret;
}

/*----------------------------------------------------------------
 * set
 *----------------------------------------------------------------
 */

#define WORDS_MAX	(3 + LC_ARGS_WORDS_MAX)

/* The options the volume runs with, from its table line. */
static int running_args(const char *name, struct lc_args *args)
{
	char *table, *rest, *word, *words[WORDS_MAX], why[LC_ARGS_WHY_MAX];
	unsigned int nr = 0;
	int ret;

	ret = dm_table(name, NULL, &table);
	if (ret)
		return ret;
	for (rest = table; nr < WORDS_MAX && (word = strtok_r(rest, " ", &rest)); )
		words[nr++] = word;
	/* Cache, origin, count; then the options. */
	if (nr < 3 || lc_args_parse(args, nr - 3, words + 3, why, sizeof(why)))
		ret = ctl_error(CTL_FAILED,
				"%s: its table is not one this logcachectl understands; are module and tool of the same version?",
				name);
	free(table);
	return ret;
}

int cmd_set(const struct ctl *ctl)
{
	const char *name = ctl_arg(ctl, 0), *key = ctl_arg(ctl, 1), *value = ctl_arg(ctl, 2);
	char why[LC_ARGS_WHY_MAX], *text;
	struct lc_args args;
	int ret;

	ret = running_args(name, &args);
	if (ret)
		return ret;
	/* The module would refuse it too, but cannot say why. */
	if (lc_args_set(&args, key, value, true, why, sizeof(why)))
		return ctl_error(CTL_FAILED, "%s: %s", name, why);
	text = xasprintf("set %s %s", key, value);
	ret = dm_message(name, text, NULL);
	free(text);
	return ret;
}
