// SPDX-License-Identifier: GPL-2.0-only
/* What a volume's file says: parsed, printed, and replaced in one step. */

#include "conf.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <linux/kernel.h>
#include <linux/string.h>

#include "bucket/key.h"
#include "store/ini.h"

#define SECTION		"volume"
#define NAME_LEN	(LC_UUID_TEXT - 1 + sizeof(LC_CONF_SUFFIX))

/*----------------------------------------------------------------
 * Options
 *----------------------------------------------------------------
 */

enum kind { URL, UUID, BOOL, NUMBER };

#define AT(field)	offsetof(struct lc_conf, field)

static const struct option {
	const char *name;
	enum kind kind;
	size_t offset;
	uint64_t max;
	const char *help;
} options[] = {
	{ "url", URL, AT(url), 0, "file:/directory or s3://bucket/prefix: where the volume is" },
	{ "cache", UUID, AT(cache), 0,
	  "uuid of the cache that may take the volume over as a new one" },
	{ "after", UUID, AT(after), 0,
	  "uuid of the cache that it takes the volume over from; none: from any" },
	{ "no_fencing", BOOL, AT(no_fencing), 0,
	  "true: do without conditional PUTs; two hosts may then destroy the volume" },
	{ "upload_bytes", NUMBER, AT(rates.upload_bytes), INT64_MAX,
	  "at most, a second; 0: no limit" },
	{ "upload_requests", NUMBER, AT(rates.upload_requests), INT64_MAX,
	  "at most, a second; 0: no limit" },
	{ "download_bytes", NUMBER, AT(rates.download_bytes), INT64_MAX,
	  "at most, a second; 0: no limit" },
	{ "download_requests", NUMBER, AT(rates.download_requests), INT64_MAX,
	  "at most, a second; 0: no limit" },
	{ "gc_target", NUMBER, AT(gc_target), 100,
	  "collect garbage while less than this percentage is needed; 0: 70" },
	{ "upload_memory", NUMBER, AT(upload_memory), 1ull << 40,
	  "bytes, locked, for what is being uploaded; 0: 136 MiB" },
};

static const struct option *find_option(const char *name)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(options); i++)
		if (!strcmp(options[i].name, name))
			return &options[i];
	return NULL;
}

const char *lc_conf_option(unsigned int nr, const char **help)
{
	if (nr >= ARRAY_SIZE(options))
		return NULL;
	*help = options[nr].help;
	return options[nr].name;
}

/* As lc_uuid_text() writes it, to the letter. */
static bool parse_uuid(const char *text, size_t len, uint8_t uuid[16])
{
	char back[LC_UUID_TEXT], byte[3] = "";
	unsigned int i, at = 0;

	if (len != LC_UUID_TEXT - 1)
		return false;
	for (i = 0; i < 16; i++, at += 2) {
		at += text[at] == '-';
		if (at + 2 > len)
			return false;
		memcpy(byte, text + at, 2);
		uuid[i] = strtoul(byte, NULL, 16);
	}
	return !strncasecmp(text, lc_uuid_text(back, uuid), len);
}

bool lc_conf_uuid(const char *text, uint8_t uuid[16])
{
	return parse_uuid(text, strlen(text), uuid);
}

static int set_uuid(uint8_t *to, const char *name, const char *value, char *why)
{
	if (!*value) {
		memset(to, 0, 16);
		return 0;
	}
	if (lc_conf_uuid(value, to))
		return 0;
	snprintf(why, LC_STORE_WHY_MAX, "%s: '%.64s' is no uuid", name, value);
	return -EINVAL;
}

static int set_bool(bool *to, const char *name, const char *value, char *why)
{
	if (strcmp(value, "true") && strcmp(value, "false")) {
		snprintf(why, LC_STORE_WHY_MAX, "%s: true or false, not '%.64s'", name, value);
		return -EINVAL;
	}
	*to = !strcmp(value, "true");
	return 0;
}

static int set_number(const struct option *o, uint64_t *to, const char *value, char *why)
{
	uint64_t n;
	char *end;

	errno = 0;
	n = strtoull(value, &end, 10);
	if (errno || !isdigit((unsigned char)*value) || *end || n > o->max) {
		snprintf(why, LC_STORE_WHY_MAX, "%s: '%.64s' is not a number from 0 to %" PRIu64,
			 o->name, value, o->max);
		return -EINVAL;
	}
	*to = n;
	return 0;
}

/*----------------------------------------------------------------
 * Limits
 *----------------------------------------------------------------
 */

static const char * const rate_names[] = {
	"upload_bytes", "upload_requests", "download_bytes", "download_requests",
};

static_assert(sizeof(struct lc_rates) == sizeof(uint64_t[ARRAY_SIZE(rate_names)]),
	      "each has a name");

const char *lc_rates_name(unsigned int nr)
{
	return nr < ARRAY_SIZE(rate_names) ? rate_names[nr] : NULL;
}

uint64_t lc_rates_get(const struct lc_rates *r, unsigned int nr)
{
	const struct option *o = find_option(rate_names[nr]);

	return *(const uint64_t *)((const char *)r + o->offset - AT(rates));
}

int lc_rates_set(struct lc_rates *r, const char *name, const char *value, char *why)
{
	const struct option *o;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rate_names); i++) {
		if (strcmp(name, rate_names[i]))
			continue;
		o = find_option(name);
		return set_number(o, (uint64_t *)((char *)r + o->offset - AT(rates)), value, why);
	}
	snprintf(why, LC_STORE_WHY_MAX,
		 "no limit '%.64s'; there are upload_bytes, upload_requests, download_bytes, download_requests",
		 name);
	return -EINVAL;
}

void lc_rates_reload(struct lc_rates *r, struct lc_rates *file, const struct lc_rates *now)
{
	const uint64_t *was = (const uint64_t *)file, *is = (const uint64_t *)now;
	uint64_t *rate = (uint64_t *)r;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rate_names); i++)
		if (was[i] != is[i])
			rate[i] = is[i];
	*file = *now;
}

void lc_rates_apply(const struct lc_rates *r, struct lc_limits *limits, uint64_t now)
{
	lc_bucket_set(&limits->bytes[LC_UP], now, r->upload_bytes, 0);
	lc_bucket_set(&limits->requests[LC_UP], now, r->upload_requests, 0);
	lc_bucket_set(&limits->bytes[LC_DOWN], now, r->download_bytes, 0);
	lc_bucket_set(&limits->requests[LC_DOWN], now, r->download_requests, 0);
}

static int set_url(struct lc_conf *conf, const char *value, char *why)
{
	int ret = lc_store_cfg_url(&conf->store, value, why);

	if (!ret && strlen(value) >= sizeof(conf->url)) {
		snprintf(why, LC_STORE_WHY_MAX, "URL: too long");
		ret = -EINVAL;
	}
	if (!ret)
		strscpy(conf->url, value, sizeof(conf->url));
	return ret;
}

int lc_conf_set(struct lc_conf *conf, const char *name, const char *value, char *why)
{
	const struct option *o = find_option(name);
	void *field;

	if (!o) {
		int ret = lc_store_cfg_set(&conf->store, name, value, why);

		if (ret == -ENOENT)
			snprintf(why, LC_STORE_WHY_MAX, "no option '%.64s' of a volume", name);
		return ret;
	}
	field = (char *)conf + o->offset;
	switch (o->kind) {
	case URL:
		return set_url(conf, value, why);
	case UUID:
		return set_uuid(field, name, value, why);
	case BOOL:
		return set_bool(field, name, value, why);
	default:
		return set_number(o, field, value, why);
	}
}

static const char *get_uuid(const uint8_t uuid[16], char *buf, size_t max)
{
	static const uint8_t none[16];
	char text[LC_UUID_TEXT];

	snprintf(buf, max, "%s", memcmp(uuid, none, 16) ? lc_uuid_text(text, uuid) : "");
	return buf;
}

const char *lc_conf_get(const struct lc_conf *conf, const char *name, char *buf, size_t max)
{
	const struct option *o = find_option(name);
	const void *field;

	if (!o)
		return lc_store_cfg_get(&conf->store, name, buf, max);
	field = (const char *)conf + o->offset;
	switch (o->kind) {
	case URL:
		snprintf(buf, max, "%s", (const char *)field);
		return buf;
	case UUID:
		return get_uuid(field, buf, max);
	case BOOL:
		snprintf(buf, max, "%s", *(const bool *)field ? "true" : "false");
		return buf;
	default:
		snprintf(buf, max, "%" PRIu64, *(const uint64_t *)field);
		return buf;
	}
}

void lc_conf_init(struct lc_conf *conf, const uint8_t uuid[16])
{
	memset(conf, 0, sizeof(*conf));
	memcpy(conf->uuid, uuid, sizeof(conf->uuid));
	lc_store_cfg_init(&conf->store);
}

int lc_conf_finish(struct lc_conf *conf, char *why)
{
	if (conf->upload_memory && conf->upload_memory < LC_CONF_UPLOAD_MEMORY_MIN) {
		snprintf(why, LC_STORE_WHY_MAX,
			 "upload_memory: an object may need %u bytes; give it that, or 0",
			 LC_CONF_UPLOAD_MEMORY_MIN);
		return -EINVAL;
	}
	return lc_store_cfg_finish(&conf->store, why);
}

/*----------------------------------------------------------------
 * Reading
 *----------------------------------------------------------------
 */

static void file_path(char *path, size_t max, const char *dir, const uint8_t uuid[16],
		      const char *suffix)
{
	char text[LC_UUID_TEXT];

	snprintf(path, max, "%s/%s%s", dir, lc_uuid_text(text, uuid), suffix);
}

/* @why, with the file in front of it. */
static void add_path(char *why, const char *path)
{
	char text[LC_STORE_WHY_MAX];

	strscpy(text, why, sizeof(text));
	snprintf(why, LC_STORE_WHY_MAX, "%.120s: %.130s", path, text);
}

struct load {
	struct lc_conf *conf;
	char *why;
	int ret;
};

static bool take_line(void *data, const char *section, const char *name, const char *value)
{
	struct load *l = data;

	if (strcmp(section, SECTION)) {
		snprintf(l->why, LC_STORE_WHY_MAX, "'%.64s' is not below [" SECTION "]", name);
		l->ret = -EINVAL;
	} else {
		l->ret = lc_conf_set(l->conf, name, value, l->why);
		if (l->ret == -ENOENT)
			l->ret = -EINVAL;
	}
	return !l->ret;
}

int lc_conf_load(struct lc_conf *conf, const char *dir, const uint8_t uuid[16], char *why)
{
	struct load l = { .conf = conf, .why = why };
	char path[PATH_MAX];
	bool exposed = false;
	int ret;

	file_path(path, sizeof(path), dir, uuid, LC_CONF_SUFFIX);
	lc_conf_init(conf, uuid);
	ret = lc_ini_read(path, &exposed, take_line, &l, why);
	if (ret) {
		if (ret == -ENOENT)
			snprintf(why, LC_STORE_WHY_MAX, "%.128s: there is no such file", path);
		return ret;
	}
	if (exposed) {
		snprintf(why, LC_STORE_WHY_MAX, "%.128s: others can get at it; chmod 600", path);
		return -EPERM;
	}
	ret = l.ret ?: lc_conf_finish(conf, why);
	if (ret)
		add_path(why, path);
	return ret;
}

int lc_conf_each(const char *dir, void (*fn)(const uint8_t uuid[16], void *data), void *data)
{
	struct dirent *e;
	uint8_t uuid[16];
	DIR *d;

	d = opendir(dir);
	if (!d)
		return errno == ENOENT ? 0 : -errno;
	while ((e = readdir(d))) {
		if (strlen(e->d_name) == NAME_LEN - 1 &&
		    !strcmp(e->d_name + LC_UUID_TEXT - 1, LC_CONF_SUFFIX) &&
		    parse_uuid(e->d_name, LC_UUID_TEXT - 1, uuid))
			fn(uuid, data);
	}
	closedir(d);
	return 0;
}

/*----------------------------------------------------------------
 * Writing
 *----------------------------------------------------------------
 */

static void print_option(FILE *f, const struct lc_conf *conf, const struct lc_conf *def,
			 const char *name)
{
	char value[PATH_MAX], usual[PATH_MAX];

	lc_conf_get(conf, name, value, sizeof(value));
	if (strcmp(value, lc_conf_get(def, name, usual, sizeof(usual))))
		fprintf(f, "%s = %s\n", name, value);
}

static void print(FILE *f, const struct lc_conf *conf)
{
	struct lc_conf def;
	const char *name, *help;
	unsigned int i;

	lc_conf_init(&def, conf->uuid);
	fprintf(f, "[" SECTION "]\n");
	for (i = 0; (name = lc_conf_option(i, &help)); i++)
		print_option(f, conf, &def, name);
	for (i = 0; (name = lc_store_cfg_option(i, &help)); i++)
		print_option(f, conf, &def, name);
}

static int write_file(const char *path, const struct lc_conf *conf)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600), ret = 0;
	FILE *f;

	if (fd < 0)
		return -errno;
	f = fdopen(fd, "w");
	if (!f) {
		ret = -errno;
		close(fd);
		return ret;
	}
	print(f, conf);
	if (fflush(f) || fchmod(fd, 0600) || fsync(fd))
		ret = -errno;
	if (fclose(f) && !ret)
		ret = -errno;
	return ret;
}

static int sync_dir(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), ret = 0;

	if (fd < 0)
		return -errno;
	if (fsync(fd))
		ret = -errno;
	close(fd);
	return ret;
}

int lc_conf_save(const struct lc_conf *conf, const char *dir, char *why)
{
	char path[PATH_MAX], tmp[PATH_MAX];
	int ret = 0;

	file_path(path, sizeof(path), dir, conf->uuid, LC_CONF_SUFFIX);
	file_path(tmp, sizeof(tmp), dir, conf->uuid, ".new");
	if (mkdir(dir, 0700) && errno != EEXIST)
		ret = -errno;
	ret = ret ?: write_file(tmp, conf);
	if (!ret && rename(tmp, path))
		ret = -errno;
	ret = ret ?: sync_dir(dir);
	if (ret) {
		unlink(tmp);
		snprintf(why, LC_STORE_WHY_MAX, "%.128s: cannot be written: %s", path,
			 strerror(-ret));
	}
	return ret;
}

int lc_conf_remove(const char *dir, const uint8_t uuid[16], char *why)
{
	char path[PATH_MAX];
	int ret = 0;

	file_path(path, sizeof(path), dir, uuid, LC_CONF_SUFFIX);
	if (unlink(path))
		ret = errno == ENOENT ? 0 : -errno;
	else
		ret = sync_dir(dir);
	if (ret)
		snprintf(why, LC_STORE_WHY_MAX, "%.128s: cannot be removed: %s", path,
			 strerror(-ret));
	return ret;
}
