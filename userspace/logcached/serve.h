/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One volume of the daemon: joins the kernel's half (channel.h, ssd.h) with the one in the
 * bucket (bucket/volume.h).
 *
 *             claimed                 attached
 *   WAITING -------------> ATTACHING ------------> ACTIVE
 *      ^                    |  |  ^                 |  |
 *      |                    |  |  `--- error -------'  |    tried again, with a back-off
 *      `------- lost -------+--|--------- lost --------+
 *                              |                       |
 *          cannot be helped,   |                       | another host, or the
 *          or another host     v                       v volume is deleted
 *                         FAILED, STALE              STALE
 *
 * From FAILED its file, or a reload, leads on; from STALE only another file or a restart.
 *
 * The bucket is attached only while the kernel's volume is ours, since attaching is what
 * fences other hosts. Nobody who was fenced attaches again by himself, or two hosts would
 * do so in turn.
 *
 * LSNs: the kernel's unit [start, end) is the bucket's (start, end]. So a number n of the
 * bucket says that everything below the kernel's LSN n is there, which is what the
 * kernel's clean_lsn says as well; nothing is ever added or subtracted.
 */
#ifndef LC_SERVE_H
#define LC_SERVE_H

#include <stdbool.h>

#include <linux/list.h>

#include "bucket/key.h"
#include "bucket/volume.h"
#include "channel.h"
#include "conf.h"
#include "mapdir.h"
#include "ssd.h"
#include "store/loop.h"
#include "upkeep.h"

struct lc_bucket_limits;
struct lc_daemon;
struct lc_download;
struct lc_upload;

/* Of a cache that was just formatted. */
#define LC_FIRST_LSN	1u

enum lc_serve_state {
	LC_SERVE_WAITING,
	LC_SERVE_ATTACHING,
	LC_SERVE_ACTIVE,
	LC_SERVE_STALE,
	LC_SERVE_FAILED,
};

/* A rollback under way; see lc_serve_rollback(). */
struct lc_rollback {
	char name[64];
	u8 cache[16];
	int err;
	char why[512];
	void (*done)(struct lc_rollback *rb);
	void *data;
	struct lc_serve *sv;
	struct lc_timer wait;
	unsigned int waits;
};

/**
 * struct lc_serve - for the files of this directory
 * @who:	names it in messages: uuid, and device if there is one
 * @info:	as of the last claim; true only while @claimed
 * @log_end:	where the SSD's log ended at the first claim of this activation; the bucket
 *		must not have more when it is attached. No limit once it was
 * @vol:	from the attach until it is closed; usable while ACTIVE
 * @attached_cache: whose log @vol is attached for
 * @drop:	@vol is to be closed
 */
struct lc_serve {
	struct list_head list;
	struct lc_daemon *daemon;
	struct lc_conf conf;
	struct lc_rates file_rates;	/* of its file; those of @conf are in force */
	char uuid_text[LC_UUID_TEXT];
	char who[LC_UUID_TEXT + LC_CHANNEL_NAME_MAX + 4];
	enum lc_serve_state state;
	char why[512];

	struct lc_channel *ch;
	struct lc_volume_info info;
	bool claimed;
	uint64_t log_end;

	struct lc_ssd *ssd;
	struct lc_volume_info ssd_info;	/* of the claim it was opened for */
	struct lc_upload *up;
	struct lc_download *down;

	struct lc_bucket_limits *bucket;	/* shared with other volumes */
	struct lc_store *store;
	struct lc_volume *vol;
	u8 attached_cache[16];
	bool drop;
	bool closing;
	struct lc_mapdir map;
	struct lc_upkeep upkeep;

	struct lc_timer retry;
	unsigned int tries;
	unsigned int map_tries;
	struct lc_timer verdict;	/* stale, or only taken over? */
	bool missing;			/* by the volume, its manifest is */
	struct lc_rollback *rollback;	/* waits, or is under way */
	bool rolling;			/* @vol is for it */

	bool stopping;
	struct lc_timer deadline;
	struct lc_timer step;
	void (*gone)(struct lc_serve *sv);
	/* Of daemon.c. */
	bool again;			/* its file has changed: a new one follows */
	bool seen;			/* there is a file */
};

/* Reads nothing: @conf is finished. @takeover: of the kernel's volume. NULL with errno. */
struct lc_serve *lc_serve_new(struct lc_daemon *daemon, const struct lc_conf *conf,
			      bool takeover);
/*
 * What is in flight ends first, but for no longer than @patience_ms. Then everything is
 * given back, and @gone called, which frees it; calling it again shortens the wait.
 */
void lc_serve_stop(struct lc_serve *sv, uint64_t patience_ms, void (*gone)(struct lc_serve *sv));
void lc_serve_free(struct lc_serve *sv);

const char *lc_serve_state_name(enum lc_serve_state state);
/* The limits of @sv->conf, from now on. */
void lc_serve_set_limits(struct lc_serve *sv);
/* Try once more, after FAILED. */
void lc_serve_retry(struct lc_serve *sv);
/*
 * While no device is there: back to a snapshot, and from then on the new cache is the one
 * that writes. @rb: the caller's, until done().
 */
void lc_serve_rollback(struct lc_serve *sv, struct lc_rollback *rb);

/*----------------------------------------------------------------
 * For upload.c, download.c, upkeep.c
 *----------------------------------------------------------------
 */

/* May the bucket be used? */
static inline bool lc_serve_active(const struct lc_serve *sv)
{
	return sv->state == LC_SERVE_ACTIVE;
}

/* Will it not come back by itself? Then items are answered at once. */
static inline bool lc_serve_hopeless(const struct lc_serve *sv)
{
	return sv->state == LC_SERVE_STALE || sv->state == LC_SERVE_FAILED;
}

/* Something has ended that may have been waited for. */
void lc_serve_step(struct lc_serve *sv);
/* An answer was refused: if the volume is not ours any more the channel should know. */
void lc_serve_refused(struct lc_serve *sv, const char *what, int err);
/* What lc_volume_why() says, without the volume's name, which messages have. */
const char *lc_serve_reason(const struct lc_serve *sv);

#endif /* LC_SERVE_H */
