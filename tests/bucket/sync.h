/* SPDX-License-Identifier: GPL-2.0-only */
/* A volume of a test, one call at a time: each runs the world until it is answered. */
#ifndef TEST_SYNC_H
#define TEST_SYNC_H

#include "bucket/volume.h"

#include "history.h"
#include "world.h"

/* A fresh directory for an object map, in memory where there is such a place. */
void scratch_new(char *dir, size_t size);
void scratch_free(const char *dir);

void test_uuid(u8 *uuid, u8 n);

/* Parameters that make much happen with little data. */
void test_params(struct lc_volume_params *p, struct host *h, const u8 *uuid, const char *dir);

int create_sync(struct host *h, const u8 *uuid, u64 sectors, bool no_fencing);
/* NULL with *@err; @why, if wanted, is where the reason goes. */
struct lc_volume *attach_sync(struct world *w, const struct lc_volume_params *p, int *err,
			      char *why);
void close_sync(struct world *w, struct lc_volume *vol);
int put_sync(struct world *w, struct lc_volume *vol, u64 lsn_first, u64 lsn_end,
	     const struct lc_unit_extent *extents, u32 nr);
int read_sync(struct world *w, struct lc_volume *vol, u64 lba, u32 sectors, void *buf);

/* One that takes (vol, done, data). */
typedef void (*sync_fn)(struct lc_volume *vol, lc_volume_fn done, void *data);
int call_sync(struct world *w, struct lc_volume *vol, sync_fn fn);
int snapshot_sync(struct world *w, struct lc_volume *vol, const char *name);
int snapshot_delete_sync(struct world *w, struct lc_volume *vol, const char *name);
int rollback_sync(struct world *w, struct lc_volume *vol, const char *name);
int clone_sync(struct world *w, struct lc_volume *vol, const char *name, const u8 *uuid);
int clone_gone_sync(struct world *w, struct lc_volume *vol, const u8 *uuid);
int grow_sync(struct world *w, struct lc_volume *vol, u64 sectors);
/* Steps until nothing is left to do. */
int gc_all_sync(struct world *w, struct lc_volume *vol);

#endif /* TEST_SYNC_H */
