/* SPDX-License-Identifier: GPL-2.0-only */
/* The map from the inside, for map.c and map_view.c. */
#ifndef LC_BUCKET_MAP_PRIV_H
#define LC_BUCKET_MAP_PRIV_H

#include <lmdb.h>

#include "map.h"

#define BOOT_ID_LEN	36

/* Of table "ext"; the key is its first sector. */
struct ext_value {
	u64 seq;
	u32 len;
	u32 pos;
	u8 op;
	u8 pad[7];
};

struct lc_map {
	MDB_env *env;
	MDB_dbi ext, obj, crc, meta;
	MDB_txn *txn;		/* of begin..commit */
	MDB_cursor *cursor;	/* on ext, of @txn */
	MDB_txn *read;		/* kept, renewed for each lookup */
	u8 uuid[16];
	char boot_id[BOOT_ID_LEN];
	struct lc_map_state state;
	struct lc_objs objs;
	bool broken;		/* a commit has failed: objs is ahead of the database */
};

#endif /* LC_BUCKET_MAP_PRIV_H */
