// SPDX-License-Identifier: GPL-2.0-only

#include "mapdir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define NR	2

static int make_dir(const char *path)
{
	return mkdir(path, 0700) && errno != EEXIST ? -errno : 0;
}

static time_t changed(const char *path)
{
	char data[PATH_MAX];
	struct stat st;

	if (snprintf(data, sizeof(data), "%s/data.mdb", path) >= (int)sizeof(data) ||
	    stat(data, &st))
		return 0;
	return st.st_mtime;
}

static int lock(struct lc_mapdir *m)
{
	char path[PATH_MAX];
	int ret;

	ret = make_dir(m->path);
	if (ret)
		return ret;
	if (snprintf(path, sizeof(path), "%s/owner", m->path) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	m->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (m->fd < 0)
		return -errno;
	if (!flock(m->fd, LOCK_EX | LOCK_NB))
		return 0;
	ret = errno == EWOULDBLOCK ? -EAGAIN : -errno;
	lc_mapdir_unlock(m);
	return ret;
}

static void name(struct lc_mapdir *m, const char *state_dir, const char *uuid, unsigned int i)
{
	if (snprintf(m->path, sizeof(m->path), "%s/%s/%c", state_dir, uuid, 'a' + i) >=
	    (int)sizeof(m->path))
		m->path[0] = '\0';
}

int lc_mapdir_lock(struct lc_mapdir *m, const char *state_dir, const char *uuid, bool other)
{
	char dir[PATH_MAX];
	unsigned int best;
	time_t at;
	int ret;

	m->fd = -1;
	if (snprintf(dir, sizeof(dir), "%s/%s", state_dir, uuid) >= (int)sizeof(dir))
		return -ENAMETOOLONG;
	ret = make_dir(state_dir) ?: make_dir(dir);
	if (ret)
		return ret;
	name(m, state_dir, uuid, 1);
	at = changed(m->path);
	name(m, state_dir, uuid, 0);
	best = changed(m->path) < at;
	name(m, state_dir, uuid, best);
	ret = lock(m);
	if (ret != -EAGAIN || !other)
		return ret;
	name(m, state_dir, uuid, NR - 1 - best);
	return lock(m);
}

/* Without MCL_CURRENT only what is mapped from now on is concerned. */
void lc_mapdir_opening(void)
{
	mlockall(MCL_FUTURE | MCL_ONFAULT);
}

void lc_mapdir_opened(const struct lc_mapdir *m)
{
	char line[PATH_MAX + 128], path[PATH_MAX];
	const char *real = realpath(m->path, path);
	FILE *f = fopen("/proc/self/maps", "re");
	unsigned long from, to;

	mlockall(MCL_FUTURE);
	while (real && f && fgets(line, sizeof(line), f)) {
		if (strstr(line, real) && sscanf(line, "%lx-%lx", &from, &to) == 2)
			munlock((void *)from, to - from);
	}
	if (f)
		fclose(f);
}

void lc_mapdir_unlock(struct lc_mapdir *m)
{
	if (m->fd >= 0)
		close(m->fd);
	m->fd = -1;
}

static int remove_file(const char *dir, const char *file)
{
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s/%s", dir, file) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	return unlink(path) && errno != ENOENT ? -errno : 0;
}

/* What is not ours stays, and then the directory does. */
static int remove_one(struct lc_mapdir *m)
{
	int ret;

	if (access(m->path, F_OK))
		return 0;
	ret = lock(m);
	if (ret)
		return ret;
	ret = remove_file(m->path, "data.mdb") ?: remove_file(m->path, "lock.mdb") ?:
	      remove_file(m->path, "owner");
	if (!ret && rmdir(m->path))
		ret = -errno;
	lc_mapdir_unlock(m);
	return ret;
}

int lc_mapdir_remove(const char *state_dir, const char *uuid)
{
	struct lc_mapdir m = { .fd = -1 };
	char dir[PATH_MAX];
	unsigned int i;
	int ret = 0, err;

	if (snprintf(dir, sizeof(dir), "%s/%s", state_dir, uuid) >= (int)sizeof(dir))
		return -ENAMETOOLONG;
	for (i = 0; i < NR; i++) {
		name(&m, state_dir, uuid, i);
		err = remove_one(&m);
		ret = ret ?: err;
	}
	if (!ret && rmdir(dir) && errno != ENOENT)
		ret = -errno;
	return ret;
}
