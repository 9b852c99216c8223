/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Token buckets: bytes and requests a second, up and down. Pure; times are
 * milliseconds. What is larger than a bucket is let through when nothing is
 * owed, and then owed: the mean is kept.
 */
#ifndef LC_THROTTLE_H
#define LC_THROTTLE_H

#include <stdint.h>

/* Zeroed: without a limit. */
struct lc_bucket {
	uint64_t rate;			/* a second; 0: no limit */
	uint64_t burst;			/* at most saved up */
	int64_t level;			/* thousandths; below 0: owed */
	uint64_t at;			/* of that level */
};

/* At any time; what is owed stays owed. @burst 0: what a second brings. */
void lc_bucket_set(struct lc_bucket *b, uint64_t now, uint64_t rate, uint64_t burst);
/* 0: something may be taken now; else milliseconds until then. */
uint64_t lc_bucket_wait(struct lc_bucket *b, uint64_t now);
void lc_bucket_take(struct lc_bucket *b, uint64_t now, uint64_t n);

enum lc_direction {
	LC_UP,				/* PUT, DELETE */
	LC_DOWN,			/* GET, HEAD, LIST */
};

/* Of a volume, or of all that use one bucket of a store. */
struct lc_limits {
	struct lc_bucket bytes[2];
	struct lc_bucket requests[2];
};

uint64_t lc_limits_wait(struct lc_limits *l, uint64_t now, enum lc_direction d);
/* One request of so many bytes. */
void lc_limits_take(struct lc_limits *l, uint64_t now, enum lc_direction d, uint64_t bytes);

#endif /* LC_THROTTLE_H */
