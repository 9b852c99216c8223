/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The event loop of the helper: file descriptors, timers and things to do
 * later, on one thread. Nothing in a callback may block.
 */
#ifndef LC_LOOP_H
#define LC_LOOP_H

#include <stdbool.h>
#include <stdint.h>

struct lc_loop;

/* @events: EPOLLIN, EPOLLOUT, ... of epoll_ctl(2), level triggered. */
struct lc_watch {
	void (*ready)(struct lc_watch *w, uint32_t events);
	int fd;
	uint32_t events;
	void *data;
};

/* Memory of the caller, zeroed before its first use; one-shot. */
struct lc_timer {
	void (*expired)(struct lc_timer *t);
	uint64_t at;		/* lc_loop_now() when it is due; 0: not armed */
	unsigned int heap;	/* of the loop */
	void *data;
};

struct lc_loop *lc_loop_new(void);		/* NULL with errno */
void lc_loop_free(struct lc_loop *loop);

/* Milliseconds of CLOCK_MONOTONIC, as of this turn; or virtual, see lc_loop_set_now(). */
uint64_t lc_loop_now(const struct lc_loop *loop);
/* For tests. From now on only this moves the time; timers it has passed expire in the next turn. */
void lc_loop_set_now(struct lc_loop *loop, uint64_t ms);

int lc_loop_watch(struct lc_loop *loop, struct lc_watch *w);	/* add or change; 0 or -errno */
void lc_loop_unwatch(struct lc_loop *loop, struct lc_watch *w);

void lc_timer_arm(struct lc_loop *loop, struct lc_timer *t, uint64_t delay_ms);
void lc_timer_cancel(struct lc_loop *loop, struct lc_timer *t);

/* One turn: wait for the first event, at most @max_ms (-1: without limit). False, once: stopped. */
bool lc_loop_turn(struct lc_loop *loop, int max_ms);
/* Turns until lc_loop_stop(), which ends the turn it is called in or the next one. */
void lc_loop_run(struct lc_loop *loop);
void lc_loop_stop(struct lc_loop *loop);

#endif /* LC_LOOP_H */
