// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every decode works in the same order, so that a reason is never misleading:
 * magic, uuid, version, checksum, fields.
 */
#include <errno.h>
#include <string.h>

#include <linux/kernel.h>
#include <asm/byteorder.h>

#include "codec.h"
#include "crc.h"

static int refuse(const char **why, int err, const char *reason)
{
	*why = reason;
	return err;
}

/*----------------------------------------------------------------
 * Heads
 *----------------------------------------------------------------
 */

static u32 head_crc(const struct lc_bk_head *h)
{
	return lc_bk_crc(~0u, (const u8 *)h + sizeof(h->crc), LC_BK_FIXED - sizeof(h->crc));
}

void lc_bk_seal(struct lc_bk_head *h, u32 magic, const u8 uuid[16], u64 epoch, u64 seq,
		const void *body, size_t body_bytes)
{
	h->magic = cpu_to_le32(magic);
	h->version = cpu_to_le32(LC_BK_VERSION);
	memcpy(h->uuid, uuid, sizeof(h->uuid));
	h->epoch = cpu_to_le64(epoch);
	h->seq = cpu_to_le64(seq);
	h->body_crc = cpu_to_le32(lc_bk_crc(~0u, body, body_bytes));
	h->crc = cpu_to_le32(head_crc(h));
}

int lc_bk_check(const struct lc_bk_head *h, u32 magic, const u8 uuid[16], const char **why)
{
	if (le32_to_cpu(h->magic) != magic)
		return refuse(why, -EBADMSG, "magic number does not match");
	if (memcmp(h->uuid, uuid, sizeof(h->uuid)))
		return refuse(why, -EBADMSG, "belongs to another volume (uuid differs)");
	if (le32_to_cpu(h->version) != LC_BK_VERSION)
		return refuse(why, -EINVAL, "format version is not supported");
	if (le32_to_cpu(h->crc) != head_crc(h))
		return refuse(why, -EBADMSG, "checksum of the fixed part does not match");
	if (!lc_bk_counter_ok(le64_to_cpu(h->epoch)) || !lc_bk_counter_ok(le64_to_cpu(h->seq)))
		return refuse(why, -EINVAL, "epoch or sequence number is out of range");
	return 0;
}

int lc_bk_check_body(const struct lc_bk_head *h, const void *body, size_t body_bytes,
		     const char **why)
{
	if (le32_to_cpu(h->body_crc) != lc_bk_crc(~0u, body, body_bytes))
		return refuse(why, -EBADMSG, "checksum does not match");
	return 0;
}

static u64 pack_lba(const struct lc_ext *e)
{
	return e->lba | (u64)e->op << LC_BK_LBA_BITS;
}

static void unpack_lba(u64 lba_op, struct lc_ext *e)
{
	e->lba = lba_op & LC_BK_LBA_MASK;
	e->op = lba_op >> LC_BK_LBA_BITS;
}

/* @e is well-formed, and behind the one that ended at *@end, which it moves. */
static int check_extent(const struct lc_ext *e, u64 sectors, u32 payload, u64 *end,
			const char **why)
{
	if (e->op < LC_BK_DATA || e->op > LC_BK_DISCARD)
		return refuse(why, -EINVAL, "unknown kind of extent");
	if (!e->len || e->lba + e->len > sectors)
		return refuse(why, -EINVAL, "extent outside the volume");
	if (e->lba < *end)
		return refuse(why, -EINVAL, "extents overlap or are out of order");
	*end = e->lba + e->len;
	if (e->op != LC_BK_DATA)
		return e->pos ? refuse(why, -EINVAL, "extent of zeroes with a payload") : 0;
	if ((u64)e->pos + e->len > payload)
		return refuse(why, -EINVAL, "extent outside the payload");
	return 0;
}

/*----------------------------------------------------------------
 * Data objects
 *----------------------------------------------------------------
 */

u32 lc_obj_header_bytes(u32 nr_extents, u32 payload)
{
	u32 nr_crcs = DIV_ROUND_UP(payload, LC_BK_BLOCK_SECTORS);

	return ALIGN(LC_BK_FIXED + nr_extents * (u32)sizeof(struct lc_bk_extent) +
		     nr_crcs * (u32)sizeof(__le32), LC_BK_BLOCK);
}

static struct lc_bk_extent *extents_of(const void *buf)
{
	return (struct lc_bk_extent *)((u8 *)buf + LC_BK_FIXED);
}

static void put_body(void *buf, const struct lc_obj *obj, const struct lc_ext *exts,
		     const u32 *crcs)
{
	struct lc_bk_extent *x = extents_of(buf);
	__le32 *sums = (__le32 *)(x + obj->nr_extents);
	u32 i;

	for (i = 0; i < obj->nr_extents; i++) {
		x[i].lba_op = cpu_to_le64(pack_lba(&exts[i]));
		x[i].len = cpu_to_le32(exts[i].len);
		x[i].pos = cpu_to_le32(exts[i].pos);
	}
	for (i = 0; i < obj->nr_crcs; i++)
		sums[i] = cpu_to_le32(crcs[i]);
}

void lc_obj_encode(void *buf, const u8 uuid[16], struct lc_obj *obj, const struct lc_ext *exts,
		   const u32 *crcs)
{
	struct lc_bk_object *o = buf;

	obj->header_bytes = lc_obj_header_bytes(obj->nr_extents, obj->payload);
	obj->nr_crcs = DIV_ROUND_UP(obj->payload, LC_BK_BLOCK_SECTORS);
	memset(buf, 0, obj->header_bytes);
	o->header_bytes = cpu_to_le32(obj->header_bytes);
	o->flags = cpu_to_le32(obj->flags);
	o->prev = cpu_to_le64(obj->prev);
	o->committed = cpu_to_le64(obj->committed);
	o->nr_live = cpu_to_le64(obj->nr_live);
	o->lsn_first = cpu_to_le64(obj->lsn_first);
	o->lsn_end = cpu_to_le64(obj->lsn_end);
	o->nr_extents = cpu_to_le32(obj->nr_extents);
	o->nr_crcs = cpu_to_le32(obj->nr_crcs);
	o->payload_sectors = cpu_to_le32(obj->payload);
	put_body(buf, obj, exts, crcs);
	lc_bk_seal(&o->head, LC_BK_OBJECT_MAGIC, uuid, obj->epoch, obj->seq,
		   (u8 *)buf + LC_BK_FIXED, obj->header_bytes - LC_BK_FIXED);
	obj->crc = le32_to_cpu(o->head.crc);
}

static void get_fixed(const struct lc_bk_object *o, struct lc_obj *obj)
{
	*obj = (struct lc_obj){
		.epoch = le64_to_cpu(o->head.epoch),
		.seq = le64_to_cpu(o->head.seq),
		.prev = le64_to_cpu(o->prev),
		.committed = le64_to_cpu(o->committed),
		.nr_live = le64_to_cpu(o->nr_live),
		.lsn_first = le64_to_cpu(o->lsn_first),
		.lsn_end = le64_to_cpu(o->lsn_end),
		.header_bytes = le32_to_cpu(o->header_bytes),
		.flags = le32_to_cpu(o->flags),
		.nr_extents = le32_to_cpu(o->nr_extents),
		.nr_crcs = le32_to_cpu(o->nr_crcs),
		.payload = le32_to_cpu(o->payload_sectors),
		.crc = le32_to_cpu(o->head.crc),
	};
}

static int check_place(const struct lc_obj *obj, u64 epoch, u64 seq, const char **why)
{
	bool fence = obj->flags & LC_BK_FENCE;

	if (obj->seq != seq)
		return refuse(why, -EINVAL, "sequence number is not that of its name");
	if (fence ? obj->epoch <= epoch : obj->epoch != epoch)
		return refuse(why, -EINVAL, "epoch is not that of its name");
	return 0;
}

static int check_counts(const struct lc_obj *obj, const char **why)
{
	if (obj->nr_extents > LC_BK_EXTENTS_MAX || obj->payload > LC_BK_PAYLOAD_MAX)
		return refuse(why, -EINVAL, "too many extents or too much payload");
	if (obj->nr_crcs != DIV_ROUND_UP(obj->payload, LC_BK_BLOCK_SECTORS))
		return refuse(why, -EINVAL, "number of checksums does not match the payload");
	if (obj->header_bytes != lc_obj_header_bytes(obj->nr_extents, obj->payload))
		return refuse(why, -EINVAL, "header size does not match its contents");
	if (obj->flags & LC_BK_FENCE && (obj->nr_extents || obj->payload))
		return refuse(why, -EINVAL, "a fence with contents");
	return 0;
}

static int check_fields(const struct lc_obj *obj, const char **why)
{
	if (obj->flags & ~LC_BK_OBJECT_FLAGS)
		return refuse(why, -EINVAL, "unknown flags");
	if (!obj->seq || obj->prev >= obj->seq || obj->committed > obj->prev)
		return refuse(why, -EINVAL, "sequence number of an older object is out of range");
	if (!lc_bk_counter_ok(obj->lsn_end) || obj->lsn_first > obj->lsn_end)
		return refuse(why, -EINVAL, "LSN is out of range");
	if (!lc_bk_counter_ok(obj->nr_live))
		return refuse(why, -EINVAL, "number of objects is out of range");
	return check_counts(obj, why);
}

int lc_obj_decode(const void *buf, const u8 uuid[16], u64 epoch, u64 seq, struct lc_obj *obj,
		  const char **why)
{
	const struct lc_bk_object *o = buf;
	int ret = lc_bk_check(&o->head, LC_BK_OBJECT_MAGIC, uuid, why);

	if (ret)
		return ret;
	get_fixed(o, obj);
	ret = check_place(obj, epoch, seq, why);
	return ret ?: check_fields(obj, why);
}

int lc_obj_check(const void *buf, const struct lc_obj *obj, u64 sectors, const char **why)
{
	const struct lc_bk_object *o = buf;
	struct lc_ext e;
	u64 end = 0;
	int ret;
	u32 i;

	ret = lc_bk_check_body(&o->head, (u8 *)buf + LC_BK_FIXED, obj->header_bytes - LC_BK_FIXED,
			       why);
	for (i = 0; i < obj->nr_extents && !ret; i++) {
		lc_obj_extent(buf, i, &e);
		ret = check_extent(&e, sectors, obj->payload, &end, why);
	}
	return ret;
}

void lc_obj_extent(const void *buf, u32 i, struct lc_ext *ext)
{
	const struct lc_bk_extent *x = extents_of(buf) + i;

	unpack_lba(le64_to_cpu(x->lba_op), ext);
	ext->len = le32_to_cpu(x->len);
	ext->pos = le32_to_cpu(x->pos);
}

u32 lc_obj_crc(const void *buf, const struct lc_obj *obj, u32 i)
{
	const __le32 *sums = (const __le32 *)(extents_of(buf) + obj->nr_extents);

	return le32_to_cpu(sums[i]);
}

/*----------------------------------------------------------------
 * Checkpoint parts
 *----------------------------------------------------------------
 */

static struct lc_bk_ckpt_object *ckpt_objects(const void *buf)
{
	return (struct lc_bk_ckpt_object *)((u8 *)buf + LC_BK_FIXED);
}

static struct lc_bk_ckpt_extent *ckpt_extents(const void *buf, u32 nr_objects)
{
	return (struct lc_bk_ckpt_extent *)(ckpt_objects(buf) + nr_objects);
}

void lc_ckpt_put_object(void *buf, u32 i, const struct lc_ckpt_obj *obj)
{
	struct lc_bk_ckpt_object *o = ckpt_objects(buf) + i;

	o->seq = cpu_to_le64(obj->seq);
	o->dead_at = cpu_to_le64(obj->dead_at);
	o->header_bytes = cpu_to_le32(obj->header_bytes);
	o->payload_sectors = cpu_to_le32(obj->payload);
}

void lc_ckpt_put_extent(void *buf, u32 nr_objects, u32 i, const struct lc_ext *ext, u64 seq)
{
	struct lc_bk_ckpt_extent *x = ckpt_extents(buf, nr_objects) + i;

	x->lba_op = cpu_to_le64(pack_lba(ext));
	x->seq = cpu_to_le64(seq);
	x->len = cpu_to_le32(ext->len);
	x->pos = cpu_to_le32(ext->pos);
}

void lc_ckpt_seal(void *buf, const u8 uuid[16], const struct lc_ckpt_info *info)
{
	struct lc_bk_ckpt *c = buf;

	memset(c, 0, sizeof(*c));
	c->obj_epoch = cpu_to_le64(info->obj_epoch);
	c->lsn = cpu_to_le64(info->lsn);
	c->part = cpu_to_le32(info->part);
	c->nr_parts = cpu_to_le32(info->nr_parts);
	c->nr_objects = cpu_to_le32(info->nr_objects);
	c->nr_extents = cpu_to_le32(info->nr_extents);
	lc_bk_seal(&c->head, LC_BK_CKPT_MAGIC, uuid, info->epoch, info->seq,
		   (u8 *)buf + LC_BK_FIXED,
		   lc_ckpt_bytes(info->nr_objects, info->nr_extents) - LC_BK_FIXED);
}

void lc_ckpt_object(const void *buf, u32 i, struct lc_ckpt_obj *obj)
{
	const struct lc_bk_ckpt_object *o = ckpt_objects(buf) + i;

	obj->seq = le64_to_cpu(o->seq);
	obj->dead_at = le64_to_cpu(o->dead_at);
	obj->header_bytes = le32_to_cpu(o->header_bytes);
	obj->payload = le32_to_cpu(o->payload_sectors);
}

void lc_ckpt_extent(const void *buf, u32 nr_objects, u32 i, struct lc_ext *ext, u64 *seq)
{
	const struct lc_bk_ckpt_extent *x = ckpt_extents(buf, nr_objects) + i;

	unpack_lba(le64_to_cpu(x->lba_op), ext);
	ext->len = le32_to_cpu(x->len);
	ext->pos = le32_to_cpu(x->pos);
	*seq = le64_to_cpu(x->seq);
}

static int check_ckpt_objects(const void *buf, const struct lc_ckpt_info *info, const char **why)
{
	struct lc_ckpt_obj o;
	u64 last = 0;
	u32 i;

	for (i = 0; i < info->nr_objects; i++) {
		lc_ckpt_object(buf, i, &o);
		if (o.seq <= last || o.seq > info->seq)
			return refuse(why, -EINVAL, "object out of order");
		if (o.dead_at != LC_BK_NEVER && (o.dead_at < o.seq || o.dead_at > info->seq))
			return refuse(why, -EINVAL, "end of an object's life is out of range");
		if (o.payload > LC_BK_PAYLOAD_MAX || o.header_bytes > LC_BK_HEADER_MAX ||
		    o.header_bytes % LC_BK_BLOCK)
			return refuse(why, -EINVAL, "size of an object is out of range");
		last = o.seq;
	}
	return 0;
}

static int check_ckpt_extents(const void *buf, const struct lc_ckpt_info *info, u64 sectors,
			      const char **why)
{
	u64 end = 0, seq;
	struct lc_ext e;
	int ret = 0;
	u32 i;

	for (i = 0; i < info->nr_extents && !ret; i++) {
		lc_ckpt_extent(buf, info->nr_objects, i, &e, &seq);
		ret = check_extent(&e, sectors, LC_BK_PAYLOAD_MAX, &end, why);
		if (!ret && (!seq || seq > info->seq))
			ret = refuse(why, -EINVAL, "extent of an object that is not there yet");
	}
	return ret;
}

int lc_ckpt_part_decode(const void *buf, size_t bytes, const u8 uuid[16], u64 sectors,
			struct lc_ckpt_info *info, const char **why)
{
	const struct lc_bk_ckpt *c = buf;
	int ret;

	if (bytes < LC_BK_FIXED)
		return refuse(why, -EBADMSG, "shorter than its fixed part");
	ret = lc_bk_check(&c->head, LC_BK_CKPT_MAGIC, uuid, why);
	if (ret)
		return ret;
	*info = (struct lc_ckpt_info){
		.epoch = le64_to_cpu(c->head.epoch), .seq = le64_to_cpu(c->head.seq),
		.obj_epoch = le64_to_cpu(c->obj_epoch), .lsn = le64_to_cpu(c->lsn),
		.part = le32_to_cpu(c->part), .nr_parts = le32_to_cpu(c->nr_parts),
		.nr_objects = le32_to_cpu(c->nr_objects), .nr_extents = le32_to_cpu(c->nr_extents),
	};
	if (!info->nr_parts || info->nr_parts > LC_BK_PARTS_MAX || info->part >= info->nr_parts)
		return refuse(why, -EINVAL, "number of parts is out of range");
	if ((u64)info->nr_objects + info->nr_extents > LC_BK_PART_ENTRIES)
		return refuse(why, -EINVAL, "too many entries");
	if (bytes != lc_ckpt_bytes(info->nr_objects, info->nr_extents))
		return refuse(why, -EINVAL, "size does not match its contents");
	if (!lc_bk_counter_ok(info->lsn) || info->obj_epoch > info->epoch)
		return refuse(why, -EINVAL, "epoch or LSN is out of range");
	ret = lc_bk_check_body(&c->head, (u8 *)buf + LC_BK_FIXED, bytes - LC_BK_FIXED, why);
	ret = ret ?: check_ckpt_objects(buf, info, why);
	return ret ?: check_ckpt_extents(buf, info, sectors, why);
}

/*----------------------------------------------------------------
 * Marks
 *----------------------------------------------------------------
 */

void lc_mark_encode(void *buf, const u8 uuid[16], u64 epoch, u64 seq)
{
	struct lc_bk_mark *m = buf;

	memset(m, 0, sizeof(*m));
	lc_bk_seal(&m->head, LC_BK_MARK_MAGIC, uuid, epoch, seq, m + 1, 0);
}

int lc_mark_decode(const void *buf, size_t bytes, const u8 uuid[16], u64 epoch, u64 seq,
		   const char **why)
{
	const struct lc_bk_mark *m = buf;
	int ret;

	if (bytes != sizeof(*m))
		return refuse(why, -EBADMSG, "has not the size of a mark");
	ret = lc_bk_check(&m->head, LC_BK_MARK_MAGIC, uuid, why);
	if (ret)
		return ret;
	if (le64_to_cpu(m->head.epoch) != epoch || le64_to_cpu(m->head.seq) != seq)
		return refuse(why, -EBADMSG, "is not what its name says");
	return lc_bk_check_body(&m->head, m + 1, 0, why);
}
