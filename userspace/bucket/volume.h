/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A volume that lives in an object store, as a log of immutable objects.
 *
 * Units go in (lc_volume_put), in the order of the log on the SSD; each becomes one
 * object, or a few that count together. Sectors come out (lc_volume_read). At every
 * moment what is in the bucket is the volume after some prefix of the units, no
 * shorter than the last one that was answered.
 *
 * Everything is asynchronous, on the thread of the store's loop. Callbacks come
 * exactly once, never from within the call that asked for them, with 0 or -errno:
 *
 *   -ESTALE      somebody else owns the volume now, or it is deleted: nothing is written
 *                any more
 *   -EBADMSG     what is in the bucket is damaged
 *   -ENOENT      no such volume, snapshot or object
 *   -EEXIST      there is one already
 *   -EBUSY       something else is under way; try again
 *   -EOPNOTSUPP  the store has no conditional PUTs and no_fencing was not given
 *   -ECANCELED   the volume was closed
 *
 * lc_volume_why() has the reason of the last error as a text that names the object.
 * An owner that finds another one, or cannot keep its map, stops for good: it has to
 * be closed and attached again.
 */
#ifndef LC_VOLUME_H
#define LC_VOLUME_H

#include <stdbool.h>

#include <linux/types.h>

#include "bucket.h"
#include "store/store.h"

struct lc_volume;

typedef void (*lc_volume_fn)(struct lc_volume *vol, int err, void *data);

/* Zero means the default where one is given. */
struct lc_volume_params {
	struct lc_store *store;
	u8 uuid[16];
	u8 owner[16];		/* random: tells this attachment from all others */
	u8 log[16];		/* uuid of the cache whose LSNs the units have */
	/*
	 * That cache is new to the volume; its log begins behind @new_lsn. Without it a
	 * cache that is not the one that wrote last is refused: it may be an old one. One
	 * that wrote before the last one did is, and is refused with it as well; so is any
	 * if not @new_after wrote last (all zero: whosever). Somebody else has become the
	 * successor then, and must not be fenced by one who comes late.
	 */
	bool new_log;
	u8 new_after[16];
	u64 new_lsn;
	bool no_fencing;	/* do without conditional PUTs, and without protection */
	const char *map_dir;	/* for the object map */
	u64 map_limit;		/* bytes; 64 GiB */
	u32 object_sectors;	/* most payload of an object; 32768: 16 MiB */
	u32 puts_max;		/* objects on their way; 32 */
	u32 gets_max;		/* 64 */
	u32 ckpt_objects;	/* a checkpoint after so many objects; 64 */
	u32 ckpt_entries;	/* of one part of it; LC_BK_PART_ENTRIES */
	u64 ckpt_ms;		/* or so long, if there were any; 30 minutes */
	u32 gc_target;		/* collect while less than this share is needed; 70 % */
	u32 gc_max_live;	/* never copy out of an object of which more is; 90 % */
	/* ms to wait before copying that much, unless far below gc_target; NULL: 0 */
	u64 (*gc_delay)(void *data, u64 bytes);
	/* The volume has stopped for good (-ESTALE, -EIO); may be NULL. */
	void (*stopped)(struct lc_volume *vol, int err, void *data);
	void *data;
	unsigned int plant;	/* for tests: a bug, see plant.h */
};

/* Put the manifest of a new, empty volume. -EEXIST. */
void lc_volume_create(struct lc_store *store, const u8 uuid[16], u64 sectors, u64 created,
		      bool no_fencing, void (*done)(int err, const char *why, void *data),
		      void *data);

/*
 * Become the owner, recover the map, go on from there. NULL: out of memory. After an
 * error, as after everything, the volume has to be closed. -EAGAIN: somebody else has
 * changed the manifest at that moment; it may have been the last change of a predecessor.
 */
struct lc_volume *lc_volume_attach(const struct lc_volume_params *params, lc_volume_fn done,
				   void *data);
/* Whatever is under way is cancelled; @vol is gone when @done is called. */
void lc_volume_close(struct lc_volume *vol, void (*done)(void *data), void *data);

const char *lc_volume_why(const struct lc_volume *vol);

/*----------------------------------------------------------------
 * Writing
 *----------------------------------------------------------------
 */

struct lc_unit_extent {
	u64 lba;
	u32 len;		/* sectors */
	u8 op;			/* enum lc_bk_op */
	const void *data;	/* LC_BK_DATA: stays until the unit is done */
};

/* What the log changed with LSNs (lsn_first, lsn_end]: disjoint extents, in any order. */
struct lc_unit {
	u64 lsn_first;
	u64 lsn_end;
	const struct lc_unit_extent *extents;
	u32 nr_extents;
	void (*done)(struct lc_unit *unit, int err);	/* 0: in the bucket, with all before it */
	void *data;
	void *priv;
};

/*
 * Units have to follow each other without a gap in LSNs. One that is in the bucket
 * already is answered done; one that is partly there is put again, which is the same.
 */
void lc_volume_put(struct lc_volume *vol, struct lc_unit *unit);

/*----------------------------------------------------------------
 * Reading
 *----------------------------------------------------------------
 */

/* Reads what was committed when it began, or later. */
struct lc_volume_read {
	u64 lba;
	u32 sectors;
	void *buf;
	bool ahead;			/* nobody waits for it: after all that somebody waits for */
	void (*done)(struct lc_volume_read *rd, int err);
	void *data;
	void *priv;
};

void lc_volume_read(struct lc_volume *vol, struct lc_volume_read *rd);

/*----------------------------------------------------------------
 * Snapshots
 *----------------------------------------------------------------
 */

/* Keep the state after the last committed unit. One request, however large the volume. */
void lc_volume_snapshot(struct lc_volume *vol, const char *name, u64 created, lc_volume_fn done,
			void *data);
void lc_volume_snapshot_delete(struct lc_volume *vol, const char *name, lc_volume_fn done,
			       void *data);
/* Back to a snapshot; what came after it is lost unless another snapshot has it. */
void lc_volume_rollback(struct lc_volume *vol, const char *name, lc_volume_fn done, void *data);
/*
 * A new volume @uuid that begins as snapshot @name (NULL: as this volume is now) and
 * shares its objects. Doing it again is harmless.
 */
void lc_volume_clone(struct lc_volume *vol, const char *name, const u8 uuid[16], u64 created,
		     lc_volume_fn done, void *data);
/* The clone is gone from the bucket: do not keep objects for it. */
void lc_volume_clone_gone(struct lc_volume *vol, const u8 uuid[16], lc_volume_fn done,
			  void *data);

/*
 * A larger size, from now on; what is behind the old end reads as zeroes. 0 also if it has
 * that size. -EINVAL: it would be smaller, or is none. Snapshots have no size of their own:
 * a rollback keeps the size, and a clone has it.
 */
void lc_volume_grow(struct lc_volume *vol, u64 sectors, lc_volume_fn done, void *data);

struct lc_snapshot {
	char name[64];
	u8 clone[16];		/* 0: a snapshot */
	u64 created;
	u64 seq;
};

/* Snapshot or clone @i; false: there are not so many. */
bool lc_volume_snapshot_get(const struct lc_volume *vol, u32 i, struct lc_snapshot *snap);

/*----------------------------------------------------------------
 * Upkeep
 *----------------------------------------------------------------
 */

/* A checkpoint of the map now. */
void lc_volume_checkpoint(struct lc_volume *vol, lc_volume_fn done, void *data);
/*
 * One step of garbage collection: copy what is needed out of a few objects, or delete
 * what nothing needs. -EAGAIN: there is more to do; 0: there is not.
 */
void lc_volume_gc(struct lc_volume *vol, lc_volume_fn done, void *data);
/*
 * Is the volume still ours, and still there? -ESTALE stops it; one answer that it is not
 * there is asked again for some seconds, in which nothing is written. With fencing only the
 * latter is not noticed otherwise: what is put into a volume that was deleted is put nowhere.
 */
void lc_volume_check_owner(struct lc_volume *vol, lc_volume_fn done, void *data);

enum lc_volume_mode {
	LC_VOLUME_ATTACHING,
	LC_VOLUME_ACTIVE,
	LC_VOLUME_STALE,	/* somebody else owns it, or it is not there any more */
	LC_VOLUME_FAILED,
	LC_VOLUME_CLOSING,
};

struct lc_volume_status {
	enum lc_volume_mode mode;
	bool gone;		/* stale, and it was not another host: there is no manifest */
	u64 sectors;
	u64 epoch;
	u64 seq;		/* last object committed */
	u64 lsn;		/* in the bucket up to here */
	u64 ckpt_seq;		/* of the newest durable checkpoint; 0: none */
	u32 units;		/* not committed yet */
	u64 units_sectors;	/* their data */
	u64 oldest_ms;		/* since the oldest of them came; 0: none */
	u32 puts;		/* objects on their way */
	u32 objects;		/* in the bucket, this volume's and its parents' that it uses */
	u64 live_bytes;		/* of their payload: needed */
	u64 payload_bytes;
	u32 snapshots;
	u32 clones;
	/* Counted since it was attached. */
	u64 put_bytes;		/* objects and checkpoints, headers and all */
	u64 gc_bytes;		/* of these, put by garbage collection */
	u64 ckpt_bytes;
	u64 requests;
	u64 retries;
	u64 lookups;		/* outcomes that were unknown and looked up */
	u64 got_bytes;
	u64 shared_gets;	/* reads that were served by another one's request */
	u64 crc_errors;
	u64 deleted;		/* objects */
};

void lc_volume_status(const struct lc_volume *vol, struct lc_volume_status *st);

#endif /* LC_VOLUME_H */
