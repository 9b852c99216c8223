/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Requests of a volume: counted, tried again after a while where that makes sense, and
 * all cancelled when the volume is closed. While the manifest is in doubt (own.h) nothing
 * that writes is sent. What the store below does itself about
 * retries comes first; this is for what it gives up on.
 */
#ifndef LC_BUCKET_IO_H
#define LC_BUCKET_IO_H

#include <linux/list.h>

#include "store/loop.h"
#include "store/store.h"

struct lc_volume;

#define LC_IO_FOR_EVER	0u

struct lc_io {
	struct lc_store_req req;
	struct lc_volume *vol;
	struct list_head list;		/* in vol->ios while it is under way */
	struct lc_timer timer;
	unsigned int tries_max;		/* LC_IO_FOR_EVER: until the volume is closed */
	unsigned int tries;
	bool in_store;
	bool cancelled;
	void (*done)(struct lc_io *io);	/* once; io->req.status */
	void *data;
};

/* Zeroes it. */
void lc_io_init(struct lc_io *io, struct lc_volume *vol, enum lc_store_op op,
		void (*done)(struct lc_io *io), void *data);
/* Not from within the call: done() may free it. */
void lc_io_start(struct lc_io *io);
/* Once more from done(), after a pause that grows with the number of tries. */
void lc_io_again(struct lc_io *io);
void lc_io_cancel(struct lc_io *io);
/* No request: done() after a while, with LC_STORE_CANCELLED if the volume is closed. */
void lc_io_pause(struct lc_io *io, struct lc_volume *vol, u64 ms, void (*done)(struct lc_io *io),
		 void *data);

/* A request that is not to be had: busy, failed, or an outcome nobody knows. */
bool lc_io_passing(enum lc_store_status status);
/* -errno for a status that is not OK. */
int lc_io_errno(enum lc_store_status status);

/*
 * The whole of object @key, whatever its size up to @max bytes. @done gets it in
 * malloc()ed memory that is its own then, NULL if @err.
 */
struct lc_slurp {
	struct lc_io io;
	size_t max;
	void (*done)(struct lc_slurp *s, int err, void *buf, size_t bytes);
	void *data;
};

void lc_slurp_start(struct lc_slurp *s, struct lc_volume *vol, const char *key, size_t guess,
		    size_t max);

#endif /* LC_BUCKET_IO_H */
