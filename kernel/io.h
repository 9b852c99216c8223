/* SPDX-License-Identifier: GPL-2.0-only */
/* Reading and writing the cache device with buffers of our own. */
#ifndef LC_IO_H
#define LC_IO_H

#include <linux/blkdev.h>
#include <linux/sched.h>

struct logcache;

/* A zeroed buffer of whole blocks: physically contiguous if that is to be had. May sleep. */
void *lc_buf_alloc(size_t bytes);
void lc_buf_free(void *buf, size_t bytes);

/* bvecs that @bytes of such a buffer can need. */
static inline unsigned int lc_buf_vecs(size_t bytes)
{
	return DIV_ROUND_UP(bytes, PAGE_SIZE);
}

#define LC_NICE		19

/*
 * Of a work item: while there is time, who uses the volume has the processor first. @was:
 * task_nice() of the worker when the work began, for lc_pace(was, true) at its end.
 */
static inline void lc_pace(int was, bool hurry)
{
	/* A rescuer is in a hurry whatever we think. */
	set_user_nice(current, hurry || was < 0 ? was : max(was, LC_NICE));
}

/* Add a buffer to a bio that has room for lc_buf_vecs(). Any context. */
void lc_bio_add_buf(struct bio *bio, void *buf, size_t bytes);

/* One synchronous I/O of whole blocks on the cache device. May sleep; 0 or -errno.
 * @opf: REQ_OP_READ, REQ_OP_WRITE, with REQ_PREFLUSH, REQ_FUA as wanted.
 */
int lc_io_cache(struct logcache *lc, blk_opf_t opf, u64 block, void *buf, size_t bytes);

#endif /* LC_IO_H */
