// SPDX-License-Identifier: GPL-2.0-only
/*
 * Recoveries that are cut short, and a bucket that changes under them. The object map is
 * copied behind each of its transactions: what a process that dies there leaves.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lmdb.h>

#include "tap.h"

#include "rig.h"

#define CUTS_MAX	64u

static struct {
	const char *dir;	/* of the map that is being made; NULL: nothing is copied */
	char copies[CUTS_MAX][64];
	u32 nr;
} cuts;

int __real_mdb_txn_commit(MDB_txn *txn);
int __wrap_mdb_txn_commit(MDB_txn *txn);

static void copy_file(const char *from, const char *to)
{
	static char buf[65536];
	FILE *in = fopen(from, "re"), *out = fopen(to, "we");
	size_t n;

	REQUIRE(in && out);
	while ((n = fread(buf, 1, sizeof(buf), in)))
		REQUIRE(fwrite(buf, 1, n, out) == n);
	REQUIRE(!ferror(in) && !fclose(out));
	fclose(in);
}

static void take_copy(void)
{
	char from[128], to[128];

	REQUIRE(cuts.nr < CUTS_MAX);
	scratch_new(cuts.copies[cuts.nr], sizeof(cuts.copies[0]));
	snprintf(from, sizeof(from), "%s/data.mdb", cuts.dir);
	snprintf(to, sizeof(to), "%s/data.mdb", cuts.copies[cuts.nr]);
	copy_file(from, to);
	cuts.nr++;
}

int __wrap_mdb_txn_commit(MDB_txn *txn)
{
	int rc = __real_mdb_txn_commit(txn);

	if (cuts.dir)
		take_copy();
	return rc;
}

static void free_copies(void)
{
	while (cuts.nr)
		scratch_free(cuts.copies[--cuts.nr]);
}

/* Attach with an empty map, and keep what there was of it on the way. */
static int again_with_cuts(struct rig *r)
{
	struct lc_volume *vol = r->vol;
	int err;

	r->vol = NULL;
	close_sync(&r->w, vol);
	scratch_free(r->dir);
	scratch_new(r->dir, sizeof(r->dir));
	r->p.owner[0]++;
	cuts.dir = r->dir;
	r->vol = attach_sync(&r->w, &r->p, &err, r->why);
	cuts.dir = NULL;
	return err;
}

/* With the map of cut @i. */
static int attach_cut(struct rig *r, u32 i)
{
	int err;

	if (r->vol)
		close_sync(&r->w, r->vol);
	r->p.map_dir = cuts.copies[i];
	r->p.owner[0]++;
	r->vol = attach_sync(&r->w, &r->p, &err, r->why);
	return err;
}

/* None of them counts yet, and the map of a cut behind it does not know of it. */
static void what_is_missing_is_missed_wherever_it_was_cut(void)
{
	struct rig r;
	u32 i;

	rig_init(&r);
	r.p.ckpt_objects = 1000;
	CHECK(!again(&r) && !fill(&r, 12));
	world_delete(&r.w, find_object(&r, "/data/", 4)->key);
	CHECK(again_with_cuts(&r) == -EBADMSG && strstr(r.why, "put back"));
	/* Opened, emptied, an object each, emptied. */
	CHECK(cuts.nr >= 13);
	for (i = 0; i < cuts.nr; i++)
		CHECK(attach_cut(&r, i) == -EBADMSG && strstr(r.why, "put back"));
	free_copies();
	rig_fini(&r);
}

static void wherever_it_was_cut_the_volume_is_there(void)
{
	u32 i, ckpt;
	struct rig r;

	for (ckpt = 0; ckpt < 2; ckpt++) {
		rig_init(&r);
		r.p.ckpt_objects = 1000;
		CHECK(!again(&r) && !fill(&r, 40));
		CHECK(!ckpt || !call_sync(&r.w, r.vol, lc_volume_checkpoint));
		CHECK(!write_blocks(&r, 90, 1) && !write_blocks(&r, 91, 1));
		CHECK(!again_with_cuts(&r) && cuts.nr >= 4);
		for (i = 0; i < cuts.nr; i++) {
			CHECK(!attach_cut(&r, i) && status(&r).lsn == 42 && all_there(&r, 40));
			CHECK(stamp_of(&r, r.vol, 91) == r.stamp - 7);
		}
		free_copies();
		rig_fini(&r);
	}
}

/* And nothing has been written since. */
static void a_map_that_was_recovered_is_used_again(void)
{
	struct rig r;
	u64 gets;

	rig_init(&r);
	CHECK(!fill(&r, 12) && !again(&r));
	gets = r.w.gets;
	CHECK(!once_more(&r));
	/* Nothing but the manifest: the new run is empty. */
	CHECK(r.w.gets - gets == 1 && all_there(&r, 12));
	rig_fini(&r);
}

/* Begin to attach with an empty map; @err as long as it is 1. */
static void begin_again(struct rig *r, int *err)
{
	close_sync(&r->w, r->vol);
	scratch_free(r->dir);
	scratch_new(r->dir, sizeof(r->dir));
	r->p.owner[0]++;
	*err = 1;
	r->vol = lc_volume_attach(&r->p, take_err, err);
	REQUIRE(r->vol);
}

/* Up to the next request for a data object. False: attaching has ended. */
static bool next_get(struct rig *r, const int *err, char key[LC_STORE_KEY_MAX])
{
	const struct lc_store_req *q;

	while (*err == 1) {
		lc_loop_turn(r->w.loop, 0);
		q = host_waits(&r->h);
		if (q && q->op == LC_STORE_GET && strstr(q->key, "/data/")) {
			strcpy(key, q->key);
			return true;
		}
		world_run(&r->w);
	}
	return false;
}

/* The last one goes when all before it are in the map, so that everything is listed anew. */
static void what_is_missing_is_missed_after_another_listing(void)
{
	char key[LC_STORE_KEY_MAX], last[LC_STORE_KEY_MAX];
	struct rig r;
	u64 lists;
	int err;

	rig_init(&r);
	r.p.ckpt_objects = 1000;
	CHECK(!again(&r) && !fill(&r, 12));
	world_delete(&r.w, find_object(&r, "/data/", 4)->key);
	strcpy(last, find_object(&r, "/data/", -1)->key);
	lists = r.w.lists;
	begin_again(&r, &err);
	/* Its fixed part has been read, and now the first header is asked for. */
	while (next_get(&r, &err, key) && !strcmp(key, last))
		world_step(&r.w);
	world_delete(&r.w, last);
	while (err == 1)
		world_run(&r.w);
	CHECK(r.w.lists > lists + 2);
	CHECK(err == -EBADMSG && strstr(lc_volume_why(r.vol), "put back"));
	rig_fini(&r);
}

/* Whatever is asked for has just been deleted. */
static void a_bucket_that_never_holds_still_is_given_up(void)
{
	char key[LC_STORE_KEY_MAX];
	struct rig r;
	u64 lists, before;
	int err;

	rig_init(&r);
	r.p.ckpt_objects = 1000;
	CHECK(!again(&r) && !fill(&r, 40));
	begin_again(&r, &err);
	lists = r.w.lists;
	before = lc_loop_now(r.w.loop);
	while (next_get(&r, &err, key)) {
		world_delete(&r.w, key);
		world_step(&r.w);
	}
	CHECK(err == -EBUSY && strstr(lc_volume_why(r.vol), "keeps deleting"));
	CHECK(strstr(lc_volume_why(r.vol), "object 11 was listed"));
	CHECK(r.w.lists - lists == 2 * 24);
	/* 100 ms more each time, up to 2 s. */
	CHECK(lc_loop_now(r.w.loop) - before >= 27000);
	rig_fini(&r);
}

static void it_is_closed_between_two_listings(void)
{
	char key[LC_STORE_KEY_MAX];
	struct rig r;
	int err;

	rig_init(&r);
	CHECK(!fill(&r, 5));
	begin_again(&r, &err);
	CHECK(next_get(&r, &err, key));
	world_delete(&r.w, key);
	CHECK(world_step(&r.w) && !r.w.nr_requests && err == 1);
	close_sync(&r.w, r.vol);
	r.vol = NULL;
	CHECK(err == -ECANCELED);
	rig_fini(&r);
}

int main(void)
{
	RUN(what_is_missing_is_missed_wherever_it_was_cut);
	RUN(wherever_it_was_cut_the_volume_is_there);
	RUN(a_map_that_was_recovered_is_used_again);
	RUN(what_is_missing_is_missed_after_another_listing);
	RUN(a_bucket_that_never_holds_still_is_given_up);
	RUN(it_is_closed_between_two_listings);
	return tap_done();
}
