/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The manifest in memory: which objects count, in which order, and what has to be
 * kept. Pure: knows no store.
 *
 * Objects form a tree, since a rollback goes back and on from there, and every
 * object has one predecessor. It is cut into *runs*; sequence numbers are never
 * given out twice, so one names an object, its run, and the *line* of all objects
 * before it. The last run is the volume's head; runs with a greater first object
 * come later in the table.
 *
 *   run 0  1 -- 2 -- 3 -- 4 -- 5        snapshot "a" = 3
 *                     \
 *   run 1              6 -- 7           rolled back to "a"
 *
 *   line of 7: 1 2 3 6 7      line of 5: 1 2 3 4 5      they meet at 3
 */
#ifndef LC_BUCKET_MANIFEST_H
#define LC_BUCKET_MANIFEST_H

#include <stdbool.h>
#include <stddef.h>

#include "bucket.h"

#define LC_PIN_NAME	64u

struct lc_run {
	u8 uuid[16];
	u8 log[16];
	u64 epoch;
	u64 first;
	u64 end;		/* exclusive; LC_BK_NEVER: being written */
	u64 prev;
	u64 lsn;
};

struct lc_pin {
	u64 seq;
	u64 created;
	u8 clone[16];
	char name[LC_PIN_NAME];
};

struct lc_manifest {
	u8 uuid[16];
	u8 owner[16];
	u64 epoch;
	u64 generation;
	u64 sectors;
	u64 created;
	u32 flags;
	u32 nr_runs;
	u32 nr_pins;
	struct lc_run *runs;
	struct lc_pin *pins;
};

void lc_manifest_free(struct lc_manifest *m);
/* A copy with arrays of its own. False: out of memory. */
bool lc_manifest_copy(struct lc_manifest *to, const struct lc_manifest *from);

/* -ENOSPC: the table is full; -ENOMEM. */
int lc_manifest_add_run(struct lc_manifest *m, const struct lc_run *run);
int lc_manifest_add_pin(struct lc_manifest *m, const struct lc_pin *pin);
void lc_manifest_drop_pin(struct lc_manifest *m, u32 i);

/* The bytes, malloc()ed; NULL: out of memory. */
void *lc_manifest_encode(const struct lc_manifest *m, size_t *bytes);
/* 0: *@m is to be freed. -EBADMSG, -EINVAL with *@why, -ENOMEM. */
int lc_manifest_decode(const void *buf, size_t bytes, const u8 uuid[16], struct lc_manifest *m,
		       const char **why);

/* A manifest's size is bounded by this. */
#define LC_MANIFEST_BYTES_MAX	(LC_BK_FIXED + LC_BK_RUNS_MAX * sizeof(struct lc_bk_run) + \
				 LC_BK_PINS_MAX * sizeof(struct lc_bk_pin))

/* The run that object @seq is in, NULL: none. Binary search. */
const struct lc_run *lc_manifest_run(const struct lc_manifest *m, u64 seq);
/* NULL if there is none yet. */
static inline struct lc_run *lc_manifest_head(const struct lc_manifest *m)
{
	return m->nr_runs ? &m->runs[m->nr_runs - 1] : NULL;
}

/* Greater than all sequence numbers given out; the last run is closed. */
u64 lc_manifest_next_seq(const struct lc_manifest *m);
/* The last object of the head; the last run is closed. 0: the empty volume. */
u64 lc_manifest_tip(const struct lc_manifest *m);

static inline bool lc_pin_is_clone(const struct lc_pin *pin)
{
	static const u8 none[16];

	return __builtin_memcmp(pin->clone, none, 16);
}

/* Index of the snapshot called @name, -1: none. */
int lc_manifest_find_snapshot(const struct lc_manifest *m, const char *name);
int lc_manifest_find_clone(const struct lc_manifest *m, const u8 uuid[16]);

/*----------------------------------------------------------------
 * Lines
 *----------------------------------------------------------------
 */

/* Objects @first..@last of one run. */
struct lc_span {
	u64 first;
	u64 last;
	const struct lc_run *run;
};

/* From the first object to the tip; points into the manifest. */
struct lc_line {
	u32 nr;
	struct lc_span *spans;
};

/* False: out of memory. @tip 0 or in a run. */
bool lc_line_init(struct lc_line *line, const struct lc_manifest *m, u64 tip);
void lc_line_free(struct lc_line *line);

/* The span that has @seq, NULL: it is not on the line. */
const struct lc_span *lc_line_span(const struct lc_line *line, u64 seq);
/* The last object that @line has in common with the line of @seq; 0: none. */
u64 lc_line_meet(const struct lc_line *line, const struct lc_manifest *m, u64 seq);

/*
 * Does the state that @pin keeps need an object that was last needed on @line at
 * @dead_at? In doubt yes.
 */
bool lc_pin_needs(const struct lc_pin *pin, const struct lc_line *line,
		  const struct lc_manifest *m, u64 seq, u64 dead_at);

#endif /* LC_BUCKET_MANIFEST_H */
