/* SPDX-License-Identifier: GPL-2.0-only */
/* What logcached knows of a volume. */
#ifndef CTL_STATUS_STORE_H
#define CTL_STATUS_STORE_H

#include <stdio.h>

#include <jansson.h>

/*
 * Of the device @name: an object with at least "state"; "none" with "why" if there is
 * nobody to ask. NULL: its origin is a device. The caller's.
 */
json_t *status_store(const char *name);
void status_store_print(const json_t *store, FILE *out);

#endif /* CTL_STATUS_STORE_H */
