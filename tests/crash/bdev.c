// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bdev.h"
#include "util.h"

struct bdev {
	int fd;
	aio_context_t aio[WORKLOAD_MAX_WORKERS];
};

struct bdev *bdev_new(void)
{
	struct bdev *bdev = xcalloc(1, sizeof(*bdev));

	bdev->fd = -1;
	for (unsigned int i = 0; i < WORKLOAD_MAX_WORKERS; i++)
		if (syscall(SYS_io_setup, 1, &bdev->aio[i]))
			die("io_setup: %s", strerror(errno));
	return bdev;
}

void bdev_free(struct bdev *bdev)
{
	for (unsigned int i = 0; i < WORKLOAD_MAX_WORKERS; i++)
		syscall(SYS_io_destroy, bdev->aio[i]);
	free(bdev);
}

int bdev_open(struct bdev *bdev, const char *path)
{
	bdev->fd = open(path, O_RDWR | O_DIRECT | O_CLOEXEC);
	return bdev->fd < 0 ? -errno : 0;
}

void bdev_close(struct bdev *bdev)
{
	close(bdev->fd);
	bdev->fd = -1;
}

/*
 * Asynchronous, although it waits at once: an asynchronous O_DSYNC write to a block
 * device is one bio with FUA, a synchronous one is followed by a flush, which would
 * hide an FUA that is not honoured.
 */
static int bdev_write(void *vol, unsigned int worker, uint64_t sector, uint32_t nr,
		      const void *buf, bool fua)
{
	struct bdev *bdev = vol;
	struct iocb cb = {
		.aio_lio_opcode = IOCB_CMD_PWRITE,
		.aio_rw_flags = fua ? RWF_DSYNC : 0,
		.aio_fildes = (uint32_t)bdev->fd,
		.aio_buf = (uintptr_t)buf,
		.aio_nbytes = (uint64_t)nr * SECTOR_SIZE,
		.aio_offset = (int64_t)(sector * SECTOR_SIZE),
	};
	struct iocb *list = &cb;
	struct io_event event;

	if (syscall(SYS_io_submit, bdev->aio[worker], 1, &list) != 1)
		return -errno;
	while (syscall(SYS_io_getevents, bdev->aio[worker], 1, 1, &event, NULL) != 1)
		if (errno != EINTR)
			die("io_getevents failed");
	if (event.res < 0)
		return (int)event.res;
	return (uint64_t)event.res == cb.aio_nbytes ? 0 : -EIO;
}

static int bdev_read(void *vol, unsigned int worker, uint64_t sector, uint32_t nr, void *buf)
{
	struct bdev *bdev = vol;
	size_t bytes = (size_t)nr * SECTOR_SIZE;
	ssize_t got = pread(bdev->fd, buf, bytes, (off_t)(sector * SECTOR_SIZE));

	(void)worker;
	if (got < 0)
		return -errno;
	return (size_t)got == bytes ? 0 : -EIO;
}

static int bdev_flush(void *vol, unsigned int worker)
{
	struct bdev *bdev = vol;

	(void)worker;
	return fsync(bdev->fd) ? -errno : 0;
}

static int range_ioctl(struct bdev *bdev, unsigned long command, uint64_t sector, uint32_t nr)
{
	uint64_t range[2] = { sector * SECTOR_SIZE, (uint64_t)nr * SECTOR_SIZE };

	return ioctl(bdev->fd, command, range) ? -errno : 0;
}

static int bdev_discard(void *vol, unsigned int worker, uint64_t sector, uint32_t nr)
{
	(void)worker;
	return range_ioctl(vol, BLKDISCARD, sector, nr);
}

static int bdev_zero(void *vol, unsigned int worker, uint64_t sector, uint32_t nr)
{
	(void)worker;
	return range_ioctl(vol, BLKZEROOUT, sector, nr);
}

const struct vol_ops bdev_vol_ops = {
	.write = bdev_write,
	.read = bdev_read,
	.flush = bdev_flush,
	.discard = bdev_discard,
	.zero = bdev_zero,
};
