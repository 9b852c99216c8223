/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A directory as an object store: what a thread of store_file.c does for one
 * request. These functions block, may run in several threads and processes at
 * once, and leave req->status and req->why behind. They call nobody back.
 *
 * An object is a file below the directory, with its key as path. It gets there
 * by link or rename, when its content is durable; ".tmp" holds what is under
 * way, ".lock" is held shared by whoever replaces or deletes and exclusively
 * by who compares a tag before.
 */
#ifndef LC_FILE_DIR_H
#define LC_FILE_DIR_H

#include <limits.h>
#include <stdatomic.h>

#include "store.h"

#define LC_FILE_TMP	".tmp"
#define LC_FILE_LOCK	".lock"

struct lc_file_dir {
	int fd;
	char path[PATH_MAX];
};

/* The keys of a listing, in order: size, then the NUL-terminated key, each. */
struct lc_file_names {
	char *buf;
	size_t len;
	size_t max;
};

/* 0 or -errno, then with a text in @why (LC_STORE_WHY_MAX). */
int lc_file_dir_open(struct lc_file_dir *dir, const char *path, char *why);
void lc_file_dir_close(struct lc_file_dir *dir);

void lc_file_put(const struct lc_file_dir *dir, struct lc_store_req *req);
void lc_file_get(const struct lc_file_dir *dir, struct lc_store_req *req);
void lc_file_head(const struct lc_file_dir *dir, struct lc_store_req *req);
void lc_file_delete(const struct lc_file_dir *dir, struct lc_store_req *req);

/* The keys that begin with req->key. @cancelled is looked at in between. */
void lc_file_list(const struct lc_file_dir *dir, struct lc_store_req *req,
		  struct lc_file_names *names, const atomic_bool *cancelled);
/* The next one at *@pos, which starts at 0; NULL behind the last. */
const char *lc_file_names_next(const struct lc_file_names *names, size_t *pos, uint64_t *size);

#endif /* LC_FILE_DIR_H */
