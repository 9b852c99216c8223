/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A circuit breaker: after some failures in a row nothing is tried for a while,
 * then one probe decides. Pure; times are milliseconds.
 *
 *   CLOSED -- 8 failures in a row --> OPEN -- 1 s, doubling to 30 s --> PROBING
 *     ^                                ^                                 |  |
 *     |                                `------------ failed -------------'  |
 *     `-------------------------------- went well -------------------------'
 */
#ifndef LC_BREAKER_H
#define LC_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

#define LC_BREAKER_FAILURES	8
#define LC_BREAKER_OPEN_MS	1000
#define LC_BREAKER_OPEN_MAX_MS	30000

enum lc_breaker_state {
	LC_BREAKER_CLOSED,
	LC_BREAKER_OPEN,
	LC_BREAKER_PROBING,
};

/* Zeroed: closed. */
struct lc_breaker {
	enum lc_breaker_state state;
	unsigned int failures;		/* in a row, while closed */
	uint64_t open_ms;		/* how long it is, or was last, open */
	uint64_t until;
	uint64_t opened;		/* how often */
};

/* May a request begin? *@probe: it is the one that decides. */
bool lc_breaker_allows(struct lc_breaker *b, uint64_t now, bool *probe);

/* How it went; all that began have to say so, or that they were cancelled. */
void lc_breaker_result(struct lc_breaker *b, uint64_t now, bool probe, bool ok);
void lc_breaker_cancelled(struct lc_breaker *b, uint64_t now, bool probe);

/* When it allows something again; UINT64_MAX: after a result. */
uint64_t lc_breaker_wait(const struct lc_breaker *b, uint64_t now);

const char *lc_breaker_name(enum lc_breaker_state state);

#endif /* LC_BREAKER_H */
