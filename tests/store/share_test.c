// SPDX-License-Identifier: GPL-2.0-only
/* Limits that stores have together: kept, and shared out fairly; in virtual time. */

#include <string.h>

#include <linux/kernel.h>

#include "loop.h"
#include "retry.h"
#include "store_mem.h"
#include "tap.h"

#define STEP_MS		10
#define STORES		2
#define REQS		4000
#define OBJECT_MAX	4000u

/* One volume, that puts objects of one size, as many as it may. */
struct vol {
	struct lc_store *mem;
	struct lc_store *store;
	unsigned int size;
	unsigned int submitted;
	unsigned int done;
	struct lc_store_req reqs[REQS];
	struct iovec iov;
};

static struct lc_loop *loop;
static struct lc_share share;
static struct vol vols[STORES];
static char data[OBJECT_MAX];
static uint64_t now;

static void open_vol(struct vol *v)
{
	struct lc_retry_cfg cfg;

	memset(v, 0, sizeof(*v));
	lc_retry_cfg_init(&cfg);
	v->mem = lc_store_mem_new(loop);
	v->store = lc_store_retry_new(v->mem, &cfg);
	REQUIRE(v->store);
	lc_store_retry_share(v->store, &share);
}

static void setup(void)
{
	unsigned int i;

	loop = lc_loop_new();
	now = 1000000;
	lc_loop_set_now(loop, now);
	lc_share_init(&share, loop);
	for (i = 0; i < STORES; i++)
		open_vol(&vols[i]);
}

static void settle(void)
{
	unsigned int i;

	for (i = 0; i < 100; i++)
		lc_loop_turn(loop, 0);
}

/* As a volume ends: everything is given up first. */
static void close_vol(struct vol *v)
{
	unsigned int i;

	if (!v->store)
		return;
	for (i = 0; i < v->submitted; i++)
		v->store->ops->cancel(v->store, &v->reqs[i]);
	settle();
	v->store->ops->free(v->store);
	v->store = NULL;
}

static void teardown(void)
{
	unsigned int i;

	for (i = 0; i < STORES; i++)
		close_vol(&vols[i]);
	REQUIRE(!share.members);
	lc_share_end(&share);
	lc_loop_free(loop);
}

static void pass(uint64_t ms)
{
	uint64_t end = now + ms;

	for (settle(); now < end; settle()) {
		now += STEP_MS;
		lc_loop_set_now(loop, now);
	}
}

static void done(struct lc_store_req *req)
{
	struct vol *v = req->data;

	v->done += req->status == LC_STORE_OK;
}

static void submit(struct vol *v, enum lc_store_op op)
{
	struct lc_store_req *req = &v->reqs[v->submitted++];

	REQUIRE(v->submitted <= REQS);
	*req = (struct lc_store_req){ .op = op, .key = "data/1", .done = done, .data = v };
	v->iov = (struct iovec){ data, v->size };
	req->iov = &v->iov;
	req->nr_iov = op == LC_STORE_PUT;
	req->buf = data;
	req->buf_len = op == LC_STORE_GET ? v->size : 0;
	v->store->ops->submit(v->store, req);
}

static void puts_of(struct vol *v, unsigned int size, unsigned int nr)
{
	v->size = size;
	while (nr--)
		submit(v, LC_STORE_PUT);
}

static void limit_bytes(uint64_t rate)
{
	lc_bucket_set(&share.limits.bytes[LC_UP], now, rate, rate / 10);
	lc_share_changed(&share);
}

/* Of those done since the last time. */
static unsigned int bytes_of(struct vol *v)
{
	unsigned int n = v->done * v->size;

	v->done = 0;
	return n;
}

static bool about(unsigned int n, unsigned int want, unsigned int off)
{
	printf("# %u, about %u\n", n, want);
	return n + off >= want && n <= want + off;
}

/*----------------------------------------------------------------
 * Together
 *----------------------------------------------------------------
 */

static void two_together_keep_the_limit_and_get_half_each(void)
{
	unsigned int a, b;

	limit_bytes(10000);
	puts_of(&vols[0], 100, 1000);
	puts_of(&vols[1], 100, 1000);
	pass(10000);
	a = bytes_of(&vols[0]);
	b = bytes_of(&vols[1]);
	CHECK(about(a + b, 100000, 200));
	CHECK(about(a, b, 200));
	CHECK(share.throttled[LC_UP] && !share.throttled[LC_DOWN]);
}

/* With as many requests each, one would have forty times as much. */
static void large_objects_do_not_get_more(void)
{
	unsigned int a, b;

	limit_bytes(10000);
	puts_of(&vols[0], 4000, 100);
	puts_of(&vols[1], 100, 2000);
	pass(20000);
	a = bytes_of(&vols[0]);
	b = bytes_of(&vols[1]);
	CHECK(about(a + b, 200000, 4000));
	CHECK(about(a, b, 8000));
}

static void requests_are_counted_too(void)
{
	lc_bucket_set(&share.limits.requests[LC_UP], now, 10, 1);
	lc_share_changed(&share);
	puts_of(&vols[0], 4000, 100);
	puts_of(&vols[1], 1, 100);
	pass(10000);
	CHECK(about(vols[0].done, 50, 2) && about(vols[1].done, 50, 2));
}

/* What a GET of a whole object brings is known when it is there. */
static void downloads_share_as_well(void)
{
	unsigned int i;

	for (i = 0; i < STORES; i++)
		lc_mem_set(vols[i].mem, "data/1", data, i ? 100 : 1000);
	lc_bucket_set(&share.limits.bytes[LC_DOWN], now, 10000, 1000);
	lc_share_changed(&share);
	for (i = 0; i < STORES; i++)
		vols[i].size = i ? 100 : 1000;
	for (i = 0; i < REQS; i++)
		submit(&vols[1], LC_STORE_GET);
	for (i = 0; i < 400; i++)
		submit(&vols[0], LC_STORE_GET);
	/* Uploads have a limit of their own, which is none. */
	puts_of(&vols[0], 1000, 1);
	settle();
	CHECK(vols[0].done > 0);
	vols[0].done = 0;
	pass(40000);
	/* Give or take what is on its way at a time. */
	CHECK(about(bytes_of(&vols[0]), 200000, 36000));
	CHECK(about(bytes_of(&vols[1]), 200000, 36000));
}

/*----------------------------------------------------------------
 * Coming and going
 *----------------------------------------------------------------
 */

static void who_comes_later_gets_his_part_and_no_more(void)
{
	limit_bytes(10000);
	puts_of(&vols[0], 100, 2000);
	pass(5000);
	CHECK(about(bytes_of(&vols[0]), 50000, 200));
	puts_of(&vols[1], 100, 2000);
	pass(4000);
	CHECK(about(bytes_of(&vols[0]), 20000, 400));
	CHECK(about(bytes_of(&vols[1]), 20000, 400));
}

/* By its own limit it wants a tenth of what it could have: the rest is the other's. */
static void who_waits_for_something_else_holds_nothing(void)
{
	lc_bucket_set(&lc_store_retry_limits(vols[1].store)->bytes[LC_UP], now, 500, 100);
	limit_bytes(10000);
	puts_of(&vols[0], 100, 2000);
	puts_of(&vols[1], 100, 2000);
	pass(10000);
	CHECK(about(bytes_of(&vols[1]), 5000, 300));
	CHECK(about(bytes_of(&vols[0]), 95000, 700));
}

/* Its store fails, so that its breaker is open: nobody waits for that. */
static void who_has_an_open_breaker_holds_nothing(void)
{
	limit_bytes(10000);
	lc_mem_fault(vols[1].mem, LC_STORE_PUT, NULL, LC_STORE_FAILED, LC_MEM_NOTHING, 1000000);
	puts_of(&vols[1], 100, 100);
	puts_of(&vols[0], 100, 2000);
	pass(20000);
	CHECK(lc_store_retry_stats(vols[1].store)->breaker_opened);
	CHECK(!vols[1].done && bytes_of(&vols[0]) > 190000);
}

static void who_is_freed_in_the_line_is_gone(void)
{
	limit_bytes(1000);
	puts_of(&vols[0], 1000, 10);
	puts_of(&vols[1], 1000, 10);
	pass(3000);
	close_vol(&vols[1]);
	CHECK(share.members == 1);
	vols[0].done = 0;
	pass(4000);
	CHECK(about(vols[0].done, 4, 1));
	lc_store_retry_share(vols[0].store, NULL);
	pass(10);
	CHECK(!share.members && vols[0].store);
}

/*----------------------------------------------------------------
 * Live
 *----------------------------------------------------------------
 */

static void a_change_bites_at_once(void)
{
	puts_of(&vols[0], 100, 2000);
	puts_of(&vols[1], 100, 2000);
	limit_bytes(100);
	pass(10000);
	bytes_of(&vols[0]);
	bytes_of(&vols[1]);
	limit_bytes(10000);
	pass(5000);
	CHECK(about(bytes_of(&vols[0]) + bytes_of(&vols[1]), 50000, 1000));
	limit_bytes(1000);
	pass(1000);
	bytes_of(&vols[0]);
	bytes_of(&vols[1]);
	pass(5000);
	CHECK(about(bytes_of(&vols[0]) + bytes_of(&vols[1]), 5000, 200));
	limit_bytes(0);
	pass(20);
	CHECK(bytes_of(&vols[0]) && bytes_of(&vols[1]));
	settle();
	pass(20);
	CHECK(lc_store_retry_stats(vols[0].store)->in_flight[LC_UP] == 0);
}

/* Neither a limit of one nor of all is ever passed by way of the other. */
static void both_kinds_of_limits_hold(void)
{
	lc_bucket_set(&lc_store_retry_limits(vols[0].store)->bytes[LC_UP], now, 3000, 300);
	limit_bytes(4000);
	puts_of(&vols[0], 100, 1000);
	pass(10000);
	CHECK(about(bytes_of(&vols[0]), 30000, 300));
	limit_bytes(1000);
	pass(1000);
	bytes_of(&vols[0]);
	pass(10000);
	CHECK(about(bytes_of(&vols[0]), 10000, 300));
}

#define RUN_ON(test) do { setup(); RUN(test); teardown(); } while (0)

int main(void)
{
	RUN_ON(two_together_keep_the_limit_and_get_half_each);
	RUN_ON(large_objects_do_not_get_more);
	RUN_ON(requests_are_counted_too);
	RUN_ON(downloads_share_as_well);
	RUN_ON(who_comes_later_gets_his_part_and_no_more);
	RUN_ON(who_waits_for_something_else_holds_nothing);
	RUN_ON(who_has_an_open_breaker_holds_nothing);
	RUN_ON(who_is_freed_in_the_line_is_gone);
	RUN_ON(a_change_bites_at_once);
	RUN_ON(both_kinds_of_limits_hold);
	return tap_done();
}
