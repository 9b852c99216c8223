// SPDX-License-Identifier: GPL-2.0-only
/*
 * format: make a device a cache; with an origin in a store also the volume there.
 *
 * What cannot be taken back comes last, and what is left when something goes wrong
 * before is harmless:
 *
 *	the manifest		an empty volume that nobody uses
 *	the file of the volume	logcached waits for a device that does not come
 *	the device
 *	reload of logcached
 */

#include <stdlib.h>

#include <linux/string.h>

#include "control.h"
#include "ctl.h"
#include "device.h"
#include "mkcache.h"
#include "origin.h"
#include "remote.h"

struct format {
	struct mkcache mk;
	struct device origin;
	char helper[ORIGIN_HELPER_NAME];	/* empty: the origin is a device */
	struct remote remote;			/* if is_url */
	bool is_url;
};

/*----------------------------------------------------------------
 * The command line
 *----------------------------------------------------------------
 */

static int parse_origin_size(const struct ctl *ctl, u64 *sectors)
{
	const char *size = ctl_get(ctl, "size");
	u64 bytes;

	if (!size || !parse_size(size, &bytes) || !bytes || bytes % LC_BLOCK_SIZE)
		return ctl_error(CTL_USAGE,
				 "format: with %s the size of the volume is needed, a multiple of 4K: --size",
				 ctl_get(ctl, "origin"));
	*sectors = bytes >> LC_SECTOR_SHIFT;
	return CTL_OK;
}

/* There is no device to ask for the size. */
static int name_helper(const struct ctl *ctl, struct format *f)
{
	if (ctl_get(ctl, "origin-id"))
		return ctl_error(CTL_USAGE, "format: %s is its own --origin-id",
				 ctl_get(ctl, "origin"));
	f->mk.helper = true;
	f->mk.origin_id = f->helper;
	return parse_origin_size(ctl, &f->mk.origin_sectors);
}

static int parse_helper(const struct ctl *ctl, struct format *f)
{
	if (ctl_has(ctl, "uuid"))
		return ctl_error(CTL_USAGE, "format: %s has a UUID; --uuid is for s3://... only",
				 ctl_get(ctl, "origin"));
	if (!origin_helper_name(f->helper, ctl_get(ctl, "origin")))
		return CTL_USAGE;
	return remote_no_options(ctl) ?: name_helper(ctl, f);
}

static int parse_url(const struct ctl *ctl, struct format *f)
{
	const char *text = ctl_get(ctl, "uuid");
	u8 uuid[16];
	int ret;

	f->is_url = true;
	if (text && !uuid_parse(text, uuid))
		return ctl_error(CTL_USAGE, "format: --uuid: '%s' is none", text);
	ret = text ? CTL_OK : uuid_random(uuid);
	if (!ret && remote_known(uuid))
		ret = ctl_error(CTL_FAILED,
				"format: this host has a volume %s already; logcachectl recover gives it a new cache",
				text);
	ret = ret ?: remote_options(ctl, &f->remote.conf, uuid);
	if (ret)
		return ret;
	origin_helper_of(f->helper, uuid);
	return name_helper(ctl, f);
}

static int parse_device(const struct ctl *ctl, struct format *f)
{
	if (ctl_has(ctl, "size") || ctl_has(ctl, "uuid"))
		return ctl_error(CTL_USAGE,
				 "format: --%s is for a volume in a store or of a helper; %s is a device",
				 ctl_has(ctl, "size") ? "size" : "uuid", ctl_get(ctl, "origin"));
	if (remote_no_options(ctl))
		return CTL_USAGE;
	if (!device_open(&f->origin, ctl_get(ctl, "origin"), DEVICE_LOOK))
		return CTL_FAILED;
	f->mk.origin_sectors = f->origin.sectors;
	f->mk.origin_id = ctl_get(ctl, "origin-id") ?: f->origin.path;
	return CTL_OK;
}

static int parse_all(const struct ctl *ctl, struct format *f)
{
	const char *origin = ctl_get(ctl, "origin");

	return mkcache_segment_size(ctl, &f->mk.seg_bytes) ?:
	       (origin_is_helper(origin) ? parse_helper(ctl, f) :
		origin_is_url(origin) ? parse_url(ctl, f) : parse_device(ctl, f));
}

static int open_cache(const struct ctl *ctl, struct format *f)
{
	if (!device_open(&f->mk.dev, ctl_get(ctl, "cache"), DEVICE_WRITE))
		return CTL_FAILED;
	if (f->origin.fd >= 0 && device_same(&f->mk.dev, &f->origin))
		return ctl_error(CTL_USAGE, "format: %s is both the cache and the origin",
				 f->mk.dev.path);
	return CTL_OK;
}

/*----------------------------------------------------------------
 * The volume in the store
 *----------------------------------------------------------------
 */

/* It is there, and empty; the rest can be done again. */
static int left_half_done(const struct format *f, int status)
{
	char uuid[UUID_TEXT];

	if (!status || !f->is_url)
		return status;
	return ctl_error(status,
			 "the volume %s is in the store, but has no cache yet; go on with: logcachectl recover --cache %s --origin %s --volume %s and the same other options",
			 uuid_text(uuid, f->remote.conf.uuid), f->mk.dev.path, f->remote.conf.url,
			 uuid);
}

static int make_volume(struct format *f)
{
	return remote_fencing(&f->remote) ?: remote_create(&f->remote, f->mk.origin_sectors);
}

static int write_down(struct format *f)
{
	if (!f->is_url)
		return CTL_OK;
	memcpy(f->remote.conf.cache, f->mk.geo.uuid, sizeof(f->remote.conf.cache));
	return remote_save(&f->remote.conf);
}

/*----------------------------------------------------------------
 * Command
 *----------------------------------------------------------------
 */

static void say_done(const struct format *f)
{
	mkcache_say(&f->mk);
	if (f->is_url)
		printf("  volume    %s\n", f->remote.conf.url);
	printf("Start it with:\n  logcachectl create NAME --cache %s", f->mk.dev.path);
	if (!f->mk.helper)
		printf(" --origin %s", f->origin.path);
	putchar('\n');
}

static int do_format(const struct ctl *ctl, struct format *f)
{
	int ret;

	ret = parse_all(ctl, f) ?: open_cache(ctl, f) ?: mkcache_lay_out(&f->mk);
	if (!ret && !ctl_has(ctl, "force"))
		ret = mkcache_may_overwrite(&f->mk.dev);
	ret = ret ?: mkcache_ask(ctl, &f->mk.dev);
	if (!ret && f->is_url)
		ret = remote_open(&f->remote) ?: make_volume(f);
	if (ret)
		return ret;
	ret = left_half_done(f, write_down(f) ?: mkcache_write(&f->mk));
	if (ret)
		return ret;
	say_done(f);
	return f->is_url ? control_reload() : CTL_OK;
}

int cmd_format(const struct ctl *ctl)
{
	struct format f = { .mk.dev.fd = -1, .origin.fd = -1 };
	int ret = do_format(ctl, &f);

	remote_close(&f.remote);
	device_close(&f.mk.dev);
	device_close(&f.origin);
	return ret;
}
