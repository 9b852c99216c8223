/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A helper in userspace as the origin: `helper:<uuid>` in the table. What is to be
 * read is *fetched* (fetch.c), what is dirty is *uploaded* in units (upload.c); both
 * are items of one queue (upcall.h). A helper is never asked for a hit, for an
 * acknowledgment or for a flush.
 *
 * What a helper writes to, and nothing else ever is, is the *scratch area* at the end
 * of the cache (format.h). So one that was stopped, taken for dead and goes on much
 * later can spoil no data: at worst another fetch, whose checksums then do not fit and
 * which is tried again. The price is that what is fetched is written twice.
 *
 *   | super ... | segments: log, fills, copies | scratch: slot 0 | slot 1 | ... |
 *                                                       32 blocks each: one fetch
 */
#ifndef LC_HELPER_H
#define LC_HELPER_H

#include <linux/bio.h>
#include <linux/types.h>
#include <linux/workqueue.h>

#include "fill.h"
#include "origin.h"
#include "upcall.h"

struct logcache;
struct sk_buff;

extern const struct lc_origin_ops lc_origin_helper;

/* Of the table and of the superblock's origin_id: what follows is the volume's uuid. */
#define LC_HELPER_PREFIX	"helper:"
#define LC_HELPER_NAME_MAX	(sizeof(LC_HELPER_PREFIX) + 36)

/*--------------------------------------------------------------------------
 * Fetches
 *--------------------------------------------------------------------------
 */

#define LC_FETCHES		(LC_SCRATCH_BLOCKS / LC_MISS_BLOCKS)

/**
 * struct lc_fetch - one slot of the scratch area and the read it is for
 *
 *   FREE --> OFFERED --done, ok--> CHECKING --fits--> FREE, the readers are served
 *             ^  |                   |  |
 *             |  `-failed-------┐    |  `-- third time: FREE, the readers get an error
 *             ├---- again ------|----┘
 *             |                 v
 *            PAUSING <-again   FREE, the readers get an error
 *
 * OFFERED is SUBMITTED or TAKEN in the queue. What nobody owns for fetch_timeout_ms
 * becomes an error from OFFERED or PAUSING. So does, as a request to try again, what is
 * there when a suspend without flush begins.
 *
 * @sector:	of the cache device: the slot
 * @m:		the read; NULL: FREE
 * @checking:	the data is being read back
 * @again:	PAUSING until then, in jiffies; 0: is not
 */
struct lc_fetch {
	struct lc_item item;
	struct logcache *lc;
	struct lc_miss *m;
	u64 sector;
	unsigned int tries;
	bool checking;
	bool zero;
	unsigned long again;
	blk_status_t status;
	struct work_struct work;
	u32 crc[LC_MISS_BLOCKS];
};

/* All under the queue's lock. */
struct lc_fetches {
	struct lc_fetch *slot;		/* LC_FETCHES of them */
	unsigned int next;		/* where to look for a free one */
	unsigned int busy;
	struct list_head waiting;	/* lc_miss.ready: for a slot */
	struct bio_list parked;		/* without a miss yet */
};

/*--------------------------------------------------------------------------
 * Units
 *--------------------------------------------------------------------------
 */

#define LC_UNITS_MAX		32u
/* As many blocks as the largest object has. */
#define LC_UNIT_EXTENTS		4096u

struct lc_unit_ext {
	u64 lba;
	u64 loc;
	u32 len;
	u8 kind;			/* enum lc_ext_kind */
};

/**
 * struct lc_unit - what the log holds in [start, end), newest versions only
 *
 *   FREE --cut--> OFFERED --ok--> DONE --all before it are--> clean, FREE
 *                  ^   |
 *                  |   `--again, failed--> PAUSING
 *                  |   `--corrupt--> CORRUPT: looked at, without what is lost
 *                  `--------------------'
 *
 * In the ring in LSN order. The data is on the cache as long as the unit is: it is
 * dirty. @ext does not change while the item is not IDLE.
 */
struct lc_unit {
	struct lc_item item;
	struct logcache *lc;
	u64 start, end;			/* LSNs */
	u64 sectors;			/* payload in the log: becomes clean */
	u64 data;			/* sectors, of them the newest */
	u64 data_max;
	unsigned int nr;
	struct lc_unit_ext *ext;
	bool done;
	bool corrupt;
	bool damaged;
	unsigned long again;		/* jiffies; 0: is not pausing */
};

/* wb.work's, but for what is said of a unit in an answer: that under the queue's lock. */
struct lc_units {
	struct lc_unit *unit;
	struct lc_unit_ext *ext;
	unsigned int head;
	unsigned int nr;
	u64 next_lsn;			/* below it: in a unit */
	u64 sectors;			/* of all units */
	bool late;			/* something is behind next_lsn, */
	unsigned long since;		/* seen first then, in jiffies */
};

struct lc_helper {
	struct lc_upcall *up;
	u8 uuid[16];
	char name[LC_HELPER_NAME_MAX];
	struct lc_fetches fetches;
	struct lc_units units;
	struct workqueue_struct *wq;	/* park: may wait for the helper */
	struct work_struct park;
};

/* Once a second, under the queue's lock: does it have to go on? */
bool lc_helper_watch(struct logcache *lc);

int lc_fetch_init(struct logcache *lc);
void lc_fetch_exit(struct logcache *lc);
void lc_fetch_read(struct lc_miss *m);
int lc_fetch_remap(struct logcache *lc, struct bio *bio);
void lc_fetch_submit(struct logcache *lc, struct bio *bio);
/* Nothing may wait any more: give all readers back. May sleep. */
void lc_fetch_hold(struct logcache *lc);
/* Under the queue's lock: fail what has waited too long. Is there more? */
bool lc_fetch_watch(struct logcache *lc);

int lc_units_init(struct logcache *lc);
void lc_units_exit(struct logcache *lc);
/* From the clean LSN on, with nothing in flight. */
void lc_units_start(struct logcache *lc);
/* The queue has withdrawn them; wb.work does not run. */
void lc_units_stop(struct logcache *lc);
/* wb.work: retire, repair, cut. May sleep, but not for the helper. */
void lc_units_run(struct logcache *lc);

#endif /* LC_HELPER_H */
