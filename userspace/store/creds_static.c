// SPDX-License-Identifier: GPL-2.0-only
/* Keys in files and in the environment. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <linux/kernel.h>
#include <linux/string.h>

#include "creds_priv.h"
#include "ini.h"

bool lc_creds_time(const char *text, int64_t *seconds)
{
	struct tm tm = {};
	const char *end = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);

	if (!end)
		return false;
	/* Fractions of a second are of no use. */
	if (*end == '.')
		end += 1 + strspn(end + 1, "0123456789");
	if (strcmp(end, "Z") && strcmp(end, "+00:00"))
		return false;
	*seconds = timegm(&tm);
	return true;
}

static bool keep(char *field, size_t max, const char *value)
{
	if (strlen(value) >= max)
		return false;
	strscpy(field, value, max);
	return true;
}

/* --- the environment ------------------------------------------------------ */

static const struct env_names {
	const char *access;
	const char *secret;
	const char *token;
} env_names[] = {
	{ "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN" },
	{ "OSS_ACCESS_KEY_ID", "OSS_ACCESS_KEY_SECRET", "OSS_SESSION_TOKEN" },
	{ "ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET",
	  "ALIBABA_CLOUD_SECURITY_TOKEN" },
	{ "BCE_ACCESS_KEY_ID", "BCE_SECRET_ACCESS_KEY", "BCE_SESSION_TOKEN" },
	{ "TOS_ACCESS_KEY", "TOS_SECRET_KEY", "TOS_SECURITY_TOKEN" },
	{ "MINIO_ACCESS_KEY", "MINIO_SECRET_KEY", "MINIO_SESSION_TOKEN" },
};

static const char *env(const char *name)
{
	const char *value = getenv(name);

	return value ? value : "";
}

int lc_creds_load_env(const struct lc_store_cfg *cfg, struct lc_creds *out, char *why)
{
	const struct env_names *n;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(env_names); i++) {
		n = &env_names[i];
		if (!*env(n->access))
			continue;
		if (!*env(n->secret)) {
			snprintf(why, LC_STORE_WHY_MAX, "%s is set, %s is not", n->access,
				 n->secret);
			return -EINVAL;
		}
		if (keep(out->access, sizeof(out->access), env(n->access)) &&
		    keep(out->secret, sizeof(out->secret), env(n->secret)) &&
		    keep(out->token, sizeof(out->token), env(n->token)))
			return 0;
		snprintf(why, LC_STORE_WHY_MAX, "%s: too long", n->access);
		return -EINVAL;
	}
	snprintf(why, LC_STORE_WHY_MAX, "no AWS_ACCESS_KEY_ID");
	return -ENOENT;
}

/* --- files ---------------------------------------------------------------- */

/* How a kind of file calls things; @section: %s is the profile. */
static const struct file_kind {
	const char *home;		/* below $HOME */
	const char *path_env;
	const char *profile_env;
	const char *default_profile;
	const char *section;
	const char *access;
	const char *secret;
	const char *token;
	const char *expires;
} key_file = {
	.section = "",
	.access = "access_key",
	.secret = "secret_key",
	.token = "session_token",
	.expires = "expires",
}, profile_files[] = {
	{
		".aws/credentials", "AWS_SHARED_CREDENTIALS_FILE", "AWS_PROFILE", "default", "%s",
		"aws_access_key_id", "aws_secret_access_key", "aws_session_token",
		"aws_expiration",
	}, {
		".aws/config", "AWS_CONFIG_FILE", "AWS_PROFILE", "default", "profile %s",
		"aws_access_key_id", "aws_secret_access_key", "aws_session_token",
		"aws_expiration",
	}, {
		".alibabacloud/credentials", "ALIBABA_CLOUD_CREDENTIALS_FILE",
		"ALIBABA_CLOUD_PROFILE", "default", "%s",
		"access_key_id", "access_key_secret", "security_token", "",
	}, {
		".ossutilconfig", "", "", "Credentials", "%s",
		"accessKeyID", "accessKeySecret", "stsToken", "",
	}, {
		".go-bcecli/credentials", "", "", "Defaults", "%s", "Ak", "Sk", "Sts", "",
	},
};

struct reading {
	const struct file_kind *kind;
	char section[2 * LC_NAME_MAX];
	struct lc_creds *out;
	const char *bad;
};

static bool take(void *data, const char *section, const char *name, const char *value)
{
	struct reading *r = data;
	struct lc_creds *c = r->out;
	bool ok = true;

	/* In ~/.aws/config the default profile stands without that word. */
	if (strcmp(section, r->section) &&
	    (strcmp(section, "default") || strcmp(r->section, "profile default")))
		return true;
	if (!strcasecmp(name, r->kind->access))
		ok = keep(c->access, sizeof(c->access), value);
	else if (!strcasecmp(name, r->kind->secret))
		ok = keep(c->secret, sizeof(c->secret), value);
	else if (!strcasecmp(name, r->kind->token))
		ok = keep(c->token, sizeof(c->token), value);
	else if (*r->kind->expires && !strcasecmp(name, r->kind->expires))
		ok = lc_creds_time(value, &c->expires);
	if (!ok)
		r->bad = "a key is too long, or a time is not of the form 2026-01-31T12:00:00Z";
	return ok;
}

static int load(const struct file_kind *kind, const char *path, const char *profile,
		struct lc_creds *out, char *why)
{
	struct reading r = { .kind = kind, .out = out };
	bool exposed;
	int ret;

	snprintf(r.section, sizeof(r.section), kind->section, profile);
	ret = lc_ini_read(path, &exposed, take, &r, why);
	if (ret == -ENOENT)
		snprintf(why, LC_STORE_WHY_MAX, "no %.128s", path);
	if (ret)
		return ret;
	if (r.bad) {
		snprintf(why, LC_STORE_WHY_MAX, "%.100s: %s", path, r.bad);
		return -EINVAL;
	}
	if (*out->secret && exposed) {
		snprintf(why, LC_STORE_WHY_MAX,
			 "%.128s: others can get at it, and secrets are in it; chmod 600", path);
		return -EACCES;
	}
	if (*out->access && *out->secret)
		return 0;
	snprintf(why, LC_STORE_WHY_MAX, "%.128s: no %s and %s in [%.64s]", path, kind->access,
		 kind->secret, r.section);
	return -ENOENT;
}

int lc_creds_load_file(const struct lc_store_cfg *cfg, struct lc_creds *out, char *why)
{
	int ret;

	if (!*cfg->key_file) {
		snprintf(why, LC_STORE_WHY_MAX, "no key_file");
		return -ENOENT;
	}
	ret = load(&key_file, cfg->key_file, "", out, why);
	/* It was named, so it has to be good. */
	return ret == -ENOENT ? -EINVAL : ret;
}

static const char *profile_of(const struct lc_store_cfg *cfg, const struct file_kind *kind)
{
	if (*cfg->profile)
		return cfg->profile;
	if (*kind->profile_env && *env(kind->profile_env))
		return env(kind->profile_env);
	return kind->default_profile;
}

int lc_creds_load_profile(const struct lc_store_cfg *cfg, struct lc_creds *out, char *why)
{
	const struct file_kind *kind;
	char path[PATH_MAX];
	unsigned int i;
	int ret;

	for (i = 0; i < ARRAY_SIZE(profile_files); i++) {
		kind = &profile_files[i];
		if (*kind->path_env && *env(kind->path_env))
			snprintf(path, sizeof(path), "%s", env(kind->path_env));
		else
			snprintf(path, sizeof(path), "%s/%s", env("HOME"), kind->home);
		explicit_bzero(out, sizeof(*out));
		ret = load(kind, path, profile_of(cfg, kind), out, why);
		if (ret != -ENOENT)
			return ret;
	}
	snprintf(why, LC_STORE_WHY_MAX, "no profile file has keys%s%s",
		 *cfg->profile ? " of " : "", cfg->profile);
	return -ENOENT;
}
