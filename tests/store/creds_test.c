// SPDX-License-Identifier: GPL-2.0-only
/* Keys from files and the environment; the metadata service is in s3_test.c. */

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "creds_priv.h"
#include "loop.h"
#include "tap.h"

static char dir[] = "/tmp/lc-creds-XXXXXX";
static struct lc_loop *loop;
static struct lc_store_cfg cfg;
static struct lc_creds got;
static char why[LC_STORE_WHY_MAX];

static const char *file(const char *name, const char *text, mode_t mode)
{
	static char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	REQUIRE(f);
	fputs(text, f);
	fclose(f);
	chmod(path, mode);
	return path;
}

static void clear_env(void)
{
	static const char * const names[] = {
		"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE",
		"AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE", "OSS_ACCESS_KEY_ID",
		"OSS_ACCESS_KEY_SECRET", "ALIBABA_CLOUD_ACCESS_KEY_ID", "BCE_ACCESS_KEY_ID",
		"TOS_ACCESS_KEY", "MINIO_ACCESS_KEY", "ALIBABA_CLOUD_CREDENTIALS_FILE",
	};
	unsigned int i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		unsetenv(names[i]);
	setenv("HOME", dir, 1);
	lc_store_cfg_init(&cfg);
	memset(&got, 0, sizeof(got));
	why[0] = '\0';
}

static bool is(const char *access, const char *secret, const char *token)
{
	return !strcmp(got.access, access) && !strcmp(got.secret, secret) &&
	       !strcmp(got.token, token);
}

static int load_file(const char *text, mode_t mode)
{
	clear_env();
	strcpy(cfg.key_file, file("keys", text, mode));
	return lc_creds_load_file(&cfg, &got, why);
}

static void key_files(void)
{
	CHECK(!load_file("# keys\n\naccess_key = AK:1\n  secret_key=a/b+c=d \n", 0600));
	CHECK(is("AK:1", "a/b+c=d", "") && !got.expires);
	CHECK(!load_file("access_key=A\nsecret_key=S\nsession_token=T\n"
			 "expires=2026-01-31T12:00:00Z\n", 0400));
	CHECK(is("A", "S", "T") && got.expires == 1769860800);
}

static void key_files_that_cannot_be_used(void)
{
	CHECK(load_file("access_key = AK\nsecret_key = SECRET\n", 0640) == -EACCES);
	CHECK(strstr(why, "chmod 600"));
	CHECK(load_file("access_key = AK\n", 0600) == -EINVAL && strstr(why, "secret_key"));
	CHECK(load_file("access_key = AK\nSECRET\n", 0600) == -EINVAL);
	CHECK(strstr(why, "line 2") && !strstr(why, "SECRET"));
	CHECK(load_file("access_key=A\nsecret_key=S\nexpires=tomorrow\n", 0600) == -EINVAL);
	clear_env();
	sprintf(cfg.key_file, "%s/none", dir);
	CHECK(lc_creds_load_file(&cfg, &got, why) == -EINVAL && strstr(why, "/none"));
	strcpy(cfg.key_file, dir);
	CHECK(lc_creds_load_file(&cfg, &got, why) < 0 && strstr(why, "not a file"));
}

static void long_tokens_are_kept_whole(void)
{
	static char text[20000];
	char *p = text + sprintf(text, "access_key=A\nsecret_key=S\nsession_token=");

	memset(p, 't', 5000);
	CHECK(!load_file(text, 0600) && strlen(got.token) == 5000);
	memset(p, 't', 9000);
	CHECK(load_file(text, 0600) == -EINVAL && strstr(why, "too long"));
	memset(p, 't', 19000);
	CHECK(load_file(text, 0600) == -EINVAL);
}

static void the_environment(void)
{
	clear_env();
	CHECK(lc_creds_load_env(&cfg, &got, why) == -ENOENT);
	setenv("OSS_ACCESS_KEY_ID", "OA", 1);
	CHECK(lc_creds_load_env(&cfg, &got, why) == -EINVAL);
	CHECK(strstr(why, "OSS_ACCESS_KEY_SECRET"));
	setenv("OSS_ACCESS_KEY_SECRET", "OS", 1);
	CHECK(!lc_creds_load_env(&cfg, &got, why) && is("OA", "OS", ""));
	setenv("AWS_ACCESS_KEY_ID", "A", 1);
	setenv("AWS_SECRET_ACCESS_KEY", "S", 1);
	setenv("AWS_SESSION_TOKEN", "T", 1);
	CHECK(!lc_creds_load_env(&cfg, &got, why) && is("A", "S", "T"));
}

static const char credentials[] =
	"[default]\naws_access_key_id = DA\naws_secret_access_key = DS\n"
	"[work]\naws_access_key_id = WA\naws_secret_access_key = WS\naws_session_token = WT\n"
	"credential_process = /bin/false\n";

static void profiles(void)
{
	clear_env();
	setenv("AWS_SHARED_CREDENTIALS_FILE", file("credentials", credentials, 0600), 1);
	CHECK(!lc_creds_load_profile(&cfg, &got, why) && is("DA", "DS", ""));
	setenv("AWS_PROFILE", "work", 1);
	CHECK(!lc_creds_load_profile(&cfg, &got, why) && is("WA", "WS", "WT"));
	strcpy(cfg.profile, "default");
	CHECK(!lc_creds_load_profile(&cfg, &got, why) && is("DA", "DS", ""));
	strcpy(cfg.profile, "none");
	CHECK(lc_creds_load_profile(&cfg, &got, why) == -ENOENT && strstr(why, "none"));
}

static void profiles_in_other_files(void)
{
	char path[256];

	clear_env();
	setenv("AWS_CONFIG_FILE", file("config", "[profile work]\naws_access_key_id=CA\n"
		"aws_secret_access_key=CS\n[default]\nregion=x\naws_access_key_id=DA\n"
		"aws_secret_access_key=DS\n", 0600), 1);
	/* Without keys it does not matter who can read it. */
	file("exposed", "[default]\nregion=x\n", 0644);
	sprintf(path, "%s/exposed", dir);
	setenv("AWS_SHARED_CREDENTIALS_FILE", path, 1);
	CHECK(!lc_creds_load_profile(&cfg, &got, why) && is("DA", "DS", ""));
	strcpy(cfg.profile, "work");
	CHECK(!lc_creds_load_profile(&cfg, &got, why) && is("CA", "CS", ""));
	clear_env();
	file(".ossutilconfig", "[Credentials]\nlanguage=EN\naccessKeyID=OA\n"
	     "accessKeySecret=OS\nstsToken=OT\n", 0600);
	CHECK(!lc_creds_load_profile(&cfg, &got, why) && is("OA", "OS", "OT"));
	file(".ossutilconfig", "", 0600);
}

static void metadata_answers(void)
{
	static const char good[] = "{\"Code\":\"Success\",\"AccessKeyId\":\"A\",\"SecretAccessKey\":"
		"\"S\",\"Token\":\"T\",\"Expiration\":\"2026-01-31T12:00:00Z\"}";
	static const char * const bad[] = {
		"", "{}", "[]", "null", "{\"AccessKeyId\":1}", "{\"Code\":\"Failed\"}",
		"{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"S\",\"Token\":\"T\"}",
		"{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"S\",\"Token\":\"T\",\"Expiration\":\"x\"}",
	};
	unsigned int i;

	CHECK(!lc_instance_parse(good, sizeof(good) - 1, 0, &got, why) && is("A", "S", "T"));
	CHECK(lc_instance_parse(good, sizeof(good) - 1, 1, &got, why) == -EINVAL);
	CHECK(is("", "", ""));
	for (i = 0; i < sizeof(good) - 1; i++)
		CHECK(lc_instance_parse(good, i, 0, &got, why) == -EINVAL);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK(lc_instance_parse(bad[i], strlen(bad[i]), 0, &got, why) == -EINVAL);
}

static void times(void)
{
	int64_t t;

	CHECK(lc_creds_time("1970-01-02T00:00:00Z", &t) && t == 86400);
	CHECK(lc_creds_time("1970-01-02T00:00:00.123Z", &t) && t == 86400);
	CHECK(lc_creds_time("1970-01-02T00:00:00+00:00", &t) && t == 86400);
	CHECK(!lc_creds_time("1970-01-02T00:00:00", &t) && !lc_creds_time("", &t));
	CHECK(!lc_creds_time("1970-01-02T00:00:00+01:00", &t));
}

/* --- the chain -------------------------------------------------------------------- */

static unsigned int changes;
static int64_t wall;

static void changed(void *data)
{
	changes++;
}

static int64_t now(void)
{
	return wall;
}

static struct lc_creds_src *source(void)
{
	struct lc_creds_src *src = lc_creds_new(loop, NULL, &cfg, changed, NULL);

	REQUIRE(src);
	lc_creds_set_clock(src, now);
	return src;
}

static enum lc_creds_state state(struct lc_creds_src *src)
{
	const struct lc_creds *creds;
	enum lc_creds_state s = lc_creds_get(src, &creds);

	if (s == LC_CREDS_READY)
		got = *creds;
	return s;
}

static void turn_at(uint64_t ms)
{
	lc_loop_set_now(loop, ms);
	lc_loop_turn(loop, 0);
}

static void a_named_file_is_the_only_one_asked(void)
{
	struct lc_creds_src *src;

	load_file("access_key = AK\n", 0600);
	setenv("AWS_ACCESS_KEY_ID", "A", 1);
	setenv("AWS_SECRET_ACCESS_KEY", "S", 1);
	src = source();
	CHECK(state(src) == LC_CREDS_NONE && strstr(lc_creds_why(src), "secret_key"));
	lc_creds_free(src);
	cfg.key_file[0] = '\0';
	src = source();
	CHECK(state(src) == LC_CREDS_READY && is("A", "S", ""));
	lc_creds_free(src);
}

static void what_cannot_be_used_is_not_passed_over(void)
{
	struct lc_creds_src *src;

	clear_env();
	setenv("AWS_ACCESS_KEY_ID", "A", 1);
	src = source();
	CHECK(state(src) == LC_CREDS_NONE && strstr(lc_creds_why(src), "AWS_SECRET_ACCESS_KEY"));
	lc_creds_free(src);
	clear_env();
	strcpy(cfg.credentials, "magic");
	src = source();
	CHECK(state(src) == LC_CREDS_NONE && strstr(lc_creds_why(src), "profile"));
	lc_creds_free(src);
}

/* A file with an end is read again when three quarters are over. */
static void keys_with_an_end_are_renewed(void)
{
	struct lc_creds_src *src;

	load_file("access_key=A\nsecret_key=S\nexpires=1970-01-01T01:00:00Z\n", 0600);
	wall = 3200;
	turn_at(1000);
	src = source();
	CHECK(state(src) == LC_CREDS_READY && got.generation == 1);
	file("keys", "access_key=A2\nsecret_key=S\nexpires=1970-01-01T02:00:00Z\n", 0600);
	turn_at(1000 + 299 * 1000);
	CHECK(state(src) == LC_CREDS_READY && is("A", "S", ""));
	turn_at(1000 + 300 * 1000);
	CHECK(state(src) == LC_CREDS_READY && is("A2", "S", "") && got.generation == 2);
	/* And nobody renews these. */
	wall = 7200;
	CHECK(state(src) == LC_CREDS_NONE);
	turn_at(10000 * 1000);
	turn_at(10001 * 1000);
	CHECK(state(src) == LC_CREDS_NONE && strstr(lc_creds_why(src), "expired"));
	lc_creds_free(src);
}

static void keys_may_come_later(void)
{
	struct lc_creds_src *src;

	clear_env();
	sprintf(cfg.key_file, "%s/late", dir);
	turn_at(1000);
	src = source();
	CHECK(state(src) == LC_CREDS_NONE);
	file("late", "access_key=A\nsecret_key=S\n", 0600);
	changes = 0;
	turn_at(11000);
	turn_at(11000);
	CHECK(changes && state(src) == LC_CREDS_READY);
	lc_creds_free(src);
}

static void refused_keys_are_looked_at_again(void)
{
	struct lc_creds_src *src;

	load_file("access_key=A\nsecret_key=S\n", 0600);
	turn_at(1000);
	src = source();
	CHECK(state(src) == LC_CREDS_READY);
	turn_at(3000);
	CHECK(!lc_creds_refused(src, got.generation));
	file("keys", "access_key=A2\nsecret_key=S2\n", 0600);
	/* Not more often than once a second. */
	CHECK(!lc_creds_refused(src, got.generation));
	turn_at(4001);
	CHECK(lc_creds_refused(src, got.generation));
	CHECK(state(src) == LC_CREDS_READY && is("A2", "S2", ""));
	CHECK(lc_creds_refused(src, 1));
	lc_creds_free(src);
}

int main(void)
{
	char cmd[300];

	REQUIRE(mkdtemp(dir));
	loop = lc_loop_new();
	RUN(key_files);
	RUN(key_files_that_cannot_be_used);
	RUN(long_tokens_are_kept_whole);
	RUN(the_environment);
	RUN(profiles);
	RUN(profiles_in_other_files);
	RUN(metadata_answers);
	RUN(times);
	RUN(a_named_file_is_the_only_one_asked);
	RUN(what_cannot_be_used_is_not_passed_over);
	RUN(keys_with_an_end_are_renewed);
	RUN(keys_may_come_later);
	RUN(refused_keys_are_looked_at_again);
	lc_loop_free(loop);
	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	return tap_done() || system(cmd);
}
