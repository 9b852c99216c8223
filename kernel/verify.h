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

/* Read @bio from @loc, verified. It holds a reference of its segment, and its
 * sector is still the volume's. Any context. Return: DM_MAPIO_SUBMITTED.
 */
int lc_verify_read(struct logcache *lc, struct bio *bio, u64 loc);

/* One line, one event, one count for a block of the cache that does not match. */
void lc_crc_error(struct logcache *lc, u64 block, u64 lba, const char *when);

#endif /* LC_VERIFY_H */
