/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The cache device, as a helper uses it: reads anywhere, writes into the scratch
 * area only, all past the page cache. Asynchronous, on the loop. Memory is taken
 * when the device is opened and not later: what is being done may be what the
 * machine needs to have memory again.
 */
#ifndef LC_SSD_H
#define LC_SSD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lc_loop;
struct lc_ssd;

#define LC_SSD_WHY_MAX		160u

/**
 * struct lc_ssd_io - one transfer; the caller's memory until @done
 * @sector:	of the device, 512 bytes; a multiple of 8, as @bytes is of 4096
 * @buf:	aligned to 4096 bytes
 * @result:	0 or -errno; a short transfer is -EIO
 * @done:	from the loop, once; never from within lc_ssd_submit()
 * @next:	of the device
 */
struct lc_ssd_io {
	uint64_t sector;
	void *buf;
	size_t bytes;
	bool write;
	int result;
	void (*done)(struct lc_ssd_io *io);
	void *data;
	struct lc_ssd_io *next;
};

/* The block device with these numbers. @scratch_start, @scratch_sectors: the only area that
 * is written to; anything else is -EPERM. @depth: transfers in flight. NULL, with a text in
 * @why.
 */
struct lc_ssd *lc_ssd_open(struct lc_loop *loop, unsigned int dev_major, unsigned int dev_minor,
			   uint64_t scratch_start, uint64_t scratch_sectors,
			   unsigned int depth, char why[LC_SSD_WHY_MAX]);
/* Nothing is in flight. */
void lc_ssd_close(struct lc_ssd *ssd);

void lc_ssd_submit(struct lc_ssd *ssd, struct lc_ssd_io *io);
/* Submitted and not done. */
unsigned int lc_ssd_busy(const struct lc_ssd *ssd);

/* Buffers of one size, aligned and locked into memory. */
struct lc_bufs;
struct lc_bufs *lc_bufs_new(size_t bytes, unsigned int nr);	/* NULL with errno */
void lc_bufs_free(struct lc_bufs *bufs);
void *lc_buf_get(struct lc_bufs *bufs);				/* NULL: none is left */
void lc_buf_put(struct lc_bufs *bufs, void *buf);

#endif /* LC_SSD_H */
