// SPDX-License-Identifier: GPL-2.0-only
#include "origin.h"

#include <linux/string.h>

#include "helper.h"
#include "logcache.h"
#include "target.h"

int lc_origin_ctr(struct logcache *lc, const char *arg)
{
	bool helper = !strncmp(arg, LC_HELPER_PREFIX, strlen(LC_HELPER_PREFIX));

	lc->origin.ops = helper ? &lc_origin_helper : &lc_origin_bdev;
	return lc->origin.ops->ctr(lc, arg);
}

void lc_origin_dtr(struct logcache *lc)
{
	if (lc->origin.ops)
		lc->origin.ops->dtr(lc);
}

int lc_origin_allows(const struct logcache *lc, const struct lc_args *args)
{
	if (lc->origin.ops->direct || (args->mode == LC_MODE_WRITEBACK && args->write_cache))
		return 0;
	lc_error(lc,
		 "a helper is written to by way of the log only: mode has to be writeback and write_cache on; read_cache off is possible");
	return -EINVAL;
}
