// SPDX-License-Identifier: GPL-2.0-only
/* limits, limit: how much volumes in stores may send and fetch a second. */

#include <stdlib.h>
#include <string.h>

#include "control.h"
#include "ctl.h"
#include "logcached/conf.h"
#include "vol_arg.h"

void help_limit(FILE *out)
{
	unsigned int i;

	fputs("\nOF is a volume in a store (the name of its device, or its UUID), or a bucket as\n"
	      "limits shows it: all volumes that this host has in it share what is allowed,\n"
	      "each the same. VALUE is a number, of bytes also as in 50M; 0 is no limit. KEY is one\n"
	      "of\n ",
	      out);
	for (i = 0; lc_rates_name(i); i++)
		fprintf(out, " %s", lc_rates_name(i));
	fputs(",\na second each. It takes effect at once, and is in force until logcached ends,\n"
	      "or reads its file with another value than before; write it there to keep it:\n"
	      LC_CONF_DIR "/UUID" LC_CONF_SUFFIX " or, for a bucket, " LC_CONF_FILE ".\n", out);
}

/*----------------------------------------------------------------
 * limits
 *----------------------------------------------------------------
 */

static void print_limit(const json_t *limits, const char *key)
{
	json_int_t n = json_integer_value(json_object_get(limits, key));
	char text[SIZE_TEXT] = "-";

	if (n && strstr(key, "bytes"))
		size_text(text, n);
	else if (n)
		snprintf(text, sizeof(text), "%lld", (long long)n);
	printf(" %10s", text);
}

static void print_owner(const json_t *o, const char *name, const char *kind)
{
	const json_t *limits = json_object_get(o, "limits");
	unsigned int i;

	printf("%-7s", kind);
	for (i = 0; lc_rates_name(i); i++)
		print_limit(limits, lc_rates_name(i));
	printf("  %s\n", name);
}

static const char *text_of(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key)) ?: "?";
}

static void print_limits(const json_t *buckets, const json_t *volumes)
{
	const json_t *o;
	const char *name;
	size_t i;

	printf("%-7s %10s %10s %10s %10s  %s\n", "KIND", "UP B/S", "UP REQ/S", "DOWN B/S",
	       "DOWN REQ/S", "OF");
	json_array_foreach(buckets, i, o)
		print_owner(o, text_of(o, "name"), "bucket");
	json_array_foreach(volumes, i, o) {
		name = text_of(o, "name");
		print_owner(o, *name ? name : text_of(o, "uuid"), "volume");
	}
}

static void json_limits(json_t *buckets, json_t *volumes)
{
	static const char * const keys[] = { "uuid", "name", "limits" };
	json_t *o = json_object(), *list = json_array(), *v, *one;
	unsigned int k;
	size_t i;

	json_array_foreach(volumes, i, v) {
		one = json_object();
		for (k = 0; k < ARRAY_SIZE(keys); k++)
			json_object_set(one, keys[k], json_object_get(v, keys[k]));
		json_object_set_new(one, "bucket",
				    json_incref(json_object_get(json_object_get(v, "bucket"),
								"name")));
		json_array_append_new(list, one);
	}
	json_object_set(o, "buckets", buckets);
	json_object_set_new(o, "volumes", list);
	json_print(o);
}

int cmd_limits(const struct ctl *ctl)
{
	json_t *answer, *buckets, *volumes;
	int ret = control_call(control_request("status", NULL), &answer);

	if (ret)
		return ret;
	buckets = json_object_get(answer, "buckets");
	volumes = json_object_get(answer, "volumes");
	if (ctl_has(ctl, "json"))
		json_limits(buckets, volumes);
	else
		print_limits(buckets, volumes);
	json_decref(answer);
	return CTL_OK;
}

/*----------------------------------------------------------------
 * limit
 *----------------------------------------------------------------
 */

/* The number that VALUE is, as logcached takes it. */
static int check_value(const char *key, const char *value, u64 *n)
{
	struct lc_rates rates;
	char why[LC_STORE_WHY_MAX];

	if (lc_rates_set(&rates, key, "0", why))
		return ctl_error(CTL_USAGE, "limit: %s", why);
	if (strstr(key, "bytes") ? parse_size(value, n) : parse_u64(value, n))
		return CTL_OK;
	return ctl_error(CTL_USAGE, "limit: %s: '%s' is no number%s", key, value,
			 strstr(key, "bytes") ? ", such as 50M" : "");
}

/* A volume's name has no slash, and a bucket's has. */
static int request_of(const char *of, json_t **request)
{
	struct vol_arg v = {};
	int ret = CTL_OK;

	if (strchr(of, '/')) {
		*request = control_request("set", NULL);
		json_set_str(*request, "bucket", of);
		return CTL_OK;
	}
	ret = vol_arg_find(&v, of);
	if (!ret)
		*request = control_request("set", v.uuid);
	vol_arg_free(&v);
	return ret;
}

int cmd_limit(const struct ctl *ctl)
{
	const char *key = ctl_arg(ctl, 1);
	json_t *request;
	char text[32];
	u64 n;
	int ret;

	ret = check_value(key, ctl_arg(ctl, 2), &n) ?: request_of(ctl_arg(ctl, 0), &request);
	if (ret)
		return ret;
	snprintf(text, sizeof(text), "%llu", n);
	json_set_str(request, "key", key);
	json_set_str(request, "value", text);
	return control_call(request, NULL);
}
