/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Files of sections with "name = value". Not inih: Debian's cuts lines at 200
 * characters, and session tokens are longer.
 */
#ifndef LC_INI_H
#define LC_INI_H

#include <stdbool.h>

#define LC_INI_LINE_MAX	16384

/* @section is "" in front of the first one. False ends it. */
typedef bool (*lc_ini_fn)(void *data, const char *section, const char *name, const char *value);

/*
 * *@exposed: others than its owner can get at it.
 * 0; -ENOENT without a text; or another -errno with one in @why (LC_STORE_WHY_MAX).
 * What was read is wiped from memory, but for what @fn keeps.
 */
int lc_ini_read(const char *path, bool *exposed, lc_ini_fn fn, void *data, char *why);

#endif /* LC_INI_H */
