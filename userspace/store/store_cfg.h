/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which store, and how to talk to it: a URL and options, as they stand in a
 * file of volumes.d or behind the command. One table parses and prints the
 * options. None of them is a secret; where the secrets are is one.
 */
#ifndef LC_STORE_CFG_H
#define LC_STORE_CFG_H

#include <limits.h>

#include "store.h"

#define LC_BUCKET_MAX	64u	/* with the NUL, as below */
#define LC_HOST_MAX	256u
#define LC_REGION_MAX	64u
#define LC_NAME_MAX	64u

enum lc_store_kind {
	LC_STORE_KIND_NONE,
	LC_STORE_KIND_FILE,
	LC_STORE_KIND_S3,
};

enum lc_addressing {
	LC_ADDRESSING_AUTO,		/* as the vendor has it */
	LC_ADDRESSING_PATH,		/* https://endpoint/bucket/key */
	LC_ADDRESSING_VIRTUAL,		/* https://bucket.endpoint/key */
};

/**
 * struct lc_vendor - how one kind of S3 differs
 * @endpoint:	without scheme, %s is the region; NULL: has to be given
 * @region:	if none is given; NULL: has to be given
 * @absent:	header that is true in a PUT that must not replace; NULL: If-None-Match
 * @bare_tags:	If-Match without quotes
 */
struct lc_vendor {
	const char *name;
	const char *endpoint;
	const char *region;
	const char *absent;
	enum lc_addressing addressing;
	bool bare_tags;
};

/**
 * struct lc_store_cfg - after lc_store_cfg_finish()
 * @path:	of a directory
 * @prefix:	of all keys, without slashes at its ends; may be empty
 * @host:	with the port, unless that is the scheme's own
 * @credentials: see creds.h
 */
struct lc_store_cfg {
	enum lc_store_kind kind;
	char path[PATH_MAX];

	char bucket[LC_BUCKET_MAX];
	char prefix[LC_STORE_KEY_MAX];
	char endpoint[LC_HOST_MAX];
	char region[LC_REGION_MAX];
	char vendor_name[LC_NAME_MAX];
	char addressing_name[LC_NAME_MAX];
	char ca_file[PATH_MAX];
	char credentials[LC_NAME_MAX];
	char profile[LC_NAME_MAX];
	char key_file[PATH_MAX];
	char metadata[LC_HOST_MAX];
	uint64_t part_size;
	uint64_t connections;
	uint64_t connect_ms;
	uint64_t idle_ms;
	uint64_t request_ms;

	const struct lc_vendor *vendor;
	enum lc_addressing addressing;
	char host[LC_HOST_MAX];
	bool tls;
};

/* With the NUL. */
#define LC_BUCKET_NAME_MAX	(PATH_MAX + 8u)

void lc_store_cfg_init(struct lc_store_cfg *cfg);

/*
 * file:/dir, s3://bucket/prefix; oss://, bos://, tos:// are S3 of that vendor.
 * 0 or -EINVAL with a text in @why (LC_STORE_WHY_MAX); so the next two.
 */
int lc_store_cfg_url(struct lc_store_cfg *cfg, const char *url, char *why);

/* -ENOENT: there is no such option. */
int lc_store_cfg_set(struct lc_store_cfg *cfg, const char *name, const char *value, char *why);

/* Fills in what the vendor has, and checks that it fits together. */
int lc_store_cfg_finish(struct lc_store_cfg *cfg, char *why);

/*
 * Which bucket that is, whatever the prefix: "host[:port]/bucket" or "file:/directory",
 * into @buf (LC_BUCKET_NAME_MAX), which is returned. @cfg is finished.
 */
const char *lc_store_cfg_bucket(const struct lc_store_cfg *cfg, char *buf);
/* The same of what a person has written; false: it is none of these. */
bool lc_store_bucket_name(const char *text, char *buf);

/* The options one after the other, for printing; NULL behind the last. */
const char *lc_store_cfg_option(unsigned int nr, const char **help);
/* Returns @buf. */
const char *lc_store_cfg_get(const struct lc_store_cfg *cfg, const char *name,
			     char *buf, size_t max);

#endif /* LC_STORE_CFG_H */
