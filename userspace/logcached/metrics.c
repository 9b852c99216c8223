// SPDX-License-Identifier: GPL-2.0-only

#include "metrics.h"

#include <stdio.h>
#include <string.h>

#include <linux/kernel.h>

#include "bucket_limits.h"
#include "daemon.h"
#include "download.h"
#include "store/retry.h"
#include "upload.h"

/*
 * S3 Standard in us-east-1, US dollars, aws.amazon.com/s3/pricing in 2025. Elsewhere it is
 * another price, but of the same order. Transfer out of the region is not in it.
 */
#define USD_PUT		(0.005 / 1000)		/* also LIST */
#define USD_GET		(0.0004 / 1000)		/* also HEAD; DELETE is free */
#define USD_GIB_MONTH	0.023

/* Numbers of a volume that are metrics as well. */
static const struct metric {
	const char *key;
	const char *name;		/* behind "logcache_" */
	bool counter;
	const char *help;
} metrics[] = {
	{ "sectors", "volume_sectors", false, "Size of the volume in sectors of 512 bytes." },
	{ "epoch", "epoch", false, "Grows by one each time the volume is attached." },
	{ "objects", "objects", false, "Objects in the bucket that the volume uses." },
	{ "live_bytes", "live_bytes", false, "Payload of these that is needed." },
	{ "payload_bytes", "payload_bytes", false, "Payload of these." },
	{ "snapshots", "snapshots", false, "Snapshots." },
	{ "clones", "clones", false, "Clones that share objects." },
	{ "uploading_units", "uploading_units", false,
	  "Units of the log that are not in the bucket yet." },
	{ "uploading_bytes", "uploading_bytes", false, "Data of these." },
	{ "oldest_ms", "uploading_oldest_milliseconds", false, "Age of the oldest of these." },
	{ "fetching", "fetching", false, "Reads that wait for the bucket." },
	{ "put_bytes", "put_bytes_total", true, "Bytes of objects and checkpoints put." },
	{ "gc_bytes", "gc_bytes_total", true, "Of these, put by garbage collection." },
	{ "ckpt_bytes", "checkpoint_bytes_total", true, "Of these, checkpoints of the map." },
	{ "got_bytes", "got_bytes_total", true, "Bytes that came out of the bucket." },
	{ "retries", "retries_total", true, "Requests that were tried again." },
	{ "unknown", "unknown_total", true, "Requests nobody answered." },
	{ "unknown_applied", "unknown_applied_total", true, "Of these, carried out after all." },
	{ "hedges", "hedges_total", true, "Second GETs beside one that took long." },
	{ "hedges_won", "hedges_won_total", true, "Of these, faster than the first." },
	{ "breaker_opened", "breaker_opened_total", true,
	  "Times the store was left alone for a while." },
	{ "throttled_up", "throttled_uploads_total", true, "Uploads that waited for a limit." },
	{ "throttled_down", "throttled_downloads_total", true,
	  "Downloads that waited for a limit." },
	{ "stuck", "stuck_requests", false, "Requests that were tried more than ten times." },
	{ "crc_errors", "checksum_errors_total", true, "Blocks of objects with a wrong checksum." },
	{ "corrupt_units", "corrupt_units_total", true,
	  "Units that the SSD did not have as they were written." },
	{ "fetch_errors", "fetch_errors_total", true, "Reads that failed." },
	{ "readahead_hits", "readahead_hits_total", true,
	  "Reads that were served from what was read ahead." },
	{ "readahead_bytes", "readahead_bytes_total", true, "Bytes read ahead." },
	{ "cost_requests_usd", "cost_requests_dollars", true, "Estimated price of all requests." },
	{ "cost_month_usd", "cost_month_dollars", false,
	  "Estimated price of the payload for a month." },
};

/*----------------------------------------------------------------
 * JSON
 *----------------------------------------------------------------
 */

static void num(json_t *o, const char *key, uint64_t value)
{
	json_object_set_new(o, key, json_integer(value));
}

/* Of a character, if it is one: as jansson sees it, which refuses a text with others. */
static size_t char_len(const char *s)
{
	json_t *one;
	size_t n;

	for (n = 1; n <= 4 && s[n - 1]; n++) {
		one = json_stringn(s, n);
		json_decref(one);
		if (one)
			return n;
	}
	return 0;
}

/* What a server has said may be anything, or was cut in the middle of a character. */
static json_t *text_of(const char *s)
{
	char text[1024], *p;
	size_t n;

	snprintf(text, sizeof(text), "%s", s);
	for (p = text; *p; p += n) {
		n = char_len(p);
		if (n)
			continue;
		*p = '?';
		n = 1;
	}
	return json_string(text);
}

static void add_bucket(json_t *o, const struct lc_serve *sv)
{
	struct lc_volume_status st = { 0 };

	if (sv->vol && !sv->closing)
		lc_volume_status(sv->vol, &st);
	num(o, "sectors", st.sectors ?: sv->info.sectors);
	num(o, "epoch", st.epoch);
	num(o, "seq", st.seq);
	num(o, "lsn", st.lsn);
	num(o, "objects", st.objects);
	num(o, "live_bytes", st.live_bytes);
	num(o, "payload_bytes", st.payload_bytes);
	num(o, "snapshots", st.snapshots);
	num(o, "clones", st.clones);
	num(o, "put_bytes", st.put_bytes);
	num(o, "gc_bytes", st.gc_bytes);
	num(o, "ckpt_bytes", st.ckpt_bytes);
	num(o, "got_bytes", st.got_bytes);
	num(o, "crc_errors", st.crc_errors);
	json_object_set_new(o, "cost_month_usd",
			    json_real(st.payload_bytes / 1073741824.0 * USD_GIB_MONTH));
}

static void add_items(json_t *o, const struct lc_serve *sv)
{
	struct lc_download_status down = { 0 };
	struct lc_upload_status up = { 0 };

	if (sv->up)
		lc_upload_status(sv->up, &up);
	if (sv->down)
		lc_download_status(sv->down, &down);
	num(o, "uploading_units", up.units);
	num(o, "uploading_bytes", up.bytes);
	num(o, "oldest_ms", up.oldest_ms);
	num(o, "corrupt_units", up.corrupt);
	num(o, "fetching", down.fetches);
	num(o, "fetch_errors", down.errors);
	num(o, "readahead_hits", down.readahead_hits);
	num(o, "readahead_bytes", down.readahead_bytes);
}

static const char *lower(char *buf, const char *name)
{
	unsigned int i;

	for (i = 0; name[i] && i < 15; i++)
		buf[i] = name[i] | 0x20;
	buf[i] = '\0';
	return buf;
}

static double cost(const uint64_t *tries)
{
	return (tries[LC_STORE_PUT] + tries[LC_STORE_LIST]) * USD_PUT +
	       (tries[LC_STORE_GET] + tries[LC_STORE_HEAD]) * USD_GET;
}

static void add_requests(json_t *o, const struct lc_store_stats *st)
{
	json_t *requests = json_object();
	uint64_t retries = 0;
	char name[16];
	int op;

	for (op = 0; op < LC_STORE_OPS; op++) {
		num(requests, lower(name, lc_store_op_name(op)), st->tries[op]);
		retries += st->retries[op];
	}
	json_object_set_new(o, "requests", requests);
	num(o, "retries", retries);
	json_object_set_new(o, "cost_requests_usd", json_real(cost(st->tries)));
}

static void add_store(json_t *o, const struct lc_serve *sv)
{
	static const struct lc_store_stats none;
	const struct lc_store_stats *st = sv->store ? lc_store_retry_stats(sv->store) : &none;

	add_requests(o, st);
	num(o, "unknown", st->unknown);
	num(o, "unknown_applied", st->unknown_applied);
	num(o, "hedges", st->hedges);
	num(o, "hedges_won", st->hedges_won);
	json_object_set_new(o, "breaker", json_string(lc_breaker_name(st->breaker)));
	num(o, "breaker_opened", st->breaker_opened);
	num(o, "throttled_up", st->throttled[LC_UP]);
	num(o, "throttled_down", st->throttled[LC_DOWN]);
	num(o, "stuck", st->stuck);
}

static json_t *json_rates(const struct lc_rates *r)
{
	json_t *o = json_object();
	unsigned int i;

	for (i = 0; lc_rates_name(i); i++)
		num(o, lc_rates_name(i), lc_rates_get(r, i));
	return o;
}

static json_t *json_bucket(const struct lc_bucket_limits *b)
{
	json_t *o = json_object();

	json_object_set_new(o, "name", text_of(b->name));
	num(o, "volumes", b->share.members);
	json_object_set_new(o, "limits", json_rates(&b->rates));
	num(o, "throttled_up", b->share.throttled[LC_UP]);
	num(o, "throttled_down", b->share.throttled[LC_DOWN]);
	return o;
}

json_t *lc_metrics_buckets(const struct lc_daemon *d)
{
	const struct lc_bucket_limits *b;
	json_t *list = json_array();

	list_for_each_entry(b, &d->buckets, list)
		if (lc_bucket_limits_matter(b))
			json_array_append_new(list, json_bucket(b));
	return list;
}

json_t *lc_metrics_volume(const struct lc_serve *sv)
{
	json_t *o = json_object();

	json_object_set_new(o, "uuid", json_string(sv->uuid_text));
	json_object_set_new(o, "url", text_of(sv->conf.url));
	json_object_set_new(o, "name", text_of(sv->info.name));
	json_object_set_new(o, "state", json_string(lc_serve_state_name(sv->state)));
	if (!lc_serve_active(sv))
		json_object_set_new(o, "why", text_of(sv->why));
	add_bucket(o, sv);
	add_items(o, sv);
	add_store(o, sv);
	json_object_set_new(o, "limits", json_rates(&sv->conf.rates));
	json_object_set_new(o, "bucket", json_bucket(sv->bucket));
	return o;
}

/*----------------------------------------------------------------
 * Prometheus
 *----------------------------------------------------------------
 */

static void print_labels(FILE *f, const json_t *v)
{
	fprintf(f, "volume=\"%s\",device=\"%s\"", json_string_value(json_object_get(v, "uuid")),
		json_string_value(json_object_get(v, "name")));
}

/* What stands between the quotes of a label. */
static void print_text(FILE *f, const char *s)
{
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			putc('\\', f);
		putc(*s, f);
	}
}

static void print_head(FILE *f, const char *name, bool counter, const char *help)
{
	fprintf(f, "# HELP logcache_%s %s\n# TYPE logcache_%s %s\n", name, help, name,
		counter ? "counter" : "gauge");
}

static void print_metric(FILE *f, const struct metric *m, const json_t *volumes)
{
	const json_t *v;
	size_t i;

	print_head(f, m->name, m->counter, m->help);
	json_array_foreach(volumes, i, v) {
		fprintf(f, "logcache_%s{", m->name);
		print_labels(f, v);
		fprintf(f, "} %.15g\n", json_number_value(json_object_get(v, m->key)));
	}
}

static void print_requests(FILE *f, const json_t *volumes)
{
	const json_t *v, *n;
	const char *op;
	size_t i;

	print_head(f, "requests_total", true, "Requests that went out to the store.");
	json_array_foreach(volumes, i, v) {
		json_object_foreach(json_object_get(v, "requests"), op, n) {
			fprintf(f, "logcache_requests_total{");
			print_labels(f, v);
			fprintf(f, ",op=\"%s\"} %" JSON_INTEGER_FORMAT "\n", op,
				json_integer_value(n));
		}
	}
}

/* What volumes may do on their own, and those of a bucket together. */
static void print_limits(FILE *f, const char *owner, const char *help, const char *key,
			 const json_t *list)
{
	const json_t *v, *n;
	const char *limit;
	char name[64];
	size_t i;

	snprintf(name, sizeof(name), "%s_limit", owner);
	print_head(f, name, false, help);
	json_array_foreach(list, i, v) {
		json_object_foreach(json_object_get(v, "limits"), limit, n) {
			fprintf(f, "logcache_%s{%s=\"", name, owner);
			print_text(f, json_string_value(json_object_get(v, key)));
			fprintf(f, "\",limit=\"%s\"} %" JSON_INTEGER_FORMAT "\n", limit,
				json_integer_value(n));
		}
	}
}

static void print_bucket(FILE *f, const char *name, bool counter, const char *help,
			 const char *key, const json_t *buckets)
{
	const json_t *b;
	size_t i;

	print_head(f, name, counter, help);
	json_array_foreach(buckets, i, b) {
		fprintf(f, "logcache_%s{bucket=\"", name);
		print_text(f, json_string_value(json_object_get(b, "name")));
		fprintf(f, "\"} %" JSON_INTEGER_FORMAT "\n",
			json_integer_value(json_object_get(b, key)));
	}
}

static void print_buckets(FILE *f, const json_t *buckets)
{
	print_limits(f, "bucket", "A second, for all volumes of the bucket together; 0: none.",
		     "name", buckets);
	print_bucket(f, "bucket_volumes", false, "Volumes that use the bucket.", "volumes",
		     buckets);
	print_bucket(f, "bucket_throttled_uploads_total", true,
		     "Uploads that waited for a limit of the bucket.", "throttled_up", buckets);
	print_bucket(f, "bucket_throttled_downloads_total", true,
		     "Downloads that waited for a limit of the bucket.", "throttled_down", buckets);
}

/* One that is 1, of each set of words. */
static void print_words(FILE *f, const char *key, const char *help, const json_t *volumes)
{
	const json_t *v;
	size_t i;

	print_head(f, key, false, help);
	json_array_foreach(volumes, i, v) {
		fprintf(f, "logcache_%s{", key);
		print_labels(f, v);
		fprintf(f, ",%s=\"%s\"} 1\n", key, json_string_value(json_object_get(v, key)));
	}
}

json_t *lc_metrics_text(const struct lc_daemon *d)
{
	json_t *volumes = json_array(), *buckets = lc_metrics_buckets(d), *text = NULL;
	const struct lc_serve *sv;
	char *buf = NULL;
	size_t len, i;
	FILE *f;

	list_for_each_entry(sv, &d->volumes, list)
		json_array_append_new(volumes, lc_metrics_volume(sv));
	f = open_memstream(&buf, &len);
	if (f) {
		print_words(f, "state", "State of the volume.", volumes);
		print_words(f, "breaker", "State of the circuit breaker.", volumes);
		for (i = 0; i < ARRAY_SIZE(metrics); i++)
			print_metric(f, &metrics[i], volumes);
		print_requests(f, volumes);
		print_limits(f, "volume", "A second, of the volume alone; 0: none.", "uuid",
			     volumes);
		print_buckets(f, buckets);
		fclose(f);
		text = json_string_nocheck(buf);
		free(buf);
	}
	json_decref(volumes);
	json_decref(buckets);
	return text;
}
