// SPDX-License-Identifier: GPL-2.0
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "stamp.h"
#include "util.h"

#define STAMP_MAGIC	0x6c6f676361636865ull
#define WORDS		(SECTOR_SIZE / 8)

enum { W_MAGIC, W_SEQ, W_SECTOR, W_CHECK, W_FILL };

static uint64_t stamp_check(uint64_t seq, uint64_t sector, uint64_t salt)
{
	return mix64(seq ^ mix64(sector ^ mix64(salt)));
}

static void stamp_one(uint64_t *w, uint64_t sector, uint64_t seq, uint64_t salt)
{
	uint64_t check = stamp_check(seq, sector, salt);

	w[W_MAGIC] = STAMP_MAGIC;
	w[W_SEQ] = seq;
	w[W_SECTOR] = sector;
	w[W_CHECK] = check;
	for (unsigned int i = W_FILL; i < WORDS; i++)
		w[i] = check ^ i;
}

void stamp_fill(void *buf, uint64_t sector, uint32_t nr, uint64_t seq, uint64_t salt)
{
	uint64_t *w = buf;

	for (uint32_t i = 0; i < nr; i++, w += WORDS)
		stamp_one(w, sector + i, seq, salt);
}

static bool all_zero(const uint64_t *w)
{
	uint64_t any = 0;

	for (unsigned int i = 0; i < WORDS; i++)
		any |= w[i];
	return !any;
}

/* A stamp that is whole, wherever it belongs. */
static bool stamp_intact(const uint64_t *w, uint64_t salt)
{
	uint64_t check = stamp_check(w[W_SEQ], w[W_SECTOR], salt);
	uint64_t diff = w[W_MAGIC] ^ STAMP_MAGIC;

	diff |= w[W_CHECK] ^ check;
	for (unsigned int i = W_FILL; i < WORDS; i++)
		diff |= w[i] ^ check ^ i;
	return !diff;
}

uint64_t stamp_value(const void *buf, uint64_t sector, uint64_t salt)
{
	const uint64_t *w = buf;

	if (w[W_MAGIC] != STAMP_MAGIC)
		return all_zero(w) ? VAL_ZERO : VAL_BAD;
	if (w[W_SECTOR] != sector || !stamp_intact(w, salt))
		return VAL_BAD;
	return w[W_SEQ];
}

void stamp_explain(const void *buf, uint64_t sector, uint64_t salt, char *out, size_t size)
{
	const uint64_t *w = buf;

	if (all_zero(w))
		snprintf(out, size, "zeroes");
	else if (w[W_MAGIC] != STAMP_MAGIC)
		snprintf(out, size, "foreign data %016" PRIx64 " %016" PRIx64, w[0], w[1]);
	else if (!stamp_intact(w, salt))
		snprintf(out, size, "damaged stamp of op %" PRIu64 " sector %" PRIu64,
			 w[W_SEQ], w[W_SECTOR]);
	else if (w[W_SECTOR] != sector)
		snprintf(out, size, "stamp of op %" PRIu64 " for sector %" PRIu64 " (misplaced)",
			 w[W_SEQ], w[W_SECTOR]);
	else
		snprintf(out, size, "op %" PRIu64, w[W_SEQ]);
}
