// SPDX-License-Identifier: GPL-2.0-only
/*
 * epoll for descriptors, a binary heap for timers. Timers that are due at the
 * same time expire in the order they were armed in.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "loop.h"

#define BATCH	64

struct slot {
	uint64_t at;
	uint64_t seq;
	struct lc_timer *timer;
};

struct lc_loop {
	int epoll;
	bool stopped;
	bool virtual;
	uint64_t now;

	struct slot *heap;		/* heap[0] is due first */
	unsigned int nr_timers;
	unsigned int max_timers;
	uint64_t seq;

	/* Of the turn under way; unwatch takes its descriptor out. */
	struct epoll_event events[BATCH];
	int nr_events;
};

static uint64_t monotonic_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void tick(struct lc_loop *loop)
{
	if (!loop->virtual)
		loop->now = monotonic_ms();
}

struct lc_loop *lc_loop_new(void)
{
	struct lc_loop *loop = calloc(1, sizeof(*loop));

	if (!loop)
		return NULL;
	loop->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (loop->epoll < 0) {
		free(loop);
		return NULL;
	}
	tick(loop);
	return loop;
}

void lc_loop_free(struct lc_loop *loop)
{
	if (!loop)
		return;
	close(loop->epoll);
	free(loop->heap);
	free(loop);
}

uint64_t lc_loop_now(const struct lc_loop *loop)
{
	return loop->now;
}

void lc_loop_set_now(struct lc_loop *loop, uint64_t ms)
{
	loop->virtual = true;
	loop->now = ms;
}

/* --- descriptors ----------------------------------------------------------- */

int lc_loop_watch(struct lc_loop *loop, struct lc_watch *w)
{
	struct epoll_event ev = { .events = w->events, .data.ptr = w };

	if (!epoll_ctl(loop->epoll, EPOLL_CTL_MOD, w->fd, &ev))
		return 0;
	if (errno == ENOENT && !epoll_ctl(loop->epoll, EPOLL_CTL_ADD, w->fd, &ev))
		return 0;
	return -errno;
}

void lc_loop_unwatch(struct lc_loop *loop, struct lc_watch *w)
{
	int i;

	epoll_ctl(loop->epoll, EPOLL_CTL_DEL, w->fd, NULL);
	for (i = 0; i < loop->nr_events; i++)
		if (loop->events[i].data.ptr == w)
			loop->events[i].data.ptr = NULL;
}

static void dispatch(struct lc_loop *loop)
{
	struct lc_watch *w;
	int i;

	for (i = 0; i < loop->nr_events; i++) {
		w = loop->events[i].data.ptr;
		if (w)
			w->ready(w, loop->events[i].events);
	}
	loop->nr_events = 0;
}

/* --- timers ---------------------------------------------------------------- */

static bool before(const struct slot *a, const struct slot *b)
{
	return a->at != b->at ? a->at < b->at : a->seq < b->seq;
}

static void place(struct lc_loop *loop, unsigned int i, struct slot s)
{
	loop->heap[i] = s;
	s.timer->heap = i;
}

static void sift_up(struct lc_loop *loop, unsigned int i, struct slot s)
{
	unsigned int parent;

	for (; i; i = parent) {
		parent = (i - 1) / 2;
		if (!before(&s, &loop->heap[parent]))
			break;
		place(loop, i, loop->heap[parent]);
	}
	place(loop, i, s);
}

static void sift_down(struct lc_loop *loop, unsigned int i, struct slot s)
{
	unsigned int child;

	for (; (child = 2 * i + 1) < loop->nr_timers; i = child) {
		if (child + 1 < loop->nr_timers &&
		    before(&loop->heap[child + 1], &loop->heap[child]))
			child++;
		if (!before(&loop->heap[child], &s))
			break;
		place(loop, i, loop->heap[child]);
	}
	place(loop, i, s);
}

/* Nobody can do without a timer that did not fit into memory. */
static void reserve(struct lc_loop *loop)
{
	if (loop->nr_timers < loop->max_timers)
		return;
	loop->max_timers = loop->max_timers ? 2 * loop->max_timers : 256;
	loop->heap = reallocarray(loop->heap, loop->max_timers, sizeof(*loop->heap));
	if (!loop->heap) {
		fprintf(stderr, "out of memory for %u timers\n", loop->max_timers);
		abort();
	}
}

void lc_timer_arm(struct lc_loop *loop, struct lc_timer *t, uint64_t delay_ms)
{
	uint64_t at = loop->now + delay_ms;

	lc_timer_cancel(loop, t);
	reserve(loop);
	if (at < delay_ms)
		at = UINT64_MAX;
	t->at = at ? at : 1;
	sift_up(loop, loop->nr_timers++, (struct slot){ at, loop->seq++, t });
}

void lc_timer_cancel(struct lc_loop *loop, struct lc_timer *t)
{
	struct slot last;
	unsigned int i = t->heap;

	if (!t->at)
		return;
	t->at = 0;
	last = loop->heap[--loop->nr_timers];
	if (i == loop->nr_timers)
		return;
	if (i && before(&last, &loop->heap[(i - 1) / 2]))
		sift_up(loop, i, last);
	else
		sift_down(loop, i, last);
}

/* What is armed meanwhile waits for the next turn, so that descriptors get theirs. */
static void expire(struct lc_loop *loop)
{
	uint64_t end = loop->seq;
	struct lc_timer *t;

	while (loop->nr_timers && loop->heap[0].at <= loop->now && loop->heap[0].seq < end) {
		t = loop->heap[0].timer;
		lc_timer_cancel(loop, t);
		t->expired(t);
	}
}

/* --- turns ----------------------------------------------------------------- */

static int wait_ms(const struct lc_loop *loop, int max_ms)
{
	uint64_t left;

	if (loop->stopped)
		return 0;
	if (!loop->nr_timers)
		return max_ms;
	if (loop->heap[0].at <= loop->now)
		return 0;
	if (loop->virtual)
		return max_ms;
	left = loop->heap[0].at - loop->now;
	if (max_ms >= 0 && left > max_ms)
		return max_ms;
	return left > 3600000 ? 3600000 : left;
}

bool lc_loop_turn(struct lc_loop *loop, int max_ms)
{
	bool stopped;
	int nr;

	tick(loop);
	nr = epoll_wait(loop->epoll, loop->events, BATCH, wait_ms(loop, max_ms));
	loop->nr_events = nr > 0 ? nr : 0;
	tick(loop);
	dispatch(loop);
	expire(loop);
	stopped = loop->stopped;
	loop->stopped = false;
	return !stopped;
}

void lc_loop_run(struct lc_loop *loop)
{
	while (lc_loop_turn(loop, -1))
		;
}

void lc_loop_stop(struct lc_loop *loop)
{
	loop->stopped = true;
}
