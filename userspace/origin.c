// SPDX-License-Identifier: GPL-2.0-only
#include "origin.h"

#include <string.h>

#include "ctl.h"

#define PREFIX		"helper:"
#define PREFIX_LEN	(sizeof(PREFIX) - 1)

bool origin_is_helper(const char *origin)
{
	return !strncmp(origin, PREFIX, PREFIX_LEN);
}

bool origin_helper_name(char name[ORIGIN_HELPER_NAME], const char *origin)
{
	u8 uuid[16];

	if (!uuid_parse(origin + PREFIX_LEN, uuid)) {
		ctl_error(CTL_USAGE,
			  "%s: the origin of a volume that a helper keeps is helper:UUID", origin);
		return false;
	}
	origin_helper_of(name, uuid);
	return true;
}

void origin_helper_of(char name[ORIGIN_HELPER_NAME], const u8 uuid[16])
{
	memcpy(name, PREFIX, PREFIX_LEN);
	uuid_text(name + PREFIX_LEN, uuid);
}

bool origin_helper_uuid(u8 uuid[16], const char *name)
{
	return origin_is_helper(name) && uuid_parse(name + PREFIX_LEN, uuid);
}

bool origin_is_url(const char *origin)
{
	return !strncmp(origin, "file:", 5) || strstr(origin, "://");
}
