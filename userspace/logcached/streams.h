/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who reads in order? Seen from reads that come only nearly in order, many at a time.
 *
 *            behind       head        window
 *   --------[----------|--here--|- - - - - - - ]--------> chunks of the volume
 *            reads that are late   is to be read ahead
 *
 * A stream is a place that reads are near to. Once enough was read at its head there is a
 * window; it doubles each time the head moves on, and is closed if the head moves without
 * enough having been read on the way. Pure.
 */
#ifndef LC_STREAMS_H
#define LC_STREAMS_H

#include <stdbool.h>
#include <stdint.h>

#define LC_STREAMS	4u
#define LC_CHUNK_SECTORS	2048u	/* 1 MiB */

struct lc_streams {
	unsigned int max;		/* chunks of a window */
	uint64_t clock;			/* sectors that were read */
	struct lc_stream {
		uint64_t head;
		uint32_t here;		/* sectors read of the head */
		uint32_t credit;	/* sectors read, less what moving has cost */
		unsigned int window;
		uint64_t used;		/* by that clock; 0: never */
	} s[LC_STREAMS];
};

/* @ss: zeroed but for @max. A read came. Return: so many chunks, from @from on, are to be there. */
unsigned int lc_streams_seen(struct lc_streams *ss, uint64_t lba, uint32_t sectors, uint64_t *from);
/* No stream will come by @chunk any more, and one has. */
bool lc_streams_passed(const struct lc_streams *ss, uint64_t chunk);

#endif /* LC_STREAMS_H */
