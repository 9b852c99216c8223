// SPDX-License-Identifier: GPL-2.0-only
/*
 * args.c - the options of the target: parsed, printed and explained from one
 * table, so that no option can be printed that is not parsed.
 */

#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/stdarg.h>
#include <linux/stddef.h>
#include <linux/string.h>

#include "args.h"

static const char *const mode_words[] = {
	[LC_MODE_WRITEBACK] = "writeback",
	[LC_MODE_WRITETHROUGH] = "writethrough",
	[LC_MODE_WRITEAROUND] = "writearound",
	[LC_MODE_PASSTHROUGH] = "passthrough",
	NULL
};

static const char *const sync_words[] = {
	[LC_SYNC_SSD] = "ssd",
	[LC_SYNC_ORIGIN] = "origin",
	NULL
};

static const char *const switch_words[] = { "off", "on", NULL };

#define OPT_WORD(_name, _words, _def, _live, _help) {			\
	.name = #_name, .words = _words, .def = _def, .live = _live,	\
	.offset = offsetof(struct lc_args, _name), .help = _help }

#define OPT_NUM(_name, _min, _max, _def, _live, _help) {		\
	.name = #_name, .min = _min, .max = _max, .def = _def,		\
	.live = _live, .offset = offsetof(struct lc_args, _name), .help = _help }

#define HOUR_MS		3600000u
#define DAY_MS		(24 * HOUR_MS)
#define YEAR_S		31536000u

const struct lc_opt lc_opts[LC_ARGS_NR] = {
	OPT_WORD(mode, mode_words, LC_MODE_WRITEBACK, true,
		 "where a write has to be before it is acknowledged"),
	OPT_WORD(read_cache, switch_words, 1, true,
		 "keep copies of what is read from the origin"),
	OPT_WORD(write_cache, switch_words, 1, true,
		 "keep writes on the cache device; off: as writearound"),
	OPT_NUM(high_watermark, 10, 99, 95, true,
		"percent of segments in use at which eviction starts"),
	OPT_NUM(low_watermark, 10, 99, 90, true,
		"percent of segments in use at which eviction stops"),
	OPT_NUM(dirty_start, 1, 99, 30, true,
		"percent of segments dirty at which background writeback starts"),
	OPT_NUM(dirty_throttle, 1, 99, 70, true,
		"percent of segments dirty from which writers are slowed"),
	OPT_NUM(dirty_limit, 1, 99, 90, true,
		"percent of segments dirty at which writers are held"),
	OPT_NUM(writeback_age_ms, 0, HOUR_MS, 5000, true,
		"written back when dirty for so many milliseconds"),
	OPT_NUM(writeback_unit_mb, 1, 256, 64, true,
		"most MiB that reach the origin between two flushes of it"),
	OPT_NUM(writeback_depth, 1, 256, 32, true,
		"most writeback I/Os in flight on the origin"),
	OPT_WORD(sync, sync_words, LC_SYNC_SSD, false,
		 "where a write has to be before a flush completes"),
	OPT_WORD(verify_reads, switch_words, 0, true,
		 "check the payload checksum on every read from the cache"),
	OPT_NUM(ttl_s, 0, YEAR_S, 0, true,
		"clean data is forgotten after so many seconds; 0: never"),
	OPT_NUM(hold_ms, 0, DAY_MS, 0, true,
		"a held write fails after so many milliseconds; 0: never"),
	OPT_NUM(log_depth, 1, 8, 2, false,
		"most log I/Os in flight; writes gather while they are"),
	OPT_NUM(fill_kb, 4, 128, 128, true,
		"a miss reads the KiB around it while the cache has room"),
	OPT_NUM(object_mb, 4, 16, 16, true,
		"most MiB of one upload by a helper"),
	OPT_NUM(fetch_timeout_ms, 0, DAY_MS, 60000, true,
		"a read fails when there is no helper for so many milliseconds; 0: never"),
};

/* Pairs of options that make sense only in this order. */
static const struct {
	const char *low;
	const char *high;
} lc_orders[] = {
	{ "low_watermark", "high_watermark" },
	{ "dirty_start", "dirty_throttle" },
	{ "dirty_throttle", "dirty_limit" },
};

static u32 opt_get(const struct lc_opt *opt, const struct lc_args *args)
{
	return *(const u32 *)((const char *)args + opt->offset);
}

static void opt_put(const struct lc_opt *opt, struct lc_args *args, u32 v)
{
	*(u32 *)((char *)args + opt->offset) = v;
}

static const struct lc_opt *opt_find(const char *name)
{
	unsigned int i;

	for (i = 0; i < LC_ARGS_NR; i++)
		if (!strcmp(lc_opts[i].name, name))
			return &lc_opts[i];
	return NULL;
}

/*----------------------------------------------------------------
 * Printing
 *----------------------------------------------------------------
 */

/* Text that grows in @buf and goes on being counted when that is full. */
struct text {
	char *buf;
	size_t len;
	unsigned int used;
};

static __printf(2, 3) void add(struct text *t, const char *fmt, ...)
{
	size_t at = min_t(size_t, t->used, t->len);
	va_list ap;

	va_start(ap, fmt);
	t->used += vsnprintf(t->buf + at, t->len - at, fmt, ap);
	va_end(ap);
}

static void add_value(struct text *t, const struct lc_opt *opt, u32 v)
{
	if (opt->words)
		add(t, "%s", opt->words[v]);
	else
		add(t, "%u", v);
}

unsigned int lc_opt_value(const struct lc_opt *opt, const struct lc_args *args,
			  char *buf, size_t len)
{
	struct text t = { .buf = buf, .len = len };

	add_value(&t, opt, opt_get(opt, args));
	return t.used;
}

unsigned int lc_opt_range(const struct lc_opt *opt, char *buf, size_t len)
{
	struct text t = { .buf = buf, .len = len };
	const char *const *w;

	if (!opt->words)
		add(&t, "%u..%u", opt->min, opt->max);
	else
		for (w = opt->words; *w; w++)
			add(&t, "%s%s", t.used ? "|" : "", *w);
	return t.used;
}

unsigned int lc_args_emit(const struct lc_args *args, char *buf, size_t len,
			  unsigned int *nr_words)
{
	struct text t = { .buf = buf, .len = len };
	unsigned int i;

	*nr_words = 0;
	add(&t, "%s", "");	/* ends the text even if there is none */
	for (i = 0; i < LC_ARGS_NR; i++) {
		const struct lc_opt *opt = &lc_opts[i];

		if (opt_get(opt, args) == opt->def)
			continue;
		add(&t, "%s%s ", t.used ? " " : "", opt->name);
		add_value(&t, opt, opt_get(opt, args));
		*nr_words += 2;
	}
	return t.used;
}

/*----------------------------------------------------------------
 * Parsing
 *----------------------------------------------------------------
 */

/* Digits only: what is printed back has to be what was typed. */
static bool parse_number(const char *value, u32 *v)
{
	u64 sum = 0;

	if (!*value)
		return false;
	for (; *value; value++) {
		if (*value < '0' || *value > '9')
			return false;
		sum = sum * 10 + (*value - '0');
		if (sum > U32_MAX)
			return false;
	}
	*v = sum;
	return true;
}

static bool parse_word(const char *const *words, const char *value, u32 *v)
{
	for (*v = 0; words[*v]; (*v)++)
		if (!strcmp(words[*v], value))
			return true;
	return false;
}

static bool parse_value(const struct lc_opt *opt, const char *value, u32 *v)
{
	if (opt->words)
		return parse_word(opt->words, value, v);
	return parse_number(value, v) && *v >= opt->min && *v <= opt->max;
}

/* Bounds text that is not ours in a reason. */
#define QUOTE	"'%.40s'"

static int set_one(struct lc_args *args, const struct lc_opt *opt, const char *value,
		   char *why, size_t why_len)
{
	char range[64];
	u32 v;

	if (!parse_value(opt, value, &v)) {
		lc_opt_range(opt, range, sizeof(range));
		snprintf(why, why_len, "%s: " QUOTE " is not in %s", opt->name, value, range);
		return -EINVAL;
	}
	opt_put(opt, args, v);
	return 0;
}

static int unknown_option(const char *name, char *why, size_t why_len)
{
	snprintf(why, why_len, "there is no option " QUOTE, name);
	return -EINVAL;
}

static int check_order(const struct lc_args *args, const char *low, const char *high,
		       char *why, size_t why_len)
{
	u32 low_v = opt_get(opt_find(low), args);
	u32 high_v = opt_get(opt_find(high), args);

	if (low_v < high_v)
		return 0;
	snprintf(why, why_len, "%s (%u) must be below %s (%u)", low, low_v, high, high_v);
	return -EINVAL;
}

static int check_together(const struct lc_args *args, char *why, size_t why_len)
{
	unsigned int i;
	int ret = 0;

	for (i = 0; i < ARRAY_SIZE(lc_orders) && !ret; i++)
		ret = check_order(args, lc_orders[i].low, lc_orders[i].high, why, why_len);
	return ret;
}

int lc_args_set(struct lc_args *args, const char *name, const char *value, bool live,
		char *why, size_t why_len)
{
	const struct lc_opt *opt = opt_find(name);
	struct lc_args new = *args;
	int ret;

	if (!opt)
		return unknown_option(name, why, why_len);
	if (live && !opt->live) {
		snprintf(why, why_len, "%s cannot change while the device runs; reload its table",
			 opt->name);
		return -EBUSY;
	}
	ret = set_one(&new, opt, value, why, why_len) ?: check_together(&new, why, why_len);
	if (!ret)
		*args = new;
	return ret;
}

/* One bit each in parse_pair()'s @seen. */
static_assert(LC_ARGS_NR <= 32);

static int parse_pair(struct lc_args *args, u32 *seen, const char *name, const char *value,
		      char *why, size_t why_len)
{
	const struct lc_opt *opt = opt_find(name);
	u32 bit;

	if (!opt)
		return unknown_option(name, why, why_len);
	bit = 1u << (opt - lc_opts);
	if (*seen & bit) {
		snprintf(why, why_len, "option '%s' is given twice", opt->name);
		return -EINVAL;
	}
	*seen |= bit;
	if (!value) {
		snprintf(why, why_len, "option '%s' has no value", opt->name);
		return -EINVAL;
	}
	return set_one(args, opt, value, why, why_len);
}

int lc_args_parse(struct lc_args *args, unsigned int argc, char **argv,
		  char *why, size_t why_len)
{
	struct lc_args new;
	unsigned int i;
	u32 seen = 0;
	int ret;

	lc_args_default(&new);
	for (i = 0; i < argc; i += 2) {
		ret = parse_pair(&new, &seen, argv[i], i + 1 < argc ? argv[i + 1] : NULL,
				 why, why_len);
		if (ret)
			return ret;
	}
	/* Only now: two options that fit together may come in any order. */
	ret = check_together(&new, why, why_len);
	if (!ret)
		*args = new;
	return ret;
}

void lc_args_default(struct lc_args *args)
{
	unsigned int i;

	for (i = 0; i < LC_ARGS_NR; i++)
		opt_put(&lc_opts[i], args, lc_opts[i].def);
}

bool lc_args_equal(const struct lc_args *a, const struct lc_args *b)
{
	unsigned int i;

	for (i = 0; i < LC_ARGS_NR; i++)
		if (opt_get(&lc_opts[i], a) != opt_get(&lc_opts[i], b))
			return false;
	return true;
}
