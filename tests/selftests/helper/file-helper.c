// SPDX-License-Identifier: GPL-2.0-only
/*
 * file-helper: keeps one volume in a sparse file, for the tests of the kernel's half.
 *
 *   file-helper --uuid UUID --dir DIR [--takeover] [--delay MS] [--fault WHAT[:N]]...
 *
 * Units are applied one after the other, in the order of the log, and each is durable
 * before it is answered. What it does wrong it does on purpose, to every Nth item:
 *
 *   crc      says another checksum than that of what it wrote
 *   few      leaves a checksum out, then answers as it should
 *   id       answers an item that there is not, then answers as it should
 *   again    not now
 *   failed   a fetch cannot be done
 *   corrupt  says that a unit cannot be read
 *   late     writes the scratch area once more after the answer
 *
 * On standard output: claimed, lost, unit, fetch, refused; a line each.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/queue.h>
#include <sys/signalfd.h>

#include "logcached/channel.h"
#include "logcached/ssd.h"
#include "origin.h"
#include "store/loop.h"

#ifndef PR_SET_IO_FLUSHER
#define PR_SET_IO_FLUSHER	57
#endif

#define BLOCK			4096u
#define BLOCK_SECTORS		8u
#define DEPTH			16u
/* The longest extent, and the rest of the blocks at its ends. */
#define EXTENT_BYTES		((2048u + 2 * BLOCK_SECTORS) * 512)
#define FETCH_BYTES		(LC_FETCH_BLOCKS_MAX * BLOCK)

struct extent {
	struct lc_item_extent x;
	size_t crc_at;			/* in unit->crc */
};

struct unit {
	TAILQ_ENTRY(unit) list;
	struct lc_upload_item item;
	struct extent *ext;
	unsigned int nr;
	unsigned int next;		/* extent to be read */
	unsigned int busy;		/* reads in flight */
	uint32_t *crc;
	size_t nr_crc;
	bool bad;
	bool dead;			/* void: free it when nothing is in flight */
};

struct fetch {
	STAILQ_ENTRY(fetch) list;
	struct lc_fetch_item item;
	struct lc_ssd_io io;
	struct lc_timer timer;
	uint32_t crc[LC_FETCH_BLOCKS_MAX];
	bool dead;
	bool late;
	LIST_ENTRY(fetch) all;
};

struct read {
	struct lc_ssd_io io;
	struct unit *unit;
	struct extent *ext;
};

enum fault { CRC, FEW, ID, AGAIN, FAILED, CORRUPT, LATE, NR_FAULTS };

static const char *const fault_names[NR_FAULTS] = {
	"crc", "few", "id", "again", "failed", "corrupt", "late",
};

static struct {
	struct lc_loop *loop;
	struct lc_channel *channel;
	struct lc_ssd *ssd;
	struct lc_bufs *unit_bufs;
	struct lc_bufs *fetch_bufs;
	struct origin origin;
	bool opened;
	uint64_t activation;
	TAILQ_HEAD(unit_list, unit) units;	/* by LSN */
	STAILQ_HEAD(fetch_queue, fetch) fetches;	/* waiting for a buffer */
	LIST_HEAD(fetch_list, fetch) started;
	const char *dir;
	unsigned int delay;
	unsigned int every[NR_FAULTS];
	unsigned int count[NR_FAULTS];
} h;

/* Is it this one's turn? */
static bool fault(enum fault f)
{
	return h.every[f] && ++h.count[f] % h.every[f] == 0;
}

static void refused(const char *what, int ret)
{
	if (ret)
		printf("refused %s %d %s\n", what, ret, lc_channel_why(h.channel));
}

/*----------------------------------------------------------------
 * Units
 *----------------------------------------------------------------
 */

static void unit_free(struct unit *u)
{
	free(u->ext);
	free(u->crc);
	free(u);
}

static bool unit_add(void *ctx, const struct lc_item_extent *x)
{
	struct unit *u = ctx;
	struct extent *e;

	if (u->nr == u->item.extents)
		return false;
	e = &u->ext[u->nr++];
	e->x = *x;
	e->crc_at = u->nr_crc;
	if (!x->nr_crc)
		return true;
	u->crc = realloc(u->crc, (u->nr_crc + x->nr_crc) * sizeof(*u->crc));
	if (!u->crc)
		die("memory");
	memcpy(u->crc + u->nr_crc, x->crc, x->nr_crc * sizeof(*u->crc));
	u->nr_crc += x->nr_crc;
	return true;
}

static void units_go(void);

static void unit_end(struct unit *u)
{
	enum lc_item_status status = u->bad ? LC_ITEM_CORRUPT : LC_ITEM_OK;

	TAILQ_REMOVE(&h.units, u, list);
	if (!u->dead) {
		if (status == LC_ITEM_OK && fault(AGAIN))
			status = LC_ITEM_AGAIN;
		else if (status == LC_ITEM_OK && u->item.lsn_end > h.origin.applied)
			origin_commit(&h.origin, u->item.lsn_end);
		printf("unit %lu %lu extents %u sectors %lu status %d\n", u->item.lsn_start, u->item.lsn_end,
		       u->nr, u->item.data_sectors, status);
		if (fault(ID))
			refused("id", lc_channel_uploaded(h.channel, u->item.id + 1000000, status));
		refused("unit", lc_channel_uploaded(h.channel, u->item.id, status));
	}
	unit_free(u);
}

static void extent_apply(struct read *r)
{
	const struct lc_item_extent *x = &r->ext->x;
	const uint32_t *crc = r->unit->crc + r->ext->crc_at;
	const char *buf = r->io.buf;
	unsigned int i;

	for (i = 0; i < x->nr_crc; i++) {
		if (lc_block_crc(buf + i * BLOCK) != crc[i]) {
			r->unit->bad = true;
			return;
		}
	}
	origin_write(&h.origin, x->lba, buf + x->sector % BLOCK_SECTORS * 512, x->len);
}

static void extent_read(struct lc_ssd_io *io)
{
	struct read *r = io->data;
	struct unit *u = r->unit;

	if (io->result)
		u->bad = true;
	else if (!u->dead && !u->bad)
		extent_apply(r);
	lc_buf_put(h.unit_bufs, io->buf);
	free(r);
	u->busy--;
	units_go();
}

/* False: no buffer at the moment. */
static bool extent_start(struct unit *u, struct extent *e)
{
	uint64_t from = e->x.sector / BLOCK_SECTORS * BLOCK_SECTORS;
	void *buf = lc_buf_get(h.unit_bufs);
	struct read *r;

	if (!buf)
		return false;
	r = calloc(1, sizeof(*r));
	if (!r || e->x.nr_crc * BLOCK > EXTENT_BYTES)
		die("extent");
	r->unit = u;
	r->ext = e;
	r->io = (struct lc_ssd_io){
		.sector = from,
		.buf = buf,
		.bytes = (size_t)e->x.nr_crc * BLOCK,
		.done = extent_read,
		.data = r,
	};
	u->busy++;
	lc_ssd_submit(h.ssd, &r->io);
	return true;
}

static void unit_go(struct unit *u)
{
	struct extent *e;

	for (; u->next < u->nr && !u->bad && !u->dead; u->next++) {
		e = &u->ext[u->next];
		if (e->x.kind == LC_UNIT_DATA) {
			if (!extent_start(u, e))
				return;
		} else {
			origin_zero(&h.origin, e->x.lba, e->x.len);
		}
	}
}

/* The first one only: half of a later one must not be in the file before it. */
static void units_go(void)
{
	struct unit *u;

	while ((u = TAILQ_FIRST(&h.units))) {
		if (u->item.lsn_end <= h.origin.applied)
			u->next = u->nr;
		else if (u->item.lsn_start > h.origin.applied && h.origin.applied && !u->dead) {
			printf("gap: applied %lu, offered %lu\n", h.origin.applied,
			       u->item.lsn_start);
			exit(3);
		}
		unit_go(u);
		if (u->busy || (u->next < u->nr && !u->bad && !u->dead))
			return;
		unit_end(u);
	}
}

static void upload(struct lc_channel *ch, const struct lc_upload_item *item)
{
	struct unit *u = calloc(1, sizeof(*u)), *at;

	u->item = *item;
	u->ext = calloc(item->extents + 1, sizeof(*u->ext));
	if (!u->ext)
		die("memory");
	if (lc_channel_extents(ch, item->id, unit_add, u) || u->nr != item->extents) {
		printf("refused extents %s\n", lc_channel_why(ch));
		unit_free(u);
		return;
	}
	u->bad = fault(CORRUPT);
	TAILQ_FOREACH_REVERSE(at, &h.units, unit_list, list) {
		if (at->dead || at->item.lsn_start < item->lsn_start)
			break;
	}
	if (at)
		TAILQ_INSERT_AFTER(&h.units, at, u, list);
	else
		TAILQ_INSERT_HEAD(&h.units, u, list);
	units_go();
}

/*----------------------------------------------------------------
 * Fetches
 *----------------------------------------------------------------
 */

static void fetch_free(struct fetch *f)
{
	LIST_REMOVE(f, all);
	lc_timer_cancel(h.loop, &f->timer);
	if (f->io.buf)
		lc_buf_put(h.fetch_bufs, f->io.buf);
	free(f);
}

static void fetches_go(void);

static void fetch_answer(struct fetch *f)
{
	unsigned int nr = f->item.len / BLOCK_SECTORS;
	enum lc_item_status status = f->io.result ? LC_ITEM_FAILED : LC_ITEM_OK;

	if (fault(CRC))
		f->crc[0] ^= 1;
	if (fault(AGAIN))
		status = LC_ITEM_AGAIN;
	if (fault(FAILED))
		status = LC_ITEM_FAILED;
	printf("fetch %lu %u try %u status %d\n", f->item.lba, f->item.len, f->item.attempt,
	       status);
	if (fault(FEW))
		refused("few", lc_channel_fetched(h.channel, f->item.id, LC_ITEM_OK, f->crc, nr - 1));
	if (fault(ID))
		refused("id", lc_channel_fetched(h.channel, f->item.id + 1000000, status, f->crc,
						 nr));
	refused("fetch", lc_channel_fetched(h.channel, f->item.id, status, f->crc, nr));
}

/* One that was taken for dead goes on. */
static void fetch_write_late(struct fetch *f)
{
	f->late = true;
	memset(f->io.buf, 0xee, f->io.bytes);
	lc_ssd_submit(h.ssd, &f->io);
}

static void fetch_end(struct fetch *f)
{
	if (!f->dead && !f->late) {
		fetch_answer(f);
		if (fault(LATE)) {
			fetch_write_late(f);
			return;
		}
	}
	fetch_free(f);
	fetches_go();
}

static void fetch_due(struct lc_timer *t)
{
	fetch_end(t->data);
}

static void fetch_written(struct lc_ssd_io *io)
{
	struct fetch *f = io->data;

	if (h.delay && !f->dead)
		lc_timer_arm(h.loop, &f->timer, h.delay);
	else
		fetch_end(f);
}

static void fetch_start(struct fetch *f, void *buf)
{
	unsigned int i;

	f->io = (struct lc_ssd_io){
		.sector = f->item.sector,
		.buf = buf,
		.bytes = (size_t)f->item.len * 512,
		.write = true,
		.done = fetch_written,
		.data = f,
	};
	origin_read(&h.origin, f->item.lba, buf, f->item.len);
	for (i = 0; i < f->item.len / BLOCK_SECTORS; i++)
		f->crc[i] = lc_block_crc((char *)buf + i * BLOCK);
	LIST_INSERT_HEAD(&h.started, f, all);
	lc_ssd_submit(h.ssd, &f->io);
}

static void fetches_go(void)
{
	struct fetch *f;
	void *buf;

	while ((f = STAILQ_FIRST(&h.fetches))) {
		buf = lc_buf_get(h.fetch_bufs);
		if (!buf)
			return;
		STAILQ_REMOVE_HEAD(&h.fetches, list);
		fetch_start(f, buf);
	}
}

static void fetch(struct lc_channel *ch, const struct lc_fetch_item *item)
{
	struct fetch *f = calloc(1, sizeof(*f));

	(void)ch;
	if (!f || (size_t)item->len * 512 > FETCH_BYTES)
		die("fetch");
	f->item = *item;
	f->timer.expired = fetch_due;
	f->timer.data = f;
	STAILQ_INSERT_TAIL(&h.fetches, f, list);
	fetches_go();
}

/*----------------------------------------------------------------
 * The volume
 *----------------------------------------------------------------
 */

/* All items are void. What is in flight ends first. */
static void drop_items(void)
{
	struct unit *u, *un;
	struct fetch *f;

	for (u = TAILQ_FIRST(&h.units); u; u = un) {
		un = TAILQ_NEXT(u, list);
		u->dead = true;
		if (u->busy)
			continue;
		TAILQ_REMOVE(&h.units, u, list);
		unit_free(u);
	}
	LIST_FOREACH(f, &h.started, all)
		f->dead = true;
	while ((f = STAILQ_FIRST(&h.fetches))) {
		STAILQ_REMOVE_HEAD(&h.fetches, list);
		free(f);
	}
}

static void claimed(struct lc_channel *ch, const struct lc_volume_info *info)
{
	char why[LC_SSD_WHY_MAX];

	(void)ch;
	drop_items();
	if (!h.opened) {
		origin_open(&h.origin, h.dir, info->sectors * 512);
		h.opened = true;
	}
	origin_cache(&h.origin, info->cache_uuid);
	if (!h.ssd) {
		h.ssd = lc_ssd_open(h.loop, info->cache_major, info->cache_minor,
				    info->scratch_start, info->scratch_sectors, DEPTH, why);
		if (!h.ssd) {
			fprintf(stderr, "file-helper: %s\n", why);
			exit(1);
		}
	}
	printf("claimed %s activation %lu clean %lu applied %lu\n", info->name, info->activation,
	       info->clean_lsn, h.origin.applied);
}

static void lost(struct lc_channel *ch, int error, const char *why)
{
	(void)ch;
	drop_items();
	printf("lost %d %s\n", error, why);
}

static const struct lc_channel_ops ops = {
	.claimed = claimed,
	.upload = upload,
	.fetch = fetch,
	.lost = lost,
};

static bool parse_uuid(const char *text, uint8_t uuid[16])
{
	unsigned int i;
	int n;

	for (i = 0; i < 16; i++, text += n) {
		if (*text == '-')
			text++;
		if (sscanf(text, "%2hhx%n", &uuid[i], &n) != 1 || n != 2)
			return false;
	}
	return !*text;
}

static void parse_fault(char *arg)
{
	char *every = strchr(arg, ':');
	unsigned int i;

	if (every)
		*every++ = '\0';
	for (i = 0; i < NR_FAULTS; i++) {
		if (!strcmp(arg, fault_names[i])) {
			h.every[i] = every ? atoi(every) : 1;
			return;
		}
	}
	errno = EINVAL;
	die(arg);
}

static void terminated(struct lc_watch *w, uint32_t events)
{
	(void)w;
	(void)events;
	lc_loop_stop(h.loop);
}

static void watch_signals(void)
{
	static struct lc_watch watch = { .ready = terminated, .events = EPOLLIN };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	watch.fd = signalfd(-1, &set, SFD_CLOEXEC);
	if (watch.fd < 0 || lc_loop_watch(h.loop, &watch))
		die("signals");
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "uuid", required_argument, NULL, 'u' },
		{ "dir", required_argument, NULL, 'd' },
		{ "takeover", no_argument, NULL, 't' },
		{ "delay", required_argument, NULL, 'w' },
		{ "fault", required_argument, NULL, 'f' },
		{}
	};
	bool takeover = false, named = false;
	uint8_t uuid[16];
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'u':
			named = parse_uuid(optarg, uuid);
			break;
		case 'd':
			h.dir = optarg;
			break;
		case 't':
			takeover = true;
			break;
		case 'w':
			h.delay = atoi(optarg);
			break;
		case 'f':
			parse_fault(optarg);
			break;
		default:
			return 2;
		}
	}
	if (!named || !h.dir)
		return 2;
	setvbuf(stdout, NULL, _IOLBF, 0);
	/* The volume waits for us: no page of ours may have to be fetched from it. */
	if (prctl(PR_SET_IO_FLUSHER, 1, 0, 0, 0) || mlockall(MCL_CURRENT | MCL_FUTURE))
		die("memory");
	TAILQ_INIT(&h.units);
	STAILQ_INIT(&h.fetches);
	LIST_INIT(&h.started);
	h.loop = lc_loop_new();
	h.unit_bufs = lc_bufs_new(EXTENT_BYTES, 8);
	h.fetch_bufs = lc_bufs_new(FETCH_BYTES, DEPTH);
	if (!h.loop || !h.unit_bufs || !h.fetch_bufs)
		die("memory");
	h.channel = lc_channel_new(h.loop, uuid, takeover, &ops, NULL);
	if (!h.channel)
		die("netlink");
	watch_signals();
	lc_loop_run(h.loop);
	lc_channel_free(h.channel);
	return 0;
}
