// SPDX-License-Identifier: GPL-2.0-only
/* Token buckets. */

#include <linux/kernel.h>

#include "throttle.h"

#define RATE_MAX	(1ull << 40)

static int64_t full(const struct lc_bucket *b)
{
	return (int64_t)b->burst * 1000;
}

static void refill(struct lc_bucket *b, uint64_t now)
{
	uint64_t ms = now - b->at;

	b->at = now;
	/* Full, whatever is owed, and no overflow. */
	if (ms > 1000000 || ms * b->rate > INT64_MAX / 2)
		b->level = full(b);
	else
		b->level = min_t(int64_t, b->level + ms * b->rate, full(b));
}

void lc_bucket_set(struct lc_bucket *b, uint64_t now, uint64_t rate, uint64_t burst)
{
	if (!b->rate) {
		b->level = INT64_MAX / 4;
		b->at = now;
	}
	refill(b, now);
	b->rate = min_t(uint64_t, rate, RATE_MAX);
	b->burst = burst ? min_t(uint64_t, burst, RATE_MAX) : b->rate;
	b->level = min_t(int64_t, b->level, full(b));
}

uint64_t lc_bucket_wait(struct lc_bucket *b, uint64_t now)
{
	if (!b->rate)
		return 0;
	refill(b, now);
	if (b->level > 0)
		return 0;
	return -b->level / b->rate + 1;
}

void lc_bucket_take(struct lc_bucket *b, uint64_t now, uint64_t n)
{
	if (!b->rate)
		return;
	refill(b, now);
	b->level -= min_t(uint64_t, n, RATE_MAX) * 1000;
}

uint64_t lc_limits_wait(struct lc_limits *l, uint64_t now, enum lc_direction d)
{
	return max(lc_bucket_wait(&l->bytes[d], now), lc_bucket_wait(&l->requests[d], now));
}

void lc_limits_take(struct lc_limits *l, uint64_t now, enum lc_direction d, uint64_t bytes)
{
	lc_bucket_take(&l->bytes[d], now, bytes);
	lc_bucket_take(&l->requests[d], now, 1);
}
