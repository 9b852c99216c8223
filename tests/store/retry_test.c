// SPDX-License-Identifier: GPL-2.0-only
/* The store that does not give up, on one in memory, in virtual time. */

#include <string.h>

#include "loop.h"
#include "retry.h"
#include "store_mem.h"
#include "tap.h"

#define KEY	"data/1"
#define STEP_MS	100

static struct lc_loop *loop;
static struct lc_store *mem, *store;
static struct lc_retry_cfg cfg;
static uint64_t now;
static unsigned int nr_done;
static char order[256];

static const struct lc_store_stats *stats(void)
{
	return lc_store_retry_stats(store);
}

static void setup(void)
{
	loop = lc_loop_new();
	now = 1000000;
	lc_loop_set_now(loop, now);
	mem = lc_store_mem_new(loop);
	store = lc_store_retry_new(mem, &cfg);
	REQUIRE(store);
	nr_done = 0;
	order[0] = '\0';
}

static void teardown(void)
{
	if (tap_case_failed) {		/* nobody knows what is under way */
		tap_case_failed = 0;
		return;
	}
	store->ops->free(store);
	lc_loop_free(loop);
	lc_retry_cfg_init(&cfg);
}

/* Whatever can happen now. */
static void settle(void)
{
	unsigned int i;

	for (i = 0; i < 12; i++)
		lc_loop_turn(loop, 0);
}

static void pass(uint64_t ms)
{
	uint64_t end = now + ms;

	for (settle(); now < end; settle()) {
		now = now + STEP_MS < end ? now + STEP_MS : end;
		lc_loop_set_now(loop, now);
	}
}

static void done(struct lc_store_req *req)
{
	nr_done++;
	req->data = &nr_done;		/* it was answered */
	snprintf(order + strlen(order), sizeof(order) - strlen(order), "%.100s ", req->key);
}

static void submit(struct lc_store_req *req, enum lc_store_op op, const char *key)
{
	req->op = op;
	req->done = done;
	req->data = NULL;
	snprintf(req->key, sizeof(req->key), "%s", key);
	store->ops->submit(store, req);
}

static struct iovec one = { "one", 3 };

static void put(struct lc_store_req *req, const char *key, struct iovec *iov, uint32_t flags)
{
	req->iov = iov;
	req->nr_iov = 1;
	req->flags = flags;
	submit(req, LC_STORE_PUT, key);
}

static char got[64];

static void get(struct lc_store_req *req, const char *key)
{
	memset(got, '-', sizeof(got));
	req->buf = got;
	req->buf_len = sizeof(got);
	submit(req, LC_STORE_GET, key);
}

static bool answered(const struct lc_store_req *req, enum lc_store_status status)
{
	return req->data == &nr_done && req->status == status;
}

static bool holds(const char *key, const char *text)
{
	size_t len;
	const char *data = lc_mem_object(mem, key, &len);

	return data && len == strlen(text) && !memcmp(data, text, len);
}

/* --- trying again -------------------------------------------------------------- */

static void what_goes_well_is_done_once(void)
{
	struct lc_store_req p = {}, g = {};

	put(&p, KEY, &one, 0);
	CHECK(!nr_done);
	settle();
	CHECK(answered(&p, LC_STORE_OK) && *p.etag && holds(KEY, "one"));
	get(&g, KEY);
	settle();
	CHECK(answered(&g, LC_STORE_OK) && g.got == 3 && g.size == 3 && !memcmp(got, "one-", 4));
	CHECK(lc_mem_count(mem, LC_STORE_PUT) == 1 && lc_mem_count(mem, LC_STORE_GET) == 1);
	CHECK(stats()->bytes[LC_UP] == 3 && stats()->bytes[LC_DOWN] == 3);
}

/* After 1, 4, 9, ... 60 s. */
static void uploads_are_tried_for_ever(void)
{
	static const uint64_t at[] = { 0, 1, 5, 14, 30, 55, 91, 140, 200, 260, 320, 380, 440 };
	struct lc_store_req p = {};
	unsigned int i;

	cfg.in_flight = 1;
	lc_mem_fault(mem, LC_STORE_PUT, KEY, LC_STORE_BUSY, LC_MEM_NOTHING, 12);
	put(&p, KEY, &one, 0);
	for (i = 0; i < sizeof(at) / sizeof(at[0]) - 1; i++) {
		settle();
		CHECK(stats()->tries[LC_STORE_PUT] == i + 1);
		if (i >= 7)	/* The eighth failure opens the breaker, but for less than that. */
			CHECK(stats()->breaker_opened);
		pass((at[i + 1] - at[i]) * 1000 - STEP_MS);
		CHECK(stats()->tries[LC_STORE_PUT] == i + 1 && !nr_done);
		pass(STEP_MS);
	}
	CHECK(answered(&p, LC_STORE_OK) && holds(KEY, "one"));
	CHECK(stats()->retries[LC_STORE_PUT] == 12 && stats()->answers[LC_STORE_BUSY] == 12);
}

static void what_is_tried_for_long_is_counted(void)
{
	struct lc_store_req p = {};

	lc_mem_fault(mem, LC_STORE_PUT, KEY, LC_STORE_DENIED, LC_MEM_NOTHING, 11);
	put(&p, KEY, &one, 0);
	pass(250000);
	CHECK(!stats()->stuck && !nr_done);
	pass(80000);
	CHECK(stats()->stuck == 1 && !nr_done);
	pass(60000);
	CHECK(!stats()->stuck && answered(&p, LC_STORE_OK));
}

/* After 300 ms, 600, ... 2700. */
static void downloads_end_after_ten_tries(void)
{
	struct lc_store_req g = {};

	lc_mem_fault(mem, LC_STORE_GET, KEY, LC_STORE_CORRUPT, LC_MEM_NOTHING, 100);
	get(&g, KEY);
	settle();
	CHECK(stats()->tries[LC_STORE_GET] == 1);
	pass(300);
	CHECK(stats()->tries[LC_STORE_GET] == 2);
	pass(600);
	CHECK(stats()->tries[LC_STORE_GET] == 3);
	pass(45 * 300 - 900 - STEP_MS);
	CHECK(stats()->tries[LC_STORE_GET] == 9 && !nr_done);
	pass(STEP_MS);
	CHECK(answered(&g, LC_STORE_CORRUPT) && stats()->tries[LC_STORE_GET] == 10 && *g.why);
}

static void an_answer_is_an_answer(void)
{
	static const enum lc_store_status final[] = {
		LC_STORE_NOT_FOUND, LC_STORE_UNREADABLE, LC_STORE_DENIED,
	};
	struct lc_store_req g = {}, p = {};
	unsigned int i;

	for (i = 0; i < 3; i++) {
		lc_mem_fault(mem, LC_STORE_GET, KEY, final[i], LC_MEM_NOTHING, 1);
		get(&g, KEY);
		settle();
		CHECK(answered(&g, final[i]) && stats()->tries[LC_STORE_GET] == i + 1);
	}
	lc_mem_fault(mem, LC_STORE_PUT, KEY, LC_STORE_NO_COND, LC_MEM_NOTHING, 1);
	put(&p, KEY, &one, LC_STORE_IF_ABSENT);
	settle();
	CHECK(answered(&p, LC_STORE_NO_COND));
	lc_mem_set(mem, KEY, "one", 3);
	put(&p, KEY, &one, LC_STORE_IF_ABSENT);
	settle();
	/* Even if it has the same content: this one was never sent before. */
	CHECK(answered(&p, LC_STORE_PRECOND) && stats()->tries[LC_STORE_PUT] == 2);
}

static char keys[64];

static bool note(struct lc_store_req *req, const char *key, uint64_t size)
{
	strcat(keys, key);
	return strcmp(key, (char *)req->buf);
}

static void a_listing_goes_on_where_it_broke_off(void)
{
	struct lc_store_req l = { .list = note, .buf = "" };

	lc_mem_set(mem, "a", "", 0);
	lc_mem_set(mem, "b", "", 0);
	lc_mem_set(mem, "c", "", 0);
	lc_mem_fault(mem, LC_STORE_LIST, NULL, LC_STORE_FAILED, LC_MEM_NOTHING, 2);
	keys[0] = '\0';
	submit(&l, LC_STORE_LIST, "");
	pass(1000);
	CHECK(answered(&l, LC_STORE_OK) && !strcmp(keys, "abc"));
	l.buf = "b";
	keys[0] = '\0';
	submit(&l, LC_STORE_LIST, "");
	settle();
	CHECK(answered(&l, LC_STORE_OK) && !strcmp(keys, "ab"));
}

/* --- unknown outcomes ------------------------------------------------------------- */

static void a_put_that_was_applied_is_not_sent_again(void)
{
	struct lc_store_req p = {};

	lc_mem_fault(mem, LC_STORE_PUT, KEY, LC_STORE_UNKNOWN, LC_MEM_APPLIED, 1);
	put(&p, KEY, &one, LC_STORE_IF_ABSENT);
	pass(1000);
	CHECK(answered(&p, LC_STORE_OK) && !strcmp(p.etag, "v1"));
	CHECK(lc_mem_count(mem, LC_STORE_PUT) == 1);
	CHECK(stats()->unknown == 1 && stats()->unknown_applied == 1);
}

static void a_put_that_was_not_applied_is_sent_again(void)
{
	struct lc_store_req p = {};

	lc_mem_fault(mem, LC_STORE_PUT, KEY, LC_STORE_UNKNOWN, LC_MEM_NOTHING, 1);
	put(&p, KEY, &one, LC_STORE_IF_ABSENT);
	pass(1000);
	CHECK(answered(&p, LC_STORE_OK) && holds(KEY, "one"));
	CHECK(stats()->unknown == 1 && !stats()->unknown_applied);
}

/* It arrives after it was looked for, and before it is sent again. */
static void a_put_that_is_applied_late_has_won(void)
{
	struct lc_store_req p = {};

	lc_mem_fault(mem, LC_STORE_PUT, KEY, LC_STORE_UNKNOWN, LC_MEM_LATER, 1);
	lc_mem_fault(mem, LC_STORE_PUT, KEY, LC_STORE_BUSY, LC_MEM_NOTHING, 1);
	put(&p, KEY, &one, LC_STORE_IF_ABSENT);
	pass(1000);
	CHECK(!nr_done && stats()->tries[LC_STORE_PUT] == 2);
	lc_mem_apply_late(mem);
	pass(5000);
	CHECK(answered(&p, LC_STORE_OK) && !strcmp(p.etag, "v1"));
	CHECK(stats()->unknown_applied == 1);
}

static void another_ones_object_means_that_it_has_lost(void)
{
	struct lc_store_req p = {};

	lc_mem_fault(mem, LC_STORE_PUT, KEY, LC_STORE_UNKNOWN, LC_MEM_NOTHING, 1);
	put(&p, KEY, &one, LC_STORE_IF_ABSENT);
	settle();
	lc_mem_set(mem, KEY, "two", 3);
	pass(1000);
	CHECK(answered(&p, LC_STORE_PRECOND) && holds(KEY, "two"));
}

static void replacing_with_an_unknown_outcome(void)
{
	struct lc_store_req p = {};
	struct iovec new = { "new", 3 };

	/* Applied. */
	lc_mem_set(mem, KEY, "old", 3);
	lc_mem_fault(mem, LC_STORE_PUT, KEY, LC_STORE_UNKNOWN, LC_MEM_APPLIED, 1);
	strcpy(p.etag, "v1");
	put(&p, KEY, &new, LC_STORE_IF_MATCH);
	pass(1000);
	CHECK(answered(&p, LC_STORE_OK) && !strcmp(p.etag, "v2"));
	CHECK(lc_mem_count(mem, LC_STORE_PUT) == 1);
	/* Not applied: the old one is still there. */
	lc_mem_set(mem, KEY, "old", 3);
	lc_mem_fault(mem, LC_STORE_PUT, KEY, LC_STORE_UNKNOWN, LC_MEM_NOTHING, 1);
	strcpy(p.etag, "v3");
	put(&p, KEY, &new, LC_STORE_IF_MATCH);
	pass(1000);
	CHECK(answered(&p, LC_STORE_OK) && holds(KEY, "new"));
	/* Somebody else was faster. */
	lc_mem_fault(mem, LC_STORE_PUT, KEY, LC_STORE_UNKNOWN, LC_MEM_NOTHING, 1);
	put(&p, KEY, &one, LC_STORE_IF_MATCH);
	settle();
	lc_mem_set(mem, KEY, "other", 5);
	pass(1000);
	CHECK(answered(&p, LC_STORE_PRECOND) && holds(KEY, "other"));
}

static void large_objects_are_compared_to_the_end(void)
{
	size_t len = (2 << 20) + 5;
	char *data = calloc(1, len), *other = calloc(1, len);
	struct iovec iov[3] = { { data, 1000000 }, { data + 1000000, 0 },
				{ data + 1000000, len - 1000000 } };
	struct lc_store_req p = { .iov = iov, .nr_iov = 3, .flags = LC_STORE_IF_ABSENT };

	memset(data, 'x', len);
	memcpy(other, data, len);
	lc_mem_fault(mem, LC_STORE_PUT, "same", LC_STORE_UNKNOWN, LC_MEM_APPLIED, 1);
	submit(&p, LC_STORE_PUT, "same");
	pass(1000);
	CHECK(answered(&p, LC_STORE_OK));
	CHECK(lc_mem_count(mem, LC_STORE_GET) == 3 && lc_mem_count(mem, LC_STORE_PUT) == 1);

	other[len - 1] = 'y';
	lc_mem_fault(mem, LC_STORE_PUT, KEY, LC_STORE_UNKNOWN, LC_MEM_NOTHING, 1);
	submit(&p, LC_STORE_PUT, KEY);
	settle();
	lc_mem_set(mem, KEY, other, len);
	pass(1000);
	CHECK(answered(&p, LC_STORE_PRECOND));
	free(data);
	free(other);
}

static void a_lookup_that_fails_is_repeated(void)
{
	struct lc_store_req p = {};

	lc_mem_fault(mem, LC_STORE_PUT, KEY, LC_STORE_UNKNOWN, LC_MEM_APPLIED, 1);
	lc_mem_fault(mem, LC_STORE_HEAD, KEY, LC_STORE_FAILED, LC_MEM_NOTHING, 2);
	lc_mem_fault(mem, LC_STORE_GET, KEY, LC_STORE_CORRUPT, LC_MEM_NOTHING, 1);
	put(&p, KEY, &one, LC_STORE_IF_ABSENT);
	pass(1000 + 4000 + 9000 + 16000 - STEP_MS);
	CHECK(!nr_done);
	pass(STEP_MS);
	CHECK(answered(&p, LC_STORE_OK) && lc_mem_count(mem, LC_STORE_PUT) == 1);
}

static void several_unknown_ones_at_once(void)
{
	struct lc_store_req p[5] = {};
	char key[16];
	int i;

	for (i = 0; i < 5; i++) {
		sprintf(key, "k%d", i);
		put(&p[i], key, &one, LC_STORE_IF_ABSENT);
	}
	lc_mem_fault(mem, LC_STORE_PUT, NULL, LC_STORE_UNKNOWN, LC_MEM_APPLIED, 3);
	lc_mem_fault(mem, LC_STORE_PUT, NULL, LC_STORE_UNKNOWN, LC_MEM_NOTHING, 2);
	pass(1000);
	for (i = 0; i < 5; i++)
		CHECK(answered(&p[i], LC_STORE_OK));
	CHECK(lc_mem_count(mem, LC_STORE_PUT) == 5 && stats()->unknown_applied == 3);
}

static void an_unknown_delete_is_repeated(void)
{
	struct lc_store_req d = {};

	lc_mem_set(mem, KEY, "x", 1);
	lc_mem_fault(mem, LC_STORE_DELETE, KEY, LC_STORE_UNKNOWN, LC_MEM_APPLIED, 1);
	submit(&d, LC_STORE_DELETE, KEY);
	pass(1000);
	CHECK(answered(&d, LC_STORE_OK) && !lc_mem_objects(mem));
	CHECK(lc_mem_count(mem, LC_STORE_DELETE) == 2);
}

/* --- order and numbers ---------------------------------------------------------------- */

static void requests_begin_in_order(void)
{
	struct lc_store_req p[40] = {};
	char key[16];
	int i;

	lc_mem_hold(mem, true);
	for (i = 0; i < 40; i++) {
		sprintf(key, "k%02d", i);
		put(&p[i], key, &one, 0);
	}
	settle();
	CHECK(lc_mem_waiting(mem) == 32 && stats()->in_flight[LC_UP] == 32);
	CHECK(stats()->waiting[LC_UP] == 8);
	for (i = 0; i < 32; i++) {
		sprintf(key, "k%02d", i);
		CHECK(!strcmp(lc_mem_request(mem, i)->key, key));
	}
	/* The last one is answered first: whatever is free begins with the next. */
	lc_mem_answer(mem, 31);
	settle();
	CHECK(nr_done == 1 && p[31].data && !strcmp(lc_mem_request(mem, 31)->key, "k32"));
	lc_mem_hold(mem, false);
	settle();
	CHECK(nr_done == 40 && !stats()->in_flight[LC_UP] && !stats()->waiting[LC_UP]);
}

static void what_failed_goes_before_what_is_new(void)
{
	struct lc_store_req p[3] = {};

	lc_bucket_set(&lc_store_retry_limits(store)->requests[LC_UP], now, 1, 1);
	lc_mem_fault(mem, LC_STORE_PUT, "first", LC_STORE_BUSY, LC_MEM_NOTHING, 1);
	put(&p[0], "first", &one, 0);
	put(&p[1], "second", &one, 0);
	put(&p[2], "third", &one, 0);
	pass(5000);
	CHECK(!strcmp(order, "second first third ") || !strcmp(order, "first second third "));
}

static void uploads_do_not_hold_up_downloads(void)
{
	struct lc_store_req p[33] = {}, g = {};
	int i;

	lc_mem_hold(mem, true);
	for (i = 0; i < 33; i++)
		put(&p[i], "p", &one, 0);
	get(&g, "none");
	settle();
	/* All that may be under way, and one of the other direction; in front, somebody waits. */
	CHECK(lc_mem_waiting(mem) == 33 && lc_mem_request(mem, 0)->op == LC_STORE_GET);
	lc_mem_answer(mem, 0);
	CHECK(answered(&g, LC_STORE_NOT_FOUND));
	lc_mem_hold(mem, false);
	settle();
}

/* --- the breaker ------------------------------------------------------------------------ */

static void a_dead_store_is_left_alone(void)
{
	struct lc_store_req p[32] = {};
	int i;

	lc_mem_fault(mem, LC_STORE_PUT, NULL, LC_STORE_FAILED, LC_MEM_NOTHING, 1000);
	for (i = 0; i < 32; i++)
		put(&p[i], KEY, &one, 0);
	pass(500);
	/* All had begun when the eighth answer came. */
	CHECK(stats()->tries[LC_STORE_PUT] == 32 && stats()->breaker == LC_BREAKER_OPEN);
	/* In ten minutes: 1 + 2 + 4 + 8 + 16 s and then one probe every 30 s. */
	pass(600000);
	CHECK(stats()->tries[LC_STORE_PUT] >= 32 + 20 && stats()->tries[LC_STORE_PUT] <= 32 + 26);
	CHECK(!nr_done);
	for (i = 0; i < 32; i++)
		store->ops->cancel(store, &p[i]);
	settle();
	CHECK(nr_done == 32 && p[0].status == LC_STORE_CANCELLED);
}

static void it_comes_back_and_all_goes_on(void)
{
	struct lc_store_req p[20] = {};
	unsigned int i;

	lc_mem_fault(mem, LC_STORE_PUT, NULL, LC_STORE_FAILED, LC_MEM_NOTHING, 22);
	for (i = 0; i < 20; i++)
		put(&p[i], KEY, &one, 0);
	pass(3000);
	CHECK(stats()->breaker != LC_BREAKER_CLOSED && !nr_done);
	pass(120000);
	CHECK(stats()->breaker == LC_BREAKER_CLOSED && nr_done == 20);
}

/* --- limits -------------------------------------------------------------------------------- */

static void bytes_are_limited(void)
{
	struct lc_store_req p[100] = {};
	char data[1000] = "";
	struct iovec iov = { data, sizeof(data) };
	int i;

	lc_bucket_set(&lc_store_retry_limits(store)->bytes[LC_UP], now, 10000, 1000);
	for (i = 0; i < 100; i++)
		put(&p[i], KEY, &iov, 0);
	pass(5000);
	CHECK(nr_done >= 49 && nr_done <= 53);
	CHECK(stats()->throttled[LC_UP] && !stats()->throttled[LC_DOWN]);
	/* Without the limit the rest follows at once. */
	lc_bucket_set(&lc_store_retry_limits(store)->bytes[LC_UP], now, 0, 0);
	pass(1000);
	CHECK(nr_done == 100);
}

static void requests_are_limited_and_both_directions_on_their_own(void)
{
	struct lc_store_req p = {}, g[50] = {};
	int i;

	lc_mem_set(mem, KEY, "x", 1);
	lc_bucket_set(&lc_store_retry_limits(store)->requests[LC_DOWN], now, 10, 1);
	for (i = 0; i < 50; i++)
		get(&g[i], KEY);
	put(&p, "up", &one, 0);
	settle();
	CHECK(answered(&p, LC_STORE_OK));
	pass(3000);
	CHECK(nr_done - 1 >= 29 && nr_done - 1 <= 33);
	pass(3000);
}

static void downloaded_bytes_are_limited(void)
{
	static char buf[64][1000];
	struct lc_store_req g[64] = {};
	char data[1000] = "";
	int i;

	lc_mem_set(mem, KEY, data, sizeof(data));
	lc_bucket_set(&lc_store_retry_limits(store)->bytes[LC_DOWN], now, 10000, 1000);
	for (i = 0; i < 64; i++) {
		g[i].buf = buf[i];
		g[i].buf_len = 1000;
		g[i].len = i % 2 ? 1000 : 0;
		submit(&g[i], LC_STORE_GET, KEY);
	}
	pass(5000);
	CHECK(nr_done >= 49 && nr_done <= 53);
	pass(5000);
	CHECK(nr_done == 64 && stats()->bytes[LC_DOWN] == 64000);
}

/* --- hedges ------------------------------------------------------------------------------------ */

static void warm(struct lc_store_req *g, uint64_t ms)
{
	int i;

	lc_mem_set(mem, KEY, "hello", 5);
	lc_mem_delay(mem, ms, 0);
	for (i = 0; i < 20; i++) {
		get(g, KEY);
		pass(ms);
	}
	nr_done = 0;
}

static void a_second_get_helps_a_slow_one(void)
{
	struct lc_store_req g = {};

	warm(&g, 100);
	lc_mem_delay(mem, 60000, 1);
	get(&g, KEY);
	pass(100);
	CHECK(!stats()->hedges);
	pass(100);
	CHECK(stats()->hedges == 1 && !nr_done);
	pass(200);
	CHECK(answered(&g, LC_STORE_OK) && g.got == 5 && !memcmp(got, "hello-", 6));
	CHECK(stats()->hedges_won == 1 && stats()->answers[LC_STORE_CANCELLED] == 1);
}

static void the_first_answer_counts(void)
{
	struct lc_store_req g = {};

	warm(&g, 100);
	lc_mem_delay(mem, 250, 1);
	lc_mem_delay(mem, 60000, 0);
	get(&g, KEY);
	/* The delay of the hedge is the usual one by then. */
	pass(300);
	CHECK(stats()->hedges <= 1 && stats()->hedges_won == 0);
	pass(60000);
	CHECK(answered(&g, LC_STORE_OK) && !stats()->in_flight[LC_DOWN]);
}

static void a_hung_get_is_saved_by_its_hedge(void)
{
	struct lc_store_req g = {};

	warm(&g, 100);
	lc_mem_fault(mem, LC_STORE_GET, KEY, LC_STORE_OK, LC_MEM_HANG, 1);
	get(&g, KEY);
	pass(400);
	CHECK(answered(&g, LC_STORE_OK) && stats()->hedges_won == 1);
}

static void if_both_fail_it_is_tried_again(void)
{
	struct lc_store_req g = {};

	warm(&g, 100);
	lc_mem_delay(mem, 250, 2);
	lc_mem_fault(mem, LC_STORE_GET, KEY, LC_STORE_FAILED, LC_MEM_NOTHING, 2);
	get(&g, KEY);
	pass(400);
	CHECK(!nr_done && stats()->hedges == 1);
	pass(1000);
	CHECK(answered(&g, LC_STORE_OK) && stats()->answers[LC_STORE_FAILED] == 2);
}

static void hedges_can_be_off_and_are_few(void)
{
	struct lc_store_req g[10] = {}, w = {};
	int i;

	warm(&w, 100);
	lc_mem_hold(mem, true);
	for (i = 0; i < 10; i++)
		get(&g[i], KEY);
	pass(5000);
	CHECK(stats()->hedges == (cfg.hedge_percent ? 4 : 0));
	lc_mem_hold(mem, false);
	pass(1000);
	CHECK(nr_done == 10);
}

/* --- cancelling ------------------------------------------------------------------------------------- */

static void cancel(struct lc_store_req *req)
{
	unsigned int before = nr_done;

	store->ops->cancel(store, req);
	REQUIRE(nr_done == before);
	settle();
}

static void requests_can_be_cancelled_in_every_state(void)
{
	struct lc_store_req p[33] = {}, g = {};
	int i;

	/* Waiting, and under way. */
	lc_mem_hold(mem, true);
	for (i = 0; i < 33; i++)
		put(&p[i], KEY, &one, 0);
	settle();
	cancel(&p[32]);
	CHECK(answered(&p[32], LC_STORE_CANCELLED));
	cancel(&p[0]);
	CHECK(answered(&p[0], LC_STORE_CANCELLED));
	lc_mem_hold(mem, false);
	settle();
	CHECK(nr_done == 33);
	/* Before it is tried again. */
	lc_mem_fault(mem, LC_STORE_PUT, KEY, LC_STORE_BUSY, LC_MEM_NOTHING, 1);
	put(&p[0], KEY, &one, 0);
	settle();
	cancel(&p[0]);
	CHECK(answered(&p[0], LC_STORE_CANCELLED));
	/* While it looks, and while it waits to look. */
	lc_mem_fault(mem, LC_STORE_PUT, KEY, LC_STORE_UNKNOWN, LC_MEM_NOTHING, 2);
	lc_mem_fault(mem, LC_STORE_HEAD, KEY, LC_STORE_OK, LC_MEM_HANG, 1);
	put(&p[0], KEY, &one, LC_STORE_IF_ABSENT);
	put(&p[1], KEY, &one, LC_STORE_IF_ABSENT);
	pass(2000);
	cancel(&p[1]);
	CHECK(answered(&p[1], LC_STORE_CANCELLED));
	cancel(&p[0]);
	CHECK(answered(&p[0], LC_STORE_CANCELLED));
	/* Together with its hedge. */
	warm(&g, 100);
	lc_mem_hold(mem, true);
	get(&g, KEY);
	pass(1000);
	CHECK(lc_mem_waiting(mem) == 2);
	cancel(&g);
	CHECK(answered(&g, LC_STORE_CANCELLED) && !lc_mem_waiting(mem));
	CHECK(!stats()->in_flight[LC_UP] && !stats()->in_flight[LC_DOWN]);
	lc_mem_hold(mem, false);
}

static void a_cancelled_probe_is_followed_by_another(void)
{
	struct lc_store_req p[8] = {}, q = {};
	int i;

	lc_mem_fault(mem, LC_STORE_PUT, "dead", LC_STORE_FAILED, LC_MEM_NOTHING, 8);
	for (i = 0; i < 8; i++)
		put(&p[i], "dead", &one, 0);
	settle();
	lc_mem_hold(mem, true);
	pass(1100);
	CHECK(stats()->breaker == LC_BREAKER_PROBING && lc_mem_waiting(mem) == 1);
	put(&q, "q", &one, 0);
	for (i = 0; i < 8; i++)
		if (lc_mem_request(mem, 0) && !strcmp(lc_mem_request(mem, 0)->key, "dead"))
			cancel(&p[i]);
	lc_mem_hold(mem, false);
	pass(2000);
	CHECK(answered(&q, LC_STORE_OK) && stats()->breaker == LC_BREAKER_CLOSED);
}

#define RUN_ON(test) do { setup(); RUN(test); teardown(); } while (0)

int main(void)
{
	lc_retry_cfg_init(&cfg);
	RUN_ON(what_goes_well_is_done_once);
	RUN_ON(uploads_are_tried_for_ever);
	RUN_ON(what_is_tried_for_long_is_counted);
	RUN_ON(downloads_end_after_ten_tries);
	RUN_ON(an_answer_is_an_answer);
	RUN_ON(a_listing_goes_on_where_it_broke_off);
	RUN_ON(a_put_that_was_applied_is_not_sent_again);
	RUN_ON(a_put_that_was_not_applied_is_sent_again);
	RUN_ON(a_put_that_is_applied_late_has_won);
	RUN_ON(another_ones_object_means_that_it_has_lost);
	RUN_ON(replacing_with_an_unknown_outcome);
	RUN_ON(large_objects_are_compared_to_the_end);
	RUN_ON(a_lookup_that_fails_is_repeated);
	RUN_ON(several_unknown_ones_at_once);
	RUN_ON(an_unknown_delete_is_repeated);
	RUN_ON(requests_begin_in_order);
	RUN_ON(what_failed_goes_before_what_is_new);
	RUN_ON(uploads_do_not_hold_up_downloads);
	RUN_ON(a_dead_store_is_left_alone);
	RUN_ON(it_comes_back_and_all_goes_on);
	RUN_ON(bytes_are_limited);
	RUN_ON(requests_are_limited_and_both_directions_on_their_own);
	RUN_ON(downloaded_bytes_are_limited);
	RUN_ON(a_second_get_helps_a_slow_one);
	RUN_ON(the_first_answer_counts);
	RUN_ON(a_hung_get_is_saved_by_its_hedge);
	RUN_ON(if_both_fail_it_is_tried_again);
	RUN_ON(hedges_can_be_off_and_are_few);
	cfg.hedge_percent = 0;
	RUN_ON(hedges_can_be_off_and_are_few);
	RUN_ON(requests_can_be_cancelled_in_every_state);
	RUN_ON(a_cancelled_probe_is_followed_by_another);
	return tap_done();
}
