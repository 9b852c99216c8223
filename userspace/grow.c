// SPDX-License-Identifier: GPL-2.0-only
/*
 * grow: a volume in a store becomes larger, while it is used:
 *
 *	the kernel has a table of the new size, not in force yet: it would have refused it
 *	the volume in the store has the new size
 *	the device has it
 *
 * After an interruption the device is smaller than the volume, which does no harm; the
 * command is given again.
 */

#include "change.h"
#include "ctl.h"
#include "dm.h"
#include "format.h"
#include "vol_arg.h"

void help_grow(FILE *out)
{
	fputs("\nSIZE is the whole size, a multiple of 4K. What is added reads as zeroes, and\n"
	      "costs nothing until it is written. Grow the file system afterwards (xfs_growfs,\n"
	      "resize2fs).\n"
	      "A volume cannot be made smaller. Snapshots have no size of their own: after a\n"
	      "rollback the volume is as large as before it, and so is a clone.\n", out);
	help_offline(out);
}

static int parse(const struct ctl *ctl, u64 *sectors)
{
	u64 bytes;

	if (!parse_size(ctl_arg(ctl, 1), &bytes) || !bytes || bytes % LC_BLOCK_SIZE)
		return ctl_error(CTL_USAGE, "grow: a size is a multiple of 4K, not '%s'",
				 ctl_arg(ctl, 1));
	*sectors = bytes >> LC_SECTOR_SHIFT;
	return CTL_OK;
}

static int refuse_smaller(const struct vol_arg *v, u64 sectors)
{
	char now[SIZE_TEXT], then[SIZE_TEXT];

	return ctl_error(CTL_FAILED,
			 "%s: is %s large and cannot be made smaller, to %s: what is behind that would be lost. Make a new volume of that size and copy what is to be kept",
			 v->name, size_text(now, v->sectors << LC_SECTOR_SHIFT),
			 size_text(then, sectors << LC_SECTOR_SHIFT));
}

static int half_done(const struct vol_arg *v, const char *size)
{
	return ctl_error(CTL_FAILED,
			 "%s: the volume in the store is %s large, its device is not yet: try again",
			 v->name, size);
}

/* The table that did not start is in force, and cannot be taken back. */
static int suspended(const struct vol_arg *v, const struct change *c, const char *size)
{
	if (!dm_replace(v->name, c->sectors, DM_TARGET, v->table))
		return CTL_OK;
	return ctl_error(CTL_FAILED,
			 "%s: the volume in the store is %s large, but its device does not start again and all I/O waits. dmesg says why; then: logcachectl remove %s, and logcachectl create with the new --size",
			 v->name, size, v->name);
}

static int grow_running(const struct ctl *ctl, const struct vol_arg *v, const struct change *c)
{
	bool larger = c->sectors > v->sectors;
	char size[SIZE_TEXT];
	int ret = CTL_OK;

	if (c->sectors < v->sectors)
		return refuse_smaller(v, c->sectors);
	/* Would it be taken? Left loaded it would come into force with any resume. */
	if (larger)
		ret = dm_load(v->name, c->sectors, DM_TARGET, v->table) ?: dm_clear(v->name);
	if (ret)
		return ctl_error(ret, "%s: nothing was changed", v->name);
	ret = change_make(ctl, v, c);
	if (ret)
		return ret;
	size_text(size, c->sectors << LC_SECTOR_SHIFT);
	if (larger && (dm_load(v->name, c->sectors, DM_TARGET, v->table) || dm_suspend(v->name)))
		return half_done(v, size);
	if (larger && dm_resume(v->name)) {
		ret = suspended(v, c, size);
		if (ret)
			return ret;
	}
	printf("%s: is %s large.\n", v->name, size);
	return CTL_OK;
}

static int grow_stopped(const struct ctl *ctl, const struct vol_arg *v, const struct change *c)
{
	int ret = change_make(ctl, v, c);

	if (!ret)
		printf("%s: is %s large in the store. Start it with:\n"
		       "  logcachectl create NAME --cache DEV --size %s\n",
		       v->text, ctl_arg(ctl, 1), ctl_arg(ctl, 1));
	return ret;
}

int cmd_grow(const struct ctl *ctl)
{
	struct change c = { .kind = CHANGE_GROW };
	struct vol_arg v = {};
	int ret;

	ret = parse(ctl, &c.sectors) ?: vol_arg_find(&v, ctl_arg(ctl, 0));
	if (!ret && v.name && !ctl_has(ctl, "offline"))
		ret = grow_running(ctl, &v, &c);
	else if (!ret)
		ret = grow_stopped(ctl, &v, &c);
	vol_arg_free(&v);
	return ret;
}
