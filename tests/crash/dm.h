/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The few device-mapper ioctls a thousand cuts need, without a thousand processes
 * and without udev.
 */
#ifndef CRASH_DM_H
#define CRASH_DM_H

#include <stdint.h>

/*
 * Create, load a table of one target, resume. Returns 0 and a device node of our own
 * in path, or -errno; then nothing is left behind.
 */
int dm_create(const char *name, uint64_t sectors, const char *type, const char *params,
	      char *path, unsigned int path_size);

int dm_remove(const char *name, const char *path);

#endif
