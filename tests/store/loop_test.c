// SPDX-License-Identifier: GPL-2.0-only
/* Timers in virtual time, descriptors, stopping. */

#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "loop.h"
#include "tap.h"

static struct lc_loop *loop;
static char order[64];

struct tick {
	struct lc_timer t;
	char name;
	struct tick *arms, *cancels;
};

static void tick(struct lc_timer *t)
{
	struct tick *k = (struct tick *)t;
	size_t n = strlen(order);

	order[n] = k->name;
	order[n + 1] = '\0';
	if (k->arms)
		lc_timer_arm(loop, &k->arms->t, 0);
	if (k->cancels)
		lc_timer_cancel(loop, &k->cancels->t);
}

static void setup(void)
{
	loop = lc_loop_new();
	REQUIRE(loop);
	lc_loop_set_now(loop, 0);
	order[0] = '\0';
}

static void turn_at(uint64_t ms)
{
	lc_loop_set_now(loop, ms);
	REQUIRE(lc_loop_turn(loop, 0));
}

#define TICK(n)	{ .t.expired = tick, .name = n }

static void timers_expire_in_order_of_time(void)
{
	struct tick a = TICK('a'), b = TICK('b'), c = TICK('c');

	lc_timer_arm(loop, &c.t, 30);
	lc_timer_arm(loop, &a.t, 10);
	lc_timer_arm(loop, &b.t, 20);
	turn_at(9);
	CHECK(!*order);
	turn_at(20);
	CHECK(!strcmp(order, "ab"));
	turn_at(1000);
	CHECK(!strcmp(order, "abc"));
	CHECK(!a.t.at && !b.t.at && !c.t.at);
}

static void equal_timers_keep_their_order(void)
{
	struct tick k[20];
	int i;

	for (i = 0; i < 20; i++) {
		k[i] = (struct tick)TICK('a' + i);
		lc_timer_arm(loop, &k[i].t, 5);
	}
	turn_at(5);
	CHECK(!strcmp(order, "abcdefghijklmnopqrst"));
}

static void a_timer_can_be_armed_again_and_cancelled(void)
{
	struct tick a = TICK('a'), b = TICK('b');

	lc_timer_arm(loop, &a.t, 10);
	lc_timer_arm(loop, &b.t, 15);
	lc_timer_arm(loop, &a.t, 20);
	turn_at(15);
	CHECK(!strcmp(order, "b"));
	lc_timer_cancel(loop, &a.t);
	lc_timer_cancel(loop, &a.t);
	turn_at(100);
	CHECK(!strcmp(order, "b"));
}

static void no_delay_means_the_next_turn(void)
{
	struct tick a = TICK('a'), b = TICK('b');

	a.arms = &b;
	b.arms = &a;
	lc_timer_arm(loop, &a.t, 0);
	CHECK(a.t.at);
	turn_at(0);
	CHECK(!strcmp(order, "a"));
	turn_at(0);
	CHECK(!strcmp(order, "ab"));
}

static void a_timer_may_cancel_one_that_is_due_too(void)
{
	struct tick a = TICK('a'), b = TICK('b');

	a.cancels = &b;
	lc_timer_arm(loop, &a.t, 1);
	lc_timer_arm(loop, &b.t, 1);
	turn_at(1);
	CHECK(!strcmp(order, "a"));
}

/* Random arms and cancels against an array that is searched. */
static void many_timers_like_a_simple_list(void)
{
	static struct tick k[300];
	unsigned int seed = 1, i, n, late;

	memset(k, 0, sizeof(k));
	for (i = 0; i < 300; i++)
		k[i] = (struct tick)TICK('.');
	for (n = 1; n < 4000; n++) {
		i = rand_r(&seed) % 300;
		if (rand_r(&seed) % 4)
			lc_timer_arm(loop, &k[i].t, rand_r(&seed) % 500);
		else
			lc_timer_cancel(loop, &k[i].t);
		order[0] = '\0';
		if (n % 7)
			continue;
		for (late = 0, i = 0; i < 300; i++)
			late += k[i].t.at && k[i].t.at <= n;
		CHECK(late < sizeof(order));
		turn_at(n);
		CHECK(strlen(order) == late);
		for (i = 0; i < 300; i++)
			CHECK(!k[i].t.at || k[i].t.at > n);
	}
}

static int calls;
static struct lc_watch *others[2];

static void ready(struct lc_watch *w, uint32_t events)
{
	calls++;
	lc_loop_unwatch(loop, others[w == others[0]]);
}

static void an_unwatched_descriptor_is_not_called_any_more(void)
{
	struct lc_watch w[2] = { { .ready = ready, .events = EPOLLIN },
				 { .ready = ready, .events = EPOLLIN } };
	int i;

	for (i = 0; i < 2; i++) {
		w[i].fd = eventfd(1, EFD_NONBLOCK);
		others[i] = &w[i];
		CHECK(!lc_loop_watch(loop, &w[i]));
	}
	calls = 0;
	turn_at(0);
	CHECK(calls == 1);
	for (i = 0; i < 2; i++) {
		lc_loop_unwatch(loop, &w[i]);
		close(w[i].fd);
	}
}

static void events_can_be_changed(void)
{
	struct lc_watch w = { .ready = ready, .events = EPOLLIN };

	others[0] = others[1] = &w;
	w.fd = eventfd(1, EFD_NONBLOCK);
	CHECK(!lc_loop_watch(loop, &w));
	w.events = 0;
	CHECK(!lc_loop_watch(loop, &w));
	calls = 0;
	turn_at(0);
	CHECK(!calls);
	close(w.fd);
	CHECK(lc_loop_watch(loop, &w) < 0);
}

static void stop_ends_one_run(void)
{
	lc_loop_stop(loop);
	lc_loop_run(loop);
	CHECK(lc_loop_turn(loop, 0));
}

static void real_time_goes_on(void)
{
	struct lc_loop *l = lc_loop_new();
	struct tick a = TICK('a');
	uint64_t start = lc_loop_now(l);

	lc_timer_arm(l, &a.t, 3);
	while (!*order)
		lc_loop_turn(l, -1);
	CHECK(lc_loop_now(l) >= start + 3);
	lc_loop_free(l);
}

#define RUN_IN(test) do { setup(); RUN(test); lc_loop_free(loop); } while (0)

int main(void)
{
	RUN_IN(timers_expire_in_order_of_time);
	RUN_IN(equal_timers_keep_their_order);
	RUN_IN(a_timer_can_be_armed_again_and_cancelled);
	RUN_IN(no_delay_means_the_next_turn);
	RUN_IN(a_timer_may_cancel_one_that_is_due_too);
	RUN_IN(many_timers_like_a_simple_list);
	RUN_IN(an_unwatched_descriptor_is_not_called_any_more);
	RUN_IN(events_can_be_changed);
	RUN_IN(stop_ends_one_run);
	RUN_IN(real_time_goes_on);
	return tap_done();
}
