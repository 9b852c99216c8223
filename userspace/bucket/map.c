// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tables: "ext" first sector -> extent, disjoint; "obj" sequence number -> what objs.h
 * has of it; "crc" sequence number -> checksums of the payload; "meta".
 * The keys are 64-bit integers in the machine's own order: it stays on the machine.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/kernel.h>
#include <asm/byteorder.h>

#include "map_priv.h"

#define MAP_VERSION	2u
#define MAP_LIMIT	(64ull << 30)

struct meta_value {
	u32 version;
	u32 clean;
	u8 uuid[16];
	char boot_id[BOOT_ID_LEN];
	u32 pad;
	struct lc_map_state state;
};

static int map_error(int rc)
{
	switch (rc) {
	case 0:
		return 0;
	case ENOMEM:
		return -ENOMEM;
	case MDB_MAP_FULL:
	case ENOSPC:
		return -ENOSPC;
	default:
		return -EIO;
	}
}

static MDB_val val(const void *data, size_t size)
{
	return (MDB_val){ .mv_data = (void *)data, .mv_size = size };
}

static u64 key_of(const MDB_val *v)
{
	u64 key;

	memcpy(&key, v->mv_data, sizeof(key));
	return key;
}

static int put_u64(MDB_txn *txn, MDB_dbi dbi, u64 key, const void *data, size_t size,
		   unsigned int flags)
{
	MDB_val k = val(&key, sizeof(key)), v = val(data, size);

	return map_error(mdb_put(txn, dbi, &k, &v, flags));
}

/*----------------------------------------------------------------
 * Opening and closing
 *----------------------------------------------------------------
 */

static void read_boot_id(char *id)
{
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t n = -1;

	memset(id, 0, BOOT_ID_LEN);
	if (fd >= 0) {
		n = read(fd, id, BOOT_ID_LEN);
		close(fd);
	}
	if (n != BOOT_ID_LEN)
		memset(id, 0, BOOT_ID_LEN);
}

static int open_tables(struct lc_map *map, MDB_txn *txn)
{
	int rc;

	rc = mdb_dbi_open(txn, "ext", MDB_CREATE | MDB_INTEGERKEY, &map->ext);
	rc = rc ?: mdb_dbi_open(txn, "obj", MDB_CREATE | MDB_INTEGERKEY, &map->obj);
	rc = rc ?: mdb_dbi_open(txn, "crc", MDB_CREATE | MDB_INTEGERKEY, &map->crc);
	return rc ?: mdb_dbi_open(txn, "meta", MDB_CREATE | MDB_INTEGERKEY, &map->meta);
}

/* Is what is there this volume's, and as it was written last? */
static bool load_meta(struct lc_map *map, MDB_txn *txn)
{
	struct meta_value meta;
	u64 zero = 0;
	MDB_val k = val(&zero, sizeof(zero)), v;

	if (mdb_get(txn, map->meta, &k, &v) || v.mv_size != sizeof(meta))
		return false;
	memcpy(&meta, v.mv_data, sizeof(meta));
	if (meta.version != MAP_VERSION || memcmp(meta.uuid, map->uuid, sizeof(meta.uuid)))
		return false;
	if (!meta.clean && (!*map->boot_id || memcmp(meta.boot_id, map->boot_id, BOOT_ID_LEN)))
		return false;
	if (meta.state.unchecked)
		return false;
	map->state = meta.state;
	return true;
}

static int load_objs(struct lc_map *map, MDB_txn *txn)
{
	struct lc_objs_entry e;
	MDB_cursor *c;
	MDB_val k, v;
	int rc;

	rc = map_error(mdb_cursor_open(txn, map->obj, &c));
	if (rc)
		return rc;
	while (!rc && !mdb_cursor_get(c, &k, &v, MDB_NEXT)) {
		if (v.mv_size != sizeof(e)) {
			rc = -EIO;
			break;
		}
		memcpy(&e, v.mv_data, sizeof(e));
		e.deleting = false;
		rc = lc_objs_add(&map->objs, &e);
	}
	mdb_cursor_close(c);
	return rc;
}

static int put_meta(struct lc_map *map, MDB_txn *txn, bool clean)
{
	struct meta_value meta = {
		.version = MAP_VERSION, .clean = clean, .state = map->state,
	};

	memcpy(meta.uuid, map->uuid, sizeof(meta.uuid));
	memcpy(meta.boot_id, map->boot_id, BOOT_ID_LEN);
	return put_u64(txn, map->meta, 0, &meta, sizeof(meta), 0);
}

static int empty_tables(struct lc_map *map, MDB_txn *txn)
{
	int rc = mdb_drop(txn, map->ext, 0);

	rc = rc ?: mdb_drop(txn, map->obj, 0);
	rc = rc ?: mdb_drop(txn, map->crc, 0);
	lc_objs_clear(&map->objs);
	map->state = (struct lc_map_state){ 0 };
	return map_error(rc);
}

static int load(struct lc_map *map)
{
	MDB_txn *txn;
	int rc;

	rc = map_error(mdb_txn_begin(map->env, NULL, 0, &txn));
	if (rc)
		return rc;
	rc = map_error(open_tables(map, txn));
	if (!rc && (!load_meta(map, txn) || load_objs(map, txn)))
		rc = empty_tables(map, txn);
	/* From now on it is not as it would be after an orderly stop. */
	rc = rc ?: put_meta(map, txn, false);
	if (rc) {
		mdb_txn_abort(txn);
		return rc;
	}
	rc = map_error(mdb_txn_commit(txn));
	return rc ?: map_error(mdb_env_sync(map->env, 1));
}

int lc_map_open(struct lc_map **out, const char *dir, u64 limit, const u8 uuid[16])
{
	struct lc_map *map = calloc(1, sizeof(*map));
	int rc;

	if (!map)
		return -ENOMEM;
	memcpy(map->uuid, uuid, sizeof(map->uuid));
	read_boot_id(map->boot_id);
	rc = map_error(mdb_env_create(&map->env));
	rc = rc ?: map_error(mdb_env_set_maxdbs(map->env, 4));
	rc = rc ?: map_error(mdb_env_set_mapsize(map->env, limit ? limit : MAP_LIMIT));
	rc = rc ?: map_error(mdb_env_open(map->env, dir, MDB_NOSYNC | MDB_NOTLS, 0600));
	rc = rc ?: load(map);
	rc = rc ?: map_error(mdb_txn_begin(map->env, NULL, MDB_RDONLY, &map->read));
	if (rc) {
		lc_objs_clear(&map->objs);
		mdb_env_close(map->env);
		free(map);
		return rc;
	}
	mdb_txn_reset(map->read);
	*out = map;
	return 0;
}

static void mark_clean(struct lc_map *map)
{
	MDB_txn *txn;

	if (mdb_env_sync(map->env, 1) || mdb_txn_begin(map->env, NULL, 0, &txn))
		return;
	if (put_meta(map, txn, true))
		mdb_txn_abort(txn);
	else if (!mdb_txn_commit(txn))
		mdb_env_sync(map->env, 1);
}

void lc_map_close(struct lc_map *map)
{
	if (!map)
		return;
	if (map->txn)
		lc_map_abort(map);
	else if (!map->broken)
		mark_clean(map);
	mdb_txn_abort(map->read);
	lc_objs_clear(&map->objs);
	mdb_env_close(map->env);
	free(map);
}

const struct lc_map_state *lc_map_state(const struct lc_map *map)
{
	return &map->state;
}

struct lc_objs *lc_map_objs(struct lc_map *map)
{
	return &map->objs;
}

/*----------------------------------------------------------------
 * Changes
 *----------------------------------------------------------------
 */

int lc_map_begin(struct lc_map *map)
{
	int rc;

	if (map->broken)
		return -EIO;
	rc = map_error(mdb_txn_begin(map->env, NULL, 0, &map->txn));
	if (rc)
		return rc;
	rc = map_error(mdb_cursor_open(map->txn, map->ext, &map->cursor));
	if (rc)
		lc_map_abort(map);
	return rc;
}

void lc_map_abort(struct lc_map *map)
{
	/* The cursor of a write transaction goes with it. */
	mdb_txn_abort(map->txn);
	map->txn = NULL;
	map->cursor = NULL;
}

static int write_objs(struct lc_map *map)
{
	struct lc_objs_entry *e;
	int rc = 0;
	u32 i;

	for (i = 0; i < map->objs.nr && !rc; i++) {
		e = &map->objs.e[i];
		if (!e->dirty)
			continue;
		e->dirty = false;
		rc = put_u64(map->txn, map->obj, e->seq, e, sizeof(*e), 0);
	}
	return rc;
}

int lc_map_commit(struct lc_map *map, const struct lc_map_state *state)
{
	const struct lc_map_state old = map->state;
	int rc = write_objs(map);

	map->state = *state;
	rc = rc ?: put_meta(map, map->txn, false);
	if (rc) {
		lc_map_abort(map);
	} else {
		rc = map_error(mdb_txn_commit(map->txn));
		map->txn = NULL;
		map->cursor = NULL;
	}
	/* Or it would be closed as the map of an object that it does not have. */
	if (rc) {
		map->state = old;
		map->broken = true;
	}
	return rc;
}

int lc_map_clear(struct lc_map *map)
{
	return empty_tables(map, map->txn);
}

/* The first extent that ends behind @lba. False: there is none. */
static bool seek(MDB_cursor *c, u64 lba, u64 *start, struct ext_value *e)
{
	u64 want = lba;
	MDB_val k = val(&want, sizeof(want)), v;
	int rc;

	/* It may begin before @lba: look at the one before what begins there. */
	rc = mdb_cursor_get(c, &k, &v, MDB_SET_RANGE);
	if (rc || key_of(&k) != lba) {
		rc = mdb_cursor_get(c, &k, &v, rc ? MDB_LAST : MDB_PREV);
		if (!rc) {
			memcpy(e, v.mv_data, sizeof(*e));
			if (key_of(&k) + e->len > lba) {
				*start = key_of(&k);
				return true;
			}
			rc = mdb_cursor_get(c, &k, &v, MDB_NEXT);
		} else {
			rc = mdb_cursor_get(c, &k, &v, MDB_FIRST);
		}
		if (rc || key_of(&k) < lba)
			return false;
	}
	*start = key_of(&k);
	memcpy(e, v.mv_data, sizeof(*e));
	return true;
}

/* Sectors [from, end) of extent @e, which begins at @start, as an extent of their own. */
static int put_part(struct lc_map *map, u64 start, const struct ext_value *e, u64 from, u64 end)
{
	struct ext_value part = *e;

	if (from >= end)
		return 0;
	part.len = end - from;
	if (e->op == LC_BK_DATA)
		part.pos += from - start;
	return put_u64(map->txn, map->ext, from, &part, sizeof(part), 0);
}

/* Take sectors [lba, end) out of the map, since object @at has newer ones. */
static int punch(struct lc_map *map, u64 lba, u64 end, u64 at)
{
	struct ext_value e;
	u64 start, stop, from, to;
	int rc = 0;

	while (!rc && seek(map->cursor, lba, &start, &e) && start < end) {
		stop = start + e.len;
		from = max(start, lba);
		to = min(stop, end);
		rc = map_error(mdb_cursor_del(map->cursor, 0));
		rc = rc ?: put_part(map, start, &e, start, from);
		rc = rc ?: put_part(map, start, &e, to, stop);
		if (!lc_objs_lose(&map->objs, e.seq, to - from, e.op == LC_BK_DATA, at))
			rc = rc ?: -EIO;
		lba = to;
		if (lba >= end)
			break;
	}
	return rc;
}

static int insert(struct lc_map *map, const struct lc_ext *ext, u64 seq, unsigned int flags)
{
	struct ext_value e = { .seq = seq, .len = ext->len, .pos = ext->pos, .op = ext->op };

	if (!lc_objs_gain(&map->objs, seq, ext->len, ext->op == LC_BK_DATA))
		return -EIO;
	return put_u64(map->txn, map->ext, ext->lba, &e, sizeof(e), flags);
}

static int put_crcs(struct lc_map *map, MDB_txn *txn, const struct lc_obj *obj, const void *header)
{
	MDB_val k = val(&obj->seq, sizeof(obj->seq));
	MDB_val v = { .mv_size = obj->nr_crcs * sizeof(u32) };
	u32 i, crc;
	int rc;

	if (!obj->nr_crcs)
		return 0;
	rc = map_error(mdb_put(txn, map->crc, &k, &v, MDB_RESERVE));
	for (i = 0; i < obj->nr_crcs && !rc; i++) {
		crc = lc_obj_crc(header, obj, i);
		memcpy((u8 *)v.mv_data + i * sizeof(crc), &crc, sizeof(crc));
	}
	return rc;
}

int lc_map_apply(struct lc_map *map, const struct lc_obj *obj, const void *header)
{
	struct lc_objs_entry entry = {
		.seq = obj->seq, .dead_at = obj->seq,
		.header_bytes = obj->header_bytes, .payload = obj->payload,
	};
	struct lc_ext ext;
	int rc;
	u32 i;

	rc = lc_objs_add(&map->objs, &entry);
	for (i = 0; i < obj->nr_extents && !rc; i++) {
		lc_obj_extent(header, i, &ext);
		rc = punch(map, ext.lba, ext.lba + ext.len, obj->seq);
		rc = rc ?: insert(map, &ext, obj->seq, 0);
	}
	return rc ?: put_crcs(map, map->txn, obj, header);
}

int lc_map_load_object(struct lc_map *map, const struct lc_ckpt_obj *obj)
{
	struct lc_objs_entry entry = {
		.seq = obj->seq, .dead_at = obj->dead_at,
		.header_bytes = obj->header_bytes, .payload = obj->payload,
	};

	return lc_objs_add(&map->objs, &entry);
}

int lc_map_load_extent(struct lc_map *map, const struct lc_ext *ext, u64 seq)
{
	return insert(map, ext, seq, MDB_APPEND);
}

static int del_u64(MDB_txn *txn, MDB_dbi dbi, u64 key)
{
	MDB_val k = val(&key, sizeof(key));
	int rc = mdb_del(txn, dbi, &k, NULL);

	return rc == MDB_NOTFOUND ? 0 : map_error(rc);
}

int lc_map_forget(struct lc_map *map, u64 seq)
{
	int rc = del_u64(map->txn, map->obj, seq);

	lc_objs_remove(&map->objs, seq);
	return rc ?: del_u64(map->txn, map->crc, seq);
}

/*----------------------------------------------------------------
 * Questions
 *----------------------------------------------------------------
 */

/* The next piece of [lba, end) into @p: an extent, or what there is none of. */
static void next_piece(MDB_cursor *c, u64 lba, u64 end, struct lc_piece *p)
{
	struct ext_value e;
	u64 start, stop;

	*p = (struct lc_piece){ .lba = lba };
	if (!seek(c, lba, &start, &e) || start >= end) {
		stop = end;
	} else if (start > lba) {
		stop = start;
	} else {
		stop = min(start + e.len, end);
		p->seq = e.seq;
		p->op = e.op;
		p->pos = e.op == LC_BK_DATA ? e.pos + (lba - start) : 0;
	}
	p->len = min(stop - lba, (u64)~0u & ~7ull);
}

int lc_map_lookup(struct lc_map *map, u64 lba, u64 len, struct lc_piece *pieces, int max)
{
	u64 end = lba + len;
	MDB_cursor *c;
	int n = 0;

	if (mdb_txn_renew(map->read))
		return -EIO;
	if (mdb_cursor_open(map->read, map->ext, &c)) {
		mdb_txn_reset(map->read);
		return -EIO;
	}
	for (; n < max && lba < end; n++) {
		next_piece(c, lba, end, &pieces[n]);
		lba += pieces[n].len;
	}
	mdb_cursor_close(c);
	mdb_txn_reset(map->read);
	return n;
}

int lc_map_crcs(struct lc_map *map, u64 seq, u32 first, u32 nr, u32 *crcs)
{
	MDB_val k = val(&seq, sizeof(seq)), v;
	int rc;

	if (mdb_txn_renew(map->read))
		return -EIO;
	rc = mdb_get(map->read, map->crc, &k, &v);
	if (!rc && ((u64)first + nr) * sizeof(u32) > v.mv_size)
		rc = EIO;
	if (!rc)
		memcpy(crcs, (u8 *)v.mv_data + first * sizeof(u32), nr * sizeof(u32));
	mdb_txn_reset(map->read);
	return rc == MDB_NOTFOUND ? -ENOENT : map_error(rc);
}

int lc_map_keep_crcs(struct lc_map *map, const struct lc_obj *obj, const void *header)
{
	MDB_txn *txn;
	int rc;

	rc = map_error(mdb_txn_begin(map->env, NULL, 0, &txn));
	if (rc)
		return rc;
	rc = put_crcs(map, txn, obj, header);
	if (rc) {
		mdb_txn_abort(txn);
		return rc;
	}
	return map_error(mdb_txn_commit(txn));
}
