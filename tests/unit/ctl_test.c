// SPDX-License-Identifier: GPL-2.0-only
/*
 * logcachectl: the real binary on images made by hand, sound and broken, and
 * its reading of the status line.
 *
 * Needs no root and no module. The binary is beside this program; the man page
 * and the completion are looked for from tests/unit.
 */
#include <jansson.h>
#include <linux/crc32c.h>
#include <linux/kernel.h>

#include "ctl.h"
#include "args.h"
#include "ctl_run.h"
#include "ctl_test.h"
#include "dm.h"
#include "status.h"
#include "status_store.h"

#define CHECK_CMD	"check --cache " CACHE_FILE
#define DUMP_CMD	"dump --cache " CACHE_FILE

/*----------------------------------------------------------------
 * A cache with a bit of everything
 *
 *	segment 0	sealed, clean	LSN 1..5: writes 0+16 (a), 100+8 (b), 0+8 (c),
 *					discards 200+50, invalidates 100+8
 *	segment 1	sealed, dirty	LSN 6..7: writes 300+8 (d), zeroes 400+64
 *	segment 2	tail, dirty	LSN 8..9: writes 0+8 (e), 500+8 (f)
 *	segment 3	tail, dirty	LSN 10:   writes 600+16 (g)
 *	segment 7	fill as of 6:	copies 800+32 (h)
 *----------------------------------------------------------------
 */

#define END_LSN		11

static void make(struct img *im)
{
	img_make(im, ctl);
	img_activate(im, 0, 1);
	log_write(im, 0, 16, 'a');
	log_write(im, 100, 8, 'b');
	log_write(im, 0, 8, 'c');
	log_op(im, LC_OP_DISCARD, 200, 50);
	log_op(im, LC_OP_INVAL, 100, 8);
	im->acked = im->lsn;
	im->clean = im->lsn;
	log_next(im, 2);
	fill_seg(im, 7, 800, 32, 'h', im->lsn);
	log_write(im, 300, 8, 'd');
	log_op(im, LC_OP_ZERO, 400, 64);
	im->acked = im->lsn;
	log_next(im, 3);
	log_write(im, 0, 8, 'e');
	log_write(im, 500, 8, 'f');
	im->acked = im->lsn;
	log_open(im, 3, 4);
	log_write(im, 600, 16, 'g');
}

static void sound_cache_has_no_faults(void)
{
	struct img im;

	make(&im);
	CHECK(!ctl(CHECK_CMD));
	CHECK(says("no faults"));
	CHECK(!ctl(CHECK_CMD " --json"));
	CHECK(json_at("ok") == 1 && json_at("faults") == 0 && json_at("notes") == 0);
	CHECK(json_at("log.clean_lsn") == 6 && json_at("log.end_lsn") == END_LSN);
	CHECK(json_at("log.tail_records") == 3 && json_at("log.torn") == 0);
	CHECK(json_at("counts.log_segments") == 4 && json_at("counts.dirty_segments") == 3);
	CHECK(json_at("counts.tail_segments") == 2 && json_at("counts.fill_segments") == 1);
	CHECK(json_at("counts.records") == 10 && json_at("counts.entries") == 11);
	/* a's second half, c gave way to e; d, e, f, g; h. */
	CHECK(json_at("counts.live_sectors") == 8 + 8 + 8 + 8 + 16 + 32);
	CHECK(json_at("counts.dirty_sectors") == 8 + 8 + 8 + 16);
	CHECK(json_at("counts.zeroed_sectors") == 64);
	img_close(&im);
}

static void check_changes_nothing(void)
{
	static u8 before[CACHE_BYTES], after[CACHE_BYTES];
	struct img im;

	make(&im);
	img_flip(&im, 1, 100);
	CHECK(pread(im.fd, before, CACHE_BYTES, 0) == CACHE_BYTES);
	CHECK(ctl(CHECK_CMD) == 1);
	CHECK(!ctl(DUMP_CMD));
	CHECK(!ctl(DUMP_CMD " --lba 0"));
	CHECK(pread(im.fd, after, CACHE_BYTES, 0) == CACHE_BYTES);
	CHECK(!memcmp(before, after, CACHE_BYTES));
	img_close(&im);
}

static void orderly_stop_has_no_tail(void)
{
	struct img im;

	img_make(&im, ctl);
	img_activate(&im, 0, 1);
	log_write(&im, 0, 8, 'a');
	im.acked = im.lsn;
	im.log.next = LC_SEG_NONE;
	seg_seal(&im, &im.log, LC_SEG_LOG, 0);
	memset(&im.oldest, 0, sizeof(im.oldest));
	memset(im.open_seq, 0, sizeof(im.open_seq));
	img_set_bits(&im, 0, 0xff);
	img_ckpt(&im, LC_CKPT_CLEAN);
	CHECK(!ctl(CHECK_CMD " --json"));
	CHECK(json_at("clean_stop") == 1 && json_at("log.end_lsn") == 2);
	CHECK(json_at("counts.dirty_sectors") == 8 && json_at("counts.tail_segments") == 0);
	img_close(&im);
}

/*----------------------------------------------------------------
 * dump
 *----------------------------------------------------------------
 */

static void dump_shows_versions_newest_first(void)
{
	struct img im;

	make(&im);
	CHECK(!ctl(DUMP_CMD " --lba 0 --json"));
	CHECK(json_at("versions") == 3);
	CHECK(json_at("versions.0.lsn") == 8 && json_at("versions.0.segment") == 2);
	CHECK(json_at("versions.0.dirty") == 1 && json_at("versions.1.dirty") == 0);
	CHECK(json_at("versions.1.lsn") == 3 && json_at("versions.2.lsn") == 1);
	/* From the second half of the first write on, one sector of it. */
	CHECK(!ctl(DUMP_CMD " --lba 9 --json"));
	CHECK(json_at("versions") == 1 && json_at("versions.0.lsn") == 1);
	CHECK(json_at("versions.0.cache_sector") == im.geo.data_start * 8 + 8 + 9);
	CHECK(!ctl(DUMP_CMD " --lba 0 --count 10000 --json"));
	CHECK(json_at("versions") == 11);
	CHECK(!ctl(DUMP_CMD " --lba 810"));
	CHECK(says("810+1  copy, as of LSN 6, clean, segment 7"));
	img_close(&im);
}

static void dump_shows_structures(void)
{
	struct img im;

	make(&im);
	CHECK(!ctl(DUMP_CMD " --json"));
	CHECK(json_at("segments") == 5 && json_at("checkpoint.number") == 2);
	CHECK(json_at("checkpoint.log_segment") == 0 && json_at("superblock.segments") == IMG_SEGS);
	CHECK(json_at("clean_lsn") == 6 && json_at("end_lsn") == END_LSN);
	CHECK(!ctl(DUMP_CMD));
	CHECK(says("formatted") && says("tail, dirty") && says("ends at      LSN 11"));
	CHECK(ctl(DUMP_CMD " --lba x") == 2);
	CHECK(ctl(DUMP_CMD " --count 3") == 2);
	CHECK(ctl(DUMP_CMD " --lba 3 --count 0") == 2);
	CHECK(ctl("dump --cache " ORIGIN_FILE) == 1);
	CHECK(says("no logcache superblock"));
	img_close(&im);
}

/*----------------------------------------------------------------
 * The end of the log
 *----------------------------------------------------------------
 */

static void torn_record_ends_the_log(void)
{
	struct img im;

	make(&im);
	img_flip(&im, img_seg_block(&im, 3) + 2, 0);
	CHECK(!ctl(CHECK_CMD));
	CHECK(says("ends at LSN 10 in a record that was not written completely"));
	img_close(&im);
}

static void records_behind_a_torn_one_do_not_count(void)
{
	struct img im;

	make(&im);
	/* Not yet acknowledged when the next was written. */
	log_write(&im, 700, 8, 'i');
	img_flip(&im, img_seg_block(&im, 3) + 1, 0);
	CHECK(!ctl(CHECK_CMD " --json"));
	CHECK(json_at("log.end_lsn") == 10 && json_at("log.torn") == 1);
	CHECK(json_at("log.tail_records") == 2);
	img_close(&im);
}

static void damage_below_the_acknowledged_is_no_end(void)
{
	struct img im;

	make(&im);
	img_flip(&im, img_seg_block(&im, 2) + 1, 0);
	CHECK(ctl(CHECK_CMD) == 1);
	CHECK(says("payload of the record with LSN 8 (LBA 0, ...) is damaged"));
	CHECK(says("ends at LSN 11"));
	img_close(&im);
}

static void header_that_is_gone_breaks_the_log_off(void)
{
	struct img im;

	make(&im);
	img_flip(&im, img_seg_block(&im, 2), 40);
	CHECK(ctl(CHECK_CMD) == 1);
	CHECK(says("the log breaks off at LSN 8"));
	img_close(&im);

	/* The next record is still there and knows better. */
	make(&im);
	img_flip(&im, img_seg_block(&im, 2) + 2, 40);
	CHECK(ctl(CHECK_CMD) == 1);
	CHECK(says("the log breaks off at LSN 9, but a later record says that all below LSN 10 was durable"));
	img_close(&im);
}

static void log_ends_where_nothing_continues_it(void)
{
	struct img im;

	make(&im);
	/* Same place, same LSN, same chain, but of an activation before. */
	im.epoch--;
	log_write(&im, 700, 8, 'i');
	CHECK(!ctl(CHECK_CMD " --json"));
	CHECK(json_at("log.end_lsn") == END_LSN);
	img_close(&im);

	make(&im);
	im.chain++;
	log_write(&im, 700, 8, 'i');
	CHECK(!ctl(CHECK_CMD " --json"));
	CHECK(json_at("log.end_lsn") == END_LSN);
	img_close(&im);

	make(&im);
	im.log.seq++;
	log_write(&im, 700, 8, 'i');
	CHECK(!ctl(CHECK_CMD " --json"));
	CHECK(json_at("log.end_lsn") == END_LSN);
	img_close(&im);
}

static void log_starts_at_the_checkpoint_when_that_is_newer(void)
{
	struct img im;

	make(&im);
	/* Recovery sealed what it found and went on elsewhere, in a new epoch. */
	seg_seal(&im, &im.log, LC_SEG_LOG, 0);
	im.log.seg = 2;
	im.epoch++;
	log_start(&im, 9, 10);
	img_ckpt(&im, 0);
	log_write(&im, 900, 8, 'j');
	CHECK(ctl(CHECK_CMD " --json") == 1);	/* segment 2 was never sealed */
	CHECK(strstr(out, "writes with LSN 8 to 9 are missing before segment 3"));
	CHECK(json_at("log.end_lsn") == END_LSN + 1 && json_at("log.tail_records") == 1);
	img_close(&im);
}

static void clean_lsn_cannot_lie_beyond_the_log(void)
{
	struct img im;

	make(&im);
	im.clean = 100;
	img_ckpt(&im, 0);
	CHECK(ctl(CHECK_CMD) == 1);
	CHECK(says("all below LSN 100 is said to be on the origin, but the log ends at "));
	img_close(&im);
}

/* What was in segment 1 is in segments 2 and 3; its slot is history, or overwritten. */
static void copied_segments_are_not_missed(void)
{
	static u8 zero[SLOT_BUF];
	struct img im;

	make(&im);
	im.begin = 8;
	im.floor = 10;
	/* Of segment 0 only a's second half counts. */
	img_set_bits(&im, 0, 0xff);
	img_clear_bit(&im, 0, 1);
	img_clear_bit(&im, 0, 4);
	img_clear_bit(&im, 0, 6);
	img_set_bits(&im, 7, 0xff);
	img_ckpt(&im, 0);
	CHECK(!ctl(CHECK_CMD " --json"));
	CHECK(json_at("faults") == 0 && json_at("log.end_lsn") == END_LSN);
	CHECK(json_at("counts.dirty_segments") == 2);
	/* As in make(), without d and the zeroes. */
	CHECK(json_at("counts.live_sectors") == 8 + 8 + 8 + 16 + 32);
	CHECK(json_at("counts.zeroed_sectors") == 0);
	img_write(&im, img_slot_block(&im, 1), zero, im.geo.slot_blocks);
	CHECK(!ctl(CHECK_CMD));
	img_close(&im);

	/* One more than was copied is missing. */
	make(&im);
	im.begin = 7;
	im.floor = 10;
	img_ckpt(&im, 0);
	img_write(&im, img_slot_block(&im, 1), zero, im.geo.slot_blocks);
	CHECK(ctl(CHECK_CMD) == 1);
	CHECK(says("writes with LSN 7 to 7 are missing"));
	img_close(&im);
}

static void copies_are_not_lost(void)
{
	struct img im;

	make(&im);
	im.begin = 8;
	im.floor = END_LSN + 1;
	img_ckpt(&im, 0);
	CHECK(ctl(CHECK_CMD) == 1);
	CHECK(says("all below LSN 12 is said to be durable, but the log ends at 11"));
	img_close(&im);
}

/*----------------------------------------------------------------
 * Broken structures
 *----------------------------------------------------------------
 */

static void one_superblock_is_enough(void)
{
	struct img im;

	make(&im);
	img_flip(&im, 0, 1000);
	CHECK(ctl(CHECK_CMD) == 1);
	CHECK(says("block 0: superblock copy 0: checksum does not match"));
	img_close(&im);

	make(&im);
	img_clear(&im, 1);
	CHECK(ctl(CHECK_CMD) == 1);
	CHECK(says("block 1: superblock copy 1: not a logcache superblock"));
	img_close(&im);
}

static void no_superblock_no_check(void)
{
	struct img im;

	make(&im);
	img_clear(&im, 0);
	img_clear(&im, 1);
	CHECK(ctl(CHECK_CMD) == 2);
	CHECK(says("no logcache superblock"));
	CHECK(ctl("check --cache /nonexistent") == 2);
	CHECK(says("/nonexistent: does not exist"));
	CHECK(ctl("check --cache /dev/null") == 2);
	CHECK(says("is not a block device"));
	img_close(&im);
}

static void device_that_shrank(void)
{
	struct img im;

	make(&im);
	CHECK(!ftruncate(im.fd, CACHE_BYTES - (1 << 20)));
	CHECK(ctl(CHECK_CMD) == 1);
	CHECK(says("it shrank, or is the wrong device"));
	img_close(&im);
}

static void older_checkpoint_steps_in(void)
{
	struct img im;

	make(&im);
	img_flip(&im, img_ckpt_block(&im, im.ckpt_seq), 80);
	/* The one of format is left: an orderly stop with an empty log. */
	ctl(CHECK_CMD);
	CHECK(says("checkpoint 0: checksum does not match; the other one counts"));
	img_close(&im);
}

static void torn_checkpoint_is_no_fault(void)
{
	struct img im;

	img_make(&im, ctl);
	img_activate(&im, 0, 1);	/* number 2 */
	log_write(&im, 0, 8, 'a');
	img_ckpt(&im, 0);		/* number 3, torn while it was written */
	img_flip(&im, img_ckpt_block(&im, im.ckpt_seq), 80);
	CHECK(!ctl(CHECK_CMD " --json"));
	CHECK(json_at("notes") == 1 && json_at("log.end_lsn") == 2);
	img_close(&im);
}

/* The power failed when the bits of the next one were there and its head was not. */
static void checkpoint_that_is_being_replaced_is_no_fault(void)
{
	struct img im;

	make(&im);
	im.ckpt_seq++;
	img_ckpt_bits(&im);
	CHECK(!ctl(CHECK_CMD " --json"));
	CHECK(json_at("notes") == 1 && json_at("log.end_lsn") == END_LSN);
	CHECK(!ctl(CHECK_CMD));
	CHECK(says("checkpoint 1: bitmap block is of another epoch; the other one counts"));
	img_close(&im);
}

/* The module does not go back to an older one then, and no more does check. */
static void newest_checkpoint_needs_its_bits(void)
{
	struct img im;

	make(&im);
	img_ckpt(&im, 0);
	img_ckpt(&im, 0);
	img_flip(&im, img_ckpt_block(&im, im.ckpt_seq) + 1, 80);
	CHECK(ctl(CHECK_CMD) == 1);
	CHECK(says("checkpoint 0: checksum does not match; without a checkpoint the cache cannot start"));
	img_close(&im);
}

static void no_checkpoint_no_cache(void)
{
	struct img im;

	make(&im);
	img_flip(&im, img_ckpt_block(&im, 1), 80);
	img_flip(&im, img_ckpt_block(&im, 2) + 1, 80);
	CHECK(ctl(CHECK_CMD) == 1);
	CHECK(says("without a checkpoint the cache cannot start"));
	CHECK(says("checkpoint 0: checksum") && says("checkpoint 1: checksum"));
	img_close(&im);
}

static void lost_summary_of_dirty_data(void)
{
	struct img im;

	make(&im);
	img_flip(&im, img_slot_block(&im, 1), 60);
	/* The log goes on from segment 0 and finds segment 1 as if never sealed. */
	CHECK(!ctl(CHECK_CMD " --json"));
	CHECK(json_at("notes") == 1 && json_at("log.end_lsn") == END_LSN);
	img_close(&im);
}

static void gap_between_sealed_segments(void)
{
	struct img im;

	make(&im);
	log_next(&im, 5);	/* seals segment 3; segment 2 was not */
	img_clear(&im, img_slot_block(&im, 1));
	CHECK(ctl(CHECK_CMD) == 1);
	CHECK(says("writes with LSN 6 to 9 are missing before segment 3; writes are lost"));
	img_close(&im);
}

/* Change a slot and make its checksum right again. */
static void reseal_slot(const struct img *im, u32 seg, void (*change)(struct lc_slot *s))
{
	static union {
		struct lc_slot slot;
		u8 bytes[SLOT_BUF];
	} b;

	img_read(im, img_slot_block(im, seg), &b, 2);
	change(&b.slot);
	b.slot.head.crc = cpu_to_le32(crc32c(~0u, &b.slot.head.magic,
					     le32_to_cpu(b.slot.bytes) - sizeof(__le32)));
	img_write(im, img_slot_block(im, seg), &b, 2);
}

static void next_outside(struct lc_slot *s)
{
	s->next_seg = cpu_to_le32(1000);
}

static void seq_again(struct lc_slot *s)
{
	s->seq = cpu_to_le64(1);
}

static void epoch_ahead(struct lc_slot *s)
{
	s->head.epoch = cpu_to_le64(99);
}

static void other_lba(struct lc_slot *s)
{
	struct lc_ent e;

	lc_entry_get(lc_slot_entries(s), &e);
	e.lba += 8;
	lc_entry_put(lc_slot_entries(s), &e);
}

static void other_chain(struct lc_slot *s)
{
	s->chain = 0;
}

static void same_place(struct lc_slot *s)
{
	struct lc_ent e;

	lc_entry_get(&lc_slot_entries(s)[0], &e);
	lc_entry_put(&lc_slot_entries(s)[1], &e);
}

static void impossible_summaries(void)
{
	struct img im;

	make(&im);
	reseal_slot(&im, 7, next_outside);
	CHECK(ctl(CHECK_CMD) == 1);
	CHECK(says("summary of segment 7: next segment is outside the cache; the device was tampered with"));
	img_close(&im);

	make(&im);
	reseal_slot(&im, 7, seq_again);
	CHECK(ctl(CHECK_CMD) == 1);
	CHECK(says("have the same sequence number 1"));
	img_close(&im);

	make(&im);
	reseal_slot(&im, 7, epoch_ahead);
	CHECK(ctl(CHECK_CMD) == 1);
	CHECK(says("summary of segment 7 is of a later activation than the checkpoint"));
	img_close(&im);
}

static void summary_and_records_must_agree(void)
{
	struct img im;

	make(&im);
	reseal_slot(&im, 0, other_lba);
	CHECK(ctl(CHECK_CMD) == 1);
	CHECK(says("record in block 0 of segment 0: its entries are not those of the summary"));
	img_close(&im);

	make(&im);
	reseal_slot(&im, 0, other_chain);
	CHECK(ctl(CHECK_CMD) == 1);
	CHECK(says("the last record is not the one that the summary names"));
	img_close(&im);

	make(&im);
	reseal_slot(&im, 0, same_place);
	CHECK(ctl(CHECK_CMD) == 1);
	CHECK(says("two entries of segment 0 share sector 8 of it"));
	img_close(&im);

	make(&im);
	img_flip(&im, img_seg_block(&im, 0) + 3, 50);
	CHECK(ctl(CHECK_CMD) == 1);
	CHECK(says("record in block 3 of segment 0: checksum does not match"));
	img_close(&im);
}

static void damaged_payload(void)
{
	struct img im;

	/* Live and clean: the second block of a. */
	make(&im);
	img_flip(&im, img_seg_block(&im, 0) + 2, 0);
	CHECK(ctl(CHECK_CMD) == 1);
	CHECK(says("payload in block 2 of segment 0 is damaged; clean copies"));
	img_close(&im);

	/* Superseded: nobody will ever read it. */
	make(&im);
	img_flip(&im, img_seg_block(&im, 0) + 1, 0);
	CHECK(!ctl(CHECK_CMD));
	img_close(&im);

	make(&im);
	img_flip(&im, img_seg_block(&im, 1) + 1, 0);
	CHECK(ctl(CHECK_CMD) == 1);
	CHECK(says("payload in block 1 of segment 1 is damaged; writes are lost"));
	img_close(&im);

	make(&im);
	img_flip(&im, img_seg_block(&im, 7) + 3, 0);
	CHECK(ctl(CHECK_CMD) == 1);
	CHECK(says("payload in block 3 of segment 7 is damaged"));
	img_close(&im);
}

/*----------------------------------------------------------------
 * What recovery believes
 *----------------------------------------------------------------
 */

static void cleared_bits_are_not_believed(void)
{
	struct img im;

	make(&im);
	memset(im.open_seq, 0, sizeof(im.open_seq));
	img_set_bits(&im, 0, 0xff);
	img_set_bits(&im, 7, 0xff);
	img_clear_bit(&im, 0, 2);
	img_clear_bit(&im, 7, 1);
	img_ckpt(&im, 0);
	CHECK(!ctl(CHECK_CMD " --json"));
	CHECK(json_at("counts.live_sectors") == 0 + 8 + 8 + 8 + 16 + 24);
	CHECK(!ctl(DUMP_CMD " --lba 8 --json"));
	CHECK(json_at("versions.0.believed") == 0);
	img_close(&im);
}

static void a_fill_wins_over_what_ended_before_it(void)
{
	struct img im;

	make(&im);
	fill_seg(&im, 8, 0, 16, 'x', 6);	/* after segment 0, before 2 */
	CHECK(!ctl(DUMP_CMD " --lba 8 --json"));
	CHECK(json_at("versions.0.segment") == 8 && json_at("versions.1.segment") == 0);
	CHECK(!ctl(DUMP_CMD " --lba 0 --json"));
	CHECK(json_at("versions.0.segment") == 2 && json_at("versions.1.segment") == 8);
	img_close(&im);

	make(&im);
	fill_seg(&im, 8, 0, 16, 'x', 5);	/* segment 0 had not ended */
	CHECK(!ctl(DUMP_CMD " --lba 8 --json"));
	CHECK(json_at("versions.0.segment") == 0 && json_at("versions.1.segment") == 8);
	img_close(&im);
}

/* Two copies: the later view of the volume counts, whichever segment was opened first. */
static void of_two_fills_the_later_view_wins(void)
{
	struct img im;

	make(&im);
	fill_seg(&im, 8, 1000, 8, 'x', 9);
	fill_seg(&im, 9, 1000, 8, 'y', 7);
	CHECK(!ctl(DUMP_CMD " --lba 1000 --json"));
	CHECK(json_at("versions.0.segment") == 8 && json_at("versions.1.segment") == 9);
	img_close(&im);
}

static void summary_of_a_segment_in_use_again_is_history(void)
{
	struct img im;

	make(&im);
	/* Segment 4 was a fill once; now the log runs through it. */
	im.next_seq = 1;
	fill_seg(&im, 4, 2000, 8, 'o', 1);
	im.next_seq = 7;
	im.acked = im.lsn;
	log_open(&im, 4, 5);
	log_write(&im, 3000, 8, 'p');
	ctl(CHECK_CMD " --json");
	CHECK(json_at("log.end_lsn") == END_LSN + 1 && json_at("counts.fill_segments") == 1);
	img_close(&im);
}

/* Segment 0 is sealed, with two records and @bits in a checkpoint, which calls it clean or not. */
static void make_sealed(struct img *im, bool clean, u8 bits)
{
	img_make(im, ctl);
	img_activate(im, 0, 1);
	log_write(im, 0, 16, 'a');
	log_write(im, 100, 8, 'b');
	im->acked = im->lsn;
	if (clean)
		im->clean = im->lsn;
	log_next(im, 2);
	img_set_bits(im, 0, bits);
	im->open_seq[0] = im->log.seq;
	img_ckpt(im, 0);
}

/*
 * Without bits it had been freed when the checkpoint was taken, and the power may
 * have failed while its next use began: any sectors of the first record are there,
 * and the header of the previous use need not be among what they replace.
 */
static void clean_segment_is_freed_or_whole(void)
{
	struct img im;

	make_sealed(&im, true, 0);
	img_flip(&im, img_seg_block(&im, 0) + 3, 50);
	CHECK(!ctl(CHECK_CMD));
	CHECK(says("no faults"));
	img_close(&im);

	make_sealed(&im, true, 0xff);
	CHECK(!ctl(CHECK_CMD));
	img_flip(&im, img_seg_block(&im, 0) + 3, 50);
	CHECK(ctl(CHECK_CMD) == 1);
	CHECK(says("record in block 3 of segment 0: checksum does not match"));
	img_close(&im);

	make_sealed(&im, true, 0xff);
	img_flip(&im, img_seg_block(&im, 0), 50);
	CHECK(ctl(CHECK_CMD) == 1);
	CHECK(says("record in block 0 of segment 0: checksum does not match"));
	img_close(&im);

	/* Bits are not asked about what was dirty: that cannot have been freed. */
	make_sealed(&im, false, 0);
	CHECK(!ctl(CHECK_CMD));
	img_flip(&im, img_seg_block(&im, 0), 50);
	CHECK(ctl(CHECK_CMD) == 1);
	CHECK(says("record in block 0 of segment 0: checksum does not match"));
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

/* As much of a block as its checksum covers. */
static u32 covered(const u8 *buf)
{
	const struct lc_record *r = (const void *)buf;
	u32 used = (u8 *)(lc_record_crcs(r) + le16_to_cpu(r->nr_blocks)) - buf;

	if (le32_to_cpu(r->head.magic) != LC_RECORD_MAGIC || used > LC_BLOCK_SIZE)
		return LC_BLOCK_SIZE;
	return used;
}

/* Garbage in metadata and headers, half of it with a right checksum: any verdict, no accident. */
static void garbage_is_survived(void)
{
	struct img im;
	u32 round, i;

	for (round = 0; round < 40; round++) {
		make(&im);
		for (i = 0; i < 1 + round % 4; i++) {
			u8 buf[LC_BLOCK_SIZE];
			struct lc_head *h = (void *)buf;
			u64 block = rnd(2) ? rnd(im.geo.slot_start + 2 * IMG_SEGS) :
					     img_seg_block(&im, rnd(4)) + rnd(8);

			img_read(&im, block, buf, 1);
			buf[8 + rnd(200)] = rnd(256);
			buf[40 + rnd(100)] = rnd(256);
			if (rnd(2))
				h->crc = cpu_to_le32(crc32c(~0u, &h->magic, covered(buf) - 4));
			img_write(&im, block, buf, 1);
		}
		CHECK(ctl(CHECK_CMD) <= 2);
		CHECK(ctl(DUMP_CMD) <= 2);
		CHECK(ctl("repair --cache " CACHE_FILE " --yes") <= 2);
		CHECK(ctl(CHECK_CMD) <= 2);
		img_close(&im);
	}
}

/*----------------------------------------------------------------
 * format
 *----------------------------------------------------------------
 */

#define FORMAT_2M	"format --cache " CACHE_FILE " --origin " ORIGIN_FILE
#define FORMAT		FORMAT_2M " --segment-size 1M"

static void format_asks_before_it_overwrites(void)
{
	struct img im;

	make(&im);
	CHECK(ctl(FORMAT " --yes") == 1);
	CHECK(says("is a cache with data that is not on its origin"));
	CHECK(ctl(FORMAT " --force") == 2);
	CHECK(says("nobody to ask; use --yes"));
	CHECK(!ctl(CHECK_CMD));
	CHECK(!ctl(FORMAT " --yes --force"));
	CHECK(says("is now a cache"));
	CHECK(!ctl(CHECK_CMD " --json"));
	CHECK(json_at("counts.unused_segments") == json_at("segments"));
	CHECK(ctl(FORMAT " --yes") == 1);
	CHECK(says("is a cache already, with nothing dirty in it"));
	img_close(&im);
}

static void format_knows_foreign_signatures(void)
{
	struct img im;

	img_make(&im, ctl);
	img_clear(&im, 0);
	img_clear(&im, 1);
	/* A swap area. */
	CHECK(pwrite(im.fd, "\1\0\0\0\377\0\0", 7, 1024) == 7);
	CHECK(pwrite(im.fd, "SWAPSPACE2", 10, 4086) == 10);
	CHECK(ctl(FORMAT " --yes") == 1);
	CHECK(says("holds something (swap)"));
	CHECK(!ctl(FORMAT " --yes --force"));
	img_close(&im);
}

#define HELPER_UUID	"6ba7b810-9dad-41d1-80b4-00c04fd430c8"
#define FORMAT_HELPER	"format --cache " CACHE_FILE " --yes --force --origin helper:"

static void format_for_a_helper(void)
{
	struct img im;

	img_make(&im, ctl);
	CHECK(!ftruncate(im.fd, CACHE_BYTES + ((u64)LC_SCRATCH_BLOCKS << LC_BLOCK_SHIFT)));
	CHECK(ctl(FORMAT_HELPER HELPER_UUID) == 2);
	CHECK(says("the size of the volume is needed"));
	CHECK(ctl(FORMAT_HELPER HELPER_UUID " --size 1000") == 2);
	CHECK(ctl(FORMAT_HELPER "6ba7b8109dad41d180b400c04fd430c8 --size 1G") == 2);
	CHECK(says("is helper:UUID"));
	CHECK(ctl(FORMAT_HELPER HELPER_UUID " --size 1G --origin-id x") == 2);
	CHECK(ctl(FORMAT " --force --size 1G") == 2);
	CHECK(says("--size is for a volume in a store or of a helper"));
	CHECK(!ctl(FORMAT_HELPER "6BA7B810-9DAD-41D1-80B4-00C04FD430C8 --size 1G --segment-size 1M"));
	CHECK(says("helper:" HELPER_UUID));
	CHECK(!ctl(CHECK_CMD));
	CHECK(says("helper:" HELPER_UUID));
	img_close(&im);
}

static void format_refuses_bad_input(void)
{
	struct img im;

	img_make(&im, ctl);
	CHECK(ctl("format --cache " CACHE_FILE " --origin " CACHE_FILE " --yes") == 2);
	CHECK(says("is both the cache and the origin"));
	CHECK(ctl(FORMAT_2M " --segment-size 3M --yes --force") == 2);
	CHECK(says("--segment-size is 1M, 2M or 4M, not '3M'"));
	CHECK(ctl(FORMAT_2M " --segment-size 4M --yes --force") == 1);
	CHECK(says("cache device is too small"));
	CHECK(ctl("format --cache " CACHE_FILE " --yes") == 2);
	CHECK(says("missing: --origin"));
	CHECK(ctl(FORMAT " --yes --yes") == 2);
	CHECK(says("given twice: --yes"));
	CHECK(ctl(FORMAT " --frobnicate") == 2);
	CHECK(says("unknown option --frobnicate"));
	CHECK(ctl(FORMAT " extra") == 2);
	CHECK(says("too many arguments, first: extra"));
	CHECK(ctl(FORMAT " --origin-id 0123456789012345678901234567890123456789012345678901234567890123 --yes --force") == 2);
	CHECK(says("longer than 63 characters"));
	CHECK(ctl("format --cache /nonexistent --origin " ORIGIN_FILE " --yes") == 1);
	CHECK(!ctl(CHECK_CMD));
	img_close(&im);
}

static void format_keeps_what_it_is_told(void)
{
	struct img im;

	img_make(&im, ctl);
	CHECK(!ctl(FORMAT_2M " --segment-size 1M --origin-id 'the slow one' --yes --force"));
	CHECK(!ctl(DUMP_CMD));
	CHECK(says("the slow one") && says("20 of 256 blocks"));
	img_close(&im);
}

/* A format that did not get to its end leaves no cache. */
static void interrupted_format_is_no_cache(void)
{
	struct img im;

	make(&im);
	CHECK(!ftruncate(im.fd, CACHE_BYTES));
	img_clear(&im, 0);
	img_clear(&im, 1);
	CHECK(ctl(CHECK_CMD) == 2);
	CHECK(!ctl(FORMAT " --yes"));
	CHECK(!ctl(CHECK_CMD));
	img_close(&im);
}

/*----------------------------------------------------------------
 * Commands that need the module get as far as they can
 *----------------------------------------------------------------
 */

static void create_refuses_before_it_touches_anything(void)
{
	struct img im;

	img_make(&im, ctl);
	CHECK(ctl("create v --cache " CACHE_FILE " --origin " ORIGIN_FILE " --option mode=fast") == 2);
	CHECK(says("mode: 'fast' is not in writeback|"));
	CHECK(ctl("create v --cache " CACHE_FILE " --origin " ORIGIN_FILE " --option mode") == 2);
	CHECK(says("--option is KEY=VALUE, not 'mode'"));
	CHECK(ctl("create v --cache " CACHE_FILE " --origin " ORIGIN_FILE
		  " --option ttl_s=1 --option ttl_s=2") == 2);
	CHECK(says("option 'ttl_s' is given twice"));
	CHECK(ctl("create v --cache " CACHE_FILE " --origin " ORIGIN_FILE) == 1);
	CHECK(says("is a file; make it a device with losetup"));
	CHECK(ctl("create --cache " CACHE_FILE " --origin " ORIGIN_FILE) == 2);
	CHECK(says("missing argument, wanted: NAME"));
	CHECK(ctl("flush v --timeout soon") == 2);
	CHECK(ctl("query v here") == 2);
	CHECK(ctl("frob") == 2);
	CHECK(ctl("") == 2);
	img_close(&im);
}

/*----------------------------------------------------------------
 * The status line, without a kernel: dm.h answers what the test wants
 *----------------------------------------------------------------
 */

static const char status_line[] =
	"mode writeback state ok segments 100 segments_free 40 cached_sectors 2097152 "
	"dirty_sectors 2048 dirty_age_ms 1500 read_hits 30 read_misses 10 new_counter 7 "
	"wb_units 3 odd";

int dm_status(const char *name, char **line)
{
	(void)name;
	*line = xasprintf("%s", status_line);
	return 0;
}

/* Linked because of cmd_status(), not called. */
const char *ctl_get(const struct ctl *c, const char *name)
{
	(void)c;
	(void)name;
	return NULL;
}

json_t *status_store(const char *name)
{
	(void)name;
	return NULL;
}

void status_store_print(const json_t *store, FILE *f)
{
	(void)store;
	(void)f;
}

int dm_each_volume(int (*fn)(const char *name, void *data), void *data)
{
	return fn("vol", data);
}

static void status_is_read_without_knowing_the_keys(void)
{
	struct status s;

	CHECK(!status_of(&s, "vol"));
	CHECK(s.nr == 12);
	CHECK(!strcmp(status_get(&s, "mode"), "writeback"));
	CHECK(status_num(&s, "new_counter") == 7 && status_num(&s, "mode") == 0);
	CHECK(!strcmp(status_get(&s, "odd"), "") && !status_get(&s, "even"));
	CHECK(status_hit_ratio(&s) == 75);
	status_free(&s);
}

static void status_is_shown_with_units(void)
{
	struct status s;
	FILE *f = fmemopen(out, sizeof(out), "w");

	CHECK(f && !status_of(&s, "vol"));
	status_print(&s, "vol", f);
	fclose(f);
	CHECK(says("dirty_sectors          2048  (1 MiB)"));
	CHECK(says("cached_sectors         2097152  (1 GiB)"));
	CHECK(says("dirty_age_ms           1500  (1.5 s)"));
	CHECK(says("hit ratio              75.0 %"));
	CHECK(says("new_counter            7\n"));
	status_free(&s);
}

static void status_becomes_json(void)
{
	struct status s;
	char *text;
	json_t *o;

	CHECK(!status_of(&s, "vol"));
	o = status_json(&s, "vol");
	text = json_dumps(o, 0);
	snprintf(out, sizeof(out), "%s", text);
	free(text);
	json_decref(o);
	CHECK(json_at("dirty_sectors") == 2048 && json_at("segments_free") == 40);
	CHECK(says("\"mode\": \"writeback\"") && says("\"hit_ratio_percent\": 75.0"));
	status_free(&s);
}

/* Any line is split into something, and printed. */
static void status_of_nonsense(void)
{
	static const char * const lines[] = { "", " ", "a", "a b c", "0 0", "  a   b  " };
	struct status s;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(lines); i++) {
		status_parse(&s, xasprintf("%s", lines[i]));
		json_decref(status_json(&s, "x"));
		status_free(&s);
	}
}

/*----------------------------------------------------------------
 * Help, man page and completion
 *----------------------------------------------------------------
 */

static char man[1 << 17];

static bool read_man(void)
{
	char path[PATH_MAX + 64];
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "%s/Documentation/man/logcachectl.8", top);
	f = fopen(path, "r");
	if (!f)
		return false;
	n = fread(man, 1, sizeof(man) - 1, f);
	man[n] = '\0';
	fclose(f);
	return true;
}

/* The part of the man page about @cmd, ended in place; NULL if there is none. */
static char *man_section(char *page, const char *cmd)
{
	char head[64], *start, *end;

	snprintf(head, sizeof(head), "\n.SS %s\n", cmd);
	start = strstr(page, head);
	if (!start)
		return NULL;
	end = strstr(start + 2, "\n.S");
	if (end)
		*end = '\0';
	return start;
}

/* Every "--name" of @help is in @section as "\-\-name", and the other way round. */
static bool options_agree(const char *help, const char *section)
{
	const char *p;
	char want[64];

	for (p = help; (p = strstr(p, "\n  --")); p++) {
		size_t n = strcspn(p + 5, " \n");

		snprintf(want, sizeof(want), "\\-\\-%.*s", (int)n, p + 5);
		if (!strstr(section, want)) {
			printf("# the man page does not have %s\n", want);
			return false;
		}
	}
	for (p = section; (p = strstr(p, " \\-\\-")); p++) {
		size_t n = strcspn(p + 5, " \n\\");

		snprintf(want, sizeof(want), "--%.*s", (int)n, p + 5);
		if (strcmp(want, "--help") && !strstr(help, want)) {
			printf("# the man page has %s, --help has not\n", want);
			return false;
		}
	}
	return true;
}

static const char * const command_names[] = {
	"format", "create", "remove", "list", "status", "set", "flush", "drain", "scrub", "query",
	"check", "dump", "repair", "volumes", "recover", "verify-bucket", "snapshot", "snapshots",
	"snapshot-delete", "rollback", "clone", "clone-gone", "metrics", "limits", "limit",
	"grow", "delete",
};

static void help_and_man_page_agree(void)
{
	static char page[sizeof(man)], list[1 << 14];
	char args[64], line[64], *section;
	u32 i;

	CHECK(read_man());
	CHECK(!ctl("--help"));
	strcpy(list, out);
	for (i = 0; i < ARRAY_SIZE(command_names); i++) {
		snprintf(line, sizeof(line), "\n  %-15s ", command_names[i]);
		CHECK(strstr(list, line));
		snprintf(args, sizeof(args), "%s --help", command_names[i]);
		CHECK(!ctl(args));
		memcpy(page, man, sizeof(man));
		section = man_section(page, command_names[i]);
		CHECK(section);
		CHECK(options_agree(out, section));
	}
	/* And no command is missing above: a line each. */
	for (i = 0, section = list; (section = strstr(section, "\n  ")); section++)
		i++;
	CHECK(i == ARRAY_SIZE(command_names));
}

static void man_page_has_every_option_of_the_target(void)
{
	char *p, name[64];
	u32 nr = 0;

	CHECK(read_man());
	CHECK(!ctl("set --help"));
	for (p = strstr(out, "Options of the target"); p && (p = strchr(p, '\n')); ) {
		if (sscanf(++p, "  %63[a-z_]", name) != 1 || p[2] == ' ')
			continue;
		nr++;
		if (!strstr(man, name))
			printf("# missing: %s\n", name);
		CHECK(strstr(man, name));
	}
	CHECK(nr == LC_ARGS_NR);
}

static void completion_knows_commands_and_options(void)
{
	char cmd[3 * PATH_MAX];
	FILE *p;
	size_t n;

	snprintf(cmd, sizeof(cmd),
		 "PATH=$(dirname '%s'):$PATH bash -c '. %s/userspace/logcachectl.bash; "
		 "t() { COMP_WORDS=(logcachectl \"$@\"); COMP_CWORD=$#; COMPREPLY=(); _logcachectl; echo \"${COMPREPLY[@]}\"; }; "
		 "t che; t snapshot-; t format --seg; t create v --option mo; "
		 "t format --store-option gc; t check --' 2>&1", binary, top);
	p = popen(cmd, "r");
	CHECK(p);
	n = fread(out, 1, sizeof(out) - 1, p);
	out[n] = '\0';
	CHECK(!pclose(p));
	CHECK(says("check\nsnapshot-delete\n--segment-size\nmode=\ngc_target=\n--cache --json --force --help\n"));
}

int main(void)
{
	ctl_setup();
	RUN(sound_cache_has_no_faults);
	RUN(check_changes_nothing);
	RUN(orderly_stop_has_no_tail);
	RUN(dump_shows_versions_newest_first);
	RUN(dump_shows_structures);
	RUN(torn_record_ends_the_log);
	RUN(records_behind_a_torn_one_do_not_count);
	RUN(damage_below_the_acknowledged_is_no_end);
	RUN(header_that_is_gone_breaks_the_log_off);
	RUN(log_ends_where_nothing_continues_it);
	RUN(log_starts_at_the_checkpoint_when_that_is_newer);
	RUN(clean_lsn_cannot_lie_beyond_the_log);
	RUN(copied_segments_are_not_missed);
	RUN(copies_are_not_lost);
	RUN(one_superblock_is_enough);
	RUN(no_superblock_no_check);
	RUN(device_that_shrank);
	RUN(older_checkpoint_steps_in);
	RUN(torn_checkpoint_is_no_fault);
	RUN(checkpoint_that_is_being_replaced_is_no_fault);
	RUN(newest_checkpoint_needs_its_bits);
	RUN(no_checkpoint_no_cache);
	RUN(lost_summary_of_dirty_data);
	RUN(gap_between_sealed_segments);
	RUN(impossible_summaries);
	RUN(summary_and_records_must_agree);
	RUN(damaged_payload);
	RUN(cleared_bits_are_not_believed);
	RUN(a_fill_wins_over_what_ended_before_it);
	RUN(of_two_fills_the_later_view_wins);
	RUN(summary_of_a_segment_in_use_again_is_history);
	RUN(clean_segment_is_freed_or_whole);
	RUN(garbage_is_survived);
	RUN(format_asks_before_it_overwrites);
	RUN(format_knows_foreign_signatures);
	RUN(format_refuses_bad_input);
	RUN(format_for_a_helper);
	RUN(format_keeps_what_it_is_told);
	RUN(interrupted_format_is_no_cache);
	RUN(create_refuses_before_it_touches_anything);
	RUN(status_is_read_without_knowing_the_keys);
	RUN(status_is_shown_with_units);
	RUN(status_becomes_json);
	RUN(status_of_nonsense);
	RUN(help_and_man_page_agree);
	RUN(man_page_has_every_option_of_the_target);
	RUN(completion_knows_commands_and_options);
	ctl_cleanup();
	return tap_done();
}
