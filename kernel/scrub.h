/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Scrub: all sealed segments are read, in the background, and every block that the
 * volume maps to is compared with what is known of it:
 *
 *   index -- maps to --> block -- CRC32C --> memory -- same as --> summary slot
 *     `------- as many sectors as the slot's entries say ------------'
 *
 * A bad clean block is forgotten, and the next read gets it from the origin; a bad
 * dirty one is damage (damage.h). Segments that are still open are left out: what is
 * in them is verified when it is written back. One portion at a time, with a pause
 * behind it while the volume is used. A suspend interrupts, a resume goes on.
 */
#ifndef LC_SCRUB_H
#define LC_SCRUB_H

#include <linux/workqueue.h>

#include "record.h"

struct logcache;

struct lc_scrub {
	struct delayed_work work;
	struct lc_slot *slot;		/* of the segment being looked at */
	struct lc_slot_info info;
	void *data;			/* a portion of it */
	struct page *page;		/* one block, read again */
	bool running;
	bool stop;			/* suspended */
	bool again;			/* start from the first segment */
	u32 seg;
	u32 at;				/* next block of it */
	u64 errors;			/* in this run */
	u64 ios;			/* of the volume, when last looked */
};

int lc_scrub_init(struct logcache *lc);
void lc_scrub_exit(struct logcache *lc);
/* From the first segment on; or no further. Any context. */
void lc_scrub_start(struct logcache *lc);
void lc_scrub_end(struct logcache *lc);
/* Around a suspend. Stopping may sleep. */
void lc_scrub_stop(struct logcache *lc);
void lc_scrub_resume(struct logcache *lc);

#endif /* LC_SCRUB_H */
