/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A volume that lives in a store, as this tool reaches it: by what the command
 * line says or by what is written down of it on this host, and with patience
 * for a bad moment of the network, not for more.
 *
 * All complain themselves and return an exit status.
 */
#ifndef CTL_REMOTE_H
#define CTL_REMOTE_H

#include "logcached/conf.h"

#include <linux/types.h>

struct ctl;
struct lc_manifest;

struct remote {
	struct lc_conf conf;
	struct lc_loop *loop;
	struct lc_store *store;
};

/* LC_CONF_DIR, unless the environment has LOGCACHE_CONF_DIR. */
const char *remote_conf_dir(void);

/* Of a volume @uuid: --origin, --endpoint, --store-option, --no-fencing. Complete. */
int remote_options(const struct ctl *ctl, struct lc_conf *conf, const u8 uuid[16]);
/* One of these without --origin makes no sense. */
int remote_no_options(const struct ctl *ctl);
/* --volume, where --origin says or where this host knows it to be. */
int remote_volume(const struct ctl *ctl, struct lc_conf *conf);

/* What is written down. */
int remote_load(struct lc_conf *conf, const u8 uuid[16]);
int remote_save(const struct lc_conf *conf);
bool remote_known(const u8 uuid[16]);

/* The store of @r->conf. */
int remote_open(struct remote *r);
void remote_close(struct remote *r);

/*
 * Can the store keep two hosts apart? If it cannot, conf.no_fencing has to be there;
 * if it can, it is taken back. Leaves nothing in the store.
 */
int remote_fencing(struct remote *r);

/* The new volume conf.uuid. */
int remote_create(struct remote *r, u64 sectors);
/* Is there a manifest of it? */
int remote_has(struct remote *r, const u8 uuid[16], bool *there);
enum remote_state {
	REMOTE_NONE,		/* no manifest */
	REMOTE_GOOD,
	REMOTE_DELETING,	/* begun and not finished */
	REMOTE_DAMAGED,
};

/*
 * What there is of it: GOOD, DELETING with the manifest in @m, to be freed, and its tag in
 * @etag, unless NULL. DAMAGED: also the tag, and a text in @why (LC_STORE_WHY_MAX).
 */
int remote_look(struct remote *r, const u8 uuid[16], struct lc_manifest *m, char *etag,
		enum remote_state *state, char *why);
/* Of a volume that is there; to be freed. */
int remote_manifest(struct remote *r, const u8 uuid[16], struct lc_manifest *m);

#endif /* CTL_REMOTE_H */
