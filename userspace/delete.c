// SPDX-License-Identifier: GPL-2.0-only
/*
 * delete: a volume is removed from its store, with everything that it has there:
 *
 *	the manifest says that it is being deleted, on the condition that nobody has
 *	changed it: from then on nobody can attach it
 *	clones are looked for once more: one that was begun before has its manifest by now, or
 *	finds the mark when it has, and takes that back
 *	a fence is put where the next object would go: a host that has it all the same stops.
 *	in a store without conditional PUTs there is none, and such a host can undo the mark:
 *	it is waited for, and the mark looked at before objects go and before the manifest does
 *	all objects are deleted, the fence behind the others
 *	the manifest is deleted
 *	what this host knows of the volume is removed
 *
 * Until the last step but one the manifest tells what is going on, so that what was
 * interrupted never looks like a volume, and is finished by the same command.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <linux/string.h>

#include "bucket/codec.h"
#include "bucket/key.h"
#include "bucket/manifest.h"
#include "control.h"
#include "ctl.h"
#include "format.h"
#include "logcached/conf.h"
#include "logcached/control.h"
#include "logcached/mapdir.h"
#include "mark.h"
#include "remote.h"
#include "store/loop.h"
#include "sweep.h"
#include "vol_arg.h"

/* Objects that may get to the store while we look for a place that is free. */
#define FENCE_TRIES	64u
/* Requests that were under way when the volume was marked may arrive meanwhile. */
#define ROUNDS		3u

struct doomed {
	const struct ctl *ctl;
	struct remote r;
	char text[UUID_TEXT];
	char prefix[UUID_TEXT + 1];
	char manifest_key[LC_KEY_LEN];
	char fence_key[LC_KEY_LEN];
	enum remote_state state;
	struct lc_manifest m;
	char etag[LC_STORE_ETAG_MAX];
	char why[LC_STORE_WHY_MAX];
};

void help_delete(FILE *out)
{
	fputs("\nThe volume, its snapshots and all its objects are gone for good; the cache is\n"
	      "not touched. Stop the volume first. What was interrupted is finished by the same command,\n"
	      "and until then the volume cannot be used. Refused if a clone needs its objects.\n"
	      "A store does not say whether a host has a volume now. If the cache that wrote it last\n"
	      "is not the one that this host knows, --force is needed: make sure that no other host\n"
	      "has it.\n", out);
	help_store_options(out);
}

/*----------------------------------------------------------------
 * May it be deleted?
 *----------------------------------------------------------------
 */

static int not_running(const struct doomed *d)
{
	char *name = vol_arg_running(d->r.conf.uuid);
	int ret = CTL_OK;

	if (name)
		ret = ctl_error(CTL_FAILED,
				"volume %s runs as %s; stop it first: logcachectl remove %s",
				d->text, name, name);
	free(name);
	return ret;
}

/* The cache that wrote it last; NULL: nobody has. What a clone began with is not its own. */
static const u8 *last_writer(const struct doomed *d)
{
	u32 i;

	for (i = d->m.nr_runs; i; i--)
		if (!memcmp(d->m.runs[i - 1].uuid, d->r.conf.uuid, 16))
			return d->m.runs[i - 1].log;
	return NULL;
}

/* Is that the cache of this host? Then nobody else can have the volume. */
static int check_writer(const struct doomed *d)
{
	char why[LC_STORE_WHY_MAX], text[UUID_TEXT];
	const u8 *last = last_writer(d);
	struct lc_conf known;

	if (!last || ctl_has(d->ctl, "force"))
		return CTL_OK;
	if (!lc_conf_load(&known, remote_conf_dir(), d->r.conf.uuid, why) &&
	    !memcmp(known.cache, last, 16))
		return CTL_OK;
	return ctl_error(CTL_FAILED,
			 "volume %s: was written last through cache %s, which is not the one that this host has for it: another host may be using it. Make sure that none does, and use --force",
			 d->text, uuid_text(text, last));
}

/* One that is there; @clone is NULL if none is. */
static int find_clone(struct doomed *d, const u8 **clone)
{
	bool there = false;
	int ret = CTL_OK;
	u32 i;

	*clone = NULL;
	for (i = 0; i < d->m.nr_pins && !ret && !there; i++) {
		if (!lc_pin_is_clone(&d->m.pins[i]))
			continue;
		ret = remote_has(&d->r, d->m.pins[i].clone, &there);
		if (there)
			*clone = d->m.pins[i].clone;
	}
	return ret;
}

static int check_clones(struct doomed *d)
{
	char text[UUID_TEXT];
	const u8 *clone;
	int ret;

	ret = find_clone(d, &clone);
	if (ret || !clone)
		return ret;
	return ctl_error(CTL_FAILED, "volume %s: clone %s needs its objects; delete that one first",
			 d->text, uuid_text(text, clone));
}

static int check_damaged(struct doomed *d)
{
	if (ctl_has(d->ctl, "force"))
		return CTL_OK;
	return ctl_error(CTL_FAILED,
			 "volume %s: its manifest is damaged (%s), so that nobody knows whether a clone needs its objects; --force deletes it all the same",
			 d->text, d->why);
}

static int may_delete(struct doomed *d)
{
	switch (d->state) {
	case REMOTE_DAMAGED:
		return check_damaged(d);
	case REMOTE_GOOD:
		return check_writer(d) ?: check_clones(d);
	case REMOTE_DELETING:
		/* Its writer was asked about before, and clones may have come late. */
		return check_clones(d);
	default:
		return CTL_OK;
	}
}

/*----------------------------------------------------------------
 * Asking
 *----------------------------------------------------------------
 */

static u32 nr_snapshots(const struct lc_manifest *m)
{
	u32 i, n = 0;

	for (i = 0; i < m->nr_pins; i++)
		n += !lc_pin_is_clone(&m->pins[i]);
	return n;
}

/* Another host may have deleted it; then there is only what this one has written down. */
static int ask_to_forget(const struct doomed *d)
{
	if (ctl_has(d->ctl, "origin") || !remote_known(d->r.conf.uuid))
		return ctl_error(CTL_FAILED,
				 "%s: there is no volume %s; logcachectl volumes lists those that are there",
				 d->r.conf.url, d->text);
	return ctl_confirm(d->ctl,
			   "Volume %s is not in %s any more; what this host knows of it will be removed.",
			   d->text, d->r.conf.url);
}

static int ask(struct doomed *d, const struct sweep *s)
{
	char size[SIZE_TEXT], bytes[SIZE_TEXT];

	if (d->state == REMOTE_NONE && !s->nr)
		return ask_to_forget(d);
	size_text(bytes, s->bytes);
	if (d->state != REMOTE_GOOD)
		return ctl_confirm(d->ctl,
				   "What is left of volume %s in %s, %zu objects with %s, will be deleted.",
				   d->text, d->r.conf.url, s->nr, bytes);
	return ctl_confirm(d->ctl,
			   "Volume %s of %s in %s, with %u snapshots, %zu objects and %s, will be deleted for good.",
			   d->text, size_text(size, d->m.sectors << LC_SECTOR_SHIFT),
			   d->r.conf.url, nr_snapshots(&d->m), s->nr, bytes);
}

/*----------------------------------------------------------------
 * The mark and the fence
 *----------------------------------------------------------------
 */

static int put_failed(const struct doomed *d, const struct lc_store_req *req)
{
	if (req->status == LC_STORE_PRECOND)
		return ctl_error(CTL_FAILED,
				 "volume %s: somebody has changed it at this moment: it is in use; nothing was deleted",
				 d->text);
	if (req->status == LC_STORE_UNKNOWN)
		return ctl_error(CTL_FAILED,
				 "%s: %s; nothing was deleted, but the volume may be marked as one that is, and then nobody can use it: give the command again",
				 d->r.conf.url, req->why);
	return ctl_error(CTL_FAILED, "%s: %s; nothing was deleted", d->r.conf.url, req->why);
}

/* On the condition that it is what we have looked at. */
static int put_manifest(struct doomed *d)
{
	struct lc_store_req req = { .op = LC_STORE_PUT, .nr_iov = 1 };
	struct iovec iov;

	iov.iov_base = lc_manifest_encode(&d->m, &iov.iov_len);
	if (!iov.iov_base)
		return ctl_error(CTL_FAILED, "out of memory");
	req.iov = &iov;
	snprintf(req.key, sizeof(req.key), "%s", d->manifest_key);
	if (!(d->m.flags & LC_BK_NO_FENCING)) {
		req.flags = LC_STORE_IF_MATCH;
		strscpy(req.etag, d->etag, sizeof(req.etag));
	}
	lc_store_wait(d->r.store, &req);
	free(iov.iov_base);
	if (req.status != LC_STORE_OK)
		return put_failed(d, &req);
	strscpy(d->etag, req.etag, sizeof(d->etag));
	return CTL_OK;
}

static int mark(struct doomed *d)
{
	int ret;

	if (d->state == REMOTE_NONE || d->state == REMOTE_DELETING)
		return CTL_OK;
	if (d->state == REMOTE_DAMAGED) {
		d->m = (struct lc_manifest){ .sectors = LC_BLOCK_SECTORS };
		memcpy(d->m.uuid, d->r.conf.uuid, sizeof(d->m.uuid));
		d->m.flags = d->r.conf.no_fencing ? LC_BK_NO_FENCING : 0;
	}
	d->m.epoch++;
	d->m.generation++;
	d->m.flags |= LC_BK_DELETING;
	ret = uuid_random(d->m.owner);
	return ret ?: put_manifest(d);
}

/* Of what another command has marked, objects may be gone: that is no volume again. */
static int unmark(struct doomed *d)
{
	if (d->state != REMOTE_GOOD)
		return CTL_OK;
	d->m.generation++;
	d->m.flags &= ~LC_BK_DELETING;
	return put_manifest(d);
}

/* One whose manifest came after we had looked. Those that come later find the mark. */
static int check_late_clones(struct doomed *d)
{
	char text[UUID_TEXT];
	const u8 *clone;
	int ret;

	ret = find_clone(d, &clone);
	if (!ret && clone)
		ret = unmark(d);
	if (ret)
		return ctl_error(ret,
				 "volume %s: is marked as deleted, and cannot be used any more; give the command again",
				 d->text);
	if (!clone)
		return CTL_OK;
	return ctl_error(CTL_FAILED,
			 "volume %s: clone %s, which was made at this moment, needs its objects; delete that one first",
			 d->text, uuid_text(text, clone));
}

static enum lc_store_status put_fence(struct doomed *d, const struct lc_run *run, u64 seq,
				      char *why)
{
	struct lc_obj obj = {
		.epoch = d->m.epoch, .seq = seq, .prev = seq - 1, .flags = LC_BK_FENCE,
	};
	struct lc_store_req req = { .op = LC_STORE_PUT, .flags = LC_STORE_IF_ABSENT, .nr_iov = 1 };
	static u8 block[LC_BK_BLOCK];
	struct iovec iov = { block };

	lc_obj_encode(block, run->uuid, &obj, NULL, NULL);
	iov.iov_len = obj.header_bytes;
	req.iov = &iov;
	snprintf(req.key, sizeof(req.key), "%s", d->fence_key);
	lc_store_wait(d->r.store, &req);
	strscpy(why, req.why, LC_STORE_WHY_MAX);
	return req.status;
}

/* Behind the last object of a run. */
static u64 next_seq(const struct sweep *s, const struct lc_run *run)
{
	u64 next = run->first, epoch, seq;
	size_t i;

	for (i = 0; i < s->nr; i++)
		if (lc_key_parse_data(s->keys[i], run->uuid, &epoch, &seq) &&
		    epoch == run->epoch && seq >= next)
			next = seq + 1;
	return next;
}

/* Where the owner of the head run would go on: it does not get past that. */
static int fence_off(struct doomed *d, const struct sweep *s)
{
	const struct lc_run *head = lc_manifest_head(&d->m);
	enum lc_store_status status = LC_STORE_PRECOND;
	char why[LC_STORE_WHY_MAX] = "";
	unsigned int tries;
	u64 seq;

	if (!head || head->end != LC_BK_NEVER || memcmp(head->uuid, d->r.conf.uuid, 16) ||
	    (d->m.flags & LC_BK_NO_FENCING))
		return CTL_OK;
	seq = next_seq(s, head);
	for (tries = 0; tries < FENCE_TRIES && status == LC_STORE_PRECOND; tries++, seq++) {
		lc_key_data(d->fence_key, head->uuid, head->epoch, seq);
		status = put_fence(d, head, seq, why);
	}
	if (status == LC_STORE_OK)
		return CTL_OK;
	return ctl_error(CTL_FAILED,
			 "%s: volume %s is marked as deleted, but no fence could be put (%s), so that a host that has it would go on; try again",
			 d->r.conf.url, d->text, why);
}

/*----------------------------------------------------------------
 * Deleting
 *----------------------------------------------------------------
 */

static int delete_key(struct doomed *d, const char *key)
{
	struct lc_store_req req = { .op = LC_STORE_DELETE };

	snprintf(req.key, sizeof(req.key), "%s", key);
	if (lc_store_wait(d->r.store, &req) == LC_STORE_OK)
		return CTL_OK;
	return ctl_error(CTL_FAILED, "%s: %s; give the command again", d->r.conf.url, req.why);
}

static int delete_objects(struct doomed *d, struct sweep *s)
{
	unsigned int i;
	int ret;

	ret = sweep_delete(s, d->r.store, "deleting objects");
	for (i = 0; i < ROUNDS && !ret; i++) {
		ret = sweep_list(s, d->r.store, d->prefix);
		if (ret || !s->nr)
			break;
		ret = sweep_delete(s, d->r.store, "deleting objects");
	}
	if (!ret && s->nr)
		ret = ctl_error(CTL_FAILED, "objects keep coming: another host writes it");
	if (ret)
		return ctl_error(ret,
				 "%s: volume %s is not deleted to the end, and cannot be used any more; give the command again",
				 d->r.conf.url, d->text);
	return CTL_OK;
}

static int delete_rest(struct doomed *d)
{
	int ret = *d->fence_key ? delete_key(d, d->fence_key) : CTL_OK;

	return ret ?: mark_check(&d->r, &d->m) ?: delete_key(d, d->manifest_key);
}

/* Whoever could undo the mark has done that, or stopped. */
static int settle_mark(struct doomed *d)
{
	mark_wait(&d->m);
	return mark_check(&d->r, &d->m);
}

/* Nobody needs it any more, but somebody may still have it open. */
static void forget_map(const struct doomed *d)
{
	const char *dir = getenv("LOGCACHE_STATE_DIR") ?: LC_STATE_DIR;
	int err = lc_mapdir_remove(dir, d->text);

	if (err)
		ctl_error(0, "note: the object map in %s/%s stays: %s", dir, d->text,
			  err == -EAGAIN ? "a process has it open" : strerror(-err));
}

/* Unless it is of a volume somewhere else. */
static int forget(const struct doomed *d)
{
	char why[LC_STORE_WHY_MAX];
	struct lc_conf known;
	int ret;

	if (!remote_known(d->r.conf.uuid))
		return CTL_OK;
	if (!lc_conf_load(&known, remote_conf_dir(), d->r.conf.uuid, why) &&
	    strcmp(known.url, d->r.conf.url))
		return CTL_OK;
	if (lc_conf_remove(remote_conf_dir(), d->r.conf.uuid, why))
		return ctl_error(CTL_FAILED, "volume %s: deleted, but %s", d->text, why);
	ret = control_reload();
	forget_map(d);
	return ret;
}

/* Those whose objects it shared keep them until they are told. */
static void say_parents(struct doomed *d)
{
	char text[UUID_TEXT];
	const u8 *last = NULL;
	u32 i;

	for (i = 0; i < d->m.nr_runs; i++) {
		const u8 *uuid = d->m.runs[i].uuid;

		if (!memcmp(uuid, d->r.conf.uuid, 16) || (last && !memcmp(uuid, last, 16)))
			continue;
		last = uuid;
		printf("It shared objects with volume %s. If that is its parent, tell it:\n"
		       "  logcachectl clone-gone %s %s\n",
		       uuid_text(text, uuid), text, d->text);
	}
}

/* Without a manifest nobody knows, and it may be one that can be put back. */
static int check_lost(const struct doomed *d, const struct sweep *s)
{
	if (d->state != REMOTE_NONE || !s->nr || ctl_has(d->ctl, "force"))
		return CTL_OK;
	return ctl_error(CTL_FAILED,
			 "volume %s: its manifest is not there, %zu objects are, and nobody knows whether a clone needs them; put the manifest back if it was lost, or use --force",
			 d->text, s->nr);
}

/* What is to be deleted; after the mark nothing is added but what is on its way. */
static int list(struct doomed *d, struct sweep *s)
{
	int ret;

	ret = sweep_list(s, d->r.store, d->prefix);
	if (ret)
		ctl_error(ret, "%s: nothing was deleted", d->r.conf.url);
	return ret;
}

static int carry_out(struct doomed *d)
{
	struct sweep s = { .keep = { d->manifest_key, d->fence_key } };
	int ret;

	ret = list(d, &s) ?: check_lost(d, &s) ?: ask(d, &s) ?: mark(d) ?:
	      check_late_clones(d) ?: settle_mark(d) ?: list(d, &s) ?: fence_off(d, &s) ?:
	      delete_objects(d, &s) ?: delete_rest(d) ?: forget(d);
	sweep_free(&s);
	if (ret)
		return ret;
	printf("Volume %s is deleted.\n", d->text);
	say_parents(d);
	return CTL_OK;
}

int cmd_delete(const struct ctl *ctl)
{
	struct doomed d = { .ctl = ctl };
	int ret;

	ret = remote_volume(ctl, &d.r.conf);
	if (!ret) {
		uuid_text(d.text, d.r.conf.uuid);
		snprintf(d.prefix, sizeof(d.prefix), "%s/", d.text);
		lc_key_manifest(d.manifest_key, d.r.conf.uuid);
		ret = not_running(&d) ?: remote_open(&d.r) ?:
		      remote_look(&d.r, d.r.conf.uuid, &d.m, d.etag, &d.state, d.why) ?:
		      may_delete(&d) ?: carry_out(&d);
	}
	lc_manifest_free(&d.m);
	remote_close(&d.r);
	return ret;
}
