// SPDX-License-Identifier: GPL-2.0-only
/* URLs, options, and what vendors add. */

#include <errno.h>
#include <string.h>

#include "store_cfg.h"
#include "tap.h"

static struct lc_store_cfg cfg;
static char why[LC_STORE_WHY_MAX];

static int url(const char *u)
{
	lc_store_cfg_init(&cfg);
	why[0] = '\0';
	return lc_store_cfg_url(&cfg, u, why);
}

static int finish(const char *u, const char *name, const char *value)
{
	return url(u) || (name && lc_store_cfg_set(&cfg, name, value, why)) ||
	       lc_store_cfg_finish(&cfg, why);
}

static void directories(void)
{
	CHECK(!url("file:/var/lib/x") && cfg.kind == LC_STORE_KIND_FILE);
	CHECK(!strcmp(cfg.path, "/var/lib/x"));
	CHECK(!url("file:///var/lib/x") && !strcmp(cfg.path, "/var/lib/x"));
	CHECK(url("file:x") && url("file://host/x") && url("file:") && *why);
}

static void buckets(void)
{
	CHECK(!url("s3://bucket") && cfg.kind == LC_STORE_KIND_S3);
	CHECK(!strcmp(cfg.bucket, "bucket") && !*cfg.prefix);
	CHECK(!url("s3://my.bucket-1/a/b_c/D.e/") && !strcmp(cfg.prefix, "a/b_c/D.e"));
	CHECK(!url("s3://bucket/") && !*cfg.prefix);
	CHECK(!url("oss://bucket/p") && !strcmp(cfg.vendor_name, "oss"));
	CHECK(!url("bos://bucket/p") && !url("tos://bucket/p"));
}

static void what_is_no_url(void)
{
	static const char * const bad[] = {
		"", "s3", "s3://", "s3:///p", "s3://ab", "s3://-bucket", "s3://bucket-", "s3://b cket",
		"s3://b?cket", "s3://bucket//p", "s3://bucket/a//b", "s3://bucket/../p",
		"s3://bucket/.p", "s3://bucket/p q", "s3://bucket/p%20", "http://bucket/p", "/dir",
		"s3://aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	};
	unsigned int i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK(url(bad[i]) == -EINVAL && *why);
}

static void a_secret_in_a_url_is_not_repeated(void)
{
	CHECK(url("s3://AKID:SECRET@bucket/p") && !strstr(why, "SECRET") && strstr(why, "secrets"));
}

static void endpoints(void)
{
	CHECK(!finish("s3://bucket", "endpoint", "http://Host.example:9000/"));
	CHECK(!cfg.tls && !strcmp(cfg.host, "host.example:9000"));
	CHECK(!finish("s3://bucket", "endpoint", "https://host:443") && !strcmp(cfg.host, "host"));
	CHECK(!finish("s3://bucket", "endpoint", "http://host:443") && !strcmp(cfg.host, "host:443"));
	CHECK(!finish("s3://bucket", "endpoint", "https://[::1]:80") && cfg.tls);
	CHECK(!strcmp(cfg.host, "[::1]:80"));
	CHECK(finish("s3://bucket", "endpoint", "host:9000") == 1);
	CHECK(finish("s3://bucket", "endpoint", "http://") && finish("s3://bucket", "endpoint", "ftp://h"));
	CHECK(finish("s3://bucket", "endpoint", "http://host/path"));
	CHECK(finish("s3://bucket", "endpoint", "http://user:pw@host"));
	CHECK(finish("s3://bucket", "endpoint", "http://ho st"));
}

static void vendors(void)
{
	CHECK(!finish("s3://bucket", NULL, NULL));
	CHECK(cfg.tls && !strcmp(cfg.host, "s3.us-east-1.amazonaws.com"));
	CHECK(cfg.addressing == LC_ADDRESSING_VIRTUAL && !cfg.vendor->bare_tags);
	CHECK(!finish("s3://bucket", "region", "eu-central-1"));
	CHECK(!strcmp(cfg.host, "s3.eu-central-1.amazonaws.com"));
	CHECK(!finish("oss://bucket", "region", "cn-hangzhou"));
	CHECK(!strcmp(cfg.host, "s3.oss-cn-hangzhou.aliyuncs.com") && cfg.vendor->absent);
	CHECK(!finish("bos://bucket", "region", "bj") && !strcmp(cfg.host, "s3.bj.bcebos.com"));
	CHECK(!finish("tos://bucket", "region", "cn-beijing"));
	CHECK(!strcmp(cfg.host, "tos-s3-cn-beijing.volces.com"));
	CHECK(finish("oss://bucket", NULL, NULL) && strstr(why, "region"));
	CHECK(finish("s3://bucket", "vendor", "ceph") && strstr(why, "endpoint"));
	CHECK(finish("s3://bucket", "vendor", "nobody") && strstr(why, "ceph"));
	CHECK(finish("s3://bucket", "region", "us/../x"));
	CHECK(!finish("s3://bucket", "endpoint", "http://h") && !strcmp(cfg.vendor->name, "s3"));
	CHECK(cfg.addressing == LC_ADDRESSING_PATH);
}

static void addressing(void)
{
	CHECK(!finish("s3://bucket", "addressing", "path"));
	CHECK(cfg.addressing == LC_ADDRESSING_PATH);
	CHECK(!finish("s3://my.bucket", NULL, NULL) && cfg.addressing == LC_ADDRESSING_PATH);
	CHECK(finish("s3://bucket", "addressing", "sideways") && *why);
}

static void numbers_have_bounds(void)
{
	CHECK(!finish("s3://bucket", "part_size", "5242880") && cfg.part_size == 5242880);
	CHECK(finish("s3://bucket", "part_size", "5242879") && strstr(why, "5242880"));
	CHECK(finish("s3://bucket", "part_size", "-1") && finish("s3://bucket", "part_size", "1M"));
	CHECK(finish("s3://bucket", "connections", "0") && finish("s3://bucket", "connections", ""));
	CHECK(finish("s3://bucket", "connections", "99999999999999999999999"));
	CHECK(lc_store_cfg_set(&cfg, "colour", "red", why) == -ENOENT && strstr(why, "colour"));
	CHECK(finish("s3://bucket", "profile", "a\nb"));
}

/* Each option takes what it shows, and shows what it took. */
static void every_option_can_be_printed_and_read(void)
{
	struct lc_store_cfg other;
	const char *name, *help;
	char a[PATH_MAX], b[PATH_MAX];
	unsigned int i;

	lc_store_cfg_init(&cfg);
	for (i = 0; (name = lc_store_cfg_option(i, &help)); i++) {
		CHECK(*help);
		lc_store_cfg_get(&cfg, name, a, sizeof(a));
		if (!*a)
			strcpy(a, "something");
		lc_store_cfg_init(&other);
		CHECK(!lc_store_cfg_set(&other, name, a, why));
		CHECK(!strcmp(lc_store_cfg_get(&other, name, b, sizeof(b)), a));
		/* No other one has changed. */
		CHECK(!lc_store_cfg_set(&cfg, name, a, why));
		CHECK(!memcmp(&cfg, &other, sizeof(cfg)));
		lc_store_cfg_init(&cfg);
	}
	CHECK(i == 14);
}

int main(void)
{
	RUN(directories);
	RUN(buckets);
	RUN(what_is_no_url);
	RUN(a_secret_in_a_url_is_not_repeated);
	RUN(endpoints);
	RUN(vendors);
	RUN(addressing);
	RUN(numbers_have_bounds);
	RUN(every_option_can_be_printed_and_read);
	return tap_done();
}
