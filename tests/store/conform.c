// SPDX-License-Identifier: GPL-2.0-only
/*
 * What every store does, against a real one:
 *
 *	conform URL [--no-cond] [--retry] [OPTION=VALUE...]
 *
 * --no-cond: the store is known not to have conditions. --retry: by way of the
 * store that does not give up, without what it would not give up. Objects go below a
 * prefix that nobody else has, and are removed in the end.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "loop.h"
#include "open.h"
#include "retry.h"
#include "tap.h"

#define RACERS	8
#define ROUNDS	20
#define MANY	1050

static struct lc_loop *loop;
static struct lc_store *store;
static struct lc_store_cfg cfg;
static bool no_cond, retry;
static char buf[20 << 20];
static struct lc_store_req req;

static enum lc_store_status wait(enum lc_store_op op, const char *key)
{
	req.op = op;
	snprintf(req.key, sizeof(req.key), "%s", key);
	lc_store_wait(store, &req);
	if (req.status != LC_STORE_OK)
		printf("# %s (%s)\n", req.why, lc_store_status_name(req.status));
	return req.status;
}

static enum lc_store_status put(const char *key, const void *data, size_t len, uint32_t flags)
{
	struct iovec iov = { (void *)data, len };

	req.iov = &iov;
	req.nr_iov = 1;
	req.flags = flags;
	return wait(LC_STORE_PUT, key);
}

static enum lc_store_status get(const char *key, uint64_t offset, uint64_t len)
{
	memset(buf, '-', sizeof(buf));
	req.buf = buf;
	req.buf_len = sizeof(buf);
	req.offset = offset;
	req.len = len;
	return wait(LC_STORE_GET, key);
}

/* Of a size, and different at each position and for each seed. */
static char *pattern(size_t len, unsigned int seed)
{
	char *p = malloc(len + 1);
	size_t i;

	REQUIRE(p);
	for (i = 0; i < len; i++)
		p[i] = (i >> 16) * 31 + (i >> 8) * 7 + i + seed;
	return p;
}

static void put_and_get(void)
{
	CHECK(put("a", "hello world", 11, 0) == LC_STORE_OK);
	CHECK(*req.etag);
	CHECK(get("a", 0, 0) == LC_STORE_OK);
	CHECK(req.got == 11 && req.size == 11 && !memcmp(buf, "hello world-", 12));
}

static void pieces_are_put_together(void)
{
	struct iovec iov[] = { { "he", 2 }, { "", 0 }, { "llo", 3 }, { " there", 6 } };

	req.iov = iov;
	req.nr_iov = 4;
	req.flags = 0;
	CHECK(wait(LC_STORE_PUT, "pieces") == LC_STORE_OK);
	CHECK(get("pieces", 0, 0) == LC_STORE_OK && req.got == 11);
	CHECK(!memcmp(buf, "hello there", 11));
}

static void ranges(void)
{
	CHECK(get("a", 6, 5) == LC_STORE_OK && req.got == 5 && !memcmp(buf, "world-", 6));
	CHECK(req.size == 11);
	CHECK(get("a", 0, 1) == LC_STORE_OK && req.got == 1 && !memcmp(buf, "h-", 2));
	CHECK(get("a", 10, 1) == LC_STORE_OK && req.got == 1 && !memcmp(buf, "d-", 2));
}

static void a_range_ends_with_the_object(void)
{
	CHECK(get("a", 6, 100) == LC_STORE_OK && req.got == 5 && !memcmp(buf, "world-", 6));
	CHECK(get("a", 11, 1) == LC_STORE_RANGE);
	CHECK(get("a", 1000, 5) == LC_STORE_RANGE);
}

static void a_buffer_smaller_than_the_object(void)
{
	char *data = pattern(300000, 3);

	CHECK(put("larger", data, 300000, 0) == LC_STORE_OK);
	memset(buf, '-', sizeof(buf));
	req.len = 0;
	req.buf_len = 100001;
	CHECK(wait(LC_STORE_GET, "larger") == LC_STORE_OK);
	CHECK(req.got == 100001 && req.size == 300000);
	CHECK(!memcmp(buf, data, 100001) && buf[100001] == '-');
	free(data);
}

static void empty_objects(void)
{
	CHECK(put("empty", "", 0, 0) == LC_STORE_OK);
	CHECK(get("empty", 0, 0) == LC_STORE_OK && !req.got && !req.size);
	CHECK(wait(LC_STORE_HEAD, "empty") == LC_STORE_OK && !req.size);
}

static void what_is_not_there(void)
{
	CHECK(get("none", 0, 0) == LC_STORE_NOT_FOUND);
	CHECK(get("none", 5, 5) == LC_STORE_NOT_FOUND);
	CHECK(wait(LC_STORE_HEAD, "none") == LC_STORE_NOT_FOUND);
	CHECK(wait(LC_STORE_DELETE, "none") == LC_STORE_OK);
}

static void head_knows_size_and_tag(void)
{
	char tag[LC_STORE_ETAG_MAX];

	CHECK(put("h", "12345", 5, 0) == LC_STORE_OK);
	strcpy(tag, req.etag);
	req.size = 0;
	CHECK(wait(LC_STORE_HEAD, "h") == LC_STORE_OK && req.size == 5 && !strcmp(tag, req.etag));
	CHECK(get("h", 0, 0) == LC_STORE_OK && !strcmp(tag, req.etag));
	CHECK(put("h", "54321", 5, 0) == LC_STORE_OK && strcmp(tag, req.etag));
}

static void put_replaces_and_delete_removes(void)
{
	CHECK(put("r", "one", 3, 0) == LC_STORE_OK);
	CHECK(put("r", "other", 5, 0) == LC_STORE_OK);
	CHECK(get("r", 0, 0) == LC_STORE_OK && req.got == 5 && !memcmp(buf, "other", 5));
	CHECK(wait(LC_STORE_DELETE, "r") == LC_STORE_OK);
	CHECK(get("r", 0, 0) == LC_STORE_NOT_FOUND);
}

static void every_kind_of_key(void)
{
	static const char * const keys[] = {
		"x", "X", "0", "-", "_", "a.b", "a..b", "k/l/m/n/o/p", "a-b_c.D", "data/0/0000000000000001",
		"probe-", "z/-", "z/_", "CamelCase/lower.UPPER",
	};
	char longest[LC_STORE_KEY_MAX];
	unsigned int i;
	char *p;

	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		CHECK(put(keys[i], keys[i], strlen(keys[i]), 0) == LC_STORE_OK);
		CHECK(get(keys[i], 0, 0) == LC_STORE_OK && req.got == strlen(keys[i]));
		CHECK(!memcmp(buf, keys[i], req.got));
		CHECK(wait(LC_STORE_DELETE, keys[i]) == LC_STORE_OK);
	}
	memset(longest, 'l', sizeof(longest));
	for (p = longest + 100; p < longest + 800; p += 100)
		*p = '/';
	longest[800] = '\0';
	CHECK(put(longest, "1", 1, 0) == LC_STORE_OK);
	CHECK(wait(LC_STORE_HEAD, longest) == LC_STORE_OK);
	CHECK(wait(LC_STORE_DELETE, longest) == LC_STORE_OK);
}

static void keys_that_are_none(void)
{
	static const char * const keys[] = {
		"", "/a", "a/", "a//b", "../a", "a/..", ".a", "a b", "a%20", "\xc3\xa4", "a?b", "a\\b",
	};
	unsigned int i;

	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		CHECK(put(keys[i], "1", 1, 0) == LC_STORE_FAILED);
}

static void large_objects(void)
{
	char *data = pattern(16 << 20, 1);

	CHECK(put("large", data, 16 << 20, 0) == LC_STORE_OK);
	CHECK(get("large", 0, 0) == LC_STORE_OK && req.got == 16 << 20);
	CHECK(!memcmp(buf, data, 16 << 20));
	CHECK(get("large", 0x654321, 0x10000) == LC_STORE_OK && req.got == 0x10000);
	CHECK(!memcmp(buf, data + 0x654321, 0x10000));
	free(data);
}

/* --- listings ----------------------------------------------------------------- */

static char names[MANY * 32];
static unsigned int nr_names, stop_after;

static bool note(struct lc_store_req *r, const char *key, uint64_t size)
{
	snprintf(names + strlen(names), sizeof(names) - strlen(names), "%s=%" PRIu64 " ", key, size);
	return ++nr_names != stop_after;
}

static enum lc_store_status list(const char *prefix)
{
	names[0] = '\0';
	nr_names = 0;
	req.list = note;
	return wait(LC_STORE_LIST, prefix);
}

static void listings_are_in_byte_order(void)
{
	static const char * const keys[] = { "l/b", "l/a0", "l/B", "l/a/b", "l/a-b", "l/a.b", "l/_" };
	unsigned int i;

	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		CHECK(put(keys[i], "12345", i, 0) == LC_STORE_OK || i > 5);
	CHECK(list("l/") == LC_STORE_OK);
	CHECK(!strcmp(names, "l/B=2 l/_=6 l/a-b=4 l/a.b=5 l/a/b=3 l/a0=1 l/b=0 "));
	CHECK(list("l/a") == LC_STORE_OK);
	CHECK(!strcmp(names, "l/a-b=4 l/a.b=5 l/a/b=3 l/a0=1 "));
	CHECK(list("l/none") == LC_STORE_OK && !*names);
}

static void listings_can_be_ended(void)
{
	stop_after = 2;
	CHECK(list("l/") == LC_STORE_OK);
	CHECK(!strcmp(names, "l/B=2 l/_=6 "));
	stop_after = 0;
}

/* --- many at once --------------------------------------------------------------- */

static unsigned int answered, ok;

static void many_done(struct lc_store_req *r)
{
	answered++;
	ok += r->status == LC_STORE_OK;
	if (r->status != LC_STORE_OK && r->status != LC_STORE_PRECOND)
		printf("# %s\n", r->why);
}

/* All of them at once, answered in any order. */
static void many(struct lc_store_req *reqs, unsigned int nr)
{
	unsigned int i;

	answered = 0;
	ok = 0;
	for (i = 0; i < nr; i++) {
		reqs[i].done = many_done;
		store->ops->submit(store, &reqs[i]);
	}
	REQUIRE(!answered);
	while (answered < nr)
		lc_loop_turn(loop, -1);
}

static void more_than_a_page(void)
{
	struct lc_store_req *reqs = calloc(MANY, sizeof(*reqs));
	struct iovec iov = { "x", 1 };
	char key[32], *p = names;
	unsigned int i;

	for (i = 0; i < MANY; i++) {
		reqs[i].op = LC_STORE_PUT;
		reqs[i].iov = &iov;
		reqs[i].nr_iov = 1;
		/* Not in the order of the listing. */
		sprintf(reqs[i].key, "many/%04x", i * 11 % MANY);
	}
	many(reqs, MANY);
	CHECK(ok == MANY);
	CHECK(list("many/") == LC_STORE_OK && nr_names == MANY);
	for (i = 0; i < MANY; i++) {
		sprintf(key, "many/%04x=1 ", i);
		CHECK(!strncmp(p, key, strlen(key)));
		p += strlen(key);
	}
	for (i = 0; i < MANY; i++)
		reqs[i].op = LC_STORE_DELETE;
	many(reqs, MANY);
	CHECK(ok == MANY);
	CHECK(list("many/") == LC_STORE_OK && !nr_names);
	free(reqs);
}

static void cancelled_requests_are_answered(void)
{
	struct lc_store_req reqs[20] = {};
	char *data = pattern(1 << 20, 5);
	struct iovec iov = { data, 1 << 20 };
	unsigned int i;

	answered = 0;
	ok = 0;
	for (i = 0; i < 20; i++) {
		reqs[i].op = LC_STORE_PUT;
		reqs[i].iov = &iov;
		reqs[i].nr_iov = 1;
		reqs[i].done = many_done;
		sprintf(reqs[i].key, "cancelled/%u", i);
		store->ops->submit(store, &reqs[i]);
		if (i == 10)
			lc_loop_turn(loop, 0);
	}
	for (i = 0; i < 20; i += 2)
		store->ops->cancel(store, &reqs[i]);
	while (answered < 20)
		lc_loop_turn(loop, -1);
	for (i = 0; i < 20; i++)
		CHECK(reqs[i].status == (i % 2 ? LC_STORE_OK : LC_STORE_CANCELLED) ||
		      (i <= 10 && reqs[i].status == LC_STORE_OK));
	free(data);
}

/* --- conditions -------------------------------------------------------------------- */

static void conditions_are_found_out(void)
{
	char why[LC_STORE_WHY_MAX] = "";
	enum lc_store_status status = lc_store_probe_cond(store, why);

	if (*why)
		printf("# %s\n", why);
	CHECK(status == (no_cond ? LC_STORE_NO_COND : LC_STORE_OK));
	CHECK(list("probe-") == LC_STORE_OK && !nr_names);
}

static void only_if_absent(void)
{
	CHECK(put("c", "one", 3, LC_STORE_IF_ABSENT) == LC_STORE_OK && *req.etag);
	CHECK(put("c", "two", 3, LC_STORE_IF_ABSENT) == LC_STORE_PRECOND);
	CHECK(get("c", 0, 0) == LC_STORE_OK && !memcmp(buf, "one", 3));
	CHECK(wait(LC_STORE_DELETE, "c") == LC_STORE_OK);
	CHECK(put("c", "two", 3, LC_STORE_IF_ABSENT) == LC_STORE_OK);
}

static void only_if_unchanged(void)
{
	char tag[LC_STORE_ETAG_MAX];

	CHECK(put("m", "one", 3, 0) == LC_STORE_OK);
	strcpy(tag, req.etag);
	CHECK(put("m", "two", 3, LC_STORE_IF_MATCH) == LC_STORE_OK);
	strcpy(req.etag, tag);
	CHECK(put("m", "three", 5, LC_STORE_IF_MATCH) == LC_STORE_PRECOND);
	CHECK(get("m", 0, 0) == LC_STORE_OK && !memcmp(buf, "two-", 4));
	strcpy(req.etag, tag);
	CHECK(put("m-none", "x", 1, LC_STORE_IF_MATCH) == LC_STORE_PRECOND);
	CHECK(wait(LC_STORE_HEAD, "m-none") == LC_STORE_NOT_FOUND);
}

/* One of them wins, and it is its content that is there. */
static void race(unsigned int round, uint32_t flags, const char *etag)
{
	static char data[RACERS][8192];
	struct lc_store_req reqs[RACERS] = {};
	struct iovec iov[RACERS];
	unsigned int i, winner = RACERS;

	for (i = 0; i < RACERS; i++) {
		memset(data[i], 'A' + i, sizeof(data[i]));
		iov[i] = (struct iovec){ data[i], sizeof(data[i]) };
		reqs[i].op = LC_STORE_PUT;
		reqs[i].flags = flags;
		reqs[i].iov = &iov[i];
		reqs[i].nr_iov = 1;
		snprintf(reqs[i].key, sizeof(reqs[i].key), "race/%u-%u", flags, round);
		snprintf(reqs[i].etag, sizeof(reqs[i].etag), "%s", etag);
	}
	many(reqs, RACERS);
	CHECK(ok == 1);
	for (i = 0; i < RACERS; i++)
		if (reqs[i].status == LC_STORE_OK)
			winner = i;
		else	/* Ceph's losers of an If-Match get a 500. */
			CHECK(reqs[i].status == LC_STORE_PRECOND ||
			      (flags == LC_STORE_IF_MATCH && !retry &&
			       reqs[i].status == LC_STORE_UNKNOWN));
	CHECK(get(reqs[0].key, 0, 0) == LC_STORE_OK && req.got == sizeof(data[0]));
	CHECK(!memcmp(buf, data[winner], sizeof(data[0])));
}

static void of_eight_one_is_first(void)
{
	unsigned int i;

	for (i = 0; i < ROUNDS && !tap_case_failed; i++)
		race(i, LC_STORE_IF_ABSENT, "");
}

static void of_eight_one_replaces(void)
{
	char key[32];
	unsigned int i;

	for (i = 0; i < ROUNDS && !tap_case_failed; i++) {
		sprintf(key, "race/%u-%u", LC_STORE_IF_MATCH, i);
		CHECK(put(key, "old", 3, 0) == LC_STORE_OK);
		race(i, LC_STORE_IF_MATCH, req.etag);
	}
}

static void without_conditions_it_says_so(void)
{
	CHECK(put("c", "one", 3, LC_STORE_IF_ABSENT) == LC_STORE_NO_COND);
	CHECK(wait(LC_STORE_HEAD, "c") == LC_STORE_NOT_FOUND);
}

/* --- in parts ------------------------------------------------------------------------- */

static void an_object_in_parts(void)
{
	size_t len = (10 << 20) + 12345;
	char *data = pattern(len, 2);

	CHECK(put("parts", data, len, 0) == LC_STORE_OK);
	CHECK(get("parts", 0, 0) == LC_STORE_OK && req.got == len && !memcmp(buf, data, len));
	CHECK(get("parts", (5 << 20) - 10, 20) == LC_STORE_OK && req.got == 20);
	CHECK(!memcmp(buf, data + (5 << 20) - 10, 20));
	free(data);
}

static void a_condition_on_parts(void)
{
	size_t len = (5 << 20) + 1;
	char *data = pattern(len, 4);

	CHECK(put("parts", data, len, LC_STORE_IF_ABSENT) == LC_STORE_PRECOND);
	CHECK(get("parts", 0, 1) == LC_STORE_OK && req.size == (10 << 20) + 12345);
	CHECK(put("parts-new", data, len, LC_STORE_IF_ABSENT) == LC_STORE_OK);
	CHECK(get("parts-new", 0, 0) == LC_STORE_OK && req.got == len && !memcmp(buf, data, len));
	free(data);
}

/* --- wrong keys -------------------------------------------------------------------------- */

static void wrong_keys_are_denied(void)
{
	struct lc_store *right = store;
	struct lc_store_cfg wrong = cfg;
	char why[LC_STORE_WHY_MAX], path[] = "/tmp/lc-keys-XXXXXX";
	int fd = mkstemp(path);

	dprintf(fd, "access_key = nobody\nsecret_key = does-not-fit\n");
	close(fd);
	snprintf(wrong.key_file, sizeof(wrong.key_file), "%s", path);
	store = lc_store_open(loop, &wrong, why);
	REQUIRE(store);
	CHECK(put("a", "1", 1, 0) == LC_STORE_DENIED);
	CHECK(get("a", 0, 0) == LC_STORE_DENIED);
	CHECK(list("") == LC_STORE_DENIED);
	CHECK(wait(LC_STORE_DELETE, "a") == LC_STORE_DENIED);
	store->ops->free(store);
	store = right;
	unlink(path);
	CHECK(get("a", 0, 0) == LC_STORE_OK);
}

static bool remove_one(struct lc_store_req *r, const char *key, uint64_t size)
{
	snprintf(names, sizeof(names), "%s", key);
	return false;
}

static void all_can_be_removed(void)
{
	req.list = remove_one;
	for (names[0] = '\0'; wait(LC_STORE_LIST, "") == LC_STORE_OK && *names; names[0] = '\0')
		CHECK(wait(LC_STORE_DELETE, names) == LC_STORE_OK);
	CHECK(!*names);
}

/* A prefix of one's own, so that nothing that is there matters. */
static void own_prefix(void)
{
	char *end = cfg.prefix + strlen(cfg.prefix);
	uint64_t random;

	REQUIRE(getrandom(&random, sizeof(random), 0) == sizeof(random));
	sprintf(end, "%sconform-%016" PRIx64, *cfg.prefix ? "/" : "", random);
}

static void set_up(int argc, char **argv)
{
	char why[LC_STORE_WHY_MAX] = "usage: conform URL [--no-cond] [--retry] [OPTION=VALUE...]";
	struct lc_retry_cfg retry_cfg;
	char *value;
	int i, ret;

	lc_store_cfg_init(&cfg);
	ret = argc < 2 || lc_store_cfg_url(&cfg, argv[1], why);
	cfg.part_size = 5 << 20;
	for (i = 2; !ret && i < argc; i++) {
		value = strchr(argv[i], '=');
		no_cond |= !strcmp(argv[i], "--no-cond");
		retry |= !strcmp(argv[i], "--retry");
		if (!value)
			continue;
		*value++ = '\0';
		ret = lc_store_cfg_set(&cfg, argv[i], value, why);
	}
	if (cfg.kind == LC_STORE_KIND_S3)
		own_prefix();
	loop = lc_loop_new();
	store = ret ? NULL : lc_store_open(loop, &cfg, why);
	if (!store) {
		printf("Bail out! %s\n", why);
		exit(1);
	}
	lc_retry_cfg_init(&retry_cfg);
	if (retry)
		store = lc_store_retry_new(store, &retry_cfg);
}

int main(int argc, char **argv)
{
	set_up(argc, argv);
	RUN(put_and_get);
	RUN(pieces_are_put_together);
	RUN(ranges);
	if (!retry)
		RUN(a_range_ends_with_the_object);
	RUN(a_buffer_smaller_than_the_object);
	RUN(empty_objects);
	RUN(what_is_not_there);
	RUN(head_knows_size_and_tag);
	RUN(put_replaces_and_delete_removes);
	RUN(every_kind_of_key);
	if (!retry)
		RUN(keys_that_are_none);
	RUN(large_objects);
	RUN(listings_are_in_byte_order);
	RUN(listings_can_be_ended);
	RUN(more_than_a_page);
	RUN(cancelled_requests_are_answered);
	RUN(conditions_are_found_out);
	if (no_cond) {
		RUN(without_conditions_it_says_so);
	} else {
		RUN(only_if_absent);
		RUN(only_if_unchanged);
		RUN(of_eight_one_is_first);
		RUN(of_eight_one_replaces);
	}
	if (cfg.kind == LC_STORE_KIND_S3) {
		RUN(an_object_in_parts);
		if (!no_cond)
			RUN(a_condition_on_parts);
		if (!retry)
			RUN(wrong_keys_are_denied);
	}
	RUN(all_can_be_removed);
	store->ops->free(store);
	lc_loop_free(loop);
	return tap_done();
}
