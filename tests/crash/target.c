// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bdev.h"
#include "dm.h"
#include "nbd.h"
#include "target.h"

#define DM_NAME	"lc-crash"

struct table {
	char type[32];
	char params[512];
};

struct target {
	struct target_config config;
	struct recorder *rec[NR_DEVS];
	struct nbd *nbd[NR_DEVS];
	struct table table, read_table;
	char path[64];
	struct bdev *bdev;	/* open while loaded */
	bool complained;	/* the output of a check has been shown */
};

/* Exchange what the devices hold: first write out what the kernel has cached of it. */
static void serve(struct target *t, struct image *const img[NR_DEVS], struct history *rec)
{
	for (unsigned int dev = 0; dev < NR_DEVS; dev++) {
		nbd_invalidate(t->nbd[dev]);
		recorder_serve(t->rec[dev], img ? img[dev] : NULL, rec,
			       rec ? t->config.max_delay_us : 0);
	}
}

static int shell(const char *command)
{
	int status;

	fflush(stdout);
	status = system(command);
	if (status)
		printf("# status %d from: %s\n", status, command);
	return status;
}

/* As shell(), but what it prints is shown, as comments, only if it fails and @show is set. */
static int quiet_shell(const char *command, bool show)
{
	size_t size = 0, room = 0;
	char *text = NULL, *line = NULL;
	FILE *in = popen(command, "r"), *out;
	int status;

	if (!in)
		return -1;
	out = open_memstream(&text, &size);
	while (getline(&line, &room, in) >= 0)
		fprintf(out, "#   %s", line);
	fclose(out);
	status = pclose(in);
	if (status && show)
		printf("# status %d from: %s\n%s", status, command, text);
	free(line);
	free(text);
	return status;
}

static void replace(char *text, size_t size, const char *mark, const char *with)
{
	char *at, rest[512];

	while ((at = strstr(text, mark))) {
		snprintf(rest, sizeof(rest), "%s", at + strlen(mark));
		snprintf(at, size - (size_t)(at - text), "%s%s", with, rest);
	}
}

static void expand_table(struct target *t, const char *text, struct table *table)
{
	const char *space = strchr(text, ' ');

	if (!space || (size_t)(space - text) >= sizeof(table->type))
		die("no target type in \"%s\"", text);
	memcpy(table->type, text, (size_t)(space - text));
	snprintf(table->params, sizeof(table->params), "%s", space + 1);
	replace(table->params, sizeof(table->params), "@SSD@", nbd_path(t->nbd[DEV_SSD]));
	replace(table->params, sizeof(table->params), "@ORIGIN@", nbd_path(t->nbd[DEV_ORIGIN]));
}

static bool attach(struct target *t, enum dev_id dev)
{
	struct recorder_opts opts = {
		.dev = dev, .sectors = t->config.sectors[dev],
		.model = t->config.model[dev], .seed = t->config.seed + dev,
	};

	if (t->config.hide_cache)
		opts.model.volatile_cache = false;
	t->rec[dev] = recorder_new(&opts);
	t->nbd[dev] = nbd_attach(dev, t->rec[dev], opts.sectors);
	return t->nbd[dev];
}

struct target *target_new(const struct target_config *config, struct image *const start[NR_DEVS])
{
	struct target *t = xcalloc(1, sizeof(*t));
	bool ok = true;

	t->config = *config;
	t->bdev = bdev_new();
	for (unsigned int dev = 0; ok && dev < NR_DEVS; dev++)
		ok = attach(t, dev);
	if (ok) {
		expand_table(t, config->table, &t->table);
		expand_table(t, config->read_table ? config->read_table : config->table,
			     &t->read_table);
		setenv("SSD", nbd_path(t->nbd[DEV_SSD]), 1);
		setenv("ORIGIN", nbd_path(t->nbd[DEV_ORIGIN]), 1);
		serve(t, start, NULL);
		ok = !config->format || !shell(config->format);
		serve(t, NULL, NULL);
	}
	if (ok)
		return t;
	target_free(t);
	return NULL;
}

void target_free(struct target *t)
{
	for (unsigned int dev = 0; dev < NR_DEVS; dev++) {
		if (t->nbd[dev])
			nbd_detach(t->nbd[dev]);
		if (t->rec[dev])
			recorder_free(t->rec[dev]);
	}
	bdev_free(t->bdev);
	free(t);
}

static int target_start(void *ctx, struct image *const img[NR_DEVS], struct history *rec)
{
	struct target *t = ctx;
	const struct table *table = rec ? &t->table : &t->read_table;
	int err;

	serve(t, img, rec);
	err = dm_create(DM_NAME, t->config.volume_sectors, table->type, table->params,
			t->path, sizeof(t->path));
	if (!err) {
		err = bdev_open(t->bdev, t->path);
		if (err)
			dm_remove(DM_NAME, t->path);
	}
	if (err)
		serve(t, NULL, NULL);
	return err;
}

/* What it writes while it is removed still goes to the images, and is recorded. */
static int target_stop(void *ctx)
{
	struct target *t = ctx;
	int err;

	bdev_close(t->bdev);
	err = dm_remove(DM_NAME, t->path);
	if (err)
		die("%s cannot be removed: %s", DM_NAME, strerror(-err));
	serve(t, NULL, NULL);
	return 0;
}

static int target_check(void *ctx, struct image *const img[NR_DEVS])
{
	struct target *t = ctx;
	int status;

	serve(t, img, NULL);
	status = quiet_shell(t->config.check, !t->complained);
	t->complained |= status != 0;
	serve(t, NULL, NULL);
	return status ? -EIO : 0;
}

struct subject target_subject(struct target *t)
{
	return (struct subject) {
		.start = target_start, .stop = target_stop,
		.check = t->config.check ? target_check : NULL,
		.ctx = t, .vol_ops = &bdev_vol_ops, .vol = t->bdev,
	};
}
