// SPDX-License-Identifier: GPL-2.0-only

#include "upload.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <linux/kernel.h>
#include <linux/list.h>

#include "bucket/crc.h"
#include "daemon.h"
#include "download.h"
#include "log.h"
#include "serve.h"

#define BLOCK		4096u
#define BLOCK_SECTORS	8u
#define SECTOR		512u
#define SLOTS		8u
#define UNITS		64u		/* as the kernel has, and as many void ones */
#define OBJECT_MAX	(16u << 20)	/* of object_mb */
/* Of a unit: 4096, and damage cuts some of them. */
#define EXTENTS		4608u
/* Each may begin and end inside a block. */
#define CRCS		(OBJECT_MAX / BLOCK + 2 * EXTENTS)
/* One read of the SSD; small gaps are read over. */
#define RUN_BLOCKS	256u
#define GAP_BLOCKS	8u
#define RUNS		16u

/* Data of an extent: where it is on the SSD, and where it goes in the slot. */
struct src {
	uint64_t sector;
	uint32_t len;
	uint32_t crc;			/* index of the first block's */
	size_t at;
};

struct slot {
	char *buf;
	bool busy;
	unsigned int nr_ext;
	unsigned int nr_src;
	unsigned int nr_crc;
	size_t bytes;
	bool full;			/* it did not fit */
	struct lc_unit_extent ext[EXTENTS];
	struct src src[EXTENTS];
	uint32_t crc[CRCS];
};

enum unit_state { FREE, OFFERED, READING, READ, PUT };

struct unit {
	struct list_head list;		/* by lsn_start; or free */
	struct lc_upload *up;
	enum unit_state state;
	struct lc_upload_item item;
	struct slot *slot;
	struct lc_unit put;
	uint64_t since;
	unsigned int reads;		/* in flight */
	unsigned int src;		/* next to be read, from */
	uint64_t block;			/* this block on */
	size_t copied;			/* of the slot's bytes */
	bool corrupt;
	bool dead;			/* void: no answer */
};

struct run {
	struct lc_ssd_io io;
	struct unit *unit;
	uint64_t block;
	unsigned int nr;
	unsigned int from;		/* sources that are in it */
	unsigned int to;
	bool busy;
};

struct lc_upload {
	struct lc_serve *sv;
	struct list_head units;
	struct list_head free;
	struct unit unit[UNITS];
	size_t slot_bytes;
	struct lc_bufs *slot_bufs;
	struct slot *slots;		/* SLOTS of them */
	struct lc_bufs *run_bufs;
	struct run run[RUNS];
	uint64_t put_lsn;		/* the next unit has to begin here, or before */
	uint64_t corrupt;
	bool full;			/* this time round: nobody further back gets a slot */
	bool pumping;
	bool pump_again;
};

static void pump(struct lc_upload *up);

/*----------------------------------------------------------------
 * The end of a unit
 *----------------------------------------------------------------
 */

static void free_unit(struct unit *u)
{
	if (u->slot)
		u->slot->busy = false;
	u->slot = NULL;
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
		.extents = u->slot ? u->slot->ext : NULL,
		.nr_extents = u->slot ? u->slot->nr_ext : 0,
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

static uint64_t first_block(const struct src *s)
{
	return s->sector / BLOCK_SECTORS;
}

static uint64_t end_block(const struct src *s)
{
	return (s->sector + s->len + BLOCK_SECTORS - 1) / BLOCK_SECTORS;
}

/* The part of a source that a run has: compared, and copied to where the unit has it. */
static bool take_source(const struct run *r, const struct slot *slot, const struct src *s)
{
	uint64_t block = max(first_block(s), r->block), end = min(end_block(s), r->block + r->nr);
	uint64_t from = max(s->sector, r->block * BLOCK_SECTORS);
	uint64_t to = min(s->sector + s->len, (r->block + r->nr) * BLOCK_SECTORS);
	const char *buf = r->io.buf;

	for (; block < end; block++) {
		if (lc_bk_crc(~0u, buf + (block - r->block) * BLOCK, BLOCK) !=
		    slot->crc[s->crc + block - first_block(s)])
			return false;
	}
	memcpy(slot->buf + s->at + (from - s->sector) * SECTOR,
	       buf + (from - r->block * BLOCK_SECTORS) * SECTOR, (to - from) * SECTOR);
	r->unit->copied += (to - from) * SECTOR;
	return true;
}

static void run_done(struct lc_ssd_io *io)
{
	struct run *r = io->data;
	struct unit *u = r->unit;
	struct lc_upload *up = u->up;
	unsigned int i;

	if (io->result)
		u->corrupt = true;
	for (i = r->from; i < r->to && !u->corrupt && !u->dead; i++)
		u->corrupt = !take_source(r, u->slot, &u->slot->src[i]);
	lc_buf_put(up->run_bufs, io->buf);
	r->busy = false;
	u->reads--;
	pump(up);
	lc_serve_step(up->sv);
}

static bool all_read(const struct unit *u)
{
	return u->src == u->slot->nr_src || u->corrupt || u->dead;
}

/* The next read of a unit: neighbours on the SSD in one. */
static void plan(struct unit *u, struct run *r)
{
	const struct src *s = u->slot->src;
	unsigned int i = u->src;
	bool goes_on = false;	/* the last one, in the next read */
	uint64_t end, limit;

	r->unit = u;
	r->from = i;
	r->block = max(u->block, first_block(&s[i]));
	limit = r->block + RUN_BLOCKS;
	end = r->block;
	for (; i < u->slot->nr_src; i++) {
		if (first_block(&s[i]) >= limit ||
		    (i > r->from && first_block(&s[i]) > end + GAP_BLOCKS))
			break;
		end = max(end, min(end_block(&s[i]), limit));
		goes_on = end_block(&s[i]) > limit;
		if (goes_on)
			break;
	}
	r->nr = end - r->block;
	r->to = i + goes_on;
	u->src = i;
	u->block = goes_on ? limit : 0;
}

static struct run *free_run(struct lc_upload *up)
{
	unsigned int i;

	for (i = 0; i < RUNS; i++)
		if (!up->run[i].busy)
			return &up->run[i];
	return NULL;
}

static void read_some(struct unit *u)
{
	struct lc_upload *up = u->up;
	struct run *r;

	while (!all_read(u) && (r = free_run(up))) {
		plan(u, r);
		r->busy = true;
		r->io = (struct lc_ssd_io){
			.sector = r->block * BLOCK_SECTORS,
			.buf = lc_buf_get(up->run_bufs),
			.bytes = (size_t)r->nr * BLOCK,
			.done = run_done,
			.data = r,
		};
		u->reads++;
		lc_ssd_submit(up->sv->ssd, &r->io);
	}
}

/*----------------------------------------------------------------
 * What is to be read
 *----------------------------------------------------------------
 */

static const uint8_t ops[] = {
	[LC_UNIT_DATA] = LC_BK_DATA,
	[LC_UNIT_ZERO] = LC_BK_ZERO,
	[LC_UNIT_DISCARD] = LC_BK_DISCARD,
};

static bool add_source(struct lc_upload *up, struct slot *s, const struct lc_item_extent *x)
{
	if (s->bytes + (size_t)x->len * SECTOR > up->slot_bytes ||
	    s->nr_crc + x->nr_crc > CRCS)
		return false;
	s->src[s->nr_src++] = (struct src){
		.sector = x->sector, .len = x->len, .crc = s->nr_crc, .at = s->bytes,
	};
	memcpy(s->crc + s->nr_crc, x->crc, x->nr_crc * sizeof(*x->crc));
	s->ext[s->nr_ext].data = s->buf + s->bytes;
	s->nr_crc += x->nr_crc;
	s->bytes += (size_t)x->len * SECTOR;
	return true;
}

static bool add_extent(void *ctx, const struct lc_item_extent *x)
{
	struct unit *u = ctx;
	struct slot *s = u->slot;

	s->full = s->nr_ext == EXTENTS || x->kind < LC_UNIT_DATA || x->kind > LC_UNIT_DISCARD;
	if (s->full)
		return false;
	s->ext[s->nr_ext] = (struct lc_unit_extent){
		.lba = x->lba, .len = x->len, .op = ops[x->kind],
	};
	s->full = x->kind == LC_UNIT_DATA && !add_source(u->up, s, x);
	s->nr_ext += !s->full;
	return !s->full;
}

static int by_sector(const void *a, const void *b)
{
	const struct src *x = a, *y = b;

	return x->sector < y->sector ? -1 : x->sector > y->sector;
}

/* False: it was answered, or is not there any more. */
static bool get_extents(struct unit *u)
{
	struct lc_serve *sv = u->up->sv;
	struct slot *s = u->slot;
	int err;

	s->nr_ext = 0;
	s->nr_src = 0;
	s->nr_crc = 0;
	s->bytes = 0;
	s->full = false;
	err = lc_channel_extents(sv->ch, u->item.id, add_extent, u);
	if (!err && (s->full || s->nr_ext != u->item.extents)) {
		lc_log(LC_LOG_ERROR, sv->who,
		       "the kernel's extents of LSN %llu do not fit together; is logcached of the same version?",
		       (unsigned long long)u->item.lsn_start);
		err = -EBADMSG;
	}
	if (err) {
		if (err != -EBADMSG)
			lc_serve_refused(sv, "extents", err);
		answer(u, LC_ITEM_AGAIN);
		return false;
	}
	qsort(s->src, s->nr_src, sizeof(*s->src), by_sector);
	return true;
}

/*----------------------------------------------------------------
 * Slots
 *----------------------------------------------------------------
 */

static unsigned int free_slots(const struct lc_upload *up)
{
	unsigned int i, n = 0;

	for (i = 0; i < SLOTS; i++)
		n += !up->slots[i].busy;
	return n;
}

static int make_slots(struct lc_upload *up, size_t bytes)
{
	struct lc_bufs *bufs = lc_bufs_new(bytes, SLOTS);
	unsigned int i;

	if (!bufs)
		return -ENOMEM;
	lc_bufs_free(up->slot_bufs);
	up->slot_bufs = bufs;
	up->slot_bytes = bytes;
	for (i = 0; i < SLOTS; i++)
		up->slots[i].buf = lc_buf_get(bufs);
	return 0;
}

/* 0; -EAGAIN: object_mb was raised, and larger slots are made when none is in use. */
static int fit(struct lc_upload *up, const struct unit *u)
{
	size_t bytes = u->item.data_sectors * SECTOR;

	if (bytes <= up->slot_bytes)
		return 0;
	if (bytes > OBJECT_MAX)
		return -EMSGSIZE;
	return free_slots(up) < SLOTS ? -EAGAIN : make_slots(up, OBJECT_MAX);
}

/* False: later, or it was answered. */
static bool take_slot(struct lc_upload *up, struct unit *u)
{
	bool next = u->item.lsn_start <= up->put_lsn;
	int err = fit(up, u);
	unsigned int i;

	if (err && err != -EAGAIN) {
		lc_log(LC_LOG_ERROR, up->sv->who,
		       "no room for a unit of %llu bytes (%s); lower object_mb",
		       (unsigned long long)u->item.data_sectors * SECTOR, strerror(-err));
		answer(u, LC_ITEM_AGAIN);
		return false;
	}
	/* Or small ones would keep a large one waiting, and wait for it themselves. */
	up->full = up->full || err || free_slots(up) < (next ? 1 : 2);
	if (up->full)
		return false;
	for (i = 0; up->slots[i].busy; i++)
		;
	u->slot = &up->slots[i];
	u->slot->busy = true;
	u->src = 0;
	u->block = 0;
	u->copied = 0;
	u->corrupt = false;
	u->state = READING;
	return get_extents(u);
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
		take_slot(up, u);
	else if (is_there(up, u))
		put(u);
}

/* Every byte was compared and copied once: half a unit must not get into the bucket. */
static void answer_read(struct unit *u)
{
	if (u->corrupt) {
		answer_corrupt(u);
	} else if (u->copied != u->slot->bytes) {
		lc_log(LC_LOG_ERROR, u->up->sv->who,
		       "%zu bytes were read of LSN %llu, which has %zu; this is a fault of logcached, nothing is uploaded any more: report it",
		       u->copied, (unsigned long long)u->item.lsn_start, u->slot->bytes);
		answer(u, LC_ITEM_AGAIN);
	} else {
		u->state = READ;
	}
}

static void advance(struct lc_upload *up, struct unit *u)
{
	if (u->state == OFFERED)
		begin(up, u);
	if (u->state == READING) {
		read_some(u);
		if (u->reads || !all_read(u))
			return;
		answer_read(u);
	}
	if (u->state == READ && u->item.lsn_start <= up->put_lsn)
		put(u);
}

static bool bury(struct unit *u)
{
	if (!u->dead || u->reads || u->state == PUT)
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
		if (lc_serve_hopeless(up->sv) && u->state != PUT && !u->reads)
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
	u->reads = 0;
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
		if (u->reads || u->state == PUT)
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

static int make_buffers(struct lc_upload *up, uint32_t object_bytes)
{
	up->slots = calloc(SLOTS, sizeof(*up->slots));
	up->run_bufs = lc_bufs_new(RUN_BLOCKS * BLOCK, RUNS);
	if (!up->slots || !up->run_bufs)
		return -ENOMEM;
	return make_slots(up, min(object_bytes, OBJECT_MAX));
}

struct lc_upload *lc_upload_new(struct lc_serve *sv, uint32_t object_bytes)
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
	if (make_buffers(up, object_bytes)) {
		lc_upload_free(up);
		errno = ENOMEM;
		return NULL;
	}
	return up;
}

void lc_upload_free(struct lc_upload *up)
{
	if (!up)
		return;
	lc_bufs_free(up->slot_bufs);
	lc_bufs_free(up->run_bufs);
	free(up->slots);
	free(up);
}
