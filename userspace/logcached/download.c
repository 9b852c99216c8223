// SPDX-License-Identifier: GPL-2.0-only

#include "download.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <linux/kernel.h>
#include <linux/list.h>

#include "ahead.h"
#include "bucket/crc.h"
#include "daemon.h"
#include "log.h"
#include "serve.h"

#define BLOCK		4096u
#define BLOCK_SECTORS	8u
#define SECTOR		512u
#define FETCHES		64u		/* as the scratch area has slots */
#define WAITING		128u		/* offered, with the void ones that are not over yet */
#define CHUNKS		32u		/* read ahead, half of them for one reader */

enum fetch_state { FREE, OFFERED, AHEAD, READING, WRITING };

struct fetch {
	struct list_head list;		/* in the order they came; or free */
	struct lc_download *dl;
	enum fetch_state state;
	struct lc_fetch_item item;
	char *buf;
	struct lc_volume_read rd;
	struct lc_ssd_io io;
	uint32_t crc[LC_FETCH_BLOCKS_MAX];
	bool dead;
};

struct lc_download {
	struct lc_serve *sv;
	struct list_head fetches;
	struct list_head free;
	struct fetch fetch[WAITING];
	struct lc_bufs *bufs;
	struct lc_ahead *ahead;
	uint64_t hits;
	uint64_t errors;
	bool away;			/* the store was, at the last read */
};

static void go(struct lc_download *dl);

/*----------------------------------------------------------------
 * The end of a fetch
 *----------------------------------------------------------------
 */

static void free_fetch(struct fetch *f)
{
	if (f->buf)
		lc_buf_put(f->dl->bufs, f->buf);
	f->buf = NULL;
	f->state = FREE;
	list_move_tail(&f->list, &f->dl->free);
}

static void answer(struct fetch *f, enum lc_item_status status, const uint32_t *crc)
{
	struct lc_serve *sv = f->dl->sv;
	int err;

	f->dl->errors += status == LC_ITEM_FAILED;
	if (!f->dead && sv->claimed) {
		err = lc_channel_fetched(sv->ch, f->item.id, status, crc,
					 crc ? f->item.len / BLOCK_SECTORS : 0);
		if (err)
			lc_serve_refused(sv, "a fetch", err);
	}
	free_fetch(f);
}

static void written(struct lc_ssd_io *io)
{
	struct fetch *f = io->data;
	struct lc_download *dl = f->dl;

	if (io->result)
		lc_log(LC_LOG_ERROR, dl->sv->who,
		       "the SSD takes no data (%s); trying again, look after it",
		       strerror(-io->result));
	answer(f, io->result ? LC_ITEM_AGAIN : LC_ITEM_OK, f->crc);
	go(dl);
	lc_serve_step(dl->sv);
}

static bool all_zeroes(const char *buf, size_t bytes)
{
	return !*buf && !memcmp(buf, buf + 1, bytes - 1);
}

/* The data is there. */
static void write_out(struct fetch *f)
{
	size_t bytes = (size_t)f->item.len * SECTOR;
	unsigned int i;

	if (all_zeroes(f->buf, bytes)) {
		answer(f, LC_ITEM_OK, NULL);
		return;
	}
	for (i = 0; i < bytes / BLOCK; i++)
		f->crc[i] = lc_bk_crc(~0u, f->buf + i * BLOCK, BLOCK);
	f->state = WRITING;
	f->io = (struct lc_ssd_io){
		.sector = f->item.sector, .buf = f->buf, .bytes = bytes, .write = true,
		.done = written, .data = f,
	};
	lc_ssd_submit(f->dl->sv->ssd, &f->io);
}

/*----------------------------------------------------------------
 * Out of the bucket
 *----------------------------------------------------------------
 */

/* Waiting does not help: it is damaged, or it never was. */
static bool final(int err)
{
	return err == -EBADMSG || err == -ENOENT || err == -EINVAL || err == -ESTALE;
}

static void note_store(struct lc_download *dl, int err)
{
	bool away = err && !final(err);

	if (away && !dl->away)
		lc_log(LC_LOG_WARNING, dl->sv->who,
		       "reads wait, since the store does not answer as it should: %s",
		       lc_serve_reason(dl->sv));
	else if (!away && dl->away)
		lc_log(LC_LOG_NOTICE, dl->sv->who, "the store answers again");
	dl->away = away;
}

static void read_failed(struct fetch *f, int err)
{
	struct lc_serve *sv = f->dl->sv;

	if (final(err) && !f->dead)
		lc_log(LC_LOG_ERROR, sv->who, "sectors %llu to %llu cannot be read: %s",
		       (unsigned long long)f->item.lba,
		       (unsigned long long)f->item.lba + f->item.len - 1,
		       lc_serve_reason(sv));
	answer(f, final(err) ? LC_ITEM_FAILED : LC_ITEM_AGAIN, NULL);
}

static void read_done(struct lc_volume_read *rd, int err)
{
	struct fetch *f = rd->data;
	struct lc_download *dl = f->dl;

	if (err == -ECANCELED) {
		/* The volume is being closed; another one will know. */
		f->state = OFFERED;
	} else {
		note_store(dl, err);
		if (f->dead)
			free_fetch(f);
		else if (err)
			read_failed(f, err);
		else
			write_out(f);
	}
	go(dl);
	lc_serve_step(dl->sv);
}

/* Whole blocks, of which the last one may be behind the end of the volume. */
static void read_out(struct fetch *f)
{
	const struct lc_serve *sv = f->dl->sv;
	uint64_t end = f->item.lba + f->item.len;

	f->state = READING;
	f->rd = (struct lc_volume_read){
		.lba = f->item.lba, .sectors = f->item.len, .buf = f->buf,
		.done = read_done, .data = f,
	};
	if (end > sv->info.sectors && f->item.lba < sv->info.sectors) {
		f->rd.sectors = sv->info.sectors - f->item.lba;
		memset(f->buf + (size_t)f->rd.sectors * SECTOR, 0,
		       (size_t)(end - sv->info.sectors) * SECTOR);
	}
	lc_volume_read(sv->vol, &f->rd);
}

/*----------------------------------------------------------------
 * Ahead
 *----------------------------------------------------------------
 */

void lc_download_changed(struct lc_download *dl, uint64_t lba, uint32_t sectors)
{
	lc_ahead_drop(dl->ahead, lba, sectors);
}

static void chunk_ready(void *data)
{
	struct lc_download *dl = data;

	go(dl);
	lc_serve_step(dl->sv);
}

/*----------------------------------------------------------------
 * All of it
 *----------------------------------------------------------------
 */

static void look(struct fetch *f)
{
	struct lc_download *dl = f->dl;

	if (f->state == OFFERED)
		lc_ahead_seen(dl->ahead, dl->sv->vol, dl->sv->info.sectors, f->item.lba,
			      f->item.len);
	switch (lc_ahead_get(dl->ahead, f->item.lba, f->item.len, f->buf)) {
	case 1:
		dl->hits++;
		write_out(f);
		break;
	case 0:
		f->state = AHEAD;
		break;
	default:
		read_out(f);
	}
}

/* False: nobody gets a buffer now. */
static bool advance(struct fetch *f)
{
	struct lc_download *dl = f->dl;

	if (lc_serve_hopeless(dl->sv)) {
		if (f->state == OFFERED || f->state == AHEAD)
			answer(f, LC_ITEM_FAILED, NULL);
		return true;
	}
	if (!lc_serve_active(dl->sv) || (f->state != OFFERED && f->state != AHEAD))
		return true;
	f->buf = f->buf ?: lc_buf_get(dl->bufs);
	if (!f->buf)
		return false;
	look(f);
	return true;
}

static bool bury(struct fetch *f)
{
	if (!f->dead || (f->state != OFFERED && f->state != AHEAD))
		return false;
	free_fetch(f);
	return true;
}

static void go(struct lc_download *dl)
{
	struct fetch *f, *next;

	list_for_each_entry_safe(f, next, &dl->fetches, list) {
		if (!bury(f) && !f->dead && !advance(f))
			break;
	}
}

void lc_download_go(struct lc_download *dl)
{
	go(dl);
}

void lc_download_offer(struct lc_download *dl, const struct lc_fetch_item *item)
{
	struct fetch *f = list_first_entry_or_null(&dl->free, struct fetch, list);
	int err;

	if (!f || item->len > LC_FETCH_BLOCKS_MAX * BLOCK_SECTORS || item->len % BLOCK_SECTORS) {
		err = lc_channel_fetched(dl->sv->ch, item->id, f ? LC_ITEM_FAILED : LC_ITEM_AGAIN,
					 NULL, 0);
		if (err)
			lc_serve_refused(dl->sv, "a fetch", err);
		return;
	}
	f->item = *item;
	f->state = OFFERED;
	f->dead = false;
	list_move_tail(&f->list, &dl->fetches);
	go(dl);
}

void lc_download_void(struct lc_download *dl)
{
	struct fetch *f, *next;

	list_for_each_entry_safe(f, next, &dl->fetches, list) {
		f->dead = true;
		bury(f);
	}
}

void lc_download_reset(struct lc_download *dl)
{
	lc_ahead_drop_all(dl->ahead);
	dl->away = false;
}

bool lc_download_idle(const struct lc_download *dl)
{
	const struct fetch *f;

	list_for_each_entry(f, &dl->fetches, list)
		if (f->state == READING || f->state == WRITING)
			return false;
	return lc_ahead_idle(dl->ahead);
}

void lc_download_status(const struct lc_download *dl, struct lc_download_status *st)
{
	const struct fetch *f;

	*st = (struct lc_download_status){
		.readahead_hits = dl->hits,
		.readahead_bytes = lc_ahead_bytes(dl->ahead),
		.errors = dl->errors,
	};
	list_for_each_entry(f, &dl->fetches, list)
		st->fetches += !f->dead;
}

struct lc_download *lc_download_new(struct lc_serve *sv)
{
	struct lc_download *dl = calloc(1, sizeof(*dl));
	unsigned int i;

	if (!dl)
		return NULL;
	dl->sv = sv;
	INIT_LIST_HEAD(&dl->fetches);
	INIT_LIST_HEAD(&dl->free);
	for (i = 0; i < WAITING; i++) {
		dl->fetch[i].dl = dl;
		list_add_tail(&dl->fetch[i].list, &dl->free);
	}
	dl->bufs = lc_bufs_new(LC_FETCH_BLOCKS_MAX * BLOCK, FETCHES);
	dl->ahead = lc_ahead_new(CHUNKS, chunk_ready, dl);
	if (!dl->bufs || !dl->ahead) {
		lc_download_free(dl);
		errno = ENOMEM;
		return NULL;
	}
	return dl;
}

void lc_download_free(struct lc_download *dl)
{
	if (!dl)
		return;
	lc_bufs_free(dl->bufs);
	lc_ahead_free(dl->ahead);
	free(dl);
}
