// SPDX-License-Identifier: GPL-2.0
/*
 * replay BASE JOURNAL HISTORY SEED SPAN_MIB CUTS: the SSD is lost, at every moment of a run.
 *
 * At each cut the bucket is what had been answered, and of what was on its way a part
 * chosen at random. A host that has nothing but the bucket attaches the volume and reads it;
 * the oracle of the power-cut test says whether that is the state after some prefix
 * of what was acknowledged (I2), and not an older one than was said to be uploaded.
 *
 * BASE: a directory, the bucket as it was before. CUTS 0: every moment. TAP.
 */
#include <errno.h>
#include <glob.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bucket_side.h"
#include "journal.h"
#include "oracle.h"
#include "stamp.h"
#include "util.h"

#define IN_FLIGHT	1024u
#define REPORTS		5u

struct change {
	struct journal_entry e;
	const char *key;
	const void *data;
};

struct replay {
	const uint8_t *file;
	size_t size, pos;
	struct change open[IN_FLIGHT];
	unsigned int nr_open;
	struct side *side;
	struct history *h;
	struct oracle *oracle;
	struct oracle_opts opts;
	struct rng rng;
	uint64_t sectors, salt;
	uint64_t *seen;
	uint8_t *buf;
	uint8_t uuid[16];
	uint64_t puts, deletes, starts, cut_off, promises;
	uint64_t cuts, with_holes, before, violations, distinct;
	uint64_t sum;			/* of what was read last, to see whether anything changes */
};

static uint64_t number(const char *text)
{
	char *end;
	uint64_t n = strtoull(text, &end, 0);

	if (!*text || *end)
		die("%s: not a number", text);
	return n;
}

static void *read_file(const char *path, size_t *size)
{
	FILE *f = fopen(path, "rb");
	uint8_t *p;

	if (!f || fseek(f, 0, SEEK_END))
		die("%s: %s", path, strerror(errno));
	*size = (size_t)ftell(f);
	rewind(f);
	p = xcalloc(1, *size + 1);
	if (fread(p, 1, *size, f) != *size)
		die("%s: cannot be read", path);
	fclose(f);
	return p;
}

/* The manifest of a volume without contents. */
static void read_base(struct replay *r, const char *dir)
{
	char pattern[1024];
	glob_t found;

	snprintf(pattern, sizeof(pattern), "%s/*/manifest", dir);
	if (glob(pattern, 0, NULL, &found) || found.gl_pathc != 1)
		die("%s: not a bucket with one volume", dir);
	{
		const char *path = found.gl_pathv[0];
		size_t size;
		void *data = read_file(path, &size);

		side_put(r->side, path + strlen(dir) + 1, data, size);
		free(data);
	}
	globfree(&found);
}

/*----------------------------------------------------------------
 * The journal
 *----------------------------------------------------------------
 */

static bool next(struct replay *r, struct change *c)
{
	if (r->pos + sizeof(c->e) > r->size)
		return false;
	memcpy(&c->e, r->file + r->pos, sizeof(c->e));
	if (c->e.magic != JOURNAL_MAGIC)
		die("the journal is damaged at byte %zu", r->pos);
	r->pos += sizeof(c->e);
	if (r->pos + c->e.key_len + (size_t)c->e.data_len > r->size)
		die("the journal ends in the middle of an entry");
	c->key = strndup((const char *)r->file + r->pos, c->e.key_len);
	c->data = r->file + r->pos + c->e.key_len;
	r->pos += c->e.key_len + (size_t)c->e.data_len;
	return true;
}

static struct change take(struct replay *r, uint64_t id)
{
	struct change c;
	unsigned int i;

	for (i = 0; i < r->nr_open; i++) {
		if (r->open[i].e.id != id)
			continue;
		c = r->open[i];
		r->open[i] = r->open[--r->nr_open];
		return c;
	}
	die("the journal ends what did not begin: %" PRIu64, id);
}

static void finished(struct replay *r, const struct journal_entry *e)
{
	struct change c = take(r, e->id);

	r->cut_off += e->what == JOURNAL_FATE;
	if (e->done && c.e.op == JOURNAL_PUT) {
		side_put(r->side, c.key, c.data, c.e.data_len);
		r->puts++;
	} else if (e->done) {
		side_delete(r->side, c.key);
		r->deletes++;
	}
	free((void *)c.key);
}

/* True: the bucket is another one than before. */
static bool step(struct replay *r, const struct change *c)
{
	switch (c->e.what) {
	case JOURNAL_START:
		r->starts++;
		break;
	case JOURNAL_BEGIN:
		if (r->nr_open == IN_FLIGHT)
			die("too much in flight");
		r->open[r->nr_open++] = *c;
		return false;
	case JOURNAL_UPLOADED:
		r->opts.uploaded = c->e.id;
		r->promises++;
		break;
	case JOURNAL_END:
	case JOURNAL_FATE:
		finished(r, &c->e);
		free((void *)c->key);
		return c->e.done;
	default:
		die("the journal has an entry of kind %u", c->e.what);
	}
	free((void *)c->key);
	return false;
}

/*----------------------------------------------------------------
 * Cuts
 *----------------------------------------------------------------
 */

/* An owner that was replaced has nothing in flight that counts; each other one is a hole or not. */
static void let_some_through(struct replay *r)
{
	bool some = false;
	unsigned int i;

	for (i = 0; i < r->nr_open; i++) {
		const struct change *c = &r->open[i];

		/* The manifest is put on a condition, one at a time. */
		if (!rng_chance(&r->rng, 50))
			continue;
		some = true;
		if (c->e.op == JOURNAL_PUT)
			side_extra_put(r->side, c->key, c->data, c->e.data_len);
		else
			side_extra_delete(r->side, c->key);
	}
	r->with_holes += some;
}

static void report(struct replay *r, const char *what, const char *text)
{
	if (r->violations++ < REPORTS)
		printf("# cut %" PRIu64 ", byte %zu of the journal: %s: %s\n", r->cuts, r->pos,
		       what, text);
}

static void look(struct replay *r)
{
	uint64_t sum = 0;

	for (uint64_t s = 0; s < r->sectors; s++) {
		r->seen[s] = stamp_value(r->buf + s * SECTOR_SIZE, s, r->salt);
		sum = mix64(sum ^ r->seen[s]);
	}
	r->distinct += sum != r->sum;
	r->sum = sum;
}

static void judge(struct replay *r)
{
	struct verdict v;

	look(r);
	if (oracle_check(r->oracle, &r->opts, r->h->clock, r->seen, &v) != VERDICT_OK)
		report(r, verdict_name(v.code), v.text);
}

static void cut(struct replay *r)
{
	char why[512] = "";
	int err;

	if (!side_uuid(r->side, r->uuid)) {
		r->before++;
		return;
	}
	r->cuts++;
	let_some_through(r);
	err = side_recover(r->side, r->uuid, r->sectors, r->buf, why);
	if (err)
		report(r, "cannot be recovered", why);
	else
		judge(r);
}

static uint64_t count_moments(struct replay *r)
{
	struct change c;
	uint64_t n = 0;

	while (next(r, &c)) {
		n += c.e.what != JOURNAL_BEGIN && c.e.done;
		free((void *)c.key);
	}
	r->pos = 0;
	return n;
}

static uint64_t last_ack(const struct history *h)
{
	uint64_t last = 0;

	for (size_t i = 0; i < h->nr_vol; i++)
		last = max_u64(last, h->vol[i].ack);
	return last;
}

static unsigned int failed, results;

static void result(bool good, const char *text)
{
	printf("%sok %u - %s\n", good ? "" : "not ", ++results, text);
	failed += !good;
}

static void run(struct replay *r, uint64_t want)
{
	uint64_t moments = count_moments(r), done = 0;
	struct change c;
	char text[256];

	while (next(r, &c)) {
		if (!step(r, &c))
			continue;
		/* As evenly as possible. */
		if (!want || (done + 1) * want / moments != done * want / moments)
			cut(r);
		done++;
	}
	/* Behind the last promise. */
	cut(r);
	snprintf(text, sizeof(text), "%" PRIu64 " cuts, %" PRIu64 " with something that was in flight, %" PRIu64
		 " different contents: %" PRIu64 " violations", r->cuts, r->with_holes,
		 r->distinct, r->violations);
	result(r->cuts && r->distinct > r->cuts / 10 && !r->violations, text);
	printf("# %" PRIu64 " objects put, %" PRIu64 " deleted, by %" PRIu64 " processes; %" PRIu64
	       " requests were cut off\n", r->puts, r->deletes, r->starts, r->cut_off);
	result(r->promises && r->opts.uploaded > last_ack(r->h), "in the end all was uploaded");
}

int main(int argc, char **argv)
{
	struct replay r = {
		.opts = { .discard = DISCARD_ZERO, .atomic = 8, .no_promise = true },
	};

	if (argc != 7)
		die("usage: replay BASE JOURNAL HISTORY SEED SPAN_MIB CUTS");
	r.file = read_file(argv[2], &r.size);
	r.h = history_load(argv[3]);
	if (!r.h)
		die("%s: no history", argv[3]);
	r.rng.state = number(argv[4]);
	r.salt = mix64(number(argv[4]));
	r.sectors = number(argv[5]) * 2048;
	r.seen = xcalloc(r.sectors, sizeof(*r.seen));
	memset(r.seen, 0xff, r.sectors * sizeof(*r.seen));
	r.buf = xcalloc(r.sectors, SECTOR_SIZE);
	{
		uint64_t *initial = xcalloc(r.sectors, sizeof(*initial));

		memset(initial, 0xff, r.sectors * sizeof(*initial));
		r.oracle = oracle_new(r.h, r.sectors, initial);
	}
	r.side = side_new();
	read_base(&r, argv[1]);
	run(&r, number(argv[6]));
	side_free(r.side);
	printf("1..%u\n", results);
	return failed ? 1 : 0;
}
