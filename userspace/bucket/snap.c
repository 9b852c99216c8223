// SPDX-License-Identifier: GPL-2.0-only
/*
 * Snapshots, rollback, clones, size: changes of the manifest. Objects do not move; a
 * snapshot is the number of the last object that is part of it, and what it needs is
 * not deleted.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <linux/string.h>

#include "create.h"
#include "recover.h"

struct op {
	struct lc_volume *vol;
	struct lc_manifest child;
	struct lc_create *create;	/* puts it; in vol->children meanwhile */
	struct list_head list;
	struct lc_io unmake;
	int err;		/* why it is taken back */
	u64 seq;
	bool again;		/* the clone was begun before */
	lc_volume_fn done;
	void *data;
};

static struct op *new_op(struct lc_volume *vol, lc_volume_fn done, void *data)
{
	struct op *op = lc_vol_alloc(sizeof(*op));

	op->vol = vol;
	op->done = done;
	op->data = data;
	return op;
}

static void finish(struct op *op, int err)
{
	struct lc_volume *vol = op->vol;

	op->done(vol, err, op->data);
	lc_manifest_free(&op->child);
	free(op);
	lc_vol_settle(vol);
}

static void later(struct lc_volume *vol, int err, void *data)
{
	finish(data, err);
}

static void put_done(struct lc_volume *vol, int err, void *data)
{
	/* Fewer snapshots need less. */
	vol->gcs.sweep = true;
	finish(data, err);
}

static int find(struct lc_volume *vol, const char *name, int *i)
{
	*i = lc_manifest_find_snapshot(&vol->m, name);
	if (*i >= 0)
		return 0;
	lc_vol_why(vol, "has no snapshot '%s'", name);
	return -ENOENT;
}

/*----------------------------------------------------------------
 * Snapshots
 *----------------------------------------------------------------
 */

static int add_pin(struct lc_volume *vol, const char *name, u64 seq, u64 created,
		   const u8 *clone)
{
	struct lc_pin pin = { .seq = seq, .created = created };
	int err;

	strscpy(pin.name, name, sizeof(pin.name));
	if (clone)
		memcpy(pin.clone, clone, sizeof(pin.clone));
	err = lc_manifest_add_pin(&vol->next, &pin);
	if (err == -ENOSPC)
		lc_vol_why(vol, "has as many snapshots and clones as fit; delete some");
	return err;
}

static int check_name(struct lc_volume *vol, const char *name)
{
	if (!*name || strlen(name) >= LC_PIN_NAME) {
		lc_vol_why(vol, "a snapshot's name has 1 to %u bytes", LC_PIN_NAME - 1);
		return -EINVAL;
	}
	if (lc_manifest_find_snapshot(&vol->m, name) >= 0) {
		lc_vol_why(vol, "has a snapshot '%s' already", name);
		return -EEXIST;
	}
	return 0;
}

/* vol->next is to be changed by the caller; an error has been answered. */
static struct op *begin(struct lc_volume *vol, int err, lc_volume_fn done, void *data)
{
	err = lc_vol_check(vol) ?: err;
	err = err ?: lc_own_begin(vol);
	if (!err)
		return new_op(vol, done, data);
	lc_vol_answer(vol, done, data, err);
	return NULL;
}

static void put_or_drop(struct op *op, int err, lc_volume_fn then)
{
	if (!err) {
		lc_own_put(op->vol, then, op);
		return;
	}
	lc_own_drop(op->vol);
	lc_vol_answer(op->vol, later, op, err);
}

void lc_volume_snapshot(struct lc_volume *vol, const char *name, u64 created, lc_volume_fn done,
			void *data)
{
	struct op *op = begin(vol, check_name(vol, name), done, data);

	if (op)
		put_or_drop(op, add_pin(vol, name, vol->committed, created, NULL), put_done);
}

void lc_volume_snapshot_delete(struct lc_volume *vol, const char *name, lc_volume_fn done,
			       void *data)
{
	struct op *op;
	int i;

	op = begin(vol, find(vol, name, &i), done, data);
	if (!op)
		return;
	lc_manifest_drop_pin(&vol->next, i);
	put_or_drop(op, 0, put_done);
}

/*----------------------------------------------------------------
 * Rollback
 *----------------------------------------------------------------
 */

/* The head run ends; the next one begins behind object @seq. */
static int branch(struct lc_volume *vol, u64 seq)
{
	struct lc_run *head = lc_manifest_head(&vol->next);
	struct lc_run run = *head;

	run.lsn = vol->lsn;
	run.prev = seq;
	run.first = vol->puts.next_seq;
	if (vol->puts.next_seq == head->first) {
		*head = run;
		return 0;
	}
	head->end = vol->puts.next_seq;
	return lc_manifest_add_run(&vol->next, &run);
}

static void recovered(struct lc_volume *vol, int err, struct lc_recovered *rec, void *data)
{
	struct op *op = data;

	if (!err && rec->tip != op->seq) {
		lc_vol_why(vol, "is at object %llx after the rollback, not at %llx", rec->tip,
			   op->seq);
		err = -EIO;
	}
	if (!err) {
		vol->committed = rec->tip;
		vol->committed_field = 0;
		lc_put_open(vol, lc_manifest_head(&vol->m)->first, rec->tip);
		err = lc_vol_set_line(vol);
	}
	err = err ?: lc_ckpt_adopt(vol, &rec->inv);
	if (err) {
		lc_vol_stop(vol, err);
	} else {
		lc_mark_adopt(vol, &rec->inv);
		lc_gc_adopt(vol, &rec->inv);
		vol->mode = LC_VOLUME_ACTIVE;
	}
	finish(op, err);
}

static void branched(struct lc_volume *vol, int err, void *data)
{
	struct op *op = data;

	if (!err) {
		lc_recover(vol, recovered, op);
		return;
	}
	if (!vol->stop_err && !vol->closing)
		vol->mode = LC_VOLUME_ACTIVE;
	finish(op, err);
}

static void idle(struct lc_volume *vol)
{
	struct op *op = vol->rollback;
	int err = vol->closing ? -ECANCELED : vol->stop_err;

	vol->rollback = NULL;
	if (err) {
		lc_own_drop(vol);
		finish(op, err);
		return;
	}
	err = branch(vol, op->seq);
	if (err)
		vol->mode = LC_VOLUME_ACTIVE;
	put_or_drop(op, err, branched);
}

void lc_volume_rollback(struct lc_volume *vol, const char *name, lc_volume_fn done, void *data)
{
	struct op *op;
	int i;

	op = begin(vol, find(vol, name, &i), done, data);
	if (!op)
		return;
	op->seq = vol->m.pins[i].seq;
	/* Units are refused from now on; those that are on their way arrive. */
	vol->mode = LC_VOLUME_ATTACHING;
	vol->rollback = op;
	vol->idle = idle;
	lc_vol_settle(vol);
}

/*----------------------------------------------------------------
 * Clones
 *----------------------------------------------------------------
 */

/* The runs that lead to object @seq, closed. */
static int copy_line(struct lc_manifest *child, const struct lc_manifest *m, u64 seq)
{
	struct lc_line line;
	struct lc_run run;
	int err = 0;
	u32 i;

	if (!lc_line_init(&line, m, seq))
		return -ENOMEM;
	for (i = 0; i < line.nr && !err; i++) {
		run = *line.spans[i].run;
		run.end = line.spans[i].last + 1;
		err = lc_manifest_add_run(child, &run);
	}
	lc_line_free(&line);
	return err;
}

static void unmade(struct lc_io *io)
{
	struct op *op = io->data;

	/* Now nothing of the volume is needed any more. */
	if (op->err == -ESTALE)
		lc_vol_stop(op->vol, op->err);
	finish(op, op->err);
}

/*
 * The objects may be gone: who deletes a volume looks for clones when he has marked it, and
 * then did not see this one yet. Nobody has been told of it.
 */
static void kept(struct lc_volume *vol, int err, void *data)
{
	struct op *op = data;

	if (err != -ESTALE && err != -ENOENT) {
		finish(op, err);
		return;
	}
	op->err = err;
	lc_io_init(&op->unmake, vol, LC_STORE_DELETE, unmade, op);
	lc_key_manifest(op->unmake.req.key, op->child.uuid);
	lc_io_start(&op->unmake);
}

static void child_made(int err, const char *why, void *data)
{
	struct op *op = data;

	list_del(&op->list);
	/* Why it was cancelled is what matters. */
	if (err && err != -ECANCELED)
		lc_vol_why(op->vol, "clone: %s", why);
	if (!err)
		lc_own_keeps(op->vol, op->child.uuid, kept, op);
	else	/* If it is there already: it has been attached since it was made. */
		finish(op, err == -EEXIST && op->again ? 0 : err);
}

static void pinned(struct lc_volume *vol, int err, void *data)
{
	struct op *op = data;

	err = err ?: lc_vol_check(vol);
	if (err) {
		finish(op, err);
		return;
	}
	list_add_tail(&op->list, &vol->children);
	op->create = lc_create_manifest(vol->store, &op->child, child_made, op);
}

void lc_snap_cancel(struct lc_volume *vol)
{
	struct op *op, *next;

	list_for_each_entry_safe(op, next, &vol->children, list)
		lc_create_cancel(op->create);
}

bool lc_snap_idle(const struct lc_volume *vol)
{
	return list_empty(&vol->children);
}

static int make_child(struct op *op, const u8 uuid[16], u64 created)
{
	const struct lc_manifest *m = &op->vol->m;

	op->child = (struct lc_manifest){
		.epoch = m->epoch, .sectors = m->sectors, .flags = m->flags, .created = created,
	};
	memcpy(op->child.uuid, uuid, 16);
	return copy_line(&op->child, m, op->seq);
}

static int check_clone(struct lc_volume *vol, const char *name, const u8 uuid[16], u64 *seq)
{
	int err, i;

	*seq = vol->committed;
	if (!memcmp(uuid, vol->uuid, 16)) {
		lc_vol_why(vol, "cannot be its own clone");
		return -EINVAL;
	}
	if (!name)
		return 0;
	err = find(vol, name, &i);
	if (!err)
		*seq = vol->m.pins[i].seq;
	return err;
}

void lc_volume_clone(struct lc_volume *vol, const char *name, const u8 uuid[16], u64 created,
		     lc_volume_fn done, void *data)
{
	struct op *op;
	u64 seq;
	int err, i;

	op = begin(vol, check_clone(vol, name, uuid, &seq), done, data);
	if (!op)
		return;
	i = lc_manifest_find_clone(&vol->m, uuid);
	op->again = i >= 0;
	op->seq = op->again ? vol->m.pins[i].seq : seq;
	err = make_child(op, uuid, op->again ? vol->m.pins[i].created : created);
	/* First the parent keeps the objects, then the child has them. */
	if (!err && !op->again)
		err = add_pin(vol, name ?: "", seq, created, uuid);
	put_or_drop(op, err, pinned);
}

void lc_volume_clone_gone(struct lc_volume *vol, const u8 uuid[16], lc_volume_fn done,
			  void *data)
{
	int i = lc_manifest_find_clone(&vol->m, uuid);
	struct op *op;

	if (i < 0)
		lc_vol_why(vol, "has no such clone");
	op = begin(vol, i < 0 ? -ENOENT : 0, done, data);
	if (!op)
		return;
	lc_manifest_drop_pin(&vol->next, i);
	put_or_drop(op, 0, put_done);
}

/*----------------------------------------------------------------
 * Size, owner
 *----------------------------------------------------------------
 */

static int check_size(struct lc_volume *vol, u64 sectors)
{
	if (sectors < vol->m.sectors) {
		lc_vol_why(vol, "has %llu sectors; it cannot be made smaller, to %llu",
			   vol->m.sectors, sectors);
		return -EINVAL;
	}
	if (sectors > LC_BK_SECTORS_MAX || sectors % LC_BK_BLOCK_SECTORS) {
		lc_vol_why(vol, "a size is a multiple of 8 sectors, and at most %llu",
			   LC_BK_SECTORS_MAX);
		return -EINVAL;
	}
	return 0;
}

void lc_volume_grow(struct lc_volume *vol, u64 sectors, lc_volume_fn done, void *data)
{
	int err = lc_vol_check(vol) ?: check_size(vol, sectors);
	struct op *op;

	if (err || sectors == vol->m.sectors) {
		lc_vol_answer(vol, done, data, err);
		return;
	}
	op = begin(vol, 0, done, data);
	if (!op)
		return;
	vol->next.sectors = sectors;
	put_or_drop(op, 0, later);
}

void lc_volume_check_owner(struct lc_volume *vol, lc_volume_fn done, void *data)
{
	int err = lc_vol_check(vol);

	if (err)
		lc_vol_answer(vol, done, data, err);
	else
		lc_own_check(vol, done, data);
}
