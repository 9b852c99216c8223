/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the subcommands of logcachectl share: how one is described, how it gets
 * at its arguments, how it speaks.
 *
 * A subcommand is a row of the table in logcachectl.c. Its options are parsed,
 * checked and explained from that row; its function is called only when the
 * command line is well-formed.
 */
#ifndef CTL_H
#define CTL_H

#include <stdbool.h>
#include <stdio.h>

#include <jansson.h>
#include <linux/kernel.h>
#include <linux/types.h>

/* Exit status, the same for all subcommands. */
enum {
	CTL_OK = 0,
	CTL_FAILED = 1,		/* could not be done; check: faults were found */
	CTL_USAGE = 2,		/* bad command line, nothing was tried; check: cannot check */
};

/* An option of a subcommand; @arg names its value, NULL for a flag. */
struct ctl_opt {
	const char *name;
	const char *arg;
	const char *help;
	bool required;
	bool repeats;
};

struct ctl;

struct ctl_cmd {
	const char *name;
	const char *synopsis;		/* positional arguments, as in usage */
	const char *brief;
	int (*run)(const struct ctl *ctl);
	unsigned int args_min;
	unsigned int args_max;
	const struct ctl_opt *opts;	/* ended by a row without name */
	void (*more_help)(FILE *out);
};

#define CTL_VALUES_MAX	64

/* A parsed command line. */
struct ctl {
	const struct ctl_cmd *cmd;
	unsigned int nr_values;
	struct {
		const struct ctl_opt *opt;
		const char *value;
	} values[CTL_VALUES_MAX];
	unsigned int nr_args;
	char **args;
};

/* Value of an option, NULL if it was not given; "" for a flag that was. */
const char *ctl_get(const struct ctl *ctl, const char *name);

static inline bool ctl_has(const struct ctl *ctl, const char *name)
{
	return ctl_get(ctl, name);
}

/* Positional argument, NULL if there are fewer. */
static inline const char *ctl_arg(const struct ctl *ctl, unsigned int n)
{
	return n < ctl->nr_args ? ctl->args[n] : NULL;
}

/* Ask whoever types, unless --yes was given; CTL_OK: go on. */
__printf(2, 3) int ctl_confirm(const struct ctl *ctl, const char *fmt, ...);

/* Say on stderr what is wrong: "logcachectl: ...". Returns @status, for callers to return. */
__printf(2, 3) int ctl_error(int status, const char *fmt, ...);

/* "4k", "1M", "2GiB"; bytes without a suffix. */
bool parse_size(const char *text, u64 *bytes);
bool parse_u64(const char *text, u64 *value);

/* "1.5 GiB". Returns @buf, at least SIZE_TEXT bytes. */
#define SIZE_TEXT	24
const char *size_text(char *buf, u64 bytes);
/* "00112233-4455-...". Returns @buf, at least UUID_TEXT bytes. */
#define UUID_TEXT	37
const char *uuid_text(char *buf, const u8 *uuid);
/* Such a text, in small letters or capitals. */
bool uuid_parse(const char *text, u8 *uuid);
/* Complains itself; an exit status. */
int uuid_random(u8 *uuid);

/* Never return NULL: a tool that has run out of memory has nothing to add. */
void *xcalloc(size_t n, size_t size);
void *xrealloc(void *p, size_t size);
__printf(1, 2) char *xasprintf(const char *fmt, ...);

/* Prints @root to stdout, ends it with a newline, and lets go of it. */
void json_print(json_t *root);
/* Sets @key to an integer that may use all 64 bits. */
void json_set_u64(json_t *obj, const char *key, u64 value);
void json_set_str(json_t *obj, const char *key, const char *value);

/* A line on stderr that is drawn over itself; silent unless that is a terminal. */
struct progress {
	const char *what;
	u64 total;
	bool tty;
	bool drawn;
	u64 next;		/* ms, when it is drawn next */
};

void progress_start(struct progress *p, const char *what, u64 total);
void progress_show(struct progress *p, u64 done);
void progress_end(struct progress *p);

/* The subcommands, each in the file of its group. */
int cmd_format(const struct ctl *ctl);
int cmd_create(const struct ctl *ctl);
int cmd_remove(const struct ctl *ctl);
int cmd_list(const struct ctl *ctl);
int cmd_status(const struct ctl *ctl);
int cmd_set(const struct ctl *ctl);
int cmd_flush(const struct ctl *ctl);
int cmd_drain(const struct ctl *ctl);
int cmd_scrub(const struct ctl *ctl);
int cmd_query(const struct ctl *ctl);
int cmd_check(const struct ctl *ctl);
int cmd_dump(const struct ctl *ctl);
int cmd_volumes(const struct ctl *ctl);
int cmd_recover(const struct ctl *ctl);
int cmd_verify_bucket(const struct ctl *ctl);
int cmd_snapshot(const struct ctl *ctl);
int cmd_snapshots(const struct ctl *ctl);
int cmd_snapshot_delete(const struct ctl *ctl);
int cmd_rollback(const struct ctl *ctl);
int cmd_metrics(const struct ctl *ctl);
int cmd_grow(const struct ctl *ctl);
int cmd_delete(const struct ctl *ctl);
int cmd_limits(const struct ctl *ctl);
int cmd_limit(const struct ctl *ctl);
int cmd_clone(const struct ctl *ctl);
int cmd_clone_gone(const struct ctl *ctl);
int cmd_repair(const struct ctl *ctl);

/* The target's options, for --help of create and set. */
void help_target_options(FILE *out);
/* The options of a store, for --help. */
void help_store_options(FILE *out);
void help_recover(FILE *out);
void help_snapshot(FILE *out);
void help_offline(FILE *out);
void help_rollback(FILE *out);
void help_grow(FILE *out);
void help_delete(FILE *out);
void help_limit(FILE *out);
void help_clone(FILE *out);
void help_clone_gone(FILE *out);

#endif /* CTL_H */
