// SPDX-License-Identifier: GPL-2.0-only
/*
 * Options of the target: what is printed is what is parsed.
 *
 * Runs in userspace, and as a KUnit suite, which includes this file.
 */
#ifndef LC_KUNIT
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/string.h>

#include "args.h"
#include "tap.h"
#endif

static char why[LC_ARGS_WHY_MAX];

/* Parse a table line's options; cuts @line into words. */
static int parse(struct lc_args *args, char *line)
{
	char *argv[LC_ARGS_WORDS_MAX + 4], *word;
	unsigned int argc = 0;

	while ((word = strsep(&line, " ")))
		if (*word)
			argv[argc++] = word;
	return lc_args_parse(args, argc, argv, why, sizeof(why));
}

static bool accepts(const char *text, struct lc_args *args)
{
	char line[LC_ARGS_TEXT_MAX];

	strscpy(line, text, sizeof(line));
	why[0] = '\0';
	return !parse(args, line) && !why[0];
}

/* Refused for this reason, and nothing was changed. */
static bool refuses(const char *text, const char *reason)
{
	struct lc_args args, before;
	char line[LC_ARGS_TEXT_MAX];

	memset(&args, 0x77, sizeof(args));
	before = args;
	strscpy(line, text, sizeof(line));
	return parse(&args, line) == -EINVAL && !strcmp(why, reason) &&
	       !memcmp(&args, &before, sizeof(args));
}

static u32 *field(struct lc_args *args, const struct lc_opt *opt)
{
	return (u32 *)((char *)args + opt->offset);
}

static u32 last_value(const struct lc_opt *opt)
{
	u32 n = 0;

	if (!opt->words)
		return opt->max;
	while (opt->words[n])
		n++;
	return n - 1;
}

static void defaults_are_valid_and_silent(void)
{
	struct lc_args def, parsed;
	unsigned int words;
	char buf[8] = "x";

	lc_args_default(&def);
	CHECK(lc_args_emit(&def, buf, sizeof(buf), &words) == 0 && words == 0);
	CHECK(buf[0] == '\0');
	CHECK(accepts("", &parsed));
	CHECK(lc_args_equal(&def, &parsed));
	CHECK(def.mode == LC_MODE_WRITEBACK && def.read_cache && def.write_cache);
	CHECK(def.high_watermark == 95 && def.low_watermark == 90);
	CHECK(def.dirty_start == 30 && def.dirty_throttle == 70 && def.dirty_limit == 90);
	CHECK(def.writeback_age_ms == 5000 && def.writeback_unit_mb == 64);
	CHECK(def.writeback_depth == 32 && def.sync == LC_SYNC_SSD && !def.verify_reads);
	CHECK(!def.ttl_s && !def.hold_ms && def.log_depth == 2 && def.fill_kb == 128);
}

/* Every field of the struct is an option, and no two options share one. */
static void the_table_covers_the_struct(void)
{
	struct lc_args args;
	unsigned int i, j;

	CHECK(sizeof(args) == LC_ARGS_NR * sizeof(u32));
	for (i = 0; i < LC_ARGS_NR; i++) {
		CHECK(lc_opts[i].offset % sizeof(u32) == 0 && lc_opts[i].offset < sizeof(args));
		CHECK(lc_opts[i].help && lc_opts[i].name);
		for (j = 0; j < i; j++) {
			CHECK(lc_opts[i].offset != lc_opts[j].offset);
			CHECK(strcmp(lc_opts[i].name, lc_opts[j].name));
		}
	}
}

static void every_option_is_parsed(void)
{
	struct lc_args args;

	CHECK(accepts("log_depth 8 hold_ms 10 ttl_s 3600 verify_reads on sync origin "
		      "writeback_depth 1 writeback_unit_mb 256 writeback_age_ms 0 dirty_limit 3 "
		      "dirty_throttle 2 dirty_start 1 low_watermark 10 high_watermark 11 "
		      "write_cache off read_cache off mode passthrough", &args));
	CHECK(args.mode == LC_MODE_PASSTHROUGH && !args.read_cache && !args.write_cache);
	CHECK(args.high_watermark == 11 && args.low_watermark == 10);
	CHECK(args.dirty_start == 1 && args.dirty_throttle == 2 && args.dirty_limit == 3);
	CHECK(args.writeback_age_ms == 0 && args.writeback_unit_mb == 256);
	CHECK(args.writeback_depth == 1 && args.sync == LC_SYNC_ORIGIN && args.verify_reads);
	CHECK(args.ttl_s == 3600 && args.hold_ms == 10 && args.log_depth == 8);
}

static void bad_options_are_refused(void)
{
	CHECK(refuses("colour blue", "there is no option 'colour'"));
	CHECK(refuses("mode", "option 'mode' has no value"));
	CHECK(refuses("mode writeback mode", "option 'mode' is given twice"));
	CHECK(refuses("ttl_s 1 mode writeback ttl_s 1", "option 'ttl_s' is given twice"));
	CHECK(refuses("mode writeforth",
		      "mode: 'writeforth' is not in writeback|writethrough|writearound|passthrough"));
	CHECK(refuses("mode write", "mode: 'write' is not in "
		      "writeback|writethrough|writearound|passthrough"));
	CHECK(refuses("read_cache 1", "read_cache: '1' is not in off|on"));
	CHECK(refuses("log_depth 0", "log_depth: '0' is not in 1..8"));
	CHECK(refuses("log_depth 9", "log_depth: '9' is not in 1..8"));
	CHECK(refuses("log_depth 2x", "log_depth: '2x' is not in 1..8"));
	CHECK(refuses("log_depth -1", "log_depth: '-1' is not in 1..8"));
	CHECK(refuses("log_depth +1", "log_depth: '+1' is not in 1..8"));
	CHECK(refuses("log_depth 4294967297", "log_depth: '4294967297' is not in 1..8"));
	CHECK(refuses("ttl_s 99999999999999999999999",
		      "ttl_s: '99999999999999999999999' is not in 0..31536000"));
}

static void contradictions_are_refused(void)
{
	CHECK(refuses("low_watermark 95", "low_watermark (95) must be below high_watermark (95)"));
	CHECK(refuses("high_watermark 80", "low_watermark (90) must be below high_watermark (80)"));
	CHECK(refuses("dirty_start 80", "dirty_start (80) must be below dirty_throttle (70)"));
	CHECK(refuses("dirty_limit 70", "dirty_throttle (70) must be below dirty_limit (70)"));
}

static void order_on_the_line_does_not_matter(void)
{
	struct lc_args a, b;

	CHECK(accepts("high_watermark 50 low_watermark 40", &a));
	CHECK(accepts("low_watermark 40 high_watermark 50", &b));
	CHECK(lc_args_equal(&a, &b));
}

static void hostile_text_is_cut(void)
{
	struct lc_args args;
	char name[400];
	char *argv[] = { name, name };

	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	lc_args_default(&args);
	CHECK(lc_args_parse(&args, 2, argv, why, sizeof(why)) == -EINVAL);
	CHECK(strlen(why) < 80);
	CHECK(lc_args_set(&args, "mode", name, false, why, sizeof(why)) == -EINVAL);
	CHECK(strlen(why) + 1 < LC_ARGS_WHY_MAX);
	/* A short buffer is filled and ended. */
	memset(why, 'x', sizeof(why));
	CHECK(lc_args_set(&args, "mode", name, false, why, 8) == -EINVAL);
	CHECK(strlen(why) == 7 && why[8] == 'x');
}

static int set(struct lc_args *args, const char *name, const char *value, bool live)
{
	return lc_args_set(args, name, value, live, why, sizeof(why));
}

static void set_changes_one_thing_or_nothing(void)
{
	struct lc_args args, want;

	lc_args_default(&args);
	want = args;
	want.mode = LC_MODE_WRITEAROUND;
	CHECK(!set(&args, "mode", "writearound", true));
	CHECK(lc_args_equal(&args, &want));
	CHECK(set(&args, "high_watermark", "90", true) == -EINVAL);
	CHECK(!strcmp(why, "low_watermark (90) must be below high_watermark (90)"));
	CHECK(set(&args, "nothing", "90", true) == -EINVAL);
	CHECK(set(&args, "mode", "", true) == -EINVAL);
	CHECK(lc_args_equal(&args, &want));
}

static void what_is_built_in_cannot_be_set_live(void)
{
	struct lc_args args, before;

	lc_args_default(&args);
	before = args;
	CHECK(set(&args, "log_depth", "4", true) == -EBUSY);
	CHECK(!strcmp(why, "log_depth cannot change while the device runs; reload its table"));
	CHECK(lc_args_equal(&args, &before));
	CHECK(!set(&args, "log_depth", "4", false));
	CHECK(args.log_depth == 4);
}

static void longest_text_fits_its_bound(void)
{
	char buf[LC_ARGS_TEXT_MAX];
	struct lc_args args;
	unsigned int i, words;

	for (i = 0; i < LC_ARGS_NR; i++)
		*field(&args, &lc_opts[i]) = last_value(&lc_opts[i]);
	/* The longest word is not the last. */
	args.mode = LC_MODE_WRITETHROUGH;
	CHECK(lc_args_emit(&args, buf, sizeof(buf), &words) < sizeof(buf));
	CHECK(words <= LC_ARGS_WORDS_MAX);
}

static void emit_counts_what_does_not_fit(void)
{
	char whole[LC_ARGS_TEXT_MAX], part[LC_ARGS_TEXT_MAX + 1];
	unsigned int len, words, again, i;
	struct lc_args args;

	CHECK(accepts("mode passthrough ttl_s 12345 log_depth 7", &args));
	len = lc_args_emit(&args, whole, sizeof(whole), &words);
	CHECK(words == 6 && len == strlen(whole));
	CHECK(!strcmp(whole, "mode passthrough ttl_s 12345 log_depth 7"));
	for (i = 0; i <= len + 1; i++) {
		memset(part, 'x', sizeof(part));
		CHECK(lc_args_emit(&args, part, i, &again) == len && again == words);
		CHECK(part[i] == 'x');
		CHECK(!i || !strncmp(part, whole, i - 1));
		CHECK(!i || part[i - 1] == '\0' || i > len + 1);
	}
}

static u32 rnd_state;

static u32 rnd(u32 n)
{
	rnd_state = rnd_state * 1664525 + 1013904223;
	return (rnd_state >> 8) % n;
}

/* A valid struct in which about every second option is not the default. */
static void random_args(struct lc_args *args)
{
	unsigned int i;

	lc_args_default(args);
	for (i = 0; i < LC_ARGS_NR; i++) {
		const struct lc_opt *opt = &lc_opts[i];

		if (rnd(2))
			*field(args, opt) = opt->min + rnd(last_value(opt) - opt->min + 1);
	}
	args->low_watermark = 10 + rnd(89);
	args->high_watermark = args->low_watermark + 1 + rnd(99 - args->low_watermark);
	args->dirty_start = 1 + rnd(97);
	args->dirty_throttle = args->dirty_start + 1 + rnd(98 - args->dirty_start);
	args->dirty_limit = args->dirty_throttle + 1 + rnd(99 - args->dirty_throttle);
}

static void random_args_round_trip(void)
{
	char line[LC_ARGS_TEXT_MAX], again[LC_ARGS_TEXT_MAX];
	struct lc_args in, out;
	unsigned int n, i, words, words2;

	for (n = 0; n < 20000; n++) {
		random_args(&in);
		CHECK(lc_args_emit(&in, line, sizeof(line), &words) < sizeof(line));
		CHECK(accepts(line, &out));
		CHECK(lc_args_equal(&in, &out));
		for (i = 0; i < LC_ARGS_NR; i++)
			CHECK(*field(&in, &lc_opts[i]) == *field(&out, &lc_opts[i]));
		lc_args_emit(&out, again, sizeof(again), &words2);
		CHECK(words == words2 && !strcmp(line, again));
	}
}

static void ranges_are_readable(void)
{
	char buf[64];

	CHECK(lc_opt_range(&lc_opts[0], buf, sizeof(buf)) < sizeof(buf));
	CHECK(!strcmp(buf, "writeback|writethrough|writearound|passthrough"));
	lc_opt_range(&lc_opts[3], buf, sizeof(buf));
	CHECK(!strcmp(buf, "10..99"));
}

#define ARGS_CASES(X)				\
	X(defaults_are_valid_and_silent)	\
	X(the_table_covers_the_struct)		\
	X(every_option_is_parsed)		\
	X(bad_options_are_refused)		\
	X(contradictions_are_refused)		\
	X(order_on_the_line_does_not_matter)	\
	X(hostile_text_is_cut)			\
	X(set_changes_one_thing_or_nothing)	\
	X(what_is_built_in_cannot_be_set_live)	\
	X(longest_text_fits_its_bound)		\
	X(emit_counts_what_does_not_fit)	\
	X(random_args_round_trip)		\
	X(ranges_are_readable)

#ifndef LC_KUNIT
#define X(name) RUN(name);
int main(void)
{
	ARGS_CASES(X)
	return tap_done();
}
#endif
