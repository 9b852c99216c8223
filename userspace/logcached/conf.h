/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is known of a volume that lives in a store: <dir>/<uuid>.conf, written by
 * logcachectl, read by logcached. No secrets, only where they are; mode 0600 all the same.
 *
 *   [volume]
 *   url = s3://bucket/prefix
 *   endpoint = https://s3.example.com
 *   ...			all options of the store, store_cfg.h
 *   cache = 7a3c...		the cache that may take the volume over as a new one
 *   after = 51f0...		as long as that one wrote last
 *   no_fencing = true
 *   upload_bytes = 0		limits a second, of this volume; 0: none
 *   ...
 */
#ifndef LC_CONF_H
#define LC_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/store_cfg.h"
#include "store/throttle.h"

#define LC_CONF_DIR	"/etc/logcache/volumes.d"
#define LC_CONF_FILE	"/etc/logcache/logcached.conf"	/* bucket_limits.h */
#define LC_CONF_SUFFIX	".conf"
/* upload_memory: 32 units of 4 MiB or 8 of 16 MiB, with their lists; the largest unit. */
#define LC_CONF_UPLOAD_MEMORY		(136u << 20)
#define LC_CONF_UPLOAD_MEMORY_MIN	(17u << 20)

/* A second; 0: no limit. */
struct lc_rates {
	uint64_t upload_bytes;
	uint64_t upload_requests;
	uint64_t download_bytes;
	uint64_t download_requests;
};

/* By name. -EINVAL with a text in @why (LC_STORE_WHY_MAX): also if there is none of that name. */
int lc_rates_set(struct lc_rates *r, const char *name, const char *value, char *why);
/* The name of each, by its number; NULL behind the last. */
const char *lc_rates_name(unsigned int nr);
uint64_t lc_rates_get(const struct lc_rates *r, unsigned int nr);
/*
 * The file is read again: where @now is not what @file was it is in force, and elsewhere
 * @r stays, which may have been set since. @file is @now then.
 */
void lc_rates_reload(struct lc_rates *r, struct lc_rates *file, const struct lc_rates *now);
/* From now on. */
void lc_rates_apply(const struct lc_rates *r, struct lc_limits *limits, uint64_t now);

/**
 * struct lc_conf - one volume; sizes in bytes
 * @uuid:	of the volume, from the name of the file
 * @cache:	uuid of a cache; all zero: none
 * @after:	whose successor @cache is: nobody else has written since; all zero: whosever
 * @no_fencing:	do without conditional PUTs, and without protection
 * @rates:	limits of the volume
 * @gc_target:	percent, see bucket/volume.h; 0: its default
 * @upload_memory: locked, for units on their way; 0: LC_CONF_UPLOAD_MEMORY
 */
struct lc_conf {
	uint8_t uuid[16];
	struct lc_store_cfg store;
	char url[LC_STORE_KEY_MAX + LC_BUCKET_MAX + 16];
	uint8_t cache[16];
	uint8_t after[16];
	bool no_fencing;
	struct lc_rates rates;
	uint64_t gc_target;
	uint64_t upload_memory;
};

void lc_conf_init(struct lc_conf *conf, const uint8_t uuid[16]);

/* One line of it, also "url"; -EINVAL with a text in @why, -ENOENT: no such option. */
int lc_conf_set(struct lc_conf *conf, const char *name, const char *value, char *why);
/* All that belongs together is there; completes @conf->store. -EINVAL with a text. */
int lc_conf_finish(struct lc_conf *conf, char *why);

/* The options of the file that are not the store's, one after the other; NULL behind the last. */
const char *lc_conf_option(unsigned int nr, const char **help);
/* Returns @buf. */
const char *lc_conf_get(const struct lc_conf *conf, const char *name, char *buf, size_t max);

/* <dir>/<uuid>.conf, read and finished. 0, -ENOENT, or -errno; with a text in @why. */
int lc_conf_load(struct lc_conf *conf, const char *dir, const uint8_t uuid[16], char *why);
/* Replaces the file in one step, durably; makes @dir (0700). Only what is not a default. */
int lc_conf_save(const struct lc_conf *conf, const char *dir, char *why);
/* A uuid as a text, whole; false: it is none. */
bool lc_conf_uuid(const char *text, uint8_t uuid[16]);

/* 0 also if there was none. */
int lc_conf_remove(const char *dir, const uint8_t uuid[16], char *why);
/* One call for the uuid of each file whose name is one. 0, also without @dir, or -errno. */
int lc_conf_each(const char *dir, void (*fn)(const uint8_t uuid[16], void *data), void *data);

#endif /* LC_CONF_H */
