// SPDX-License-Identifier: GPL-2.0-only
#include "origin.h"

#include <ctype.h>
#include <string.h>

#include "ctl.h"

#define PREFIX		"helper:"
#define PREFIX_LEN	(sizeof(PREFIX) - 1)
#define UUID_LEN	36

bool origin_is_helper(const char *origin)
{
	return !strncmp(origin, PREFIX, PREFIX_LEN);
}

static bool uuid_digit(const char *uuid, unsigned int i)
{
	if (i == 8 || i == 13 || i == 18 || i == 23)
		return uuid[i] == '-';
	return isxdigit((unsigned char)uuid[i]);
}

bool origin_helper_name(char name[ORIGIN_HELPER_NAME], const char *origin)
{
	const char *uuid = origin + PREFIX_LEN;
	unsigned int i;

	if (strlen(uuid) != UUID_LEN)
		goto bad;
	memcpy(name, PREFIX, PREFIX_LEN);
	for (i = 0; i < UUID_LEN; i++) {
		if (!uuid_digit(uuid, i))
			goto bad;
		name[PREFIX_LEN + i] = tolower((unsigned char)uuid[i]);
	}
	name[PREFIX_LEN + i] = '\0';
	return true;
bad:
	ctl_error(CTL_USAGE, "%s: the origin of a volume that a helper keeps is helper:UUID",
		  origin);
	return false;
}
