// SPDX-License-Identifier: GPL-2.0-only
/*
 * format: make a device a cache.
 *
 * Until the very end the device is no cache at all, so that an interrupted
 * format cannot be mistaken for one:
 *
 *	zero the superblocks, sync
 *	zero the summary table, write a checkpoint, sync
 *	write the superblocks, sync
 */

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include <blkid/blkid.h>
#include <linux/string.h>

#include "ctl.h"
#include "device.h"
#include "image.h"
#include "origin.h"
#include "record.h"

#define ZERO_STEP	(1u << 16)	/* blocks between two looks at the progress */

struct format {
	struct device cache;
	struct device origin;
	char helper[ORIGIN_HELPER_NAME];	/* empty: the origin is a device */
	struct lc_geo geo;
};

/*----------------------------------------------------------------
 * May it be overwritten?
 *----------------------------------------------------------------
 */

/* What libblkid takes the device for; NULL for nothing it knows. The caller frees it. */
static char *foreign_signature(const struct device *dev)
{
	blkid_probe probe = blkid_new_probe();
	const char *type = NULL;
	char *found = NULL;

	if (!probe || blkid_probe_set_device(probe, dev->fd, 0, 0))
		goto out;
	blkid_probe_enable_superblocks(probe, 1);
	blkid_probe_enable_partitions(probe, 1);
	/* 1 is nothing found, less is several things at once. */
	if (blkid_do_safeprobe(probe) == 1)
		goto out;
	if (blkid_probe_lookup_value(probe, "TYPE", &type, NULL) &&
	    blkid_probe_lookup_value(probe, "PTTYPE", &type, NULL))
		type = "unknown";
	found = xasprintf("%s", type);
out:
	blkid_free_probe(probe);
	return found;
}

static int may_overwrite(const struct ctl *ctl, const struct device *dev)
{
	char *foreign;
	int ret = CTL_OK;

	if (ctl_has(ctl, "force"))
		return CTL_OK;
	switch (image_probe(dev)) {
	case IMAGE_DIRTY:
		return ctl_error(CTL_FAILED,
				 "%s: is a cache with data that is not on its origin; bring it up with logcachectl create and remove it with --flush, or give that data up with --force",
				 dev->path);
	case IMAGE_CLEAN:
		return ctl_error(CTL_FAILED,
				 "%s: is a cache already, with nothing dirty in it; use --force to format it again",
				 dev->path);
	case IMAGE_NONE:
		break;
	}
	foreign = foreign_signature(dev);
	if (foreign)
		ret = ctl_error(CTL_FAILED,
				"%s: holds something (%s); wipe it with wipefs, or use --force",
				dev->path, foreign);
	free(foreign);
	return ret;
}

static int confirm(const struct ctl *ctl, const struct format *f)
{
	char size[SIZE_TEXT], answer[8] = "";

	if (ctl_has(ctl, "yes"))
		return CTL_OK;
	if (!isatty(STDIN_FILENO))
		return ctl_error(CTL_USAGE, "format: nobody to ask; use --yes");
	printf("Everything on %s (%s) will be lost. Go on? [y/N] ", f->cache.path,
	       size_text(size, f->cache.sectors << LC_SECTOR_SHIFT));
	fflush(stdout);
	if (!fgets(answer, sizeof(answer), stdin) || (answer[0] != 'y' && answer[0] != 'Y'))
		return ctl_error(CTL_FAILED, "format: nothing was changed");
	return CTL_OK;
}

/*----------------------------------------------------------------
 * Writing
 *----------------------------------------------------------------
 */

static int zero_table(const struct format *f)
{
	u64 done, n, nr = (u64)f->geo.nr_segs * f->geo.slot_blocks;
	struct progress p;
	int ret = 0;

	progress_start(&p, "clearing the summary table", nr);
	for (done = 0; done < nr && !ret; done += n) {
		n = nr - done < ZERO_STEP ? nr - done : ZERO_STEP;
		ret = device_zero(&f->cache, f->geo.slot_start + done, n);
		progress_show(&p, done);
	}
	progress_end(&p);
	return ret;
}

/*
 * Nothing written, nothing intact. A checkpoint lives in slot ckpt_seq % 2: the
 * next one goes to the other slot and leaves this one alone.
 */
static int write_checkpoint(const struct format *f)
{
	struct lc_ckpt_info info = {
		.ckpt_seq = 1,
		.next_seq = 1,
		.clean_lsn = 1,
		.log_seq = 1,
		.log_lsn = 1,
		.flags = LC_CKPT_CLEAN,
		.origin_sectors = f->geo.origin_sectors,
	};
	u64 head = f->geo.ckpt_start + info.ckpt_seq % LC_CKPT_SLOTS * f->geo.ckpt_blocks;
	static struct lc_bitmap_block bits;
	static struct lc_ckpt ck;
	int ret;
	u32 i;

	ret = device_zero(&f->cache, f->geo.ckpt_start, (u64)f->geo.ckpt_blocks * LC_CKPT_SLOTS);
	for (i = 0; i < f->geo.nr_bitmap && !ret; i++) {
		lc_bitmap_seal(&bits, &f->geo, info.epoch, info.ckpt_seq, i);
		ret = device_write(&f->cache, head + 1 + i, &bits, 1);
	}
	lc_ckpt_encode(&ck, &f->geo, &info);
	return ret ?: device_write(&f->cache, head, &ck, 1);
}

static int write_supers(const struct format *f)
{
	static struct lc_super sb;
	int ret = 0;
	u32 i;

	lc_super_encode(&sb, &f->geo, 0);
	for (i = LC_SUPER_BLOCKS; i-- && !ret; )
		ret = device_write(&f->cache, i, &sb, 1);
	return ret;
}

static int write_all(const struct format *f)
{
	return device_zero(&f->cache, 0, LC_SUPER_BLOCKS) ?:
	       device_sync(&f->cache) ?:
	       zero_table(f) ?:
	       write_checkpoint(f) ?:
	       device_sync(&f->cache) ?:
	       write_supers(f) ?:
	       device_sync(&f->cache);
}

static void say_done(const struct format *f)
{
	char uuid[UUID_TEXT], size[SIZE_TEXT];
	const struct lc_geo *g = &f->geo;
	u64 seg = (u64)g->seg_blocks << LC_BLOCK_SHIFT;

	printf("%s is now a cache.\n", f->cache.path);
	printf("  uuid      %s\n", uuid_text(uuid, g->uuid));
	printf("  for       %s, %s\n", g->origin_id,
	       size_text(size, g->origin_sectors << LC_SECTOR_SHIFT));
	printf("  data      %s", size_text(size, seg * g->nr_segs));
	printf(" in %u segments of %s\n", g->nr_segs, size_text(size, seg));
	printf("  metadata  %s in front of them\n",
	       size_text(size, g->data_start << LC_BLOCK_SHIFT));
	printf("Start it with:\n  logcachectl create NAME --cache %s --origin %s\n",
	       f->cache.path, f->origin.path);
}

/*----------------------------------------------------------------
 * Command
 *----------------------------------------------------------------
 */

/* There is no device to ask for the size. */
static int name_helper(const struct ctl *ctl, struct format *f)
{
	const char *size = ctl_get(ctl, "size");
	u64 bytes;

	if (!origin_helper_name(f->helper, ctl_get(ctl, "origin")))
		return CTL_USAGE;
	if (!size || !parse_size(size, &bytes) || bytes % LC_BLOCK_SIZE)
		return ctl_error(CTL_USAGE,
				 "format: with %s the size of the volume is needed, a multiple of 4K: --size",
				 f->helper);
	if (ctl_get(ctl, "origin-id"))
		return ctl_error(CTL_USAGE, "format: %s is its own --origin-id", f->helper);
	f->origin = (struct device){
		.path = f->helper,
		.fd = -1,
		.sectors = bytes >> LC_SECTOR_SHIFT,
	};
	return device_open(&f->cache, ctl_get(ctl, "cache"), DEVICE_WRITE) ? CTL_OK : CTL_FAILED;
}

static int open_devices(const struct ctl *ctl, struct format *f)
{
	if (origin_is_helper(ctl_get(ctl, "origin")))
		return name_helper(ctl, f);
	if (ctl_get(ctl, "size"))
		return ctl_error(CTL_USAGE, "format: --size is for an origin helper:UUID only");
	if (!device_open(&f->origin, ctl_get(ctl, "origin"), DEVICE_LOOK) ||
	    !device_open(&f->cache, ctl_get(ctl, "cache"), DEVICE_WRITE))
		return CTL_FAILED;
	if (device_same(&f->cache, &f->origin))
		return ctl_error(CTL_USAGE, "format: %s is both the cache and the origin",
				 f->cache.path);
	return CTL_OK;
}

static int lay_out(const struct ctl *ctl, struct format *f)
{
	const char *size = ctl_get(ctl, "segment-size"), *why = "";
	const char *id = ctl_get(ctl, "origin-id") ?: f->origin.path;
	u64 bytes = LC_SEG_BLOCKS_DEFAULT << LC_BLOCK_SHIFT;
	u8 uuid[16];
	int ret;

	if (size && (!parse_size(size, &bytes) ||
		     (bytes != 1 << 20 && bytes != 2 << 20 && bytes != 4 << 20)))
		return ctl_error(CTL_USAGE, "format: --segment-size is 1M, 2M or 4M, not '%s'",
				 size);
	if (strlen(id) >= sizeof(f->geo.origin_id))
		return ctl_error(CTL_USAGE,
				 "format: the name of the origin is longer than %zu characters; give a short one with --origin-id",
				 sizeof(f->geo.origin_id) - 1);
	if (getrandom(uuid, sizeof(uuid), 0) != sizeof(uuid))
		return ctl_error(CTL_FAILED, "format: no random numbers: %s", strerror(errno));
	/* RFC 4122, version 4. */
	uuid[6] = (uuid[6] & 0x0f) | 0x40;
	uuid[8] = (uuid[8] & 0x3f) | 0x80;
	if (f->helper[0])
		ret = lc_geo_init_helper(&f->geo, f->cache.sectors, f->origin.sectors,
					 bytes >> LC_BLOCK_SHIFT, uuid, &why);
	else
		ret = lc_geo_init(&f->geo, f->cache.sectors, f->origin.sectors,
				  bytes >> LC_BLOCK_SHIFT, uuid, &why);
	if (ret)
		return ctl_error(CTL_FAILED, "%s: %s (cache %llu sectors, origin %llu sectors)",
				 f->cache.path, why, f->cache.sectors, f->origin.sectors);
	f->geo.created = time(NULL);
	strscpy(f->geo.origin_id, id, sizeof(f->geo.origin_id));
	return CTL_OK;
}

static int do_format(const struct ctl *ctl, struct format *f)
{
	int ret;

	ret = open_devices(ctl, f) ?: lay_out(ctl, f) ?: may_overwrite(ctl, &f->cache) ?:
	      confirm(ctl, f);
	if (ret)
		return ret;
	ret = write_all(f);
	if (ret)
		return ctl_error(CTL_FAILED,
				 "%s: writing failed: %s; it is no cache now, check the device",
				 f->cache.path, strerror(-ret));
	say_done(f);
	return CTL_OK;
}

int cmd_format(const struct ctl *ctl)
{
	struct format f = { .cache.fd = -1, .origin.fd = -1 };
	int ret = do_format(ctl, &f);

	device_close(&f.cache);
	device_close(&f.origin);
	return ret;
}
