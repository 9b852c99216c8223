/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A change of a volume in a store: by the logcached that has it, or, with --offline,
 * by this process, which becomes the owner for that. Durable when it is done.
 *
 * Complains itself and returns an exit status.
 */
#ifndef CTL_CHANGE_H
#define CTL_CHANGE_H

#include <linux/types.h>

struct ctl;
struct vol_arg;

enum change_kind {
	CHANGE_SNAPSHOT,
	CHANGE_SNAPSHOT_DELETE,
	CHANGE_ROLLBACK,
	CHANGE_CLONE,
	CHANGE_CLONE_GONE,
	CHANGE_GROW,
};

/**
 * struct change - what is to be changed
 * @name:	of a snapshot; CLONE: NULL is the volume as it is now
 * @sectors:	GROW: the new size
 * @other:	uuid; CLONE, CLONE_GONE: of the clone; ROLLBACK: of the cache that is to go on
 */
struct change {
	enum change_kind kind;
	const char *name;
	const u8 *other;
	u64 sectors;
};

/* If the volume is in use it is tried again for a while: it may just have been given up. */
int change_make(const struct ctl *ctl, const struct vol_arg *v, const struct change *c);

#endif /* CTL_CHANGE_H */
