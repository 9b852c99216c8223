/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where the object map of a volume is kept: <state>/<uuid>/a or b, of which one process
 * at a time uses one. There are two since a process that is replaced may be stopped, or
 * not have noticed yet, and still have the other one open.
 */
#ifndef LC_MAPDIR_H
#define LC_MAPDIR_H

#include <limits.h>
#include <stdbool.h>

struct lc_mapdir {
	char path[PATH_MAX];
	int fd;			/* of the lock; -1: not locked */
};

/*
 * Takes the one that is newer; -EAGAIN: another process has it, unless @other, which is
 * then content with the other one. Or another -errno.
 */
int lc_mapdir_lock(struct lc_mapdir *m, const char *state_dir, const char *uuid, bool other);
/*
 * Around opening the map: its pages are not all read, and do not stay in memory, though
 * all of the process does. It may be larger than that, and can be read again.
 */
void lc_mapdir_opening(void);
void lc_mapdir_opened(const struct lc_mapdir *m);
void lc_mapdir_unlock(struct lc_mapdir *m);
/*
 * Both, of a volume that is no more. -EAGAIN: a process has one of them; that one stays.
 * 0 also if there are none.
 */
int lc_mapdir_remove(const char *state_dir, const char *uuid);

#endif /* LC_MAPDIR_H */
