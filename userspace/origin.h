/* SPDX-License-Identifier: GPL-2.0-only */
/* An origin that is no device: helper:<uuid of the volume>, or the URL of a store. */
#ifndef CTL_ORIGIN_H
#define CTL_ORIGIN_H

#include <stdbool.h>

#include <linux/types.h>

#define ORIGIN_HELPER_NAME	44	/* with the NUL */

/* Does @origin name a helper, well or not? */
bool origin_is_helper(const char *origin);

/* As the module prints it, in small letters. Complains itself and returns false. */
bool origin_helper_name(char name[ORIGIN_HELPER_NAME], const char *origin);

void origin_helper_of(char name[ORIGIN_HELPER_NAME], const u8 uuid[16]);
/* False: it is none. */
bool origin_helper_uuid(u8 uuid[16], const char *name);

/* s3://..., well or not? */
bool origin_is_url(const char *origin);

#endif /* CTL_ORIGIN_H */
