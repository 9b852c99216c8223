// SPDX-License-Identifier: GPL-2.0-only
/*
 * bucket-attach DIRECTORY VOLUME CACHE STATE: what another host does that attaches the
 * volume with a new cache, and nothing more. STATE: a directory for its object map.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "bucket/volume.h"
#include "logcached/conf.h"
#include "store/loop.h"
#include "store/open.h"

static struct lc_loop *loop;
static int result;

static void closed(void *data)
{
	lc_loop_stop(loop);
}

static void attached(struct lc_volume *vol, int err, void *data)
{
	struct lc_volume_status st;

	lc_volume_status(vol, &st);
	if (err)
		printf("%s\n", lc_volume_why(vol));
	else
		printf("epoch %llu lsn %llu\n", st.epoch, st.lsn);
	result = err ? 1 : 0;
	lc_volume_close(vol, closed, NULL);
}

int main(int argc, char **argv)
{
	struct lc_volume_params p = { .new_log = true, .new_lsn = 1, .owner = "another" };
	char url[4096], why[LC_STORE_WHY_MAX];
	struct lc_store_cfg cfg;

	if (argc != 5 || !lc_conf_uuid(argv[2], p.uuid) || !lc_conf_uuid(argv[3], p.log))
		return 2;
	snprintf(url, sizeof(url), "file:%s", argv[1]);
	lc_store_cfg_init(&cfg);
	mkdir(argv[4], 0700);
	p.map_dir = argv[4];
	loop = lc_loop_new();
	p.store = loop && !lc_store_cfg_url(&cfg, url, why) ? lc_store_open(loop, &cfg, why) : NULL;
	if (!p.store || !lc_volume_attach(&p, attached, NULL))
		return 2;
	lc_loop_run(loop);
	p.store->ops->free(p.store);
	return result;
}
