// SPDX-License-Identifier: GPL-2.0-only

#include <stdlib.h>
#include <string.h>

#include <linux/kernel.h>

#include "crc.h"
#include "unit.h"

/* Longest extent that fits its field; of zeroes, for data is bounded by the payload. */
#define LEN_MAX	0xfffffff8u

static int by_lba(const void *a, const void *b)
{
	const struct lc_part *x = a, *y = b;

	return x->lba < y->lba ? -1 : x->lba > y->lba;
}

bool lc_parts_sort(struct lc_part *parts, u32 nr, u64 sectors)
{
	u64 end = 0;
	u32 i;

	if (nr)
		qsort(parts, nr, sizeof(*parts), by_lba);
	for (i = 0; i < nr; i++) {
		if (parts[i].lba < end || !parts[i].len || parts[i].lba > sectors ||
		    parts[i].len > sectors - parts[i].lba)
			return false;
		if (parts[i].op < LC_BK_DATA || parts[i].op > LC_BK_DISCARD)
			return false;
		end = parts[i].lba + parts[i].len;
	}
	return true;
}

u32 lc_parts_fit(const struct lc_part *parts, u32 nr, u32 max, u32 *cut)
{
	u32 payload = 0, i;

	*cut = 0;
	if (nr > LC_BK_EXTENTS_MAX)
		nr = LC_BK_EXTENTS_MAX;
	for (i = 0; i < nr; i++) {
		bool data = parts[i].op == LC_BK_DATA;
		u64 room = data ? max - payload : LEN_MAX;

		if (parts[i].len <= room) {
			payload += data ? parts[i].len : 0;
			continue;
		}
		/* Whole blocks, so that what follows stays aligned. */
		*cut = ALIGN_DOWN(room, LC_BK_BLOCK_SECTORS);
		return *cut ? i + 1 : i;
	}
	return nr;
}

static bool aligned(const struct lc_part *p)
{
	return !(p->len % LC_BK_BLOCK_SECTORS);
}

/* Positions and bytes to send of the parts that are aligned, or of those that are not. */
static u32 place(struct lc_built *b, const struct lc_part *parts, u32 nr, bool want, u32 pos)
{
	struct iovec *v;
	u32 i;

	for (i = 0; i < nr; i++) {
		if (parts[i].op != LC_BK_DATA || aligned(&parts[i]) != want)
			continue;
		b->exts[i].pos = pos;
		pos += parts[i].len;
		v = &b->iov[b->nr_iov - 1];
		if (b->nr_iov > 1 && (u8 *)v->iov_base + v->iov_len == parts[i].data)
			v->iov_len += parts[i].len * LC_BK_SECTOR;
		else
			b->iov[b->nr_iov++] = (struct iovec){ (void *)parts[i].data,
							      parts[i].len * LC_BK_SECTOR };
	}
	return pos;
}

/* Does @e go on where @last ends, in the volume and in the payload? */
static bool goes_on(const struct lc_ext *last, const struct lc_ext *e)
{
	if (last->op != e->op || last->lba + last->len != e->lba)
		return false;
	if (e->op == LC_BK_DATA)
		return last->pos + last->len == e->pos;
	return (u64)last->len + e->len <= LEN_MAX;
}

static u32 merge(struct lc_ext *exts, u32 nr)
{
	u32 i, n = 0;

	for (i = 0; i < nr; i++) {
		if (n && goes_on(&exts[n - 1], &exts[i]))
			exts[n - 1].len += exts[i].len;
		else
			exts[n++] = exts[i];
	}
	return n;
}

/* One checksum for each block of the payload, across the pieces it is made of. */
static void sum_up(const struct lc_built *b, u32 *crcs)
{
	u32 crc = ~0u, room = LC_BK_BLOCK, n = 0;
	int i;

	for (i = 1; i < b->nr_iov; i++) {
		const u8 *p = b->iov[i].iov_base;
		size_t left = b->iov[i].iov_len;

		while (left) {
			u32 len = left < room ? left : room;

			crc = lc_bk_crc(crc, p, len);
			p += len;
			left -= len;
			room -= len;
			if (room)
				continue;
			crcs[n++] = crc;
			crc = ~0u;
			room = LC_BK_BLOCK;
		}
	}
	if (room < LC_BK_BLOCK)
		crcs[n] = crc;
}

static bool encode(struct lc_built *b, const u8 uuid[16])
{
	u32 bytes = lc_obj_header_bytes(b->obj.nr_extents, b->obj.payload);
	u32 *crcs = calloc(b->obj.payload / LC_BK_BLOCK_SECTORS + 1, sizeof(*crcs));

	b->header = malloc(bytes);
	if (!crcs || !b->header) {
		free(crcs);
		return false;
	}
	sum_up(b, crcs);
	lc_obj_encode(b->header, uuid, &b->obj, b->exts, crcs);
	free(crcs);
	b->iov[0] = (struct iovec){ b->header, bytes };
	b->bytes = bytes + (u64)b->obj.payload * LC_BK_SECTOR;
	return true;
}

bool lc_built_make(struct lc_built *b, const u8 uuid[16], const struct lc_part *parts, u32 nr)
{
	u32 i;

	b->exts = calloc(nr + 1, sizeof(*b->exts));
	b->iov = calloc(nr + 1, sizeof(*b->iov));
	if (!b->exts || !b->iov)
		return false;
	for (i = 0; i < nr; i++)
		b->exts[i] = (struct lc_ext){ parts[i].lba, parts[i].len, 0, parts[i].op };
	b->nr_iov = 1;
	b->obj.payload = place(b, parts, nr, true, 0);
	b->obj.payload = place(b, parts, nr, false, b->obj.payload);
	b->obj.nr_extents = merge(b->exts, nr);
	return encode(b, uuid);
}

void lc_built_free(struct lc_built *b)
{
	free(b->exts);
	free(b->header);
	free(b->iov);
	*b = (struct lc_built){ 0 };
}
