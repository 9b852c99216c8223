// SPDX-License-Identifier: GPL-2.0-only
/*
 * The S3 store and libcurl against a server that misbehaves: fault_server.py,
 * where the last part of the path says how.
 */
#include <stdarg.h>
#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "loop.h"
#include "open.h"
#include "tap.h"

static char dir[] = "/tmp/lc-s3-XXXXXX";
static unsigned int port, tls_port;
static int server_stdin;
static pid_t server;
static struct lc_loop *loop;
static struct lc_store *store;
static struct lc_store_req req;
static char buf[65536];

/* --- the server ----------------------------------------------------------------- */

static void sh(const char *fmt, ...)
{
	char cmd[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(cmd, sizeof(cmd), fmt, ap);
	va_end(ap);
	REQUIRE(!system(cmd));
}

static const char *path(const char *name)
{
	static char p[4][256];
	static int nr;

	nr = (nr + 1) % 4;
	snprintf(p[nr], sizeof(p[nr]), "%s/%s", dir, name);
	return p[nr];
}

static void make_certificates(void)
{
	sh("cd %s && openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost "
	   "-addext subjectAltName=IP:127.0.0.1,DNS:localhost -keyout key -out ca 2>/dev/null && "
	   "cat key ca >pem && openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=other "
	   "-addext subjectAltName=DNS:other.example -keyout key2 -out ca2 2>/dev/null", dir);
}

static void start_server(void)
{
	int in[2], out[2];
	FILE *f;

	REQUIRE(!pipe(in) && !pipe(out));
	fcntl(in[1], F_SETFD, FD_CLOEXEC);
	server = fork();
	if (!server) {
		dup2(in[0], 0);
		dup2(out[1], 1);
		execl("fault_server.py", "fault_server.py", path("pem"), NULL);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	server_stdin = in[1];
	f = fdopen(out[0], "r");
	REQUIRE(f && fscanf(f, "%u %u", &port, &tls_port) == 2);
	fclose(f);
}

static void stop_server(void)
{
	close(server_stdin);
	waitpid(server, NULL, 0);
}

/* A plain request besides the store; the body of the answer is in buf. */
static void ask(const char *url)
{
	char request[256];
	size_t len = 0, n;
	FILE *p;

	snprintf(request, sizeof(request), "curl -s 'http://127.0.0.1:%u%s'", port, url);
	p = popen(request, "r");
	REQUIRE(p);
	while ((n = fread(buf + len, 1, sizeof(buf) - len - 1, p)) > 0)
		len += n;
	buf[len] = '\0';
	pclose(p);
}

/* --- stores ----------------------------------------------------------------------- */

static void set(struct lc_store_cfg *cfg, const char *name, const char *value)
{
	char why[LC_STORE_WHY_MAX];

	if (lc_store_cfg_set(cfg, name, value, why)) {
		printf("# %s\n", why);
		REQUIRE(false);
	}
}

/* Of option and value pairs, ended by NULL. */
static struct lc_store *open_with(const char *url, const char * const *options)
{
	char why[LC_STORE_WHY_MAX], endpoint[64];
	struct lc_store_cfg cfg;
	struct lc_store *s;

	lc_store_cfg_init(&cfg);
	REQUIRE(!lc_store_cfg_url(&cfg, url, why));
	snprintf(endpoint, sizeof(endpoint), "http://127.0.0.1:%u", port);
	set(&cfg, "endpoint", endpoint);
	set(&cfg, "key_file", path("keys"));
	set(&cfg, "request_ms", "3000");
	for (; *options; options += 2)
		set(&cfg, options[0], options[1]);
	s = lc_store_open(loop, &cfg, why);
	if (!s)
		printf("# %s\n", why);
	REQUIRE(s);
	return s;
}

#define OPEN(url, ...)	open_with(url, (const char *[]){ __VA_ARGS__, NULL })

static enum lc_store_status run(enum lc_store_op op, const char *key)
{
	req.op = op;
	snprintf(req.key, sizeof(req.key), "%s", key);
	lc_store_wait(store, &req);
	if (req.status != LC_STORE_OK)
		printf("# %s (%s)\n", req.why, lc_store_status_name(req.status));
	return req.status;
}

static enum lc_store_status get(const char *key, uint64_t offset, uint64_t len)
{
	memset(buf, '-', sizeof(buf));
	req.buf = buf;
	req.buf_len = sizeof(buf);
	req.offset = offset;
	req.len = len;
	return run(LC_STORE_GET, key);
}

static enum lc_store_status put(const char *key, uint32_t flags)
{
	static struct iovec iov = { "hello", 5 };

	req.iov = &iov;
	req.nr_iov = 1;
	req.flags = flags;
	return run(LC_STORE_PUT, key);
}

static unsigned int listed;

static bool note(struct lc_store_req *r, const char *key, uint64_t size)
{
	listed++;
	return true;
}

static enum lc_store_status list(const char *key)
{
	listed = 0;
	req.list = note;
	return run(LC_STORE_LIST, key);
}

/* --- status ------------------------------------------------------------------------- */

static void answers_of_reads(void)
{
	static const struct {
		const char *key;
		enum lc_store_status status;
	} t[] = {
		{ "s404-NoSuchKey", LC_STORE_NOT_FOUND },
		/* Nobody who answers like that knows our objects. */
		{ "s404-NoSuchBucket", LC_STORE_FAILED }, { "s404", LC_STORE_FAILED },
		{ "s403-AccessDenied", LC_STORE_DENIED }, { "s403", LC_STORE_DENIED },
		{ "s401", LC_STORE_DENIED }, { "s403-RequestTimeTooSkewed", LC_STORE_DENIED },
		{ "s403-InvalidObjectState", LC_STORE_UNREADABLE },
		{ "s403-QuotaExceeded", LC_STORE_FAILED },
		{ "s400-ExpiredToken", LC_STORE_DENIED }, { "s400-Other", LC_STORE_FAILED },
		{ "s416-InvalidRange", LC_STORE_RANGE }, { "s429", LC_STORE_BUSY },
		{ "s503-SlowDown", LC_STORE_BUSY }, { "s503", LC_STORE_BUSY },
		{ "s500-InternalError", LC_STORE_FAILED }, { "s502", LC_STORE_FAILED },
		{ "s501-NotImplemented", LC_STORE_FAILED }, { "s418", LC_STORE_FAILED },
		{ "moved", LC_STORE_FAILED }, { "not-http", LC_STORE_FAILED },
		{ "no-answer", LC_STORE_FAILED },
	};
	unsigned int i;

	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++)
		CHECK(get(t[i].key, 0, 10) == t[i].status);
}

static void answers_of_writes(void)
{
	static const struct {
		const char *key;
		uint32_t flags;
		enum lc_store_status status;
	} t[] = {
		{ "s412-PreconditionFailed", LC_STORE_IF_ABSENT, LC_STORE_PRECOND },
		{ "s412-PreconditionFailed", LC_STORE_IF_MATCH, LC_STORE_PRECOND },
		{ "s412-PreconditionFailed", 0, LC_STORE_FAILED },
		{ "s409-FileAlreadyExists", LC_STORE_IF_ABSENT, LC_STORE_PRECOND },
		{ "s409-ConditionalRequestConflict", LC_STORE_IF_ABSENT, LC_STORE_BUSY },
		{ "s404-NoSuchKey", LC_STORE_IF_MATCH, LC_STORE_PRECOND },
		{ "s404-NoSuchBucket", LC_STORE_IF_ABSENT, LC_STORE_FAILED },
		{ "s501-NotImplemented", LC_STORE_IF_ABSENT, LC_STORE_NO_COND },
		{ "s501-NotImplemented", 0, LC_STORE_FAILED },
		{ "s500-InternalError", 0, LC_STORE_UNKNOWN },
		{ "s502", 0, LC_STORE_UNKNOWN }, { "s504", 0, LC_STORE_UNKNOWN },
		{ "s503-SlowDown", 0, LC_STORE_BUSY }, { "s429", 0, LC_STORE_BUSY },
		{ "s400-BadDigest", 0, LC_STORE_FAILED },
		{ "s403-AccessDenied", 0, LC_STORE_DENIED },
		/* All of it was sent: who knows what became of it? */
		{ "no-answer", 0, LC_STORE_UNKNOWN }, { "not-http", 0, LC_STORE_UNKNOWN },
	};
	unsigned int i;

	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++)
		CHECK(put(t[i].key, t[i].flags) == t[i].status);
	CHECK(run(LC_STORE_DELETE, "s500-InternalError") == LC_STORE_UNKNOWN);
	CHECK(run(LC_STORE_DELETE, "s404-NoSuchKey") == LC_STORE_OK);
	CHECK(run(LC_STORE_DELETE, "s404-NoSuchBucket") == LC_STORE_FAILED);
	CHECK(run(LC_STORE_HEAD, "s404") == LC_STORE_NOT_FOUND);
	CHECK(run(LC_STORE_HEAD, "s403") == LC_STORE_DENIED);
}

static void messages_say_what_to_do(void)
{
	CHECK(get("moved", 0, 1) == LC_STORE_FAILED);
	CHECK(strstr(req.why, "GET moved") && strstr(req.why, "eu-west-7"));
	CHECK(strstr(req.why, "check endpoint and region"));
	CHECK(get("s404-NoSuchBucket", 0, 1) && strstr(req.why, "create the bucket"));
	CHECK(get("s403-RequestTimeTooSkewed", 0, 1) && strstr(req.why, "set the clock"));
	/* A server's text reaches a terminal: no control characters. */
	CHECK(get("nosy", 0, 1) == LC_STORE_DENIED && !strchr(req.why, '\x1b'));
}

/* --- ranges and bytes ------------------------------------------------------------------ */

static void right_ranges(void)
{
	CHECK(get("good", 0, 100) == LC_STORE_OK && req.got == 100 && req.size == 10240);
	CHECK(get("good", 300, 10) == LC_STORE_OK && buf[0] == 44 && buf[9] == 53 && buf[10] == '-');
	CHECK(get("good", 10000, 1000) == LC_STORE_OK && req.got == 240);
}

static void wrong_ranges_are_noticed(void)
{
	static const char * const keys[] = {
		"whole", "elsewhere", "shorter", "longer", "nonsense", "backwards", "beyond", "star",
		"huge", "lying",
	};
	unsigned int i;

	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		CHECK(get(keys[i], 0, 100) == LC_STORE_CORRUPT);
		/* Nothing behind what was asked for was touched. */
		CHECK(buf[100] == '-');
	}
}

static void truncated_and_overlong_bodies(void)
{
	CHECK(get("truncated", 0, 100) == LC_STORE_FAILED || req.status == LC_STORE_CORRUPT);
	CHECK(get("truncated-chunked", 0, 100) == LC_STORE_CORRUPT);
	CHECK(get("overlong", 0, 100) == LC_STORE_CORRUPT && buf[100] == '-');
	CHECK(get("long-etag", 0, 0) == LC_STORE_CORRUPT);
	CHECK(get("bad-length", 0, 0) != LC_STORE_OK);
}

/* --- time --------------------------------------------------------------------------------- */

static void hung_servers_are_given_up(void)
{
	struct lc_store *usual = store;

	store = OPEN("s3://bucket/p", "request_ms", "300");
	CHECK(get("hang", 0, 1) == LC_STORE_FAILED);
	CHECK(put("hang", 0) == LC_STORE_UNKNOWN);
	CHECK(run(LC_STORE_DELETE, "hang") == LC_STORE_UNKNOWN);
	store->ops->free(store);
	store = OPEN("s3://bucket/p", "request_ms", "60000", "idle_ms", "1000");
	CHECK(get("stalls", 0, 100) == LC_STORE_FAILED);
	store->ops->free(store);
	store = usual;
}

/* A body the server did not want to hear: it was not all sent, so it has no effect. */
static void what_was_not_all_sent_had_no_effect(void)
{
	static char data[8 << 20];
	struct iovec iov = { data, sizeof(data) };

	req.iov = &iov;
	req.nr_iov = 1;
	req.flags = 0;
	CHECK(run(LC_STORE_PUT, "deaf") == LC_STORE_FAILED);
}

static void nobody_there(void)
{
	struct lc_store *usual = store;

	store = OPEN("s3://bucket/p", "endpoint", "http://127.0.0.1:1");
	CHECK(put("x", 0) == LC_STORE_FAILED && get("x", 0, 1) == LC_STORE_FAILED);
	store->ops->free(store);
	store = OPEN("s3://bucket/p", "endpoint", "http://no-such-host.invalid");
	CHECK(put("x", 0) == LC_STORE_FAILED);
	store->ops->free(store);
	store = usual;
}

/* curl finds the connection dead that it kept, and must not send twice what has a condition. */
static void a_connection_that_died_meanwhile(void)
{
	int i;

	for (i = 0; i < 5; i++) {
		CHECK(put("once-only", 0) == LC_STORE_OK);
		CHECK(put("plain", 0) == LC_STORE_OK);
		CHECK(put("once-only", 0) == LC_STORE_OK);
		run(LC_STORE_DELETE, "cond");
		CHECK(put("once-only", 0) == LC_STORE_OK);
		put("cond", LC_STORE_IF_ABSENT);
		CHECK(req.status != LC_STORE_PRECOND);
	}
	/* Carried out, and the connection reset: a second time it would find itself there. */
	CHECK(put("plain", 0) == LC_STORE_OK);
	CHECK(put("reused", LC_STORE_IF_ABSENT) == LC_STORE_UNKNOWN);
}

/* --- listings -------------------------------------------------------------------------------- */

static void listings_that_are_none(void)
{
	static const char * const keys[] = {
		"garbage", "empty", "html", "cut", "doctype", "deep", "unordered", "twice", "foreign",
		"no-key", "bad-size", "no-token", "same-token", "long-key", "endless",
	};
	unsigned int i;

	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		CHECK(list(keys[i]) == LC_STORE_CORRUPT);
	CHECK(list("error") == LC_STORE_FAILED);
	CHECK(list("odd-keys") == LC_STORE_OK && listed == 2);
}

/* --- requests as they are sent ----------------------------------------------------------------- */

static bool was_logged(const char *text)
{
	ask("/__log");
	if (strstr(buf, text))
		return true;
	printf("# log: %s\n", buf);
	return false;
}

static void where_the_bucket_stands(void)
{
	struct lc_store *usual = store;
	char endpoint[64];

	snprintf(endpoint, sizeof(endpoint), "http://LOCALHOST:%u/", port);
	CHECK(put("a", 0) == LC_STORE_OK && was_logged("PUT 127.0.0.1 /bucket/p/a "));
	store = OPEN("s3://bucket", "endpoint", endpoint, "addressing", "virtual");
	CHECK(put("a", 0) == LC_STORE_OK && was_logged("PUT bucket.localhost /a "));
	CHECK(list("x") == LC_STORE_OK &&
	      was_logged("GET bucket.localhost /?list-type=2&max-keys=1000&prefix=x "));
	store->ops->free(store);
	store = usual;
}

static void conditions_as_the_vendor_wants_them(void)
{
	struct lc_store *usual = store;

	ask("/__log");
	strcpy(req.etag, "abc");
	put("m", LC_STORE_IF_MATCH);
	CHECK(was_logged("if-match=\"abc\""));
	put("m", LC_STORE_IF_ABSENT);
	CHECK(was_logged("if-none-match=*"));
	store = OPEN("s3://bucket/p", "vendor", "ceph");
	strcpy(req.etag, "abc");
	put("m", LC_STORE_IF_MATCH);
	CHECK(was_logged("if-match=abc "));
	store->ops->free(store);
	store = OPEN("oss://bucket/p", "region", "cn-x", "addressing", "path");
	put("m", LC_STORE_IF_ABSENT);
	CHECK(was_logged("x-oss-forbid-overwrite=true"));
	store->ops->free(store);
	store = usual;
}

static void a_store_that_ignores_conditions_is_found_out(void)
{
	char why[LC_STORE_WHY_MAX] = "";
	struct lc_store *oss = OPEN("oss://bucket/p", "region", "cn-x", "addressing", "path");

	CHECK(lc_store_probe_cond(store, why) == LC_STORE_OK);
	/* This server does not know that header. */
	CHECK(lc_store_probe_cond(oss, why) == LC_STORE_NO_COND);
	CHECK(strstr(why, "told not to"));
	oss->ops->free(oss);
}

/* --- in parts ------------------------------------------------------------------------------------ */

static enum lc_store_status put_parts(const char *key)
{
	static char data[(10 << 20) + 1];
	struct iovec iov[2] = { { data, 7 << 20 }, { data + (7 << 20), (3 << 20) + 1 } };

	ask("/__log");
	req.iov = iov;
	req.nr_iov = 2;
	req.flags = 0;
	return run(LC_STORE_PUT, key);
}

static void uploads_in_parts(void)
{
	struct lc_store *usual = store;

	store = OPEN("s3://bucket/p", "part_size", "5242880");
	CHECK(put_parts("mp-good") == LC_STORE_OK && !strcmp(req.etag, "whole-2"));
	CHECK(run(LC_STORE_HEAD, "mp-good") == LC_STORE_OK && req.size == (10 << 20) + 1);
	CHECK(put_parts("mp-part-fails") == LC_STORE_FAILED && was_logged("abort"));
	CHECK(put_parts("mp-odd-tag") == LC_STORE_CORRUPT && was_logged("abort"));
	CHECK(put_parts("mp-error-in-200") == LC_STORE_UNKNOWN);
	CHECK(put_parts("mp-lost") == LC_STORE_UNKNOWN);
	ask("/__log");
	CHECK(!strstr(buf, "abort"));
	store->ops->free(store);
	store = usual;
}

/* --- TLS -------------------------------------------------------------------------------------------- */

static enum lc_store_status put_tls(const char *host, const char *ca)
{
	struct lc_store *usual = store;
	enum lc_store_status status;
	char endpoint[64];

	snprintf(endpoint, sizeof(endpoint), "https://%s:%u", host, tls_port);
	store = OPEN("s3://bucket/p", "endpoint", endpoint, *ca ? "ca_file" : "region",
		     *ca ? path(ca) : "us-east-1");
	status = put("tls", 0);
	store->ops->free(store);
	store = usual;
	return status;
}

static void certificates_are_checked(void)
{
	CHECK(put_tls("127.0.0.1", "ca") == LC_STORE_OK);
	CHECK(put_tls("localhost", "ca") == LC_STORE_OK);
	CHECK(put_tls("127.0.0.1", "") == LC_STORE_FAILED && strstr(req.why, "certificate"));
	CHECK(put_tls("127.0.0.1", "ca2") == LC_STORE_FAILED);
	/* Of somebody else. */
	CHECK(put_tls("127.0.0.2", "ca") == LC_STORE_FAILED);
}

/* --- keys --------------------------------------------------------------------------------------------- */

static struct lc_store *open_instance(const char *control)
{
	char metadata[64];

	ask(control);
	ask("/__log");
	snprintf(metadata, sizeof(metadata), "http://127.0.0.1:%u", port);
	return OPEN("s3://bucket/p", "key_file", "", "credentials", "instance",
		    "metadata", metadata);
}

static void keys_of_the_instance(void)
{
	static const char * const kinds[] = { "/__set?kind=aws", "/__set?kind=aliyun" };
	struct lc_store *usual = store;
	unsigned int i;

	for (i = 0; i < 2; i++) {
		store = open_instance(kinds[i]);
		CHECK(get("needs-token", 0, 0) == LC_STORE_OK && req.got == 13);
		CHECK(get("needs-token", 0, 0) == LC_STORE_OK);
		store->ops->free(store);
	}
	store = usual;
}

static void keys_that_are_refused_are_renewed(void)
{
	struct lc_store *usual = store;

	store = open_instance("/__set?kind=aws");
	CHECK(get("needs-token", 0, 0) == LC_STORE_OK);
	ask("/__set?token=of-tomorrow");
	/* They were asked for a moment ago: not again at once, then successfully. */
	while (get("needs-token", 0, 0) == LC_STORE_DENIED)
		usleep(100000);
	CHECK(req.status == LC_STORE_OK);
	store->ops->free(store);
	store = usual;
}

static void keys_are_renewed_before_they_end(void)
{
	struct lc_store *usual = store;
	unsigned int before, after, i;

	store = open_instance("/__set?kind=aws&lifetime=2");
	CHECK(get("needs-token", 0, 0) == LC_STORE_OK);
	ask("/__log");
	for (before = 0, after = 0, i = 0; i < 400 && !after; i++) {
		lc_loop_turn(loop, 20);
		ask("/__log");
		after = strstr(buf, "role-a") != NULL;
		before += !after;
	}
	CHECK(before && after);
	CHECK(get("needs-token", 0, 0) == LC_STORE_OK);
	store->ops->free(store);
	store = usual;
	ask("/__set?lifetime=3600");
}

static void a_machine_without_a_role(void)
{
	struct lc_store *usual = store;

	store = open_instance("/__set?kind=none");
	CHECK(get("needs-token", 0, 0) == LC_STORE_DENIED);
	CHECK(strstr(req.why, "no role for this machine"));
	store->ops->free(store);
	store = usual;
}

static void answered_cancelled(struct lc_store_req *r)
{
	r->data = r;
}

static void cancelled_while_it_waits_for_keys_and_while_it_hangs(void)
{
	struct lc_store_req r[2] = { { .op = LC_STORE_HEAD, .key = "hang" },
				     { .op = LC_STORE_HEAD, .key = "hang" } };
	struct lc_store *s[2] = { store, open_instance("/__set?kind=aws") };
	int i;

	for (i = 0; i < 2; i++) {
		r[i].done = answered_cancelled;
		s[i]->ops->submit(s[i], &r[i]);
	}
	lc_loop_turn(loop, 0);
	for (i = 0; i < 2; i++) {
		s[i]->ops->cancel(s[i], &r[i]);
		CHECK(!r[i].data);
	}
	while (!r[0].data || !r[1].data)
		lc_loop_turn(loop, -1);
	CHECK(r[0].status == LC_STORE_CANCELLED && r[1].status == LC_STORE_CANCELLED);
	/* Its keys may still be under way. */
	s[1]->ops->free(s[1]);
}

static void secrets_are_in_no_message(void)
{
	CHECK(get("nosy", 0, 1) == LC_STORE_DENIED && !strstr(req.why, "TOPSECRET"));
	CHECK(get("s403-SignatureDoesNotMatch", 0, 1) == LC_STORE_DENIED);
	CHECK(!strstr(req.why, "TOPSECRET"));
}

int main(void)
{
	REQUIRE(mkdtemp(dir));
	make_certificates();
	sh("umask 077; printf 'access_key = AK\\nsecret_key = TOPSECRET\\n' >%s", path("keys"));
	start_server();
	loop = lc_loop_new();
	store = OPEN("s3://bucket/p", "region", "us-east-1");
	RUN(answers_of_reads);
	RUN(answers_of_writes);
	RUN(messages_say_what_to_do);
	RUN(right_ranges);
	RUN(wrong_ranges_are_noticed);
	RUN(truncated_and_overlong_bodies);
	RUN(hung_servers_are_given_up);
	RUN(what_was_not_all_sent_had_no_effect);
	RUN(nobody_there);
	RUN(a_connection_that_died_meanwhile);
	RUN(listings_that_are_none);
	RUN(where_the_bucket_stands);
	RUN(conditions_as_the_vendor_wants_them);
	RUN(a_store_that_ignores_conditions_is_found_out);
	RUN(uploads_in_parts);
	RUN(certificates_are_checked);
	RUN(keys_of_the_instance);
	RUN(keys_that_are_refused_are_renewed);
	RUN(keys_are_renewed_before_they_end);
	RUN(a_machine_without_a_role);
	RUN(cancelled_while_it_waits_for_keys_and_while_it_hangs);
	RUN(secrets_are_in_no_message);
	store->ops->free(store);
	lc_loop_free(loop);
	stop_server();
	sh("rm -rf %s", dir);
	return tap_done();
}
