// SPDX-License-Identifier: GPL-2.0-only
#include "status_store.h"

#include <errno.h>
#include <stdlib.h>

#include "control.h"
#include "ctl.h"
#include "status.h"
#include "vol_arg.h"

static json_t *nobody(const char *why)
{
	json_t *o = json_object();

	json_set_str(o, "state", "none");
	json_set_str(o, "why", why);
	return o;
}

static json_t *ask(const u8 uuid[16])
{
	json_t *request = control_request("status", uuid), *answer = NULL, *o = NULL;
	int ret = control_try(request, &answer);

	if (!ret)
		o = json_incref(json_array_get(json_object_get(answer, "volumes"), 0));
	json_decref(request);
	if (!o && ret == -ENOTCONN)
		o = nobody("no logcached runs");
	else if (!o)
		o = nobody(json_string_value(json_object_get(answer, "error")) ?:
			   "logcached does not have this volume");
	json_decref(answer);
	return o;
}

json_t *status_store(const char *name)
{
	u8 uuid[16];

	return vol_arg_uuid(name, uuid) ? ask(uuid) : NULL;
}

static void print_value(const char *key, const json_t *value, FILE *out)
{
	char *text;

	if (json_is_string(value))
		text = xasprintf("%s", json_string_value(value));
	else if (json_is_integer(value))
		text = xasprintf("%lld", (long long)json_integer_value(value));
	else if (json_is_boolean(value))
		text = xasprintf("%s", json_is_true(value) ? "yes" : "no");
	else
		return;
	status_print_pair(key, text, out);
	free(text);
}

/* Objects in it become "requests_put" and so on. */
static void print_all(const char *prefix, const json_t *o, FILE *out)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)o, key, value) {
		char *whole = xasprintf("%s%s%s", prefix, *prefix ? "_" : "", key);

		if (json_is_object(value))
			print_all(whole, value, out);
		else
			print_value(whole, value, out);
		free(whole);
	}
}

void status_store_print(const json_t *store, FILE *out)
{
	fputs(" store\n", out);
	print_all("", store, out);
}

int cmd_metrics(const struct ctl *ctl __maybe_unused)
{
	json_t *answer;
	int ret = control_call(control_request("metrics", NULL), &answer);

	if (ret)
		return ret;
	fputs(json_string_value(json_object_get(answer, "text")) ?: "", stdout);
	json_decref(answer);
	return CTL_OK;
}
