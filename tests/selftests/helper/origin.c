// SPDX-License-Identifier: GPL-2.0-only
#include "origin.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECTOR	512

struct mark {
	uint8_t cache[16];
	uint64_t applied;
};

void die(const char *what)
{
	fprintf(stderr, "file-helper: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int open_in(const char *dir, const char *name)
{
	char path[4096];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		die(path);
	return fd;
}

void origin_open(struct origin *o, const char *dir, uint64_t bytes)
{
	struct mark mark = {};

	if (mkdir(dir, 0700) && errno != EEXIST)
		die(dir);
	o->image = open_in(dir, "image");
	o->mark = open_in(dir, "mark");
	if (ftruncate(o->image, bytes))
		die("image");
	if (pread(o->mark, &mark, sizeof(mark), 0) < 0)
		die("mark");
	memcpy(o->cache, mark.cache, sizeof(o->cache));
	o->applied = mark.applied;
}

static void save(struct origin *o)
{
	struct mark mark = { .applied = o->applied };

	memcpy(mark.cache, o->cache, sizeof(mark.cache));
	if (pwrite(o->mark, &mark, sizeof(mark), 0) != sizeof(mark) || fdatasync(o->mark))
		die("mark");
}

void origin_cache(struct origin *o, const uint8_t cache[16])
{
	if (!memcmp(o->cache, cache, sizeof(o->cache)))
		return;
	memcpy(o->cache, cache, sizeof(o->cache));
	o->applied = 0;
	save(o);
}

void origin_write(struct origin *o, uint64_t lba, const void *buf, uint32_t sectors)
{
	size_t bytes = (size_t)sectors * SECTOR;

	if (pwrite(o->image, buf, bytes, lba * SECTOR) != (ssize_t)bytes)
		die("image: write");
}

void origin_zero(struct origin *o, uint64_t lba, uint32_t sectors)
{
	if (fallocate(o->image, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, lba * SECTOR,
		      (off_t)sectors * SECTOR))
		die("image: zero");
}

void origin_read(struct origin *o, uint64_t lba, void *buf, uint32_t sectors)
{
	size_t bytes = (size_t)sectors * SECTOR;

	if (pread(o->image, buf, bytes, lba * SECTOR) != (ssize_t)bytes)
		die("image: read");
}

void origin_commit(struct origin *o, uint64_t lsn)
{
	if (fdatasync(o->image))
		die("image: sync");
	o->applied = lsn;
	save(o);
}
