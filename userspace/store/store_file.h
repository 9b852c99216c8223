/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * file: URLs. Objects are files in a directory that is there already, which may
 * be shared by several processes and, over NFS, by several hosts. Conditions
 * are atomic.
 */
#ifndef LC_STORE_FILE_H
#define LC_STORE_FILE_H

#include "store.h"

/*
 * NULL with a text in @why (LC_STORE_WHY_MAX). Its threads inherit what the
 * caller is: prctl(PR_SET_IO_FLUSHER) comes before.
 */
struct lc_store *lc_store_file_new(struct lc_loop *loop, const char *path, char *why);

#endif /* LC_STORE_FILE_H */
