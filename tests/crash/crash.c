// SPDX-License-Identifier: GPL-2.0
/*
 * Cut the power of a device-mapper target, many times: the program that tests/crash/run
 * runs in the virtual machine. README.rst says what it proves.
 */
#include <inttypes.h>
#include <limits.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "campaign.h"
#include "stamp.h"
#include "target.h"

#define MIB_SECTORS	2048u

struct settings {
	const char *table, *read_table, *format, *check, *save, *order, *discard, *expect;
	uint64_t ssd_mib, origin_mib, span_mib;
	uint64_t ops, workers, max_kib, cuts, seed;
	uint64_t chain_every, chain_ops, chain_cuts, check_every, stop_after;
	uint64_t volatile_ssd, volatile_origin, hide_cache, delay_us, atomic, ssd_lost;
};

static struct settings set = {
	.order = "prefix", .discard = "zero", .expect = "ok",
	.ssd_mib = 18, .origin_mib = 32, .span_mib = 16,
	.ops = 3000, .workers = WORKLOAD_MAX_WORKERS, .max_kib = 256, .cuts = 1000, .seed = 1,
	.chain_every = 8, .chain_ops = 60, .chain_cuts = 3, .check_every = 50,
	.volatile_ssd = 1, .volatile_origin = 1, .delay_us = 100, .atomic = 8, .ssd_lost = 1,
};

/* One table: to parse, to print. Exactly one of number and text is set. */
static const struct option {
	const char *name, *help;
	uint64_t *number;
	const char **text;
} options[] = {
	{ "table", "target and parameters; @SSD@, @ORIGIN@ are the devices", .text = &set.table },
	{ "read-table", "the same for volumes that are only read, to save time",
	  .text = &set.read_table },
	{ "format", "command that formats $SSD for $ORIGIN", .text = &set.format },
	{ "check", "command that checks $SSD, the target not being loaded", .text = &set.check },
	{ "save", "write the recording here if anything is wrong", .text = &set.save },
	{ "expect", "ok, or what is to be reported, a regular expression; ends when it is",
	  .text = &set.expect },
	{ "seed", "of everything random", .number = &set.seed },
	{ "cuts", "how many cut points; more than there are events: every one", .number = &set.cuts },
	{ "volatile", "1: the SSD has a volatile cache", .number = &set.volatile_ssd },
	{ "origin-volatile", "1: the origin has one", .number = &set.volatile_origin },
	{ "hide-cache", "1: volatile caches, but the kernel is not told", .number = &set.hide_cache },
	{ "order", "prefix, or none: what a plain disk promises", .text = &set.order },
	{ "discard", "zero, or older: what discarded sectors may read as", .text = &set.discard },
	{ "atomic", "ops up to this many sectors are all or nothing", .number = &set.atomic },
	{ "ssd-lost", "1: the origin alone must be a prefix at the end of each unit",
	  .number = &set.ssd_lost },
	{ "ops", "volume operations, a fifth of them reads", .number = &set.ops },
	{ "workers", "highest concurrency, up to 16", .number = &set.workers },
	{ "max-kib", "largest operation", .number = &set.max_kib },
	{ "ssd-mib", "size of the SSD", .number = &set.ssd_mib },
	{ "origin-mib", "size of the origin and the volume", .number = &set.origin_mib },
	{ "span-mib", "how much of the volume is worked on", .number = &set.span_mib },
	{ "delay-us", "longest time a request is held back to mix the order", .number = &set.delay_us },
	{ "chain-every", "crash twice at every n-th cut; 0: never", .number = &set.chain_every },
	{ "chain-ops", "at most so many ops between the two crashes", .number = &set.chain_ops },
	{ "chain-cuts", "second cuts for each first one", .number = &set.chain_cuts },
	{ "check-every", "run the check command before and after recovery at every n-th cut", .number = &set.check_every },
	{ "stop-after", "end after so many violations; 0: go on", .number = &set.stop_after },
};

static _Noreturn void usage(int status)
{
	printf("Usage: crash --table \"TYPE PARAMETERS\" [--OPTION VALUE]...\n\n");
	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		const struct option *o = &options[i];

		printf("  --%-16s %s", o->name, o->help);
		if (o->number)
			printf(" (%" PRIu64 ")", *o->number);
		else if (*o->text)
			printf(" (%s)", *o->text);
		putchar('\n');
	}
	exit(status);
}

static const struct option *find_option(const char *arg)
{
	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		if (!strncmp(arg, "--", 2) && !strcmp(arg + 2, options[i].name))
			return &options[i];
	printf("unknown option %s\n", arg);
	usage(2);
}

static void parse_number(const char *name, const char *value, uint64_t *out)
{
	char *end;

	*out = strtoull(value, &end, 0);
	if (*end || end == value)
		die("--%s %s: not a number", name, value);
}

static void parse_options(int argc, char **argv)
{
	for (int i = 1; i < argc; i += 2) {
		const struct option *o;

		if (!strcmp(argv[i], "--help"))
			usage(0);
		o = find_option(argv[i]);
		if (i + 1 == argc)
			die("%s needs a value", argv[i]);
		if (o->number)
			parse_number(o->name, argv[i + 1], o->number);
		else
			*o->text = argv[i + 1];
	}
	if (!set.table)
		usage(2);
}

/* Exactly one of two words. */
static bool is_second(const char *name, const char *value, const char *first, const char *second)
{
	if (!strcmp(value, first))
		return false;
	if (strcmp(value, second))
		die("--%s %s: must be %s or %s", name, value, first, second);
	return true;
}

static const regex_t *wanted(void)
{
	static regex_t regex;

	if (!strcmp(set.expect, "ok"))
		return NULL;
	if (regcomp(&regex, set.expect, REG_EXTENDED | REG_NOSUB))
		die("--expect %s: not a regular expression", set.expect);
	return &regex;
}

static struct campaign_opts campaign_opts(void)
{
	struct campaign_opts opts = {
		.seed = set.seed,
		.model = {
			[DEV_SSD] = { .volatile_cache = set.volatile_ssd },
			[DEV_ORIGIN] = { .volatile_cache = set.volatile_origin },
		},
		.workload = {
			.seed = set.seed, .salt = mix64(set.seed),
			.nr_ops = (unsigned int)set.ops, .workers = (unsigned int)set.workers,
			.volume_sectors = set.origin_mib * MIB_SECTORS,
			.span_sectors = set.span_mib * MIB_SECTORS,
			.max_nr = (uint32_t)set.max_kib * 2,
		},
		.oracle = {
			.order = is_second("order", set.order, "prefix", "none") ?
				 ORDER_NONE : ORDER_PREFIX,
			.discard = is_second("discard", set.discard, "zero", "older") ?
				   DISCARD_OLDER : DISCARD_ZERO,
			.atomic = (uint32_t)set.atomic,
			.acked_is_durable = !set.volatile_ssd,
		},
		.cuts = set.cuts, .check_every = (unsigned int)set.check_every,
		.chain_every = (unsigned int)set.chain_every,
		.chain_ops = (unsigned int)set.chain_ops,
		.chain_cuts = (unsigned int)set.chain_cuts,
		.check_origin = set.ssd_lost, .stop_after = (unsigned int)set.stop_after,
		.save = set.save, .wanted = wanted(),
	};
	bool zeroes = opts.oracle.discard == DISCARD_ZERO;

	opts.model[DEV_SSD].discard_zeroes = true;
	opts.model[DEV_ORIGIN].discard_zeroes = zeroes;
	opts.workload.check_discarded = zeroes;
	/* A discarded sector may then read differently each time: nothing to hold it to. */
	if (!zeroes)
		opts.chain_every = 0;
	return opts;
}

static void stamp_volume(struct image *img, const struct workload_opts *opts)
{
	uint8_t data[SECTOR_SIZE];

	for (uint64_t s = 0; s < opts->volume_sectors; s++) {
		stamp_fill(data, s, 1, 0, opts->salt);
		image_write(img, s, 1, data);
	}
}

static unsigned int test_number, tests_failed;

__attribute__((format(printf, 2, 3)))
static void result(bool good, const char *fmt, ...)
{
	__builtin_va_list args;

	printf("%sok %u - ", good ? "" : "not ", ++test_number);
	__builtin_va_start(args, fmt);
	vprintf(fmt, args);
	__builtin_va_end(args);
	putchar('\n');
	tests_failed += !good;
}

static void report_each(const struct campaign_result *r)
{
	result(!r->live_errors, "%zu ops, %zu MiB written, %zu device ops: no wrong answer",
	       r->vol_ops, r->sectors_written / MIB_SECTORS, r->dev_ops);
	result(r->cuts && !r->cut_violations, "%zu cuts in %zu events: %zu violations",
	       r->cuts, r->events, r->cut_violations);
	if (r->chains)
		result(!r->chain_violations, "%zu second cuts on %zu recovered volumes: %zu violations",
		       r->chain_cuts, r->chains, r->chain_violations);
	if (set.ssd_lost)
		result(!r->origin_violations, "SSD lost at %zu ends of units: %zu violations",
		       r->origin_points, r->origin_violations);
	if (set.check)
		result(!r->check_failures, "offline checks: %zu failed", r->check_failures);
}

static int report_result(const struct campaign_result *r)
{
	if (strcmp(set.expect, "ok")) {
		result(r->found, "%s out after %zu cuts and %zu second cuts",
		       r->found ? "found" : "not found", r->cuts, r->chain_cuts);
	} else {
		report_each(r);
	}
	printf("1..%u\n", test_number);
	return tests_failed ? 1 : 0;
}

static void run(const struct campaign_opts *opts, struct campaign_result *result)
{
	const struct target_config config = {
		.table = set.table, .read_table = set.read_table, .format = set.format, .check = set.check,
		.sectors = {
			[DEV_SSD] = set.ssd_mib * MIB_SECTORS,
			[DEV_ORIGIN] = set.origin_mib * MIB_SECTORS,
		},
		.volume_sectors = opts->workload.volume_sectors,
		.model = opts->model, .hide_cache = set.hide_cache,
		.max_delay_us = (unsigned int)set.delay_us, .seed = set.seed,
	};
	struct image *start[NR_DEVS];
	struct subject subject;
	struct target *t;

	for (unsigned int dev = 0; dev < NR_DEVS; dev++)
		start[dev] = image_new(NULL, config.sectors[dev]);
	stamp_volume(start[DEV_ORIGIN], &opts->workload);
	t = target_new(&config, start);
	if (!t)
		die("the devices could not be set up");
	subject = target_subject(t);
	campaign_run(&subject, start, opts, result);
	target_free(t);
	for (unsigned int dev = 0; dev < NR_DEVS; dev++)
		image_free(start[dev]);
}

static void print_times(const struct campaign_result *r, const struct timespec *begin)
{
	static const char *const name[NR_PHASES] = {
		[PHASE_RECORD] = "recording", [PHASE_IMAGES] = "images", [PHASE_START] = "start",
		[PHASE_READ] = "reading", [PHASE_DECODE] = "decoding", [PHASE_JUDGE] = "oracle",
		[PHASE_STOP] = "removal", [PHASE_CHECK] = "checks",
	};
	struct timespec end;

	clock_gettime(CLOCK_MONOTONIC, &end);
	printf("# %jd seconds:", (intmax_t)(end.tv_sec - begin->tv_sec));
	for (unsigned int i = 0; i < NR_PHASES; i++)
		printf(" %s %" PRIu64 ".%01u%s", name[i], r->ns[i] / 1000000000,
		       (unsigned int)(r->ns[i] / 100000000 % 10), i + 1 < NR_PHASES ? "," : "\n");
}

int main(int argc, char **argv)
{
	struct campaign_result result = { 0 };
	struct campaign_opts opts;
	struct timespec begin;

	setvbuf(stdout, NULL, _IOLBF, 0);
	/* Keep what is freed: each cut uses as much as the one before. */
	mallopt(M_TRIM_THRESHOLD, INT_MAX);
	mallopt(M_MMAP_THRESHOLD, INT_MAX);
	parse_options(argc, argv);
	opts = campaign_opts();
	clock_gettime(CLOCK_MONOTONIC, &begin);
	run(&opts, &result);
	print_times(&result, &begin);
	return report_result(&result);
}
