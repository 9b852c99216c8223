/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The volume from the inside, for the files of this directory.
 *
 * Each part keeps its own state in a struct of its own below and touches the others'
 * only through their functions:
 *
 *   attach  manifest -> epoch -> recover -> fence -> manifest: the volume is active
 *   recover bucket -> map
 *   put     units -> objects, committed in order -> map
 *   get     map -> objects -> sectors
 *   ckpt    map -> checkpoint objects
 *   mark    says up to where everything was complete
 *   gc      copies out of old objects -> put; deletes what nothing needs
 *   snap    manifest changes: snapshots, rollback, clones, size
 */
#ifndef LC_BUCKET_VOL_H
#define LC_BUCKET_VOL_H

#include <linux/kernel.h>
#include <linux/list.h>

#include "store/loop.h"

#include "durable.h"
#include "inventory.h"
#include "io.h"
#include "key.h"
#include "manifest.h"
#include "map.h"
#include "own.h"
#include "plant.h"
#include "volume.h"

/* A callback for later, but in this turn of the loop or the next. */
struct lc_call {
	struct list_head list;
	void (*fn)(struct lc_call *call);
	void *data;
	int err;
};

struct lc_puts {
	struct list_head units;		/* waiting, or partly on their way */
	struct list_head list;		/* objects that are not committed, in their order */
	u32 nr;				/* of these, not durable */
	u64 lsn;			/* of the last unit accepted */
	u64 sent_lsn;			/* of the last one whose objects are on their way */
	u64 next_seq;
	u64 prev;			/* seq of the object before the next one */
	struct lc_gc_copy *copy;	/* ready to go: next in line */
	bool committing;
};

struct lc_gets {
	struct list_head list;		/* requests on their way or waiting for their turn */
	u32 nr;				/* on their way */
};

/* A checkpoint that is in the bucket, of this volume itself. */
struct lc_ckpt_ref {
	u64 seq;
	u64 epoch;
	u32 nr_parts;
};

struct lc_ckpts {
	struct lc_ckpt_ref *refs;	/* ascending */
	u32 nr;
	u64 durable;			/* seq of the newest */
	u64 since_bytes;		/* put since then */
	u32 since_objects;
	u64 last_bytes;			/* how large it was */
	struct lc_timer timer;
	struct ckpt_job *job;
};

struct lc_mark {
	u64 seq;
	u64 epoch;
};

struct lc_marks {
	struct lc_mark *e;		/* in the bucket, ascending */
	u32 nr;
	u64 durable;			/* seq of the newest of one's own */
};

struct lc_gcs {
	struct gc_job *job;
	struct lc_inventory strays;	/* objects of this volume that the map does not know */
	bool sweep;			/* look at them again */
	bool behind;			/* far below gc_target */
};

struct lc_volume {
	struct lc_volume_params params;
	struct lc_store *store;
	struct lc_loop *loop;
	u8 uuid[16];
	enum lc_volume_mode mode;
	char why[512];
	struct lc_volume_status st;	/* the counters of it */

	struct list_head ios;
	struct list_head calls;
	struct lc_timer call_timer;
	int stop_err;			/* why it stopped for good */
	bool gone;			/* for want of a manifest */
	u32 doubts;			/* checks that have found none so far: nothing is written */
	bool closing;
	void (*closed)(void *data);
	void *closed_data;

	struct lc_manifest m;		/* as it is in the bucket */
	struct lc_manifest next;	/* being put */
	char etag[LC_STORE_ETAG_MAX];
	bool updating;
	struct attach *attach;		/* while it is being attached */

	struct lc_map *map;
	struct lc_line line;		/* of the head, up to what is committed */
	u64 committed;
	u64 lsn;
	u64 committed_field;		/* of the newest object committed */

	struct lc_puts puts;
	struct lc_gets gets;
	struct lc_ckpts ckpts;
	struct lc_marks marks;
	struct lc_gcs gcs;
	struct op *rollback;		/* waits for it */
	struct list_head children;	/* clones whose manifest is on its way */
	void (*idle)(struct lc_volume *vol);	/* wanted when no put, copy or checkpoint is left */
};

/*----------------------------------------------------------------
 * vol.c
 *----------------------------------------------------------------
 */

/* One that has nothing yet. NULL: out of memory. */
struct lc_volume *lc_vol_new(const struct lc_volume_params *params);

/* A daemon without a few hundred bytes has nothing to add; it ends, and its successor goes on. */
void *lc_vol_alloc(size_t size);
void __noreturn lc_vol_no_memory(void);

__printf(2, 3) void lc_vol_why(struct lc_volume *vol, const char *fmt, ...);

/* The volume stops for good; everything that waits gets @err. */
void lc_vol_stop(struct lc_volume *vol, int err);
/* Why nothing can be done, or 0. */
int lc_vol_check(struct lc_volume *vol);

/* Of vol->call_timer. */
void lc_vol_run_calls(struct lc_timer *t);
void lc_vol_later(struct lc_volume *vol, struct lc_call *call);
/* done(vol, err, data) later. */
void lc_vol_answer(struct lc_volume *vol, lc_volume_fn done, void *data, int err);

/* Something has ended: is the volume to be closed, or idle? */
void lc_vol_settle(struct lc_volume *vol);

/* Key of object @seq of the volume or its parents. False: it is in no run. */
bool lc_vol_key(const struct lc_volume *vol, u64 seq, char *key, u8 *uuid, u64 *epoch);

/* Does a snapshot or clone need object @seq, which the head last needed at @dead_at? */
bool lc_vol_pinned(const struct lc_volume *vol, u64 seq, u64 dead_at);

/* vol->line anew, after the manifest or the head changed. */
int lc_vol_set_line(struct lc_volume *vol);

/*----------------------------------------------------------------
 * put.c
 *----------------------------------------------------------------
 */

/* Objects from @next_seq on, the first one behind @prev. */
void lc_put_open(struct lc_volume *vol, u64 next_seq, u64 prev);
void lc_put_pump(struct lc_volume *vol);
bool lc_put_idle(const struct lc_volume *vol);
void lc_put_status(const struct lc_volume *vol, struct lc_volume_status *st);
/* All waiting units get @err. */
void lc_put_fail(struct lc_volume *vol, int err);

/* Live parts of old objects, for the next object. Sorted extents, @data for each. */
struct lc_gc_copy {
	struct lc_ext *exts;
	u64 *seqs;		/* which object each was in */
	const void **data;	/* NULL for zeroes */
	u32 nr;
	void (*done)(struct lc_gc_copy *copy, int err);
	void *priv;
};

/* One at a time; done() when it is committed. What is not the newest then is left out. */
void lc_put_copy(struct lc_volume *vol, struct lc_gc_copy *copy);

/*----------------------------------------------------------------
 * get.c, ckpt.c, mark.c, gc.c, snap.c
 *----------------------------------------------------------------
 */

void lc_get_fail(struct lc_volume *vol, int err);

void lc_ckpt_init(struct lc_volume *vol);
/* After a commit of @bytes: is a checkpoint due? */
void lc_ckpt_note(struct lc_volume *vol, u64 bytes);
bool lc_ckpt_idle(const struct lc_volume *vol);
/* Checkpoints that the inventory has of this volume. */
int lc_ckpt_adopt(struct lc_volume *vol, const struct lc_inventory *inv);
void lc_ckpt_free(struct lc_volume *vol);

/* Everything up to what is committed now was complete: @done when the bucket says so. */
void lc_mark_put(struct lc_volume *vol, lc_volume_fn done, void *data);
/* Marks that the inventory has of this volume. */
void lc_mark_adopt(struct lc_volume *vol, const struct lc_inventory *inv);
void lc_mark_free(struct lc_volume *vol);

bool lc_gc_idle(const struct lc_volume *vol);
/* Objects of the inventory that the map does not know; it is taken over. */
void lc_gc_adopt(struct lc_volume *vol, struct lc_inventory *inv);
void lc_gc_free(struct lc_volume *vol);

/* Of requests that are none of vol->ios: they are another volume's. */
void lc_snap_cancel(struct lc_volume *vol);
bool lc_snap_idle(const struct lc_volume *vol);

#endif /* LC_BUCKET_VOL_H */
