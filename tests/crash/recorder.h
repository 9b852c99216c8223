/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A disk in memory, served to the kernel's nbd driver over a socket. It completes
 * requests in random order and records every mutation and flush.
 *
 * One thread serves one disk. It must stay free of anything that could wait for the
 * disk, so the program that owns it does its own I/O with O_DIRECT from other threads.
 */
#ifndef CRASH_RECORDER_H
#define CRASH_RECORDER_H

#include "cut.h"

struct recorder;

struct recorder_opts {
	enum dev_id dev;
	uint64_t sectors;
	struct device_model model;
	uint64_t seed;
};

struct recorder *recorder_new(const struct recorder_opts *opts);

/* The kernel must have let go of the socket. */
void recorder_free(struct recorder *r);

/* The kernel's end of the connection, and the NBD_FLAG_* to attach it with. */
int recorder_socket(const struct recorder *r);
unsigned int recorder_flags(const struct recorder *r);

/*
 * From now on serve img (NULL: every request fails), record into rec (may be NULL),
 * and hold requests back for up to max_delay_us so that more are in flight together.
 * Nothing may be in flight.
 */
void recorder_serve(struct recorder *r, struct image *img, struct history *rec,
		    unsigned int max_delay_us);

#endif
