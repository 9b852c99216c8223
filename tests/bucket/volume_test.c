// SPDX-License-Identifier: GPL-2.0-only
/* What volume.h says, case by case. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <linux/kernel.h>

#include "bucket/bucket.h"
#include "bucket/key.h"
#include "bucket/manifest.h"
#include "bucket/verify.h"
#include "tap.h"

#include "rig.h"

/*----------------------------------------------------------------
 * Writing
 *----------------------------------------------------------------
 */

static void reads_what_was_put(void)
{
	struct rig r;

	rig_init(&r);
	CHECK(!write_blocks(&r, 2, 1));
	CHECK(stamp_of(&r, r.vol, 2) == 1);
	CHECK(stamp_of(&r, r.vol, 1) == 0);
	CHECK(stamp_of(&r, r.vol, 3) == 0);
	rig_fini(&r);
}

static void a_unit_offered_again_is_done(void)
{
	struct rig r;
	u64 puts;

	rig_init(&r);
	CHECK(!write_blocks(&r, 0, 1) && !write_blocks(&r, 1, 1));
	CHECK(!again(&r));
	puts = r.w.puts;
	CHECK(status(&r).lsn == 2);
	CHECK(!put_sync(&r.w, r.vol, 0, 1, NULL, 0));
	CHECK(!put_sync(&r.w, r.vol, 1, 2, NULL, 0));
	CHECK(r.w.puts == puts);
	CHECK(stamp_of(&r, r.vol, 1) == 9);
	rig_fini(&r);
}

static void a_gap_in_lsns_is_refused(void)
{
	struct rig r;

	rig_init(&r);
	CHECK(!write_blocks(&r, 0, 1));
	CHECK(put_sync(&r.w, r.vol, 2, 3, NULL, 0) == -EINVAL);
	CHECK(strstr(lc_volume_why(r.vol), "LSN 2"));
	CHECK(!put_sync(&r.w, r.vol, 1, 3, NULL, 0));
	rig_fini(&r);
}

static void overlapping_extents_are_refused(void)
{
	const struct lc_unit_extent e[2] = {
		{ .lba = 0, .len = 9, .op = LC_BK_ZERO }, { .lba = 8, .len = 8, .op = LC_BK_ZERO },
	};
	const struct lc_unit_extent out = { .lba = SECTORS - 1, .len = 2, .op = LC_BK_ZERO };
	struct rig r;

	rig_init(&r);
	CHECK(put_sync(&r.w, r.vol, 0, 1, e, 2) == -EINVAL);
	CHECK(put_sync(&r.w, r.vol, 0, 1, &out, 1) == -EINVAL);
	CHECK(!put_sync(&r.w, r.vol, 0, 1, e, 1));
	rig_fini(&r);
}

static void an_unknown_outcome_is_looked_up(void)
{
	struct rig r;
	u64 puts;

	rig_init(&r);
	r.h.in_order = false;
	r.w.faults.unknown_applied = 1000;
	puts = r.w.puts;
	CHECK(!write_blocks(&r, 0, 1));
	CHECK(status(&r).lookups == 1);
	CHECK(r.w.puts == puts + 1);
	rig_fini(&r);
}

static void a_lost_put_is_put_again(void)
{
	struct rig r;

	rig_init(&r);
	r.h.in_order = false;
	r.w.faults = (struct faults){ .fail = 300, .busy = 300, .unknown_lost = 300 };
	CHECK(!write_blocks(&r, 0, 1));
	r.w.faults = (struct faults){ 0 };
	CHECK(status(&r).retries > 0);
	CHECK(stamp_of(&r, r.vol, 0) == 1);
	rig_fini(&r);
}

/*----------------------------------------------------------------
 * Owning
 *----------------------------------------------------------------
 */

static void the_older_owner_is_fenced(void)
{
	struct lc_volume *newer;
	struct rig r;
	char dir[64];

	rig_init(&r);
	CHECK(!write_blocks(&r, 0, 1));
	newer = attach_newer(&r, dir);
	CHECK(write_to(&r, r.vol, 1, 1) == -ESTALE);
	CHECK(status(&r).mode == LC_VOLUME_STALE);
	CHECK(strstr(lc_volume_why(r.vol), "another owner"));
	CHECK(snapshot_sync(&r.w, r.vol, "s") == -ESTALE);
	CHECK(!write_to(&r, newer, 1, 1));
	CHECK(stamp_of(&r, newer, 1) == r.stamp - 7);
	close_sync(&r.w, newer);
	scratch_free(dir);
	rig_fini(&r);
}

static void the_older_owner_cannot_change_the_manifest(void)
{
	struct lc_volume *newer;
	struct rig r;
	char dir[64];

	rig_init(&r);
	newer = attach_newer(&r, dir);
	CHECK(snapshot_sync(&r.w, r.vol, "s") == -ESTALE);
	CHECK(strstr(lc_volume_why(r.vol), "another host has attached"));
	CHECK(write_to(&r, r.vol, 1, 1) == -ESTALE);
	CHECK(!snapshot_sync(&r.w, newer, "s"));
	close_sync(&r.w, newer);
	scratch_free(dir);
	rig_fini(&r);
}

/* Read, then the predecessor's PUT arrives, then the claim. */
static void a_late_change_of_the_predecessor_is_no_other_owner(void)
{
	int claim = 1, change = 1;
	struct lc_volume *newer;
	struct rig r;
	char dir[64];

	rig_init(&r);
	CHECK(!write_blocks(&r, 0, 1));
	scratch_new(dir, sizeof(dir));
	r.p.map_dir = dir;
	r.p.owner[0]++;
	newer = lc_volume_attach(&r.p, take_err, &claim);
	REQUIRE(newer);
	lc_volume_snapshot(r.vol, "s", 0, take_err, &change);
	while (claim == 1)
		world_run(&r.w);
	CHECK(!change);
	CHECK(claim == -EAGAIN);
	CHECK(strstr(lc_volume_why(newer), "somebody else has changed the manifest"));
	close_sync(&r.w, newer);
	/* The predecessor is still the owner, until the next one claims it. */
	CHECK(!write_blocks(&r, 1, 1));
	newer = attach_sync(&r.w, &r.p, &claim, NULL);
	REQUIRE(newer);
	CHECK(write_blocks(&r, 2, 1) == -ESTALE);
	CHECK(!write_to(&r, newer, 2, 1));
	close_sync(&r.w, newer);
	scratch_free(dir);
	rig_fini(&r);
}

static void without_conditions_no_fencing_has_to_be_said(void)
{
	struct lc_volume *newer;
	struct rig r;
	char dir[64];

	rig_init(&r);
	r.w.no_cond = true;
	CHECK(again(&r) == -EOPNOTSUPP);
	CHECK(strstr(r.why, "no_fencing"));
	r.p.no_fencing = true;
	CHECK(!again(&r));
	CHECK(!write_blocks(&r, 0, 1));
	CHECK(!call_sync(&r.w, r.vol, lc_volume_check_owner));
	newer = attach_newer(&r, dir);
	CHECK(call_sync(&r.w, r.vol, lc_volume_check_owner) == -ESTALE);
	CHECK(write_blocks(&r, 0, 1) == -ESTALE);
	close_sync(&r.w, newer);
	scratch_free(dir);
	rig_fini(&r);
}

static void an_old_cache_is_refused(void)
{
	struct rig r;

	rig_init(&r);
	CHECK(!write_blocks(&r, 0, 1));
	r.p.log[0] = 2;
	CHECK(again(&r) == -ESTALE);
	CHECK(strstr(r.why, "written last through cache 01010101-"));
	r.p.new_log = true;
	r.p.new_lsn = 500;
	CHECK(!again(&r));
	CHECK(status(&r).lsn == 500);
	r.lsn = 500;
	CHECK(!write_blocks(&r, 1, 1));
	r.p.new_log = false;
	CHECK(!again(&r));
	CHECK(status(&r).lsn == 501);
	/* The first one comes back: what it has is older than what is in the bucket. */
	r.p.log[0] = 1;
	CHECK(again(&r) == -ESTALE);
	CHECK(strstr(r.why, "cache 01010101-") && strstr(r.why, "cache 02010101-"));
	CHECK(strstr(r.why, "recover"));
	r.p.new_log = true;
	CHECK(again(&r) == -ESTALE);
	r.p.log[0] = 2;
	r.p.new_log = false;
	CHECK(!again(&r));
	CHECK(status(&r).lsn == 501);
	rig_fini(&r);
}

/* Two hosts were given it, and the one that did not start comes late. */
static void a_late_successor_is_refused(void)
{
	struct rig r;

	rig_init(&r);
	CHECK(!write_blocks(&r, 0, 1));
	memset(r.p.new_after, 1, sizeof(r.p.new_after));
	r.p.new_log = true;
	r.p.new_lsn = 1;
	r.p.log[0] = 2;
	CHECK(!again(&r));
	r.lsn = 1;
	CHECK(!write_blocks(&r, 1, 1));
	r.p.log[0] = 3;
	CHECK(again(&r) == -ESTALE);
	CHECK(strstr(r.why, "cache 03010101-") && strstr(r.why, "cache 02010101-"));
	CHECK(strstr(r.why, "recover"));
	/* The one that has it is no successor any more, but goes on. */
	r.p.log[0] = 2;
	CHECK(!again(&r));
	CHECK(!write_blocks(&r, 2, 1));
	/* Given to it once more. */
	r.p.log[0] = 3;
	r.p.new_after[0] = 2;
	CHECK(!again(&r));
	r.lsn = 1;
	CHECK(!write_blocks(&r, 3, 1));
	rig_fini(&r);
}

static void a_volume_is_not_made_twice(void)
{
	struct rig r;
	u8 uuid[16];

	rig_init(&r);
	CHECK(create_sync(&r.h, r.uuid, SECTORS, false) == -EEXIST);
	CHECK(create_sync(&r.h, r.uuid, SECTORS, true) == -EEXIST);
	test_uuid(uuid, 9);
	memcpy(r.p.uuid, uuid, 16);
	CHECK(again(&r) == -ENOENT);
	rig_fini(&r);
}

/*----------------------------------------------------------------
 * Recovering
 *----------------------------------------------------------------
 */

static void damaged_checkpoints_are_done_without(void)
{
	struct object *o;
	struct rig r;
	u32 i;

	rig_init(&r);
	CHECK(!fill(&r, 40));
	CHECK(!gc_all_sync(&r.w, r.vol));
	CHECK(!call_sync(&r.w, r.vol, lc_volume_checkpoint));
	CHECK(!again(&r) && all_there(&r, 40));
	o = find_object(&r, "/map/", -1);
	CHECK(o);
	damage(o, 140);
	CHECK(!again(&r) && all_there(&r, 40));
	for (i = 0; (o = find_object(&r, "/map/", i)); i++)
		damage(o, 100);
	CHECK(i >= 2);
	CHECK(!again(&r) && all_there(&r, 40));
	while ((o = find_object(&r, "/map/", 0)))
		world_delete(&r.w, o->key);
	CHECK(!again(&r) && all_there(&r, 40));
	rig_fini(&r);
}

/* What was deleted in the run that is still open is no end of it. */
static void garbage_is_no_hole_without_checkpoints(void)
{
	struct rig r;

	rig_init(&r);
	CHECK(!fill(&r, 20) && !write_blocks(&r, 0, 8) && !write_blocks(&r, 8, 8));
	CHECK(!write_blocks(&r, 16, 8) && !write_blocks(&r, 90, 1));
	CHECK(!gc_all_sync(&r.w, r.vol));
	CHECK(status(&r).deleted >= 10);
	while (find_object(&r, "/map/", 0))
		world_delete(&r.w, find_object(&r, "/map/", 0)->key);
	CHECK(!again(&r));
	CHECK(status(&r).lsn == 24 && stamp_of(&r, r.vol, 90) == r.stamp - 7);
	rig_fini(&r);
}

/* A mark is enough; if the newest object gets lost, that is noticed as without it. */
static void deleting_needs_no_checkpoint(void)
{
	struct object *o;
	struct world w;
	struct rig r;
	u32 i;

	rig_init(&r);
	r.p.ckpt_objects = 1000;
	CHECK(!again(&r));
	for (i = 0; i < 4; i++) {
		CHECK(!make_garbage(&r));
		CHECK(!gc_all_sync(&r.w, r.vol));
	}
	CHECK(status(&r).deleted >= 40 && !status(&r).ckpt_seq && !status(&r).ckpt_bytes);
	for (i = 0; (o = find_object(&r, "/map/", i)); i++)
		CHECK(strstr(o->key, ".ffffffff") && o->blob->size == LC_BK_FIXED);
	CHECK(i == 2);
	world_fork(&w, &r.w);
	world_delete(&r.w, find_object(&r, "/data/", -1)->key);
	CHECK(again(&r) == -EBADMSG && strstr(r.why, "put back"));
	CHECK(once_more(&r) == -EBADMSG && strstr(r.why, "put back"));
	o = &w.objects[w.nr - 4];
	world_put(&r.w, o->key, o->blob->data, o->blob->size);
	world_fini(&w);
	CHECK(!again(&r));
	CHECK(status(&r).lsn == 96 && stamp_of(&r, r.vol, 90) == r.stamp - 7);
	rig_fini(&r);
}

static void note_created(int err, const char *why, void *data)
{
	*(int *)data = err;
}

/* Of one that was deleted objects may come late, and maps may be left. */
static void a_uuid_that_is_used_again_has_other_epochs(void)
{
	struct rig r;
	u8 uuid[16];
	int err = 1;

	rig_init(&r);
	test_uuid(uuid, 9);
	lc_volume_create(&r.h.store, uuid, 8192, 1700000000, false, note_created, &err);
	while (err == 1)
		world_run(&r.w);
	CHECK(!err);
	memcpy(r.p.uuid, uuid, 16);
	CHECK(!again(&r));
	CHECK(status(&r).epoch == 1700000001);
	rig_fini(&r);
}

static void a_damaged_header_is_named(void)
{
	struct rig r;

	rig_init(&r);
	CHECK(!fill(&r, 3));
	damage(find_object(&r, "/data/", 1), 130);
	CHECK(again(&r) == -EBADMSG);
	CHECK(strstr(r.why, "/data/0000000000000001/0000000000000002: checksum"));
	rig_fini(&r);
}

static void a_missing_object_is_no_hole(void)
{
	struct rig r;

	rig_init(&r);
	CHECK(!fill(&r, 8));
	CHECK(!call_sync(&r.w, r.vol, lc_volume_checkpoint));
	world_delete(&r.w, find_object(&r, "/data/", 2)->key);
	CHECK(again(&r) == -EBADMSG);
	CHECK(strstr(r.why, "missing"));
	while (find_object(&r, "/map/", 0))
		world_delete(&r.w, find_object(&r, "/map/", 0)->key);
	CHECK(again(&r) == -EBADMSG);
	CHECK(strstr(r.why, "put back"));
	/* Also the next time. */
	CHECK(once_more(&r) == -EBADMSG);
	CHECK(strstr(r.why, "put back"));
	rig_fini(&r);
}

static void a_damaged_manifest_is_refused(void)
{
	struct rig r;

	rig_init(&r);
	CHECK(!fill(&r, 3));
	damage(find_object(&r, "/manifest", 0), 200);
	CHECK(again(&r) == -EBADMSG);
	CHECK(strstr(r.why, "/manifest: checksum"));
	rig_fini(&r);
}

static void behind_a_checkpoint_only_headers_are_read(void)
{
	struct lc_volume_status st;
	struct rig r;
	u64 gets;

	rig_init(&r);
	CHECK(!fill(&r, 50));
	CHECK(!call_sync(&r.w, r.vol, lc_volume_checkpoint));
	CHECK(!fill(&r, 2));
	gets = r.w.gets;
	CHECK(!again(&r));
	st = status(&r);
	/* Manifest, the last fixed part, parts of the checkpoint, two headers. */
	CHECK(r.w.gets - gets <= 10);
	CHECK(st.lsn == 52);
	rig_fini(&r);
}

static void the_local_map_is_used_again(void)
{
	struct rig r;
	u64 gets;
	int err;

	rig_init(&r);
	CHECK(!fill(&r, 50));
	close_sync(&r.w, r.vol);
	gets = r.w.gets;
	r.p.owner[0]++;
	r.vol = attach_sync(&r.w, &r.p, &err, NULL);
	CHECK(r.vol);
	CHECK(r.w.gets - gets == 2);
	CHECK(all_there(&r, 50));
	rig_fini(&r);
}

/*----------------------------------------------------------------
 * Reading
 *----------------------------------------------------------------
 */

static void damaged_data_is_an_error(void)
{
	struct object *o;
	struct rig r;
	u8 buf[4096];

	rig_init(&r);
	CHECK(!write_blocks(&r, 0, 2));
	o = find_object(&r, "/data/", 0);
	damage(o, o->blob->size - 1);
	CHECK(read_sync(&r.w, r.vol, 8, 8, buf) == -EBADMSG);
	CHECK(strstr(lc_volume_why(r.vol), "payload block 1"));
	CHECK(status(&r).crc_errors == 3);
	CHECK(stamp_of(&r, r.vol, 0) == 1);
	rig_fini(&r);
}

/* Of a proxy, say: it is no damage, and passes. */
static void garbage_for_an_answer_is_not_final(void)
{
	u8 buf[4096];
	struct rig r;

	rig_init(&r);
	CHECK(!write_blocks(&r, 0, 1));
	r.w.garbage = true;
	CHECK(read_sync(&r.w, r.vol, 0, 8, buf) == -EIO);
	CHECK(again(&r) == -EIO);
	r.w.garbage = false;
	CHECK(!again(&r));
	CHECK(stamp_of(&r, r.vol, 0) == 1);
	rig_fini(&r);
}

static void a_lost_object_is_an_error(void)
{
	struct rig r;
	u8 buf[4096];

	rig_init(&r);
	CHECK(!write_blocks(&r, 0, 1));
	world_delete(&r.w, find_object(&r, "/data/", 0)->key);
	CHECK(read_sync(&r.w, r.vol, 0, 8, buf) == -ENOENT);
	rig_fini(&r);
}

static void count_done(struct lc_volume_read *rd, int err)
{
	*(int *)rd->data += err ? 1000 : 1;
}

static void reads_of_one_range_share_a_request(void)
{
	struct lc_volume_read rd[3];
	u8 buf[3][8192];
	int done = 0, i;
	struct rig r;
	u64 gets;

	rig_init(&r);
	CHECK(!write_blocks(&r, 0, 2));
	gets = r.w.gets;
	for (i = 0; i < 3; i++) {
		rd[i] = (struct lc_volume_read){
			.lba = i == 2 ? 8 : 0, .sectors = i == 2 ? 8 : 16, .buf = buf[i],
			.done = count_done, .data = &done,
		};
		lc_volume_read(r.vol, &rd[i]);
	}
	while (done < 3)
		world_run(&r.w);
	CHECK(done == 3);
	CHECK(r.w.gets == gets + 1);
	CHECK(status(&r).shared_gets == 2);
	CHECK(!memcmp(buf[0], buf[1], 8192) && !memcmp(buf[0] + 4096, buf[2], 4096));
	rig_fini(&r);
}

static u32 read_order[64], nr_read;

static void note_order(struct lc_volume_read *rd, int err)
{
	CHECK(!err);
	read_order[nr_read++] = rd->lba / 8;
}

/* Blocks in an object each: a request each. */
static void who_waits_comes_before_what_is_read_ahead(void)
{
	struct lc_volume_read rd[40];
	static u8 buf[40][4096];
	struct rig r;
	u32 i;

	rig_init(&r);
	r.p.gets_max = 4;
	CHECK(!again(&r));
	for (i = 0; i < 40; i++)
		CHECK(!write_blocks(&r, i, 1));
	nr_read = 0;
	for (i = 0; i < 40; i++) {
		rd[i] = (struct lc_volume_read){
			.lba = 8 * i, .sectors = 8, .buf = buf[i], .ahead = i < 38, .done = note_order,
		};
		lc_volume_read(r.vol, &rd[i]);
	}
	/* Block 20 is being read ahead already, as one of the last. */
	rd[39].lba = 8 * 20;
	while (nr_read < 40)
		world_run(&r.w);
	/* Three places are for what is read ahead, and those were taken. */
	for (i = 0; i < 5; i++)
		CHECK(read_order[i] < 3 || read_order[i] == 38 || read_order[i] == 20);
	rig_fini(&r);
}

/*----------------------------------------------------------------
 * Snapshots, clones, garbage
 *----------------------------------------------------------------
 */

static void snapshots_are_listed_by_name(void)
{
	struct lc_snapshot snap;
	struct rig r;

	rig_init(&r);
	CHECK(!write_blocks(&r, 0, 1));
	CHECK(!snapshot_sync(&r.w, r.vol, "one"));
	CHECK(snapshot_sync(&r.w, r.vol, "one") == -EEXIST);
	CHECK(snapshot_sync(&r.w, r.vol, "") == -EINVAL);
	CHECK(!snapshot_sync(&r.w, r.vol, "two"));
	CHECK(lc_volume_snapshot_get(r.vol, 1, &snap) && !strcmp(snap.name, "two"));
	CHECK(!lc_volume_snapshot_get(r.vol, 2, &snap));
	CHECK(snapshot_delete_sync(&r.w, r.vol, "three") == -ENOENT);
	CHECK(!snapshot_delete_sync(&r.w, r.vol, "one"));
	CHECK(!again(&r));
	CHECK(status(&r).snapshots == 1);
	rig_fini(&r);
}

static void a_snapshot_is_one_request(void)
{
	struct rig r;
	u64 puts, gets;

	rig_init(&r);
	CHECK(!fill(&r, 60));
	puts = r.w.puts;
	gets = r.w.gets;
	CHECK(!snapshot_sync(&r.w, r.vol, "s"));
	CHECK(r.w.puts == puts + 1 && r.w.gets == gets);
	rig_fini(&r);
}

static void a_snapshot_keeps_its_objects(void)
{
	struct rig r;
	u64 stamp;

	rig_init(&r);
	CHECK(!churn(&r, 20));
	stamp = r.stamp - 31;
	CHECK(!snapshot_sync(&r.w, r.vol, "s"));
	CHECK(!churn(&r, 20));
	CHECK(!gc_all_sync(&r.w, r.vol));
	CHECK(world_count(&r.w, "5a5a5a5a-5a5a-5a5a-5a5a-5a5a5a5a5a01/data/") <= 6);
	CHECK(!rollback_sync(&r.w, r.vol, "s"));
	CHECK(stamp_of(&r, r.vol, 0) == stamp);
	CHECK(!again(&r));
	CHECK(stamp_of(&r, r.vol, 0) == stamp);
	rig_fini(&r);
}

static void what_no_snapshot_needs_goes(void)
{
	struct rig r;
	size_t n;

	rig_init(&r);
	/* Nothing is copied: half of each is needed. */
	r.p.gc_target = 40;
	CHECK(!again(&r));
	CHECK(!fill(&r, 30));
	CHECK(!snapshot_sync(&r.w, r.vol, "s"));
	CHECK(!fill(&r, 30));
	CHECK(!gc_all_sync(&r.w, r.vol));
	n = world_count(&r.w, "5a5a5a5a-5a5a-5a5a-5a5a-5a5a5a5a5a01/data/");
	CHECK(n >= 60);
	CHECK(!snapshot_delete_sync(&r.w, r.vol, "s"));
	CHECK(!gc_all_sync(&r.w, r.vol));
	n = world_count(&r.w, "5a5a5a5a-5a5a-5a5a-5a5a-5a5a5a5a5a01/data/");
	CHECK(n <= 35);
	rig_fini(&r);
}

static void what_came_after_a_rollback_goes(void)
{
	struct rig r;

	rig_init(&r);
	CHECK(!write_blocks(&r, 0, 1));
	CHECK(!snapshot_sync(&r.w, r.vol, "s"));
	CHECK(!fill(&r, 30));
	CHECK(!rollback_sync(&r.w, r.vol, "s"));
	CHECK(stamp_of(&r, r.vol, 0) == 1 && stamp_of(&r, r.vol, 5) == 0);
	CHECK(!write_blocks(&r, 9, 1));
	CHECK(!gc_all_sync(&r.w, r.vol));
	CHECK(world_count(&r.w, "5a5a5a5a-5a5a-5a5a-5a5a-5a5a5a5a5a01/data/") <= 3);
	CHECK(!again(&r));
	CHECK(stamp_of(&r, r.vol, 0) == 1 && stamp_of(&r, r.vol, 9) == r.stamp - 7);
	rig_fini(&r);
}

static void a_clone_shares_and_parts(void)
{
	struct lc_volume_params p;
	struct lc_volume *clone;
	struct rig r;
	char dir[64];
	u8 uuid[16];
	int err;

	rig_init(&r);
	CHECK(!write_blocks(&r, 0, 1) && !write_blocks(&r, 1, 1));
	test_uuid(uuid, 2);
	CHECK(!clone_sync(&r.w, r.vol, NULL, uuid));
	CHECK(!clone_sync(&r.w, r.vol, NULL, uuid));
	CHECK(status(&r).clones == 1);
	scratch_new(dir, sizeof(dir));
	test_params(&p, &r.h, uuid, dir);
	clone = attach_sync(&r.w, &p, &err, NULL);
	CHECK(clone);
	CHECK(stamp_of(&r, clone, 1) == 9);
	CHECK(!churn(&r, 20) && !gc_all_sync(&r.w, r.vol));
	CHECK(stamp_of(&r, clone, 0) == 1);
	r.lsn = 0;
	CHECK(!write_to(&r, clone, 1, 1));
	CHECK(stamp_of(&r, clone, 1) == r.stamp - 7);
	CHECK(stamp_of(&r, r.vol, 1) != r.stamp - 7);
	close_sync(&r.w, clone);
	world_delete_prefix(&r.w, "5a5a5a5a-5a5a-5a5a-5a5a-5a5a5a5a5a02/");
	CHECK(!clone_gone_sync(&r.w, r.vol, uuid));
	CHECK(!gc_all_sync(&r.w, r.vol));
	CHECK(world_count(&r.w, "5a5a5a5a-5a5a-5a5a-5a5a-5a5a5a5a5a01/data/") <= 4);
	scratch_free(dir);
	rig_fini(&r);
}

#define BEHIND	(SECTORS / 8 + 5)	/* block of a volume twice as large */

static void a_volume_grows(void)
{
	struct rig r;

	rig_init(&r);
	CHECK(!write_blocks(&r, 0, 1));
	CHECK(write_blocks(&r, BEHIND, 1) == -EINVAL && stamp_of(&r, r.vol, BEHIND) == ~0ull);
	CHECK(!grow_sync(&r.w, r.vol, 2 * SECTORS) && status(&r).sectors == 2 * SECTORS);
	CHECK(stamp_of(&r, r.vol, BEHIND) == 0 && stamp_of(&r, r.vol, 0) == 1);
	CHECK(!write_blocks(&r, BEHIND, 1) && stamp_of(&r, r.vol, BEHIND) == r.stamp - 7);
	CHECK(stamp_of(&r, r.vol, 2 * SECTORS / 8) == ~0ull);
	/* From the bucket alone. */
	CHECK(!again(&r) && status(&r).sectors == 2 * SECTORS);
	CHECK(stamp_of(&r, r.vol, BEHIND) == r.stamp - 7 && stamp_of(&r, r.vol, 0) == 1);
	/* And with what it has put into checkpoints and copied since. */
	CHECK(!churn(&r, 40) && !write_blocks(&r, BEHIND + 1, 1) && !gc_all_sync(&r.w, r.vol));
	CHECK(!again(&r) && stamp_of(&r, r.vol, BEHIND + 1) == r.stamp - 7);
	rig_fini(&r);
}

static void a_volume_does_not_become_smaller(void)
{
	struct rig r;
	u64 puts;

	rig_init(&r);
	CHECK(grow_sync(&r.w, r.vol, SECTORS - 8) == -EINVAL);
	CHECK(strstr(lc_volume_why(r.vol), "cannot be made smaller"));
	CHECK(grow_sync(&r.w, r.vol, SECTORS + 1) == -EINVAL);
	CHECK(strstr(lc_volume_why(r.vol), "multiple of 8"));
	CHECK(grow_sync(&r.w, r.vol, LC_BK_SECTORS_MAX + 8) == -EINVAL);
	CHECK(!grow_sync(&r.w, r.vol, LC_BK_SECTORS_MAX));
	puts = r.w.puts;
	CHECK(!grow_sync(&r.w, r.vol, LC_BK_SECTORS_MAX) && r.w.puts == puts);
	CHECK(!again(&r) && status(&r).sectors == LC_BK_SECTORS_MAX);
	rig_fini(&r);
}

static void only_the_owner_makes_it_grow(void)
{
	struct lc_volume *newer;
	struct rig r;
	char dir[64];

	rig_init(&r);
	newer = attach_newer(&r, dir);
	CHECK(grow_sync(&r.w, r.vol, 2 * SECTORS) == -ESTALE);
	CHECK(status(&r).mode == LC_VOLUME_STALE);
	CHECK(!grow_sync(&r.w, newer, 4 * SECTORS));
	close_sync(&r.w, newer);
	CHECK(!again(&r) && status(&r).sectors == 4 * SECTORS);
	rig_fini(&r);
	scratch_free(dir);
}

/* The answer is lost: it has grown, or it has not, and then it is put again. */
static void growing_with_an_unknown_outcome(void)
{
	struct rig r;
	int i;

	for (i = 0; i < 2; i++) {
		rig_init(&r);
		r.h.in_order = false;
		r.w.faults.unknown_applied = i ? 0 : 500;
		r.w.faults.unknown_lost = i ? 500 : 0;
		CHECK(!grow_sync(&r.w, r.vol, 2 * SECTORS) && status(&r).sectors == 2 * SECTORS);
		r.w.faults = (struct faults){};
		CHECK(!again(&r) && status(&r).sectors == 2 * SECTORS);
		rig_fini(&r);
	}
}

/* A snapshot is of contents. */
static void a_rollback_and_a_clone_keep_the_size(void)
{
	struct lc_volume_params p;
	struct lc_volume *clone;
	struct lc_volume_status st;
	struct rig r;
	char dir[64];
	u8 uuid[16];
	int err;

	rig_init(&r);
	CHECK(!write_blocks(&r, 0, 1) && !snapshot_sync(&r.w, r.vol, "small"));
	CHECK(!grow_sync(&r.w, r.vol, 2 * SECTORS) && !write_blocks(&r, BEHIND, 1));
	test_uuid(uuid, 2);
	CHECK(!clone_sync(&r.w, r.vol, "small", uuid));
	CHECK(!rollback_sync(&r.w, r.vol, "small"));
	CHECK(status(&r).sectors == 2 * SECTORS && stamp_of(&r, r.vol, 0) == 1);
	CHECK(stamp_of(&r, r.vol, BEHIND) == 0);
	CHECK(!write_blocks(&r, BEHIND, 1) && !again(&r));
	CHECK(stamp_of(&r, r.vol, BEHIND) == r.stamp - 7);
	scratch_new(dir, sizeof(dir));
	test_params(&p, &r.h, uuid, dir);
	clone = attach_sync(&r.w, &p, &err, NULL);
	CHECK(clone);
	lc_volume_status(clone, &st);
	CHECK(st.sectors == 2 * SECTORS && stamp_of(&r, clone, BEHIND) == 0);
	CHECK(stamp_of(&r, clone, 0) == 1);
	close_sync(&r.w, clone);
	scratch_free(dir);
	rig_fini(&r);
}

#define CHILD		"5a5a5a5a-5a5a-5a5a-5a5a-5a5a5a5a5a02/manifest"

/* What became of a call that nobody waits for here. */
struct outcome {
	int err;
	unsigned int nr;
};

static void note(struct lc_volume *vol, int err, void *data)
{
	struct outcome *o = data;

	o->err = err;
	o->nr++;
}

/* Up to the moment when the pin is there, and the child's PUT on its way. */
static void begin_clone(struct rig *r, struct outcome *o)
{
	u64 puts = r->w.puts;
	u8 uuid[16];

	*o = (struct outcome){ .err = 1 };
	test_uuid(uuid, 2);
	lc_volume_clone(r->vol, NULL, uuid, 0, note, o);
	while (r->w.puts == puts)
		REQUIRE(world_run(&r->w));
	REQUIRE(status(r).clones == 1 && r->w.nr_requests == 1 && !world_find(&r->w, CHILD));
}

static void closed_during_a_clone(struct rig *r, struct outcome *o)
{
	u8 uuid[16];

	close_sync(&r->w, r->vol);
	r->vol = NULL;
	CHECK(o->nr == 1 && o->err == -ECANCELED);
	CHECK(!r->w.nr_requests);
	/* What was begun is finished by the same call. */
	CHECK(!again(r) && status(r).clones == 1);
	test_uuid(uuid, 2);
	CHECK(!clone_sync(&r->w, r->vol, NULL, uuid));
	CHECK(world_find(&r->w, CHILD));
}

static void a_volume_is_closed_when_its_clone_is_on_its_way(void)
{
	struct outcome o;
	struct rig r;

	rig_init(&r);
	CHECK(!write_blocks(&r, 0, 1));
	begin_clone(&r, &o);
	closed_during_a_clone(&r, &o);
	rig_fini(&r);
}

/* It waits for another try. */
static void a_volume_is_closed_when_its_clone_is_tried_again(void)
{
	struct outcome o;
	struct rig r;

	rig_init(&r);
	CHECK(!write_blocks(&r, 0, 1));
	begin_clone(&r, &o);
	r.h.in_order = false;
	r.w.faults.fail = 1000;
	REQUIRE(world_step(&r.w) && !r.w.nr_requests && !o.nr);
	r.w.faults = (struct faults){ 0 };
	r.h.in_order = true;
	closed_during_a_clone(&r, &o);
	rig_fini(&r);
}

static void drop_pin(struct lc_manifest *m)
{
	REQUIRE(m->nr_pins == 1);
	lc_manifest_drop_pin(m, 0);
	m->generation++;
}

/* By another host, on behalf of somebody who has found that there is no such clone. */
static void give_clone_up(struct rig *r)
{
	edit_manifest(r, drop_pin);
}

/* Whoever deletes a volume does not see a clone whose manifest comes later. */
static void a_clone_is_not_made_of_what_is_not_kept(void)
{
	static const struct {
		void (*change)(struct rig *r);
		int err;
		const char *why;
	} cases[] = {
		{ mark_deleted, -ESTALE, "somebody deletes the volume" },
		{ delete_manifest, -ESTALE, "manifest" },
		{ give_clone_up, -ENOENT, "does not have the clone any more" },
	};
	struct outcome o;
	struct rig r;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		rig_init(&r);
		CHECK(!write_blocks(&r, 0, 1));
		begin_clone(&r, &o);
		cases[i].change(&r);
		while (!o.nr)
			world_run(&r.w);
		CHECK(o.err == cases[i].err && strstr(lc_volume_why(r.vol), cases[i].why));
		CHECK(!world_find(&r.w, CHILD));
		CHECK((status(&r).mode == LC_VOLUME_STALE) == (o.err == -ESTALE));
		rig_fini(&r);
	}
}

/* Its successor keeps the objects. */
static void a_clone_is_made_although_the_owner_changes(void)
{
	struct lc_volume *newer;
	struct outcome o;
	struct rig r;
	char dir[64];
	int err;

	rig_init(&r);
	CHECK(!write_blocks(&r, 0, 1));
	begin_clone(&r, &o);
	scratch_new(dir, sizeof(dir));
	r.p.map_dir = dir;
	r.p.owner[0]++;
	newer = attach_sync(&r.w, &r.p, &err, NULL);
	REQUIRE(newer);
	while (!o.nr)
		REQUIRE(world_run(&r.w));
	CHECK(!o.err && world_find(&r.w, CHILD));
	close_sync(&r.w, newer);
	scratch_free(dir);
	rig_fini(&r);
}

static void what_is_being_deleted_is_not_attached(void)
{
	struct rig r;
	u64 puts;

	rig_init(&r);
	CHECK(!write_blocks(&r, 0, 1));
	mark_deleted(&r);
	puts = r.w.puts;
	CHECK(again(&r) == -EINVAL && strstr(r.why, "is being deleted"));
	CHECK(r.w.puts == puts);
	rig_fini(&r);
}

/* Whoever has it notices when he looks, or changes the manifest. */
static void an_owner_notices_that_it_is_deleted(void)
{
	struct rig r;

	rig_init(&r);
	CHECK(!call_sync(&r.w, r.vol, lc_volume_check_owner));
	mark_deleted(&r);
	CHECK(call_sync(&r.w, r.vol, lc_volume_check_owner) == -ESTALE);
	CHECK(strstr(lc_volume_why(r.vol), "somebody deletes the volume"));
	CHECK(write_blocks(&r, 0, 1) == -ESTALE);
	rig_fini(&r);
	rig_init(&r);
	mark_deleted(&r);
	CHECK(snapshot_sync(&r.w, r.vol, "s") == -ESTALE);
	rig_fini(&r);
	rig_init(&r);
	world_delete(&r.w, MANIFEST);
	CHECK(call_sync(&r.w, r.vol, lc_volume_check_owner) == -ESTALE && status(&r).gone);
	CHECK(strstr(lc_volume_why(r.vol), "deleted, or the manifest is not readable"));
	CHECK(write_blocks(&r, 0, 1) == -ESTALE);
	rig_fini(&r);
}

static void unit_noted(struct lc_unit *unit, int err)
{
	note(NULL, err, unit->data);
}

/* One unit, that nobody waits for; @unit stays. */
static void begin_put(struct rig *r, struct lc_unit *unit, const struct lc_unit_extent *e,
		      struct outcome *o)
{
	*o = (struct outcome){ 0 };
	*unit = (struct lc_unit){
		.lsn_first = r->lsn, .lsn_end = r->lsn + 1, .extents = e, .nr_extents = 1,
		.done = unit_noted, .data = o,
	};
	lc_volume_put(r->vol, unit);
}

/* Begin to look at a manifest that is not there, and have the first answer. */
static void begin_look(struct rig *r, struct outcome *o)
{
	u64 gets = r->w.gets;

	*o = (struct outcome){ 0 };
	lc_volume_check_owner(r->vol, note, o);
	while (r->w.gets == gets)
		REQUIRE(world_run(&r->w));
	REQUIRE(!r->w.nr_requests && !o->nr);
}

static void no_manifest_for_a_moment_is_no_evidence(void)
{
	const struct lc_unit_extent zero = { .lba = 0, .len = 8, .op = LC_BK_ZERO };
	struct outcome looked, put;
	struct lc_unit unit;
	struct object *o;
	struct rig r;
	struct blob *b;
	int i;

	rig_init(&r);
	CHECK(!write_blocks(&r, 0, 1));
	o = world_find(&r.w, MANIFEST);
	b = calloc(1, sizeof(*b) + o->blob->size);
	memcpy(b, o->blob, sizeof(*b) + o->blob->size);
	delete_manifest(&r);
	begin_look(&r, &looked);
	/* Nothing is written as long as nobody knows. */
	begin_put(&r, &unit, &zero, &put);
	for (i = 0; i < 3; i++) {
		lc_loop_set_now(r.w.loop, lc_loop_now(r.w.loop) + 600);
		lc_loop_turn(r.w.loop, 0);
	}
	CHECK(!r.w.nr_requests && !put.nr && !looked.nr);
	world_put(&r.w, MANIFEST, b->data, b->size);
	free(b);
	for (i = 0; i < 1000 && (!put.nr || !looked.nr); i++)
		world_run(&r.w);
	CHECK(put.nr && !put.err && looked.nr && !looked.err);
	CHECK(status(&r).mode == LC_VOLUME_ACTIVE);
	CHECK(stamp_of(&r, r.vol, 0) == 0 && !again(&r));
	rig_fini(&r);
}

/* Answers in a row, and some seconds. */
static void no_manifest_for_seconds_is_evidence(void)
{
	struct outcome looked;
	struct rig r;
	u64 before;

	rig_init(&r);
	delete_manifest(&r);
	before = lc_loop_now(r.w.loop);
	begin_look(&r, &looked);
	while (!looked.nr)
		world_run(&r.w);
	CHECK(looked.err == -ESTALE && status(&r).mode == LC_VOLUME_STALE);
	CHECK(lc_loop_now(r.w.loop) - before >= 5000);
	rig_fini(&r);
}

/* Something else in between, and the row begins anew. */
static void an_answer_of_another_kind_breaks_the_row(void)
{
	struct outcome looked;
	struct rig r;
	u64 gets, before;

	rig_init(&r);
	delete_manifest(&r);
	begin_look(&r, &looked);
	r.w.garbage = true;
	gets = r.w.gets;
	while (r.w.gets < gets + 20 && !looked.nr)
		world_run(&r.w);
	CHECK(!looked.nr && status(&r).mode == LC_VOLUME_ACTIVE);
	r.w.garbage = false;
	before = lc_loop_now(r.w.loop);
	while (!looked.nr)
		world_run(&r.w);
	CHECK(looked.err == -ESTALE && lc_loop_now(r.w.loop) - before >= 5000);
	rig_fini(&r);
}

static void it_is_closed_while_its_manifest_is_in_doubt(void)
{
	struct outcome looked;
	struct rig r;

	rig_init(&r);
	delete_manifest(&r);
	begin_look(&r, &looked);
	close_sync(&r.w, r.vol);
	r.vol = NULL;
	CHECK(looked.nr == 1 && looked.err == -ECANCELED);
	rig_fini(&r);
}

static u64 asked_bytes, asked;

static u64 gc_delay(void *data, u64 bytes)
{
	asked++;
	asked_bytes += bytes;
	return 100;
}

static struct rig *delayed;
static u64 least;

static u64 note_share(void *data, u64 bytes)
{
	struct lc_volume_status st = status(delayed);

	if (st.live_bytes * 100 / st.payload_bytes < least)
		least = st.live_bytes * 100 / st.payload_bytes;
	return 0;
}

/* Half of each is needed, and 80 % should be. */
static void copying_far_below_the_target_waits_for_nobody(void)
{
	struct lc_volume_status st;
	struct rig r;

	rig_init(&r);
	delayed = &r;
	least = 100;
	r.p.gc_delay = note_share;
	r.p.gc_target = 80;
	CHECK(!again(&r));
	CHECK(!fill(&r, 60));
	CHECK(!gc_all_sync(&r.w, r.vol));
	st = status(&r);
	CHECK(st.live_bytes * 100 >= st.payload_bytes * 80);
	CHECK(least >= 70 && least < 80);
	CHECK(all_there(&r, 60));
	rig_fini(&r);
}

static void copying_can_be_slowed(void)
{
	struct rig r;
	u64 before;

	rig_init(&r);
	r.p.gc_delay = gc_delay;
	/* Each of them keeps the first block of two. */
	r.p.gc_target = 55;
	CHECK(!again(&r));
	CHECK(!fill(&r, 30));
	before = lc_loop_now(r.w.loop);
	CHECK(!gc_all_sync(&r.w, r.vol));
	CHECK(asked && asked_bytes);
	CHECK(lc_loop_now(r.w.loop) - before >= asked * 100);
	CHECK(status(&r).gc_bytes);
	CHECK(all_there(&r, 30));
	rig_fini(&r);
}

/*----------------------------------------------------------------
 * Verifying
 *----------------------------------------------------------------
 */

/* By hand: no owner does that. */
static void shrink(struct lc_manifest *m)
{
	m->sectors = SECTORS;
}

static void verify_finds_what_is_damaged(void)
{
	struct verified v;
	struct object *o;
	struct rig r;
	u64 changes;

	rig_init(&r);
	CHECK(!fill(&r, 20));
	CHECK(!snapshot_sync(&r.w, r.vol, "s"));
	CHECK(!fill(&r, 10));
	CHECK(!again(&r));
	CHECK(!write_blocks(&r, 0, 1));
	changes = r.w.puts + r.w.deletes;
	verify(&r, &v);
	CHECK(r.w.puts + r.w.deletes == changes);
	CHECK(!v.err && !v.res.damaged && !v.res.recover_err);
	CHECK(v.res.kinds[LC_VERIFY_LIVE] && v.res.kinds[LC_VERIFY_PINNED]);
	CHECK(v.res.kinds[LC_VERIFY_FENCE] == 1 && v.res.kinds[LC_VERIFY_CKPT]);
	CHECK(v.res.snapshots == 1 && v.res.lsn == 31);
	CHECK(v.res.live_bytes == status(&r).live_bytes);
	o = find_object(&r, "/data/", 7);
	damage(o, o->blob->size - 1);
	verify(&r, &v);
	CHECK(!v.err && v.res.damaged == 1 && !strcmp(v.bad, o->key));
	rig_fini(&r);
}

/* Its owner goes on deleting between the listing and the reading of headers. */
static void what_is_deleted_meanwhile_was_not_needed(void)
{
	struct verified v = { 0 };
	struct rig r;
	u64 lists;

	rig_init(&r);
	CHECK(!make_garbage(&r));
	CHECK(!call_sync(&r.w, r.vol, lc_volume_checkpoint));
	CHECK(!write_blocks(&r, 91, 1));
	while (find_object(&r, "/map/", 0))
		world_delete(&r.w, find_object(&r, "/map/", 0)->key);
	lists = r.w.lists;
	verify_begin(&r, &r.h, &v);
	while (r.w.lists < lists + 2)
		world_run(&r.w);
	CHECK(!gc_all_sync(&r.w, r.vol));
	CHECK(status(&r).deleted >= 20);
	verify_end(&r, &v);
	CHECK(!v.err && !v.res.damaged && !v.res.recover_err);
	CHECK(v.res.lsn == 25 && r.w.lists > lists + 2);
	rig_fini(&r);
}

/* Its owner makes it larger, and writes there, when the manifest has been read. */
static void verify_of_what_grows(void)
{
	struct verified v = { 0 };
	struct host h;
	struct rig r;
	u64 gets;
	u32 ckpt;

	for (ckpt = 0; ckpt < 2; ckpt++) {
		rig_init(&r);
		CHECK(!write_blocks(&r, 0, 1));
		gets = r.w.gets;
		v = (struct verified){ 0 };
		host_init(&h, &r.w);
		h.in_order = true;
		verify_begin(&r, &h, &v);
		while (r.w.gets == gets)
			world_run(&r.w);
		h.held = true;
		CHECK(!grow_sync(&r.w, r.vol, 2 * SECTORS) && !write_blocks(&r, BEHIND, 1));
		CHECK(!write_blocks(&r, 1, 1));
		CHECK(!ckpt || !call_sync(&r.w, r.vol, lc_volume_checkpoint));
		h.held = false;
		verify_end(&r, &v);
		CHECK(!v.err && !v.res.damaged && !v.res.recover_err);
		CHECK(v.res.kinds[LC_VERIFY_LIVE] >= 2);
		rig_fini(&r);
	}
	/* Behind the end is damage, if it is not the size that has changed. */
	rig_init(&r);
	CHECK(!grow_sync(&r.w, r.vol, 2 * SECTORS) && !write_blocks(&r, BEHIND, 1));
	edit_manifest(&r, shrink);
	verify(&r, &v);
	CHECK(!v.err && v.res.damaged == 1 && v.res.recover_err == -EBADMSG);
	rig_fini(&r);
}

static void verify_finds_damaged_marks(void)
{
	struct verified v;
	struct object *o;
	struct rig r;

	rig_init(&r);
	r.p.ckpt_objects = 1000;
	CHECK(!again(&r));
	CHECK(!make_garbage(&r));
	CHECK(!gc_all_sync(&r.w, r.vol));
	verify(&r, &v);
	CHECK(!v.err && !v.res.damaged && v.res.kinds[LC_VERIFY_CKPT] == 1 && !v.res.strange);
	o = find_object(&r, "/map/", 0);
	damage(o, 40);
	verify(&r, &v);
	CHECK(!v.err && v.res.damaged == 1 && !strcmp(v.bad, o->key));
	rig_fini(&r);
}

int main(void)
{
	RUN(reads_what_was_put);
	RUN(a_unit_offered_again_is_done);
	RUN(a_gap_in_lsns_is_refused);
	RUN(overlapping_extents_are_refused);
	RUN(an_unknown_outcome_is_looked_up);
	RUN(a_lost_put_is_put_again);
	RUN(the_older_owner_is_fenced);
	RUN(the_older_owner_cannot_change_the_manifest);
	RUN(a_late_change_of_the_predecessor_is_no_other_owner);
	RUN(without_conditions_no_fencing_has_to_be_said);
	RUN(an_old_cache_is_refused);
	RUN(a_late_successor_is_refused);
	RUN(a_volume_is_not_made_twice);
	RUN(damaged_checkpoints_are_done_without);
	RUN(garbage_is_no_hole_without_checkpoints);
	RUN(deleting_needs_no_checkpoint);
	RUN(a_uuid_that_is_used_again_has_other_epochs);
	RUN(a_damaged_header_is_named);
	RUN(a_missing_object_is_no_hole);
	RUN(a_damaged_manifest_is_refused);
	RUN(behind_a_checkpoint_only_headers_are_read);
	RUN(the_local_map_is_used_again);
	RUN(damaged_data_is_an_error);
	RUN(garbage_for_an_answer_is_not_final);
	RUN(a_lost_object_is_an_error);
	RUN(reads_of_one_range_share_a_request);
	RUN(who_waits_comes_before_what_is_read_ahead);
	RUN(snapshots_are_listed_by_name);
	RUN(a_snapshot_is_one_request);
	RUN(a_snapshot_keeps_its_objects);
	RUN(what_no_snapshot_needs_goes);
	RUN(what_came_after_a_rollback_goes);
	RUN(a_clone_shares_and_parts);
	RUN(a_volume_is_closed_when_its_clone_is_on_its_way);
	RUN(a_volume_is_closed_when_its_clone_is_tried_again);
	RUN(a_volume_grows);
	RUN(a_volume_does_not_become_smaller);
	RUN(only_the_owner_makes_it_grow);
	RUN(growing_with_an_unknown_outcome);
	RUN(a_rollback_and_a_clone_keep_the_size);
	RUN(what_is_being_deleted_is_not_attached);
	RUN(an_owner_notices_that_it_is_deleted);
	RUN(no_manifest_for_a_moment_is_no_evidence);
	RUN(no_manifest_for_seconds_is_evidence);
	RUN(an_answer_of_another_kind_breaks_the_row);
	RUN(it_is_closed_while_its_manifest_is_in_doubt);
	RUN(a_clone_is_not_made_of_what_is_not_kept);
	RUN(a_clone_is_made_although_the_owner_changes);
	RUN(copying_can_be_slowed);
	RUN(copying_far_below_the_target_waits_for_nobody);
	RUN(verify_finds_what_is_damaged);
	RUN(what_is_deleted_meanwhile_was_not_needed);
	RUN(verify_of_what_grows);
	RUN(verify_finds_damaged_marks);
	return tap_done();
}
