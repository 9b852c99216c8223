/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The oracle: what the volume holds after each unit, as a flat array with one stamp
 * per sector. Knows nothing of objects, maps or buckets.
 *
 * A stamp is a number that no other write has; 0 is zeroes. State @i is the volume
 * after unit @i; unit @i is what takes state @i - 1 to state @i.
 */
#ifndef TEST_HISTORY_H
#define TEST_HISTORY_H

#include <stdbool.h>

#include "bucket/volume.h"

#include "rng.h"

#define SECTORS		1024u
#define BYTES		(SECTORS * 512u)

struct state {
	u64 stamp[SECTORS];
};

struct entry {
	struct state state;
	bool touched[SECTORS];
	bool discarded[SECTORS];
};

struct history {
	u64 first;		/* number of the oldest state */
	u64 nr;
	u64 max;
	struct entry *entries;
};

/* Begins with @state as state @first. */
void history_init(struct history *h, u64 first, const struct state *state);
void history_fini(struct history *h);
/* Number of the newest state. */
u64 history_last(const struct history *h);
/* NULL: not one of them. */
const struct state *history_state(const struct history *h, u64 i);
/* A new unit of random writes, zeroes and discards. */
void history_add(struct history *h, struct rng *rng);

/* A unit as the volume wants it, with its data. */
struct payload {
	struct lc_unit_extent *extents;
	u32 nr;
	u8 *data;
};

/* Units (@from, @to] as one: the newest version of each sector they touch, cut up at random. */
void history_unit(const struct history *h, u64 from, u64 to, struct rng *rng, struct payload *p);
void payload_fini(struct payload *p);

/* Sector contents. */
void stamp_fill(u8 *sector, u64 stamp);
/* False: it is no sector that was ever written. */
bool stamp_read(const u8 *sector, u64 *stamp);
/* All of the volume; false: damaged, at *@sector. */
bool state_read(const u8 *bytes, struct state *state, u32 *sector);

#endif /* TEST_HISTORY_H */
