// SPDX-License-Identifier: GPL-2.0-only
#include <linux/slab.h>
#include <linux/uuid.h>

#include "helper.h"
#include "logcache.h"
#include "target.h"

/*--------------------------------------------------------------------------
 * Building
 *--------------------------------------------------------------------------
 */

static int lc_helper_ctr(struct logcache *lc, const char *arg)
{
	struct dm_target *ti = lc->ti;
	struct lc_helper *h;
	uuid_t uuid;

	if (uuid_parse(arg + strlen(LC_HELPER_PREFIX), &uuid)) {
		ti->error = "An origin that is a helper is helper:<uuid of the volume>";
		return -EINVAL;
	}
	if (ti->len % LC_BLOCK_SECTORS) {
		ti->error = "A volume of a helper is a multiple of 4 KiB";
		return -EINVAL;
	}
	h = kzalloc(sizeof(*h), GFP_KERNEL);
	if (!h) {
		ti->error = "Out of memory";
		return -ENOMEM;
	}
	lc->origin.helper = h;
	export_uuid(h->uuid, &uuid);
	snprintf(h->name, sizeof(h->name), LC_HELPER_PREFIX "%pUb", h->uuid);
	lc->origin.name = h->name;
	return 0;
}

static int lc_helper_check(struct logcache *lc)
{
	if ((lc->geo.flags & LC_SUPER_HELPER) && !strcmp(lc->geo.origin_id, lc->origin.name))
		return 0;
	lc_error(lc, "%s belongs to %s, not to %s: name that as the origin, or another cache",
		 lc->cache->name, lc->geo.origin_id, lc->origin.name);
	return -EINVAL;
}

static int lc_helper_init(struct logcache *lc)
{
	struct lc_helper *h = lc->origin.helper;
	int r;

	h->up = lc_upcall_join(h->uuid);
	if (!h->up)
		return -ENOMEM;
	r = lc_fetch_init(lc);
	return r ?: lc_units_init(lc);
}

static void lc_helper_dtr(struct logcache *lc)
{
	struct lc_helper *h = lc->origin.helper;

	if (!h)
		return;
	lc_units_exit(lc);
	lc_fetch_exit(lc);
	if (h->up)
		lc_upcall_leave(h->up);
	kfree(h);
}

static int lc_helper_iterate(struct logcache *lc, iterate_devices_callout_fn fn, void *data)
{
	return 0;
}

/*--------------------------------------------------------------------------
 * Running
 *--------------------------------------------------------------------------
 */

static void lc_helper_start(struct logcache *lc)
{
	lc_units_start(lc);
	lc_upcall_attach(lc->origin.helper->up, lc);
}

static void lc_helper_stop(struct logcache *lc)
{
	lc_upcall_detach(lc->origin.helper->up, lc);
	lc_units_stop(lc);
}

bool lc_helper_watch(struct logcache *lc)
{
	return lc_fetch_watch(lc);
}

static unsigned int lc_helper_status(struct logcache *lc, char *buf, unsigned int len)
{
	const struct lc_upcall *up = lc->origin.helper->up;

	return scnprintf(buf, len, " helper_port %u helper_items %u offered_lsn %llu",
			 READ_ONCE(up->owner), READ_ONCE(up->nr_items),
			 READ_ONCE(lc->origin.helper->units.next_lsn));
}

/* Everything is in memory that was made in advance. */
static bool lc_helper_read_begin(struct lc_miss *m, blk_opf_t opf)
{
	return true;
}

/* What is fetched is checked, written, and read again before the reader has it. */
static u32 lc_helper_around(const struct logcache *lc)
{
	return LC_MISS_SECTORS / 2;
}

/* Done means durable: there is nothing to flush. */
static int lc_helper_flush(struct logcache *lc)
{
	return 0;
}

static bool lc_helper_discards(const struct logcache *lc)
{
	return true;
}

const struct lc_origin_ops lc_origin_helper = {
	.ctr = lc_helper_ctr,
	.check = lc_helper_check,
	.init = lc_helper_init,
	.dtr = lc_helper_dtr,
	.iterate = lc_helper_iterate,
	.patient = true,
	.costly = true,
	.start = lc_helper_start,
	.hold = lc_fetch_hold,
	.stop = lc_helper_stop,
	.status = lc_helper_status,
	.read_begin = lc_helper_read_begin,
	.read = lc_fetch_read,
	.remap = lc_fetch_remap,
	.submit = lc_fetch_submit,
	.around = lc_helper_around,
	.writeback = lc_units_run,
	.flush = lc_helper_flush,
	.discards = lc_helper_discards,
};
