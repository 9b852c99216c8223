// SPDX-License-Identifier: GPL-2.0-only
/* The breaker, the buckets and the percentile, without a store. */

#include "breaker.h"
#include "latency.h"
#include "retry.h"
#include "tap.h"
#include "throttle.h"

static struct lc_breaker b;
static bool probe;

static void fail_times(uint64_t now, unsigned int n)
{
	while (n--)
		lc_breaker_result(&b, now, false, false);
}

static void eight_failures_in_a_row_open_it(void)
{
	b = (struct lc_breaker){};
	fail_times(0, 7);
	lc_breaker_result(&b, 0, false, true);
	fail_times(0, 7);
	CHECK(lc_breaker_allows(&b, 0, &probe) && !probe);
	fail_times(0, 1);
	CHECK(b.state == LC_BREAKER_OPEN && b.opened == 1);
	CHECK(!lc_breaker_allows(&b, 999, &probe) && lc_breaker_wait(&b, 0) == 1000);
}

static void one_probe_decides(void)
{
	CHECK(lc_breaker_allows(&b, 1000, &probe) && probe);
	CHECK(!lc_breaker_allows(&b, 1000, &probe) && !probe);
	CHECK(lc_breaker_wait(&b, 1000) == UINT64_MAX);
	lc_breaker_result(&b, 1000, true, true);
	CHECK(lc_breaker_allows(&b, 1000, &probe) && !probe);
}

static void it_stays_open_twice_as_long_up_to_30_s(void)
{
	static const uint64_t open_ms[] = { 1000, 2000, 4000, 8000, 16000, 30000, 30000 };
	uint64_t now = 5000;
	unsigned int i;

	fail_times(now, 8);
	for (i = 0; i < 7; i++) {
		CHECK(lc_breaker_wait(&b, now) == open_ms[i]);
		now += open_ms[i];
		CHECK(!lc_breaker_allows(&b, now - 1, &probe));
		CHECK(lc_breaker_allows(&b, now, &probe) && probe);
		lc_breaker_result(&b, now, true, false);
	}
	CHECK(b.opened == 9);
}

static void old_answers_do_not_decide(void)
{
	uint64_t now = b.until;

	lc_breaker_result(&b, now - 1, false, true);
	CHECK(b.state == LC_BREAKER_OPEN);
	CHECK(lc_breaker_allows(&b, now, &probe) && probe);
	fail_times(now, 20);
	CHECK(b.state == LC_BREAKER_PROBING);
}

static void a_cancelled_probe_lets_another_one_go(void)
{
	lc_breaker_cancelled(&b, 1 << 20, false);
	CHECK(b.state == LC_BREAKER_PROBING);
	lc_breaker_cancelled(&b, 1 << 20, true);
	CHECK(lc_breaker_allows(&b, 1 << 20, &probe) && probe);
}

/* Takes @n as often as it may until @end; how many that were. */
static uint64_t taken(struct lc_bucket *t, uint64_t from, uint64_t end, uint64_t n)
{
	uint64_t now = from, sum = 0, wait;

	while (now < end) {
		wait = lc_bucket_wait(t, now);
		if (wait) {
			now += wait;
			continue;
		}
		lc_bucket_take(t, now, n);
		sum += n;
	}
	return sum;
}

static void the_rate_is_kept(void)
{
	struct lc_bucket t = {};
	uint64_t sum;

	lc_bucket_set(&t, 0, 1000, 100);
	sum = taken(&t, 0, 100000, 10);
	CHECK(sum >= 100000 && sum <= 100000 + 100 + 10);
}

static void also_by_what_is_larger_than_the_bucket(void)
{
	struct lc_bucket t = {};
	uint64_t sum;

	lc_bucket_set(&t, 0, 1 << 20, 0);
	sum = taken(&t, 0, 160000, 16 << 20);
	CHECK(sum >= 160ull << 20 && sum <= (160ull + 17) << 20);
}

static void idle_time_is_saved_up_to_the_burst(void)
{
	struct lc_bucket t = {};

	lc_bucket_set(&t, 0, 1000, 500);
	CHECK(taken(&t, 3600000, 3600001, 100) == 500);
}

static void a_rate_can_be_changed(void)
{
	struct lc_bucket t = {};
	uint64_t sum;

	CHECK(!lc_bucket_wait(&t, 0));
	lc_bucket_take(&t, 0, 1 << 30);
	lc_bucket_set(&t, 0, 1000, 1);
	sum = taken(&t, 0, 10000, 1);
	CHECK(sum >= 9990 && sum <= 10010);
	lc_bucket_set(&t, 10000, 100000, 1);
	sum = taken(&t, 10000, 20000, 100);
	CHECK(sum >= 990000 && sum <= 1000200);
	lc_bucket_set(&t, 20000, 0, 0);
	CHECK(!lc_bucket_wait(&t, 20000));
}

static void extreme_rates_and_times(void)
{
	struct lc_bucket t = {};

	lc_bucket_set(&t, 0, UINT64_MAX, UINT64_MAX);
	lc_bucket_take(&t, 0, UINT64_MAX);
	CHECK(lc_bucket_wait(&t, 0) < 3000);
	CHECK(!lc_bucket_wait(&t, UINT64_MAX / 2));
}

static void percentiles(void)
{
	struct lc_latency l = {};
	unsigned int i;

	for (i = 0; i < LC_LATENCY_MIN - 1; i++)
		lc_latency_add(&l, 5);
	CHECK(lc_latency_percentile(&l, 95) == UINT32_MAX);
	for (i = 0; i < 1000; i++)
		lc_latency_add(&l, 1000);
	for (i = 0; i < LC_LATENCY_SAMPLES; i++)
		lc_latency_add(&l, 127 - i);
	CHECK(lc_latency_percentile(&l, 0) == 0);
	CHECK(lc_latency_percentile(&l, 50) == 64);
	CHECK(lc_latency_percentile(&l, 95) == 121);
	CHECK(lc_latency_percentile(&l, 100) == 127);
}

static void delays(void)
{
	CHECK(lc_retry_delay(LC_UP, 1) == 1000 && lc_retry_delay(LC_UP, 2) == 4000);
	CHECK(lc_retry_delay(LC_UP, 7) == 49000 && lc_retry_delay(LC_UP, 8) == 60000);
	CHECK(lc_retry_delay(LC_UP, 4000000000u) == 60000);
	CHECK(lc_retry_delay(LC_DOWN, 1) == 300 && lc_retry_delay(LC_DOWN, 33) == 9900);
	CHECK(lc_retry_delay(LC_DOWN, 34) == 10000);
}

int main(void)
{
	RUN(eight_failures_in_a_row_open_it);
	RUN(one_probe_decides);
	RUN(it_stays_open_twice_as_long_up_to_30_s);
	RUN(old_answers_do_not_decide);
	RUN(a_cancelled_probe_lets_another_one_go);
	RUN(the_rate_is_kept);
	RUN(also_by_what_is_larger_than_the_bucket);
	RUN(idle_time_is_saved_up_to_the_burst);
	RUN(a_rate_can_be_changed);
	RUN(extreme_rates_and_times);
	RUN(percentiles);
	RUN(delays);
	return tap_done();
}
