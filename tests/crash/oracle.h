/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Is this what a correct cache may show after a power cut at event c?
 *
 * The rule. There must be one instant T in the run such that
 *
 *   - every op acknowledged before T is in the volume, whole;
 *   - no op issued after T is in the volume, not even a sector of it;
 *   - an op in flight at T may be there, or not, or in part: all or nothing if it is
 *     no larger than "atomic" sectors, sector by sector if it is larger (the block
 *     layer may have cut it into several bios, which are ops of their own);
 *   - T is not before the issue of the last flush acknowledged by c;
 *   - FUA writes acknowledged by c are in the volume, whole;
 *   - on an SSD without a volatile cache every op acknowledged by c is.
 *
 * "Some T" is the same as "some prefix of some order of the ops that respects who
 * was acknowledged before whom was issued", so this is I1 and I2 for concurrent ops,
 * with nothing given away. Two ops in flight together must not overlap: then each
 * sector has one sequence of versions, and what is read there says how far it got:
 *
 *        issue   ack      issue   ack              a sector with two writes;
 *   ───────[──v1──]─────────[──v2──]──────► T      reads v1: T is in [issue v1, ack v2]
 *          |<------- reads v1 ---->|
 *
 * Zeroes are ambiguous (a sector discarded twice); such a sector allows a union of
 * intervals. The volume is good if the intersection over all sectors is not empty.
 *
 * Discards. DISCARD_ZERO: a discarded sector reads as zeroes until it is written
 * again, that is, a discard is a write of zeroes. A cache can meet it whenever its
 * origin reads as zeroes after a discard, which is what the recorder's origin does,
 * so it is the default. DISCARD_OLDER: a discarded sector may also read as any older
 * content of that sector, for origins that ignore discards. In neither case may
 * content show that is newer than the discard unless the op it belongs to is in.
 */
#ifndef CRASH_ORACLE_H
#define CRASH_ORACLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "history.h"

enum discard_rule { DISCARD_ZERO, DISCARD_OLDER };

/*
 * ORDER_PREFIX is the rule above. ORDER_NONE is what a plain disk promises: flushed
 * and FUA writes are there, of the others any may be missing.
 */
enum order_rule { ORDER_PREFIX, ORDER_NONE };

struct oracle_opts {
	enum order_rule order;
	enum discard_rule discard;
	uint32_t atomic;	/* sectors; 0: every op may be torn */
	bool acked_is_durable;	/* the SSD has no volatile cache */
	bool no_promise;	/* SSD lost: any prefix will do, even the empty one */
	uint64_t uploaded;	/* but all that was acknowledged before this was said to be there */
};

enum verdict_code {
	VERDICT_OK,
	VERDICT_BAD_CONTENT,	/* not a stamp, damaged, or of another place */
	VERDICT_FOREIGN,	/* an op that never wrote this sector, or not by then */
	VERDICT_LOST,		/* older than what had been promised */
	VERDICT_NOT_PREFIX,	/* no instant fits all sectors */
	VERDICT_TORN,		/* an op that must be all or nothing is neither */
};

struct verdict {
	enum verdict_code code;
	uint64_t sector;	/* where it shows */
	uint64_t value;		/* what is there */
	char text[400];
};

const char *verdict_name(enum verdict_code code);

struct oracle;

/*
 * initial: the value of each of the volume's sectors before the first event, or NULL:
 * all 0, that is, stamped with sequence number 0. Sectors of which the history has
 * no op are checked against it. The oracle keeps references to its arguments.
 */
struct oracle *oracle_new(const struct history *h, uint64_t volume_sectors,
			  const uint64_t *initial);
void oracle_free(struct oracle *oracle);

/*
 * seen: the value of each sector as read after the cut; VAL_ANY: not read.
 * Returns verdict->code.
 */
enum verdict_code oracle_check(struct oracle *oracle, const struct oracle_opts *opts,
			       uint64_t cut, const uint64_t *seen, struct verdict *verdict);

#endif
