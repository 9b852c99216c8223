// SPDX-License-Identifier: GPL-2.0-only
#include "super.h"

#include <linux/slab.h>
#include <linux/string.h>

#include "io.h"
#include "log_seg.h"
#include "segment.h"
#include "target.h"

static u64 lc_ckpt_block(const struct logcache *lc, unsigned int slot)
{
	return lc->geo.ckpt_start + (u64)slot * lc->geo.ckpt_blocks;
}

/*--------------------------------------------------------------------------
 * Superblock
 *--------------------------------------------------------------------------
 */

static int lc_super_fits(struct logcache *lc)
{
	u64 cache = bdev_nr_sectors(lc->cache->bdev);

	if (lc->geo.cache_sectors > cache) {
		lc_error(lc,
			 "cache device has %llu sectors, was formatted with %llu: it shrank or is the wrong one",
			 cache, lc->geo.cache_sectors);
		return -EINVAL;
	}
	return 0;
}

int lc_super_load(struct logcache *lc)
{
	struct lc_super *sb = lc_buf_alloc(LC_BLOCK_SIZE);
	const char *why = "";
	unsigned int i;
	int r = -ENOMEM;

	for (i = 0; sb && i < LC_SUPER_BLOCKS; i++) {
		r = lc_io_cache(lc, REQ_OP_READ, i, sb, LC_BLOCK_SIZE);
		if (r) {
			why = "it cannot be read";
			continue;
		}
		r = lc_super_decode(sb, &lc->geo, &why);
		if (!r)
			break;
		DMWARN("%s: copy %u of the superblock on %s is bad: %s", lc->name, i,
		       lc->cache->name, why);
	}
	lc_buf_free(sb, LC_BLOCK_SIZE);
	if (r) {
		lc_error(lc,
			 "%s is no usable logcache device: %s; format it with logcachectl if it holds nothing of value",
			 lc->cache->name, why);
		return r;
	}
	return lc_super_fits(lc);
}

/*--------------------------------------------------------------------------
 * Reading a checkpoint
 *--------------------------------------------------------------------------
 */

static int lc_ckpt_read_head(struct logcache *lc, unsigned int slot, void *buf,
			     struct lc_ckpt_info *ck)
{
	const char *why = "";
	int r;

	r = lc_io_cache(lc, REQ_OP_READ, lc_ckpt_block(lc, slot), buf, LC_BLOCK_SIZE);
	/* A cache that was never stopped has one, and zeroes in the other slot. */
	if (!r)
		r = memchr_inv(buf, 0, LC_BLOCK_SIZE) ?
		    lc_ckpt_decode(buf, &lc->geo, ck, &why) : -ENODATA;
	if (r && r != -ENODATA)
		lc_warn(lc, "checkpoint %u on %s is not readable (%s); the other one is taken",
			slot, lc->cache->name, *why ? why : "I/O error");
	return r;
}

static void lc_bitmap_copy(struct logcache *lc, const struct lc_bitmap_block *b, u32 index)
{
	u64 total = (u64)lc->geo.nr_segs * lc->geo.seg_blocks / 8;
	u64 at = (u64)index * LC_BITMAP_BYTES;

	memcpy((u8 *)lc->segs.intact + at, b->bits, min_t(u64, LC_BITMAP_BYTES, total - at));
}

static int lc_ckpt_read_bits(struct logcache *lc, unsigned int slot, struct lc_bitmap_block *buf,
			     const struct lc_ckpt_info *ck)
{
	const char *why = "";
	u32 i, j, n;
	int r;

	for (i = 0; i < lc->geo.nr_bitmap; i += n) {
		n = min(lc->geo.nr_bitmap - i, LC_CKPT_CHUNK);
		r = lc_io_cache(lc, REQ_OP_READ, lc_ckpt_block(lc, slot) + 1 + i, buf,
				(size_t)n << LC_BLOCK_SHIFT);
		for (j = 0; !r && j < n; j++) {
			r = lc_bitmap_check(&buf[j], &lc->geo, ck->epoch, ck->ckpt_seq, i + j,
					    &why);
			if (!r)
				lc_bitmap_copy(lc, &buf[j], i + j);
		}
		if (r) {
			DMWARN("%s: checkpoint %u: bitmap block %u: %s", lc->name, slot, i + j,
			       why);
			return r;
		}
	}
	return 0;
}

/* What it says is damaged; the head is in @buf. */
static void lc_ckpt_load_damage(struct logcache *lc, const struct lc_ckpt *buf,
				const struct lc_ckpt_info *ck)
{
	struct lc_damage d;
	u32 i;

	for (i = 0; i < ck->nr_damaged; i++) {
		lc_ckpt_damaged(buf, i, &d);
		lc_damage_load(lc, &d);
	}
}

static int lc_ckpt_repaired(struct logcache *lc, const struct lc_ckpt_info *ck)
{
	if (ck->flags & LC_CKPT_REPAIR) {
		lc_error(lc,
			 "a repair of %s was begun and is not finished; run logcachectl repair again",
			 lc->cache->name);
		return -EBADMSG;
	}
	lc->given_up = ck->flags & LC_CKPT_GIVEN_UP;
	if (lc->given_up)
		lc_warn(lc,
			"a repair of %s gave up writes that had been acknowledged; check what is on the volume, then send forget_given_up",
			lc->cache->name);
	return 0;
}

int lc_ckpt_load(struct logcache *lc, struct lc_ckpt_info *ck)
{
	struct lc_ckpt_info c[LC_CKPT_SLOTS];
	bool ok[LC_CKPT_SLOTS];
	unsigned int i, best;
	void *buf = lc->ckpt_buf;
	int r = -EBADMSG;

	for (i = 0; i < LC_CKPT_SLOTS; i++)
		ok[i] = !lc_ckpt_read_head(lc, i, buf, &c[i]);
	best = ok[1] && (!ok[0] || c[1].ckpt_seq > c[0].ckpt_seq);
	/*
	 * A head is written behind its bits: the newest head with bad bits is
	 * damage, and what an older checkpoint believes may have been used again.
	 */
	if (ok[best])
		r = lc_ckpt_read_head(lc, best, buf, &c[best]);
	if (!r) {
		lc_ckpt_load_damage(lc, buf, &c[best]);
		r = lc_ckpt_read_bits(lc, best, buf, &c[best]);
	}
	if (!r)
		*ck = c[best];
	if (r) {
		lc_error(lc,
			 "%s has no valid checkpoint; run logcachectl check on it",
			 lc->cache->name);
		return r;
	}
	return lc_ckpt_repaired(lc, ck);
}

/*--------------------------------------------------------------------------
 * Writing one
 *--------------------------------------------------------------------------
 */

/*
 * Bits of a segment that is not sealed are given as 0. A segment that is opened
 * again changes its state first and its bits then, so look in the other order.
 */
static void lc_bitmap_fill(struct logcache *lc, struct lc_bitmap_block *b, u32 index)
{
	u64 total = (u64)lc->geo.nr_segs * lc->geo.seg_blocks / 8;
	u64 base = (u64)index * LC_BITMAP_BYTES, from = base;
	u64 to = min(from + LC_BITMAP_BYTES, total), end;
	u32 seg_bytes = lc->geo.seg_blocks / 8;

	memset(b, 0, LC_BLOCK_SIZE);
	memcpy(b->bits, (u8 *)lc->segs.intact + from, to - from);
	/* Pairs with smp_wmb() in segment.c: the bits first, then the state of the segment. */
	smp_rmb();
	for (; from < to; from = end) {
		u32 seg = div_u64(from, seg_bytes);

		end = min(to, (u64)(seg + 1) * seg_bytes);
		if (READ_ONCE(lc->segs.seg[seg].state) != LC_SEG_SEALED)
			memset(b->bits + (from - base), 0, end - from);
	}
}

static int lc_ckpt_write_bits(struct logcache *lc, unsigned int slot, struct lc_bitmap_block *buf,
			      u64 seq)
{
	u32 i, j, n;
	int r;

	for (i = 0; i < lc->geo.nr_bitmap; i += n) {
		n = min(lc->geo.nr_bitmap - i, LC_CKPT_CHUNK);
		for (j = 0; j < n; j++) {
			lc_bitmap_fill(lc, &buf[j], i + j);
			lc_bitmap_seal(&buf[j], &lc->geo, lc->epoch, seq, i + j);
		}
		r = lc_io_cache(lc, REQ_OP_WRITE, lc_ckpt_block(lc, slot) + 1 + i, buf,
				(size_t)n << LC_BLOCK_SHIFT);
		if (r)
			return r;
	}
	return 0;
}

static int lc_ckpt_write_head(struct logcache *lc, unsigned int slot, void *buf,
			      const struct lc_ckpt_info *ck)
{
	blk_opf_t opf = REQ_OP_WRITE | REQ_FUA;

	memset(buf, 0, LC_BLOCK_SIZE);
	lc_ckpt_encode(buf, &lc->geo, ck);
	/* The bits, and the summaries written so far, before the head that vouches for them. */
	if (lc->cache_volatile)
		opf |= REQ_PREFLUSH;
	return lc_io_cache(lc, opf, lc_ckpt_block(lc, slot), buf, LC_BLOCK_SIZE);
}

int lc_ckpt_write(struct logcache *lc, u32 flags)
{
	struct lc_ckpt_info ck = {
		.flags = flags | (READ_ONCE(lc->given_up) ? LC_CKPT_GIVEN_UP : 0),
	};
	unsigned int slot;
	int r;

	mutex_lock(&lc->ckpt_lock);
	slot = (lc->ckpt_seq + 1) % LC_CKPT_SLOTS;
	ck.epoch = lc->epoch;
	ck.ckpt_seq = lc->ckpt_seq + 1;
	ck.origin_sectors = lc->volume_sectors;
	/* Who is open counts as all intact, so this is taken before the bits. */
	ck.next_seq = lc_segs_open(lc, ck.open_seq);
	lc_log_position(lc, &ck);
	r = lc_ckpt_write_bits(lc, slot, lc->ckpt_buf, ck.ckpt_seq);
	/*
	 * What has healed by now is durable with the head; what heals later is in
	 * the log, and its segment is not freed before another checkpoint.
	 */
	ck.damaged = lc_damage_freeze(lc, &ck.nr_damaged);
	if (!r)
		r = lc_ckpt_write_head(lc, slot, lc->ckpt_buf, &ck);
	lc_damage_thaw(lc);
	if (!r) {
		lc->ckpt_seq++;
		lc_stat_inc(lc, CKPTS);
	} else {
		lc_fail(lc, "writing a checkpoint failed", r);
	}
	mutex_unlock(&lc->ckpt_lock);
	return r;
}
