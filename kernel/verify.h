/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * verify_reads: a hit goes through buffers of ours, block by block, so that the
 * checksum of each whole block can be looked at before the reader sees it.
 * A clean block that is wrong is forgotten and read from the origin; a dirty one
 * is an I/O error.
 */
#ifndef LC_VERIFY_H
#define LC_VERIFY_H

#include <linux/bio.h>

struct logcache;

int lc_verify_init(struct logcache *lc);
void lc_verify_exit(struct logcache *lc);

/* Does the origin have what is in [loc, loc + len), of one segment? For what is
 * dirty only as a part of its segment the entries are looked at. @read: may read the
 * segment's summary, and sleep. When in doubt, no.
 */
bool lc_on_origin(struct logcache *lc, u64 loc, u32 len, bool read);

/* Read block @block of the segments into @page and verify it. May sleep. Return: 0,
 * -EBADMSG or the error of the device.
 */
int lc_block_read(struct logcache *lc, u64 block, struct page *page);

/* Does the SSD answer at all? If not, nothing is lost, it is only away. @page is overwritten. */
bool lc_cache_alive(struct logcache *lc, struct page *page);

/* Read @bio from @loc, verified. It holds a reference of its segment, and its
 * sector is still the volume's. Any context. Return: DM_MAPIO_SUBMITTED.
 */
int lc_verify_read(struct logcache *lc, struct bio *bio, u64 loc);

/* One line, one event, one count for a block of the cache that does not match. */
void lc_crc_error(struct logcache *lc, u64 block, u64 lba, const char *when);

#endif /* LC_VERIFY_H */
