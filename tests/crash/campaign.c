// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "campaign.h"
#include "stamp.h"

#define READ_SECTORS	4096u
#define MAX_REPORTS	12	/* one bug shows a thousand times */

/* Stamps of chained runs must not be mistaken for those of the run before. */
#define CHAIN_SEQ_BASE	1000000000ull

struct campaign {
	const struct subject *subject;
	const struct campaign_opts *opts;
	struct campaign_result *result;
	struct image *const *start;
	struct history *h;
	uint64_t *values;	/* of each sector; scratch for reading a volume back */
	void *buf;
	unsigned int reports;
	char damage[160];	/* the first damaged sector of what was read last */
	bool saved_images, saved_second;
};

/* Where a crash image comes from, for the report. */
struct crash {
	const char *kind;
	uint64_t cut;
	uint64_t seed;
};

static void report(struct campaign *c, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static void report(struct campaign *c, const char *fmt, ...)
{
	char text[1024];
	va_list args;
	bool wanted;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	wanted = c->opts->wanted && !regexec(c->opts->wanted, text, 0, NULL, 0);
	c->result->found |= wanted;
	if (c->reports++ >= MAX_REPORTS && !wanted)
		return;
	printf("# %s\n", text);
	fflush(stdout);
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

/* Account the time since *from to a phase; the next one begins. */
static void phase_done(struct campaign *c, enum phase phase, uint64_t *from)
{
	uint64_t now = now_ns();

	c->result->ns[phase] += now - *from;
	*from = now;
}

/* A wrong answer before any crash does not count: the cuts have yet to come. */
static bool enough(const struct campaign *c)
{
	size_t found = campaign_violations(c->result) - c->result->live_errors;

	return c->result->found || (c->opts->stop_after && found >= c->opts->stop_after);
}

static uint64_t volume_sectors(const struct campaign *c)
{
	return c->opts->workload.volume_sectors;
}

static void forget_values(struct campaign *c, uint64_t *values)
{
	for (uint64_t s = 0; s < volume_sectors(c); s++)
		values[s] = VAL_ANY;
	c->damage[0] = '\0';
}

static void note_damage(struct campaign *c, const void *data, uint64_t sector)
{
	char is[128];

	if (c->damage[0])
		return;
	stamp_explain(data, sector, c->opts->workload.salt, is, sizeof(is));
	snprintf(c->damage, sizeof(c->damage), "sector %" PRIu64 " holds %s", sector, is);
}

static void decode(struct campaign *c, const void *buf, uint64_t sector, uint32_t nr,
		   uint64_t *values)
{
	const uint8_t *data = buf;

	for (; nr; nr--, sector++, data += SECTOR_SIZE) {
		values[sector] = stamp_value(data, sector, c->opts->workload.salt);
		if (values[sector] == VAL_BAD)
			note_damage(c, data, sector);
	}
}

/* Read all that the workload may have touched. */
static int read_volume(struct campaign *c, uint64_t *values)
{
	const struct subject *subject = c->subject;
	uint64_t span = c->opts->workload.span_sectors, time = now_ns();

	forget_values(c, values);
	for (uint64_t s = 0; s < span; s += READ_SECTORS) {
		uint32_t nr = (uint32_t)min_u64(READ_SECTORS, span - s);
		int err = subject->vol_ops->read(subject->vol, 0, s, nr, c->buf);

		phase_done(c, PHASE_READ, &time);
		if (err)
			return err;
		decode(c, c->buf, s, nr, values);
		phase_done(c, PHASE_DECODE, &time);
	}
	return 0;
}

static void read_image(struct campaign *c, const struct image *img, uint64_t *values)
{
	uint64_t span = c->opts->workload.span_sectors;

	forget_values(c, values);
	for (uint64_t s = 0; s < span; s += READ_SECTORS) {
		uint32_t nr = (uint32_t)min_u64(READ_SECTORS, span - s);

		image_read(img, s, nr, c->buf);
		decode(c, c->buf, s, nr, values);
	}
}

static void layers_new(struct image *const under[NR_DEVS], struct image *over[NR_DEVS])
{
	for (unsigned int dev = 0; dev < NR_DEVS; dev++)
		over[dev] = image_new(under[dev], image_sectors(under[dev]));
}

static void layers_free(struct image *over[NR_DEVS])
{
	for (unsigned int dev = 0; dev < NR_DEVS; dev++)
		image_free(over[dev]);
}

/* Move to the cut and make the images it leaves. */
static void crash_images(struct campaign *c, struct cutter *cutter, const struct crash *crash,
			 struct image *img[NR_DEVS])
{
	uint64_t time = now_ns();

	cutter_advance(cutter, crash->cut);
	for (unsigned int dev = 0; dev < NR_DEVS; dev++) {
		struct image *durable = cutter_durable(cutter, dev);

		img[dev] = image_new(durable, image_sectors(durable));
		cutter_build(cutter, dev, crash->seed + dev, img[dev]);
	}
	phase_done(c, PHASE_IMAGES, &time);
}

static void save_as(struct campaign *c, const struct crash *crash, const struct image *img,
		    const char *suffix)
{
	char path[512];

	snprintf(path, sizeof(path), "%s%s", c->opts->save, suffix);
	if (!image_save(img, path))
		printf("# %s at event %" PRIu64 " saved to %s\n", crash->kind, crash->cut, path);
}

/*
 * The first crash images that led to a violation, as they were before recovery. The
 * cutter makes them again: what recovery wrote went over the ones that were used.
 */
static void save_images(struct campaign *c, struct cutter *cutter, const struct crash *crash)
{
	static const char *const suffix[NR_DEVS] = { ".ssd", ".origin" };
	struct image *img[NR_DEVS];

	if (c->saved_images || !c->opts->save)
		return;
	c->saved_images = true;
	crash_images(c, cutter, crash, img);
	for (unsigned int dev = 0; dev < NR_DEVS; dev++)
		save_as(c, crash, img[dev], suffix[dev]);
	layers_free(img);
}

/* The first SSD that the offline check did not like, as it was checked. */
static void save_checked(struct campaign *c, const struct crash *crash, const struct image *ssd)
{
	if (c->opts->save && c->result->check_failures == 1)
		save_as(c, crash, ssd, ".checked");
}

/* Whatever a crash leaves, and whatever recovery makes of it, is nothing to complain of. */
static void check_offline(struct campaign *c, const struct crash *crash,
			  struct image *const img[NR_DEVS], const char *when)
{
	uint64_t time = now_ns();
	bool good = !c->subject->check(c->subject->ctx, img);

	phase_done(c, PHASE_CHECK, &time);
	if (good)
		return;
	report(c, "%s at event %" PRIu64 ", seed %" PRIx64 ": the offline check %s fails",
	       crash->kind, crash->cut, crash->seed, when);
	c->result->check_failures++;
	save_checked(c, crash, img[DEV_SSD]);
}

/* The recording of the run, or of the first second one in which something was wrong. */
static void save_recording(struct campaign *c, const struct history *h, const char *suffix)
{
	char path[512];
	int err;

	if (!c->opts->save || (h != c->h && c->saved_second))
		return;
	c->saved_second |= h != c->h;
	snprintf(path, sizeof(path), "%s%s", c->opts->save, suffix);
	err = history_save(h, path);
	printf("# recording %s%s\n", err ? "could not be saved: " : "saved to ",
	       err ? strerror(-err) : path);
}

static bool stop_subject(struct campaign *c)
{
	uint64_t time = now_ns();
	int err = c->subject->stop(c->subject->ctx);

	phase_done(c, PHASE_STOP, &time);
	if (!err)
		return true;
	report(c, "the target could not be removed: %s", strerror(-err));
	return false;
}

/* Load on crash images and read everything: false if that already fails. */
static bool recover(struct campaign *c, const struct crash *crash,
		    struct image *const img[NR_DEVS], struct history *rec, uint64_t *values)
{
	uint64_t time = now_ns();
	int err = c->subject->start(c->subject->ctx, img, rec);

	phase_done(c, PHASE_START, &time);
	if (err) {
		report(c, "%s at event %" PRIu64 ", seed %" PRIx64 ": recovery failed: %s",
		       crash->kind, crash->cut, crash->seed, strerror(-err));
		return false;
	}
	err = read_volume(c, values);
	if (!err)
		return true;
	report(c, "%s at event %" PRIu64 ", seed %" PRIx64 ": reading failed: %s",
	       crash->kind, crash->cut, crash->seed, strerror(-err));
	stop_subject(c);
	return false;
}

static bool judge(struct campaign *c, struct oracle *oracle, const struct oracle_opts *opts,
		  const struct crash *crash, const uint64_t *values)
{
	struct verdict verdict;
	uint64_t time = now_ns();

	oracle_check(oracle, opts, crash->cut, values, &verdict);
	phase_done(c, PHASE_JUDGE, &time);
	if (verdict.code == VERDICT_OK)
		return true;
	report(c, "%s at event %" PRIu64 ", seed %" PRIx64 ": %s: %s%s%s", crash->kind,
	       crash->cut, crash->seed, verdict_name(verdict.code), verdict.text,
	       c->damage[0] ? "; " : "", c->damage);
	return false;
}

/* What the run left behind must be exactly what was written, crash or no crash. */
static void check_final_state(struct campaign *c, const uint64_t *expected)
{
	int err = read_volume(c, c->values);

	if (err) {
		report(c, "reading back after the workload failed: %s", strerror(-err));
		c->result->live_errors++;
		return;
	}
	for (uint64_t s = 0; s < c->opts->workload.span_sectors; s++) {
		if (expected[s] == VAL_ANY || c->values[s] == expected[s])
			continue;
		report(c, "after the workload sector %" PRIu64 " holds op %" PRId64
		       " instead of %" PRId64 " (-1: zeroes, -2: damaged)%s%s",
		       s, (int64_t)c->values[s], (int64_t)expected[s],
		       c->damage[0] ? "; " : "", c->damage);
		c->result->live_errors++;
		return;
	}
}

static void live_run(struct campaign *c, struct history *h, const struct workload_opts *opts,
		     uint64_t *values, struct workload_result *wr)
{
	workload_run(h, c->subject->vol_ops, c->subject->vol, opts, values, wr);
	if (wr->errors) {
		report(c, "during the workload: %s", wr->first_error);
		c->result->live_errors += wr->errors;
	}
}

/*
 * What happened up to a wrong answer can be cut all the same. False if there is
 * nothing to cut.
 */
static bool record(struct campaign *c)
{
	uint64_t *expected = xcalloc(volume_sectors(c), sizeof(*expected));
	struct workload_result wr = { 0 };
	struct image *img[NR_DEVS];
	uint64_t time = now_ns();
	int err;

	layers_new(c->start, img);
	err = c->subject->start(c->subject->ctx, img, c->h);
	if (err) {
		report(c, "the target does not load: %s", strerror(-err));
		c->result->live_errors++;
	} else {
		live_run(c, c->h, &c->opts->workload, expected, &wr);
		if (!wr.errors)
			check_final_state(c, expected);
		if (!stop_subject(c))
			c->result->live_errors++;
	}
	layers_free(img);
	free(expected);
	c->result->vol_ops = c->h->nr_vol;
	c->result->dev_ops = c->h->nr_dev;
	c->result->events = c->h->clock;
	c->result->sectors_written = wr.sectors_written;
	phase_done(c, PHASE_RECORD, &time);
	return !err;
}

/* The second crash: img are the first crash's images, h what happened on them since. */
static void cut_chain(struct campaign *c, struct image *const img[NR_DEVS],
		      const struct history *h, const uint64_t *recovered, uint64_t seed)
{
	struct cutter *cutter = cutter_new(h, img, c->opts->model);
	struct oracle *oracle = oracle_new(h, volume_sectors(c), recovered);
	struct crash crash = { .kind = "second crash" };
	struct image *again[NR_DEVS];
	size_t before = c->result->chain_violations;
	uint64_t *cuts;
	size_t nr = choose_cuts(h, c->opts->chain_cuts, seed, &cuts);

	for (size_t i = 0; i < nr && !enough(c); i++) {
		crash.cut = cuts[i];
		crash.seed = mix64(seed + i);
		crash_images(c, cutter, &crash, again);
		c->result->chain_cuts++;
		if (!recover(c, &crash, again, NULL, c->values)) {
			c->result->chain_violations++;
		} else {
			if (!judge(c, oracle, &c->opts->oracle, &crash, c->values))
				c->result->chain_violations++;
			if (!stop_subject(c))
				c->result->chain_violations++;
		}
		layers_free(again);
		if (c->result->chain_violations != before) {
			save_images(c, cutter, &crash);
			save_recording(c, h, ".second");
		}
	}
	free(cuts);
	oracle_free(oracle);
	cutter_free(cutter);
}

/*
 * Keep working on the recovered volume, which is loaded and being recorded: often for
 * a few ops only, for what a missing fence lets through is soon overwritten.
 */
static bool extend(struct campaign *c, struct history *h, uint64_t *values, uint64_t seed)
{
	struct workload_opts opts = c->opts->workload;
	struct rng rng = { seed };
	struct workload_result wr;

	opts.seed = seed;
	opts.nr_ops = 1 + (unsigned int)rng_below(&rng, c->opts->chain_ops);
	if (rng_chance(&rng, 50))
		opts.nr_ops = 1 + opts.nr_ops / 8;
	live_run(c, h, &opts, values, &wr);
	return !wr.errors;
}

static void crash_and_chain(struct campaign *c, struct oracle *oracle,
			    const struct crash *crash, struct image *const img[NR_DEVS])
{
	uint64_t *recovered = xcalloc(volume_sectors(c), sizeof(*recovered));
	uint64_t *values = xcalloc(volume_sectors(c), sizeof(*values));
	struct history *h = history_new(CHAIN_SEQ_BASE);
	struct image *over[NR_DEVS];
	bool good, extended = false;

	layers_new(img, over);
	good = recover(c, crash, over, h, recovered);
	if (good) {
		good = judge(c, oracle, &c->opts->oracle, crash, recovered);
		memcpy(values, recovered, volume_sectors(c) * sizeof(*values));
		extended = good && extend(c, h, values, crash->seed);
		good &= stop_subject(c);
	}
	if (!good)
		c->result->cut_violations++;
	layers_free(over);
	if (good && extended) {
		c->result->chains++;
		cut_chain(c, img, h, recovered, mix64(crash->seed));
	}
	history_free(h);
	free(values);
	free(recovered);
}

static void crash_once(struct campaign *c, struct oracle *oracle, const struct crash *crash,
		       struct image *const img[NR_DEVS], bool check)
{
	bool good;

	if (check)
		check_offline(c, crash, img, "before recovery");
	good = recover(c, crash, img, NULL, c->values);
	if (good) {
		good = judge(c, oracle, &c->opts->oracle, crash, c->values);
		good &= stop_subject(c);
	}
	if (!good)
		c->result->cut_violations++;
	if (good && check)
		check_offline(c, crash, img, "after recovery and removal");
}

static bool every(unsigned int period, size_t i)
{
	return period && i % period == 0;
}

static void cut_all(struct campaign *c)
{
	const struct campaign_opts *opts = c->opts;
	struct cutter *cutter = cutter_new(c->h, c->start, opts->model);
	struct oracle *oracle = oracle_new(c->h, volume_sectors(c), NULL);
	struct crash crash = { .kind = "cut" };
	struct image *img[NR_DEVS];
	uint64_t *cuts;
	size_t nr = choose_cuts(c->h, opts->cuts, opts->seed, &cuts);

	for (size_t i = 0; i < nr && !enough(c); i++) {
		crash.cut = cuts[i];
		crash.seed = mix64(opts->seed ^ mix64(i + 1));
		crash_images(c, cutter, &crash, img);
		c->result->cuts++;
		if (every(opts->chain_every, i))
			crash_and_chain(c, oracle, &crash, img);
		else
			crash_once(c, oracle, &crash, img,
				   c->subject->check && every(opts->check_every, i));
		layers_free(img);
		if (c->result->cut_violations + c->result->check_failures)
			save_images(c, cutter, &crash);
	}
	free(cuts);
	oracle_free(oracle);
	cutter_free(cutter);
}

/* The SSD is gone: the origin alone, wherever a unit has just been completed. */
static void check_origin(struct campaign *c)
{
	struct cutter *cutter = cutter_new(c->h, c->start, c->opts->model);
	struct oracle *oracle = oracle_new(c->h, volume_sectors(c), NULL);
	struct oracle_opts opts = c->opts->oracle;
	struct crash crash = { .kind = "SSD lost" };
	uint64_t *ends;
	size_t nr = origin_unit_ends(c->h, &ends);

	opts.no_promise = true;
	for (size_t i = 0; i < nr && !enough(c); i++) {
		crash.cut = ends[i];
		cutter_advance(cutter, crash.cut);
		read_image(c, cutter_durable(cutter, DEV_ORIGIN), c->values);
		c->result->origin_points++;
		if (!judge(c, oracle, &opts, &crash, c->values))
			c->result->origin_violations++;
	}
	free(ends);
	oracle_free(oracle);
	cutter_free(cutter);
}

void campaign_run(const struct subject *subject, struct image *const start[NR_DEVS],
		  const struct campaign_opts *opts, struct campaign_result *result)
{
	struct campaign c = {
		.subject = subject, .opts = opts, .result = result, .start = start,
		.h = history_new(0),
		.values = xcalloc(opts->workload.volume_sectors, sizeof(*c.values)),
		.buf = xalloc_pages(READ_SECTORS * SECTOR_SIZE),
	};

	*result = (struct campaign_result) { 0 };
	if (record(&c)) {
		if (opts->check_origin)
			check_origin(&c);
		cut_all(&c);
	}
	if (c.reports > MAX_REPORTS)
		printf("# ... and %u more\n", c.reports - MAX_REPORTS);
	if (c.reports)
		save_recording(&c, c.h, "");
	history_free(c.h);
	free(c.values);
	free(c.buf);
}
