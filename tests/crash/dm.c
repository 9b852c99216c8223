// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <linux/dm-ioctl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "dm.h"
#include "util.h"

#define PARAMS_MAX	1024

/* An ioctl's argument: the header, and one target where there is one. */
union dm_buf {
	struct dm_ioctl io;
	char bytes[sizeof(struct dm_ioctl) + sizeof(struct dm_target_spec) + PARAMS_MAX];
};

static int control_fd(void)
{
	static int fd = -1;

	if (fd < 0)
		fd = open("/dev/mapper/control", O_RDWR | O_CLOEXEC);
	if (fd < 0)
		die("/dev/mapper/control: %s", strerror(errno));
	return fd;
}

static void dm_prepare(union dm_buf *buf, const char *name, uint32_t flags)
{
	memset(buf, 0, sizeof(*buf));
	buf->io.version[0] = DM_VERSION_MAJOR;
	buf->io.data_size = sizeof(*buf);
	buf->io.data_start = sizeof(buf->io);
	buf->io.flags = flags;
	snprintf(buf->io.name, sizeof(buf->io.name), "%s", name);
}

static int dm_call(unsigned long command, union dm_buf *buf)
{
	return ioctl(control_fd(), command, buf) ? -errno : 0;
}

static int dm_simple(unsigned long command, const char *name)
{
	union dm_buf buf;

	dm_prepare(&buf, name, 0);
	return dm_call(command, &buf);
}

static int dm_load(const char *name, uint64_t sectors, const char *type, const char *params)
{
	struct dm_target_spec *spec;
	union dm_buf buf;

	dm_prepare(&buf, name, 0);
	buf.io.target_count = 1;
	spec = (struct dm_target_spec *)(buf.bytes + sizeof(buf.io));
	spec->length = sectors;
	snprintf(spec->target_type, sizeof(spec->target_type), "%s", type);
	if (strlen(params) >= PARAMS_MAX)
		return -E2BIG;
	strcpy((char *)(spec + 1), params);
	return dm_call(DM_TABLE_LOAD, &buf);
}

static int dm_make_node(const char *name, uint64_t dev, char *path, unsigned int path_size)
{
	snprintf(path, path_size, "/run/%s.%u", name, (unsigned int)getpid());
	unlink(path);
	return mknod(path, S_IFBLK | 0600, makedev(major(dev), minor(dev))) ? -errno : 0;
}

int dm_create(const char *name, uint64_t sectors, const char *type, const char *params,
	      char *path, unsigned int path_size)
{
	union dm_buf buf;
	int err;

	dm_prepare(&buf, name, 0);
	err = dm_call(DM_DEV_CREATE, &buf);
	if (err)
		return err;
	err = dm_load(name, sectors, type, params);
	if (!err)
		err = dm_simple(DM_DEV_SUSPEND, name);	/* without the flag: resume */
	if (!err)
		err = dm_make_node(name, buf.io.dev, path, path_size);
	if (err)
		dm_simple(DM_DEV_REMOVE, name);
	return err;
}

int dm_remove(const char *name, const char *path)
{
	unlink(path);
	return dm_simple(DM_DEV_REMOVE, name);
}
