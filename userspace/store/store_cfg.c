// SPDX-License-Identifier: GPL-2.0-only
/* Options of a store and what vendors have for them. */

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/kernel.h>
#include <linux/string.h>

#include "store_cfg.h"

static const struct lc_vendor vendors[] = {
	{
		.name = "s3",
		.region = "us-east-1",
		.addressing = LC_ADDRESSING_PATH,
	}, {
		.name = "aws",
		.endpoint = "s3.%s.amazonaws.com",
		.region = "us-east-1",
		.addressing = LC_ADDRESSING_VIRTUAL,
	}, {
		.name = "oss",
		.endpoint = "s3.oss-%s.aliyuncs.com",
		.absent = "x-oss-forbid-overwrite",
		.addressing = LC_ADDRESSING_VIRTUAL,
	}, {
		.name = "bos",
		.endpoint = "s3.%s.bcebos.com",
		.addressing = LC_ADDRESSING_VIRTUAL,
	}, {
		.name = "tos",
		.endpoint = "tos-s3-%s.volces.com",
		.absent = "x-tos-forbid-overwrite",
		.addressing = LC_ADDRESSING_VIRTUAL,
	}, {
		.name = "minio",
		.region = "us-east-1",
		.addressing = LC_ADDRESSING_PATH,
	}, {
		.name = "ceph",
		.region = "us-east-1",
		.addressing = LC_ADDRESSING_PATH,
		.bare_tags = true,
	},
};

#define AT(field)	offsetof(struct lc_store_cfg, field)

/* Text with room for @size, or a number from @min to @max. */
static const struct option {
	const char *name;
	size_t offset;
	size_t size;
	uint64_t min;
	uint64_t max;
	const char *help;
} options[] = {
	{ "endpoint", AT(endpoint), LC_HOST_MAX, 0, 0,
	  "URL of the server; the vendor's own if there is none" },
	{ "region", AT(region), LC_REGION_MAX, 0, 0, "name of the region" },
	{ "vendor", AT(vendor_name), LC_NAME_MAX, 0, 0, "s3, aws, oss, bos, tos, minio, ceph" },
	{ "addressing", AT(addressing_name), LC_NAME_MAX, 0, 0,
	  "auto, path, virtual: where the bucket's name stands" },
	{ "ca_file", AT(ca_file), PATH_MAX, 0, 0,
	  "certificates to trust, PEM; the system's if there is none" },
	{ "credentials", AT(credentials), LC_NAME_MAX, 0, 0,
	  "auto, file, env, profile, instance" },
	{ "profile", AT(profile), LC_NAME_MAX, 0, 0, "which one of a profile file" },
	{ "key_file", AT(key_file), PATH_MAX, 0, 0, "file with access_key and secret_key" },
	{ "metadata", AT(metadata), LC_HOST_MAX, 0, 0, "URL of the instance metadata service" },
	{ "part_size", AT(part_size), 0, 5 << 20, 5ull << 30,
	  "objects larger than that are put in parts of it; bytes" },
	{ "connections", AT(connections), 0, 1, 1024, "transfers at a time" },
	{ "connect_ms", AT(connect_ms), 0, 1, 600000, "time for a connection" },
	{ "idle_ms", AT(idle_ms), 0, 1000, 3600000, "give up when nothing moves for that long" },
	{ "request_ms", AT(request_ms), 0, 1, 86400000, "time for one request" },
};

void lc_store_cfg_init(struct lc_store_cfg *cfg)
{
	memset(cfg, 0, sizeof(*cfg));
	snprintf(cfg->credentials, sizeof(cfg->credentials), "auto");
	snprintf(cfg->addressing_name, sizeof(cfg->addressing_name), "auto");
	cfg->part_size = 64 << 20;
	cfg->connections = 64;
	cfg->connect_ms = 5000;
	cfg->idle_ms = 30000;
	cfg->request_ms = 300000;
}

static const struct option *find_option(const char *name)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(options); i++)
		if (!strcmp(options[i].name, name))
			return &options[i];
	return NULL;
}

const char *lc_store_cfg_option(unsigned int nr, const char **help)
{
	if (nr >= ARRAY_SIZE(options))
		return NULL;
	*help = options[nr].help;
	return options[nr].name;
}

static int set_number(const struct option *o, void *field, const char *value, char *why)
{
	uint64_t n;
	char *end;

	errno = 0;
	n = strtoull(value, &end, 10);
	if (errno || !isdigit((unsigned char)*value) || *end || n < o->min || n > o->max) {
		snprintf(why, LC_STORE_WHY_MAX, "%s: '%.64s' is not a number from %" PRIu64
			 " to %" PRIu64, o->name, value, o->min, o->max);
		return -EINVAL;
	}
	*(uint64_t *)field = n;
	return 0;
}

static bool printable(const char *s)
{
	for (; *s; s++)
		if (!isgraph((unsigned char)*s) && *s != ' ')
			return false;
	return true;
}

int lc_store_cfg_set(struct lc_store_cfg *cfg, const char *name, const char *value, char *why)
{
	const struct option *o = find_option(name);
	char *field;

	if (!o) {
		snprintf(why, LC_STORE_WHY_MAX, "no option '%.64s' of a store", name);
		return -ENOENT;
	}
	field = (char *)cfg + o->offset;
	if (!o->size)
		return set_number(o, field, value, why);
	if (strlen(value) >= o->size || !printable(value)) {
		snprintf(why, LC_STORE_WHY_MAX, "%s: too long, or not printable", name);
		return -EINVAL;
	}
	strscpy(field, value, o->size);
	return 0;
}

const char *lc_store_cfg_get(const struct lc_store_cfg *cfg, const char *name,
			     char *buf, size_t max)
{
	const struct option *o = find_option(name);
	const char *field;

	*buf = '\0';
	if (!o)
		return buf;
	field = (const char *)cfg + o->offset;
	if (!o->size)
		snprintf(buf, max, "%" PRIu64, *(const uint64_t *)field);
	else
		snprintf(buf, max, "%s", field);
	return buf;
}

/* --- what follows from them ----------------------------------------------- */

static int find_vendor(struct lc_store_cfg *cfg, char *why)
{
	const char *name = cfg->vendor_name;
	unsigned int i;

	if (!*name)
		name = *cfg->endpoint ? "s3" : "aws";
	for (i = 0; i < ARRAY_SIZE(vendors); i++)
		if (!strcmp(vendors[i].name, name))
			cfg->vendor = &vendors[i];
	if (cfg->vendor)
		return 0;
	snprintf(why, LC_STORE_WHY_MAX,
		 "vendor: no '%s'; there are s3, aws, oss, bos, tos, minio, ceph", name);
	return -EINVAL;
}

static int find_region(struct lc_store_cfg *cfg, char *why)
{
	const char *p;

	if (!*cfg->region && cfg->vendor->region)
		strscpy(cfg->region, cfg->vendor->region, sizeof(cfg->region));
	if (!*cfg->region) {
		snprintf(why, LC_STORE_WHY_MAX, "region: %s needs one", cfg->vendor->name);
		return -EINVAL;
	}
	for (p = cfg->region; *p; p++)
		if (!isalnum((unsigned char)*p) && *p != '-' && *p != '_') {
			snprintf(why, LC_STORE_WHY_MAX, "region: '%s' is no name of one",
				 cfg->region);
			return -EINVAL;
		}
	return 0;
}

static int find_addressing(struct lc_store_cfg *cfg, char *why)
{
	if (!strcmp(cfg->addressing_name, "path")) {
		cfg->addressing = LC_ADDRESSING_PATH;
	} else if (!strcmp(cfg->addressing_name, "virtual")) {
		cfg->addressing = LC_ADDRESSING_VIRTUAL;
	} else if (!strcmp(cfg->addressing_name, "auto")) {
		cfg->addressing = cfg->vendor->addressing;
		/* No certificate is good for what has one more dot. */
		if (strchr(cfg->bucket, '.'))
			cfg->addressing = LC_ADDRESSING_PATH;
	} else {
		snprintf(why, LC_STORE_WHY_MAX, "addressing: auto, path or virtual, not '%s'",
			 cfg->addressing_name);
		return -EINVAL;
	}
	return 0;
}

static bool host_ok(const char *host)
{
	const char *p;

	for (p = host; *p; p++)
		if (!isalnum((unsigned char)*p) && !strchr(".-_:[]", *p))
			return false;
	return *host;
}

/* "https://host:443/" -> "host" */
static int split_endpoint(struct lc_store_cfg *cfg, char *why)
{
	const char *host = NULL, *port;
	size_t len;

	cfg->tls = !strncmp(cfg->endpoint, "https://", 8);
	if (cfg->tls)
		host = cfg->endpoint + 8;
	else if (!strncmp(cfg->endpoint, "http://", 7))
		host = cfg->endpoint + 7;
	if (host)
		strscpy(cfg->host, host, sizeof(cfg->host));
	for (len = 0; cfg->host[len]; len++)
		cfg->host[len] = tolower((unsigned char)cfg->host[len]);
	if (len && cfg->host[len - 1] == '/')
		cfg->host[--len] = '\0';
	if (!host || !host_ok(cfg->host)) {
		snprintf(why, LC_STORE_WHY_MAX,
			 "endpoint: http://HOST[:PORT] or https://..., nothing else");
		return -EINVAL;
	}
	port = cfg->tls ? ":443" : ":80";
	if (len > strlen(port) && !strcmp(cfg->host + len - strlen(port), port))
		cfg->host[len - strlen(port)] = '\0';
	return 0;
}

static int find_endpoint(struct lc_store_cfg *cfg, char *why)
{
	if (*cfg->endpoint)
		return split_endpoint(cfg, why);
	if (!cfg->vendor->endpoint) {
		snprintf(why, LC_STORE_WHY_MAX, "endpoint: %s needs one", cfg->vendor->name);
		return -EINVAL;
	}
	cfg->tls = true;
	snprintf(cfg->host, sizeof(cfg->host), cfg->vendor->endpoint, cfg->region);
	return 0;
}

int lc_store_cfg_finish(struct lc_store_cfg *cfg, char *why)
{
	int ret;

	if (cfg->kind == LC_STORE_KIND_NONE) {
		snprintf(why, LC_STORE_WHY_MAX, "no URL is given");
		return -EINVAL;
	}
	if (cfg->kind == LC_STORE_KIND_FILE)
		return 0;
	ret = find_vendor(cfg, why);
	if (!ret)
		ret = find_region(cfg, why);
	if (!ret)
		ret = find_addressing(cfg, why);
	if (!ret)
		ret = find_endpoint(cfg, why);
	return ret;
}

static void cut_slashes(char *name, size_t least)
{
	size_t len;

	for (len = strlen(name); len > least && name[len - 1] == '/'; len--)
		name[len - 1] = '\0';
}

/* One server, whatever it is called: in lower case, and without the port of a scheme. */
static void print_server(char *buf, const char *host, size_t len, const char *bucket)
{
	static const char * const ports[] = { ":443", ":80" };
	size_t i, n;

	for (i = 0; i < ARRAY_SIZE(ports); i++) {
		n = strlen(ports[i]);
		if (len > n && !strncmp(host + len - n, ports[i], n)) {
			len -= n;
			break;
		}
	}
	for (i = 0; i < len; i++)
		buf[i] = tolower((unsigned char)host[i]);
	snprintf(buf + len, LC_BUCKET_NAME_MAX - len, "/%s", bucket);
}

const char *lc_store_cfg_bucket(const struct lc_store_cfg *cfg, char *buf)
{
	if (cfg->kind == LC_STORE_KIND_S3) {
		print_server(buf, cfg->host, strlen(cfg->host), cfg->bucket);
		return buf;
	}
	snprintf(buf, LC_BUCKET_NAME_MAX, "file:%s", cfg->path);
	cut_slashes(buf, strlen("file:/"));
	return buf;
}

bool lc_store_bucket_name(const char *text, char *buf)
{
	size_t len = strcspn(text, "/");
	char host[LC_HOST_MAX];

	if (!strncmp(text, "file:/", 6)) {
		/* As in a URL. */
		text += strlen("file:");
		text += strncmp(text, "///", 3) ? 0 : 2;
		snprintf(buf, LC_BUCKET_NAME_MAX, "file:%s", text);
		cut_slashes(buf, strlen("file:/"));
		return true;
	}
	if (!len || len >= sizeof(host) || strlen(text) >= LC_BUCKET_NAME_MAX)
		return false;
	snprintf(host, sizeof(host), "%.*s", (int)len, text);
	print_server(buf, text, len, text[len] ? text + len + 1 : "");
	cut_slashes(buf, strcspn(buf, "/") + 1);
	text = strchr(buf, '/') + 1;
	return host_ok(host) && *text && !strchr(text, '/');
}
