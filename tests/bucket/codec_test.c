// SPDX-License-Identifier: GPL-2.0-only
/* The pure parts: bytes, names, lines, the layout of an object, the map. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <linux/crc32c.h>
#include <linux/kernel.h>

#include "bucket/codec.h"
#include "bucket/crc.h"
#include "bucket/key.h"
#include "bucket/manifest.h"
#include "bucket/map.h"
#include "bucket/unit.h"
#include "tap.h"

#include "sync.h"

static const u8 uuid[16] = { 0, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77,
			     0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff };

/*----------------------------------------------------------------
 * Bytes
 *----------------------------------------------------------------
 */

static void crc_is_crc32c(void)
{
	u8 buf[1000];
	u32 i;

	/* RFC 3720. */
	CHECK((lc_bk_crc(~0u, "123456789", 9) ^ ~0u) == 0xe3069283);
	for (i = 0; i < sizeof(buf); i++)
		buf[i] = i * 7 + (i >> 3);
	for (i = 0; i < 40; i++)
		CHECK(lc_bk_crc(i, buf + i, 900 - i) == crc32c(i, buf + i, 900 - i));
}

static void names_are_what_the_document_says(void)
{
	char key[LC_KEY_LEN];
	u64 epoch, seq;
	u32 part;

	lc_key_manifest(key, uuid);
	CHECK(!strcmp(key, "00112233-4455-6677-8899-aabbccddeeff/manifest"));
	lc_key_data(key, uuid, 3, 0xabc);
	CHECK(!strcmp(key, "00112233-4455-6677-8899-aabbccddeeff/data/"
		      "0000000000000003/0000000000000abc"));
	CHECK(lc_key_parse_data(key, uuid, &epoch, &seq) && epoch == 3 && seq == 0xabc);
	strcat(key, "0");
	CHECK(!lc_key_parse_data(key, uuid, &epoch, &seq));
	lc_key_ckpt(key, uuid, 7, 2, 1);
	CHECK(!strcmp(key, "00112233-4455-6677-8899-aabbccddeeff/map/"
		      "0000000000000007.0000000000000002.00000001"));
	CHECK(lc_key_parse_ckpt(key, uuid, &seq, &epoch, &part));
	CHECK(seq == 7 && epoch == 2 && part == 1);
	lc_key_ckpt(key, uuid, 7, 2, LC_BK_MARK_PART);
	CHECK(!strcmp(key, "00112233-4455-6677-8899-aabbccddeeff/map/"
		      "0000000000000007.0000000000000002.ffffffff"));
	CHECK(lc_key_parse_ckpt(key, uuid, &seq, &epoch, &part) && part == LC_BK_MARK_PART);
	key[45] = 'A';
	CHECK(!lc_key_parse_ckpt(key, uuid, &seq, &epoch, &part));
}

static struct lc_obj sample(void)
{
	return (struct lc_obj){
		.epoch = 3, .seq = 9, .prev = 8, .committed = 5, .nr_live = 4,
		.lsn_first = 10, .lsn_end = 20, .nr_extents = 2, .payload = 9,
	};
}

static const struct lc_ext sample_exts[2] = {
	{ .lba = 100, .len = 9, .op = LC_BK_DATA }, { .lba = 200, .len = 50, .op = LC_BK_DISCARD },
};

static void objects_come_back(void)
{
	static const u32 crcs[2] = { 0x12345678, 0x9abcdef0 };
	struct lc_obj in = sample(), out;
	u8 *buf = malloc(LC_BK_BLOCK);
	const char *why = "";
	struct lc_ext e;

	CHECK(lc_obj_header_bytes(2, 9) == LC_BK_BLOCK);
	lc_obj_encode(buf, uuid, &in, sample_exts, crcs);
	CHECK(!lc_obj_decode(buf, uuid, 3, 9, &out, &why));
	CHECK(!memcmp(&in, &out, sizeof(in)));
	CHECK(!lc_obj_check(buf, &out, 1000, &why));
	lc_obj_extent(buf, 1, &e);
	CHECK(e.lba == 200 && e.len == 50 && e.op == LC_BK_DISCARD);
	CHECK(lc_obj_crc(buf, &out, 1) == crcs[1]);
	/* The bytes at their places. */
	CHECK(!memcmp(buf + 4, "LBob", 4) && buf[8] == 1 && !memcmp(buf + 16, uuid, 16));
	CHECK(buf[32] == 3 && buf[40] == 9 && buf[49] == 0x10 && buf[96] == 2 && buf[104] == 9);
	CHECK(buf[128] == 100 && buf[135] == LC_BK_DATA && buf[136] == 9);
	free(buf);
}

static int decode_changed(size_t at, u8 bit, u64 epoch, u64 sectors)
{
	static const u32 crcs[2];
	struct lc_obj in = sample(), out;
	u8 *buf = malloc(LC_BK_BLOCK);
	const char *why;
	int ret;

	lc_obj_encode(buf, uuid, &in, sample_exts, crcs);
	buf[at] ^= bit;
	ret = lc_obj_decode(buf, uuid, epoch, 9, &out, &why);
	ret = ret ?: lc_obj_check(buf, &out, sectors, &why);
	free(buf);
	return ret;
}

static void every_bit_of_a_header_counts(void)
{
	size_t i;

	CHECK(!decode_changed(0, 0, 3, 1000));
	for (i = 0; i < LC_BK_BLOCK; i++)
		CHECK(decode_changed(i, 1 << i % 8, 3, 1000) < 0);
	CHECK(decode_changed(0, 0, 4, 1000) == -EINVAL);
	CHECK(decode_changed(0, 0, 3, 249) == -EINVAL);
	CHECK(!decode_changed(0, 0, 3, 250));
}

/*----------------------------------------------------------------
 * Lines
 *----------------------------------------------------------------
 */

/* As drawn in manifest.h: 1..5, rolled back to 3, then 6, 7. */
static struct lc_manifest tree(void)
{
	const struct lc_run a = { .epoch = 1, .first = 1, .end = 6 };
	const struct lc_run b = { .epoch = 1, .first = 6, .end = 8, .prev = 3 };
	const struct lc_pin pin = { .seq = 5, .name = "a" };
	struct lc_manifest m = { .epoch = 1, .sectors = 8, .generation = 1 };

	memcpy(m.uuid, uuid, 16);
	lc_manifest_add_run(&m, &a);
	lc_manifest_add_run(&m, &b);
	lc_manifest_add_pin(&m, &pin);
	return m;
}

static void every_bit_of_a_mark_counts(void)
{
	u8 buf[LC_BK_FIXED], copy[LC_BK_FIXED];
	const char *why;
	u32 i;

	lc_mark_encode(buf, uuid, 3, 9);
	CHECK(!lc_mark_decode(buf, sizeof(buf), uuid, 3, 9, &why));
	CHECK(lc_mark_decode(buf, sizeof(buf), uuid, 3, 8, &why));
	CHECK(lc_mark_decode(buf, sizeof(buf), uuid, 2, 9, &why));
	CHECK(lc_mark_decode(buf, sizeof(buf) - 1, uuid, 3, 9, &why));
	for (i = 0; i < 8 * sizeof(buf); i++) {
		memcpy(copy, buf, sizeof(buf));
		copy[i / 8] ^= 1 << i % 8;
		CHECK(lc_mark_decode(copy, sizeof(copy), uuid, 3, 9, &why));
	}
}

static void lines_follow_the_branches(void)
{
	struct lc_manifest m = tree();
	struct lc_line line;

	CHECK(lc_line_init(&line, &m, 7));
	CHECK(line.nr == 2 && line.spans[0].last == 3 && line.spans[1].first == 6);
	CHECK(lc_line_span(&line, 3) && !lc_line_span(&line, 4) && lc_line_span(&line, 6));
	CHECK(lc_line_meet(&line, &m, 5) == 3);
	CHECK(lc_line_meet(&line, &m, 2) == 2);
	CHECK(lc_manifest_tip(&m) == 7 && lc_manifest_next_seq(&m) == 8);
	CHECK(!lc_manifest_run(&m, 8) && !lc_manifest_run(&m, 0));
	lc_line_free(&line);
	lc_manifest_free(&m);
}

static void a_snapshot_needs_what_was_alive(void)
{
	struct lc_manifest m = tree();
	const struct lc_pin on = { .seq = 2 }, *off = &m.pins[0];
	struct lc_line line;

	CHECK(lc_line_init(&line, &m, 7));
	CHECK(lc_pin_needs(&on, &line, &m, 1, LC_BK_NEVER));
	CHECK(lc_pin_needs(&on, &line, &m, 1, 3));
	CHECK(!lc_pin_needs(&on, &line, &m, 1, 2));
	CHECK(!lc_pin_needs(&on, &line, &m, 3, LC_BK_NEVER));
	/* On the other branch: what died before they parted is known, the rest is not. */
	CHECK(lc_pin_needs(off, &line, &m, 4, LC_BK_NEVER));
	CHECK(lc_pin_needs(off, &line, &m, 2, 6));
	CHECK(!lc_pin_needs(off, &line, &m, 2, 3));
	CHECK(!lc_pin_needs(off, &line, &m, 6, LC_BK_NEVER));
	lc_line_free(&line);
	lc_manifest_free(&m);
}

static int recode(struct lc_manifest *m)
{
	struct lc_manifest out;
	const char *why = "";
	size_t bytes;
	void *buf = lc_manifest_encode(m, &bytes);
	int ret = lc_manifest_decode(buf, bytes, uuid, &out, &why);

	free(buf);
	if (!ret)
		lc_manifest_free(&out);
	return ret;
}

static void runs_that_make_no_tree_are_refused(void)
{
	struct lc_manifest m = tree();

	CHECK(!recode(&m));
	m.runs[1].prev = 6;
	CHECK(recode(&m) == -EINVAL);
	m.runs[1].prev = 3;
	m.runs[1].first = 5;
	CHECK(recode(&m) == -EINVAL);
	m.runs[1].first = 6;
	m.runs[0].end = LC_BK_NEVER;
	CHECK(recode(&m) == -EINVAL);
	m.runs[0].end = 6;
	m.runs[1].end = 6;
	CHECK(recode(&m) == -EINVAL);
	m.runs[1].end = LC_BK_NEVER;
	CHECK(!recode(&m));
	m.pins[0].seq = 6;
	m.runs[1].first = 7;
	CHECK(recode(&m) == -EINVAL);
	lc_manifest_free(&m);
}

/*----------------------------------------------------------------
 * Laying out an object
 *----------------------------------------------------------------
 */

static void odd_extents_do_not_shift_the_others(void)
{
	static u8 data[6][4096];
	struct lc_part parts[4] = {
		{ .lba = 0, .len = 3, .op = LC_BK_DATA, .data = data[0] },
		{ .lba = 8, .len = 8, .op = LC_BK_DATA, .data = data[1] },
		{ .lba = 16, .len = 8, .op = LC_BK_DATA, .data = data[3] },
		{ .lba = 24, .len = 9, .op = LC_BK_ZERO },
	};
	struct lc_built b = { .obj = { .seq = 1 } };

	memset(data[1], 1, 4096);
	memset(data[3], 3, 4096);
	CHECK(lc_parts_sort(parts, 4, 33));
	CHECK(lc_built_make(&b, uuid, parts, 4));
	/* Neighbours in the volume and in the payload are one extent. */
	CHECK(b.obj.nr_extents == 3 && b.obj.payload == 19);
	CHECK(b.exts[0].pos == 16 && b.exts[1].pos == 0 && b.exts[1].len == 16);
	CHECK(b.nr_iov == 4 && b.iov[1].iov_base == data[1] && b.iov[3].iov_len == 1536);
	CHECK(lc_obj_crc(b.header, &b.obj, 1) == lc_bk_crc(~0u, data[3], 4096));
	CHECK(lc_obj_crc(b.header, &b.obj, 2) == lc_bk_crc(~0u, data[0], 1536));
	lc_built_free(&b);
}

static void large_units_are_cut_at_blocks(void)
{
	struct lc_part parts[2] = {
		{ .lba = 0, .len = 20, .op = LC_BK_DATA },
		{ .lba = 100, .len = 30, .op = LC_BK_DATA },
	};
	u32 cut;

	CHECK(lc_parts_fit(parts, 2, 50, &cut) == 2 && !cut);
	CHECK(lc_parts_fit(parts, 2, 40, &cut) == 2 && cut == 16);
	CHECK(lc_parts_fit(parts, 2, 24, &cut) == 1 && !cut);
	CHECK(lc_parts_fit(parts, 2, 16, &cut) == 1 && cut == 16);
}

/*----------------------------------------------------------------
 * The map against an array
 *----------------------------------------------------------------
 */

#define SPACE	512u

struct flat {
	u64 seq;
	u32 pos;
	u8 op;
};

static bool map_agrees(struct lc_map *map, const struct flat *flat)
{
	struct lc_piece pieces[7];
	u64 lba = 0;
	int i, n;
	u32 k;

	while (lba < SPACE) {
		n = lc_map_lookup(map, lba, SPACE - lba, pieces, ARRAY_SIZE(pieces));
		if (n <= 0)
			return false;
		for (i = 0; i < n; i++) {
			if (pieces[i].lba != lba)
				return false;
			for (k = 0; k < pieces[i].len; k++) {
				const struct flat *f = &flat[lba + k];
				u32 pos = f->op == LC_BK_DATA ? pieces[i].pos + k : 0;

				if (f->op != pieces[i].op || f->seq != pieces[i].seq ||
				    f->pos != pos)
					return false;
			}
			lba += pieces[i].len;
		}
	}
	return true;
}

/* What the map thinks of each object is what the array says. */
static bool counts_agree(struct lc_map *map, const struct flat *flat)
{
	const struct lc_objs *objs = lc_map_objs(map);
	u64 live, zero, needed = 0;
	u32 i, k;

	for (i = 0; i < objs->nr; i++) {
		live = 0;
		zero = 0;
		for (k = 0; k < SPACE; k++)
			if (flat[k].op && flat[k].seq == objs->e[i].seq)
				*(flat[k].op == LC_BK_DATA ? &live : &zero) += 1;
		needed += live || zero;
		if (objs->e[i].live != live || objs->e[i].zero != zero ||
		    (objs->e[i].dead_at == LC_BK_NEVER) != (live || zero))
			return false;
	}
	return objs->nr_needed == needed;
}

static void put_random(struct lc_map *map, struct flat *flat, struct rng *rng, u64 seq)
{
	struct lc_part parts[8] = { 0 };
	struct lc_map_state state = { seq, 1, seq };
	struct lc_built b = { .obj = { .epoch = 1, .seq = seq, .prev = seq - 1 } };
	static u8 data[SPACE * 512];
	u32 i, k, nr = 0;
	u64 at = rng_below(rng, 64);

	while (nr < 8 && at < SPACE) {
		parts[nr].lba = at;
		parts[nr].len = min(1 + rng_below(rng, 60), SPACE - at);
		parts[nr].op = 1 + rng_below(rng, 3);
		parts[nr].data = parts[nr].op == LC_BK_DATA ? data + at * 512 : NULL;
		at += parts[nr].len + rng_below(rng, 60);
		nr++;
	}
	REQUIRE(lc_built_make(&b, uuid, parts, nr));
	REQUIRE(!lc_map_begin(map) && !lc_map_apply(map, &b.obj, b.header));
	REQUIRE(!lc_map_commit(map, &state));
	for (i = 0; i < b.obj.nr_extents; i++)
		for (k = 0; k < b.exts[i].len; k++)
			flat[b.exts[i].lba + k] = (struct flat){
				seq, b.exts[i].op == LC_BK_DATA ? b.exts[i].pos + k : 0,
				b.exts[i].op,
			};
	lc_built_free(&b);
}

static void the_map_is_as_an_array_has_it(void)
{
	struct flat flat[SPACE] = { 0 };
	struct rng rng = { 5 };
	struct lc_map *map;
	char dir[64];
	u64 seq;

	scratch_new(dir, sizeof(dir));
	CHECK(!lc_map_open(&map, dir, 64 << 20, uuid));
	for (seq = 1; seq <= 400; seq++) {
		put_random(map, flat, &rng, seq);
		CHECK(map_agrees(map, flat) && counts_agree(map, flat));
	}
	lc_map_close(map);
	/* It is there again, and another volume's is not taken for it. */
	CHECK(!lc_map_open(&map, dir, 64 << 20, uuid));
	CHECK(lc_map_state(map)->seq == 400);
	CHECK(map_agrees(map, flat) && counts_agree(map, flat));
	lc_map_close(map);
	CHECK(!lc_map_open(&map, dir, 64 << 20, (const u8 *)"another volume's"));
	CHECK(!lc_map_state(map)->seq && !lc_map_objs(map)->nr);
	lc_map_close(map);
	scratch_free(dir);
}

static void a_map_that_is_full_says_so(void)
{
	struct flat flat[SPACE] = { 0 };
	struct lc_map_state state = { 0 };
	struct rng rng = { 5 };
	struct lc_map *map;
	char dir[64];
	u64 seq;
	int err = 0;

	scratch_new(dir, sizeof(dir));
	CHECK(!lc_map_open(&map, dir, 256 << 10, uuid));
	for (seq = 1; seq <= 20; seq++)
		put_random(map, flat, &rng, seq);
	for (seq = 0; seq < 100000 && !err; seq++) {
		const struct lc_ext e = { .lba = 1000 + seq * 2, .len = 1, .op = LC_BK_ZERO };

		if (lc_map_begin(map))
			break;
		err = lc_map_load_extent(map, &e, lc_map_objs(map)->e[0].seq);
		if (err)
			lc_map_abort(map);
		else
			err = lc_map_commit(map, &state);
	}
	CHECK(err == -ENOSPC);
	lc_map_close(map);
	scratch_free(dir);
}

static void a_commit_that_fails_changes_nothing(void)
{
	struct lc_map_state state = { .seq = 21, .epoch = 1, .lsn = 21 };
	struct flat flat[SPACE] = { 0 };
	struct rng rng = { 5 };
	struct lc_map *map;
	char dir[64];
	u64 seq;

	scratch_new(dir, sizeof(dir));
	CHECK(!lc_map_open(&map, dir, 256 << 10, uuid));
	for (seq = 1; seq <= 20; seq++)
		put_random(map, flat, &rng, seq);
	REQUIRE(!lc_map_begin(map));
	/* More than there is room for. */
	for (seq = 21; seq < 20000; seq++) {
		const struct lc_objs_entry e = {
			.seq = seq, .dead_at = LC_BK_NEVER, .dirty = true,
		};

		REQUIRE(!lc_objs_add(lc_map_objs(map), &e));
	}
	CHECK(lc_map_commit(map, &state) == -ENOSPC);
	CHECK(lc_map_state(map)->seq == 20);
	CHECK(lc_map_begin(map));
	lc_map_close(map);
	CHECK(!lc_map_open(&map, dir, 64 << 20, uuid));
	CHECK(lc_map_state(map)->seq == 20);
	CHECK(map_agrees(map, flat) && counts_agree(map, flat));
	lc_map_close(map);
	scratch_free(dir);
}

int main(void)
{
	RUN(crc_is_crc32c);
	RUN(names_are_what_the_document_says);
	RUN(objects_come_back);
	RUN(every_bit_of_a_header_counts);
	RUN(every_bit_of_a_mark_counts);
	RUN(lines_follow_the_branches);
	RUN(a_snapshot_needs_what_was_alive);
	RUN(runs_that_make_no_tree_are_refused);
	RUN(odd_extents_do_not_shift_the_others);
	RUN(large_units_are_cut_at_blocks);
	RUN(the_map_is_as_an_array_has_it);
	RUN(a_map_that_is_full_says_so);
	RUN(a_commit_that_fails_changes_nothing);
	return tap_done();
}
