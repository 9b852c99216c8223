// SPDX-License-Identifier: GPL-2.0-only
/*
 * Any bytes as any structure of the cache device. The harness puts magic, uuid
 * and checksum right, so that what is fuzzed lies behind them; whatever is then
 * accepted has to lie inside the geometry.
 *
 * Input: kind, segment size, position, then the structure.
 */
#include <stdlib.h>
#include <string.h>

#include <linux/crc32c.h>
#include <linux/kernel.h>

#include "must.h"
#include "record.h"

#define CACHE	(1ull << 21)
#define ORIGIN	(1ull << 30)

static struct lc_geo geo;

static void reseal(struct lc_head *h, u32 magic, u32 bytes)
{
	h->magic = cpu_to_le32(magic);
	memcpy(h->uuid, geo.uuid, sizeof(h->uuid));
	h->crc = cpu_to_le32(crc32c(~0u, &h->magic, bytes - sizeof(h->crc)));
}

static bool link_inside(u32 seg)
{
	return seg < geo.nr_segs || seg == LC_SEG_NONE;
}

static void entries_inside(const struct lc_entry *entries, u32 nr, u32 start, u32 end)
{
	struct lc_ent e;
	u32 i;

	for (i = 0; i < nr; i++) {
		lc_entry_get(&entries[i], &e);
		must(e.lba + e.len <= ORIGIN);
		must(!e.len || e.lba / LC_STRIPE_SECTORS == (e.lba + e.len - 1) / LC_STRIPE_SECTORS);
		must(e.op >= LC_OP_WRITE && e.op <= LC_OP_COPY);
		if (e.op != LC_OP_WRITE && e.op != LC_OP_COPY) {
			must(!e.pos);
			continue;
		}
		must(e.len <= LC_ENTRY_DATA_MAX);
		must(e.len && e.pos >= start && (u64)e.pos + e.len <= end);
	}
}

static void fuzz_super(void *buf)
{
	const char *why = NULL;
	struct lc_super *sb = buf;
	struct lc_geo out;
	int ret;

	reseal(&sb->head, LC_SUPER_MAGIC, LC_BLOCK_SIZE);
	ret = lc_super_decode(sb, &out, &why);
	must_explain(ret, why);
	if (ret)
		return;
	must(out.nr_segs >= LC_SEGS_MIN && out.nr_segs <= LC_SEGS_MAX);
	must((out.data_start + (u64)out.nr_segs * out.seg_blocks) * 8 <= out.cache_sectors);
	must(!out.origin_id[63]);
}

static void fuzz_ckpt(void *buf)
{
	const char *why = NULL;
	struct lc_ckpt_info out;
	struct lc_ckpt *ck = buf;
	int ret;

	reseal(&ck->head, LC_CKPT_MAGIC, LC_BLOCK_SIZE);
	ret = lc_ckpt_decode(ck, &geo, &out, &why);
	must_explain(ret, why);
	if (!ret)
		must(link_inside(out.log_seg) && out.origin_sectors >= ORIGIN);
}

static void fuzz_record(void *buf, u32 at)
{
	const char *why = NULL;
	struct lc_record_info out;
	struct lc_record *r = buf;
	u32 start = (at + 1) * 8;
	u32 used = (u8 *)(lc_record_crcs(r) + le16_to_cpu(r->nr_blocks)) - (u8 *)r;
	int ret;

	reseal(&r->head, LC_RECORD_MAGIC, used <= LC_BLOCK_SIZE ? used : LC_BLOCK_SIZE);
	ret = lc_record_decode(r, &geo, at, ORIGIN, &out, &why);
	must_explain(ret, why);
	if (ret)
		return;
	must(link_inside(out.next_seg));
	must(at + 1 + out.nr_blocks <= geo.seg_blocks);
	must((u8 *)(lc_record_crcs(r) + out.nr_blocks) <= (u8 *)buf + LC_BLOCK_SIZE);
	entries_inside(lc_record_entries(r), out.nr_entries, start, start + out.nr_blocks * 8);
}

static void fuzz_slot(void *buf, u32 seg)
{
	const char *why = NULL;
	struct lc_slot_info out;
	struct lc_slot *s = buf;
	u32 bytes = le32_to_cpu(s->bytes);
	int ret;

	if (bytes > geo.slot_blocks * LC_BLOCK_SIZE)
		bytes = LC_BLOCK_SIZE;
	if (bytes >= sizeof(*s))
		reseal(&s->head, LC_SLOT_MAGIC, bytes);
	ret = lc_slot_decode(s, &geo, seg, ORIGIN, &out, &why);
	must_explain(ret, why);
	if (ret)
		return;
	must(link_inside(out.next_seg) && out.seg == seg && seg < geo.nr_segs);
	must(out.nr_entries <= geo.slot_entries && out.nr_crcs <= geo.seg_blocks);
	must((u8 *)(lc_slot_crcs(s) + out.nr_crcs) <= (u8 *)buf + geo.slot_blocks * LC_BLOCK_SIZE);
	entries_inside(lc_slot_entries(s), out.nr_entries, 0, geo.seg_blocks * 8);
}

static void fuzz_bitmap(void *buf, u32 index)
{
	const char *why = NULL;
	struct lc_bitmap_block *b = buf;

	reseal(&b->head, LC_BITMAP_MAGIC, LC_BLOCK_SIZE);
	must_explain(lc_bitmap_check(b, &geo, 1, 1, index, &why), why);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	static const u8 uuid[16] = "fuzz";
	const char *why = NULL;
	u32 at, bytes;
	void *buf;

	if (size < 4)
		return 0;
	must(!lc_geo_init(&geo, CACHE, ORIGIN, 256u << data[1] % 3, uuid, &why));
	at = data[2] | data[3] << 8;
	bytes = data[0] % 5 == 4 ? geo.slot_blocks * LC_BLOCK_SIZE : LC_BLOCK_SIZE;

	/* On the heap, and just as large as it may be, for ASan to watch. */
	buf = calloc(1, bytes);
	must(buf);
	memcpy(buf, data + 4, size - 4 < bytes ? size - 4 : bytes);
	switch (data[0] % 5) {
	case 0:
		fuzz_super(buf);
		break;
	case 1:
		fuzz_ckpt(buf);
		break;
	case 2:
		fuzz_bitmap(buf, at);
		break;
	case 3:
		fuzz_record(buf, at);
		break;
	case 4:
		fuzz_slot(buf, at);
		break;
	}
	free(buf);
	return 0;
}
