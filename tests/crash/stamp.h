/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the workload writes: every 512-byte sector says which operation wrote it
 * and where it belongs, and the whole sector can be verified from those two.
 *
 *   word  0      1    2       3      4 .. 63
 *         magic  seq  sector  check  check ^ word number
 *
 * "salt" is the run's own number: stamps of another run do not verify.
 */
#ifndef CRASH_STAMP_H
#define CRASH_STAMP_H

#include <stddef.h>
#include <stdint.h>

/*
 * The value of a sector, as the oracle sees it: the sequence number of the
 * operation that wrote it (0: the content before the first operation) or one of these.
 */
#define VAL_ZERO	UINT64_MAX		/* reads as zeroes */
#define VAL_BAD		(UINT64_MAX - 1)	/* no valid stamp, or one of another place */
#define VAL_ANY		(UINT64_MAX - 2)	/* expectation only: anything goes */

void stamp_fill(void *buf, uint64_t sector, uint32_t nr, uint64_t seq, uint64_t salt);

/* The value of one sector. */
uint64_t stamp_value(const void *buf, uint64_t sector, uint64_t salt);

/* Say in words what is in a sector, for a report. */
void stamp_explain(const void *buf, uint64_t sector, uint64_t salt, char *out, size_t size);

#endif
