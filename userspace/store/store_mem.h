/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A store in memory, for tests: it fails as it is told to, in the order it is
 * told to. In no program but theirs.
 */
#ifndef LC_STORE_MEM_H
#define LC_STORE_MEM_H

#include "store.h"

struct lc_store *lc_store_mem_new(struct lc_loop *loop);

/* What becomes of a request that fails. */
enum lc_mem_effect {
	LC_MEM_NOTHING,			/* it had none */
	LC_MEM_APPLIED,			/* it was carried out all the same */
	LC_MEM_LATER,			/* it will be: lc_mem_apply_late() */
	LC_MEM_HANG,			/* no answer until it is cancelled */
};

/*
 * The next @times requests of @op with @key (NULL: any) are answered with
 * @status. Several faults are used up in the order they were set in.
 */
void lc_mem_fault(struct lc_store *store, enum lc_store_op op, const char *key,
		  enum lc_store_status status, enum lc_mem_effect effect, unsigned int times);

/* Carries out what was put off; in their order. */
void lc_mem_apply_late(struct lc_store *store);

/* Answers take so long from now on; those of the next @times requests only, unless 0. */
void lc_mem_delay(struct lc_store *store, uint64_t ms, unsigned int times);

/*
 * While held, nothing is carried out or answered but what the test names: the
 * @nr'th of those that wait, in the order they came. Letting go answers all.
 */
void lc_mem_hold(struct lc_store *store, bool hold);
unsigned int lc_mem_waiting(struct lc_store *store);
const struct lc_store_req *lc_mem_request(struct lc_store *store, unsigned int nr);
void lc_mem_answer(struct lc_store *store, unsigned int nr);

/* Conditions are refused (NO_COND), or ignored. */
void lc_mem_no_cond(struct lc_store *store, bool refuse, bool ignore);

/* Past the store: what is there, and how many requests of @op were carried out. */
const void *lc_mem_object(struct lc_store *store, const char *key, size_t *len);
void lc_mem_set(struct lc_store *store, const char *key, const void *data, size_t len);
unsigned int lc_mem_count(struct lc_store *store, enum lc_store_op op);
unsigned int lc_mem_objects(struct lc_store *store);

#endif /* LC_STORE_MEM_H */
