// SPDX-License-Identifier: GPL-2.0-only
/* What is particular to directories; what all stores do is in conform.c. */

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "loop.h"
#include "store_file.h"
#include "tap.h"

static char dir[] = "/tmp/lc-file-XXXXXX";
static struct lc_loop *loop;
static struct lc_store *store;
static char listed[4096];

static bool note(struct lc_store_req *req, const char *key, uint64_t size)
{
	snprintf(listed + strlen(listed), sizeof(listed) - strlen(listed), "%s:%u ", key,
		 (unsigned int)size);
	return true;
}

static enum lc_store_status list(const char *prefix)
{
	struct lc_store_req req = { .op = LC_STORE_LIST, .list = note };

	strcpy(req.key, prefix);
	listed[0] = '\0';
	return lc_store_wait(store, &req);
}

static enum lc_store_status put(const char *key, const char *text, uint32_t flags, char *etag)
{
	struct iovec iov = { (char *)text, strlen(text) };
	struct lc_store_req req = { .op = LC_STORE_PUT, .iov = &iov, .nr_iov = 1, .flags = flags };

	strcpy(req.key, key);
	if (flags & LC_STORE_IF_MATCH)
		strcpy(req.etag, etag);
	lc_store_wait(store, &req);
	if (etag && req.status == LC_STORE_OK)
		strcpy(etag, req.etag);
	return req.status;
}

static char *path(const char *name)
{
	static char buf[256];

	snprintf(buf, sizeof(buf), "%s/%s", dir, name);
	return buf;
}

static void objects_are_plain_files(void)
{
	char buf[16] = "";
	int fd;

	CHECK(put("data/1/0001", "hello", 0, NULL) == LC_STORE_OK);
	fd = open(path("data/1/0001"), O_RDONLY);
	CHECK(fd >= 0 && read(fd, buf, sizeof(buf)) == 5 && !strcmp(buf, "hello"));
	close(fd);
}

static void nothing_is_left_under_way(void)
{
	CHECK(put("a", "x", LC_STORE_IF_ABSENT, NULL) == LC_STORE_OK);
	CHECK(put("a", "y", LC_STORE_IF_ABSENT, NULL) == LC_STORE_PRECOND);
	CHECK(!rmdir(path(".tmp")));
	CHECK(!mkdir(path(".tmp"), 0700));
}

/* '-' < '.' < '/' < '0' */
static void listings_are_in_byte_order(void)
{
	CHECK(put("l/a/b", "1", 0, NULL) == LC_STORE_OK);
	CHECK(put("l/a0", "1", 0, NULL) == LC_STORE_OK);
	CHECK(put("l/a-b", "22", 0, NULL) == LC_STORE_OK);
	CHECK(put("l/a.b", "", 0, NULL) == LC_STORE_OK);
	CHECK(list("l/") == LC_STORE_OK);
	CHECK(!strcmp(listed, "l/a-b:2 l/a.b:0 l/a/b:1 l/a0:1 "));
	CHECK(list("l/a/") == LC_STORE_OK);
	CHECK(!strcmp(listed, "l/a/b:1 "));
	CHECK(list("l/a.") == LC_STORE_OK);
	CHECK(!strcmp(listed, "l/a.b:0 "));
	CHECK(list("l/a/bc") == LC_STORE_OK && !*listed);
	CHECK(list("nothing/here") == LC_STORE_OK && !*listed);
}

static void what_is_no_object_is_not_listed(void)
{
	CHECK(!mkdir(path("l/empty"), 0700));
	CHECK(!mkfifo(path("l/pipe"), 0600));
	CHECK(!mkdir(path("lost+found"), 0700));
	CHECK(list("l/p") == LC_STORE_OK && !*listed);
	CHECK(list("l/e") == LC_STORE_OK && !*listed);
	CHECK(list("") == LC_STORE_OK && !strstr(listed, ".tmp") && !strstr(listed, ".lock"));
}

static void no_key_leads_out_of_the_directory(void)
{
	static const char * const bad[] = {
		"", "/etc/passwd", "../x", "a/../../x", ".tmp/x", "a//b", "a/", "a b", "a\n", "a\\b",
	};
	unsigned int i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK(put(bad[i], "x", 0, NULL) == LC_STORE_FAILED);
	CHECK(list("../") == LC_STORE_FAILED);
}

static void a_key_that_is_a_directory(void)
{
	struct lc_store_req req = { .op = LC_STORE_HEAD, .key = "l/a" };

	CHECK(lc_store_wait(store, &req) == LC_STORE_NOT_FOUND);
	CHECK(put("l/a", "x", 0, NULL) == LC_STORE_FAILED);
	CHECK(put("l/a0/b", "x", 0, NULL) == LC_STORE_FAILED);
}

static void tags_of_a_changed_object_do_not_match(void)
{
	char first[LC_STORE_ETAG_MAX], second[LC_STORE_ETAG_MAX];

	CHECK(put("m", "1", 0, first) == LC_STORE_OK);
	strcpy(second, first);
	CHECK(put("m", "2", LC_STORE_IF_MATCH, second) == LC_STORE_OK);
	CHECK(strcmp(first, second));
	CHECK(put("m", "3", LC_STORE_IF_MATCH, first) == LC_STORE_PRECOND);
	CHECK(put("none", "3", LC_STORE_IF_MATCH, first) == LC_STORE_PRECOND);
}

static unsigned int nr_done;

static void count_done(struct lc_store_req *req)
{
	nr_done++;
}

/* As many as are uploaded at a time; opening a pipe takes until somebody writes to it. */
static void what_hangs_is_passed(void)
{
	struct lc_store_req req[32] = { 0 };
	char buf[16];
	unsigned int i;
	int fd;

	CHECK(!mkfifo(path("pipe"), 0600));
	for (i = 0; i < 32; i++) {
		req[i] = (struct lc_store_req){ .op = LC_STORE_GET, .buf = buf, .buf_len = 16,
						.done = count_done };
		strcpy(req[i].key, "pipe");
		store->ops->submit(store, &req[i]);
	}
	/* Or it would wait for them, without end. */
	alarm(60);
	CHECK(put("passes", "x", 0, NULL) == LC_STORE_OK && !nr_done);
	alarm(0);
	fd = open(path("pipe"), O_RDWR | O_NONBLOCK);
	CHECK(fd >= 0);
	while (nr_done < 32)
		lc_loop_turn(loop, -1);
	close(fd);
	for (i = 0; i < 32; i++)
		CHECK(req[i].status == LC_STORE_NOT_FOUND);
}

static void errors_say_what_and_where(void)
{
	char why[LC_STORE_WHY_MAX];

	CHECK(!lc_store_file_new(loop, "/nonexistent/dir", why));
	CHECK(strstr(why, "/nonexistent/dir") && strstr(why, "there already"));
}

int main(void)
{
	char why[LC_STORE_WHY_MAX], cmd[300];

	REQUIRE(mkdtemp(dir));
	loop = lc_loop_new();
	store = lc_store_file_new(loop, dir, why);
	REQUIRE(store);
	RUN(objects_are_plain_files);
	RUN(nothing_is_left_under_way);
	RUN(listings_are_in_byte_order);
	RUN(what_is_no_object_is_not_listed);
	RUN(no_key_leads_out_of_the_directory);
	RUN(a_key_that_is_a_directory);
	RUN(tags_of_a_changed_object_do_not_match);
	RUN(what_hangs_is_passed);
	RUN(errors_say_what_and_where);
	store->ops->free(store);
	lc_loop_free(loop);
	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	return tap_done() || system(cmd);
}
