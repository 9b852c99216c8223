// SPDX-License-Identifier: GPL-2.0-only

#include "streams.h"

#include <linux/kernel.h>

/* Chunks. A reader has up to 8 MiB on their way; what is further off is somebody else. */
#define NEAR		16u
#define LATE		8u
/* In order, but for neighbours. */
#define STEP		2u
/* Sectors: more than a miss that was widened, four times. */
#define BEGIN		512u
#define MOVE		(LC_CHUNK_SECTORS / 2)
#define CREDIT_MAX	(4 * LC_CHUNK_SECTORS)

static bool near(const struct lc_stream *s, uint64_t chunk)
{
	return s->used && chunk <= s->head + NEAR && s->head <= chunk + NEAR;
}

/* The one that is near, or the one that was seen last longest ago. */
static struct lc_stream *stream_of(struct lc_streams *ss, uint64_t chunk)
{
	struct lc_stream *s, *oldest = ss->s;

	for (s = ss->s; s < ss->s + LC_STREAMS; s++) {
		if (near(s, chunk))
			return s;
		if (s->used < oldest->used)
			oldest = s;
	}
	*oldest = (struct lc_stream){ .head = chunk };
	return oldest;
}

static void move(const struct lc_streams *ss, struct lc_stream *s, uint64_t chunk)
{
	uint32_t cost = (chunk - s->head) * MOVE;
	bool paid = s->credit >= cost;

	s->head = chunk;
	s->here = 0;
	s->credit = paid ? s->credit - cost : 0;
	s->window = paid ? min(max(2 * s->window, 1u), ss->max) : 0;
}

unsigned int lc_streams_seen(struct lc_streams *ss, uint64_t lba, uint32_t sectors, uint64_t *from)
{
	uint64_t chunk = (lba + sectors - 1) / LC_CHUNK_SECTORS;
	struct lc_stream *s = stream_of(ss, chunk);

	ss->clock += sectors;
	s->used = ss->clock;
	s->credit = min(s->credit + sectors, CREDIT_MAX);
	if (chunk > s->head && chunk <= s->head + STEP)
		move(ss, s, chunk);
	if (chunk == s->head)
		s->here += sectors;
	if (!s->window && s->here >= BEGIN)
		s->window = 1;
	*from = s->head + 1;
	return s->window;
}

bool lc_streams_passed(const struct lc_streams *ss, uint64_t chunk)
{
	const struct lc_stream *s;
	bool passed = false;

	for (s = ss->s; s < ss->s + LC_STREAMS; s++) {
		if (!near(s, chunk))
			continue;
		if (chunk + LATE >= s->head)
			return false;
		passed = true;
	}
	return passed;
}
