/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * VOL of a command line: a volume in a store, by the name of its device or by its
 * uuid; and the device of it, if there is one.
 */
#ifndef CTL_VOL_ARG_H
#define CTL_VOL_ARG_H

#include <stdbool.h>

#include <linux/types.h>

struct vol_arg {
	u8 uuid[16];
	char text[37];		/* the same */
	char *name;		/* of the device; NULL: it does not run */
	char *cache;		/* of that device, /dev/... */
	char *table;		/* its line */
	u64 sectors;
};

/* Complains itself; an exit status. */
int vol_arg_find(struct vol_arg *v, const char *arg);
void vol_arg_free(struct vol_arg *v);

/* The volume that device @name has; false: none in a store. */
bool vol_arg_uuid(const char *name, u8 uuid[16]);
/* The device that has this volume, for the caller to free; NULL: none on this host. */
char *vol_arg_running(const u8 uuid[16]);

#endif /* CTL_VOL_ARG_H */
