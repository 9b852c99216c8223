/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TEST_RNG_H
#define TEST_RNG_H

#include <linux/types.h>

struct rng {
	u64 state;
};

/* splitmix64: one word of state, any seed is a good seed. */
static inline u64 mix64(u64 z)
{
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

static inline u64 rng_next(struct rng *rng)
{
	rng->state += 0x9e3779b97f4a7c15ull;
	return mix64(rng->state);
}

/* In [0, n), n > 0. */
static inline u64 rng_below(struct rng *rng, u64 n)
{
	return rng_next(rng) % n;
}

static inline bool rng_chance(struct rng *rng, unsigned int permille)
{
	return rng_below(rng, 1000) < permille;
}

#endif /* TEST_RNG_H */
