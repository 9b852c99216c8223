// SPDX-License-Identifier: GPL-2.0-only
/*
 * One victim after the other: its header says what it had, the map how much of that is
 * the newest; then one range of its payload, verified. What has been superseded by the
 * time the copy gets its place in the order is left out there (put.c).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "crc.h"
#include "gc_copy.h"

struct victim {
	u64 seq;
	u32 header_bytes;
	u32 payload;
	u64 live;
};

struct piece {
	struct lc_ext ext;
	u64 seq;
	u8 *data;
};

struct job {
	struct lc_volume *vol;
	struct victim victims[LC_GC_VICTIMS];
	u32 nr_victims;
	u32 at;
	struct lc_io io;
	struct lc_timer timer;
	u8 *header;
	struct lc_obj obj;
	u8 *payload;		/* blocks [first, first + nr) of the victim */
	u32 first;
	u32 nr;
	struct piece *pieces;	/* of all victims; those from @mine on of this one */
	u32 nr_pieces, max_pieces, mine;
	u8 **buffers;		/* one per victim */
	struct lc_gc_copy copy;
	lc_volume_fn done;
	void *data;
};

static void next_victim(struct job *j);

static void finish(struct job *j, int err)
{
	u32 i;

	for (i = 0; i < j->nr_victims; i++)
		free(j->buffers[i]);
	free(j->buffers);
	free(j->pieces);
	free(j->header);
	free(j->payload);
	free(j->copy.exts);
	free(j->copy.seqs);
	free(j->copy.data);
	j->done(j->vol, err, j->data);
	free(j);
}

static int damaged(struct job *j, const char *why)
{
	lc_vol_why(j->vol, "%s: %s; put back a good copy of it", j->io.req.key, why);
	return -EBADMSG;
}

/*----------------------------------------------------------------
 * The copy
 *----------------------------------------------------------------
 */

static int by_lba(const void *a, const void *b)
{
	const struct piece *x = a, *y = b;

	return x->ext.lba < y->ext.lba ? -1 : x->ext.lba > y->ext.lba;
}

static void copy_put(struct lc_gc_copy *copy, int err)
{
	finish(copy->priv, err);
}

static void answer(struct lc_volume *vol, int err, void *data)
{
	finish(data, err);
}

static void put_copy(struct job *j)
{
	struct lc_gc_copy *c = &j->copy;
	u32 i;

	if (!j->nr_pieces) {
		lc_vol_answer(j->vol, answer, j, 0);
		return;
	}
	qsort(j->pieces, j->nr_pieces, sizeof(*j->pieces), by_lba);
	c->exts = lc_vol_alloc(j->nr_pieces * sizeof(*c->exts));
	c->seqs = lc_vol_alloc(j->nr_pieces * sizeof(*c->seqs));
	c->data = lc_vol_alloc(j->nr_pieces * sizeof(*c->data));
	c->nr = j->nr_pieces;
	for (i = 0; i < c->nr; i++) {
		c->exts[i] = j->pieces[i].ext;
		c->seqs[i] = j->pieces[i].seq;
		c->data[i] = j->pieces[i].data;
	}
	c->done = copy_put;
	c->priv = j;
	lc_put_copy(j->vol, c);
}

/*----------------------------------------------------------------
 * The payload of a victim
 *----------------------------------------------------------------
 */

static int verify(struct job *j)
{
	u32 i, len;

	for (i = 0; i < j->nr; i++) {
		len = lc_obj_block_bytes(j->obj.payload, j->first + i);
		if (lc_bk_crc(~0u, j->payload + (size_t)i * LC_BK_BLOCK, len) !=
		    lc_obj_crc(j->header, &j->obj, j->first + i)) {
			j->vol->st.crc_errors++;
			return damaged(j, "a block of its payload has a wrong checksum");
		}
	}
	return 0;
}

/* Only what is needed stays in memory. */
static void gather(struct job *j)
{
	u64 bytes = 0;
	u8 *to;
	u32 i;

	for (i = j->mine; i < j->nr_pieces; i++)
		if (j->pieces[i].ext.op == LC_BK_DATA)
			bytes += (u64)j->pieces[i].ext.len * LC_BK_SECTOR;
	to = lc_vol_alloc(bytes + 1);
	j->buffers[j->at] = to;
	for (i = j->mine; i < j->nr_pieces; i++) {
		struct piece *p = &j->pieces[i];
		size_t len = (size_t)p->ext.len * LC_BK_SECTOR;

		if (p->ext.op != LC_BK_DATA)
			continue;
		memcpy(to, j->payload + ((u64)p->ext.pos - (u64)j->first * LC_BK_BLOCK_SECTORS) *
		       LC_BK_SECTOR, len);
		p->data = to;
		to += len;
	}
}

static void victim_done(struct job *j)
{
	free(j->payload);
	j->payload = NULL;
	free(j->header);
	j->header = NULL;
	j->at++;
	next_victim(j);
}

static void got_payload(struct lc_io *io)
{
	struct job *j = io->data;
	int err = lc_io_errno(io->req.status);

	if (err)
		lc_vol_why(j->vol, "%s", io->req.why);
	else if (io->req.got != io->req.len)
		err = damaged(j, "shorter than its header says");
	err = err ?: verify(j);
	if (err) {
		finish(j, err);
		return;
	}
	gather(j);
	victim_done(j);
}

/* One range from the first to the last that is needed. */
static void get_payload(struct job *j)
{
	u32 i, first = ~0u, end = 0;
	u64 offset, stop;

	for (i = j->mine; i < j->nr_pieces; i++) {
		if (j->pieces[i].ext.op != LC_BK_DATA)
			continue;
		first = min(first, j->pieces[i].ext.pos);
		end = max(end, j->pieces[i].ext.pos + j->pieces[i].ext.len);
	}
	if (!end) {
		victim_done(j);
		return;
	}
	j->first = first / LC_BK_BLOCK_SECTORS;
	j->nr = DIV_ROUND_UP(end, LC_BK_BLOCK_SECTORS) - j->first;
	offset = (u64)j->first * LC_BK_BLOCK;
	stop = min(offset + (u64)j->nr * LC_BK_BLOCK, (u64)j->obj.payload * LC_BK_SECTOR);
	j->payload = lc_vol_alloc(stop - offset);
	j->io.done = got_payload;
	j->io.req.buf = j->payload;
	j->io.req.buf_len = stop - offset;
	j->io.req.len = stop - offset;
	j->io.req.offset = j->obj.header_bytes + offset;
	j->io.tries = 0;
	lc_io_start(&j->io);
}

/*----------------------------------------------------------------
 * The header of a victim
 *----------------------------------------------------------------
 */

static void keep(struct job *j, const struct lc_ext *e, const struct lc_piece *p)
{
	if (j->nr_pieces == j->max_pieces) {
		j->max_pieces = j->max_pieces ? 2 * j->max_pieces : 256;
		j->pieces = reallocarray(j->pieces, j->max_pieces, sizeof(*j->pieces));
		if (!j->pieces)
			lc_vol_no_memory();
	}
	j->pieces[j->nr_pieces++] = (struct piece){
		.ext = { .lba = p->lba, .len = p->len, .pos = p->pos, .op = e->op },
		.seq = p->seq,
	};
}

/* What of extent @e of this victim is the newest. */
static int keep_newest(struct job *j, const struct lc_ext *e)
{
	u64 lba = e->lba, end = e->lba + e->len;
	struct lc_piece pieces[32];
	int i, n;

	while (lba < end) {
		n = lc_map_lookup(j->vol->map, lba, end - lba, pieces, ARRAY_SIZE(pieces));
		if (n <= 0)
			return -EIO;
		for (i = 0; i < n; i++) {
			if (pieces[i].seq == j->victims[j->at].seq)
				keep(j, e, &pieces[i]);
			lba = pieces[i].lba + pieces[i].len;
		}
	}
	return 0;
}

static int take_header(struct job *j)
{
	struct victim *v = &j->victims[j->at];
	const char *why = "shorter than its header";
	const struct lc_run *run = lc_manifest_run(&j->vol->m, v->seq);
	struct lc_ext e;
	int err = 0;
	u32 i;

	if (!run || j->io.req.got < v->header_bytes ||
	    lc_obj_decode(j->header, run->uuid, run->epoch, v->seq, &j->obj, &why) ||
	    j->obj.header_bytes != v->header_bytes || j->obj.payload != v->payload ||
	    lc_obj_check(j->header, &j->obj, j->vol->m.sectors, &why))
		return damaged(j, why);
	j->mine = j->nr_pieces;
	for (i = 0; i < j->obj.nr_extents && !err; i++) {
		lc_obj_extent(j->header, i, &e);
		err = keep_newest(j, &e);
	}
	return err;
}

static void got_header(struct lc_io *io)
{
	struct job *j = io->data;
	int err = lc_io_errno(io->req.status);

	if (err)
		lc_vol_why(j->vol, "%s", io->req.why);
	err = err ?: take_header(j);
	if (err)
		finish(j, err);
	else
		get_payload(j);
}

static void get_header(struct job *j)
{
	struct victim *v = &j->victims[j->at];
	u8 uuid[16];
	u64 epoch;

	lc_io_init(&j->io, j->vol, LC_STORE_GET, got_header, j);
	lc_vol_key(j->vol, v->seq, j->io.req.key, uuid, &epoch);
	j->header = lc_vol_alloc(v->header_bytes);
	j->io.req.buf = j->header;
	j->io.req.buf_len = v->header_bytes;
	j->io.req.len = v->header_bytes;
	lc_io_start(&j->io);
}

static void waited(struct lc_timer *t)
{
	get_header(t->data);
}

/* Enough for one object: the rest another time. */
static bool full(const struct job *j)
{
	u64 sectors = 0;
	u32 i;

	if (j->nr_pieces >= LC_BK_EXTENTS_MAX / 2)
		return true;
	for (i = 0; i < j->nr_pieces; i++)
		sectors += j->pieces[i].ext.op == LC_BK_DATA ? j->pieces[i].ext.len : 0;
	return j->at < j->nr_victims && j->at &&
	       sectors + j->victims[j->at].live > j->vol->params.object_sectors;
}

static void next_victim(struct job *j)
{
	struct lc_volume *vol = j->vol;
	u64 delay = 0;

	if (j->at == j->nr_victims || full(j) || vol->closing || vol->stop_err) {
		put_copy(j);
		return;
	}
	if (vol->params.gc_delay && !vol->gcs.behind)
		delay = vol->params.gc_delay(vol->params.data,
					     j->victims[j->at].live * LC_BK_SECTOR);
	if (!delay) {
		get_header(j);
		return;
	}
	j->timer.expired = waited;
	j->timer.data = j;
	lc_timer_arm(vol->loop, &j->timer, delay);
}

void lc_gc_copy_start(struct lc_volume *vol, const struct lc_gc_victims *victims,
		      lc_volume_fn done, void *data)
{
	struct job *j = lc_vol_alloc(sizeof(*j));
	u32 i;

	j->vol = vol;
	j->done = done;
	j->data = data;
	j->nr_victims = victims->nr;
	j->buffers = lc_vol_alloc((victims->nr + 1) * sizeof(*j->buffers));
	for (i = 0; i < victims->nr; i++) {
		const struct lc_objs_entry *e = victims->e[i];

		j->victims[i] = (struct victim){ e->seq, e->header_bytes, e->payload, e->live };
	}
	next_victim(j);
}
