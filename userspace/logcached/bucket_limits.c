// SPDX-License-Identifier: GPL-2.0-only
#include "bucket_limits.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon.h"
#include "log.h"
#include "store/ini.h"

#define SECTION		"bucket "

static void apply(struct lc_bucket_limits *b)
{
	lc_rates_apply(&b->rates, &b->share.limits, lc_loop_now(b->share.loop));
	lc_share_changed(&b->share);
}

static struct lc_bucket_limits *find(struct list_head *list, const char *name)
{
	struct lc_bucket_limits *b;

	list_for_each_entry(b, list, list)
		if (!strcmp(b->name, name))
			return b;
	return NULL;
}

static struct lc_bucket_limits *add(struct lc_daemon *d, struct list_head *list, const char *name)
{
	struct lc_bucket_limits *b = calloc(1, sizeof(*b));

	if (!b)
		return NULL;
	b->name = strdup(name);
	if (!b->name) {
		free(b);
		return NULL;
	}
	lc_share_init(&b->share, d->loop);
	list_add_tail(&b->list, list);
	return b;
}

static void free_all(struct list_head *list)
{
	struct lc_bucket_limits *b, *next;

	list_for_each_entry_safe(b, next, list, list) {
		list_del(&b->list);
		lc_share_end(&b->share);
		free(b->name);
		free(b);
	}
}

struct lc_bucket_limits *lc_bucket_limits_find(struct lc_daemon *d, const char *name)
{
	char plain[LC_BUCKET_NAME_MAX];

	return lc_store_bucket_name(name, plain) ? find(&d->buckets, plain) : NULL;
}

struct lc_bucket_limits *lc_bucket_limits_of(struct lc_daemon *d, const struct lc_store_cfg *cfg)
{
	char name[LC_BUCKET_NAME_MAX];
	struct lc_bucket_limits *b;

	lc_store_cfg_bucket(cfg, name);
	b = find(&d->buckets, name) ?: add(d, &d->buckets, name);
	if (b)
		b->used = true;
	return b;
}

int lc_bucket_limits_set(struct lc_bucket_limits *b, const char *key, const char *value,
			 char *why)
{
	int err = lc_rates_set(&b->rates, key, value, why);

	if (!err)
		apply(b);
	return err;
}

bool lc_bucket_limits_matter(const struct lc_bucket_limits *b)
{
	static const struct lc_rates none;

	return b->share.members || memcmp(&b->rates, &none, sizeof(none));
}

void lc_bucket_limits_free(struct lc_daemon *d)
{
	free_all(&d->buckets);
}

/*----------------------------------------------------------------
 * The file
 *----------------------------------------------------------------
 */

struct load {
	struct lc_daemon *daemon;
	struct list_head found;
	char *why;
	int err;
};

static int take(struct load *l, const char *section, const char *name, const char *value)
{
	char plain[LC_BUCKET_NAME_MAX];
	struct lc_bucket_limits *b;

	if (strncmp(section, SECTION, strlen(SECTION))) {
		snprintf(l->why, LC_STORE_WHY_MAX,
			 "'%.64s' is not below [bucket SERVER/BUCKET] or [bucket file:/DIRECTORY]",
			 name);
		return -EINVAL;
	}
	section += strlen(SECTION);
	if (!lc_store_bucket_name(section, plain)) {
		snprintf(l->why, LC_STORE_WHY_MAX,
			 "[bucket %.64s]: SERVER/BUCKET or file:/DIRECTORY is wanted, as logcachectl limits shows them",
			 section);
		return -EINVAL;
	}
	b = find(&l->found, plain) ?: add(l->daemon, &l->found, plain);
	if (!b) {
		snprintf(l->why, LC_STORE_WHY_MAX, "out of memory");
		return -ENOMEM;
	}
	return lc_rates_set(&b->rates, name, value, l->why);
}

static bool take_line(void *data, const char *section, const char *name, const char *value)
{
	struct load *l = data;

	l->err = take(l, section, name, value);
	return !l->err;
}

/* Buckets that are used stay, and get what was found. */
static void adopt(struct lc_daemon *d, struct list_head *found)
{
	static const struct lc_rates none;
	struct lc_bucket_limits *b, *f, *next;

	list_for_each_entry(b, &d->buckets, list) {
		f = find(found, b->name);
		lc_rates_reload(&b->rates, &b->file, f ? &f->rates : &none);
		apply(b);
	}
	list_for_each_entry_safe(f, next, found, list) {
		if (find(&d->buckets, f->name))
			continue;
		list_move_tail(&f->list, &d->buckets);
		f->file = f->rates;
		apply(f);
	}
}

void lc_bucket_limits_warn(struct lc_daemon *d)
{
	static const struct lc_rates none;
	struct lc_bucket_limits *b;

	list_for_each_entry(b, &d->buckets, list)
		if (!b->used && memcmp(&b->file, &none, sizeof(none)))
			lc_log(LC_LOG_WARNING, NULL,
			       "%s: no volume here is in [bucket %s], so that its limits have no effect; logcachectl limits shows the buckets that are used",
			       d->conf_file, b->name);
}

void lc_bucket_limits_reload(struct lc_daemon *d)
{
	char why[LC_STORE_WHY_MAX] = "";
	struct load l = { .daemon = d, .why = why };
	bool exposed;
	int err;

	INIT_LIST_HEAD(&l.found);
	err = lc_ini_read(d->conf_file, &exposed, take_line, &l, why);
	if (err == -ENOENT)
		err = 0;
	err = err ?: l.err;
	if (err)
		lc_log(LC_LOG_ERROR, NULL,
		       "%s: %s; the limits of buckets stay as they are", d->conf_file,
		       *why ? why : strerror(-err));
	else
		adopt(d, &l.found);
	free_all(&l.found);
}
