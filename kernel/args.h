/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The options of the target: one table that parses, prints and explains them.
 *
 * On a table line options are pairs of words behind their count:
 *
 *	0 8388608 logcache /dev/ssd /dev/hdd 4 mode writethrough ttl_s 3600
 *	                                     |  `-------- argv ---------'
 *	                                     `- argc
 *
 * What lc_args_emit() prints is what lc_args_parse() reads: a struct that went
 * through both is equal to itself. Only what differs from the default is
 * printed, in table order, so equal structs print alike.
 *
 * Pure: no device, no lock, no allocation; any context.
 */
#ifndef LC_ARGS_H
#define LC_ARGS_H

#include <linux/types.h>

enum lc_mode {
	LC_MODE_WRITEBACK,	/* acknowledged when on the cache device */
	LC_MODE_WRITETHROUGH,	/* acknowledged when on both */
	LC_MODE_WRITEAROUND,	/* written to the origin, copies forgotten */
	LC_MODE_PASSTHROUGH,	/* nothing is added to the cache */
};

/* What completes a flush or a FUA write. */
enum lc_sync {
	LC_SYNC_SSD,		/* the cache device has it */
	LC_SYNC_ORIGIN,		/* the origin has it */
};

/* The options; each is a field of the same name, explained in args.c. */
struct lc_args {
	u32 mode;		/* enum lc_mode */
	u32 read_cache;		/* bool */
	u32 write_cache;	/* bool */
	u32 high_watermark;	/* percent of segments */
	u32 low_watermark;	/* percent of segments, < high_watermark */
	u32 dirty_start;	/* percent of segments, < dirty_throttle */
	u32 dirty_throttle;	/* percent of segments, < dirty_limit */
	u32 dirty_limit;	/* percent of segments */
	u32 writeback_age_ms;
	u32 writeback_unit_mb;
	u32 writeback_depth;
	u32 sync;		/* enum lc_sync */
	u32 verify_reads;	/* bool */
	u32 ttl_s;		/* 0: no limit */
	u32 hold_ms;		/* 0: no limit */
	u32 log_depth;
	u32 fill_kb;
	u32 object_mb;		/* helper */
	u32 fetch_timeout_ms;	/* helper; 0: no limit */
};

#define LC_ARGS_NR		19
#define LC_ARGS_WORDS_MAX	(2 * LC_ARGS_NR)
/* Enough for every option with its longest value. */
#define LC_ARGS_TEXT_MAX	512
/* Enough for every reason. */
#define LC_ARGS_WHY_MAX		160

/**
 * struct lc_opt - one row of the table
 * @words: values of an option that is a word, in order of their numbers and
 *	ended by NULL; NULL for a number from @min to @max.
 * @live: may be changed while the device runs.
 * @help: one line for a person.
 */
struct lc_opt {
	const char *name;
	const char *const *words;
	u32 min;
	u32 max;
	u32 def;
	u32 offset;
	bool live;
	const char *help;
};

/* The table, LC_ARGS_NR rows. */
extern const struct lc_opt lc_opts[LC_ARGS_NR];

void lc_args_default(struct lc_args *args);

/* lc_args_parse() - all options of a table line, over the defaults.
 * @argv: @argc words, names and values in turn.
 * @why: on error a reason that names the option and what it may be;
 *	LC_ARGS_WHY_MAX is enough for @why_len.
 * Return: 0, or -EINVAL with @args as it was.
 */
int lc_args_parse(struct lc_args *args, unsigned int argc, char **argv,
		  char *why, size_t why_len);

/* lc_args_set() - one option over what @args hold.
 * @live: the device runs; refuse an option that cannot change then.
 * Return: 0, or -EINVAL (unknown, out of range, contradicts another option) or
 * -EBUSY (not while the device runs), with @args as it was.
 */
int lc_args_set(struct lc_args *args, const char *name, const char *value, bool live,
		char *why, size_t why_len);

/* lc_args_emit() - print the options that differ from their default.
 * @nr_words: how many words that is, for the count in front of them.
 * Return: length of the whole text as snprintf() counts it, so @len 0 measures.
 */
unsigned int lc_args_emit(const struct lc_args *args, char *buf, size_t len,
			  unsigned int *nr_words);

bool lc_args_equal(const struct lc_args *a, const struct lc_args *b);

/* lc_opt_value() - print one option's value in @args; lc_opt_range() - what it may be.
 * Return: length as snprintf() counts it.
 */
unsigned int lc_opt_value(const struct lc_opt *opt, const struct lc_args *args,
			  char *buf, size_t len);
unsigned int lc_opt_range(const struct lc_opt *opt, char *buf, size_t len);

#endif /* LC_ARGS_H */
