// SPDX-License-Identifier: GPL-2.0
/*
 * replay BASE JOURNAL HISTORY SEED SPAN_MIB WAYS: the SSD is lost, at every moment of a run.
 *
 * At each moment the bucket is what had been answered, and of what was on its way any part
 * (at most WAYS of them are tried). A host that has nothing but the bucket attaches the volume and
 * reads it; the oracle of the power-cut test says whether that is the state after some
 * prefix of what was acknowledged (I2), and not an older one than was said to be uploaded.
 *
 * BASE: a directory, the bucket as it was before. TAP.
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
	uint64_t cuts, with_holes, violations, distinct;
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
	const char *path;
	glob_t found;
	size_t size;
	void *data;

	snprintf(pattern, sizeof(pattern), "%s/*/manifest", dir);
	if (glob(pattern, 0, NULL, &found) || found.gl_pathc != 1)
		die("%s: not a bucket with one volume", dir);
	path = found.gl_pathv[0];
	data = read_file(path, &size);
	side_put(r->side, path + strlen(dir) + 1, data, size);
	free(data);
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

/* Of what is on its way, what bit i of @mask says. */
static void let_through(struct replay *r, uint64_t mask)
{
	unsigned int i;

	for (i = 0; i < r->nr_open; i++) {
		const struct change *c = &r->open[i];

		if (!(mask >> i & 1))
			continue;
		if (c->e.op == JOURNAL_PUT)
			side_extra_put(r->side, c->key, c->data, c->e.data_len);
		else
			side_extra_delete(r->side, c->key);
	}
	r->with_holes += mask != 0;
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

static void cut(struct replay *r, uint64_t mask)
{
	char why[512] = "";
	int err;

	r->cuts++;
	let_through(r, mask);
	err = side_recover(r->side, r->uuid, r->sectors, r->buf, why);
	if (err)
		report(r, "cannot be recovered", why);
	else
		judge(r);
}

/*
 * All ways in which this moment can end, if there are not more than are wanted: nothing of
 * what is on its way, all of it, and others. After something began, only those that it
 * is part of: the rest are those of the moment before.
 */
static void moment(struct replay *r, bool began, uint64_t want)
{
	uint64_t ways = 1ull << min_u64(r->nr_open - began, 20), newest = 0, i, mask;

	if (began)
		newest = 1ull << (r->nr_open - 1);
	for (i = 0; i < min_u64(want, ways); i++) {
		mask = ways <= want ? i : rng_next(&r->rng) & (ways - 1);
		if (i < 2)
			mask = i ? ways - 1 : 0;
		else if (ways <= want)
			mask = i - 1;
		cut(r, mask | newest);
	}
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
	struct change c;
	char text[256];
	bool began;

	if (!side_uuid(r->side, r->uuid))
		die("there is no volume in the bucket");
	while (next(r, &c)) {
		began = c.e.what == JOURNAL_BEGIN;
		if (step(r, &c) || began)
			moment(r, began, want);
	}
	/* Behind the last promise. */
	cut(r, 0);
	snprintf(text, sizeof(text), "%" PRIu64 " cuts, %" PRIu64 " with something that was on its way, %"
		 PRIu64 " changes of contents: %" PRIu64 " violations", r->cuts, r->with_holes,
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
	uint64_t *initial;

	if (argc != 7)
		die("usage: replay BASE JOURNAL HISTORY SEED SPAN_MIB WAYS");
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
	initial = xcalloc(r.sectors, sizeof(*initial));
	memset(initial, 0xff, r.sectors * sizeof(*initial));	/* VAL_ZERO */
	r.oracle = oracle_new(r.h, r.sectors, initial);
	r.side = side_new();
	read_base(&r, argv[1]);
	run(&r, number(argv[6]));
	side_free(r.side);
	oracle_free(r.oracle);
	history_free(r.h);
	free(initial);
	free(r.seen);
	free(r.buf);
	free((void *)r.file);
	printf("1..%u\n", results);
	return failed ? 1 : 0;
}
