// SPDX-License-Identifier: GPL-2.0-only
/*
 * logcachectl repair on images made by hand, each damaged in its own way: what is
 * kept is a prefix, nothing older comes back, and an interrupted repair is repeated to
 * the same end.
 */
#include <linux/crc32c.h>
#include <linux/kernel.h>

#include "ctl_run.h"
#include "ctl_test.h"

#define CHECK_CMD	"check --cache " CACHE_FILE
#define DUMP_CMD	"dump --cache " CACHE_FILE

#define REPAIR_CMD	"repair --cache " CACHE_FILE

/*----------------------------------------------------------------
 * The cache
 *
 *	segment 0	sealed, clean	LSN 1..2: writes 0+16 (a), 100+8 (b)
 *	segment 1	sealed, dirty	LSN 3..5: writes 300+8 (d), zeroes 400+64,
 *					writes 100+8 (e)
 *	segment 2	sealed, dirty	LSN 6..7: writes 0+8 (f), 500+8 (g)
 *	segment 3	tail, dirty	LSN 8..9: writes 600+16 (h), 300+8 (i)
 *	segment 4	tail, dirty	LSN 10:   writes 700+8 (j)
 *	segment 7	fill as of 3:	copies 800+32 (c)
 *----------------------------------------------------------------
 */

#define CLEAN_LSN	3
#define END_LSN		11

static u8 before[CACHE_BYTES], after[CACHE_BYTES];

static void make(struct img *im)
{
	img_make(im, ctl);
	img_activate(im, 0, 1);
	log_write(im, 0, 16, 'a');
	log_write(im, 100, 8, 'b');
	im->acked = im->lsn;
	im->clean = im->lsn;
	log_next(im, 2);
	fill_seg(im, 7, 800, 32, 'c', im->lsn);
	log_write(im, 300, 8, 'd');
	log_op(im, LC_OP_ZERO, 400, 64);
	log_write(im, 100, 8, 'e');
	im->acked = im->lsn;
	log_next(im, 3);
	log_write(im, 0, 8, 'f');
	log_write(im, 500, 8, 'g');
	im->acked = im->lsn;
	log_next(im, 4);
	log_write(im, 600, 16, 'h');
	im->acked = im->lsn;
	log_write(im, 300, 8, 'i');
	im->acked = im->lsn;
	log_open(im, 4, 5);
	log_write(im, 700, 8, 'j');
}

static void damage_slot(struct img *im, u32 seg)
{
	img_flip(im, img_slot_block(im, seg), 60);
}

static void damage_header(struct img *im, u32 seg, u32 block)
{
	img_flip(im, img_seg_block(im, seg) + block, 90);
}

static void take_image(const struct img *im, u8 *to)
{
	REQUIRE(pread(im->fd, to, CACHE_BYTES, 0) == CACHE_BYTES);
}

static bool unchanged(const struct img *im)
{
	take_image(im, after);
	return !memcmp(before, after, CACHE_BYTES);
}

/* LSN of what a read of @lba would find; 0: the origin's. */
static long long found(u64 lba)
{
	char cmd[200];

	snprintf(cmd, sizeof(cmd), DUMP_CMD " --lba %llu --json", lba);
	REQUIRE(!ctl(cmd));
	if (json_at("versions") < 1 || !json_at("versions.0.believed"))
		return 0;
	return json_at("versions.0.lsn");
}

/* The log ends at @end, in order, with no more in the cache than the log from CLEAN_LSN on. */
static bool ends_at(u64 end)
{
	REQUIRE(ctl(CHECK_CMD " --json") <= 1);
	if (json_at("ok") == 1 && json_at("clean_stop") == 1 && json_at("log.end_lsn") == end)
		return true;
	printf("# %s\n", out);
	return false;
}

/* All is there that is before @end, and nothing else. */
static bool holds_up_to(u64 end)
{
	return found(300) == (end > 9 ? 9 : end > 3 ? 3 : 0) &&
	       found(400) == (end > 4 ? 4 : 0) && found(100) == (end > 5 ? 5 : 0) &&
	       found(0) == (end > 6 ? 6 : 0) && found(500) == (end > 7 ? 7 : 0) &&
	       found(600) == (end > 8 ? 8 : 0) && found(700) == (end > 10 ? 10 : 0) &&
	       found(8) == 0 && found(800) == 0;
}

/* It was refused, is shown, asked for, done, and then there is nothing to do. */
static bool repairs_up_to(struct img *im, u64 end)
{
	take_image(im, before);
	if (ctl(REPAIR_CMD) != 2 || !says("nobody to ask, use --yes") || !unchanged(im))
		return false;
	if (ctl(REPAIR_CMD " --yes") || !says("is repaired and starts again"))
		return false;
	take_image(im, before);
	return !ctl(REPAIR_CMD " --yes") && says("starts as it is; nothing was changed") &&
	       unchanged(im) && ends_at(end) && holds_up_to(end);
}

/*----------------------------------------------------------------
 * Nothing to repair, or nothing to be done
 *----------------------------------------------------------------
 */

static bool leaves_alone(struct img *im, int status, const char *text)
{
	take_image(im, before);
	return ctl(REPAIR_CMD " --yes") == status && says(text) && unchanged(im);
}

static void a_cache_that_starts_is_left_alone(void)
{
	struct img im;

	make(&im);
	CHECK(leaves_alone(&im, 0, "starts as it is; nothing was changed"));
	img_close(&im);

	/* The last record is torn. */
	make(&im);
	img_flip(&im, img_seg_block(&im, 4) + 1, 0);
	CHECK(leaves_alone(&im, 0, "starts as it is"));
	img_close(&im);

	/* Acknowledged data is damaged: reads of it fail, all else is there. */
	make(&im);
	img_flip(&im, img_seg_block(&im, 3) + 1, 0);
	CHECK(leaves_alone(&im, 0, "starts as it is"));
	img_close(&im);

	/* Summaries of clean data, and of the last sealed segment, are not missed. */
	make(&im);
	damage_slot(&im, 7);
	damage_slot(&im, 2);
	CHECK(leaves_alone(&im, 0, "starts as it is"));
	img_close(&im);

	img_make(&im, ctl);
	CHECK(leaves_alone(&im, 0, "starts as it is"));
	img_close(&im);
}

static void epoch_ahead(const struct img *im, u32 seg)
{
	static union {
		struct lc_slot slot;
		u8 bytes[SLOT_BUF];
	} b;

	img_read(im, img_slot_block(im, seg), &b, 2);
	b.slot.head.epoch = cpu_to_le64(99);
	b.slot.head.crc = cpu_to_le32(crc32c(~0u, &b.slot.head.magic,
					     le32_to_cpu(b.slot.bytes) - sizeof(__le32)));
	img_write(im, img_slot_block(im, seg), &b, 2);
}

static void without_a_start_there_is_no_repair(void)
{
	struct img im;

	make(&im);
	img_clear(&im, 0);
	img_clear(&im, 1);
	CHECK(leaves_alone(&im, 1, "cannot be repaired without a superblock"));
	img_close(&im);

	make(&im);
	img_flip(&im, img_ckpt_block(&im, 0), 80);
	img_flip(&im, img_ckpt_block(&im, 1), 80);
	CHECK(leaves_alone(&im, 1, "cannot be repaired without a superblock and a checkpoint"));
	img_close(&im);

	make(&im);
	epoch_ahead(&im, 7);
	CHECK(leaves_alone(&im, 1, "the newest checkpoint is lost"));
	img_close(&im);
}

/*----------------------------------------------------------------
 * The log up to the damage
 *----------------------------------------------------------------
 */

static void missing_record_ends_the_log(void)
{
	struct img im;

	make(&im);
	damage_header(&im, 3, 0);
	CHECK(ctl(REPAIR_CMD) == 2);
	CHECK(says("does not start: a record in the log is missing or damaged"));
	CHECK(says("on origin   all below LSN 3"));
	CHECK(says("kept        LSN 3 to 7, in 2 segments; 0 get a new summary"));
	CHECK(says("given up    LSN 8 to 10\n              2 entries that were acknowledged, 1 that may not have been"));
	CHECK(says("of 2 of them it is known what they were: 8 KiB\n              sectors 300 to 307\n              sectors 700 to 707\n"));
	CHECK(repairs_up_to(&im, 8));
	CHECK(!ctl(CHECK_CMD));
	CHECK(says("a repair gave up writes that had been acknowledged"));
	img_close(&im);

	make(&im);
	damage_header(&im, 3, 3);
	CHECK(repairs_up_to(&im, 9));
	img_close(&im);
}

/* The records say the same. */
static void summary_is_made_from_records(void)
{
	struct img im;

	make(&im);
	damage_slot(&im, 1);
	CHECK(ctl(REPAIR_CMD) == 2);
	CHECK(says("does not start: a segment summary of the log is missing or damaged"));
	CHECK(says("given up    nothing: every write is kept"));
	CHECK(says("in 4 segments; 3 get a new summary"));
	CHECK(repairs_up_to(&im, END_LSN));
	CHECK(!strstr(out, "gave up"));
	img_close(&im);

	make(&im);
	img_clear(&im, img_slot_block(&im, 1));
	CHECK(repairs_up_to(&im, END_LSN));
	img_close(&im);

	/* With records of the segment missing besides, the first of them is the end. */
	make(&im);
	damage_slot(&im, 1);
	damage_header(&im, 1, 3);
	CHECK(repairs_up_to(&im, 5));
	img_close(&im);

	make(&im);
	damage_slot(&im, 1);
	damage_header(&im, 1, 0);
	CHECK(repairs_up_to(&im, 3));
	CHECK(!ctl(CHECK_CMD));
	CHECK(says("gave up"));
	img_close(&im);
}

/* Payload that is damaged is damage, and is said, not the end of the log. */
static void damaged_payload_is_kept_as_such(void)
{
	struct img im;

	make(&im);
	damage_slot(&im, 1);
	img_flip(&im, img_seg_block(&im, 1) + 1, 7);
	CHECK(ctl(REPAIR_CMD) == 2);
	CHECK(says("payload of 1 records that are kept; reads fail"));
	CHECK(!ctl(REPAIR_CMD " --yes"));
	CHECK(ctl(CHECK_CMD) == 1);
	CHECK(says("payload in block 1 of segment 1 is damaged"));
	CHECK(holds_up_to(END_LSN));
	img_close(&im);
}

static void bitmap_costs_copies_only(void)
{
	struct img im;

	make(&im);
	img_ckpt(&im, 0);
	img_flip(&im, img_ckpt_block(&im, im.ckpt_seq) + 1, 80);
	CHECK(ctl(REPAIR_CMD) == 2);
	CHECK(says("the bitmap of the newest checkpoint is damaged"));
	CHECK(says("given up    nothing"));
	CHECK(repairs_up_to(&im, END_LSN));
	img_close(&im);
}

/*----------------------------------------------------------------
 * Nothing older comes back
 *----------------------------------------------------------------
 */

/*
 * A record behind the damage says that all below 10 is on the origin. So nothing from
 * before may cover the origin; and what is from there on is whole.
 */
static void what_the_origin_has_is_not_covered(void)
{
	struct img im;

	make(&im);
	im.acked = im.lsn;
	im.clean = 10;
	log_write(&im, 720, 8, 'k');
	damage_header(&im, 3, 0);
	CHECK(ctl(REPAIR_CMD) == 2);
	CHECK(says("on origin   all below LSN 10"));
	CHECK(says("given up    nothing"));
	CHECK(!ctl(REPAIR_CMD " --yes"));
	CHECK(ends_at(12));
	CHECK(found(300) == 0 && found(0) == 0 && found(500) == 0 && found(600) == 0);
	CHECK(found(700) == 10 && found(720) == 11);
	img_close(&im);

	/* That record is all there is of it. */
	make(&im);
	im.acked = im.lsn;
	im.clean = im.lsn;
	log_write(&im, 720, 8, 'k');
	log_write(&im, 740, 8, 'l');
	damage_header(&im, 3, 0);
	damage_header(&im, 4, 2);
	CHECK(!ctl(REPAIR_CMD " --yes"));
	CHECK(ends_at(11));
	CHECK(found(300) == 0 && found(700) == 0 && found(720) == 0 && found(740) == 0);
	img_close(&im);
}

/* Segment 1 is gone, and what counted in it is said to be further on, below 10. */
static void without_the_copies_the_log_is_void(void)
{
	struct img im;

	make(&im);
	im.begin = 6;
	im.floor = 10;
	img_ckpt(&im, 0);
	img_clear(&im, img_slot_block(&im, 1));
	damage_header(&im, 3, 3);
	CHECK(ctl(REPAIR_CMD) == 2);
	CHECK(says("all of the log: copies that it needs are damaged"));
	CHECK(repairs_up_to(&im, 3));
	img_close(&im);

	make(&im);
	im.begin = 6;
	im.floor = 8;
	img_ckpt(&im, 0);
	img_clear(&im, img_slot_block(&im, 1));
	damage_header(&im, 3, 3);
	CHECK(!ctl(REPAIR_CMD " --yes"));
	CHECK(ends_at(9) && found(0) == 6 && found(600) == 8 && found(300) == 0);
	img_close(&im);
}

/*
 * A start had cut the log at LSN 10, and a record of before the cut still lies there. It
 * continues the chain as well as the one that took its place.
 */
static void what_was_cut_off_stays_off(void)
{
	struct img_seg third;
	struct img im;
	u32 chain;

	make(&im);
	/* The same with segment 3 sealed, as a start would have done. */
	im.lsn = 8;
	im.log = im.oldest;
	im.acked = im.lsn;
	im.chain = im.log.chain_at_start;
	log_write(&im, 600, 16, 'h');
	im.acked = im.lsn;
	log_write(&im, 300, 8, 'i');
	im.acked = im.lsn;
	chain = im.chain;
	third = im.log;
	/* j, whose data never came, and what was written after the start. */
	log_open(&im, 4, 5);
	log_write(&im, 700, 8, 'j');
	img_flip(&im, img_seg_block(&im, 4) + 1, 0);
	seg_seal(&im, &third, LC_SEG_LOG, 0);
	im.lsn = 10;
	im.chain = chain;
	img_activate(&im, 10, 11);
	log_write(&im, 710, 8, 'J');
	im.acked = im.lsn;
	log_next(&im, 12);
	log_write(&im, 730, 8, 'K');
	CHECK(!ctl(CHECK_CMD));
	CHECK(found(710) == 10 && found(730) == 11 && found(700) == 0);

	damage_slot(&im, 10);
	damage_header(&im, 10, 0);
	img_ckpt(&im, 0);
	CHECK(!ctl(REPAIR_CMD " --yes"));
	CHECK(ends_at(10) && holds_up_to(10));
	img_close(&im);
}

/*----------------------------------------------------------------
 * Interrupted
 *----------------------------------------------------------------
 */

/* Killed at the first write to @block or behind. */
static void repair_cut(u32 block)
{
	char cmd[PATH_MAX + 200];

	snprintf(cmd, sizeof(cmd), "exec >/dev/null 2>&1; (ulimit -c 0; ulimit -f %u; '%s' " REPAIR_CMD " --yes)",
		 block * (LC_BLOCK_SIZE / 512), binary);
	REQUIRE(system(cmd) != -1);
}

static void damage_for_cut(struct img *im)
{
	make(im);
	damage_slot(im, 1);
	damage_header(im, 3, 3);
}

static void interrupted_repair_is_repeated(void)
{
	struct img im;
	u32 block, begun = 0;

	/* From the first checkpoint to behind the summaries of the log. */
	for (block = 2; block < 18; block++) {
		damage_for_cut(&im);
		REQUIRE(im.geo.slot_start == 6);
		take_image(&im, before);
		repair_cut(block);
		if (!unchanged(&im)) {
			begun++;
			ctl(CHECK_CMD);
			/* Either it is done, or it is said what to do. */
			CHECK(strstr(out, "a repair was begun and is not finished; run logcachectl repair again") ||
			      ends_at(9));
		}
		ctl(REPAIR_CMD " --yes");
		CHECK(ends_at(9) && holds_up_to(9));
		CHECK(!ctl(CHECK_CMD));
		CHECK(says("a repair gave up writes"));
		img_close(&im);
	}
	CHECK(begun > 4);
}

/* The last checkpoint was torn: the one before it refuses, and leads to the same. */
static void torn_at_the_end(void)
{
	struct img im;

	damage_for_cut(&im);
	CHECK(!ctl(REPAIR_CMD " --yes"));
	img_flip(&im, img_ckpt_block(&im, im.ckpt_seq + 2), 100);
	CHECK(ctl(CHECK_CMD) == 1);
	CHECK(says("a repair was begun and is not finished"));
	CHECK(ctl(REPAIR_CMD) == 2);
	CHECK(says("what was said when the repair was begun"));
	CHECK(repairs_up_to(&im, 9));
	CHECK(!ctl(CHECK_CMD));
	CHECK(says("a repair gave up writes"));
	img_close(&im);
}

/*----------------------------------------------------------------
 * Hostile images
 *----------------------------------------------------------------
 */

static u32 rnd_state = 1;

static u32 rnd(u32 n)
{
	rnd_state = rnd_state * 1664525 + 1013904223;
	return (rnd_state >> 8) % n;
}

/* Any damage to summaries and records: what it says is repaired can be checked without faults. */
static void whatever_is_repaired_is_whole(void)
{
	struct img im;
	u32 round, i, repaired = 0;

	for (round = 0; round < 60; round++) {
		make(&im);
		for (i = 0; i < 1 + round % 3; i++) {
			if (rnd(2))
				damage_slot(&im, rnd(4));
			else
				damage_header(&im, rnd(5), rnd(5));
		}
		if (!ctl(REPAIR_CMD " --yes") && strstr(out, "is repaired")) {
			u64 end;

			repaired++;
			REQUIRE(ctl(CHECK_CMD " --json") <= 1);
			end = json_at("log.end_lsn");
			CHECK(end >= CLEAN_LSN && end <= END_LSN && holds_up_to(end));
			CHECK(!ctl(REPAIR_CMD " --yes") && says("starts as it is"));
		}
		img_close(&im);
	}
	CHECK(repaired > 20);
}

int main(void)
{
	ctl_setup();
	RUN(a_cache_that_starts_is_left_alone);
	RUN(without_a_start_there_is_no_repair);
	RUN(missing_record_ends_the_log);
	RUN(summary_is_made_from_records);
	RUN(damaged_payload_is_kept_as_such);
	RUN(bitmap_costs_copies_only);
	RUN(what_the_origin_has_is_not_covered);
	RUN(without_the_copies_the_log_is_void);
	RUN(what_was_cut_off_stays_off);
	RUN(interrupted_repair_is_repeated);
	RUN(torn_at_the_end);
	RUN(whatever_is_repaired_is_whole);
	ctl_cleanup();
	return tap_done();
}
