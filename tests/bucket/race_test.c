// SPDX-License-Identifier: GPL-2.0-only
/*
 * Two hosts at once: the first one goes on writing and collecting while the second one
 * attaches, and is held at a moment that matters. And what collecting must not do.
 */
#include <errno.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include "tap.h"

#include "rig.h"

/* The host B stops before its first request for which this holds. */
static void hold_at(struct rig *r, struct host *b, int *pending, enum lc_store_op op,
		    const char *part, int skip)
{
	const struct lc_store_req *q, *last = NULL;

	for (;;) {
		lc_loop_turn(r->w.loop, 0);
		q = host_waits(b);
		if (q && q != last && q->op == op && strstr(q->key, part) && !skip--)
			break;
		REQUIRE(*pending == 1);
		world_run(&r->w);
	}
	b->held = true;
}

/* What another host attaches with; scratch_free(@dir). */
static void second_host(struct rig *r, struct host *h, char dir[64])
{
	host_init(h, &r->w);
	h->in_order = true;
	scratch_new(dir, 64);
	r->p.map_dir = dir;
	r->p.store = &h->store;
	r->p.owner[0]++;
}

static void race(enum lc_store_op op, const char *part, int skip, u32 first, u32 writes, bool hotgc)
{
	struct lc_volume *b;
	struct host hb;
	struct rig r;
	char dir[64];
	int claim = 1, werr;
	u32 i;
	u64 acked, b_lsn;
	struct lc_volume_status st;

	rig_init(&r);
	r.p.ckpt_objects = 1000;
	CHECK(!again(&r));
	for (i = 0; i < first; i++)
		CHECK(!write_blocks(&r, i, 1));
	if (hotgc)
		for (i = 0; i < 6; i++) {
			CHECK(!write_blocks(&r, 100, 8));
			CHECK(!gc_all_sync(&r.w, r.vol));
		}
	second_host(&r, &hb, dir);
	b = lc_volume_attach(&r.p, take_err, &claim);
	hold_at(&r, &hb, &claim, op, part, skip);
	for (i = 0; i < writes; i++) {
		if (write_blocks(&r, 100, 8))
			break;
		werr = gc_all_sync(&r.w, r.vol);
		CHECK(!werr || werr == -ESTALE);
		if (werr)
			break;
	}
	acked = r.lsn;
	hb.held = false;
	while (claim == 1)
		world_run(&r.w);
	if (!claim) {
		lc_volume_status(b, &st);
		b_lsn = st.lsn;
		CHECK(b_lsn >= acked);
		werr = status(&r).mode == LC_VOLUME_STALE ? -ESTALE : write_blocks(&r, 101, 1);
		CHECK(werr == -ESTALE);
	}
	close_sync(&r.w, b);
	scratch_free(dir);
	rig_fini(&r);
}

/* B has seen the hole; A fills it, and deletes what filled it; then comes the fence. */
static void the_hole_is_filled_and_emptied_before_the_fence(void)
{
	race(LC_STORE_PUT, "/data/", 0, 10, 6, false);
}

/* The newest listed is deleted before it is asked for the floor. */
static void the_newest_listed_goes_before_the_probe(void)
{
	race(LC_STORE_GET, "/data/", 0, 10, 6, true);
}

static void marks_go_before_the_listings(void)
{
	race(LC_STORE_LIST, "/map/", 0, 10, 6, true);
}

static void marks_go_between_the_listings(void)
{
	race(LC_STORE_LIST, "/data/", 0, 10, 6, true);
}

/* With a snapshot "s" of the state after an object without contents, that is garbage since. */
static void rig_init_tick(struct rig *r)
{
	int i;

	rig_init(r);
	r->p.ckpt_objects = 1000;
	CHECK(!again(r));
	do {
		make_garbage(r);
		CHECK(!gc_all_sync(&r->w, r->vol));
	} while (find_object(r, "/data/", -1)->blob->size != 4096);
	CHECK(!snapshot_sync(&r->w, r->vol, "s"));
	for (i = 0; i < 3; i++) {
		make_garbage(r);
		CHECK(!gc_all_sync(&r->w, r->vol));
	}
}

static void a_snapshot_of_a_tick(void)
{
	struct rig r;
	u8 child[16];
	int err;

	rig_init_tick(&r);
	test_uuid(child, 2);
	CHECK(!clone_sync(&r.w, r.vol, "s", child));
	{
		struct lc_volume_params p = r.p;
		char dir[64], why[512];
		struct lc_volume *c;

		scratch_new(dir, sizeof(dir));
		p.map_dir = dir;
		memcpy(p.uuid, child, 16);
		p.new_log = true;
		c = attach_sync(&r.w, &p, &err, why);
		CHECK(!err);
		if (c)
			close_sync(&r.w, c);
		scratch_free(dir);
	}
	err = rollback_sync(&r.w, r.vol, "s");
	CHECK(!err);
	err = again(&r);
	CHECK(!err);
	rig_fini(&r);
}

/* Rolled back to it. */
static void a_rollback_to_a_tick(void)
{
	struct rig r;
	struct verified v;
	int err, i;

	rig_init_tick(&r);
	verify(&r, &v);
	err = rollback_sync(&r.w, r.vol, "s");
	i = again(&r);
	CHECK(!err && !i);
	rig_fini(&r);
}

/* Without conditions: the old owner has not asked yet, and deletes by what it wrote itself. */
static void a_stale_owner_without_fencing_deletes(void)
{
	struct lc_volume *b;
	struct host hb;
	struct rig r;
	char dir[64], why[512];
	int err, i;
	u64 want;

	rig_init(&r);
	r.w.no_cond = true;
	r.p.no_fencing = true;
	r.p.ckpt_objects = 1000;
	CHECK(!again(&r));
	for (i = 0; i < 10; i++)
		CHECK(!write_blocks(&r, i, 1));
	want = stamp_of(&r, r.vol, 3);
	second_host(&r, &hb, dir);
	b = attach_sync(&r.w, &r.p, &err, why);
	CHECK(b);
	for (i = 0; i < 10; i++)
		if (write_blocks(&r, i, 1))
			break;
	gc_all_sync(&r.w, r.vol);
	CHECK(stamp_of(&r, b, 3) == want);
	close_sync(&r.w, b);
	scratch_free(dir);
	rig_fini(&r);
}

/* With a volume of so many sectors, and without checkpoints. */
static void rig_init_large(struct rig *r, u64 sectors)
{
	u8 uuid[16];

	rig_init(r);
	close_sync(&r->w, r->vol);
	test_uuid(uuid, 9);
	memcpy(r->uuid, uuid, 16);
	memcpy(r->p.uuid, uuid, 16);
	r->p.object_sectors = 32768;
	r->p.map_limit = 1ull << 30;
	r->p.ckpt_objects = 100000;
	CHECK(!create_sync(&r->h, uuid, sectors, false));
	r->vol = NULL;
	CHECK(!again(r));
}

static void put_next(struct rig *r, struct lc_unit_extent *e, u32 nr)
{
	CHECK(!put_sync(&r->w, r->vol, r->lsn, r->lsn + 1, e, nr));
	r->lsn++;
}

/* So many steps at most. Return: what the last one did. */
static int gc_steps(struct rig *r, int max)
{
	int err = -EAGAIN;

	while (err == -EAGAIN && max--)
		err = call_sync(&r->w, r->vol, lc_volume_gc);
	return err;
}

/* One extent of zeroes in more pieces than an object has room for. */
static void a_copy_of_too_many_pieces(void)
{
	u64 sectors = 70000ull * 16 + 1024, lba = 0;
	struct lc_unit_extent *e = calloc(4096, sizeof(*e));
	struct rig r;
	u8 *data = calloc(1, 4096 * 64);
	int err, n;

	rig_init_large(&r, sectors);
	/* All of it discarded, and a few blocks written. */
	e[0] = (struct lc_unit_extent){ .lba = 0, .len = sectors - 1024, .op = LC_BK_DISCARD };
	e[1] = (struct lc_unit_extent){ .lba = sectors - 1024, .len = 512, .op = LC_BK_DATA, .data = data };
	put_next(&r, e, 2);
	/* Then pieces of it, and the blocks again. */
	while (lba < sectors - 1024) {
		for (n = 0; n < 4095 && lba < sectors - 1024; n++, lba += 16)
			e[n] = (struct lc_unit_extent){ .lba = lba, .len = 8, .op = LC_BK_ZERO };
		put_next(&r, e, n);
	}
	e[0] = (struct lc_unit_extent){ .lba = sectors - 1024, .len = 504, .op = LC_BK_DATA, .data = data };
	put_next(&r, e, 1);
	e[0] = (struct lc_unit_extent){ .lba = sectors - 1024, .len = 500, .op = LC_BK_DATA, .data = data };
	put_next(&r, e, 1);
	gc_steps(&r, 40);
	err = again(&r);
	CHECK(!err);
	free(e);
	free(data);
	rig_fini(&r);
}

/* Many objects with nothing but zeroes, each with more pieces than go into half an object. */
static void merging_of_zeroes_ends(void)
{
	u64 sectors = 20ull * 40000 * 16 + 1024, lba = 0;
	struct lc_unit_extent *e = calloc(65536, sizeof(*e));
	struct rig r;
	int n, i;

	rig_init_large(&r, sectors);
	for (i = 0; i < 19; i++) {
		for (n = 0; n < 40000; n++, lba += 16)
			e[n] = (struct lc_unit_extent){ .lba = lba, .len = 8, .op = LC_BK_ZERO };
		put_next(&r, e, n);
	}
	CHECK(!gc_steps(&r, 100));
	free(e);
	rig_fini(&r);
}

/* The newest objects are lost, a mark that is newer is not. */
static void newest_lost_and_a_mark_says_so(void)
{
	struct rig r;
	int err, i;

	rig_init(&r);
	r.p.ckpt_objects = 1000;
	CHECK(!again(&r));
	CHECK(!make_garbage(&r));
	CHECK(!gc_all_sync(&r.w, r.vol));
	for (i = 0; i < 8; i++)
		CHECK(!write_blocks(&r, 120 + i, 1));
	CHECK(!write_blocks(&r, 0, 8));
	CHECK(call_sync(&r.w, r.vol, lc_volume_gc) == -EAGAIN);	/* a mark */
	for (i = 0; i < 4; i++)
		world_delete(&r.w, find_object(&r, "/data/", -1)->key);
	err = again(&r);
	CHECK(err);
	rig_fini(&r);
}

int main(void)
{
	RUN(merging_of_zeroes_ends);
	RUN(newest_lost_and_a_mark_says_so);
	RUN(a_rollback_to_a_tick);
	RUN(a_stale_owner_without_fencing_deletes);
	RUN(a_copy_of_too_many_pieces);
	RUN(the_hole_is_filled_and_emptied_before_the_fence);
	RUN(the_newest_listed_goes_before_the_probe);
	RUN(marks_go_before_the_listings);
	RUN(marks_go_between_the_listings);
	RUN(a_snapshot_of_a_tick);
	return tap_done();
}
