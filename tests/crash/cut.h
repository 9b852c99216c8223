/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a power cut leaves on the two devices.
 *
 * At a cut after event c, for each device:
 *
 *   durable    completed by c, and FUA, or followed by a flush that arrived after
 *              that completion and itself completed by c. Without a volatile cache:
 *              everything completed by c. Always there, whole.
 *   cached     completed by c but not durable: kept, dropped or torn, each on its own.
 *   in flight  arrived by c, not completed by c: kept, dropped or torn, in any order.
 *   the rest   is not there.
 *
 * Ops are applied in the order of their completion. Since every cached op may be
 * dropped or torn sector by sector, this covers all reorderings a disk may do: a
 * sector ends up with its durable content or with that of any op over it since.
 *
 * Torn: a prefix, a suffix or any subset of the op's sectors, or of its 4 KiB blocks,
 * is written. A sector of 512 bytes is never torn.
 */
#ifndef CRASH_CUT_H
#define CRASH_CUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "history.h"
#include "image.h"
#include "util.h"

struct device_model {
	bool volatile_cache;
	bool discard_zeroes;	/* false: a discard leaves the old content */
};

struct cutter;

/* Apply a discard, write or write-zeroes to an image, whole. */
void device_apply(const struct device_model *model, struct image *img, const struct dev_op *op);

/*
 * start: the images before the first event; they are not changed. The cutter
 * keeps references to all arguments. The history must be complete.
 */
struct cutter *cutter_new(const struct history *h, struct image *const start[NR_DEVS],
			  const struct device_model model[NR_DEVS]);
void cutter_free(struct cutter *cutter);

/* Move the cut to after event c. Cuts must be taken in ascending order. */
void cutter_advance(struct cutter *cutter, uint64_t c);

/*
 * The content that is certain at the current cut. A crash image is a new layer over
 * this, filled by cutter_build(); it must be gone before the next cutter_advance().
 */
struct image *cutter_durable(struct cutter *cutter, enum dev_id dev);

/* Fill one possible crash image; the same seed gives the same image. */
void cutter_build(struct cutter *cutter, enum dev_id dev, uint64_t seed, struct image *out);

/*
 * The events at which the origin alone must be a prefix state: completions of origin
 * flushes with no mutation of the origin in flight between their arrival and their
 * completion. Such a flush ends a writeback unit (or several). Returns how many,
 * in ascending order; *events is the caller's to free.
 */
size_t origin_unit_ends(const struct history *h, uint64_t **events);

/*
 * Choose n cut points, fewer only if there are not so many events, ascending, no two
 * alike: half of them next to events after which more must survive than before
 * (completions of flushes and of FUA writes, acknowledgements), the others anywhere.
 * The last event is always one.
 */
size_t choose_cuts(const struct history *h, size_t n, uint64_t seed, uint64_t **events);

#endif
