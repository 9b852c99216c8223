/* SPDX-License-Identifier: GPL-2.0 */
/* A block device as the volume of a workload. */
#ifndef CRASH_BDEV_H
#define CRASH_BDEV_H

#include "workload.h"

struct bdev;

extern const struct vol_ops bdev_vol_ops;	/* on a struct bdev */

struct bdev *bdev_new(void);
void bdev_free(struct bdev *bdev);

/* 0 or -errno. It may be opened and closed many times. */
int bdev_open(struct bdev *bdev, const char *path);
void bdev_close(struct bdev *bdev);

#endif
