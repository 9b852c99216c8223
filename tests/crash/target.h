/* SPDX-License-Identifier: GPL-2.0 */
/* A device-mapper target on two recorders, as the subject of a campaign. */
#ifndef CRASH_TARGET_H
#define CRASH_TARGET_H

#include "campaign.h"

struct target_config {
	/*
	 * Type and parameters, "@SSD@" and "@ORIGIN@" standing for the devices, and
	 * commands for a shell, which finds them in $SSD and $ORIGIN. read_table, if any,
	 * is loaded instead where the volume will only be read. check may be NULL.
	 */
	const char *table;
	const char *read_table;
	const char *format;
	const char *check;
	uint64_t sectors[NR_DEVS];
	uint64_t volume_sectors;
	const struct device_model *model;
	bool hide_cache;		/* do not tell the kernel of volatile caches */
	unsigned int max_delay_us;	/* while recording */
	uint64_t seed;
};

struct target;

/* Attach the devices and run the format command on start. NULL, with a message. */
struct target *target_new(const struct target_config *config, struct image *const start[NR_DEVS]);
void target_free(struct target *t);
struct subject target_subject(struct target *t);

#endif
