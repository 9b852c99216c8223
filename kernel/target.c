// SPDX-License-Identifier: GPL-2.0-only
#include "target.h"

#include <linux/log2.h>
#include <linux/module.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "helper.h"
#include "io.h"
#include "log_start.h"
#include "map.h"
#include "message.h"
#include "netlink.h"
#include "replay.h"
#include "retry.h"
#include "segment.h"
#include "super.h"
#include "through.h"
#include "verify.h"

#ifdef LC_PLANT_BUGS
unsigned int lc_plant;
module_param_named(plant, lc_plant, uint, 0644);
MODULE_PARM_DESC(plant, "Bug to plant, for the crash tests; see target.h");
#endif

/* Pages of a checkpoint or a fill in flight. */
#define LC_BS_POOL	16u

static struct kmem_cache *lc_nodes;

/* All volumes, so that no two use one cache device. */
static DEFINE_MUTEX(lc_volumes_lock);
static LIST_HEAD(lc_volumes);

static void lc_event_work(struct work_struct *work)
{
	struct logcache *lc = container_of(work, struct logcache, event);

	dm_table_event(lc->ti->table);
}

void lc_fail(struct logcache *lc, const char *what, int error)
{
	lc_stat_inc(lc, LOG_ERRORS);
	if (cmpxchg(&lc->state, LC_OK, LC_FAILED) != LC_OK)
		return;
	lc_error(lc,
		 "%s on %s: error %d; writes fail from now on, nothing already acknowledged is lost; replace or repair the device and reload",
		 what, lc->cache->name, error);
	schedule_work(&lc->event);
	lc_log_kick(lc);
}

/*--------------------------------------------------------------------------
 * Building a volume: destroy accepts whatever is there
 *--------------------------------------------------------------------------
 */

static void lc_shards_exit(struct logcache *lc)
{
	unsigned int i;
	void *node;

	for (i = 0; lc->shards && i < LC_SHARDS; i++) {
		lc_index_clear(&lc->shards[i].index);
		while ((node = lc_index_take(&lc->shards[i].index)))
			kmem_cache_free(lc->nodes, node);
	}
	kvfree(lc->shards);
}

static int lc_shards_init(struct logcache *lc)
{
	struct lc_index_geo geo = {
		.loc_bits = lc->loc_bits,
		.seg_shift = lc->geo.seg_shift,
		.stripe_shift = LC_STRIPE_SHIFT,
	};
	unsigned int i;

	lc->shards = kvcalloc(LC_SHARDS, sizeof(*lc->shards), GFP_KERNEL);
	if (!lc->shards)
		return -ENOMEM;
	for (i = 0; i < LC_SHARDS; i++) {
		spin_lock_init(&lc->shards[i].lock);
		INIT_LIST_HEAD(&lc->shards[i].misses);
		INIT_LIST_HEAD(&lc->shards[i].through);
		lc_index_init(&lc->shards[i].index, &geo);
	}
	return 0;
}

static u32 lc_lru_live(void *ctx, u32 seg)
{
	struct logcache *lc = ctx;

	return DIV_ROUND_UP(lc_seg_live(&lc->segs.seg[seg]), LC_BLOCK_SECTORS);
}

static int lc_policy_init(struct logcache *lc)
{
	struct lc_lru_params params = {
		.nsegs = lc->geo.nr_segs,
		.blocks_per_seg = lc->geo.seg_blocks,
		.ttl = lc->args.ttl_s,
		.ttl_rate = 1000,
		.live = lc_lru_live,
		.ctx = lc,
	};
	size_t bytes = lc_lru_bytes(params.nsegs, params.blocks_per_seg);

	spin_lock_init(&lc->lru_lock);
	lc->lru_mem = vzalloc(bytes);
	if (!lc->lru_mem)
		return -ENOMEM;
	lc->lru = lc_lru_init(lc->lru_mem, &params);
	return lc->lru ? 0 : -EINVAL;
}

/* One volume has one cache. */
static bool lc_helpers_clash(const struct logcache *a, const struct logcache *b)
{
	const struct lc_helper *x = a->origin.helper, *y = b->origin.helper;

	return x && y && !memcmp(x->uuid, y->uuid, sizeof(x->uuid));
}

/*
 * A table that replaces another of the same mapped device shares its cache for a
 * while; two targets of one table would both write to it.
 */
static bool lc_volumes_clash(const struct logcache *a, const struct logcache *b)
{
	return (a->cache->bdev == b->cache->bdev || lc_helpers_clash(a, b)) &&
	       (a->ti->table == b->ti->table ||
		dm_table_get_md(a->ti->table) != dm_table_get_md(b->ti->table));
}

static int lc_volumes_add(struct logcache *lc)
{
	struct logcache *other;
	int r = 0;

	mutex_lock(&lc_volumes_lock);
	list_for_each_entry(other, &lc_volumes, list) {
		if (lc_volumes_clash(other, lc)) {
			lc_error(lc, "cache device %s or origin %s is in use by volume %s",
				 lc->cache->name, lc->origin.name, other->name);
			r = -EBUSY;
		}
	}
	if (!r)
		list_add(&lc->list, &lc_volumes);
	mutex_unlock(&lc_volumes_lock);
	return r;
}

static void lc_volumes_del(struct logcache *lc)
{
	mutex_lock(&lc_volumes_lock);
	list_del_init(&lc->list);
	mutex_unlock(&lc_volumes_lock);
}

static void lc_destroy(struct logcache *lc)
{
	lc_volumes_del(lc);
	if (lc->syncs_wq)
		destroy_workqueue(lc->syncs_wq);
	if (lc->bg)
		destroy_workqueue(lc->bg);
	if (lc->wq)
		destroy_workqueue(lc->wq);
	cancel_work_sync(&lc->event);
	lc_scrub_exit(lc);
	lc_evict_exit(lc);
	lc_wb_exit(lc);
	lc_fill_exit(lc);
	lc_verify_exit(lc);
	lc_log_exit(lc);
	lc_shards_exit(lc);
	vfree(lc->lru_mem);
	lc_segs_exit(lc);
	lc_buf_free(lc->ckpt_buf, LC_CKPT_BUF);
	bioset_exit(&lc->bs);
	free_percpu(lc->stats.cpu);
	lc_origin_dtr(lc);
	if (lc->cache)
		dm_put_device(lc->ti, lc->cache);
	kfree(lc);
}

/* What does not depend on the geometry, and is needed to read it. */
static int lc_create_base(struct logcache *lc)
{
	mutex_init(&lc->ckpt_lock);
	init_waitqueue_head(&lc->seg_wait);
	lc->nodes = lc_nodes;
	lc->stats.cpu = alloc_percpu(struct lc_stats_cpu);
	lc->wq = alloc_workqueue("logcache", WQ_UNBOUND | WQ_MEM_RECLAIM | WQ_HIGHPRI, 0);
	lc->bg = alloc_workqueue("logcache-bg", WQ_UNBOUND | WQ_MEM_RECLAIM, 0);
	lc->syncs_wq = alloc_workqueue("logcache-sync", WQ_UNBOUND | WQ_MEM_RECLAIM, 0);
	lc->ckpt_buf = lc_buf_alloc(LC_CKPT_BUF);
	if (!lc->stats.cpu || !lc->wq || !lc->bg || !lc->syncs_wq || !lc->ckpt_buf)
		return -ENOMEM;
	return bioset_init(&lc->bs, LC_BS_POOL, 0, BIOSET_NEED_BVECS);
}

static int lc_create_parts(struct logcache *lc)
{
	int r;

	lc->loc_bits = order_base_2((u64)lc->geo.nr_segs << lc->geo.seg_shift);
	if (lc->loc_bits > LC_INDEX_LOC_BITS_MAX) {
		lc_error(lc, "%s is larger than 16 TiB; format a smaller device or partition",
			 lc->cache->name);
		return -EFBIG;
	}
	r = lc_segs_init(lc);
	r = r ?: lc_policy_init(lc);
	r = r ?: lc_shards_init(lc);
	r = r ?: lc_log_init(lc);
	r = r ?: lc_fill_init(lc);
	r = r ?: lc_verify_init(lc);
	r = r ?: lc_wb_init(lc);
	r = r ?: lc_evict_init(lc);
	r = r ?: lc_scrub_init(lc);
	r = r ?: lc->origin.ops->init(lc);
	if (r)
		return r;
	lc_damage_init(lc);
	lc_through_init(lc);
	lc_retry_init(lc);
	lc_mode_init(lc);
	return 0;
}

static void lc_limits(struct logcache *lc)
{
	struct dm_target *ti = lc->ti;

	ti->num_flush_bios = 1;
	ti->num_discard_bios = 1;
	ti->discards_supported = true;
	ti->num_write_zeroes_bios = 1;
	/* A slow device must not have all the memory that is being reclaimed in flight. */
	ti->limit_swap_bios = true;
	ti->per_io_data_size = sizeof(struct lc_bio);
	/*
	 * Without a volatile cache anywhere nobody needs to send a flush, and one
	 * that is not sent is the fastest.
	 */
	ti->flush_supported = lc->cache_volatile || lc->args.sync == LC_SYNC_ORIGIN;
}

static int lc_ctr_devices(struct logcache *lc, char **argv)
{
	struct dm_target *ti = lc->ti;
	blk_mode_t mode = dm_table_get_mode(ti->table);
	int r;

	if (dm_get_device(ti, argv[0], mode, &lc->cache)) {
		ti->error = "Cannot open the cache device";
		return -ENODEV;
	}
	if (bdev_is_zoned(lc->cache->bdev)) {
		ti->error = "Zoned devices are not supported";
		return -EINVAL;
	}
	if (bdev_logical_block_size(lc->cache->bdev) > LC_BLOCK_SIZE) {
		ti->error = "Devices with logical blocks of more than 4 KiB are not supported";
		return -EINVAL;
	}
	lc->cache_volatile = bdev_write_cache(lc->cache->bdev);
	r = lc_origin_ctr(lc, argv[1]);
	if (!r && lc_origin_allows(lc, &lc->args)) {
		ti->error = "The origin cannot do what an option wants; the line before says which";
		return -EINVAL;
	}
	return r;
}

static int lc_ctr_args(struct logcache *lc, unsigned int argc, char **argv)
{
	char why[LC_ARGS_WHY_MAX];
	unsigned int nr;

	lc_args_default(&lc->args);
	if (argc < 3 || kstrtouint(argv[2], 10, &nr) || nr != argc - 3) {
		lc->ti->error = "Usage: <cache dev> <origin dev> <#options> [<option> <value>]...";
		return -EINVAL;
	}
	if (lc_args_parse(&lc->args, nr, argv + 3, why, sizeof(why))) {
		lc_error(lc, "%s", why);
		lc->ti->error = "An option is wrong; the line before says which";
		return -EINVAL;
	}
	return 0;
}

/* The superblock never changes, so it may be read while an older table still runs. */
static int lc_ctr_super(struct logcache *lc)
{
	int r = lc_super_load(lc);

	if (r) {
		lc->ti->error = "The cache device is not usable; the line before says why";
		return r;
	}
	if (lc->volume_sectors < lc->geo.origin_sectors) {
		lc_error(lc, "the table has %llu sectors, %s was formatted for a volume of %llu",
			 lc->volume_sectors, lc->cache->name, lc->geo.origin_sectors);
		lc->ti->error = "The volume is smaller than at format";
		return -EINVAL;
	}
	if (lc->origin.ops->check(lc)) {
		lc->ti->error = "The cache belongs to another origin; the line before says which";
		return -EINVAL;
	}
	return 0;
}

static int lc_ctr(struct dm_target *ti, unsigned int argc, char **argv)
{
	struct logcache *lc = kzalloc(sizeof(*lc), GFP_KERNEL);
	int r;

	if (!lc) {
		ti->error = "Out of memory";
		return -ENOMEM;
	}
	lc->ti = ti;
	lc->volume_sectors = ti->len;
	INIT_LIST_HEAD(&lc->list);
	INIT_WORK(&lc->event, lc_event_work);
	if (dm_copy_name_and_uuid(dm_table_get_md(ti->table), lc->name, NULL))
		strscpy(lc->name, dm_table_device_name(ti->table), sizeof(lc->name));
	r = lc_ctr_args(lc, argc, argv);
	r = r ?: lc_ctr_devices(lc, argv);
	if (!r && lc_create_base(lc)) {
		ti->error = "Out of memory";
		r = -ENOMEM;
	}
	if (!r && lc_volumes_add(lc)) {
		ti->error = "The cache device or the origin is in use by another volume";
		r = -EBUSY;
	}
	r = r ?: lc_ctr_super(lc);
	if (!r) {
		r = lc_create_parts(lc);
		if (r == -EFBIG)
			ti->error = "The cache device is too large";
		else if (r)
			ti->error = "Out of memory for the index";
	}
	if (r) {
		lc_destroy(lc);
		return r;
	}
	lc_limits(lc);
	ti->private = lc;
	return 0;
}

static void lc_dtr(struct dm_target *ti)
{
	lc_destroy(ti->private);
}

/*--------------------------------------------------------------------------
 * Suspend and resume
 *--------------------------------------------------------------------------
 */

static void lc_presuspend(struct dm_target *ti)
{
	struct logcache *lc = ti->private;

	/* Held writes would keep a suspend waiting: they come back after it. */
	if (!dm_noflush_suspending(ti))
		return;
	lc_log_hold(lc);
	if (lc->origin.ops->hold)
		lc->origin.ops->hold(lc);
}

/* The suspend was interrupted. */
static void lc_presuspend_undo(struct dm_target *ti)
{
	lc_log_unhold(ti->private);
}

/* No bio is in flight and none will come. */
static void lc_postsuspend(struct dm_target *ti)
{
	struct logcache *lc = ti->private;
	int r;

	if (!lc->loaded || lc->suspended)
		return;
	lc->suspended = true;
	lc_log_quiesce(lc);
	lc_mode_stop(lc);
	lc_scrub_stop(lc);
	lc_evict_stop(lc);
	lc_wb_stop(lc);
	if (lc->origin.ops->stop)
		lc->origin.ops->stop(lc);
	lc_fill_drain(lc);
	flush_workqueue(lc->wq);
	flush_workqueue(lc->bg);
	flush_workqueue(lc->syncs_wq);
	/* The table that comes next knows nothing of it. */
	r = lc_origin_unflushed(lc) ? lc_origin_flush(lc) : 0;
	if (r)
		lc_warn(lc, "flushing %s failed: error %d; what was written to it directly may not outlast a power cut",
			lc->origin.name, r);
	r = lc->state == LC_OK ? 0 : -EIO;
	r = r ?: lc_fill_stop(lc);
	r = r ?: lc_evict_seal(lc);
	r = r ?: lc_log_stop(lc);
	r = r ?: lc_ckpt_write(lc, LC_CKPT_CLEAN);
	if (r)
		lc_warn(lc,
			"stopped without a clean checkpoint: error %d; the next start replays the log",
			r);
}

/* What a failed attempt leaves behind is no ground for another one. */
static int lc_load(struct logcache *lc)
{
	int r = -EINVAL;

	if (lc->broken)
		lc_error(lc, "loading has failed before; load the table again");
	else
		r = lc_replay(lc);
	lc->loaded = !r;
	lc->broken = r;
	return r;
}

static int lc_restart(struct logcache *lc)
{
	int r;

	if (!lc->suspended || lc->state != LC_OK)
		return 0;
	r = lc_log_start(lc, lc->log.next_lsn, lc->log.chain);
	return r ?: lc_ckpt_write(lc, 0);
}

static int lc_preresume(struct dm_target *ti)
{
	struct logcache *lc = ti->private;
	int r;

	unsigned int noio = memalloc_noio_save();

	r = lc->loaded ? lc_restart(lc) : lc_load(lc);
	memalloc_noio_restore(noio);
	return r;
}

static void lc_resume(struct dm_target *ti)
{
	struct logcache *lc = ti->private;

	lc->suspended = false;
	lc->evict.stop = false;
	lc_log_unhold(lc);
	if (lc->origin.ops->start)
		lc->origin.ops->start(lc);
	lc_wb_resume(lc);
	lc_scrub_resume(lc);
	lc_mode_update(lc);
	lc_evict_kick(lc);
	lc_log_kick(lc);
}

static int lc_iterate_devices(struct dm_target *ti, iterate_devices_callout_fn fn, void *data)
{
	struct logcache *lc = ti->private;
	int r;

	r = fn(ti, lc->cache, 0, lc->geo.cache_sectors, data);
	return r ?: lc->origin.ops->iterate(lc, fn, data);
}

static void lc_io_hints(struct dm_target *ti, struct queue_limits *limits)
{
	/* 1 GiB: a discard is one log entry for each stripe. */
	lc_limit_discard(limits, 1u << 21);
	limits->discard_granularity = limits->logical_block_size;
}

static struct target_type lc_target = {
	.name = "logcache",
	.version = { 1, 0, 0 },
	.features = DM_TARGET_NOWAIT,
	.module = THIS_MODULE,
	.ctr = lc_ctr,
	.dtr = lc_dtr,
	.map = lc_map,
	.end_io = lc_end_io,
	.presuspend = lc_presuspend,
	.presuspend_undo = lc_presuspend_undo,
	.postsuspend = lc_postsuspend,
	.preresume = lc_preresume,
	.resume = lc_resume,
	.status = lc_status,
	.message = lc_message,
	.iterate_devices = lc_iterate_devices,
	.io_hints = lc_io_hints,
};

static int __init lc_init(void)
{
	int r;

	lc_nodes = kmem_cache_create("logcache_node", LC_INDEX_NODE_SIZE, LC_INDEX_NODE_SIZE,
				     SLAB_HWCACHE_ALIGN, NULL);
	if (!lc_nodes)
		return -ENOMEM;
	r = lc_upcall_init();
	if (r)
		goto destroy_nodes;
	r = lc_netlink_init();
	if (r)
		goto exit_upcall;
	r = dm_register_target(&lc_target);
	if (r)
		goto exit_netlink;
	return 0;

exit_netlink:
	lc_netlink_exit();
exit_upcall:
	lc_upcall_exit();
destroy_nodes:
	kmem_cache_destroy(lc_nodes);
	return r;
}

static void __exit lc_exit(void)
{
	dm_unregister_target(&lc_target);
	lc_netlink_exit();
	lc_upcall_exit();
	kmem_cache_destroy(lc_nodes);
}

module_init(lc_init);
module_exit(lc_exit);

MODULE_DESCRIPTION(DM_NAME " log-structured write-back cache");
MODULE_AUTHOR("dm-logcache developers");
MODULE_LICENSE("GPL");
MODULE_SOFTDEP("pre: crc32c");
