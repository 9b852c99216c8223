// SPDX-License-Identifier: GPL-2.0
/*
 * The oracle on histories written by hand, each a few ops on sectors 0..7 with a
 * known answer. A history is drawn by its events:
 *
 *   W0 a    issue a write, op "a", to the sectors given         A a   acknowledge op a
 */
#include <stdlib.h>
#include <string.h>

#include "oracle.h"
#include "stamp.h"
#include "tap.h"
#include "util.h"

#define SECTORS	8
#define Z	VAL_ZERO
#define ANY	VAL_ANY

static const struct oracle_opts strict = { .atomic = 8 };
static const struct oracle_opts tearing = { .atomic = 0 };
static const struct oracle_opts solid = { .atomic = 8, .acked_is_durable = true };
static const struct oracle_opts older = { .atomic = 8, .discard = DISCARD_OLDER };
static const struct oracle_opts disk = { .order = ORDER_NONE };
static const struct oracle_opts ssd_lost = {
	.atomic = 8, .acked_is_durable = true, .no_promise = true,
};

/* Ops are numbered from 1 in order of issue, which is their sequence number. */
static void issue(struct history *h, enum op_type type, uint64_t sector, uint32_t nr, bool fua)
{
	const struct vol_op op = {
		.type = (uint8_t)type, .sector = sector, .nr = nr, .fua = fua,
	};

	history_issue(h, &op);
}

static void wr(struct history *h, uint64_t sector, uint32_t nr)
{
	issue(h, OP_WRITE, sector, nr, false);
}

static void ack(struct history *h, unsigned int seq)
{
	history_ack(h, seq - 1);
}

/* Issue and acknowledge at once. */
static void done(struct history *h, enum op_type type, uint64_t sector, uint32_t nr)
{
	issue(h, type, sector, nr, false);
	ack(h, (unsigned int)h->nr_vol);
}

static void expect(struct history *h, const struct oracle_opts *opts, enum verdict_code code,
		   const char *name, const uint64_t seen[SECTORS])
{
	struct oracle *oracle = oracle_new(h, SECTORS, NULL);
	struct verdict verdict;
	enum verdict_code got = oracle_check(oracle, opts, h->clock, seen, &verdict);

	if (!tap_ok(got == code, "%s: %s", name, verdict_name(code)))
		printf("# got %s: %s\n", verdict_name(got), verdict.text);
	oracle_free(oracle);
}

#define SEEN(...)	((const uint64_t[SECTORS]) { __VA_ARGS__ })

static void test_sequence(void)
{
	struct history *h = history_new(0);

	done(h, OP_WRITE, 0, 1);	/* 1 */
	done(h, OP_WRITE, 1, 1);	/* 2 */
	done(h, OP_WRITE, 0, 1);	/* 3 */
	wr(h, 2, 2);			/* 4, never acknowledged */
	expect(h, &strict, VERDICT_OK, "nothing flushed, nothing there", SEEN(0));
	expect(h, &strict, VERDICT_OK, "first op only", SEEN(1));
	expect(h, &strict, VERDICT_OK, "two of three", SEEN(1, 2));
	expect(h, &strict, VERDICT_OK, "all acknowledged", SEEN(3, 2));
	expect(h, &strict, VERDICT_OK, "the one in flight too", SEEN(3, 2, 4, 4));
	expect(h, &strict, VERDICT_NOT_PREFIX, "second without first", SEEN(0, 2));
	expect(h, &strict, VERDICT_NOT_PREFIX, "third without second", SEEN(3, 0));
	expect(h, &strict, VERDICT_NOT_PREFIX, "in flight without its elders", SEEN(1, 2, 4, 4));
	expect(h, &disk, VERDICT_OK, "a plain disk may lose the second", SEEN(3, 0));
	expect(h, &strict, VERDICT_TORN, "small op torn", SEEN(3, 2, 4, 0));
	expect(h, &tearing, VERDICT_OK, "op torn where that is allowed", SEEN(3, 2, 4, 0));
	expect(h, &tearing, VERDICT_NOT_PREFIX, "torn, and an elder missing", SEEN(1, 2, 4, 0));
	expect(h, &strict, VERDICT_BAD_CONTENT, "damaged", SEEN(VAL_BAD));
	expect(h, &strict, VERDICT_FOREIGN, "an op of another sector", SEEN(2));
	expect(h, &strict, VERDICT_FOREIGN, "an op that never was", SEEN(9));
	expect(h, &strict, VERDICT_FOREIGN, "zeroes nobody wrote", SEEN(Z));
	expect(h, &strict, VERDICT_FOREIGN, "content where nothing was written",
	       SEEN(3, 2, 4, 4, 0, 1));
	expect(h, &solid, VERDICT_LOST, "no volatile cache: acknowledged is durable", SEEN(1, 2));
	expect(h, &solid, VERDICT_OK, "no volatile cache: in flight may be lost", SEEN(3, 2));
	expect(h, &ssd_lost, VERDICT_OK, "SSD lost: an old prefix", SEEN(1));
	expect(h, &ssd_lost, VERDICT_NOT_PREFIX, "SSD lost: not a prefix", SEEN(3));
	history_free(h);
}

static void test_flush(void)
{
	struct history *h = history_new(0);

	done(h, OP_WRITE, 0, 1);		/* 1 */
	wr(h, 1, 1);				/* 2, acknowledged during the flush */
	issue(h, OP_FLUSH, 0, 0, false);	/* 3 */
	ack(h, 2);
	ack(h, 3);
	done(h, OP_WRITE, 0, 1);		/* 4 */
	issue(h, OP_FLUSH, 0, 0, false);	/* 5, never acknowledged */
	expect(h, &strict, VERDICT_LOST, "flushed write gone", SEEN(0));
	expect(h, &disk, VERDICT_LOST, "flushed write gone from a disk", SEEN(0));
	expect(h, &strict, VERDICT_OK, "acknowledged after the flush was issued", SEEN(1));
	expect(h, &strict, VERDICT_OK, "up to the flush", SEEN(1, 2));
	expect(h, &strict, VERDICT_OK, "beyond the flush", SEEN(4, 2));
	expect(h, &strict, VERDICT_NOT_PREFIX, "beyond the flush with a hole", SEEN(4));
	expect(h, &ssd_lost, VERDICT_OK, "SSD lost: flushes do not count", SEEN(0));
	history_free(h);
}

static void test_fua(void)
{
	struct history *h = history_new(0);

	done(h, OP_WRITE, 0, 1);		/* 1 */
	issue(h, OP_WRITE, 1, 1, true);		/* 2 */
	ack(h, 2);
	done(h, OP_WRITE, 2, 1);		/* 3 */
	expect(h, &strict, VERDICT_LOST, "FUA write gone", SEEN(1));
	expect(h, &strict, VERDICT_NOT_PREFIX, "FUA write without its elders", SEEN(0, 2));
	expect(h, &disk, VERDICT_OK, "a disk may keep only the FUA write", SEEN(0, 2));
	expect(h, &strict, VERDICT_OK, "up to the FUA write", SEEN(1, 2));
	expect(h, &strict, VERDICT_OK, "all", SEEN(1, 2, 3));
	history_free(h);
}

static void test_concurrent(void)
{
	struct history *h = history_new(0);

	wr(h, 0, 1);			/* 1 */
	wr(h, 1, 1);			/* 2, with 1 */
	ack(h, 2);
	wr(h, 2, 1);			/* 3, after 2, with 1 */
	ack(h, 1);
	ack(h, 3);
	wr(h, 3, 1);			/* 4, after all */
	expect(h, &strict, VERDICT_OK, "either of two in flight first (a)", SEEN(1));
	expect(h, &strict, VERDICT_OK, "either of two in flight first (b)", SEEN(0, 2));
	expect(h, &strict, VERDICT_OK, "1 was in flight all the time", SEEN(0, 2, 3));
	expect(h, &strict, VERDICT_NOT_PREFIX, "3 was issued after 2", SEEN(1, 0, 3));
	expect(h, &strict, VERDICT_NOT_PREFIX, "4 was issued after 1", SEEN(0, 2, 3, 4));
	expect(h, &strict, VERDICT_OK, "all four", SEEN(1, 2, 3, 4));
	history_free(h);
}

static void test_discard(void)
{
	struct history *h = history_new(0);

	done(h, OP_WRITE, 0, 2);		/* 1 */
	done(h, OP_DISCARD, 0, 2);		/* 2 */
	issue(h, OP_FLUSH, 0, 0, false);	/* 3 */
	ack(h, 3);
	done(h, OP_WRITE, 2, 1);		/* 4 */
	done(h, OP_WRITE, 0, 1);		/* 5 */
	expect(h, &strict, VERDICT_OK, "discard is there", SEEN(Z, Z));
	expect(h, &strict, VERDICT_LOST, "discard lost", SEEN(1, 1));
	expect(h, &strict, VERDICT_LOST, "discard lost in part", SEEN(Z, 1));
	expect(h, &older, VERDICT_OK, "older content after a discard, where allowed", SEEN(0, 1));
	expect(h, &older, VERDICT_OK, "overwritten after the discard", SEEN(5, 1, 4));
	expect(h, &older, VERDICT_NOT_PREFIX, "newer than the discard, elder missing", SEEN(5, Z));
	history_free(h);
}

/* Discarded, written, discarded: zeroes at two different times. */
static void test_ambiguous_zeroes(void)
{
	struct history *h = history_new(0);

	done(h, OP_DISCARD, 0, 1);	/* 1 */
	done(h, OP_WRITE, 1, 1);	/* 2 */
	done(h, OP_WRITE, 0, 1);	/* 3 */
	done(h, OP_WRITE, 1, 1);	/* 4 */
	done(h, OP_ZERO, 0, 1);		/* 5 */
	done(h, OP_WRITE, 1, 1);	/* 6 */
	expect(h, &strict, VERDICT_OK, "first zeroes", SEEN(Z, 2));
	expect(h, &strict, VERDICT_OK, "written between", SEEN(3, 4));
	expect(h, &strict, VERDICT_OK, "second zeroes before 6", SEEN(Z, 4));
	expect(h, &strict, VERDICT_OK, "second zeroes after 6", SEEN(Z, 6));
	expect(h, &strict, VERDICT_NOT_PREFIX, "6 without 5", SEEN(3, 6));
	expect(h, &strict, VERDICT_NOT_PREFIX, "2 without 1", SEEN(0, 2));
	history_free(h);
}

/* Two sectors that are zero at times that exclude each other. */
static void test_exclusive_zeroes(void)
{
	struct history *h = history_new(0);

	done(h, OP_ZERO, 0, 1);		/* 1 */
	done(h, OP_WRITE, 0, 1);	/* 2 */
	done(h, OP_ZERO, 1, 1);		/* 3 */
	done(h, OP_WRITE, 1, 1);	/* 4 */
	done(h, OP_ZERO, 0, 1);		/* 5 */
	done(h, OP_WRITE, 0, 1);	/* 6 */
	done(h, OP_ZERO, 1, 1);		/* 7 */
	expect(h, &strict, VERDICT_NOT_PREFIX, "zero at different times", SEEN(Z, Z));
	expect(h, &strict, VERDICT_OK, "zero, then written", SEEN(6, Z));
	expect(h, &strict, VERDICT_OK, "written, then zero", SEEN(Z, 4));
	history_free(h);
}

/* Half of a torn discard reads as before it did anyway: that is not torn. */
static void test_torn_zeroes(void)
{
	struct history *h = history_new(0);

	done(h, OP_ZERO, 0, 1);		/* 1 */
	done(h, OP_WRITE, 2, 1);	/* 2 */
	issue(h, OP_ZERO, 0, 2, false);	/* 3, in flight */
	expect(h, &strict, VERDICT_OK, "not there, first half was zero before", SEEN(Z, 0, 2));
	expect(h, &strict, VERDICT_OK, "there", SEEN(Z, Z, 2));
	expect(h, &strict, VERDICT_NOT_PREFIX, "there, but an elder is not", SEEN(Z, Z, 0));
	history_free(h);
}

static void test_partial_view(void)
{
	static const uint64_t initial[SECTORS] = { 7, Z, ANY, 0 };
	struct history *h = history_new(100);
	struct oracle *oracle;
	struct verdict verdict;

	done(h, OP_WRITE, 0, 1);	/* 101 */
	oracle = oracle_new(h, SECTORS, initial);
	tap_ok(!oracle_check(oracle, &strict, 2, SEEN(7, Z, ANY), &verdict),
	       "chained: the state found before");
	tap_ok(!oracle_check(oracle, &strict, 2, SEEN(101, Z, ANY), &verdict),
	       "chained: and one op more");
	tap_ok(oracle_check(oracle, &strict, 2, SEEN(101, 8, ANY), &verdict) == VERDICT_FOREIGN,
	       "chained: an op of the run before comes back");
	tap_ok(oracle_check(oracle, &strict, 0, SEEN(101, Z, ANY), &verdict) == VERDICT_FOREIGN,
	       "an op that had not been issued at the cut");
	oracle_free(oracle);
	history_free(h);
}

int main(void)
{
	test_sequence();
	test_flush();
	test_fua();
	test_concurrent();
	test_discard();
	test_ambiguous_zeroes();
	test_exclusive_zeroes();
	test_torn_zeroes();
	test_partial_view();
	return tap_done();
}
