/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Limits that several stores have together: those of all volumes of one bucket.
 *
 * Whoever could begin a request but for these limits stands in line, one line for each
 * direction. In front is who has had the least since he came, measured in the time that
 * it costs of the limits (start-time fair queueing): everybody gets the same, whatever
 * the size of his requests and however many he has. Nothing is set aside for anybody: who
 * waits for something else, is paused or has nothing to do is not in line and takes
 * nothing from the others; nor is it made up for later.
 *
 * One thread, the loop's.
 */
#ifndef LC_SHARE_H
#define LC_SHARE_H

#include <stdbool.h>

#include <linux/list.h>

#include "loop.h"
#include "throttle.h"

struct lc_share;

/* One place of a member, in the line of a direction. */
struct lc_share_place {
	struct list_head list;
	struct lc_share_member *member;
	bool waits;			/* in the line */
	bool told;			/* counted as throttled */
	uint64_t start;			/* microseconds of the limits that it has had */
};

/**
 * struct lc_share_member - one store; the caller's memory, zeroed but for @go
 * @go:		its turn has come: ask again, or leave, soon and not from within
 */
struct lc_share_member {
	void (*go)(struct lc_share_member *m);
	struct lc_share *share;		/* NULL: not one of any, everything is allowed */
	struct lc_share_place places[2];
};

struct lc_share_line {
	struct lc_share *share;
	enum lc_direction dir;
	struct list_head waiting;	/* lc_share_place, least @start first */
	uint64_t start;			/* of the one that went last */
	struct lc_timer timer;
};

/**
 * struct lc_share
 * @limits:	to be changed with lc_bucket_set(), and lc_share_changed() behind it
 * @throttled:	requests that had to wait
 */
struct lc_share {
	struct lc_loop *loop;
	struct lc_limits limits;
	struct lc_share_line lines[2];
	unsigned int members;
	uint64_t throttled[2];
};

/* Without limits. */
void lc_share_init(struct lc_share *s, struct lc_loop *loop);
/* It has no members any more. */
void lc_share_end(struct lc_share *s);
/* The limits are others now; takes effect at once. */
void lc_share_changed(struct lc_share *s);

/* @s NULL: leaves the one it is in, if any. */
void lc_share_join(struct lc_share_member *m, struct lc_share *s);
/* May one request begin now? Then take, or leave. Otherwise @go will be called. */
bool lc_share_ask(struct lc_share_member *m, enum lc_direction d);
/* It begins. */
void lc_share_take(struct lc_share_member *m, enum lc_direction d, uint64_t bytes);
/* There is nothing to ask for now. */
void lc_share_leave(struct lc_share_member *m, enum lc_direction d);
/* What nobody asked for, or what was not known before: owed. */
void lc_share_charge(struct lc_share_member *m, enum lc_direction d, uint64_t bytes,
		     unsigned int requests);

#endif /* LC_SHARE_H */
