/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The object map: which object has the newest version of each sector. A database on
 * local disk (LMDB), which the bucket can rebuild at any time; so it is not synced
 * but when it is closed, and thrown away if the machine went down with it open.
 *
 * One thread. Changes are made between lc_map_begin() and lc_map_commit(); after an
 * error in between the map is of no use any more and has to be reset.
 */
#ifndef LC_BUCKET_MAP_H
#define LC_BUCKET_MAP_H

#include "codec.h"
#include "objs.h"

struct lc_map;
struct lc_map_view;

/* As of the last commit. */
struct lc_map_state {
	u64 seq;		/* the state after this object; 0: the empty volume, or none */
	u64 epoch;		/* epoch of that object's run */
	u64 lsn;
	/*
	 * Objects before @seq may be missing: a recovery has not come to the point where it
	 * would know. A map that was left like that is emptied when it is opened.
	 */
	u64 unchecked;
};

/* A part of the volume: where its newest version is. */
struct lc_piece {
	u64 lba;
	u64 seq;
	u32 len;
	u32 pos;
	u8 op;			/* enum lc_bk_op; 0: never written */
};

/*
 * Open or make the map of volume @uuid in directory @dir, which exists. One that is
 * another volume's, that a crash of the machine left behind, or that is unchecked, is
 * emptied.
 * @limit: of its size, in bytes; 0: 64 GiB.
 */
int lc_map_open(struct lc_map **map, const char *dir, u64 limit, const u8 uuid[16]);
void lc_map_close(struct lc_map *map);

const struct lc_map_state *lc_map_state(const struct lc_map *map);
struct lc_objs *lc_map_objs(struct lc_map *map);

int lc_map_begin(struct lc_map *map);
/* Empties the map; within begin and commit. */
int lc_map_clear(struct lc_map *map);
/* Lay an object over all before it; @header as lc_obj_check() accepted it. */
int lc_map_apply(struct lc_map *map, const struct lc_obj *obj, const void *header);
/* Fill an empty map: all objects in order, then all extents in order. */
int lc_map_load_object(struct lc_map *map, const struct lc_ckpt_obj *obj);
int lc_map_load_extent(struct lc_map *map, const struct lc_ext *ext, u64 seq);
/* A deleted object is taken off the list. */
int lc_map_forget(struct lc_map *map, u64 seq);
/* 0, -ENOSPC: larger than its limit or the disk; -EIO. */
int lc_map_commit(struct lc_map *map, const struct lc_map_state *state);
void lc_map_abort(struct lc_map *map);

/*
 * What is committed of sectors [lba, lba + len): up to @max pieces, without gaps, from
 * @lba on. Returns how many, or -EIO.
 */
int lc_map_lookup(struct lc_map *map, u64 lba, u64 len, struct lc_piece *pieces, int max);

/* Checksums of payload blocks [first, first + nr) of an object; -ENOENT: not known here. */
int lc_map_crcs(struct lc_map *map, u64 seq, u32 first, u32 nr, u32 *crcs);
/* Outside begin and commit. */
int lc_map_keep_crcs(struct lc_map *map, const struct lc_obj *obj, const void *header);

/* The map as it is now, whatever is committed later: for a checkpoint. NULL: out of memory. */
struct lc_map_view *lc_map_view_open(struct lc_map *map);
void lc_map_view_close(struct lc_map_view *view);
const struct lc_map_state *lc_map_view_state(const struct lc_map_view *view);
u64 lc_map_view_extents(const struct lc_map_view *view);
const struct lc_objs *lc_map_view_objs(const struct lc_map_view *view);
/* The next extent, in order: 1; 0 at the end; -EIO. */
int lc_map_view_next(struct lc_map_view *view, struct lc_ext *ext, u64 *seq);

#endif /* LC_BUCKET_MAP_H */
