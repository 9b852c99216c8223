// SPDX-License-Identifier: GPL-2.0-only
#include "message.h"

#include <linux/jiffies.h>
#include <linux/mutex.h>

#include "helper.h"
#include "logcache.h"
#include "segment.h"
#include "target.h"
#include "verify.h"

/*--------------------------------------------------------------------------
 * Status: pairs of a name and a value, so that more can be added
 *--------------------------------------------------------------------------
 */

static const char *lc_state_name(const struct logcache *lc)
{
	if (lc->state != LC_OK)
		return "failed";
	if (!lc->loaded)
		return "loading";
	if (lc->wb.errors || lc->wb.pause_until)
		return "origin-failing";
	if (lc->origin.helper && !READ_ONCE(lc->origin.helper->up->owner))
		return "no-helper";
	if (READ_ONCE(lc->log.held_since))
		return "held";
	return "ok";
}

static u64 lc_cached_sectors(const struct logcache *lc)
{
	u64 sum = 0;
	u32 i;

	for (i = 0; i < LC_SHARDS; i++)
		sum += lc_index_sectors(&lc->shards[i].index);
	return sum;
}

/* Everything that grows with what is cached: nodes, checksums, bitmap, policy, segments. */
static u64 lc_index_bytes(const struct logcache *lc)
{
	u64 nodes = 0, blocks = (u64)lc->geo.nr_segs * lc->geo.seg_blocks;
	u32 i;

	for (i = 0; i < LC_SHARDS; i++)
		nodes += lc_index_nodes(&lc->shards[i].index) +
			 lc_index_spare(&lc->shards[i].index);
	return nodes * LC_INDEX_NODE_SIZE + blocks * sizeof(u32) + blocks / 8 +
	       lc_lru_bytes(lc->geo.nr_segs, lc->geo.seg_blocks) +
	       (u64)lc->geo.nr_segs * sizeof(struct lc_seg);
}

static u64 lc_extents(const struct logcache *lc)
{
	u64 sum = 0;
	u32 i;

	for (i = 0; i < LC_SHARDS; i++)
		sum += lc_index_extents(&lc->shards[i].index);
	return sum;
}

static void lc_status_info(struct logcache *lc, char *result, unsigned int maxlen)
{
	const struct lc_log *log = &lc->log;
	u64 since = READ_ONCE(log->dirty_since);
	unsigned int sz = 0, i;

	DMEMIT("mode %s state %s", lc_mode_name(lc), lc_state_name(lc));
	DMEMIT(" path %s", READ_ONCE(log->direct) ? "direct" : READ_ONCE(log->gated) ? "gated" :
	       lc->wb.drain || lc->wb.keep_clean ? "draining" : "log");
	DMEMIT(" segments %u segments_free %u segments_dirty %u", lc->geo.nr_segs,
	       READ_ONCE(lc->segs.nr_free), READ_ONCE(lc->segs.nr_dirty));
	DMEMIT(" segment_sectors %u cached_sectors %llu dirty_sectors %llu",
	       1u << lc->geo.seg_shift, lc_cached_sectors(lc), READ_ONCE(log->dirty_sectors));
	DMEMIT(" dirty_live_sectors %lld damaged_sectors %llu given_up %d",
	       atomic64_read(&lc->segs.dirty_live), lc_damage_sectors(lc),
	       READ_ONCE(lc->given_up));
	DMEMIT(" dirty_age_ms %llu",
	       since ? jiffies64_to_msecs(get_jiffies_64() - since) : 0ull);
	DMEMIT(" next_lsn %llu durable_lsn %llu clean_lsn %llu", READ_ONCE(log->next_lsn),
	       READ_ONCE(log->durable_lsn), READ_ONCE(log->clean_lsn));
	DMEMIT(" unit_applying %d epoch %llu checkpoint %llu recovery_us %llu",
	       READ_ONCE(lc->wb.half), lc->epoch, lc->ckpt_seq, lc->recovery_us);
	DMEMIT(" scrub_running %d scrub_segments %u", READ_ONCE(lc->scrub.running),
	       READ_ONCE(lc->scrub.seg));
	DMEMIT(" extents %llu index_bytes %llu", lc_extents(lc), lc_index_bytes(lc));
	DMEMIT(" reads_in_flight %d writeback_in_flight %d", atomic_read(&lc->fills.reading),
	       atomic_read(&lc->wb.jobs));
	if (lc->origin.ops->status)
		sz += lc->origin.ops->status(lc, result + sz, maxlen - sz);
	for (i = 0; i < LC_STAT_NR; i++)
		DMEMIT(" %s %llu", lc_stat_names[i], lc_stat_sum(&lc->stats, i));
}

static void lc_status_table(struct logcache *lc, char *result, unsigned int maxlen)
{
	unsigned int sz = 0, words;
	char *buf = result;

	lc_args_emit(&lc->args, NULL, 0, &words);
	DMEMIT("%s %s %u", lc->cache->name, lc->origin.name, words);
	if (words && sz + 1 < maxlen) {
		DMEMIT(" ");
		sz += lc_args_emit(&lc->args, buf + sz, maxlen - sz, &words);
	}
}

void lc_status(struct dm_target *ti, status_type_t type, unsigned int flags, char *result,
	       unsigned int maxlen)
{
	struct logcache *lc = ti->private;
	unsigned int sz = 0;

	switch (type) {
	case STATUSTYPE_INFO:
		lc_status_info(lc, result, maxlen);
		break;
	case STATUSTYPE_TABLE:
		lc_status_table(lc, result, maxlen);
		break;
	case STATUSTYPE_IMA:
		DMEMIT_TARGET_NAME_VERSION(ti->type);
		DMEMIT(",cache_device=%s,origin_device=%s;", lc->cache->name, lc->origin.name);
		break;
	}
}

/*--------------------------------------------------------------------------
 * Messages
 *--------------------------------------------------------------------------
 */

/* Options are read, changed and put back: one at a time, or one would be lost. */
static DEFINE_MUTEX(lc_set_lock);

static int lc_msg_set_locked(struct logcache *lc, const char *name, const char *value)
{
	char why[LC_ARGS_WHY_MAX];
	struct lc_args args = lc->args;
	int r = lc_args_set(&args, name, value, true, why, sizeof(why));

	if (r) {
		lc_error(lc, "%s", why);
		return r;
	}
	if (args.sync == LC_SYNC_ORIGIN && !lc->ti->flush_supported) {
		lc_error(lc,
			 "set: the volume has told its users that it needs no flush; load a table with sync origin");
		return -EBUSY;
	}
	r = lc_origin_allows(lc, &args);
	if (!r)
		lc->args = args;
	return r;
}

static int lc_msg_set(struct logcache *lc, const char *name, const char *value)
{
	int r;

	mutex_lock(&lc_set_lock);
	r = lc_msg_set_locked(lc, name, value);
	mutex_unlock(&lc_set_lock);
	if (r)
		return r;
	lc_mode_update(lc);
	lc_wb_kick(lc);
	lc_evict_kick(lc);
	lc_log_kick(lc);
	return 0;
}

static bool lc_lost(struct logcache *lc, const struct lc_extent *e)
{
	return e->kind == LC_EXT_DATA && lc_damaged(lc, e->loc, 1);
}

static bool lc_query_clean(struct logcache *lc, const struct lc_extent *e)
{
	if (e->kind != LC_EXT_DATA)
		return lc_seg_is_clean(lc, lc_seg_at(lc, e->loc));
	return lc_on_origin(lc, e->loc, 1, false);
}

/* What the cache and the log hold at one sector. */
static int lc_msg_query(struct logcache *lc, const char *arg, char *result, unsigned int maxlen)
{
	struct lc_extent e;
	struct lc_shard *sh;
	unsigned int sz = 0;
	const struct lc_seg *s;
	bool found;
	u64 lba;

	if (kstrtoull(arg, 0, &lba) || lba >= lc->volume_sectors) {
		lc_error(lc, "query: '%s' is no sector of the volume, which has %llu", arg,
			 lc->volume_sectors);
		return -EINVAL;
	}
	sh = lc_shard_of(lc, lba);
	spin_lock_irq(&sh->lock);
	found = lc_index_lookup(&sh->index, lc_key(lba), 1, &e);
	spin_unlock_irq(&sh->lock);
	if (!found) {
		DMEMIT("sector %llu origin", lba);
		return 1;
	}
	s = lc_seg_at(lc, e.loc);
	DMEMIT("sector %llu %s %s segment %u", lba, e.kind == LC_EXT_DATA ? "data" : "zero",
	       lc_lost(lc, &e) ? "damaged" : lc_query_clean(lc, &e) ? "clean" : "dirty",
	       lc_seg_no(lc, s));
	if (e.kind == LC_EXT_DATA)
		DMEMIT(" cache_sector %llu crc32c %08x", lc_geo_sector(&lc->geo, e.loc),
		       lc->segs.crc[lc_block_at(e.loc)]);
	return 1;
}

static int lc_msg_forget_damaged(struct logcache *lc)
{
	lc_damage_forget(lc);
	return 0;
}

/* For good with the next checkpoint. */
static int lc_msg_forget_given_up(struct logcache *lc)
{
	WRITE_ONCE(lc->given_up, false);
	return 0;
}

static int lc_msg_scrub(struct logcache *lc)
{
	lc_scrub_start(lc);
	return 0;
}

static int lc_msg_scrub_stop(struct logcache *lc)
{
	lc_scrub_end(lc);
	return 0;
}

static int lc_msg_drop(struct logcache *lc)
{
	WRITE_ONCE(lc->evict.drop, true);
	lc_evict_kick(lc);
	return 0;
}

/* Write back and keep it so, until the table is loaded again. */
static int lc_msg_drain(struct logcache *lc)
{
	WRITE_ONCE(lc->wb.keep_clean, true);
	lc_wb_flush(lc);
	return 0;
}

static int lc_msg_flush(struct logcache *lc)
{
	lc_wb_flush(lc);
	return 0;
}

int lc_message(struct dm_target *ti, unsigned int argc, char **argv, char *result,
	       unsigned int maxlen)
{
	struct logcache *lc = ti->private;

	if (argc == 1 && !strcmp(argv[0], "flush"))
		return lc_msg_flush(lc);
	if (argc == 1 && !strcmp(argv[0], "drain"))
		return lc_msg_drain(lc);
	if (argc == 1 && !strcmp(argv[0], "drop_clean"))
		return lc_msg_drop(lc);
	if (argc == 1 && !strcmp(argv[0], "forget_damaged"))
		return lc_msg_forget_damaged(lc);
	if (argc == 1 && !strcmp(argv[0], "forget_given_up"))
		return lc_msg_forget_given_up(lc);
	if (argc == 1 && !strcmp(argv[0], "scrub"))
		return lc_msg_scrub(lc);
	if (argc == 2 && !strcmp(argv[0], "scrub") && !strcmp(argv[1], "stop"))
		return lc_msg_scrub_stop(lc);
	if (argc == 2 && !strcmp(argv[0], "mode"))
		return lc_msg_set(lc, "mode", argv[1]);
	if (argc == 2 && !strcmp(argv[0], "query"))
		return lc_msg_query(lc, argv[1], result, maxlen);
	if (argc == 3 && !strcmp(argv[0], "set"))
		return lc_msg_set(lc, argv[1], argv[2]);
	lc_error(lc,
		 "unknown message; there are: flush, drain, drop_clean, forget_damaged, forget_given_up, scrub, scrub stop, mode MODE, set OPTION VALUE, query SECTOR");
	return -EINVAL;
}
