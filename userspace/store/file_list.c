// SPDX-License-Identifier: GPL-2.0-only
/*
 * The keys of a directory in byte order: entries are sorted with a slash behind
 * the names of directories, since "a-b" comes before "a/b".
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file_dir.h"

struct entry {
	uint64_t size;
	char *name;		/* with a slash behind it if this is a directory */
};

struct walk {
	const struct lc_file_dir *dir;
	const char *prefix;
	const atomic_bool *cancelled;
	struct lc_file_names *names;
	char key[LC_STORE_KEY_MAX];
};

static bool add_name(struct lc_file_names *names, const char *key, uint64_t size)
{
	size_t need = sizeof(size) + strlen(key) + 1;
	size_t max = names->max;
	char *buf;

	if (names->len + need > max) {
		max = 2 * max + need + 4096;
		buf = realloc(names->buf, max);
		if (!buf)
			return false;
		names->buf = buf;
		names->max = max;
	}
	memcpy(names->buf + names->len, &size, sizeof(size));
	memcpy(names->buf + names->len + sizeof(size), key, need - sizeof(size));
	names->len += need;
	return true;
}

const char *lc_file_names_next(const struct lc_file_names *names, size_t *pos, uint64_t *size)
{
	const char *key;

	if (*pos >= names->len)
		return NULL;
	memcpy(size, names->buf + *pos, sizeof(*size));
	key = names->buf + *pos + sizeof(*size);
	*pos += sizeof(*size) + strlen(key) + 1;
	return key;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct entry *)a)->name, ((const struct entry *)b)->name);
}

static void free_entries(struct entry *entries, size_t nr)
{
	while (nr)
		free(entries[--nr].name);
	free(entries);
}

/* Can keys that begin with the prefix be there, or is it one? @len of w->key are set. */
static bool wanted(const struct walk *w, size_t len, const char *name)
{
	size_t left = strlen(w->prefix);
	size_t n = strlen(name);

	/* The directories above were let in for the same reason. */
	if (left <= len)
		return true;
	left -= len;
	if (n < left && name[n - 1] != '/')
		return false;
	return !strncmp(w->prefix + len, name, n < left ? n : left);
}

/* 1: @e is one, 0: nothing for a listing, -1: errno. */
static int make_entry(const struct walk *w, int fd, size_t len, const char *name, struct entry *e)
{
	struct stat st;
	size_t n = strlen(name);

	if (!lc_store_key_ok(name, false) || len + n + 1 >= LC_STORE_KEY_MAX)
		return 0;
	if (fstatat(fd, name, &st, 0))
		return errno == ENOENT ? 0 : -1;
	if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
		return 0;
	e->size = st.st_size;
	e->name = malloc(n + 2);
	if (!e->name)
		return -1;
	sprintf(e->name, "%s%s", name, S_ISDIR(st.st_mode) ? "/" : "");
	if (wanted(w, len, e->name))
		return 1;
	free(e->name);
	return 0;
}

/* False with errno; what was read so far is in *@entries all the same. */
static bool read_entries(const struct walk *w, DIR *d, size_t len,
			 struct entry **entries, size_t *nr)
{
	size_t max = 0;
	struct dirent *de;
	struct entry *more;
	int ret;

	for (errno = 0; (de = readdir(d)); errno = 0) {
		if (*nr == max) {
			max = max ? 2 * max : 64;
			more = reallocarray(*entries, max, sizeof(*more));
			if (!more)
				return false;
			*entries = more;
		}
		ret = make_entry(w, dirfd(d), len, de->d_name, *entries + *nr);
		if (ret < 0)
			return false;
		*nr += ret;
	}
	return !errno;
}

static DIR *open_level(const struct walk *w, size_t len)
{
	DIR *d;
	int fd;

	fd = openat(w->dir->fd, len ? w->key : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	d = fdopendir(fd);
	if (!d)
		close(fd);
	return d;
}

/* What is below the first @len bytes of w->key. False with errno. */
static bool walk_level(struct walk *w, size_t len)
{
	struct entry *entries = NULL;
	size_t nr = 0, i, n;
	DIR *d;
	bool ok;

	w->key[len] = '\0';
	d = open_level(w, len);
	if (!d)
		return errno == ENOENT;
	ok = read_entries(w, d, len, &entries, &nr);
	closedir(d);
	qsort(entries, nr, sizeof(*entries), by_name);
	for (i = 0; ok && i < nr && !atomic_load(w->cancelled); i++) {
		n = strlen(entries[i].name);
		memcpy(w->key + len, entries[i].name, n + 1);
		if (entries[i].name[n - 1] == '/')
			ok = walk_level(w, len + n);
		else
			ok = add_name(w->names, w->key, entries[i].size);
	}
	free_entries(entries, nr);
	return ok;
}

void lc_file_list(const struct lc_file_dir *dir, struct lc_store_req *req,
		  struct lc_file_names *names, const atomic_bool *cancelled)
{
	struct walk w = {
		.dir = dir,
		.prefix = req->key,
		.names = names,
		.cancelled = cancelled,
	};

	if (walk_level(&w, 0))
		lc_store_set_ok(req);
	else
		lc_store_set(req, LC_STORE_FAILED, "cannot list %.100s: %s", dir->path,
			     strerror(errno));
}
