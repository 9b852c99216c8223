// SPDX-License-Identifier: GPL-2.0-only

#include <stdlib.h>
#include <string.h>

#include "ctl.h"
#include "dm.h"
#include "format.h"
#include "status.h"
#include "status_store.h"

/*----------------------------------------------------------------
 * Parsing
 *----------------------------------------------------------------
 */

void status_parse(struct status *s, char *line)
{
	char *word, *rest = line;

	*s = (struct status){ .text = line };
	while (s->nr < STATUS_MAX && (word = strtok_r(rest, " ", &rest))) {
		s->pair[s->nr].key = word;
		s->pair[s->nr++].value = strtok_r(rest, " ", &rest) ?: "";
	}
}

void status_free(struct status *s)
{
	free(s->text);
	*s = (struct status){};
}

const char *status_get(const struct status *s, const char *key)
{
	unsigned int i;

	for (i = 0; i < s->nr; i++)
		if (!strcmp(s->pair[i].key, key))
			return s->pair[i].value;
	return NULL;
}

static bool is_number(const char *text, u64 *v)
{
	return *text >= '0' && *text <= '9' && strspn(text, "0123456789") == strlen(text) &&
	       parse_u64(text[0] == '0' ? "0" : text, v);
}

u64 status_num(const struct status *s, const char *key)
{
	const char *text = status_get(s, key);
	u64 v;

	return text && is_number(text, &v) ? v : 0;
}

double status_hit_ratio(const struct status *s)
{
	u64 hits = status_num(s, "read_hits"), all = hits + status_num(s, "read_misses");

	return all ? 100.0 * hits / all : -1;
}

int status_of(struct status *s, const char *name)
{
	char *line;
	int ret = dm_status(name, &line);

	*s = (struct status){};
	if (!ret)
		status_parse(s, line);
	return ret;
}

/*----------------------------------------------------------------
 * Printing
 *----------------------------------------------------------------
 */

/* The first row whose prefix fits says where a key goes; the last takes all. */
static const struct {
	const char *prefix;
	const char *group;
} groups[] = {
	{ "read", "reads" },
	{ "verif", "reads" },
	{ "crc", "reads" },
	{ "write", "writes" },
	{ "log", "writes" },
	{ "flush", "writes" },
	{ "fua", "writes" },
	{ "discard", "writes" },
	{ "dirty", "writeback" },
	{ "wb", "writeback" },
	{ "unit", "writeback" },
	{ "clean_lsn", "writeback" },
	{ "durable_lsn", "writeback" },
	{ "next_lsn", "writeback" },
	{ "fill", "cache" },
	{ "evict", "cache" },
	{ "carried", "cache" },
	{ "segment", "cache" },
	{ "cached", "cache" },
	{ "clean", "cache" },
	{ "extents", "cache" },
	{ "index", "cache" },
	{ "", "volume" },
};

static const char * const group_order[] = { "volume", "cache", "reads", "writes", "writeback" };

static const char *group_of(const char *key)
{
	unsigned int i = 0;

	while (strncmp(key, groups[i].prefix, strlen(groups[i].prefix)))
		i++;
	return groups[i].group;
}

static bool ends_with(const char *key, const char *end)
{
	size_t k = strlen(key), e = strlen(end);

	return k >= e && !strcmp(key + k - e, end);
}

static void duration_text(char *buf, size_t len, double seconds)
{
	if (seconds < 1)
		snprintf(buf, len, "%.3g ms", seconds * 1000);
	else if (seconds < 120)
		snprintf(buf, len, "%.3g s", seconds);
	else if (seconds < 7200)
		snprintf(buf, len, "%.0f min", seconds / 60);
	else
		snprintf(buf, len, "%.1f h", seconds / 3600);
}

/* What @v means for a person; false if the number says it all. */
static bool unit_text(const char *key, u64 v, char *buf, size_t len)
{
	char size[SIZE_TEXT];

	if (ends_with(key, "_sectors"))
		snprintf(buf, len, "%s", size_text(size, v << LC_SECTOR_SHIFT));
	else if (ends_with(key, "_blocks"))
		snprintf(buf, len, "%s", size_text(size, v << LC_BLOCK_SHIFT));
	else if (ends_with(key, "_bytes"))
		snprintf(buf, len, "%s", size_text(size, v));
	else if (ends_with(key, "_ms"))
		duration_text(buf, len, v / 1e3);
	else if (ends_with(key, "_us"))
		duration_text(buf, len, v / 1e6);
	else if (ends_with(key, "_s"))
		duration_text(buf, len, v);
	else if (ends_with(key, "_percent"))
		snprintf(buf, len, "%llu %%", v);
	else
		return false;
	return true;
}

void status_print_pair(const char *key, const char *value, FILE *out)
{
	char text[64];
	u64 v;

	fprintf(out, "  %-22s %s", key, value);
	if (is_number(value, &v) && unit_text(key, v, text, sizeof(text)))
		fprintf(out, "  (%s)", text);
	fputc('\n', out);
}

static void print_group(const struct status *s, const char *group, FILE *out)
{
	bool any = false;
	unsigned int i;

	for (i = 0; i < s->nr; i++) {
		if (strcmp(group_of(s->pair[i].key), group))
			continue;
		if (!any)
			fprintf(out, " %s\n", group);
		any = true;
		status_print_pair(s->pair[i].key, s->pair[i].value, out);
	}
	if (any && !strcmp(group, "reads") && status_hit_ratio(s) >= 0)
		fprintf(out, "  %-22s %.1f %%\n", "hit ratio", status_hit_ratio(s));
}

void status_print(const struct status *s, const char *name, FILE *out)
{
	unsigned int i;

	fprintf(out, "%s\n", name);
	for (i = 0; i < ARRAY_SIZE(group_order); i++)
		print_group(s, group_order[i], out);
}

json_t *status_json(const struct status *s, const char *name)
{
	json_t *o = json_object();
	unsigned int i;
	u64 v;

	json_set_str(o, "name", name);
	for (i = 0; i < s->nr; i++) {
		if (is_number(s->pair[i].value, &v))
			json_set_u64(o, s->pair[i].key, v);
		else
			json_set_str(o, s->pair[i].key, s->pair[i].value);
	}
	if (status_hit_ratio(s) >= 0)
		json_object_set_new(o, "hit_ratio_percent", json_real(status_hit_ratio(s)));
	return o;
}

/*----------------------------------------------------------------
 * Command
 *----------------------------------------------------------------
 */

/* @data: JSON array to add to, or NULL to print. */
static int show(const char *name, void *data)
{
	json_t *store, *o;
	struct status s;
	int ret = status_of(&s, name);

	if (ret)
		return ret;
	store = status_store(name);
	if (data) {
		o = status_json(&s, name);
		if (store)
			json_object_set(o, "store", store);
		json_array_append_new(data, o);
	} else {
		status_print(&s, name, stdout);
		if (store)
			status_store_print(store, stdout);
	}
	json_decref(store);
	status_free(&s);
	return CTL_OK;
}

int cmd_status(const struct ctl *ctl)
{
	json_t *list = ctl_has(ctl, "json") ? json_array() : NULL;
	const char *name = ctl_arg(ctl, 0);
	int ret;

	ret = name ? show(name, list) : dm_each_volume(show, list);
	if (!list)
		return ret;
	/* One volume is an object, all of them are an array. */
	if (!ret)
		json_print(json_incref(name ? json_array_get(list, 0) : list));
	json_decref(list);
	return ret;
}
