// SPDX-License-Identifier: GPL-2.0-only

#include <stdlib.h>
#include <string.h>

#include "history.h"

static u64 next_stamp = 1;

void history_init(struct history *h, u64 first, const struct state *state)
{
	*h = (struct history){ .first = first, .nr = 1, .max = 16 };
	h->entries = calloc(h->max, sizeof(*h->entries));
	if (!h->entries)
		abort();
	if (state)
		h->entries[0].state = *state;
}

void history_fini(struct history *h)
{
	free(h->entries);
	*h = (struct history){ 0 };
}

u64 history_last(const struct history *h)
{
	return h->first + h->nr - 1;
}

const struct state *history_state(const struct history *h, u64 i)
{
	return i >= h->first && i - h->first < h->nr ? &h->entries[i - h->first].state : NULL;
}

static void change(struct entry *e, struct rng *rng)
{
	u32 lba = rng_below(rng, SECTORS), len = 1 + rng_below(rng, 40), i, kind;
	u64 stamp;

	if (rng_chance(rng, 600)) {
		lba &= ~7u;
		len = (len + 7) & ~7u;
	}
	if (rng_chance(rng, 30))
		len *= 8;
	if (len > SECTORS - lba)
		len = SECTORS - lba;
	kind = rng_below(rng, 10);
	for (i = lba; i < lba + len; i++) {
		stamp = kind < 7 ? next_stamp++ : 0;
		e->state.stamp[i] = stamp;
		e->touched[i] = true;
		e->discarded[i] = kind == 9;
	}
}

void history_add(struct history *h, struct rng *rng)
{
	u32 n = 1 + rng_below(rng, 8);
	struct entry *e;

	if (h->nr == h->max) {
		h->max *= 2;
		h->entries = realloc(h->entries, h->max * sizeof(*h->entries));
		if (!h->entries)
			abort();
	}
	e = &h->entries[h->nr++];
	*e = (struct entry){ .state = e[-1].state };
	while (n--)
		change(e, rng);
}

/* The way sector @i of state @e was changed last. */
static u8 kind_of(const struct entry *e, u32 i)
{
	if (e->state.stamp[i])
		return LC_BK_DATA;
	return e->discarded[i] ? LC_BK_DISCARD : LC_BK_ZERO;
}

static void add_extent(struct payload *p, const struct entry *e, u32 from, u32 to, u8 op)
{
	u32 i;

	p->extents[p->nr++] = (struct lc_unit_extent){
		.lba = from, .len = to - from, .op = op,
		.data = op == LC_BK_DATA ? p->data + from * 512 : NULL,
	};
	for (i = from; i < to && op == LC_BK_DATA; i++)
		stamp_fill(p->data + i * 512, e->state.stamp[i]);
}

static void shuffle(struct payload *p, struct rng *rng)
{
	u32 i, j;

	for (i = p->nr; i > 1; i--) {
		struct lc_unit_extent x = p->extents[i - 1];

		j = rng_below(rng, i);
		p->extents[i - 1] = p->extents[j];
		p->extents[j] = x;
	}
}

void history_unit(const struct history *h, u64 from, u64 to, struct rng *rng, struct payload *p)
{
	const struct entry *e = &h->entries[to - h->first];
	bool touched[SECTORS] = { 0 };
	u32 i, j;
	u64 n;

	for (n = from + 1; n <= to; n++)
		for (i = 0; i < SECTORS; i++)
			touched[i] |= h->entries[n - h->first].touched[i];
	p->nr = 0;
	p->extents = calloc(SECTORS, sizeof(*p->extents));
	p->data = malloc(BYTES);
	if (!p->extents || !p->data)
		abort();
	for (i = 0; i < SECTORS; i = j) {
		j = i + 1;
		if (!touched[i])
			continue;
		while (j < SECTORS && touched[j] && kind_of(e, j) == kind_of(e, i) &&
		       !rng_chance(rng, 40))
			j++;
		add_extent(p, e, i, j, kind_of(e, i));
	}
	shuffle(p, rng);
}

void payload_fini(struct payload *p)
{
	free(p->extents);
	free(p->data);
	*p = (struct payload){ 0 };
}

void stamp_fill(u8 *sector, u64 stamp)
{
	u64 word;
	u32 i;

	for (i = 0; i < 64; i++) {
		word = i ? mix64(stamp + i) : stamp;
		memcpy(sector + i * 8, &word, 8);
	}
}

bool stamp_read(const u8 *sector, u64 *stamp)
{
	static const u8 zeroes[512];
	u8 want[512];

	memcpy(stamp, sector, 8);
	if (!*stamp)
		return !memcmp(sector, zeroes, sizeof(zeroes));
	stamp_fill(want, *stamp);
	return !memcmp(sector, want, sizeof(want));
}

bool state_read(const u8 *bytes, struct state *state, u32 *sector)
{
	u32 i;

	for (i = 0; i < SECTORS; i++) {
		if (stamp_read(bytes + i * 512, &state->stamp[i]))
			continue;
		*sector = i;
		return false;
	}
	return true;
}
