// SPDX-License-Identifier: GPL-2.0-only
/* Files of volumes: what they say, and that they are replaced whole. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "logcached/conf.h"
#include "tap.h"

static const uint8_t uuid[16] = {
	0x6b, 0xa7, 0xb8, 0x10, 0x9d, 0xad, 0x41, 0xd1, 0x80, 0xb4, 0, 0xc0, 0x4f, 0xd4, 0x30, 0xc8,
};
#define UUID	"6ba7b810-9dad-41d1-80b4-00c04fd430c8"

static char dir[] = "/tmp/conf-test-XXXXXX";
static char why[LC_STORE_WHY_MAX];
static struct lc_conf conf;

static void path_of(char *path, const char *name)
{
	snprintf(path, PATH_MAX, "%s/%s", dir, name);
}

static void write_named(const char *name, const char *text, mode_t mode)
{
	char path[PATH_MAX];
	FILE *f;

	path_of(path, name);
	f = fopen(path, "w");
	REQUIRE(f);
	fputs(text, f);
	fclose(f);
	REQUIRE(!chmod(path, mode));
}

static int load(const char *text)
{
	write_named(UUID ".conf", text, 0600);
	why[0] = '\0';
	return lc_conf_load(&conf, dir, uuid, why);
}

static void a_file_is_read(void)
{
	CHECK(!load("# mine\n[volume]\nurl = s3://bucket/some/where\nendpoint=http://h:9000\n"
		    "cache = 00112233-4455-6677-8899-AABBCCDDEEFF\nno_fencing = true\n"
		    "upload_bytes = 1048576\ndownload_requests = 7\ngc_target = 55\n"
		    "upload_memory = 33554432\n"));
	CHECK(!memcmp(conf.uuid, uuid, 16) && !strcmp(conf.url, "s3://bucket/some/where"));
	CHECK(!strcmp(conf.store.bucket, "bucket") && !strcmp(conf.store.host, "h:9000"));
	CHECK(conf.cache[0] == 0 && conf.cache[1] == 0x11 && conf.cache[15] == 0xff);
	CHECK(conf.no_fencing && conf.rates.upload_bytes == 1048576 && !conf.rates.upload_requests);
	CHECK(!conf.rates.download_bytes && conf.rates.download_requests == 7 && conf.gc_target == 55);
	CHECK(conf.upload_memory == 33554432);
	CHECK(!load("[volume]\nurl = file:/srv\n") && !conf.no_fencing && !conf.cache[1]);
	CHECK(!conf.after[1]);
	CHECK(!load("[volume]\nurl = file:/srv\nafter = 00112233-4455-6677-8899-aabbccddeeff\n"));
	CHECK(conf.after[15] == 0xff && !conf.cache[15]);
}

static void what_is_wrong_is_named(void)
{
	CHECK(load("url = file:/srv\n") == -EINVAL && strstr(why, "[volume]"));
	CHECK(load("[volume]\nurl = file:/srv\ncolour = red\n") == -EINVAL);
	CHECK(strstr(why, "colour") && strstr(why, UUID ".conf"));
	CHECK(load("[volume]\nno_fencing = true\n") == -EINVAL && strstr(why, "URL"));
	CHECK(load("[volume]\nurl = file:/srv\nno_fencing = yes\n") == -EINVAL);
	CHECK(strstr(why, "true or false"));
	CHECK(load("[volume]\nurl = file:/srv\ncache = 0011\n") == -EINVAL && strstr(why, "0011"));
	CHECK(load("[volume]\nurl = file:/srv\n"
		   "cache = 00112233-4455-6677-8899-aabbccddeefg\n") == -EINVAL);
	CHECK(load("[volume]\nurl = file:/srv\n"
		   "cache = 0011223-34455-6677-8899-aabbccddeeff\n") == -EINVAL);
	CHECK(load("[volume]\nurl = file:/srv\ngc_target = 101\n") == -EINVAL);
	CHECK(load("[volume]\nurl = file:/srv\nupload_memory = 17825791\n") == -EINVAL);
	CHECK(strstr(why, "upload_memory") && strstr(why, "17825792"));
	CHECK(load("[volume]\nurl = file:/srv\nupload_bytes = -1\n") == -EINVAL);
	CHECK(load("[volume]\nurl = file:/srv\nupload_bytes = 1M\n") == -EINVAL);
	CHECK(load("[volume]\nurl = file:srv\n") == -EINVAL && strstr(why, UUID));
	CHECK(load("[volume\n") == -EINVAL && load("[volume]\nurl\n") == -EINVAL);
}

static void nobody_else_may_have_written_it(void)
{
	write_named(UUID ".conf", "[volume]\nurl = file:/srv\n", 0620);
	CHECK(lc_conf_load(&conf, dir, uuid, why) == -EPERM && strstr(why, "chmod 600"));
}

static void a_file_that_is_not_there(void)
{
	CHECK(!lc_conf_remove(dir, uuid, why) && !lc_conf_remove(dir, uuid, why));
	CHECK(lc_conf_load(&conf, dir, uuid, why) == -ENOENT && strstr(why, UUID));
}

/* Each option takes what it shows, and shows what it took. */
static void every_option_can_be_printed_and_read(void)
{
	static const char *const values[] = {
		"file:/a/b", "00112233-4455-6677-8899-aabbccddeeff",
		"00112233-4455-6677-8899-aabbccddee11", "true", "1", "2", "3", "4", "99", "17825792",
	};
	const char *name, *help;
	struct lc_conf other;
	char buf[PATH_MAX];
	unsigned int i, j;

	for (i = 0; (name = lc_conf_option(i, &help)); i++) {
		REQUIRE(i < sizeof(values) / sizeof(values[0]));
		lc_conf_init(&conf, uuid);
		CHECK(*help && !lc_conf_set(&conf, name, values[i], why));
		CHECK(!strcmp(lc_conf_get(&conf, name, buf, sizeof(buf)), values[i]));
		/* No other one has changed. */
		lc_conf_init(&other, uuid);
		for (j = 0; (name = lc_conf_option(j, &help)); j++) {
			char a[PATH_MAX], b[PATH_MAX];

			lc_conf_get(&conf, name, a, sizeof(a));
			lc_conf_get(&other, name, b, sizeof(b));
			CHECK(!strcmp(a, b) == (i != j));
		}
	}
	CHECK(i == 10);
	CHECK(lc_conf_set(&conf, "colour", "red", why) == -ENOENT && strstr(why, "colour"));
}

static void a_saved_file_is_what_it_was(void)
{
	char path[PATH_MAX], text[1024] = "";
	struct lc_conf before;
	struct stat st;
	FILE *f;

	lc_conf_init(&conf, uuid);
	CHECK(!lc_conf_set(&conf, "url", "s3://bucket/p", why));
	CHECK(!lc_conf_set(&conf, "endpoint", "https://h", why));
	CHECK(!lc_conf_set(&conf, "upload_bytes", "5", why));
	CHECK(!lc_conf_save(&conf, dir, why));
	path_of(path, UUID ".conf");
	CHECK(!stat(path, &st) && (st.st_mode & 0777) == 0600);
	f = fopen(path, "r");
	CHECK(f && fread(text, 1, sizeof(text) - 1, f));
	fclose(f);
	/* Nothing that is a default. */
	CHECK(!strcmp(text, "[volume]\nurl = s3://bucket/p\nupload_bytes = 5\nendpoint = https://h\n"));
	CHECK(!lc_conf_finish(&conf, why));
	before = conf;
	CHECK(!lc_conf_load(&conf, dir, uuid, why) && !memcmp(&before, &conf, sizeof(conf)));
	/* And over what was there. */
	conf.rates.upload_bytes = 6;
	CHECK(!lc_conf_save(&conf, dir, why) && !lc_conf_load(&conf, dir, uuid, why));
	CHECK(conf.rates.upload_bytes == 6);
	path_of(path, UUID ".new");
	CHECK(stat(path, &st));
	CHECK(lc_conf_save(&conf, "/proc/none", why) && strstr(why, "/proc/none"));
}

static void see(const uint8_t found[16], void *data)
{
	int *n = data;

	*n += memcmp(found, uuid, 16) ? 100 : 1;
}

static void only_files_with_a_uuid_for_a_name_count(void)
{
	int n = 0;

	write_named(UUID ".conf", "", 0600);
	write_named(UUID ".conf~", "", 0600);
	write_named(UUID ".new", "", 0600);
	write_named("x" UUID ".conf", "", 0600);
	write_named("notes.conf", "", 0600);
	CHECK(!lc_conf_each(dir, see, &n) && n == 1);
	CHECK(!lc_conf_each("/tmp/conf-test-none", see, &n) && n == 1);
	CHECK(lc_conf_each("/proc/self/maps", see, &n) == -ENOTDIR);
}

int main(void)
{
	char cmd[64];

	REQUIRE(mkdtemp(dir));
	RUN(a_file_is_read);
	RUN(what_is_wrong_is_named);
	RUN(nobody_else_may_have_written_it);
	RUN(a_file_that_is_not_there);
	RUN(every_option_can_be_printed_and_read);
	RUN(a_saved_file_is_what_it_was);
	RUN(only_files_with_a_uuid_for_a_name_count);
	snprintf(cmd, sizeof(cmd), "rm -r %s", dir);
	REQUIRE(!system(cmd));
	return tap_done();
}
