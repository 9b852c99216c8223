/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What logcachectl wants of device-mapper. Hides libdevmapper; every function
 * complains itself and returns an exit status (see ctl.h).
 */
#ifndef CTL_DM_H
#define CTL_DM_H

#include <stdbool.h>

#include <linux/types.h>

#define DM_TARGET	"logcache"

/* The kernel knows the target; loads the module if it does not. */
int dm_need_target(void);

/* Create and start @name with one target over @sectors. */
int dm_create(const char *name, u64 sectors, const char *params, bool udev_sync);
int dm_remove(const char *name, bool udev_sync);

/* How many have @name open. */
int dm_open_count(const char *name, unsigned int *nr);
/* What was in flight has ended, and nothing goes on until resume. */
int dm_suspend(const char *name);
int dm_resume(const char *name);
/*
 * For the next dm_resume(), which suspends it first if need be: one target of type @type
 * over @sectors. Nothing has changed until then. Forgotten by dm_clear().
 */
int dm_load(const char *name, u64 sectors, const char *type, const char *params);
int dm_clear(const char *name);
/* One target of type @type instead of what @name is now; it is resumed. */
int dm_replace(const char *name, u64 sectors, const char *type, const char *params);

/* Send a message to @name. *@reply, if wanted, is NULL or text for the caller to free. */
int dm_message(const char *name, const char *text, char **reply);

/* The target's status or table line without length and name; the caller frees it.
 * A device that does not exist or is no logcache is an error.
 */
int dm_status(const char *name, char **line);
int dm_table(const char *name, u64 *sectors, char **line);

/*
 * A table names devices by number; people know them by name. "/dev/...", for the
 * caller to free; the number if there is no such device.
 */
char *dm_device_name(const char *number);

/* Call @fn with the name of every volume, until it returns not 0, which is returned. */
int dm_each_volume(int (*fn)(const char *name, void *data), void *data);

#endif /* CTL_DM_H */
