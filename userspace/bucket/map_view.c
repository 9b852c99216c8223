// SPDX-License-Identifier: GPL-2.0-only
/* The map as it was at some moment: a read transaction, and a copy of the objects. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "map_priv.h"

struct lc_map_view {
	MDB_txn *txn;
	MDB_cursor *cursor;
	u64 nr_extents;
	struct lc_map_state state;
	struct lc_objs objs;
};

static bool copy_objs(struct lc_objs *to, const struct lc_objs *from)
{
	*to = *from;
	to->max = from->nr;
	to->e = malloc((from->nr + 1) * sizeof(*to->e));
	if (to->e && from->nr)
		memcpy(to->e, from->e, from->nr * sizeof(*to->e));
	return to->e;
}

struct lc_map_view *lc_map_view_open(struct lc_map *map)
{
	struct lc_map_view *view = calloc(1, sizeof(*view));
	MDB_stat stat;

	if (!view)
		return NULL;
	view->state = map->state;
	if (!copy_objs(&view->objs, &map->objs))
		goto fail;
	if (mdb_txn_begin(map->env, NULL, MDB_RDONLY, &view->txn))
		goto fail;
	if (mdb_stat(view->txn, map->ext, &stat) ||
	    mdb_cursor_open(view->txn, map->ext, &view->cursor))
		goto fail_txn;
	view->nr_extents = stat.ms_entries;
	return view;
fail_txn:
	mdb_txn_abort(view->txn);
fail:
	free(view->objs.e);
	free(view);
	return NULL;
}

void lc_map_view_close(struct lc_map_view *view)
{
	if (!view)
		return;
	mdb_cursor_close(view->cursor);
	mdb_txn_abort(view->txn);
	free(view->objs.e);
	free(view);
}

const struct lc_map_state *lc_map_view_state(const struct lc_map_view *view)
{
	return &view->state;
}

u64 lc_map_view_extents(const struct lc_map_view *view)
{
	return view->nr_extents;
}

const struct lc_objs *lc_map_view_objs(const struct lc_map_view *view)
{
	return &view->objs;
}

int lc_map_view_next(struct lc_map_view *view, struct lc_ext *ext, u64 *seq)
{
	struct ext_value e;
	MDB_val k, v;
	u64 lba;
	int rc;

	rc = mdb_cursor_get(view->cursor, &k, &v, MDB_NEXT);
	if (rc == MDB_NOTFOUND)
		return 0;
	if (rc || v.mv_size != sizeof(e))
		return -EIO;
	memcpy(&e, v.mv_data, sizeof(e));
	memcpy(&lba, k.mv_data, sizeof(lba));
	*ext = (struct lc_ext){ .lba = lba, .len = e.len, .pos = e.pos, .op = e.op };
	*seq = e.seq;
	return 1;
}
