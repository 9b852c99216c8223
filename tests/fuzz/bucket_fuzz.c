// SPDX-License-Identifier: GPL-2.0-only
/*
 * Any bytes as an object of a bucket. The harness puts magic, uuid, version and
 * checksums right, so that what is fuzzed lies behind them; whatever is then accepted
 * has to be bounded.
 *
 * Input: kind, two bytes of length, then the object.
 */
#include <stdlib.h>
#include <string.h>

#include <linux/kernel.h>
#include <asm/byteorder.h>

#include "codec.h"
#include "crc.h"
#include "key.h"
#include "manifest.h"
#include "must.h"

#define SECTORS		(1ull << 30)

static const u8 uuid[16] = "fuzz";

static void reseal(void *buf, size_t bytes, u32 magic)
{
	struct lc_bk_head *h = buf;

	if (bytes < LC_BK_FIXED)
		return;
	lc_bk_seal(h, magic, uuid, le64_to_cpu(h->epoch), le64_to_cpu(h->seq),
		   (u8 *)buf + LC_BK_FIXED, bytes - LC_BK_FIXED);
}

static void extent_inside(const struct lc_ext *e, u32 payload, u64 *end)
{
	must(e->op >= LC_BK_DATA && e->op <= LC_BK_DISCARD);
	must(e->len && e->lba + e->len <= SECTORS && e->lba >= *end);
	must(e->op == LC_BK_DATA ? (u64)e->pos + e->len <= payload : !e->pos);
	*end = e->lba + e->len;
}

static void fuzz_object(void *buf, size_t bytes)
{
	struct lc_bk_object *o = buf;
	const char *why = NULL;
	struct lc_obj obj;
	struct lc_ext e;
	u64 end = 0;
	int ret;
	u32 i;

	if (bytes < LC_BK_FIXED)
		return;
	/* Small enough to be all here, and then in order. */
	o->nr_extents = cpu_to_le32(le32_to_cpu(o->nr_extents) % 300);
	if (le32_to_cpu(o->header_bytes) <= bytes && le32_to_cpu(o->header_bytes) >= LC_BK_FIXED)
		bytes = le32_to_cpu(o->header_bytes);
	reseal(buf, bytes, LC_BK_OBJECT_MAGIC);
	ret = lc_obj_decode(buf, uuid, le64_to_cpu(o->head.epoch), le64_to_cpu(o->head.seq), &obj,
			    &why);
	must_explain(ret, why);
	if (ret)
		return;
	must(obj.prev < obj.seq && obj.seq < LC_BK_COUNTER_MAX);
	must(obj.header_bytes <= LC_BK_HEADER_MAX && !(obj.header_bytes % LC_BK_BLOCK));
	if (obj.header_bytes > bytes)
		return;
	ret = lc_obj_check(buf, &obj, SECTORS, &why);
	must_explain(ret, why);
	for (i = 0; i < obj.nr_extents && !ret; i++) {
		lc_obj_extent(buf, i, &e);
		extent_inside(&e, obj.payload, &end);
	}
	for (i = 0; i < obj.nr_crcs && !ret; i++)
		lc_obj_crc(buf, &obj, i);
}

static void fuzz_ckpt(void *buf, size_t bytes)
{
	struct lc_bk_ckpt *c = buf;
	struct lc_ckpt_info info;
	struct lc_ckpt_obj o;
	const char *why = NULL;
	struct lc_ext e;
	u64 end = 0, seq, last = 0;
	int ret;
	u32 i;

	if (bytes >= LC_BK_FIXED) {
		c->nr_objects = cpu_to_le32(le32_to_cpu(c->nr_objects) % 8);
		c->nr_extents = cpu_to_le32(le32_to_cpu(c->nr_extents) % 16);
		seq = lc_ckpt_bytes(le32_to_cpu(c->nr_objects), le32_to_cpu(c->nr_extents));
		if (seq <= bytes)
			bytes = seq;
	}
	reseal(buf, bytes, LC_BK_CKPT_MAGIC);
	ret = lc_ckpt_part_decode(buf, bytes, uuid, SECTORS, &info, &why);
	must_explain(ret, why);
	if (ret)
		return;
	must(info.part < info.nr_parts);
	for (i = 0; i < info.nr_objects; i++) {
		lc_ckpt_object(buf, i, &o);
		must(o.seq > last && o.seq <= info.seq);
		last = o.seq;
	}
	for (i = 0; i < info.nr_extents; i++) {
		lc_ckpt_extent(buf, info.nr_objects, i, &e, &seq);
		must(seq && seq <= info.seq);
		extent_inside(&e, LC_BK_PAYLOAD_MAX, &end);
	}
}

static void fuzz_mark(void *buf, size_t bytes)
{
	const struct lc_bk_head *h = buf;
	const char *why = NULL;
	u64 epoch = 0, seq = 0;

	if (bytes >= LC_BK_FIXED) {
		bytes = LC_BK_FIXED;
		epoch = le64_to_cpu(h->epoch);
		seq = le64_to_cpu(h->seq);
	}
	reseal(buf, bytes, LC_BK_MARK_MAGIC);
	must_explain(lc_mark_decode(buf, bytes, uuid, epoch, seq, &why), why);
	why = NULL;
	must(lc_mark_decode(buf, bytes, uuid, epoch, seq + 1, &why) && why);
}

/* Every line ends, and is in ascending order. */
static void walk_lines(const struct lc_manifest *m)
{
	struct lc_line line;
	u32 i, k;

	for (i = 0; i < m->nr_runs; i++) {
		must(lc_line_init(&line, m, m->runs[i].first));
		must(line.nr && line.nr <= m->nr_runs);
		for (k = 1; k < line.nr; k++)
			must(line.spans[k].first > line.spans[k - 1].last);
		must(lc_line_span(&line, m->runs[i].first));
		for (k = 0; k < m->nr_pins; k++) {
			must(lc_line_meet(&line, m, m->pins[k].seq) <= m->pins[k].seq);
			lc_pin_needs(&m->pins[k], &line, m, m->runs[i].first, 7);
		}
		lc_line_free(&line);
	}
}

static void fuzz_manifest(void *buf, size_t bytes)
{
	struct lc_bk_manifest *b = buf;
	struct lc_manifest m;
	const char *why = NULL;
	size_t again;
	void *copy;
	int ret;

	if (bytes >= LC_BK_FIXED) {
		b->nr_runs = cpu_to_le32(le32_to_cpu(b->nr_runs) % 8);
		b->nr_pins = cpu_to_le32(le32_to_cpu(b->nr_pins) % 4);
		again = LC_BK_FIXED + le32_to_cpu(b->nr_runs) * sizeof(struct lc_bk_run) +
			le32_to_cpu(b->nr_pins) * sizeof(struct lc_bk_pin);
		if (again <= bytes)
			bytes = again;
		b->bytes = cpu_to_le32(bytes);
	}
	reseal(buf, bytes, LC_BK_MANIFEST_MAGIC);
	ret = lc_manifest_decode(buf, bytes, uuid, &m, &why);
	must_explain(ret, why);
	if (ret)
		return;
	walk_lines(&m);
	copy = lc_manifest_encode(&m, &again);
	must(copy && again == bytes);
	free(copy);
	lc_manifest_free(&m);
}

static void fuzz_key(const void *buf, size_t bytes)
{
	char key[LC_KEY_LEN], back[LC_KEY_LEN];
	u64 epoch, seq;
	u32 part;

	lc_key_data_prefix(key, uuid);
	if (*(const u8 *)buf & 1)
		lc_key_ckpt_prefix(key, uuid);
	bytes = min(bytes, sizeof(key) - strlen(key) - 1);
	strncat(key, buf, bytes);
	if (lc_key_parse_data(key, uuid, &epoch, &seq)) {
		lc_key_data(back, uuid, epoch, seq);
		must(!strcmp(key, back));
	}
	if (lc_key_parse_ckpt(key, uuid, &seq, &epoch, &part)) {
		lc_key_ckpt(back, uuid, seq, epoch, part);
		must(!strcmp(key, back));
	}
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	size_t bytes;
	void *buf;

	if (size < 4)
		return 0;
	/* On the heap, and just as large as it may be, for ASan to watch. */
	bytes = data[1] % 4 ? size - 3 : ALIGN(size, LC_BK_BLOCK);
	buf = calloc(1, bytes);
	must(buf);
	memcpy(buf, data + 3, size - 3);
	switch (data[0] % 5) {
	case 0:
		fuzz_object(buf, bytes);
		break;
	case 1:
		fuzz_ckpt(buf, bytes);
		break;
	case 4:
		fuzz_mark(buf, bytes);
		break;
	case 2:
		fuzz_manifest(buf, bytes);
		break;
	case 3:
		fuzz_key(buf, bytes);
		break;
	}
	free(buf);
	return 0;
}
