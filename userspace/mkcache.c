// SPDX-License-Identifier: GPL-2.0-only
/*
 * Until the very end the device is no cache at all, so that an interrupted
 * format cannot be mistaken for one:
 *
 *	zero the superblocks, sync
 *	zero the summary table, write a checkpoint, sync
 *	write the superblocks, sync
 */
#include "mkcache.h"

#include <stdlib.h>
#include <time.h>

#include <blkid/blkid.h>
#include <linux/string.h>

#include "ctl.h"
#include "image.h"

#define ZERO_STEP	(1u << 16)	/* blocks between two looks at the progress */

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

int mkcache_may_overwrite(const struct device *dev)
{
	char *foreign;
	int ret = CTL_OK;

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

int mkcache_ask(const struct ctl *ctl, const struct device *dev)
{
	char size[SIZE_TEXT];

	return ctl_confirm(ctl, "Everything on %s (%s) will be lost.", dev->path,
			   size_text(size, dev->sectors << LC_SECTOR_SHIFT));
}

/*----------------------------------------------------------------
 * Layout
 *----------------------------------------------------------------
 */

int mkcache_segment_size(const struct ctl *ctl, u64 *bytes)
{
	const char *size = ctl_get(ctl, "segment-size");

	*bytes = LC_SEG_BLOCKS_DEFAULT << LC_BLOCK_SHIFT;
	if (size && (!parse_size(size, bytes) ||
		     (*bytes != 1 << 20 && *bytes != 2 << 20 && *bytes != 4 << 20)))
		return ctl_error(CTL_USAGE, "%s: --segment-size is 1M, 2M or 4M, not '%s'",
				 ctl->cmd->name, size);
	return CTL_OK;
}

int mkcache_lay_out(struct mkcache *mk)
{
	const char *why = "";
	u8 uuid[16];
	int ret;

	if (strlen(mk->origin_id) >= sizeof(mk->geo.origin_id))
		return ctl_error(CTL_USAGE,
				 "format: the name of the origin is longer than %zu characters; give a short one with --origin-id",
				 sizeof(mk->geo.origin_id) - 1);
	ret = uuid_random(uuid);
	if (ret)
		return ret;
	ret = (mk->helper ? lc_geo_init_helper : lc_geo_init)
		(&mk->geo, mk->dev.sectors, mk->origin_sectors, mk->seg_bytes >> LC_BLOCK_SHIFT,
		 uuid, &why);
	if (ret)
		return ctl_error(CTL_FAILED, "%s: %s (cache %llu sectors, origin %llu sectors)",
				 mk->dev.path, why, mk->dev.sectors, mk->origin_sectors);
	mk->geo.created = time(NULL);
	strscpy(mk->geo.origin_id, mk->origin_id, sizeof(mk->geo.origin_id));
	return CTL_OK;
}

/*----------------------------------------------------------------
 * Writing
 *----------------------------------------------------------------
 */

static int zero_table(const struct mkcache *mk)
{
	u64 done, n, nr = (u64)mk->geo.nr_segs * mk->geo.slot_blocks;
	struct progress p;
	int ret = 0;

	progress_start(&p, "clearing the summary table", nr);
	for (done = 0; done < nr && !ret; done += n) {
		n = nr - done < ZERO_STEP ? nr - done : ZERO_STEP;
		ret = device_zero(&mk->dev, mk->geo.slot_start + done, n);
		progress_show(&p, done);
	}
	progress_end(&p);
	return ret;
}

/*
 * Nothing written, nothing intact. A checkpoint lives in slot ckpt_seq % 2: the
 * next one goes to the other slot and leaves this one alone.
 */
static int write_checkpoint(const struct mkcache *mk)
{
	struct lc_ckpt_info info = {
		.ckpt_seq = 1,
		.next_seq = 1,
		.clean_lsn = 1,
		.log_seq = 1,
		.log_lsn = 1,
		.flags = LC_CKPT_CLEAN,
		.origin_sectors = mk->geo.origin_sectors,
	};
	u64 head = mk->geo.ckpt_start + info.ckpt_seq % LC_CKPT_SLOTS * mk->geo.ckpt_blocks;
	static struct lc_bitmap_block bits;
	static struct lc_ckpt ck;
	int ret;
	u32 i;

	ret = device_zero(&mk->dev, mk->geo.ckpt_start, (u64)mk->geo.ckpt_blocks * LC_CKPT_SLOTS);
	for (i = 0; i < mk->geo.nr_bitmap && !ret; i++) {
		lc_bitmap_seal(&bits, &mk->geo, info.epoch, info.ckpt_seq, i);
		ret = device_write(&mk->dev, head + 1 + i, &bits, 1);
	}
	lc_ckpt_encode(&ck, &mk->geo, &info);
	return ret ?: device_write(&mk->dev, head, &ck, 1);
}

static int write_supers(const struct mkcache *mk)
{
	static struct lc_super sb;
	int ret = 0;
	u32 i;

	lc_super_encode(&sb, &mk->geo, 0);
	for (i = LC_SUPER_BLOCKS; i-- && !ret; )
		ret = device_write(&mk->dev, i, &sb, 1);
	return ret;
}

static int write_all(const struct mkcache *mk)
{
	return device_zero(&mk->dev, 0, LC_SUPER_BLOCKS) ?:
	       device_sync(&mk->dev) ?:
	       zero_table(mk) ?:
	       write_checkpoint(mk) ?:
	       device_sync(&mk->dev) ?:
	       write_supers(mk) ?:
	       device_sync(&mk->dev);
}

int mkcache_write(const struct mkcache *mk)
{
	int ret = write_all(mk);

	if (ret)
		return ctl_error(CTL_FAILED,
				 "%s: writing failed: %s; it is no cache now, check the device",
				 mk->dev.path, strerror(-ret));
	return CTL_OK;
}

void mkcache_say(const struct mkcache *mk)
{
	char uuid[UUID_TEXT], size[SIZE_TEXT];
	const struct lc_geo *g = &mk->geo;
	u64 seg = (u64)g->seg_blocks << LC_BLOCK_SHIFT;

	printf("%s is now a cache.\n", mk->dev.path);
	printf("  uuid      %s\n", uuid_text(uuid, g->uuid));
	printf("  for       %s, %s\n", g->origin_id,
	       size_text(size, g->origin_sectors << LC_SECTOR_SHIFT));
	printf("  data      %s", size_text(size, seg * g->nr_segs));
	printf(" in %u segments of %s\n", g->nr_segs, size_text(size, seg));
	printf("  metadata  %s in front of them\n",
	       size_text(size, g->data_start << LC_BLOCK_SHIFT));
}
