// SPDX-License-Identifier: GPL-2.0-only
/*
 * Uploads of the daemon between a kernel, an SSD and a bucket that are played here. What
 * is put is compared with the SSD, byte by byte, and not before the bucket answers: until
 * then the memory must not have been given to anybody else.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bucket/crc.h"
#include "logcached/daemon.h"
#include "logcached/download.h"
#include "logcached/log.h"
#include "logcached/reader.h"
#include "logcached/upload.h"
#include "tap.h"

#define BLOCK		4096u
#define SECTOR		512u
#define OFFERS		32u		/* of the kernel, at a time */
#define MODELS		600u
#define EXTENTS		48u
#define LSNS		10u		/* of a unit */

static unsigned int rnd_state;

static unsigned int rnd(unsigned int n)
{
	rnd_state = rnd_state * 1103515245 + 12345;
	return (rnd_state >> 16) % n;
}

/* --- the SSD -------------------------------------------------------------------- */

static struct lc_ssd_io *reads[64];
static unsigned int nr_reads;

/* Sectors differ, and so do their halves. */
static void sector_of(char *buf, uint64_t sector)
{
	uint64_t *word = (uint64_t *)buf;
	unsigned int i;

	for (i = 0; i < SECTOR / 8; i++)
		word[i] = sector * 0x9e3779b97f4a7c15ull + i / 32;
}

static void block_of(char *buf, uint64_t block)
{
	unsigned int i;

	for (i = 0; i < 8; i++)
		sector_of(buf + i * SECTOR, block * 8 + i);
}

void lc_ssd_submit(struct lc_ssd *ssd, struct lc_ssd_io *io)
{
	REQUIRE(nr_reads < 64 && !io->write);
	reads[nr_reads++] = io;
}

static void end_read(unsigned int i)
{
	struct lc_ssd_io *io = reads[i];
	size_t at;

	reads[i] = reads[--nr_reads];
	for (at = 0; at < io->bytes; at += BLOCK)
		block_of((char *)io->buf + at, (io->sector * SECTOR + at) / BLOCK);
	io->result = 0;
	io->done(io);
}

static void end_reads(void)
{
	while (nr_reads)
		end_read(nr_reads - 1);
}

struct lc_bufs {
	size_t bytes;
	unsigned int nr_free;
	void *free[16];
	char *mem;
};

struct lc_bufs *lc_bufs_new(size_t bytes, unsigned int nr)
{
	struct lc_bufs *b = calloc(1, sizeof(*b));

	REQUIRE(b && nr <= 16);
	b->mem = calloc(nr, bytes);
	while (b->nr_free < nr) {
		b->free[b->nr_free] = b->mem + b->nr_free * bytes;
		b->nr_free++;
	}
	return b;
}

void lc_bufs_free(struct lc_bufs *b)
{
	free(b->mem);
	free(b);
}

void *lc_buf_get(struct lc_bufs *b)
{
	return b->nr_free ? b->free[--b->nr_free] : NULL;
}

void lc_buf_put(struct lc_bufs *b, void *buf)
{
	b->free[b->nr_free++] = buf;
}

/* --- the kernel ------------------------------------------------------------------- */

struct extent {
	uint64_t lba, sector;
	uint32_t len;
	enum lc_unit_kind kind;
};

/* A unit of the log, as it really is. */
static struct model {
	uint64_t id;			/* 0: is not offered */
	unsigned int nr;
	struct extent ext[EXTENTS];
	uint64_t data;			/* sectors */
	unsigned int listed;		/* so often */
	bool bad;			/* one of its blocks is not what it was */
	bool done;
	bool corrupt;			/* it was said */
} model[MODELS];
static unsigned int nr_models;
static uint64_t ids;
static struct lc_upload *up;

static struct model *offered(uint64_t id)
{
	unsigned int i;

	for (i = 0; i < nr_models; i++)
		if (model[i].id == id)
			return &model[i];
	return NULL;
}

static struct model *of_lsn(uint64_t lsn_first)
{
	REQUIRE(lsn_first / LSNS < nr_models && lsn_first % LSNS == 1);
	return &model[lsn_first / LSNS];
}

static unsigned int checksums(uint32_t *crc, const struct extent *x)
{
	uint64_t block = x->sector / 8, end = (x->sector + x->len + 7) / 8;
	char buf[BLOCK];
	unsigned int nr = 0;

	for (; block < end; block++) {
		block_of(buf, block);
		crc[nr++] = lc_bk_crc(~0u, buf, BLOCK);
	}
	return nr;
}

int lc_channel_extents(struct lc_channel *ch, uint64_t id, lc_extent_fn fn, void *ctx)
{
	static uint32_t crc[40000];
	struct model *m = offered(id);
	unsigned int i;

	REQUIRE(m);
	m->listed++;
	for (i = 0; i < m->nr; i++) {
		const struct extent *x = &m->ext[i];
		struct lc_item_extent e = {
			.lba = x->lba, .len = x->len, .kind = x->kind, .sector = x->sector,
			.crc = crc, .nr_crc = x->kind == LC_UNIT_DATA ? checksums(crc, x) : 0,
		};

		if (m->bad && e.nr_crc)
			crc[e.nr_crc - 1] ^= 1;
		if (!fn(ctx, &e))
			break;
	}
	return 0;
}

int lc_channel_uploaded(struct lc_channel *ch, uint64_t id, enum lc_item_status status)
{
	struct model *m = offered(id);

	REQUIRE(m);
	m->id = 0;
	m->done = status == LC_ITEM_OK;
	m->corrupt = status == LC_ITEM_CORRUPT;
	return 0;
}

static void offer(struct model *m)
{
	struct lc_upload_item item = {
		.id = ++ids,
		.lsn_start = (m - model) * LSNS + 1,
		.lsn_end = (m - model + 1) * LSNS + 1,
		.extents = m->nr,
		.data_sectors = m->data,
	};

	m->id = item.id;
	m->corrupt = false;
	lc_upload_offer(up, &item);
}

/* Of at most @max sectors of data, anywhere. Extents do not overlap, on neither side. */
static struct model *cut(unsigned int max)
{
	struct model *m = &model[nr_models++];
	uint64_t sector = 8 + rnd(4096);
	unsigned int i, n = rnd(EXTENTS);

	REQUIRE(nr_models <= MODELS);
	*m = (struct model){ 0 };
	for (i = 0; i < n; i++) {
		struct extent *x = &m->ext[i], tmp;
		unsigned int left = max - m->data, j = rnd(i + 1);

		*x = (struct extent){ .sector = sector, .len = 1 + rnd(rnd(4) ? 64 : 6000),
				      .kind = rnd(8) ? LC_UNIT_DATA : LC_UNIT_ZERO + rnd(2) };
		if (x->kind == LC_UNIT_DATA && x->len > left)
			break;
		m->data += x->kind == LC_UNIT_DATA ? x->len : 0;
		sector += x->len + (rnd(2) ? 0 : rnd(150));
		/* The volume has them in another order. */
		tmp = *x;
		*x = m->ext[j];
		m->ext[j] = tmp;
		m->nr++;
	}
	for (i = 0; i < m->nr; i++)
		m->ext[i].lba = i * 10000;
	return m;
}

/* One extent. */
static struct model *cut_one(unsigned int sectors)
{
	struct model *m = &model[nr_models++];

	*m = (struct model){ .nr = 1, .data = sectors };
	m->ext[0] = (struct extent){ .lba = 5, .len = sectors, .kind = LC_UNIT_DATA,
				     .sector = nr_models * 100003 };
	return m;
}

/* --- the bucket ------------------------------------------------------------------- */

static struct flight {
	struct lc_unit *unit;
	int err;			/* 1: is there already */
	bool taken;
} flying[OFFERS * 4];
static unsigned int nr_puts;
static uint64_t put_lsn, bucket_lsn;
static bool wrong;

void lc_volume_put(struct lc_volume *vol, struct lc_unit *unit)
{
	int err = 0;

	if (unit->lsn_end <= bucket_lsn)
		err = 1;
	else if (unit->lsn_first > put_lsn)
		err = -EINVAL;
	else if (unit->lsn_end <= put_lsn)
		err = -EBUSY;
	else
		put_lsn = unit->lsn_end;
	/* In order, without a gap, and nothing twice. */
	wrong |= err < 0;
	REQUIRE(nr_puts < OFFERS * 4);
	flying[nr_puts++] = (struct flight){ unit, err, !err };
}

void lc_volume_status(const struct lc_volume *vol, struct lc_volume_status *st)
{
	*st = (struct lc_volume_status){ .lsn = bucket_lsn };
}

static bool same_extent(const struct lc_unit_extent *e, const struct extent *x)
{
	static const uint8_t ops[] = {
		[LC_UNIT_DATA] = LC_BK_DATA, [LC_UNIT_ZERO] = LC_BK_ZERO,
		[LC_UNIT_DISCARD] = LC_BK_DISCARD,
	};
	char buf[SECTOR];
	unsigned int i;

	if (e->lba != x->lba || e->len != x->len || e->op != ops[x->kind])
		return false;
	for (i = 0; x->kind == LC_UNIT_DATA && i < x->len; i++) {
		sector_of(buf, x->sector + i);
		if (memcmp((const char *)e->data + i * SECTOR, buf, SECTOR))
			return false;
	}
	return true;
}

static bool as_on_the_ssd(const struct lc_unit *unit)
{
	const struct model *m = of_lsn(unit->lsn_first);
	unsigned int i;

	if (unit->nr_extents != m->nr || m->bad)
		return false;
	for (i = 0; i < m->nr; i++)
		if (!same_extent(&unit->extents[i], &m->ext[i]))
			return false;
	return true;
}

/* The oldest is there. */
static void end_put(void)
{
	struct flight p = flying[0];

	memmove(flying, flying + 1, --nr_puts * sizeof(*flying));
	wrong |= p.taken && !as_on_the_ssd(p.unit);
	if (!p.err)
		bucket_lsn = p.unit->lsn_end;
	p.unit->done(p.unit, p.err < 0 ? p.err : 0);
}

/* The oldest is refused, and so will be those behind it. */
static void refuse_puts(void)
{
	unsigned int i;

	for (i = 0; i < nr_puts; i++)
		flying[i].err = -EIO;
	put_lsn = bucket_lsn;
	end_put();
}

/* --- the rest of the daemon ------------------------------------------------------- */

static unsigned int nr_changed, nr_complaints;

void lc_download_changed(struct lc_download *dl, uint64_t lba, uint32_t sectors)
{
	nr_changed++;
}

void lc_serve_step(struct lc_serve *sv) {}

void lc_serve_refused(struct lc_serve *sv, const char *what, int err) {}

const char *lc_serve_reason(const struct lc_serve *sv)
{
	return "";
}

void lc_log(enum lc_log_level level, const char *who, const char *fmt, ...)
{
	nr_complaints++;
}

static struct lc_daemon d;
static struct lc_serve sv;

static void begin(size_t memory)
{
	d.loop = d.loop ?: lc_loop_new();
	sv = (struct lc_serve){ .daemon = &d, .state = LC_SERVE_ACTIVE, .claimed = true,
				.vol = (struct lc_volume *)&sv };
	sv.conf.upload_memory = memory;
	nr_models = nr_puts = nr_reads = nr_complaints = 0;
	wrong = false;
	put_lsn = bucket_lsn = 1;
	up = lc_upload_new(&sv);
	REQUIRE(up);
	lc_upload_go(up);
}

static void end(void)
{
	REQUIRE(lc_upload_idle(up) && !nr_reads);
	lc_upload_free(up);
}

static bool all_done(void)
{
	unsigned int i;

	for (i = 0; i < nr_models; i++)
		if (!model[i].done)
			return false;
	return !wrong && bucket_lsn == nr_models * LSNS + 1;
}

static unsigned int nr_waiting(void)
{
	unsigned int i, n = 0;

	for (i = 0; i < nr_models; i++)
		n += !model[i].done;
	return n;
}

/* Those that were answered otherwise, and those of a claim that is over, come again. */
static bool offer_again(bool all)
{
	unsigned int i;
	bool any = false;

	for (i = 0; i < nr_models; i++) {
		struct model *m = &model[i];

		if (m->done || m->id || (!all && rnd(3)))
			continue;
		m->bad = m->bad && !m->corrupt;
		offer(m);
		any = true;
	}
	return any;
}

/* Nothing is left to be waited for, and not all is there: it is stuck. */
static bool drain(void)
{
	for (;;) {
		if (nr_reads)
			end_read(rnd(nr_reads));
		else if (nr_puts)
			end_put();
		else if (!offer_again(true))
			return all_done();
	}
}

/* --- the cases -------------------------------------------------------------------- */

/* As much as there is room for by default, and 32 at a time. */
static void thirty_two_of_4_mib(void)
{
	unsigned int i;

	begin(0);
	for (i = 0; i < OFFERS; i++)
		offer(cut_one(8192));
	end_reads();
	CHECK(nr_puts == OFFERS);
	while (nr_puts)
		end_put();
	CHECK(all_done());
	end();
}

static void the_largest_has_room(void)
{
	struct lc_upload_item item = { .data_sectors = LC_CONTENT_DATA_MAX / SECTOR,
				       .extents = LC_CONTENT_EXTENTS_MAX };
	size_t bytes = lc_content_bytes(&item);

	CHECK(bytes && bytes <= LC_CONF_UPLOAD_MEMORY_MIN);
	CHECK(bytes * 8 <= LC_CONF_UPLOAD_MEMORY);
	item.extents++;
	CHECK(!lc_content_bytes(&item));
	item.extents = 1;
	item.data_sectors++;
	CHECK(!lc_content_bytes(&item));
	item.data_sectors = UINT64_MAX;
	CHECK(!lc_content_bytes(&item));
}

/* In memory of just the size that was said: nothing is written behind it. */
static void lists_have_the_size_that_was_said(void)
{
	struct lc_content c;
	unsigned int i, j;
	void *mem;

	for (i = 0; i < 200; i++) {
		nr_models = 0;
		struct model *m = cut(2000);
		struct lc_upload_item item = {
			.id = ++ids, .extents = m->nr, .data_sectors = m->data,
		};

		m->id = item.id;
		/* As many blocks as so many sectors can touch. */
		for (j = 0; j < m->nr; j++)
			m->ext[j].sector |= 7;
		mem = malloc(lc_content_bytes(&item));
		lc_content_place(&c, &item, mem);
		CHECK(!lc_content_list(&c, NULL, &item));
		free(mem);
	}
}

/* Another one than was offered: longer, or shorter. */
static void what_does_not_fit_together_is_not_put(void)
{
	struct model *m;
	int by;

	for (by = -1; by <= 1; by += 2) {
		begin(1 << 20);
		m = cut_one(16);
		m->data += by;
		offer(m);
		CHECK(!nr_reads && !nr_puts && nr_complaints == 1 && !m->id && !m->done);
		end();
	}
}

static void more_than_there_is_room_for_is_refused(void)
{
	struct model *m;

	begin(1 << 20);
	m = cut_one(2048);
	offer(m);
	CHECK(!m->listed && nr_complaints == 1 && !m->id && !m->done);
	end();
}

/* The next one was damaged; when it comes again the others have all there is. */
static void the_next_one_gets_what_others_have(bool read)
{
	unsigned int i;

	begin(1 << 20);
	cut_one(600)->bad = true;
	for (i = 0; i < 3; i++)
		cut_one(600);
	offer(&model[0]);
	offer(&model[1]);
	offer(&model[2]);
	end_reads();
	CHECK(model[0].corrupt && !nr_puts);
	model[0].bad = false;
	if (!read) {
		/* As it was, but before they are read. */
		lc_upload_void(up);
		offer(&model[1]);
		offer(&model[2]);
		offer(&model[3]);
	} else {
		offer(&model[3]);
		end_reads();
	}
	CHECK(model[3].listed == 1);
	offer(&model[0]);
	CHECK(model[0].listed == (read ? 2 : 1));
	while (nr_reads || nr_puts)
		if (nr_reads)
			end_read(0);
		else
			end_put();
	CHECK(all_done() && model[0].listed == 2);
	/* The last one, if all are there to choose from. */
	CHECK(!read || (model[1].listed == 1 && model[2].listed == 1 && model[3].listed == 2));
	end();
}

static void the_next_one_gets_what_others_have_read(void)
{
	the_next_one_gets_what_others_have(true);
}

static void the_next_one_gets_what_others_are_reading(void)
{
	the_next_one_gets_what_others_have(false);
}

/* Nothing else happens by which it might be noticed. */
static void the_next_one_gets_what_a_damaged_one_had(void)
{
	begin(1 << 20);
	cut_one(1200)->bad = true;
	cut_one(1200)->bad = true;
	offer(&model[0]);
	end_reads();
	model[0].bad = false;
	offer(&model[1]);
	offer(&model[0]);
	CHECK(model[0].corrupt == false && model[0].listed == 1);
	end_reads();
	CHECK(model[1].corrupt && nr_puts == 1 && model[0].listed == 2);
	end_put();
	model[1].bad = false;
	offer(&model[1]);
	end_reads();
	end_put();
	CHECK(all_done());
	end();
}

/* They were sent before the bucket refused the one in front of them. */
static void nobody_gets_what_is_being_put(void)
{
	unsigned int i;

	begin(1 << 20);
	for (i = 0; i < 4; i++)
		cut_one(600);
	for (i = 0; i < 4; i++)
		offer(&model[i]);
	end_reads();
	CHECK(nr_puts == 3 && !model[3].listed);
	refuse_puts();
	CHECK(model[3].listed == 1 && !model[0].id && nr_reads == 1);
	offer(&model[0]);
	CHECK(model[0].listed == 1);
	end_reads();
	CHECK(model[0].listed == 2);
	CHECK(drain());
	end();
}

/* Two that are being put leave a hole that is too small for it, and large enough for others. */
static void nobody_overtakes_one_that_waits(void)
{
	begin(1 << 20);
	cut_one(600);
	cut_one(1200);
	cut_one(1500);
	cut_one(8);
	offer(&model[0]);
	offer(&model[1]);
	offer(&model[2]);
	offer(&model[3]);
	end_reads();
	CHECK(nr_puts == 2 && !model[2].listed && !model[3].listed);
	end_put();
	CHECK(!model[2].listed && !model[3].listed);
	end_put();
	CHECK(model[2].listed == 1 && model[3].listed == 1);
	end_reads();
	CHECK(nr_puts == 2);
	end_put();
	end_put();
	CHECK(all_done());
	end();
}

/* --- anything, in any order ----------------------------------------------------------- */

static void claim_again(void)
{
	unsigned int i;

	lc_upload_void(up);
	for (i = 0; i < nr_models; i++)
		model[i].id = 0;
}

static void one_thing(void)
{
	struct model *m;

	switch (rnd(8)) {
	case 0:
	case 1:
		if (nr_models < MODELS && nr_waiting() < OFFERS) {
			m = cut(rnd(3) ? 200 : 1900);
			m->bad = m->data && !rnd(6);
			offer(m);
		}
		break;
	case 2:
	case 3:
	case 4:
		if (nr_reads)
			end_read(rnd(nr_reads));
		break;
	case 5:
		if (nr_puts)
			end_put();
		break;
	case 6:
		offer_again(false);
		break;
	case 7:
		if (!rnd(40))
			claim_again();
		break;
	}
}

static void all_of_it_gets_there(void)
{
	unsigned int round, i, again = 0, all = 0;

	for (round = 0; round < 30; round++) {
		rnd_state = round + 1;
		begin((1 + rnd(2)) << 20);
		for (i = 0; i < 3000 && !wrong; i++)
			one_thing();
		CHECK(!wrong && drain());
		all += nr_models;
		for (i = 0; i < nr_models; i++)
			again += model[i].listed > 1;
		end();
	}
	CHECK(all > 3000 && again > 100 && nr_changed > 1000);
}

int main(void)
{
	RUN(thirty_two_of_4_mib);
	RUN(the_largest_has_room);
	RUN(lists_have_the_size_that_was_said);
	RUN(what_does_not_fit_together_is_not_put);
	RUN(more_than_there_is_room_for_is_refused);
	RUN(the_next_one_gets_what_others_have_read);
	RUN(the_next_one_gets_what_others_are_reading);
	RUN(the_next_one_gets_what_a_damaged_one_had);
	RUN(nobody_gets_what_is_being_put);
	RUN(nobody_overtakes_one_that_waits);
	RUN(all_of_it_gets_there);
	lc_loop_free(d.loop);
	return tap_done();
}
