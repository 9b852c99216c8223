/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where a bio enters and what is decided about it. Nothing here sleeps.
 *
 *   read   every sector known  ─► the SSD, remapped, or zeroes
 *          none known          ─► fill.h
 *   write  writeback           ─► log.h
 *          direct modes        ─► through.h
 *   flush                      ─► the SSD, if it has a volatile cache
 *
 * A read is cut where the index changes its answer, so that each piece is
 * wholly one or the other.
 */
#ifndef LC_MAP_H
#define LC_MAP_H

#include <linux/bio.h>
#include <linux/device-mapper.h>

struct logcache;

/* Take the first @len sectors of @bio; the rest comes again as a bio of its own. Map context. */
static inline void lc_cut(struct bio *bio, u32 len)
{
	if (len < bio_sectors(bio))
		dm_accept_partial_bio(bio, len);
}

int lc_map(struct dm_target *ti, struct bio *bio);
/* A write whose way in has changed while it waited. Process context; @bio is not cut any more. */
void lc_map_write_again(struct logcache *lc, struct bio *bio);
int lc_end_io(struct dm_target *ti, struct bio *bio, blk_status_t *error);

#endif /* LC_MAP_H */
