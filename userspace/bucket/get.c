// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reads: looked up in the map, cut into ranges of payload blocks, fetched in parallel,
 * verified block by block, copied out.
 *
 * A range that is on its way already serves whoever else needs a part of it. Where the
 * map does not have the checksums of an object (they are not in checkpoints), its
 * header is fetched along with the data.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <linux/string.h>

#include "crc.h"
#include "vol.h"

#define FETCH_BLOCKS	1024u		/* most of one request: 4 MiB */
#define GAP_BLOCKS	4u		/* cheaper to read than another request */
#define TRIES		3u

/* lc_volume_read() until it is answered. */
struct read {
	struct lc_call call;
	struct lc_volume *vol;
	struct lc_volume_read *rd;
	u32 pending;		/* wants, and one while it is being started */
	unsigned int tries;
	int err;
};

/* A part of a read that a fetch is to fill in. */
struct want {
	struct list_head list;
	struct read *read;
	u32 pos;		/* sector of the payload */
	u32 len;
	u8 *to;
};

/* Blocks [first, first + nr) of one object. */
struct fetch {
	struct list_head list;
	struct list_head wants;
	struct lc_volume *vol;
	struct lc_io io;
	struct lc_slurp header;
	u64 seq;
	u32 first;
	u32 nr;
	u32 payload;
	u32 header_bytes;
	u32 *crcs;
	u8 *buf;
	unsigned int flying;
	unsigned int tries;
	bool started;
	bool wanted;			/* somebody waits: it is not only read ahead */
	int err;
};

static void start_read(struct read *r);
static void start_fetches(struct lc_volume *vol);

/*----------------------------------------------------------------
 * The end of a read
 *----------------------------------------------------------------
 */

static void answer(struct read *r)
{
	struct lc_volume *vol = r->vol;
	int err = r->err;

	/* Garbage collection may have moved it between lookup and request. */
	if (err == -ENOENT && ++r->tries < TRIES && !lc_vol_check(vol)) {
		start_read(r);
		return;
	}
	if (err == -ECANCELED && vol->stop_err && !vol->closing)
		err = vol->stop_err;
	r->rd->done(r->rd, err);
	free(r);
}

static void put_read(struct read *r, int err)
{
	r->err = r->err ?: err;
	if (!--r->pending)
		answer(r);
}

/*----------------------------------------------------------------
 * Fetches
 *----------------------------------------------------------------
 */

static u32 fetch_bytes(const struct fetch *f)
{
	u64 end = min((u64)(f->first + f->nr) * LC_BK_BLOCK, (u64)f->payload * LC_BK_SECTOR);

	return end - (u64)f->first * LC_BK_BLOCK;
}

static void free_fetch(struct fetch *f)
{
	free(f->crcs);
	free(f->buf);
	free(f);
}

static void finish_fetch(struct fetch *f)
{
	struct lc_volume *vol = f->vol;
	struct want *w, *next;

	list_del(&f->list);
	vol->gets.nr -= f->started;
	list_for_each_entry_safe(w, next, &f->wants, list) {
		if (!f->err)
			memcpy(w->to, f->buf + ((u64)w->pos - (u64)f->first * LC_BK_BLOCK_SECTORS) *
			       LC_BK_SECTOR, (size_t)w->len * LC_BK_SECTOR);
		put_read(w->read, f->err);
		free(w);
	}
	free_fetch(f);
	start_fetches(vol);
	lc_vol_settle(vol);
}

static bool verify(struct fetch *f)
{
	u32 i, len;

	for (i = 0; i < f->nr; i++) {
		len = lc_obj_block_bytes(f->payload, f->first + i);
		if (lc_bk_crc(~0u, f->buf + (size_t)i * LC_BK_BLOCK, len) == f->crcs[i])
			continue;
		f->vol->st.crc_errors++;
		lc_vol_why(f->vol, "%s: wrong checksum of payload block %u; put back a good copy",
			   f->io.req.key, f->first + i);
		return false;
	}
	return true;
}

static void submit(struct fetch *f);

static void arrived(struct fetch *f, int err)
{
	f->err = f->err ?: err;
	if (--f->flying)
		return;
	if (!f->err && !verify(f)) {
		/* It may have been damaged on the way. */
		if (++f->tries < TRIES) {
			submit(f);
			return;
		}
		f->err = -EBADMSG;
	}
	finish_fetch(f);
}

static void got_data(struct lc_io *io)
{
	struct fetch *f = io->data;
	int err = lc_io_errno(io->req.status);

	if (err)
		lc_vol_why(f->vol, "%s", io->req.why);
	if (!err && io->req.got != fetch_bytes(f)) {
		lc_vol_why(f->vol, "%s: shorter than its header says; put back a good copy of it",
			   io->req.key);
		err = -EBADMSG;
	}
	arrived(f, err);
}

static int take_header(struct fetch *f, const void *buf, size_t bytes)
{
	struct lc_volume *vol = f->vol;
	const struct lc_run *run = lc_manifest_run(&vol->m, f->seq);
	const char *why = "shorter than its header";
	struct lc_obj obj;
	u32 i;

	if (!run || bytes < LC_BK_FIXED ||
	    lc_obj_decode(buf, run->uuid, run->epoch, f->seq, &obj, &why) ||
	    bytes < obj.header_bytes || lc_obj_check(buf, &obj, vol->m.sectors, &why) ||
	    obj.payload != f->payload) {
		lc_vol_why(vol, "%s: %s; put back a good copy of it", f->io.req.key, why);
		return -EBADMSG;
	}
	for (i = 0; i < f->nr; i++)
		f->crcs[i] = lc_obj_crc(buf, &obj, f->first + i);
	/* If they cannot be kept they are fetched again. */
	lc_map_keep_crcs(vol->map, &obj, buf);
	return 0;
}

static void got_header(struct lc_io *io)
{
	struct fetch *f = io->data;
	int err = lc_io_errno(io->req.status);

	if (err)
		lc_vol_why(f->vol, "%s", io->req.why);
	else
		err = take_header(f, io->req.buf, io->req.got);
	free(io->req.buf);
	arrived(f, err);
}

static void get_header(struct fetch *f)
{
	struct lc_io *io = &f->header.io;

	lc_io_init(io, f->vol, LC_STORE_GET, got_header, f);
	strscpy(io->req.key, f->io.req.key, sizeof(io->req.key));
	io->req.buf = lc_vol_alloc(f->header_bytes);
	io->req.buf_len = f->header_bytes;
	io->req.len = f->header_bytes;
	f->flying++;
	lc_io_start(io);
}

/* The key, and whether the map has the checksums. */
static int prepare(struct fetch *f, bool *have)
{
	struct lc_volume *vol = f->vol;
	u8 uuid[16];
	u64 epoch;
	int err;

	lc_io_init(&f->io, vol, LC_STORE_GET, got_data, f);
	if (!lc_vol_key(vol, f->seq, f->io.req.key, uuid, &epoch))
		return -ENOENT;
	f->crcs = f->crcs ?: calloc(f->nr, sizeof(*f->crcs));
	f->buf = f->buf ?: malloc((size_t)f->nr * LC_BK_BLOCK);
	if (!f->crcs || !f->buf)
		return -ENOMEM;
	err = lc_map_crcs(vol->map, f->seq, f->first, f->nr, f->crcs);
	*have = !err;
	return err == -ENOENT ? 0 : err;
}

static void submit(struct fetch *f)
{
	bool have = false;
	int err = prepare(f, &have);

	f->flying = 1;
	if (err) {
		arrived(f, err);
		return;
	}
	if (!have)
		get_header(f);
	f->io.req.buf = f->buf;
	f->io.req.buf_len = fetch_bytes(f);
	f->io.req.len = fetch_bytes(f);
	f->io.req.offset = f->header_bytes + (u64)f->first * LC_BK_BLOCK;
	lc_io_start(&f->io);
}

/*
 * The list has what somebody waits for in front of what is read ahead, and that leaves a
 * quarter of the places for whoever comes next.
 */
static struct fetch *next_fetch(struct lc_volume *vol)
{
	u32 max = vol->params.gets_max;
	struct fetch *f;

	list_for_each_entry(f, &vol->gets.list, list) {
		if (!f->started)
			return vol->gets.nr < (f->wanted ? max : max - max / 4) ? f : NULL;
	}
	return NULL;
}

static void start_fetches(struct lc_volume *vol)
{
	struct fetch *f;

	while ((f = next_fetch(vol))) {
		f->started = true;
		vol->gets.nr++;
		submit(f);
	}
}

/* Somebody waits for it. */
static void want_fetch(struct lc_volume *vol, struct fetch *f)
{
	struct fetch *at;

	if (f->wanted || f->started)
		return;
	list_for_each_entry(at, &vol->gets.list, list)
		if (at == f || (!at->started && !at->wanted))
			break;
	f->wanted = true;
	if (at != f)
		list_move_tail(&f->list, &at->list);
}

/*----------------------------------------------------------------
 * From pieces to fetches
 *----------------------------------------------------------------
 */

/* A fetch that has, or can be made to have, these blocks. */
static struct fetch *find_fetch(struct lc_volume *vol, u64 seq, u32 first, u32 end)
{
	struct fetch *f;

	list_for_each_entry(f, &vol->gets.list, list) {
		u32 f_end = f->first + f->nr, to = max(f_end, end);

		if (f->seq != seq || first < f->first)
			continue;
		if (end <= f_end) {
			vol->st.shared_gets++;
			return f;
		}
		if (f->started || first > f_end + GAP_BLOCKS || to - f->first > FETCH_BLOCKS)
			continue;
		f->nr = to - f->first;
		return f;
	}
	return NULL;
}

static struct fetch *new_fetch(struct lc_volume *vol, u64 seq, u32 first, u32 end)
{
	const struct lc_objs_entry *o = lc_objs_find(lc_map_objs(vol->map), seq);
	struct fetch *f;

	if (!o)
		return NULL;
	f = lc_vol_alloc(sizeof(*f));
	f->vol = vol;
	f->seq = seq;
	f->first = first;
	f->nr = end - first;
	f->payload = o->payload;
	f->header_bytes = o->header_bytes;
	INIT_LIST_HEAD(&f->wants);
	list_add_tail(&f->list, &vol->gets.list);
	return f;
}

/* At most FETCH_BLOCKS of it. */
static u32 want_some(struct read *r, const struct lc_piece *p, u8 *to)
{
	u32 first = p->pos / LC_BK_BLOCK_SECTORS;
	u32 end = DIV_ROUND_UP(p->pos + p->len, LC_BK_BLOCK_SECTORS);
	struct want *w;
	struct fetch *f;
	u32 len;

	end = min(end, first + FETCH_BLOCKS);
	len = min(p->len, end * LC_BK_BLOCK_SECTORS - p->pos);
	f = find_fetch(r->vol, p->seq, first, end) ?: new_fetch(r->vol, p->seq, first, end);
	if (!f) {
		lc_vol_why(r->vol, "the map names object %llx, which it does not have", p->seq);
		r->err = -EBADMSG;
		return len;
	}
	if (!r->rd->ahead)
		want_fetch(r->vol, f);
	w = lc_vol_alloc(sizeof(*w));
	*w = (struct want){ .read = r, .pos = p->pos, .len = len, .to = to };
	list_add_tail(&w->list, &f->wants);
	r->pending++;
	return len;
}

static void take_piece(struct read *r, struct lc_piece p, u8 *to)
{
	u32 len;

	if (p.op != LC_BK_DATA) {
		memset(to, 0, (size_t)p.len * LC_BK_SECTOR);
		return;
	}
	while (p.len && !r->err) {
		len = want_some(r, &p, to);
		p.pos += len;
		p.len -= len;
		to += (size_t)len * LC_BK_SECTOR;
	}
}

static void start_read(struct read *r)
{
	u64 lba = r->rd->lba, end = lba + r->rd->sectors;
	struct lc_volume *vol = r->vol;
	struct lc_piece pieces[32];
	u8 *to = r->rd->buf;
	int i, n;

	r->err = 0;
	r->pending = 1;
	while (lba < end && !r->err) {
		n = lc_map_lookup(vol->map, lba, end - lba, pieces, ARRAY_SIZE(pieces));
		if (n <= 0)
			r->err = -EIO;
		for (i = 0; i < n; i++) {
			take_piece(r, pieces[i], to);
			lba += pieces[i].len;
			to += (size_t)pieces[i].len * LC_BK_SECTOR;
		}
	}
	start_fetches(vol);
	put_read(r, 0);
}

static void begin(struct lc_call *call)
{
	struct read *r = container_of(call, struct read, call);

	if (!call->err) {
		start_read(r);
		return;
	}
	r->rd->done(r->rd, call->err);
	free(r);
}

void lc_volume_read(struct lc_volume *vol, struct lc_volume_read *rd)
{
	struct read *r = lc_vol_alloc(sizeof(*r));
	int err = lc_vol_check(vol);

	if (!err && (!rd->sectors || rd->lba > vol->m.sectors ||
		     rd->sectors > vol->m.sectors - rd->lba)) {
		lc_vol_why(vol, "a read outside the volume");
		err = -EINVAL;
	}
	r->vol = vol;
	r->rd = rd;
	r->call = (struct lc_call){ .fn = begin, .err = err };
	/* Later, since zeroes need no request. */
	lc_vol_later(vol, &r->call);
}

void lc_get_fail(struct lc_volume *vol, int err)
{
	struct fetch *f;

	while (!list_empty(&vol->gets.list)) {
		f = list_first_entry(&vol->gets.list, struct fetch, list);
		f->err = err;
		finish_fetch(f);
	}
}
