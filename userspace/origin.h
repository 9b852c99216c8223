/* SPDX-License-Identifier: GPL-2.0-only */
/* An origin that is no device: helper:<uuid of the volume>. */
#ifndef CTL_ORIGIN_H
#define CTL_ORIGIN_H

#include <stdbool.h>

#define ORIGIN_HELPER_NAME	44	/* with the NUL */

/* Does @origin name a helper, well or not? */
bool origin_is_helper(const char *origin);

/* As the module prints it, in small letters. Complains itself and returns false. */
bool origin_helper_name(char name[ORIGIN_HELPER_NAME], const char *origin);

#endif /* CTL_ORIGIN_H */
