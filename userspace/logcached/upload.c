// SPDX-License-Identifier: GPL-2.0-only
/* Units: which of them has memory, is read, is put, and what the kernel is told. */

#include "upload.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <linux/kernel.h>
#include <linux/list.h>

#include "arena.h"
#include "daemon.h"
#include "download.h"
#include "log.h"
#include "reader.h"
#include "serve.h"

#define SECTOR		512u
#define UNITS		64u		/* as the kernel has, and as many void ones */

static_assert(UNITS <= LC_ARENA_PIECES, "each may have memory");

enum unit_state { FREE, OFFERED, READING, READ, PUT };

struct unit {
	struct list_head list;		/* by lsn_start; or free */
	struct lc_upload *up;
	enum unit_state state;
	struct lc_upload_item item;
	bool has_memory;		/* of the arena, at */
	size_t at;
	struct lc_content content;
	struct lc_unit put;
	uint64_t since;
	bool dead;			/* void: no answer */
};

struct lc_upload {
	struct lc_serve *sv;
	struct list_head units;
	struct list_head free;
	struct unit unit[UNITS];
	struct lc_arena arena;
	struct lc_bufs *bufs;
	char *mem;			/* the arena's */
	struct lc_reader *reader;
	uint64_t put_lsn;		/* the next unit has to begin here, or before */
	uint64_t corrupt;
	bool full;			/* this time round: nobody further back gets memory */
	bool pumping;
	bool pump_again;
};

static void pump(struct lc_upload *up);

/*----------------------------------------------------------------
 * The end of a unit
 *----------------------------------------------------------------
 */

/* Somebody in front may wait for it, who was looked at before; or it can be had now. */
static void memory_came_free(struct lc_upload *up)
{
	up->pump_again |= up->full;
}

static void give_memory(struct unit *u)
{
	if (!u->has_memory)
		return;
	lc_arena_give(&u->up->arena, u->at);
	u->has_memory = false;
	memory_came_free(u->up);
}

static void free_unit(struct unit *u)
{
	give_memory(u);
	u->state = FREE;
	list_move_tail(&u->list, &u->up->free);
}

static void answer(struct unit *u, enum lc_item_status status)
{
	struct lc_serve *sv = u->up->sv;
	int err;

	if (!u->dead && sv->claimed) {
		err = lc_channel_uploaded(sv->ch, u->item.id, status);
		if (err)
			lc_serve_refused(sv, "an upload", err);
	}
	free_unit(u);
}

static void answer_corrupt(struct unit *u)
{
	struct lc_upload *up = u->up;

	up->corrupt++;
	if (!u->dead)
		lc_log(LC_LOG_ERROR, up->sv->who,
		       "what the log has at LSN %llu does not fit its checksums or cannot be read; the kernel looks for what is lost (see the kernel log, and replace the SSD if this goes on)",
		       (unsigned long long)u->item.lsn_start);
	answer(u, LC_ITEM_CORRUPT);
}

/*----------------------------------------------------------------
 * Putting
 *----------------------------------------------------------------
 */

/* What the volume did not take has to be put again, and what follows comes after it. */
static void put_back(struct lc_upload *up)
{
	struct lc_volume_status st;

	if (!up->sv->vol)
		return;
	lc_volume_status(up->sv->vol, &st);
	up->put_lsn = st.lsn;
}

static void put_done(struct lc_unit *put, int err)
{
	struct unit *u = put->data;
	struct lc_upload *up = u->up;
	uint32_t i;

	/* Before it is answered: then the kernel may forget what it has. */
	for (i = 0; !err && i < put->nr_extents; i++)
		lc_download_changed(up->sv->down, put->extents[i].lba, put->extents[i].len);
	if (err && err != -ECANCELED && err != -ESTALE)
		lc_log(LC_LOG_ERROR, up->sv->who, "LSN %llu to %llu cannot be uploaded: %s",
		       (unsigned long long)u->item.lsn_start,
		       (unsigned long long)u->item.lsn_end, lc_serve_reason(up->sv));
	if (err)
		put_back(up);
	else
		up->put_lsn = max(up->put_lsn, u->item.lsn_end);
	answer(u, err ? LC_ITEM_AGAIN : LC_ITEM_OK);
	pump(up);
	lc_serve_step(up->sv);
}

static void put(struct unit *u)
{
	struct lc_upload *up = u->up;

	u->state = PUT;
	u->put = (struct lc_unit){
		.lsn_first = u->item.lsn_start,
		.lsn_end = u->item.lsn_end,
		.extents = u->has_memory ? u->content.ext : NULL,
		.nr_extents = u->has_memory ? u->content.nr_ext : 0,
		.done = put_done,
		.data = u,
	};
	up->put_lsn = max(up->put_lsn, u->item.lsn_end);
	lc_volume_put(up->sv->vol, &u->put);
}

/*----------------------------------------------------------------
 * Reading
 *----------------------------------------------------------------
 */

static void read_ended(void *data)
{
	struct lc_upload *up = data;

	pump(up);
	lc_serve_step(up->sv);
}

/* False: it was answered, or is not there any more. */
static bool list_content(struct unit *u)
{
	struct lc_serve *sv = u->up->sv;
	int err = lc_content_list(&u->content, sv->ch, &u->item);

	if (!err)
		return true;
	if (err == -EBADMSG)
		lc_log(LC_LOG_ERROR, sv->who,
		       "the kernel's extents of LSN %llu do not fit together; is logcached of the same version?",
		       (unsigned long long)u->item.lsn_start);
	else
		lc_serve_refused(sv, "extents", err);
	answer(u, LC_ITEM_AGAIN);
	return false;
}

/* Half a unit must not get into the bucket. */
static void answer_read(struct unit *u)
{
	const struct lc_content *c = &u->content;

	if (c->corrupt) {
		answer_corrupt(u);
	} else if (!lc_content_whole(c)) {
		lc_log(LC_LOG_ERROR, u->up->sv->who,
		       "%zu bytes were read of LSN %llu, which has %zu; this is a fault of logcached, nothing is uploaded any more: report it",
		       c->copied, (unsigned long long)u->item.lsn_start, c->bytes);
		answer(u, LC_ITEM_AGAIN);
	} else {
		u->state = READ;
		memory_came_free(u->up);
	}
}

/*----------------------------------------------------------------
 * Memory
 *----------------------------------------------------------------
 */

/* The last one that was read and not put: to be read once more. */
static bool give_back_last(struct lc_upload *up)
{
	struct unit *u, *last = NULL;

	list_for_each_entry(u, &up->units, list)
		if (u->state == READ)
			last = u;
	if (!last)
		return false;
	give_memory(last);
	last->state = OFFERED;
	return true;
}

/*
 * Units get it in the order of the log: none in front of them waits for any. Those behind
 * the next one may have all of it, if that one comes again. Of these, what is being put
 * ends, what is being read will have been read, and what was read gives it back.
 */
static bool take_memory(struct lc_upload *up, struct unit *u, size_t bytes)
{
	bool next = u->item.lsn_start <= up->put_lsn;

	if (up->full)
		return false;
	while (!lc_arena_take(&up->arena, bytes, &u->at)) {
		if (next && give_back_last(up))
			continue;
		up->full = true;
		return false;
	}
	u->has_memory = true;
	lc_content_place(&u->content, &u->item, up->mem + u->at);
	return true;
}

/* Unless there is no memory yet, or it was answered. */
static void begin_reading(struct lc_upload *up, struct unit *u)
{
	size_t bytes = lc_content_bytes(&u->item);

	if (!bytes || bytes > up->arena.size) {
		lc_log(LC_LOG_ERROR, up->sv->who,
		       "no room for a unit of %llu bytes in %u extents; is logcached of the same version?",
		       (unsigned long long)u->item.data_sectors * SECTOR, u->item.extents);
		answer(u, LC_ITEM_AGAIN);
	} else if (take_memory(up, u, bytes) && list_content(u)) {
		u->state = READING;
	}
}

/*----------------------------------------------------------------
 * All of it
 *----------------------------------------------------------------
 */

/* In the bucket already: it says so itself, without data. */
static bool is_there(const struct lc_upload *up, const struct unit *u)
{
	struct lc_volume_status st;

	lc_volume_status(up->sv->vol, &st);
	return u->item.lsn_end <= st.lsn;
}

/* What one needs no data for, or has none yet. */
static void begin(struct lc_upload *up, struct unit *u)
{
	if (u->item.lsn_end > up->put_lsn)
		begin_reading(up, u);
	else if (is_there(up, u))
		put(u);
}

static void advance(struct lc_upload *up, struct unit *u)
{
	if (u->state == OFFERED)
		begin(up, u);
	if (u->state == READING) {
		lc_reader_go(up->reader, up->sv->ssd, &u->content);
		if (!lc_content_over(&u->content))
			return;
		answer_read(u);
	}
	if (u->state == READ && u->item.lsn_start <= up->put_lsn)
		put(u);
}

/* Nothing that is under way can be called back. */
static bool busy(const struct unit *u)
{
	return u->state == PUT || (u->state == READING && u->content.reads);
}

static bool bury(struct unit *u)
{
	if (!u->dead || busy(u))
		return false;
	free_unit(u);
	return true;
}

static void pump_once(struct lc_upload *up)
{
	struct unit *u, *next;

	up->full = false;
	list_for_each_entry_safe(u, next, &up->units, list) {
		if (bury(u) || u->dead)
			continue;
		if (lc_serve_hopeless(up->sv) && !busy(u))
			answer(u, LC_ITEM_AGAIN);
		else if (lc_serve_active(up->sv))
			advance(up, u);
	}
}

/* What is called from here may call it. */
static void pump(struct lc_upload *up)
{
	up->pump_again = true;
	if (up->pumping)
		return;
	up->pumping = true;
	while (up->pump_again) {
		up->pump_again = false;
		pump_once(up);
	}
	up->pumping = false;
}

void lc_upload_offer(struct lc_upload *up, const struct lc_upload_item *item)
{
	struct unit *u = list_first_entry_or_null(&up->free, struct unit, list), *at;
	int err;

	if (!u) {
		err = lc_channel_uploaded(up->sv->ch, item->id, LC_ITEM_AGAIN);
		if (err)
			lc_serve_refused(up->sv, "an upload", err);
		return;
	}
	list_del(&u->list);
	u->item = *item;
	u->state = OFFERED;
	u->dead = false;
	u->since = lc_loop_now(up->sv->daemon->loop);
	list_for_each_entry(at, &up->units, list)
		if (at->item.lsn_start > item->lsn_start)
			break;
	list_add_tail(&u->list, &at->list);
	pump(up);
}

void lc_upload_void(struct lc_upload *up)
{
	struct unit *u, *next;

	list_for_each_entry_safe(u, next, &up->units, list) {
		u->dead = true;
		u->content.stop = true;
		bury(u);
	}
}

void lc_upload_go(struct lc_upload *up)
{
	struct lc_volume_status st;

	if (lc_serve_active(up->sv)) {
		lc_volume_status(up->sv->vol, &st);
		up->put_lsn = st.lsn;
	}
	pump(up);
}

/* Units that were read wait for the next volume; those that were put have been answered. */
void lc_upload_reset(struct lc_upload *up)
{
	up->put_lsn = 0;
}

/*----------------------------------------------------------------
 * Start, stop, status
 *----------------------------------------------------------------
 */

bool lc_upload_idle(const struct lc_upload *up)
{
	const struct unit *u;

	list_for_each_entry(u, &up->units, list)
		if (busy(u))
			return false;
	return true;
}

void lc_upload_status(const struct lc_upload *up, struct lc_upload_status *st)
{
	uint64_t now = lc_loop_now(up->sv->daemon->loop), oldest = now;
	const struct unit *u;

	*st = (struct lc_upload_status){ .corrupt = up->corrupt };
	list_for_each_entry(u, &up->units, list) {
		if (u->dead)
			continue;
		st->units++;
		st->bytes += u->item.data_sectors * SECTOR;
		oldest = min(oldest, u->since);
	}
	st->oldest_ms = now - oldest;
}

static bool make_memory(struct lc_upload *up)
{
	size_t bytes = up->sv->conf.upload_memory ?: LC_CONF_UPLOAD_MEMORY;

	up->reader = lc_reader_new(read_ended, up);
	up->bufs = lc_bufs_new(bytes, 1);
	if (!up->reader || !up->bufs)
		return false;
	up->mem = lc_buf_get(up->bufs);
	lc_arena_init(&up->arena, bytes & ~(size_t)(LC_ARENA_ALIGN - 1));
	return true;
}

struct lc_upload *lc_upload_new(struct lc_serve *sv)
{
	struct lc_upload *up = calloc(1, sizeof(*up));
	unsigned int i;

	if (!up)
		return NULL;
	up->sv = sv;
	INIT_LIST_HEAD(&up->units);
	INIT_LIST_HEAD(&up->free);
	for (i = 0; i < UNITS; i++) {
		up->unit[i].up = up;
		list_add_tail(&up->unit[i].list, &up->free);
	}
	if (make_memory(up))
		return up;
	lc_upload_free(up);
	errno = ENOMEM;
	return NULL;
}

void lc_upload_free(struct lc_upload *up)
{
	if (!up)
		return;
	lc_bufs_free(up->bufs);
	lc_reader_free(up->reader);
	free(up);
}
