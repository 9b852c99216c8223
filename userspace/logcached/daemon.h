/* SPDX-License-Identifier: GPL-2.0-only */
/* What all volumes share. */
#ifndef LC_DAEMON_H
#define LC_DAEMON_H

#include <stdbool.h>

#include <linux/list.h>

#include "serve.h"

#define LC_VERSION	"1.0.0"

struct lc_daemon {
	struct lc_loop *loop;
	const char *conf_dir;
	const char *conf_file;
	const char *run_dir;
	const char *state_dir;
	bool takeover;			/* of the volumes there are at the start */
	bool stopping;
	struct list_head volumes;	/* struct lc_serve */
	struct list_head buckets;	/* struct lc_bucket_limits */
};

/* NULL: none of this process. */
struct lc_serve *lc_daemon_find(struct lc_daemon *d, const uint8_t uuid[16]);
/*
 * Reads the limits of buckets, and volumes.d: volumes that are new begin, those whose file
 * has changed begin anew, those whose file is gone end, as soon as what is in flight has.
 */
void lc_daemon_reload(struct lc_daemon *d);
/* Everything ends; the loop stops when it has. A second time: at once. */
void lc_daemon_stop(struct lc_daemon *d);

#endif /* LC_DAEMON_H */
