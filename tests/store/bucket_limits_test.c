// SPDX-License-Identifier: GPL-2.0-only
/* Limits of buckets: what the file says, and what it changes while volumes run. */

#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "logcached/bucket_limits.h"
#include "logcached/daemon.h"
#include "logcached/log.h"
#include "tap.h"

#define S3	"s3.example.com/data"

static char dir[] = "/tmp/bucket-limits-test-XXXXXX";
static char path[64];
static char said[1024];
static struct lc_daemon d = { .conf_file = path };

/* In place of the daemon's. */
void lc_log(enum lc_log_level level, const char *who, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(said, sizeof(said), fmt, ap);
	va_end(ap);
}

static void reload(const char *text)
{
	FILE *f = fopen(path, "w");

	REQUIRE(f && fputs(text, f) >= 0 && !fclose(f));
	said[0] = '\0';
	lc_bucket_limits_reload(&d);
}

static struct lc_bucket_limits *of(const char *url, const char *endpoint)
{
	char why[LC_STORE_WHY_MAX];
	struct lc_store_cfg cfg;

	lc_store_cfg_init(&cfg);
	REQUIRE(!lc_store_cfg_url(&cfg, url, why));
	REQUIRE(!endpoint || !lc_store_cfg_set(&cfg, "endpoint", endpoint, why));
	REQUIRE(!lc_store_cfg_finish(&cfg, why));
	return lc_bucket_limits_of(&d, &cfg);
}

static void setup(void)
{
	d.loop = lc_loop_new();
	lc_loop_set_now(d.loop, 1000);
	INIT_LIST_HEAD(&d.buckets);
}

static void teardown(void)
{
	lc_bucket_limits_free(&d);
	lc_loop_free(d.loop);
}

static void a_bucket_is_server_and_name(void)
{
	struct lc_bucket_limits *b = of("s3://data/one", "https://S3.example.com:443/");

	CHECK(b && !strcmp(b->name, S3));
	CHECK(of("s3://data/two", "http://s3.example.com") == b);
	CHECK(of("s3://data", "https://s3.example.com:9000") != b);
	CHECK(of("s3://other/one", "https://s3.example.com") != b);
	CHECK(!strcmp(of("s3://data/x", NULL)->name, "s3.us-east-1.amazonaws.com/data"));
	CHECK(of("file:/srv/a/", NULL) == of("file:///srv/a", NULL));
	CHECK(of("file:/srv/a", NULL) != of("file:/srv/b", NULL));
	CHECK(!strcmp(of("file:/srv/a", NULL)->name, "file:/srv/a"));
	CHECK(lc_bucket_limits_find(&d, S3) == b && !lc_bucket_limits_find(&d, "x/y"));
}

static void the_file_sets_them(void)
{
	struct lc_bucket_limits *b;

	reload("[bucket " S3 "]\nupload_bytes = 1000\ndownload_requests = 7\n"
	       "[bucket file:/srv/a b]\nupload_requests = 3\n");
	CHECK(!*said);
	b = of("s3://data/one", "https://s3.example.com");
	CHECK(b->share.limits.bytes[LC_UP].rate == 1000);
	CHECK(b->share.limits.requests[LC_DOWN].rate == 7);
	CHECK(!b->share.limits.bytes[LC_DOWN].rate && !b->share.limits.requests[LC_UP].rate);
	b = lc_bucket_limits_find(&d, "file:/srv/a b");
	CHECK(b && b->share.limits.requests[LC_UP].rate == 3 && lc_bucket_limits_matter(b));
}

/* Of a bucket that is used: the same one, with other limits. */
static void another_file_changes_them(void)
{
	struct lc_bucket_limits *b = of("s3://data/one", "https://s3.example.com");

	CHECK(!lc_bucket_limits_matter(b));
	reload("[bucket " S3 "]\nupload_bytes = 1000\n");
	CHECK(of("s3://data/one", "https://s3.example.com") == b);
	CHECK(b->share.limits.bytes[LC_UP].rate == 1000 && lc_bucket_limits_matter(b));
	reload("[bucket " S3 "]\ndownload_bytes = 5\n");
	CHECK(!b->share.limits.bytes[LC_UP].rate && b->share.limits.bytes[LC_DOWN].rate == 5);
	reload("");
	CHECK(!b->share.limits.bytes[LC_DOWN].rate && !lc_bucket_limits_matter(b));
	reload("[bucket " S3 "]\nupload_bytes = 1000\n");
	REQUIRE(!unlink(path));
	lc_bucket_limits_reload(&d);
	CHECK(!*said && !b->share.limits.bytes[LC_UP].rate);
}

static void what_is_wrong_is_named_and_changes_nothing(void)
{
	static const struct {
		const char *text;
		const char *why;
	} bad[] = {
		{ "upload_bytes = 1\n", "not below [bucket" },
		{ "[volume]\nupload_bytes = 1\n", "not below [bucket" },
		{ "[bucket data]\nupload_bytes = 1\n", "SERVER/BUCKET" },
		{ "[bucket s3://data]\nupload_bytes = 1\n", "SERVER/BUCKET" },
		{ "[bucket h/data/x]\nupload_bytes = 1\n", "SERVER/BUCKET" },
		{ "[bucket /data]\nupload_bytes = 1\n", "SERVER/BUCKET" },
		{ "[bucket " S3 "]\ncolour = red\n", "no limit 'colour'" },
		{ "[bucket " S3 "]\ngc_target = 1\n", "no limit 'gc_target'" },
		{ "[bucket " S3 "]\nupload_bytes = 1M\n", "is not a number" },
		{ "[bucket " S3 "]\nupload_bytes = -1\n", "is not a number" },
		{ "[bucket " S3 "]\ndownload_bytes = 2\n[bucket\n", "line 3" },
	};
	struct lc_bucket_limits *b = of("s3://data/one", "https://s3.example.com");
	unsigned int i;

	reload("[bucket " S3 "]\nupload_bytes = 1000\n");
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		reload(bad[i].text);
		if (!strstr(said, bad[i].why))
			printf("# %s: %s\n", bad[i].text, said);
		CHECK(strstr(said, bad[i].why) && strstr(said, path));
		CHECK(b->share.limits.bytes[LC_UP].rate == 1000);
		CHECK(!b->share.limits.bytes[LC_DOWN].rate);
	}
}

static void one_is_set_until_the_file_says_otherwise(void)
{
	struct lc_bucket_limits *b = of("s3://data/one", "https://s3.example.com");
	char why[LC_STORE_WHY_MAX];

	reload("[bucket " S3 "]\nupload_bytes = 1000\n");
	CHECK(!lc_bucket_limits_set(b, "upload_bytes", "50", why));
	CHECK(!lc_bucket_limits_set(b, "upload_requests", "9", why));
	CHECK(b->share.limits.bytes[LC_UP].rate == 50);
	CHECK(b->share.limits.requests[LC_UP].rate == 9);
	CHECK(lc_bucket_limits_set(b, "upload_bytes", "much", why) && strstr(why, "much"));
	CHECK(lc_bucket_limits_set(b, "url", "s3://x", why) && strstr(why, "url"));
	CHECK(b->share.limits.bytes[LC_UP].rate == 50);
	/* The same file, and one that has another value of something else. */
	reload("[bucket " S3 "]\nupload_bytes = 1000\n");
	reload("[bucket " S3 "]\nupload_bytes = 1000\ndownload_bytes = 3\n");
	CHECK(b->share.limits.bytes[LC_UP].rate == 50);
	CHECK(b->share.limits.requests[LC_UP].rate == 9);
	CHECK(b->share.limits.bytes[LC_DOWN].rate == 3);
	reload("[bucket " S3 "]\nupload_bytes = 2000\n");
	CHECK(b->share.limits.bytes[LC_UP].rate == 2000);
	CHECK(b->share.limits.requests[LC_UP].rate == 9 && !b->share.limits.bytes[LC_DOWN].rate);
	reload("");
	CHECK(!b->share.limits.bytes[LC_UP].rate);
}

static void a_bucket_has_one_name(void)
{
	static const struct {
		const char *written;
		const char *name;
	} names[] = {
		{ "S3.Example.COM/data", S3 }, { "s3.example.com:443/data", S3 },
		{ "s3.example.com:80/data", S3 }, { "s3.example.com/data/", S3 },
		{ "S3.example.com:443/data//", S3 },
		{ "file:/srv/a/", "file:/srv/a" }, { "file:///srv/a", "file:/srv/a" },
		{ "s3.example.com:9000/data/", "s3.example.com:9000/data" },
	};
	char text[128], endpoint[128];
	unsigned int i;

	of("s3://data/one", "https://s3.example.com");
	of("s3://data/one", "http://S3.example.com:9000");
	of("file:/srv/a", NULL);
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(text, sizeof(text), "[bucket %s]\nupload_bytes = %u\n", names[i].written,
			 i + 1);
		reload(text);
		CHECK(!*said);
		CHECK(lc_bucket_limits_find(&d, names[i].written) ==
		      lc_bucket_limits_find(&d, names[i].name));
		CHECK(lc_bucket_limits_find(&d, names[i].name)->share.limits.bytes[LC_UP].rate ==
		      i + 1);
	}
	/* The port is the other scheme's: it is the same server all the same. */
	snprintf(endpoint, sizeof(endpoint), "http://s3.example.com:443");
	CHECK(of("s3://data/one", endpoint) == lc_bucket_limits_find(&d, S3));
}

static void a_bucket_of_no_volume_is_told_of(void)
{
	of("s3://data/one", "https://s3.example.com");
	reload("[bucket " S3 "]\nupload_bytes = 1000\n[bucket file:/srv/x]\nupload_bytes = 1\n");
	lc_bucket_limits_warn(&d);
	CHECK(strstr(said, "no volume here is in [bucket file:/srv/x]") && strstr(said, path));
	said[0] = '\0';
	of("file:/srv/x", NULL);
	lc_bucket_limits_warn(&d);
	CHECK(!*said);
	reload("[bucket file:/srv/y]\nupload_bytes = 1\n");
	reload("");
	lc_bucket_limits_warn(&d);
	CHECK(!*said);
}

#define RUN_ON(test) do { setup(); RUN(test); teardown(); } while (0)

int main(void)
{
	REQUIRE(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/logcached.conf", dir);
	RUN_ON(a_bucket_is_server_and_name);
	RUN_ON(the_file_sets_them);
	RUN_ON(another_file_changes_them);
	RUN_ON(what_is_wrong_is_named_and_changes_nothing);
	RUN_ON(one_is_set_until_the_file_says_otherwise);
	RUN_ON(a_bucket_has_one_name);
	RUN_ON(a_bucket_of_no_volume_is_told_of);
	unlink(path);
	REQUIRE(!rmdir(dir));
	return tap_done();
}
