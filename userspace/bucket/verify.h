/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Looking at a volume in a bucket without owning it: every object is read whole, every
 * checksum computed, the volume recovered into a scratch map. Changes nothing. While
 * somebody writes the volume, what came after the listing is not looked at.
 */
#ifndef LC_BUCKET_VERIFY_H
#define LC_BUCKET_VERIFY_H

#include "volume.h"

enum lc_verify_kind {
	LC_VERIFY_LIVE,		/* the volume needs it */
	LC_VERIFY_DEAD,		/* nothing of it is the newest; waits to be deleted */
	LC_VERIFY_PINNED,	/* a snapshot or a clone needs it, the volume does not */
	LC_VERIFY_ORPHAN,	/* does not count: behind the end, or of a branch that is gone */
	LC_VERIFY_FENCE,
	LC_VERIFY_CKPT,
};

/* "live", "dead", ... */
const char *lc_verify_kind_name(enum lc_verify_kind kind);

struct lc_verify_object {
	const char *key;
	enum lc_verify_kind kind;
	u64 epoch;
	u64 seq;
	u64 bytes;
	u64 live_bytes;		/* of its payload, of the volume as it is now */
	u64 lsn_first, lsn_end;
	int err;		/* 0 or -errno with @why */
	const char *why;
};

struct lc_verify_result {
	u64 objects;
	u64 bytes;
	u64 live_bytes;
	u64 damaged;		/* objects with an error */
	u64 strange;		/* keys that mean nothing */
	u64 kinds[LC_VERIFY_CKPT + 1];
	u64 seq;		/* last object that counts */
	u64 lsn;
	u64 epoch;
	u32 snapshots, clones;
	int recover_err;	/* can it be attached? */
	char recover_why[512];
};

/*
 * @map_dir: an empty directory, whose contents may go afterwards
 * @object: one call for each, in the order of keys by number
 * @done: -errno if nothing could be looked at, with @why
 */
void lc_bucket_verify(struct lc_store *store, const u8 uuid[16], const char *map_dir,
		      void (*object)(const struct lc_verify_object *obj, void *data),
		      void (*done)(int err, const char *why, const struct lc_verify_result *res,
				   void *data),
		      void *data);

#endif /* LC_BUCKET_VERIFY_H */
