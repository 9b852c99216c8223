/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Small things every part of the power-cut test needs: a seeded generator
 * (results must be reproducible, so nothing here uses libc's) and allocation
 * that ends the program, since a test that ran out of memory proves nothing.
 */
#ifndef CRASH_UTIL_H
#define CRASH_UTIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

#define SECTOR_SIZE	512u

struct rng {
	uint64_t state;
};

/* splitmix64: one word of state, any seed is a good seed. */
static inline uint64_t mix64(uint64_t z)
{
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

static inline uint64_t rng_next(struct rng *rng)
{
	rng->state += 0x9e3779b97f4a7c15ull;
	return mix64(rng->state);
}

/* Uniform in [0, n); n must not be 0. */
static inline uint64_t rng_below(struct rng *rng, uint64_t n)
{
	return rng_next(rng) % n;
}

static inline bool rng_chance(struct rng *rng, unsigned int percent)
{
	return rng_below(rng, 100) < percent;
}

static inline uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static inline uint64_t max_u64(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

_Noreturn void die(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

void *xcalloc(size_t nr, size_t size);
void *xrealloc(void *old, size_t nr, size_t size);

/* Page-aligned, as O_DIRECT wants it. */
void *xalloc_pages(size_t bytes);

#endif
