// SPDX-License-Identifier: GPL-2.0-only
/* Opening, sizing, reading and writing devices. */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <linux/fs.h>

#include "ctl.h"
#include "device.h"
#include "format.h"

#define ZERO_CHUNK	256u	/* blocks */

static bool complain(const char *path, const char *what, const char *advice)
{
	ctl_error(0, "%s: %s%s%s", path, what, *advice ? "; " : "", advice);
	return false;
}

static bool open_failed(const char *path)
{
	switch (errno) {
	case EBUSY:
		return complain(path, "is in use",
				"unmount it or stop the volume that uses it (logcachectl list)");
	case ENOENT:
		return complain(path, "does not exist", "check the name (lsblk)");
	case EACCES:
	case EPERM:
	case EROFS:
		return complain(path, strerror(errno),
				"run this as root, on a device that is writable");
	default:
		return complain(path, strerror(errno), "");
	}
}

static bool learn_size(struct device *dev)
{
	struct stat st;
	u64 bytes;

	if (fstat(dev->fd, &st))
		return complain(dev->path, strerror(errno), "");
	if (S_ISBLK(st.st_mode)) {
		if (ioctl(dev->fd, BLKGETSIZE64, &bytes))
			return complain(dev->path, strerror(errno), "");
		dev->is_block = true;
		dev->id = st.st_rdev;
	} else if (S_ISREG(st.st_mode)) {
		bytes = st.st_size;
		dev->id = st.st_dev;
		dev->ino = st.st_ino;
	} else {
		return complain(dev->path, "is not a block device", "check the name (lsblk)");
	}
	dev->sectors = bytes >> LC_SECTOR_SHIFT;
	return true;
}

bool device_open(struct device *dev, const char *path, enum device_use use)
{
	int flags = use == DEVICE_WRITE ? O_RDWR : O_RDONLY;
	struct stat st;

	*dev = (struct device){ .path = path, .fd = -1 };
	/* Without O_CREAT, O_EXCL means something for block devices only. */
	if (use != DEVICE_LOOK && !stat(path, &st) && S_ISBLK(st.st_mode))
		flags |= O_EXCL;
	dev->fd = open(path, flags | O_CLOEXEC);
	if (dev->fd < 0)
		return open_failed(path);
	if (learn_size(dev))
		return true;
	device_close(dev);
	return false;
}

void device_close(struct device *dev)
{
	if (dev->fd >= 0)
		close(dev->fd);
	dev->fd = -1;
}

bool device_same(const struct device *a, const struct device *b)
{
	return a->is_block == b->is_block && a->id == b->id && a->ino == b->ino;
}

int device_read(const struct device *dev, u64 block, void *buf, u64 nr)
{
	u64 left = nr << LC_BLOCK_SHIFT;
	off_t at = block << LC_BLOCK_SHIFT;

	while (left) {
		ssize_t n = pread(dev->fd, buf, left, at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? -errno : -EIO;
		buf += n;
		at += n;
		left -= n;
	}
	return 0;
}

int device_write(const struct device *dev, u64 block, const void *buf, u64 nr)
{
	u64 left = nr << LC_BLOCK_SHIFT;
	off_t at = block << LC_BLOCK_SHIFT;

	while (left) {
		ssize_t n = pwrite(dev->fd, buf, left, at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? -errno : -EIO;
		buf += n;
		at += n;
		left -= n;
	}
	return 0;
}

static bool zero_fast(const struct device *dev, u64 block, u64 nr)
{
	u64 range[2] = { block << LC_BLOCK_SHIFT, nr << LC_BLOCK_SHIFT };

	if (dev->is_block)
		return !ioctl(dev->fd, BLKZEROOUT, range);
	return !fallocate(dev->fd, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, range[0], range[1]);
}

int device_zero(const struct device *dev, u64 block, u64 nr)
{
	static const u8 zeroes[ZERO_CHUNK * LC_BLOCK_SIZE];
	int ret = 0;

	if (zero_fast(dev, block, nr))
		return 0;
	while (nr && !ret) {
		u64 n = nr < ZERO_CHUNK ? nr : ZERO_CHUNK;

		ret = device_write(dev, block, zeroes, n);
		block += n;
		nr -= n;
	}
	return ret;
}

int device_sync(const struct device *dev)
{
	return fsync(dev->fd) ? -errno : 0;
}
