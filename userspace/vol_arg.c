// SPDX-License-Identifier: GPL-2.0-only
#include "vol_arg.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/string.h>

#include "ctl.h"
#include "dm.h"
#include "origin.h"

/* Cache and origin of a table line. */
static bool split_table(const char *table, char **cache, u8 uuid[16])
{
	size_t len = strcspn(table, " ");
	char origin[ORIGIN_HELPER_NAME] = "";

	if (!table[len])
		return false;
	*cache = xasprintf("%.*s", (int)len, table);
	strscpy(origin, table + len + 1, sizeof(origin));
	origin[strcspn(origin, " ")] = '\0';
	if (origin_helper_uuid(uuid, origin))
		return true;
	free(*cache);
	*cache = NULL;
	return false;
}

static int of_device(struct vol_arg *v, const char *name)
{
	char *number;
	int ret;

	ret = dm_table(name, &v->sectors, &v->table);
	if (ret)
		return ret;
	if (!split_table(v->table, &number, v->uuid))
		return ctl_error(CTL_FAILED, "%s: its origin is a device, not a store", name);
	v->name = xasprintf("%s", name);
	v->cache = dm_device_name(number);
	free(number);
	uuid_text(v->text, v->uuid);
	return CTL_OK;
}

bool vol_arg_uuid(const char *name, u8 uuid[16])
{
	char *table, *number = NULL;
	bool is;

	if (dm_table(name, NULL, &table))
		return false;
	is = split_table(table, &number, uuid);
	free(number);
	free(table);
	return is;
}

struct search {
	const u8 *uuid;
	char *name;
};

static int compare(const char *name, void *data)
{
	struct search *s = data;
	u8 uuid[16];

	if (vol_arg_uuid(name, uuid) && !memcmp(uuid, s->uuid, 16))
		s->name = xasprintf("%s", name);
	/* Not an error: the end of the search. */
	return s->name ? CTL_FAILED : CTL_OK;
}

char *vol_arg_running(const u8 uuid[16])
{
	struct search s = { .uuid = uuid };

	/* Nothing runs where there is no device-mapper. */
	if (!access("/dev/mapper/control", F_OK) && !geteuid())
		dm_each_volume(compare, &s);
	return s.name;
}

int vol_arg_find(struct vol_arg *v, const char *arg)
{
	char *name;
	int ret;

	*v = (struct vol_arg){};
	if (!uuid_parse(arg, v->uuid))
		return of_device(v, arg);
	uuid_text(v->text, v->uuid);
	name = vol_arg_running(v->uuid);
	ret = name ? of_device(v, name) : CTL_OK;
	free(name);
	return ret;
}

void vol_arg_free(struct vol_arg *v)
{
	free(v->name);
	free(v->cache);
	free(v->table);
	*v = (struct vol_arg){};
}
