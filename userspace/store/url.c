// SPDX-License-Identifier: GPL-2.0-only
/* URLs of stores. */

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <linux/kernel.h>
#include <linux/string.h>

#include "store_cfg.h"

static const struct scheme {
	const char *prefix;
	enum lc_store_kind kind;
	const char *vendor;
} schemes[] = {
	{ "file:", LC_STORE_KIND_FILE, NULL },
	{ "s3://", LC_STORE_KIND_S3, NULL },
	{ "oss://", LC_STORE_KIND_S3, "oss" },
	{ "bos://", LC_STORE_KIND_S3, "bos" },
	{ "tos://", LC_STORE_KIND_S3, "tos" },
};

static int file_url(struct lc_store_cfg *cfg, const char *path, char *why)
{
	/* file:///dir is the same as file:/dir; there is no host. */
	if (!strncmp(path, "///", 3))
		path += 2;
	if (path[0] != '/' || path[1] == '/' || strlen(path) >= sizeof(cfg->path)) {
		snprintf(why, LC_STORE_WHY_MAX, "URL: file:/DIRECTORY with its whole path");
		return -EINVAL;
	}
	strscpy(cfg->path, path, sizeof(cfg->path));
	return 0;
}

/* The rules of S3; so that it can stand in a host name and in a path. */
static bool bucket_ok(const char *name, size_t len)
{
	size_t i;

	if (len < 3 || len >= LC_BUCKET_MAX)
		return false;
	for (i = 0; i < len; i++)
		if (!isalnum((unsigned char)name[i]) && !strchr("-._", name[i]))
			return false;
	return isalnum((unsigned char)name[0]) && isalnum((unsigned char)name[len - 1]);
}

static int s3_url(struct lc_store_cfg *cfg, const char *rest, char *why)
{
	size_t len = strcspn(rest, "/");

	if (!bucket_ok(rest, len)) {
		snprintf(why, LC_STORE_WHY_MAX,
			 "URL: '%.*s' is no name of a bucket; s3://BUCKET/PREFIX, and secrets do not belong there",
			 strchr(rest, '@') ? 0 : (int)min(len, (size_t)64), rest);
		return -EINVAL;
	}
	snprintf(cfg->bucket, sizeof(cfg->bucket), "%.*s", (int)len, rest);
	rest += len;
	rest += *rest == '/';
	len = strlen(rest);
	if (len >= sizeof(cfg->prefix) / 2) {
		snprintf(why, LC_STORE_WHY_MAX, "URL: the prefix is too long");
		return -EINVAL;
	}
	memcpy(cfg->prefix, rest, len + 1);
	if (len && cfg->prefix[len - 1] == '/')
		cfg->prefix[--len] = '\0';
	if (len && !lc_store_key_ok(cfg->prefix, false)) {
		snprintf(why, LC_STORE_WHY_MAX,
			 "URL: prefix '%.64s': only [A-Za-z0-9/._-], no part of it empty or with a dot in front",
			 cfg->prefix);
		return -EINVAL;
	}
	return 0;
}

int lc_store_cfg_url(struct lc_store_cfg *cfg, const char *url, char *why)
{
	const struct scheme *s;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(schemes); i++) {
		s = &schemes[i];
		if (strncmp(url, s->prefix, strlen(s->prefix)))
			continue;
		cfg->kind = s->kind;
		if (s->vendor)
			strscpy(cfg->vendor_name, s->vendor, sizeof(cfg->vendor_name));
		url += strlen(s->prefix);
		return s->kind == LC_STORE_KIND_FILE ? file_url(cfg, url, why) :
						       s3_url(cfg, url, why);
	}
	snprintf(why, LC_STORE_WHY_MAX, "URL: file:/DIRECTORY, s3://, oss://, bos:// or tos://");
	return -EINVAL;
}
