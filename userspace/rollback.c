// SPDX-License-Identifier: GPL-2.0-only
/*
 * rollback: a volume in a store is again what a snapshot is. What the cache has is of
 * the time after it, so there is a new one, on the same device:
 *
 *	everything is uploaded; the device fails all I/O from here on
 *	the file of the volume names the new cache
 *	the SSD is formatted
 *	the volume in the store goes back
 *	the device is what it was before
 *
 * Nothing is lost in between: all is in the store, and what the volume was before the
 * rollback is there until the last step but one.
 */

#include <stdlib.h>
#include <string.h>

#include "bucket/manifest.h"
#include "change.h"
#include "control.h"
#include "ctl.h"
#include "dm.h"
#include "image.h"
#include "mkcache.h"
#include "online.h"
#include "origin.h"
#include "remote.h"
#include "status.h"
#include "vol_arg.h"

void help_rollback(FILE *out)
{
	fputs("\nEverything that was written after the snapshot is gone, unless another has it:\n"
	      "make one first if in doubt. The cache begins empty. The device must not be open: a\n"
	      "mounted file system does not survive what happens to it.\n"
	      "Of a volume that does not run, --cache names the device that becomes its cache; the old\n"
	      "cache is not let in again.\n", out);
	help_offline(out);
}

struct rollback {
	const struct ctl *ctl;
	struct vol_arg v;
	const char *snapshot;
	struct remote remote;
	struct mkcache mk;
	char helper[ORIGIN_HELPER_NAME];
	u8 last[16];		/* cache that wrote last; 0: none */
};

/*----------------------------------------------------------------
 * Before anything is changed
 *----------------------------------------------------------------
 */

static int check_snapshot(struct rollback *rb)
{
	struct lc_manifest m;
	int ret;

	ret = remote_load(&rb->remote.conf, rb->v.uuid) ?: remote_open(&rb->remote) ?:
	      remote_manifest(&rb->remote, rb->v.uuid, &m);
	if (ret)
		return ret;
	if (lc_manifest_find_snapshot(&m, rb->snapshot) < 0)
		ret = ctl_error(CTL_FAILED,
				"%s: has no snapshot '%s'; logcachectl snapshots %s lists them",
				ctl_arg(rb->ctl, 0), rb->snapshot, ctl_arg(rb->ctl, 0));
	/* A device that has not grown with the volume stays as it is. */
	rb->mk.origin_sectors = rb->v.name ? rb->v.sectors : m.sectors;
	if (m.nr_runs)
		memcpy(rb->last, lc_manifest_head(&m)->log, sizeof(rb->last));
	lc_manifest_free(&m);
	return ret;
}

static int check_not_open(const struct rollback *rb)
{
	unsigned int nr = 0;
	int ret = dm_open_count(rb->v.name, &nr);

	if (!ret && nr && !ctl_has(rb->ctl, "force"))
		ret = ctl_error(CTL_FAILED,
				"%s: is in use; unmount it first. With --force whoever has it open sees errors, and other contents afterwards",
				rb->v.name);
	return ret;
}

static int check_running(const struct rollback *rb)
{
	static const char * const names[] = { "cache", "segment-size", "offline" };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(names); i++)
		if (ctl_has(rb->ctl, names[i]))
			return ctl_error(CTL_USAGE,
					 "rollback: %s runs; --%s is for a volume that does not",
					 rb->v.name, names[i]);
	if (!control_running())
		return ctl_error(CTL_FAILED,
				 "%s: no logcached runs that could do it: systemctl start logcached",
				 rb->v.name);
	return check_not_open(rb);
}

/* The layout of the cache that is there. */
static int learn_layout(struct rollback *rb)
{
	struct findings none = { .quiet = true };
	struct image img = {};
	struct device dev;
	int ret = CTL_OK;

	if (!device_open(&dev, rb->v.cache, DEVICE_LOOK))
		return CTL_FAILED;
	if (image_load_super(&img, &dev, &none))
		rb->mk.seg_bytes = (u64)img.geo.seg_blocks << LC_BLOCK_SHIFT;
	else
		ret = ctl_error(CTL_FAILED, "%s: its superblock cannot be read", dev.path);
	device_close(&dev);
	return ret;
}

/*----------------------------------------------------------------
 * Of a volume that runs
 *----------------------------------------------------------------
 */

static int ask(const struct rollback *rb)
{
	return ctl_confirm(rb->ctl, "What was written to %s after snapshot %s will be lost.",
			   rb->v.name, rb->snapshot);
}

/* Zeroes and discards count as well, which are no dirty sectors. */
static int check_clean(const struct rollback *rb)
{
	struct status s;
	int ret = status_of(&s, rb->v.name);

	if (!ret && status_num(&s, "clean_lsn") < status_num(&s, "next_lsn"))
		ret = ctl_error(CTL_FAILED,
				"%s: not all of it is in the store; stop what writes to it, and try again",
				rb->v.name);
	status_free(&s);
	return ret;
}

/* From here on the device fails all I/O, and the SSD is nobody's. */
static int take_cache(struct rollback *rb)
{
	const char *name = rb->v.name;
	int ret = dm_suspend(name);

	if (ret)
		return ret;
	ret = check_clean(rb);
	if (ret) {
		dm_resume(name);
		return ctl_error(ret, "%s: nothing was changed", name);
	}
	ret = dm_replace(name, rb->v.sectors, "error", "");
	if (ret) {
		dm_resume(name);
		return ctl_error(ret, "%s: nothing was changed", name);
	}
	return CTL_OK;
}

static int give_back(const struct rollback *rb)
{
	return dm_replace(rb->v.name, rb->v.sectors, DM_TARGET, rb->v.table);
}

/* The cache is still the old one, and has nothing that is not in the store. */
static int undo(const struct rollback *rb, int status)
{
	if (give_back(rb))
		return ctl_error(status,
				 "%s: nothing was changed, but the device is not back; go on with: dmsetup remove %s; logcachectl create %s --cache %s",
				 rb->v.name, rb->v.name, rb->v.name, rb->v.cache);
	return ctl_error(status, "%s: nothing was changed", rb->v.name);
}

static int no_cache(const struct rollback *rb, int status)
{
	return ctl_error(status,
			 "%s: not rolled back, and without a cache; all its data is in the store. Go on with: dmsetup remove %s; logcachectl recover --cache DEV --volume %s; logcachectl create %s --cache DEV; and try again",
			 rb->v.name, rb->v.name, rb->v.text, rb->v.name);
}

/* The new cache is there; did the store go back? */
static int finish(struct rollback *rb, int status)
{
	const char *outcome = status ? "not rolled back, or no answer came; try again" :
				       "rolled back";

	control_reload();
	if (give_back(rb))
		return ctl_error(CTL_FAILED,
				 "%s: %s. But the device is not back; go on with: dmsetup remove %s; logcachectl create %s --cache %s",
				 rb->v.name, outcome, rb->v.name, rb->v.name, rb->v.cache);
	if (status)
		return ctl_error(status, "%s: %s; it runs, with an empty cache", rb->v.name,
				 outcome);
	printf("%s: is snapshot %s again.\n", rb->v.name, rb->snapshot);
	return CTL_OK;
}

static int write_down(struct rollback *rb)
{
	memcpy(rb->remote.conf.cache, rb->mk.geo.uuid, sizeof(rb->remote.conf.cache));
	memcpy(rb->remote.conf.after, rb->last, sizeof(rb->remote.conf.after));
	return remote_save(&rb->remote.conf);
}

static int swap_cache(struct rollback *rb)
{
	struct change c = {
		.kind = CHANGE_ROLLBACK, .name = rb->snapshot, .other = rb->mk.geo.uuid,
	};
	int ret = write_down(rb);

	if (ret)
		return undo(rb, ret);
	ret = mkcache_write(&rb->mk);
	device_close(&rb->mk.dev);
	if (ret)
		return no_cache(rb, ret);
	return finish(rb, change_make(rb->ctl, &rb->v, &c));
}

static int roll_running(struct rollback *rb)
{
	int ret;

	ret = check_running(rb) ?: check_snapshot(rb) ?: learn_layout(rb) ?: ask(rb) ?:
	      write_back(rb->v.name, "flush", 0) ?: take_cache(rb);
	if (ret)
		return ret;
	if (!device_open(&rb->mk.dev, rb->v.cache, DEVICE_WRITE) || mkcache_lay_out(&rb->mk))
		return undo(rb, CTL_FAILED);
	return swap_cache(rb);
}

/*----------------------------------------------------------------
 * Of one that does not
 *----------------------------------------------------------------
 */

static int open_cache(struct rollback *rb)
{
	const char *cache = ctl_get(rb->ctl, "cache");

	if (!cache)
		return ctl_error(CTL_USAGE,
				 "rollback: %s does not run; --cache names the device that is to be its new cache",
				 rb->v.text);
	if (!device_open(&rb->mk.dev, cache, DEVICE_WRITE))
		return CTL_FAILED;
	return ctl_has(rb->ctl, "force") ? CTL_OK : mkcache_may_overwrite(&rb->mk.dev);
}

static int write_stopped(struct rollback *rb)
{
	struct change c = {
		.kind = CHANGE_ROLLBACK, .name = rb->snapshot, .other = rb->mk.geo.uuid,
	};
	int ret = write_down(rb) ?: mkcache_write(&rb->mk);

	if (ret)
		return ctl_error(ret,
				 "not rolled back; %s needs a new cache: try again, with --force if need be",
				 rb->v.text);
	ret = change_make(rb->ctl, &rb->v, &c);
	if (ret)
		return ctl_error(ret,
				 "not rolled back, or no answer came; %s is its cache now, empty: try again with --force",
				 rb->mk.dev.path);
	printf("%s: is snapshot %s again.\nStart it with:\n  logcachectl create NAME --cache %s\n",
	       rb->v.text, rb->snapshot, rb->mk.dev.path);
	return control_reload();
}

/* Whoever cannot do it in the end must not have lost the cache by then. */
static int check_stopped(const struct rollback *rb)
{
	if (ctl_has(rb->ctl, "offline") || control_running())
		return CTL_OK;
	return ctl_error(CTL_FAILED,
			 "%s: no logcached runs that could do it: systemctl start logcached, or see --offline",
			 rb->v.text);
}

static int roll_stopped(struct rollback *rb)
{
	int ret;

	ret = check_stopped(rb) ?: mkcache_segment_size(rb->ctl, &rb->mk.seg_bytes) ?:
	      open_cache(rb) ?: check_snapshot(rb) ?: mkcache_lay_out(&rb->mk);
	return ret ?: mkcache_ask(rb->ctl, &rb->mk.dev) ?: write_stopped(rb);
}

int cmd_rollback(const struct ctl *ctl)
{
	struct rollback rb = {
		.ctl = ctl, .snapshot = ctl_arg(ctl, 1), .mk.dev.fd = -1, .mk.helper = true,
	};
	int ret;

	ret = vol_arg_find(&rb.v, ctl_arg(ctl, 0));
	if (!ret) {
		origin_helper_of(rb.helper, rb.v.uuid);
		rb.mk.origin_id = rb.helper;
		ret = rb.v.name ? roll_running(&rb) : roll_stopped(&rb);
	}
	remote_close(&rb.remote);
	device_close(&rb.mk.dev);
	vol_arg_free(&rb.v);
	return ret;
}
