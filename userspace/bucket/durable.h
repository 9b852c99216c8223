/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Making one immutable object durable, however often it takes. A PUT that found
 * something there, or whose outcome nobody knows, is looked up: what is there either
 * is this very object or somebody else's.
 *
 *   PUT --> ok: done, 0
 *    ^ |--> busy, failed, denied: pause, PUT
 *    | `--> unknown, or "is there already": GET of the fixed part
 *    |                                        |--> the same: done, 0
 *    `------- pause <----- not there <--------|
 *                                             `--> another: done, -ESTALE
 */
#ifndef LC_BUCKET_DURABLE_H
#define LC_BUCKET_DURABLE_H

#include "bucket.h"
#include "io.h"

struct lc_durable {
	struct lc_io put;
	struct lc_io look;
	u8 found[LC_BK_FIXED];
	u64 bytes;
	/* 0; -ESTALE; -EOPNOTSUPP: no conditional PUTs; -ECANCELED */
	void (*done)(struct lc_durable *d, int err);
	void *data;
};

/*
 * @iov and what it points to stay until done(); the first piece has the whole fixed part,
 * whose checksum covers the rest.
 */
void lc_durable_start(struct lc_durable *d, struct lc_volume *vol, const char *key,
		      const struct iovec *iov, int nr_iov);

#endif /* LC_BUCKET_DURABLE_H */
