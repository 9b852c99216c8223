/* SPDX-License-Identifier: GPL-2.0-only */
/* A block device, or a regular file that stands for one. */
#ifndef CTL_DEVICE_H
#define CTL_DEVICE_H

#include <stdbool.h>
#include <sys/types.h>

#include <linux/types.h>

struct device {
	const char *path;
	int fd;
	bool is_block;
	dev_t id;		/* st_rdev; of a file st_dev */
	ino_t ino;		/* of a file */
	u64 sectors;
};

enum device_use {
	DEVICE_LOOK,		/* read, whoever else uses it */
	DEVICE_READ,		/* read, nobody else may hold it */
	DEVICE_WRITE,		/* write, nobody else may hold it */
};

/* Open @path and learn its size. Complains itself and returns false. */
bool device_open(struct device *dev, const char *path, enum device_use use);
void device_close(struct device *dev);

bool device_same(const struct device *a, const struct device *b);

/* Whole blocks of 4096 bytes; 0 or -errno, a short transfer is -EIO. */
int device_read(const struct device *dev, u64 block, void *buf, u64 nr);
int device_write(const struct device *dev, u64 block, const void *buf, u64 nr);
/* Fast where the device can. */
int device_zero(const struct device *dev, u64 block, u64 nr);
int device_sync(const struct device *dev);

#endif /* CTL_DEVICE_H */
