// SPDX-License-Identifier: GPL-2.0
/*
 * Any sequence of operations on the index, against a flat array.
 *
 * Input: loc_bits, stripe_shift, gap; then eight bytes for each operation:
 * what and kind, where (2), length (2), loc (3).
 */
#include "index_model.h"

#define SIZE	(1u << 15)

enum { INSERT, HOLES, REMOVE, REMOVE_AT, LOOKUP, STARVE, FILL, AT_HAND };

/* Many small extents at once, or random bytes would never fill a leaf. */
static void fill(struct model *m, struct lc_extent e, u32 step)
{
	u32 at = model_at(m, e.key), n;

	for (n = 0; n < 100 && at < m->size; n++, at += step) {
		e.key = model_key(m, at);
		e.len = 1 + step / 2;
		e.loc ^= (u64)n << 3;
		model_insert(m, e, false);
	}
}

static void operate(struct model *m, const u8 *b)
{
	u32 at = (b[1] | b[2] << 8) % SIZE, len = 1 + (b[3] | b[4] << 8) % 4096, to;
	struct lc_extent e = {
		.key = model_key(m, at), .len = len, .kind = (b[0] >> 3) % 3,
		.loc = ((u64)b[5] << 24 | b[6] << 12 | b[7] << 3) >> (b[0] & 0x80 ? 3 : 0),
	};

	if (b[0] & 0x40) {
		len = 1 + len % 16;
		e.len = len;
	}
	if (b[0] & 0x20)
		e.loc = at;
	e.loc &= (1ULL << m->geo.loc_bits) - 1;
	to = min(at + len, m->size);
	switch (b[0] & 7) {
	case INSERT:
		return model_insert(m, e, false);
	case HOLES:
		return model_insert_holes(m, e);
	case REMOVE:
		return model_remove(m, at, to, false);
	case REMOVE_AT:
		return model_remove_at(m, e);
	case LOOKUP:
		return model_lookup(m, at, to);
	case STARVE:
		return model_insert(m, e, true);
	case FILL:
		return fill(m, e, 2 + b[3] % 32);
	case AT_HAND:	/* evict what is there, if anything is */
		if (lc_index_lookup(&m->ix, e.key, 4096, &e))
			model_remove_at(m, e);
	}
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct lc_index_geo geo = { .seg_shift = 11 };
	struct model m;

	if (size < 3)
		return 0;
	geo.loc_bits = 12 + data[0] % 24;
	geo.stripe_shift = 4 + data[1] % 12;
	model_init(&m, &geo, SIZE, 1ULL << data[2] % 40);
	for (data += 3, size -= 3; size >= 8; data += 8, size -= 8)
		operate(&m, data);
	model_verify(&m);
	model_destroy(&m);
	return 0;
}
