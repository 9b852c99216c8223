// SPDX-License-Identifier: GPL-2.0-only

#include "reader.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <linux/kernel.h>

#include "bucket/crc.h"
#include "ssd.h"

#define BLOCK		4096u
#define BLOCK_SECTORS	8u
#define SECTOR		512u
/* One read of the SSD; small gaps are read over. */
#define RUN_BLOCKS	256u
#define GAP_BLOCKS	8u
#define RUNS		16u

struct run {
	struct lc_ssd_io io;
	struct lc_reader *reader;
	struct lc_content *content;
	uint64_t block;
	unsigned int nr;
	unsigned int from;		/* sources that are in it */
	unsigned int to;
	bool busy;
};

struct lc_reader {
	struct lc_bufs *bufs;
	void (*ended)(void *data);
	void *data;
	struct run run[RUNS];
};

/*----------------------------------------------------------------
 * Memory
 *----------------------------------------------------------------
 */

/* Each extent may begin and end inside a block. */
static size_t crcs(const struct lc_upload_item *item)
{
	return item->data_sectors / BLOCK_SECTORS + 2 * item->extents;
}

size_t lc_content_bytes(const struct lc_upload_item *item)
{
	if (item->data_sectors > LC_CONTENT_DATA_MAX / SECTOR ||
	    item->extents > LC_CONTENT_EXTENTS_MAX)
		return 0;
	/* Nothing is a size as well. */
	return item->data_sectors * SECTOR + crcs(item) * sizeof(uint32_t) +
	       item->extents * (sizeof(struct lc_unit_extent) + sizeof(struct lc_src)) + 1;
}

void lc_content_place(struct lc_content *c, const struct lc_upload_item *item, void *mem)
{
	*c = (struct lc_content){
		.buf = mem,
		.bytes_max = item->data_sectors * SECTOR,
		.ext_max = item->extents,
		.crc_max = crcs(item),
	};
	c->ext = (void *)(c->buf + c->bytes_max);
	c->src = (void *)(c->ext + c->ext_max);
	c->crc = (void *)(c->src + c->ext_max);
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

static bool add_source(struct lc_content *c, const struct lc_item_extent *x)
{
	if (c->bytes + (size_t)x->len * SECTOR > c->bytes_max ||
	    c->nr_crc + x->nr_crc > c->crc_max)
		return false;
	c->src[c->nr_src++] = (struct lc_src){
		.sector = x->sector, .len = x->len, .crc = c->nr_crc, .at = c->bytes,
	};
	memcpy(c->crc + c->nr_crc, x->crc, x->nr_crc * sizeof(*x->crc));
	c->ext[c->nr_ext].data = c->buf + c->bytes;
	c->nr_crc += x->nr_crc;
	c->bytes += (size_t)x->len * SECTOR;
	return true;
}

struct listing {
	struct lc_content *content;
	bool bad;
};

static bool add_extent(void *ctx, const struct lc_item_extent *x)
{
	struct listing *l = ctx;
	struct lc_content *c = l->content;

	l->bad = c->nr_ext == c->ext_max || x->kind < LC_UNIT_DATA || x->kind > LC_UNIT_DISCARD;
	if (l->bad)
		return false;
	c->ext[c->nr_ext] = (struct lc_unit_extent){
		.lba = x->lba, .len = x->len, .op = ops[x->kind],
	};
	l->bad = x->kind == LC_UNIT_DATA && !add_source(c, x);
	c->nr_ext += !l->bad;
	return !l->bad;
}

static int by_sector(const void *a, const void *b)
{
	const struct lc_src *x = a, *y = b;

	return x->sector < y->sector ? -1 : x->sector > y->sector;
}

int lc_content_list(struct lc_content *c, struct lc_channel *ch,
		    const struct lc_upload_item *item)
{
	struct listing l = { .content = c };
	int err = lc_channel_extents(ch, item->id, add_extent, &l);

	if (err)
		return err;
	if (l.bad || c->nr_ext != c->ext_max || c->bytes != c->bytes_max)
		return -EBADMSG;
	if (c->nr_src)
		qsort(c->src, c->nr_src, sizeof(*c->src), by_sector);
	return 0;
}

/*----------------------------------------------------------------
 * Reading
 *----------------------------------------------------------------
 */

static uint64_t first_block(const struct lc_src *s)
{
	return s->sector / BLOCK_SECTORS;
}

static uint64_t end_block(const struct lc_src *s)
{
	return (s->sector + s->len + BLOCK_SECTORS - 1) / BLOCK_SECTORS;
}

/* The part of a source that a run has. */
static bool take_source(const struct run *r, struct lc_content *c, const struct lc_src *s)
{
	uint64_t block = max(first_block(s), r->block), end = min(end_block(s), r->block + r->nr);
	uint64_t from = max(s->sector, r->block * BLOCK_SECTORS);
	uint64_t to = min(s->sector + s->len, (r->block + r->nr) * BLOCK_SECTORS);
	const char *buf = r->io.buf;

	for (; block < end; block++) {
		if (lc_bk_crc(~0u, buf + (block - r->block) * BLOCK, BLOCK) !=
		    c->crc[s->crc + block - first_block(s)])
			return false;
	}
	memcpy(c->buf + s->at + (from - s->sector) * SECTOR,
	       buf + (from - r->block * BLOCK_SECTORS) * SECTOR, (to - from) * SECTOR);
	c->copied += (to - from) * SECTOR;
	return true;
}

static void run_done(struct lc_ssd_io *io)
{
	struct run *r = io->data;
	struct lc_reader *reader = r->reader;
	struct lc_content *c = r->content;
	unsigned int i;

	if (io->result)
		c->corrupt = true;
	for (i = r->from; i < r->to && !c->corrupt && !c->stop; i++)
		c->corrupt = !take_source(r, c, &c->src[i]);
	lc_buf_put(reader->bufs, io->buf);
	r->busy = false;
	c->reads--;
	reader->ended(reader->data);
}

static bool all_asked(const struct lc_content *c)
{
	return c->next == c->nr_src || c->corrupt || c->stop;
}

/* The next read: neighbours on the SSD in one. */
static void plan(struct lc_content *c, struct run *r)
{
	const struct lc_src *s = c->src;
	unsigned int i = c->next;
	bool goes_on = false;	/* the last one, in the next read */
	uint64_t end, limit;

	r->content = c;
	r->from = i;
	r->block = max(c->block, first_block(&s[i]));
	limit = r->block + RUN_BLOCKS;
	end = r->block;
	for (; i < c->nr_src; i++) {
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
	c->next = i;
	c->block = goes_on ? limit : 0;
}

static struct run *free_run(struct lc_reader *r)
{
	unsigned int i;

	for (i = 0; i < RUNS; i++)
		if (!r->run[i].busy)
			return &r->run[i];
	return NULL;
}

void lc_reader_go(struct lc_reader *reader, struct lc_ssd *ssd, struct lc_content *c)
{
	struct run *r;

	while (!all_asked(c) && (r = free_run(reader))) {
		plan(c, r);
		r->busy = true;
		r->reader = reader;
		r->io = (struct lc_ssd_io){
			.sector = r->block * BLOCK_SECTORS,
			.buf = lc_buf_get(reader->bufs),
			.bytes = (size_t)r->nr * BLOCK,
			.done = run_done,
			.data = r,
		};
		c->reads++;
		lc_ssd_submit(ssd, &r->io);
	}
}

bool lc_content_over(const struct lc_content *c)
{
	return !c->reads && all_asked(c);
}

bool lc_content_whole(const struct lc_content *c)
{
	return lc_content_over(c) && !c->corrupt && !c->stop && c->copied == c->bytes;
}

struct lc_reader *lc_reader_new(void (*ended)(void *data), void *data)
{
	struct lc_reader *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->ended = ended;
	r->data = data;
	r->bufs = lc_bufs_new(RUN_BLOCKS * BLOCK, RUNS);
	if (r->bufs)
		return r;
	free(r);
	errno = ENOMEM;
	return NULL;
}

void lc_reader_free(struct lc_reader *r)
{
	if (!r)
		return;
	lc_bufs_free(r->bufs);
	free(r);
}
