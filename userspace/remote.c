// SPDX-License-Identifier: GPL-2.0-only
#include "remote.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <linux/kernel.h>
#include <linux/string.h>

#include "bucket/key.h"
#include "bucket/manifest.h"
#include "bucket/volume.h"
#include "ctl.h"
#include "store/loop.h"
#include "store/open.h"
#include "store/retry.h"

/* Of anything: with the pauses in between that is about 15 seconds. */
#define TRIES	4

const char *remote_conf_dir(void)
{
	return getenv("LOGCACHE_CONF_DIR") ?: LC_CONF_DIR;
}

/*----------------------------------------------------------------
 * From the command line
 *----------------------------------------------------------------
 */

/* All can see the arguments of a process. */
static bool is_secret(const char *key)
{
	static const char * const secrets[] = { "secret", "access_key", "token", "password" };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(secrets); i++)
		if (strcasestr(key, secrets[i]))
			return true;
	return false;
}

static int check_key(const struct ctl *ctl, const char *key)
{
	if (is_secret(key))
		return ctl_error(CTL_USAGE,
				 "%s: keys do not belong on a command line, where everybody sees them; put access_key = ... and secret_key = ... into a file that only root can read and name it: --store-option key_file=FILE",
				 ctl->cmd->name);
	if (!strcmp(key, "url") || !strcmp(key, "endpoint"))
		return ctl_error(CTL_USAGE, "%s: --store-option %s=: use --%s", ctl->cmd->name,
				 key, *key == 'u' ? "origin" : "endpoint");
	if (!strcmp(key, "cache") || !strcmp(key, "no_fencing"))
		return ctl_error(CTL_USAGE, "%s: '%s' is no option of a store", ctl->cmd->name,
				 key);
	return CTL_OK;
}

static int set(const struct ctl *ctl, struct lc_conf *conf, const char *key, const char *value)
{
	char why[LC_STORE_WHY_MAX] = "";

	if (lc_conf_set(conf, key, value, why))
		return ctl_error(CTL_USAGE, "%s: %s", ctl->cmd->name, why);
	return CTL_OK;
}

/* --store-option KEY=VALUE */
static int set_option(const struct ctl *ctl, struct lc_conf *conf, const char *text)
{
	size_t len = strcspn(text, "=");
	char *key;
	int ret;

	key = xasprintf("%.*s", (int)len, text);
	ret = check_key(ctl, key);
	if (!ret && !text[len])
		ret = ctl_error(CTL_USAGE, "%s: --store-option is KEY=VALUE, not '%s'",
				ctl->cmd->name, text);
	ret = ret ?: set(ctl, conf, key, text + len + 1);
	free(key);
	return ret;
}

/* Whoever reads it may be in another directory. */
static int check_path(const struct ctl *ctl, const char *key, const char *path)
{
	if (!*path || *path == '/')
		return CTL_OK;
	return ctl_error(CTL_USAGE, "%s: %s=%s: the whole path is needed, from / on",
			 ctl->cmd->name, key, path);
}

static int set_options(const struct ctl *ctl, struct lc_conf *conf)
{
	const char *endpoint = ctl_get(ctl, "endpoint");
	unsigned int i;
	int ret;

	ret = set(ctl, conf, "url", ctl_get(ctl, "origin"));
	for (i = 0; i < ctl->nr_values && !ret; i++)
		if (!strcmp(ctl->values[i].opt->name, "store-option"))
			ret = set_option(ctl, conf, ctl->values[i].value);
	if (!ret && endpoint)
		ret = set(ctl, conf, "endpoint", endpoint);
	conf->no_fencing = ctl_has(ctl, "no-fencing");
	return ret;
}

int remote_options(const struct ctl *ctl, struct lc_conf *conf, const u8 uuid[16])
{
	char why[LC_STORE_WHY_MAX] = "";
	int ret;

	lc_conf_init(conf, uuid);
	ret = set_options(ctl, conf) ?: check_path(ctl, "key_file", conf->store.key_file) ?:
	      check_path(ctl, "ca_file", conf->store.ca_file);
	if (!ret && lc_conf_finish(conf, why))
		ret = ctl_error(CTL_USAGE, "%s: %s", ctl->cmd->name, why);
	return ret;
}

int remote_no_options(const struct ctl *ctl)
{
	static const char * const names[] = { "endpoint", "store-option", "no-fencing" };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(names); i++)
		if (ctl_has(ctl, names[i]))
			return ctl_error(CTL_USAGE,
					 "%s: --%s is for an --origin in a store, such as s3://bucket/prefix",
					 ctl->cmd->name, names[i]);
	return CTL_OK;
}

/*----------------------------------------------------------------
 * What is written down
 *----------------------------------------------------------------
 */

int remote_load(struct lc_conf *conf, const u8 uuid[16])
{
	char why[LC_STORE_WHY_MAX] = "", text[UUID_TEXT];
	int err;

	err = lc_conf_load(conf, remote_conf_dir(), uuid, why);
	if (err == -ENOENT)
		return ctl_error(CTL_FAILED,
				 "volume %s: this host does not know where it is: there is no %s/%s%s; logcachectl recover makes one",
				 uuid_text(text, uuid), remote_conf_dir(), text, LC_CONF_SUFFIX);
	if (err)
		return ctl_error(CTL_FAILED, "volume %s: %s", uuid_text(text, uuid), why);
	return CTL_OK;
}

/* /etc/logcache is nobody else's; a failure shows in what follows. */
static void make_parent(const char *dir)
{
	char *parent = xasprintf("%s", dir), *slash = strrchr(parent, '/');

	if (slash && slash != parent) {
		*slash = '\0';
		mkdir(parent, 0755);
	}
	free(parent);
}

int remote_save(const struct lc_conf *conf)
{
	char why[LC_STORE_WHY_MAX] = "", text[UUID_TEXT];

	make_parent(remote_conf_dir());
	if (lc_conf_save(conf, remote_conf_dir(), why))
		return ctl_error(CTL_FAILED, "volume %s: %s", uuid_text(text, conf->uuid), why);
	return CTL_OK;
}

int remote_volume(const struct ctl *ctl, struct lc_conf *conf)
{
	const char *text = ctl_get(ctl, "volume");
	u8 uuid[16];

	if (!uuid_parse(text, uuid))
		return ctl_error(CTL_USAGE,
				 "%s: --volume: '%s' is no UUID; logcachectl volumes lists those of a store",
				 ctl->cmd->name, text);
	if (ctl_has(ctl, "origin"))
		return remote_options(ctl, conf, uuid);
	return remote_no_options(ctl) ?: remote_load(conf, uuid);
}

bool remote_known(const u8 uuid[16])
{
	char text[UUID_TEXT];
	char *path = xasprintf("%s/%s%s", remote_conf_dir(), uuid_text(text, uuid), LC_CONF_SUFFIX);
	bool known = !access(path, F_OK);

	free(path);
	return known;
}

/*----------------------------------------------------------------
 * The store
 *----------------------------------------------------------------
 */

int remote_open(struct remote *r)
{
	struct lc_retry_cfg cfg;
	char why[LC_STORE_WHY_MAX] = "";
	struct lc_store *bare;

	r->loop = lc_loop_new();
	if (!r->loop)
		return ctl_error(CTL_FAILED, "%s: no event loop: %s", r->conf.url, strerror(errno));
	bare = lc_store_open(r->loop, &r->conf.store, why);
	if (!bare)
		return ctl_error(CTL_FAILED, "%s: %s", r->conf.url, why);
	lc_retry_cfg_init(&cfg);
	cfg.for_ever = false;
	cfg.tries = TRIES;
	cfg.hedge_percent = 0;
	r->store = lc_store_retry_new(bare, &cfg);
	if (r->store)
		return CTL_OK;
	bare->ops->free(bare);
	return ctl_error(CTL_FAILED, "out of memory");
}

void remote_close(struct remote *r)
{
	if (r->store)
		r->store->ops->free(r->store);
	if (r->loop)
		lc_loop_free(r->loop);
	r->store = NULL;
	r->loop = NULL;
}

static int no_conditions(const struct remote *r, const char *why)
{
	return ctl_error(CTL_FAILED,
			 "%s: the store has no conditional PUTs (%s). Without them nothing keeps two hosts from writing one volume at the same time, by mistake or because one was thought dead, and then it is damaged beyond repair. If you make sure of that yourself, always, use --no-fencing",
			 r->conf.url, why);
}

int remote_fencing(struct remote *r)
{
	char why[LC_STORE_WHY_MAX] = "";

	switch (lc_store_probe_cond(r->store, why)) {
	case LC_STORE_OK:
		if (r->conf.no_fencing)
			ctl_error(0,
				  "note: %s keeps two hosts apart by itself; --no-fencing is not needed and left out",
				  r->conf.url);
		r->conf.no_fencing = false;
		return CTL_OK;
	case LC_STORE_NO_COND:
		return r->conf.no_fencing ? CTL_OK : no_conditions(r, why);
	case LC_STORE_DENIED:
		return ctl_error(CTL_FAILED,
				 "%s: %s; the keys have to allow reading, writing, listing and deleting below the prefix",
				 r->conf.url, why);
	default:
		return ctl_error(CTL_FAILED, "%s: %s", r->conf.url, why);
	}
}

/*----------------------------------------------------------------
 * Manifests
 *----------------------------------------------------------------
 */

struct outcome {
	struct lc_loop *loop;
	bool done;
	int err;
	char why[LC_STORE_WHY_MAX];
};

static void created(int err, const char *why, void *data)
{
	struct outcome *o = data;

	o->done = true;
	o->err = err;
	strscpy(o->why, why ?: "", sizeof(o->why));
	lc_loop_stop(o->loop);
}

int remote_create(struct remote *r, u64 sectors)
{
	struct outcome o = { .loop = r->loop };
	char text[UUID_TEXT];

	lc_volume_create(r->store, r->conf.uuid, sectors, time(NULL), r->conf.no_fencing,
			 created, &o);
	while (!o.done)
		lc_loop_run(r->loop);
	uuid_text(text, r->conf.uuid);
	if (o.err == -EEXIST)
		return ctl_error(CTL_FAILED,
				 "%s: volume %s is there already; logcachectl recover gives it a new cache",
				 r->conf.url, text);
	if (o.err)
		return ctl_error(CTL_FAILED, "%s: volume %s was not made: %s", r->conf.url, text,
				 o.why);
	return CTL_OK;
}

int remote_has(struct remote *r, const u8 uuid[16], bool *there)
{
	struct lc_store_req req = { .op = LC_STORE_HEAD };

	lc_key_manifest(req.key, uuid);
	lc_store_wait(r->store, &req);
	*there = req.status == LC_STORE_OK;
	if (*there || req.status == LC_STORE_NOT_FOUND)
		return CTL_OK;
	return ctl_error(CTL_FAILED, "%s: %s", r->conf.url, req.why);
}

static enum remote_state decode_manifest(const u8 uuid[16], const struct lc_store_req *req,
					 struct lc_manifest *m, char *why)
{
	const char *reason = "out of memory";

	if (req->got != req->size)
		reason = "too large";
	else if (!lc_manifest_decode(req->buf, req->got, uuid, m, &reason))
		return m->flags & LC_BK_DELETING ? REMOTE_DELETING : REMOTE_GOOD;
	*m = (struct lc_manifest){};
	snprintf(why, LC_STORE_WHY_MAX, "%s", reason);
	return REMOTE_DAMAGED;
}

int remote_look(struct remote *r, const u8 uuid[16], struct lc_manifest *m, char *etag,
		enum remote_state *state, char *why)
{
	struct lc_store_req req = { .op = LC_STORE_GET, .buf_len = LC_MANIFEST_BYTES_MAX };
	int ret = CTL_OK;

	*m = (struct lc_manifest){};
	lc_key_manifest(req.key, uuid);
	req.buf = xcalloc(1, req.buf_len);
	if (lc_store_wait(r->store, &req) == LC_STORE_OK)
		*state = decode_manifest(uuid, &req, m, why);
	else if (req.status == LC_STORE_NOT_FOUND)
		*state = REMOTE_NONE;
	else
		ret = ctl_error(CTL_FAILED, "%s: %s", r->conf.url, req.why);
	if (etag)
		strscpy(etag, req.etag, LC_STORE_ETAG_MAX);
	free(req.buf);
	return ret;
}

int remote_manifest(struct remote *r, const u8 uuid[16], struct lc_manifest *m)
{
	char text[UUID_TEXT], why[LC_STORE_WHY_MAX] = "";
	enum remote_state state;
	int ret = remote_look(r, uuid, m, NULL, &state, why);

	if (ret || state == REMOTE_GOOD)
		return ret;
	uuid_text(text, uuid);
	lc_manifest_free(m);
	switch (state) {
	case REMOTE_NONE:
		return ctl_error(CTL_FAILED,
				 "%s: there is no volume %s; logcachectl volumes lists those that are there",
				 r->conf.url, text);
	case REMOTE_DELETING:
		return ctl_error(CTL_FAILED,
				 "%s: volume %s is being deleted; logcachectl delete finishes that",
				 r->conf.url, text);
	default:
		return ctl_error(CTL_FAILED, "%s: volume %s: its manifest is damaged: %s",
				 r->conf.url, text, why);
	}
}
