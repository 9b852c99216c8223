/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SIM_TRACE_H
#define SIM_TRACE_H

/*
 * trace.h - request sequences: generated with a fixed seed, or read from a file.
 */

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define TRACE_WRITE	0x80000000u

struct trace {
	char name[32];
	uint32_t *req;		/* key, | TRACE_WRITE */
	uint32_t len;
	uint32_t nkeys;
};

enum trace_kind {
	TRACE_ZIPF_08,
	TRACE_ZIPF_10,
	TRACE_ZIPF_12,
	TRACE_SCAN,
	TRACE_LOOP,
	TRACE_SHIFT,
	TRACE_JUMP,
	TRACE_HARSH,
	TRACE_KINDS,
};

/* @len requests against a cache of @capacity blocks, @write_pct % writes. */
void trace_generate(struct trace *t, enum trace_kind kind, uint32_t capacity,
		    uint32_t len, uint32_t write_pct, uint64_t seed);

/* Read lines "R|W lba"; '#' starts a comment. Returns the bad line, or 0. */
uint32_t trace_read(struct trace *t, FILE *f);

void trace_free(struct trace *t);

#endif /* SIM_TRACE_H */
