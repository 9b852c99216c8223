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

static void one_is_set_until_the_file_is_read(void)
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
	reload("[bucket " S3 "]\nupload_bytes = 1000\n");
	CHECK(b->share.limits.bytes[LC_UP].rate == 1000);
	CHECK(!b->share.limits.requests[LC_UP].rate);
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
	RUN_ON(one_is_set_until_the_file_is_read);
	unlink(path);
	REQUIRE(!rmdir(dir));
	return tap_done();
}
