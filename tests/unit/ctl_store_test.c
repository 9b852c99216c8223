// SPDX-License-Identifier: GPL-2.0-only
/*
 * logcachectl and volumes in a store, which is a directory here. Needs no root, no
 * module and no logcached.
 */
#include "ctl_run.h"

#define UUID		"6ba7b810-9dad-41d1-80b4-00c04fd430c8"
#define CACHE		"cache.img"
#define FORMAT_NO_URL	"format --cache " CACHE " --yes --size 1G "

/* The shell fills in the rest. */
#define URL		"file:$PWD/store"
#define FORMAT		FORMAT_NO_URL "--origin " URL " --uuid " UUID

/* ctl() of one of several command lines. */
static int ctl_with(const char *base, const char *rest)
{
	char cmd[1024];

	REQUIRE(snprintf(cmd, sizeof(cmd), "%s%s", base, rest) < sizeof(cmd));
	return ctl(cmd);
}

/* No store, no volume, an empty cache. */
static void start(void)
{
	REQUIRE(!system("rm -rf store conf run && mkdir store run"));
	REQUIRE(!system("rm -f " CACHE " && truncate -s 64M " CACHE));
}

/* What there is of the volume on this host and in the store. */
static bool is_known(void)
{
	return !access("conf/volumes.d/" UUID ".conf", F_OK);
}

static bool is_stored(void)
{
	return !access("store/" UUID "/manifest", F_OK);
}

static bool file_says(const char *path, const char *text)
{
	static char buf[65536];
	FILE *f = fopen(path, "r");
	size_t n;

	if (!f)
		return false;
	n = fread(buf, 1, sizeof(buf) - 1, f);
	buf[n] = '\0';
	fclose(f);
	return strstr(buf, text);
}

static bool cache_is_empty(void)
{
	return ctl("check --cache " CACHE) == 2;
}

/*----------------------------------------------------------------
 * format
 *----------------------------------------------------------------
 */

static void format_makes_all_of_a_volume(void)
{
	struct stat st;
	char uuid[64];

	start();
	CHECK(!ctl(FORMAT));
	CHECK(says("for       helper:" UUID ", 1 GiB") && says("volume    file:/"));
	CHECK(is_stored() && is_known());
	CHECK(!stat("conf/volumes.d/" UUID ".conf", &st) && (st.st_mode & 0777) == 0600);
	CHECK(sscanf(strstr(out, "uuid "), "uuid %60s", uuid) == 1);
	CHECK(file_says("conf/volumes.d/" UUID ".conf", uuid));
	CHECK(file_says("conf/volumes.d/" UUID ".conf", "url = file:/"));
	CHECK(!file_says("conf/volumes.d/" UUID ".conf", "no_fencing"));
	CHECK(!ctl("check --cache " CACHE));
}

/* Two volumes in one place; and the first is not touched by a second try. */
static void format_gives_every_volume_a_uuid(void)
{
	start();
	CHECK(!ctl(FORMAT));
	CHECK(!ctl(FORMAT_NO_URL "--force --origin " URL));
	CHECK(!strstr(out, UUID) && is_stored());
	CHECK(ctl(FORMAT " --force") == 1);
	CHECK(says("this host has a volume " UUID " already"));
	REQUIRE(!system("rm -r conf"));
	/* Of another size: the same manifest again would be no harm. */
	CHECK(ctl("format --cache " CACHE " --yes --force --size 2G --origin " URL
		  " --uuid " UUID) == 1);
	CHECK(says("is there already") && says("logcachectl recover"));
	CHECK(!is_known());
}

static void format_changes_nothing_for_bad_input(void)
{
	static const struct {
		const char *options;
		int status;
		const char *text;
	} bad[] = {
		{ "--origin s3://ab/x", 2, "is no name of a bucket" },
		{ "--origin gs://bucket/x", 2, "file:/DIRECTORY, s3://" },
		{ "--origin file:store", 2, "with its whole path" },
		{ "--origin s3://u:p@bucket/x", 2, "secrets do not belong there" },
		{ "--origin s3://bucket/x --endpoint ftp://x", 2, "endpoint: http://HOST" },
		{ "--origin oss://bucket/x", 2, "region: oss needs one" },
		{ "--origin s3://bucket/x --store-option mood=good", 2, "no option 'mood'" },
		{ "--origin s3://bucket/x --store-option mood", 2, "KEY=VALUE, not 'mood'" },
		{ "--origin s3://bucket/x --store-option url=s3://x", 2, "use --origin" },
		{ "--origin s3://bucket/x --store-option endpoint=x", 2, "use --endpoint" },
		{ "--origin s3://bucket/x --store-option cache=" UUID, 2, "'cache' is no option" },
		{ "--origin s3://bucket/x --store-option no_fencing=true", 2,
		  "'no_fencing' is no option" },
		{ "--origin s3://bucket/x --store-option connections=0", 2,
		  "is not a number from 1 to" },
		{ "--origin s3://bucket/x --store-option key_file=keys", 2,
		  "the whole path is needed" },
		{ "--origin s3://bucket/x --store-option ca_file=ca", 2,
		  "the whole path is needed" },
		{ "--origin s3://bucket/x --uuid 1234", 2, "--uuid: '1234' is none" },
		{ "--origin s3://bucket/x --origin-id x", 2, "is its own --origin-id" },
		{ "--origin helper:" UUID " --endpoint http://x", 2,
		  "--endpoint is for an --origin in a store" },
		{ "--origin helper:" UUID " --uuid " UUID, 2, "--uuid is for s3://... only" },
		{ "--origin helper:" UUID " --no-fencing", 2,
		  "--no-fencing is for an --origin in a store" },
		{ "--origin helper:" UUID " --store-option region=x", 2,
		  "--store-option is for an --origin in a store" },
		{ "--origin file:/nowhere/at/all", 1, "/nowhere/at/all" },
	};
	u32 i;

	start();
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		CHECK(ctl_with(FORMAT_NO_URL, bad[i].options) == bad[i].status);
		CHECK(says(bad[i].text));
		CHECK(access("conf", F_OK));
		CHECK(cache_is_empty());
	}
	CHECK(ctl("format --cache " CACHE " --yes --origin " URL) == 2);
	CHECK(says("the size of the volume is needed"));
	CHECK(access("store/" UUID, F_OK));
}

/* Whatever it is called, and it is not repeated. */
static void secrets_are_not_options(void)
{
	static const char * const keys[] = {
		"secret_key=hush", "secret=hush", "access_key=hush", "session_token=hush",
		"password=hush",
	};
	u32 i;

	start();
	for (i = 0; i < ARRAY_SIZE(keys); i++) {
		CHECK(ctl_with(FORMAT_NO_URL "--origin s3://bucket/x --store-option ",
			       keys[i]) == 2);
		CHECK(says("key_file=FILE"));
		CHECK(!strstr(out, "hush"));
	}
	CHECK(!is_known());
}

/* What is left when it fails in the middle is said, and does no harm. */
static void format_that_fails_in_the_middle(void)
{
	start();
	REQUIRE(!system("echo >conf"));
	CHECK(ctl(FORMAT) == 1);
	CHECK(says("cannot be written") && says("logcachectl recover --cache"));
	CHECK(is_stored() && cache_is_empty());
}

int main(void)
{
	ctl_setup();
	setenv("LOGCACHE_CONF_DIR", "conf/volumes.d", 1);
	setenv("LOGCACHE_RUN_DIR", "run", 1);
	RUN(format_makes_all_of_a_volume);
	RUN(format_gives_every_volume_a_uuid);
	RUN(format_changes_nothing_for_bad_input);
	RUN(secrets_are_not_options);
	RUN(format_that_fails_in_the_middle);
	ctl_cleanup();
	return tap_done();
}
