// SPDX-License-Identifier: GPL-2.0-only
/*
 * logcachectl and volumes in a store, which is a directory here. Needs no root, no
 * module and no logcached.
 */
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>

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

/*----------------------------------------------------------------
 * recover, volumes
 *----------------------------------------------------------------
 */

#define RECOVER		"recover --cache new.img --yes --volume " UUID

static void start_formatted(void)
{
	start();
	REQUIRE(!ctl(FORMAT));
	REQUIRE(!system("rm -f new.img && truncate -s 64M new.img"));
}

static void recover_gives_a_new_cache(void)
{
	char uuid[64];

	start_formatted();
	CHECK(!ctl(RECOVER));
	CHECK(says("for       helper:" UUID ", 1 GiB"));
	CHECK(sscanf(strstr(out, "uuid "), "uuid %60s", uuid) == 1);
	CHECK(file_says("conf/volumes.d/" UUID ".conf", uuid));
	CHECK(!ctl("check --cache new.img"));
	CHECK(ctl(RECOVER) == 1);
	CHECK(says("use --force to format it again"));
}

/* On another host, which knows nothing. */
static void recover_elsewhere(void)
{
	start_formatted();
	REQUIRE(!system("rm -r conf"));
	CHECK(ctl(RECOVER) == 1);
	CHECK(says("this host does not know where it is"));
	CHECK(ctl(RECOVER " --endpoint http://x") == 2);
	CHECK(ctl("check --cache new.img") == 2);
	CHECK(!ctl(RECOVER " --origin " URL));
	CHECK(is_known());
	CHECK(!ctl("check --cache new.img"));
}

static void recover_of_what_is_not_there(void)
{
	start_formatted();
	CHECK(ctl("recover --cache new.img --yes --volume 1234") == 2);
	REQUIRE(!system("rm -r store/*"));
	CHECK(ctl(RECOVER) == 1);
	CHECK(says("there is no volume " UUID));
	REQUIRE(!system("mkdir store/" UUID " && head -c 128 /dev/zero >store/" UUID "/manifest"));
	CHECK(ctl(RECOVER) == 1);
	CHECK(says("its manifest is damaged"));
	CHECK(ctl("check --cache new.img") == 2);
}

static void volumes_are_listed(void)
{
	long long epoch;

	start_formatted();
	CHECK(!ctl("volumes --json --origin " URL));
	CHECK(json_at("") == 1 && says("\"uuid\": \"" UUID "\""));
	CHECK(json_at("0.sectors") == 2097152 && json_at("0.epoch") > 0);
	epoch = json_at("0.epoch");
	CHECK(json_at("0.objects") == 1 && json_at("0.snapshots") == 0);
	REQUIRE(!ctl("snapshot " UUID " monday --offline"));
	CHECK(!ctl("volumes --json --origin " URL));
	CHECK(json_at("0.epoch") > epoch && json_at("0.snapshots") == 1);
	/* One that is damaged does not hide the others. */
	REQUIRE(!system("mkdir store/00112233-4455-6677-8899-aabbccddeeff"
			" && echo >store/00112233-4455-6677-8899-aabbccddeeff/manifest"));
	CHECK(ctl("volumes --origin " URL) == 1);
	CHECK(says("00112233-4455-6677-8899-aabbccddeeff: its manifest is damaged") && says(UUID));
	CHECK(ctl("volumes --origin file:/nowhere/at/all") == 1);
}

/*----------------------------------------------------------------
 * An S3 server: fault_server.py, which knows If-None-Match but not what vendor oss has
 * for it, so that one is a store without conditional PUTs
 *----------------------------------------------------------------
 */

static pid_t server;

/* Its address is $S3 from now on. */
static void start_server(void)
{
	char script[PATH_MAX + 64], address[64];
	int in[2], to[2];
	unsigned int port;
	FILE *f;

	REQUIRE(!system("openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost "
			"-keyout key -out ca 2>/dev/null && cat key ca >pem && "
			"(umask 077 && printf 'access_key = AK\\nsecret_key = hush\\n' >keys)"));
	snprintf(script, sizeof(script), "%s/tests/store/fault_server.py", top);
	/* It ends when nobody has the other end of @in any more. */
	REQUIRE(!pipe2(in, O_CLOEXEC) && !pipe2(to, O_CLOEXEC));
	server = fork();
	if (!server) {
		dup2(in[0], 0);
		dup2(to[1], 1);
		execl(script, script, "pem", NULL);
		_exit(127);
	}
	close(in[0]);
	close(to[1]);
	f = fdopen(to[0], "r");
	REQUIRE(f && fscanf(f, "%u", &port) == 1);
	fclose(f);
	snprintf(address, sizeof(address), "http://127.0.0.1:%u", port);
	setenv("S3", address, 1);
}

static void stop_server(void)
{
	kill(server, SIGKILL);
	waitpid(server, NULL, 0);
}

#define S3_OPTIONS	" --endpoint $S3 --store-option key_file=$PWD/keys"
#define FORMAT_S3	FORMAT_NO_URL "--uuid " UUID " --origin s3://bucket/a" S3_OPTIONS
#define NO_COND		" --store-option vendor=oss --store-option region=x" \
			" --store-option addressing=path"
#define FORMAT_NO_COND	FORMAT_NO_URL "--uuid " UUID " --origin s3://bucket/b" S3_OPTIONS NO_COND

static void fencing_is_not_given_up_unasked(void)
{
	start();
	CHECK(!ctl(FORMAT_S3));
	CHECK(!strstr(out, "hush"));
	CHECK(file_says("conf/volumes.d/" UUID ".conf", "key_file = /"));
	CHECK(!file_says("conf/volumes.d/" UUID ".conf", "hush"));
	CHECK(!file_says("conf/volumes.d/" UUID ".conf", "no_fencing"));

	start();
	CHECK(ctl(FORMAT_NO_COND) == 1);
	CHECK(says("no conditional PUTs") && says("--no-fencing") && says("beyond repair"));
	CHECK(!is_known() && cache_is_empty());
	CHECK(!ctl(FORMAT_NO_COND " --no-fencing"));
	CHECK(file_says("conf/volumes.d/" UUID ".conf", "no_fencing = true"));

	REQUIRE(!system("rm -rf conf new.img && truncate -s 64M new.img"));
	CHECK(ctl(RECOVER " --origin s3://bucket/b" S3_OPTIONS NO_COND) == 1);
	CHECK(says("no conditional PUTs") && !is_known());
	CHECK(!ctl(RECOVER " --no-fencing --origin s3://bucket/b" S3_OPTIONS NO_COND));
	CHECK(is_known());
}

/* Where it is not needed it would only be a risk. */
static void fencing_is_not_left_out_for_nothing(void)
{
	start();
	REQUIRE(!system("rm -f new.img && truncate -s 64M new.img"));
	CHECK(!ctl(FORMAT_NO_URL "--origin s3://bucket/c --no-fencing" S3_OPTIONS));
	CHECK(says("is not needed and left out"));
	CHECK(system("grep -q no_fencing conf/volumes.d/*.conf"));
}

static void store_that_cannot_be_used(void)
{
	start();
	CHECK(ctl(FORMAT_NO_URL "--origin s3://bucket/d --endpoint $S3"
		  " --store-option key_file=/nowhere/at/all") == 1);
	CHECK(says("/nowhere/at/all"));
	REQUIRE(!system("chmod 644 keys"));
	CHECK(ctl(FORMAT_S3) == 1);
	REQUIRE(!system("chmod 600 keys"));
	CHECK(!is_known() && cache_is_empty());
}

/*----------------------------------------------------------------
 * Snapshots and so on, without logcached
 *----------------------------------------------------------------
 */

static void changes_need_somebody(void)
{
	static const char * const commands[] = {
		"snapshot " UUID " monday", "snapshot-delete " UUID " monday", "clone " UUID,
		"clone-gone " UUID " 00112233-4455-6677-8899-aabbccddeeff",
		"rollback " UUID " monday --yes --cache new.img",
	};
	u32 i;

	start_formatted();
	for (i = 0; i < ARRAY_SIZE(commands); i++) {
		CHECK(ctl(commands[i]) == 1);
		CHECK(says("no logcached runs") && says("--offline"));
	}
	CHECK(ctl("metrics") == 1);
	CHECK(ctl("check --cache new.img") == 2);
	CHECK(!ctl("volumes --json --origin " URL));
	CHECK(json_at("0.epoch") > 0);
}

static void snapshots_come_and_go(void)
{
	start_formatted();
	CHECK(!ctl("snapshot " UUID " monday --offline"));
	CHECK(ctl("snapshot " UUID " monday --offline") == 1);
	CHECK(says("has a snapshot 'monday' already"));
	CHECK(ctl("snapshot " UUID " 'mon day' --offline") == 2);
	CHECK(ctl("snapshot " UUID " '' --offline") == 2);
	CHECK(ctl("snapshot " UUID " tuesday --offline --timeout soon") == 2);
	CHECK(!ctl("snapshots " UUID " --json"));
	CHECK(json_at("snapshots") == 1 && json_at("clones") == 0);
	CHECK(!ctl("snapshots " UUID));
	CHECK(says("monday"));
	CHECK(ctl("snapshot-delete " UUID " tuesday --offline") == 1);
	CHECK(says("has no snapshot 'tuesday'"));
	CHECK(!ctl("snapshot-delete " UUID " monday --offline"));
	CHECK(!ctl("snapshots " UUID " --json"));
	CHECK(json_at("snapshots") == 0);
}

static void clones_come_and_go(void)
{
	char clone[64] = "", cmd[256];

	start_formatted();
	CHECK(ctl("clone " UUID " --offline --snapshot monday") == 1);
	CHECK(ctl("clone " UUID " --offline --segment-size 1M") == 2);
	CHECK(says("--segment-size is for --cache"));
	CHECK(!ctl("clone " UUID " --offline --cache new.img --yes"));
	CHECK(sscanf(strstr(out, "helper:"), "helper:%36s", clone) == 1 && strcmp(clone, UUID));
	CHECK(!ctl("check --cache new.img"));
	snprintf(cmd, sizeof(cmd), "conf/volumes.d/%s.conf", clone);
	CHECK(!access(cmd, F_OK));
	CHECK(!ctl("snapshots " UUID " --json"));
	CHECK(json_at("clones") == 1 && says(clone));
	snprintf(cmd, sizeof(cmd), "clone-gone " UUID " %s --offline", clone);
	CHECK(ctl(cmd) == 1);
	CHECK(says("delete it first"));
	REQUIRE(!system("find store -name manifest -not -path '*" UUID "*' -delete"));
	CHECK(!ctl(cmd));
	CHECK(ctl("clone-gone " UUID " x --offline") == 2);
	CHECK(!ctl("snapshots " UUID " --json"));
	CHECK(json_at("clones") == 0);
}

static void rollback_takes_a_new_cache(void)
{
	char uuid[64];

	start_formatted();
	REQUIRE(!ctl("snapshot " UUID " monday --offline"));
	CHECK(ctl("rollback " UUID " tuesday --offline --cache new.img --yes") == 1);
	CHECK(says("has no snapshot 'tuesday'"));
	CHECK(ctl("rollback " UUID " monday --offline --yes") == 2);
	CHECK(ctl("rollback " UUID " monday --offline --cache new.img") == 2);
	CHECK(says("nobody to ask"));
	CHECK(ctl("check --cache new.img") == 2);
	CHECK(!ctl("rollback " UUID " monday --offline --cache new.img --yes"));
	CHECK(!ctl("check --cache new.img"));
	CHECK(!ctl("dump --cache new.img --json"));
	CHECK(sscanf(strstr(out, "\"uuid\": "), "\"uuid\": \"%36[^\"]", uuid) == 1);
	CHECK(file_says("conf/volumes.d/" UUID ".conf", uuid));
	CHECK(!ctl("volumes --origin " URL));
	CHECK(says(uuid));
}

/*----------------------------------------------------------------
 * verify-bucket
 *----------------------------------------------------------------
 */

static void verify_bucket_finds_damage(void)
{
	start_formatted();
	/* The first owner leaves nothing, the second puts a fence behind it. */
	REQUIRE(!ctl("snapshot " UUID " monday --offline"));
	REQUIRE(!ctl("snapshot " UUID " tuesday --offline"));
	CHECK(!ctl("verify-bucket --volume " UUID " --list"));
	CHECK(says("no damage") && says("fence  epoch ") && says(" seq 1 "));
	CHECK(!ctl("verify-bucket --volume " UUID " --json"));
	CHECK(json_at("ok") == 1 && json_at("nr_objects") == 1 && json_at("kinds.fence") == 1);
	CHECK(json_at("snapshots") == 2 && json_at("damaged") == 0);
	REQUIRE(!system("printf x | dd of=$(echo store/" UUID "/data/*/0000000000000001)"
			" bs=1 seek=70 conv=notrunc status=none"));
	CHECK(ctl("verify-bucket --volume " UUID) == 1);
	CHECK(says("damaged: " UUID "/data/") && says("/0000000000000001: "));
	CHECK(ctl("verify-bucket --volume " UUID " --json --list") == 1);
	CHECK(json_at("ok") == 0 && json_at("damaged") == 1 && json_at("objects") == 1);
	CHECK(says("\"damage\":"));
	CHECK(ctl("verify-bucket --volume 00112233-4455-6677-8899-aabbccddeeff --origin " URL) == 2);
	CHECK(ctl("verify-bucket --volume " UUID " --origin file:/nowhere/at/all") == 2);
	CHECK(ctl("verify-bucket --volume 1234") == 2);
}

/*----------------------------------------------------------------
 * grow
 *----------------------------------------------------------------
 */

static void a_volume_grows_offline(void)
{
	start_formatted();
	CHECK(ctl("grow " UUID " 2G") == 1 && says("no logcached runs"));
	CHECK(ctl("grow " UUID " 512M --offline") == 1 && says("cannot be made smaller"));
	CHECK(ctl("grow " UUID " 2G1 --offline") == 2 && says("multiple of 4K"));
	CHECK(ctl("grow " UUID " 2147487745 --offline") == 2 && says("multiple of 4K"));
	CHECK(ctl("grow " UUID " 0 --offline") == 2);
	CHECK(!ctl("volumes --json --origin " URL));
	CHECK(json_at("0.sectors") == 2097152);
	CHECK(!ctl("grow " UUID " 2G --offline") && says("--size 2G"));
	CHECK(!ctl("volumes --json --origin " URL));
	CHECK(json_at("0.sectors") == 4194304);
	/* Onto an empty SSD. */
	CHECK(!ctl(RECOVER) && says("2 GiB"));
	CHECK(!ctl("dump --cache new.img --json"));
	CHECK(json_at("superblock.origin_sectors") == 4194304);
}

/*----------------------------------------------------------------
 * delete
 *----------------------------------------------------------------
 */

#define DELETE		"delete --volume " UUID " --yes"
#define OTHER		"00112233-4455-6677-8899-aabbccddeeff"
#define DELETE_AT	DELETE " --origin " URL

static bool store_is_empty(void)
{
	return system("test -z \"$(find store -type f ! -name .lock)\"") == 0;
}

static void delete_removes_all_of_a_volume(void)
{
	start_formatted();
	REQUIRE(!system("mkdir -p store/" OTHER " store/" UUID "/data/x && echo >store/" OTHER
			"/manifest && echo >store/" UUID "/data/x/y"));
	CHECK(ctl("delete --volume " UUID) == 2 && says("nobody to ask"));
	CHECK(ctl("delete --volume 1234 --yes") == 2);
	CHECK(is_stored() && is_known());
	CHECK(!ctl(DELETE) && says("is deleted"));
	CHECK(!is_known() && !is_stored());
	/* And nothing else. */
	CHECK(!access("store/" OTHER "/manifest", F_OK));
	REQUIRE(!unlink("store/" OTHER "/manifest"));
	CHECK(store_is_empty());
	CHECK(ctl(DELETE) == 1 && says("does not know where it is"));
	CHECK(ctl(DELETE_AT) == 1 && says("there is no volume " UUID));
	/* Another host has deleted it. */
	start_formatted();
	REQUIRE(!system("rm -r store/" UUID));
	CHECK(ctl(DELETE_AT) == 1 && is_known());
	CHECK(!ctl(DELETE) && !is_known());
}

/* A host that is not known here may have it. */
static void delete_of_what_another_cache_has_written(void)
{
	start_formatted();
	REQUIRE(!ctl("snapshot " UUID " monday --offline"));
	CHECK(ctl(DELETE) == 1 && says("another host may be using it"));
	CHECK(!ctl("snapshots " UUID " --json"));
	CHECK(json_at("snapshots") == 1);
	CHECK(!ctl(DELETE " --force") && store_is_empty() && !is_known());
	/* The place is known from the command line; another one is not forgotten. */
	start_formatted();
	REQUIRE(!system("mkdir -p store/b && mv store/" UUID " store/b/"));
	CHECK(!ctl(DELETE " --origin " URL "/b") && is_known() && store_is_empty());
}

static void delete_of_what_a_clone_needs(void)
{
	char clone[64] = "", cmd[256];

	start_formatted();
	REQUIRE(!ctl("clone " UUID " --offline"));
	REQUIRE(sscanf(strstr(out, "Clone "), "Clone %36s", clone) == 1);
	CHECK(ctl(DELETE " --force") == 1 && says("needs its objects") && says(clone));
	CHECK(!ctl("verify-bucket --volume " UUID));
	snprintf(cmd, sizeof(cmd), "delete --volume %s --yes", clone);
	CHECK(!ctl(cmd));
	/* It is gone, whether or not that was said. */
	CHECK(!ctl(DELETE " --force") && store_is_empty());
}

static void delete_of_what_is_damaged(void)
{
	start_formatted();
	REQUIRE(!system("echo x >store/" UUID "/manifest"));
	CHECK(ctl(DELETE) == 1 && says("its manifest is damaged") && says("--force"));
	CHECK(is_stored() && is_known());
	CHECK(!ctl(DELETE " --force") && store_is_empty() && !is_known());
	/* What somebody has deleted by hand, the manifest first. */
	start_formatted();
	REQUIRE(!ctl("snapshot " UUID " monday --offline"));
	REQUIRE(!ctl("snapshot " UUID " tuesday --offline"));
	REQUIRE(!unlink("store/" UUID "/manifest"));
	CHECK(ctl("volumes --origin " URL) == 1 && says("logcachectl delete --force removes them"));
	CHECK(ctl(DELETE) == 1 && says("its manifest is not there") && !store_is_empty());
	CHECK(!ctl(DELETE " --force") && store_is_empty());
}

#define MAPS		"state/" UUID
#define MAKE_MAPS	"rm -rf state && for i in " MAPS "/a " MAPS "/b state/" OTHER "/a; do " \
			"mkdir -p $i && touch $i/data.mdb $i/lock.mdb $i/owner; done"

/* And no other, and none that somebody has open. */
static void delete_removes_the_object_maps(void)
{
	char cmd[PATH_MAX + 512];

	start_formatted();
	REQUIRE(!system(MAKE_MAPS));
	CHECK(!ctl(DELETE) && access(MAPS, F_OK));
	CHECK(!access("state/" OTHER "/a/data.mdb", F_OK));
	start_formatted();
	REQUIRE(!system(MAKE_MAPS));
	snprintf(cmd, sizeof(cmd), "flock " MAPS "/a/owner '%s' " DELETE " 2>said", binary);
	CHECK(!system(cmd) && file_says("said", "a process has it open"));
	CHECK(!access(MAPS "/a/data.mdb", F_OK) && access(MAPS "/b", F_OK) && !is_known());
	/* There is none, as there never was a logcached. */
	start_formatted();
	REQUIRE(!system("rm -rf state"));
	CHECK(!ctl(DELETE) && !strstr(out, "object map") && access("state", F_OK));
}

/* What is left looks like no volume to anybody. */
static bool cannot_be_used(const char *where)
{
	return ctl_with(RECOVER " --force", where) == 1 && says("is being deleted") &&
	       ctl("snapshot " UUID " x --offline") == 1 && says("is being deleted") &&
	       ctl_with("verify-bucket --volume " UUID, where) == 2 && says("is being deleted");
}

/* Killed at some moments, the last of which may be behind the end. */
static void delete_that_is_killed(void)
{
	static const unsigned int left[] = { 600, 599, 550, 400, 200, 50, 5 };
	char cmd[PATH_MAX + 512];
	u32 i;

	for (i = 0; i < ARRAY_SIZE(left); i++) {
		start_formatted();
		REQUIRE(!system("mkdir -p store/" UUID "/data/0000000000000001 && cd store/" UUID
				"/data/0000000000000001 && seq -f %016.0f 600 | xargs touch"));
		snprintf(cmd, sizeof(cmd),
			 "'%s' " DELETE " >/dev/null 2>&1 & pid=$!; while kill -0 $pid 2>/dev/null && "
			 "[ $(ls store/" UUID "/data/0000000000000001 | wc -l) -ge %u ]; do :; done; "
			 "kill -9 $pid 2>/dev/null; wait $pid 2>/dev/null; true", binary, left[i]);
		REQUIRE(!system(cmd));
		if (is_stored() && ctl("volumes --origin " URL) == 1)
			CHECK(says("is being deleted") && cannot_be_used(""));
		CHECK(is_stored() || system("test -z \"$(ls store/" UUID "/data/*)\"") == 0);
		if (!store_is_empty() || is_known())
			CHECK(!ctl(is_stored() ? DELETE_AT : DELETE));
		CHECK(store_is_empty());
	}
}

static void tell_server(const char *what)
{
	char cmd[256];

	snprintf(cmd, sizeof(cmd),
		 "python3 -c 'import os, urllib.request as u; u.urlopen(os.environ[\"S3\"] + \"/__set?%s\")'",
		 what);
	REQUIRE(!system(cmd));
}

#define AT_S3		" --origin s3://bucket/d" S3_OPTIONS

/* The server refuses to go on after so many. */
static void delete_that_fails_in_the_middle(void)
{
	unsigned int nr;
	char set[32];

	start();
	REQUIRE(!system("rm -f new.img && truncate -s 64M new.img"));
	for (nr = 0; nr < 3; nr++) {
		REQUIRE(!ctl(FORMAT_NO_URL "--force --uuid " UUID AT_S3));
		REQUIRE(!ctl("snapshot " UUID " monday --offline"));
		REQUIRE(!ctl("snapshot " UUID " tuesday --offline"));
		snprintf(set, sizeof(set), "deletes=%u", nr);
		tell_server(set);
		CHECK(ctl(DELETE " --force") == 1 && says("give the command again"));
		CHECK(is_known() && cannot_be_used(AT_S3));
		CHECK(ctl("volumes" AT_S3) == 1 && says("is being deleted"));
		tell_server("deletes=-1");
		/* Nobody needs to be asked to use force for that again. */
		CHECK(!ctl(DELETE) && !is_known());
		CHECK(!ctl("volumes --json" AT_S3));
		CHECK(json_at("") == 0);
	}
}

/* Something of the volume that can be deleted. */
static void put_object(void)
{
	REQUIRE(!system("python3 -c 'import os, urllib.request as u; "
			"u.urlopen(u.Request(os.environ[\"S3\"] + \"/bucket/e/" UUID
			"/data/0000000000000001/0000000000000001\", b\"x\", method=\"PUT\"))'"));
}

#define UNFENCED	" --uuid " UUID " --no-fencing --origin s3://bucket/e" S3_OPTIONS NO_COND

/* A host that has it puts its manifest over the mark: before anything is deleted, or behind. */
static void delete_whose_mark_is_undone(void)
{
	unsigned int nr;
	char set[32];

	for (nr = 1; nr <= 2; nr++) {
		start();
		REQUIRE(!ctl(FORMAT_NO_URL "--force" UNFENCED));
		put_object();
		/* The first one is before the mark. */
		snprintf(set, sizeof(set), "undo=%u", 1 + nr);
		tell_server(set);
		CHECK(ctl(DELETE " --force") == 1 && says("the mark that volume " UUID));
		CHECK(says("waiting for 0 seconds") && says("has put its manifest back"));
		CHECK(is_known());
		CHECK(!ctl("volumes --json --origin s3://bucket/e" S3_OPTIONS NO_COND));
		CHECK(json_at("") == 1 && json_at("0.objects") == (nr == 1 ? 2 : 1));
		CHECK(!ctl(DELETE " --force") && !is_known());
	}
}

/* Between looking and marking. */
static void delete_of_what_somebody_changes(void)
{
	start();
	REQUIRE(!ctl(FORMAT_NO_URL "--force --uuid " UUID AT_S3));
	tell_server("meddle=1");
	CHECK(ctl(DELETE) == 1 && says("it is in use; nothing was deleted"));
	CHECK(is_known());
	CHECK(ctl(DELETE) == 1 && says("its manifest is damaged"));
	CHECK(!ctl(DELETE " --force"));
}

/* With a clone whose manifest comes after @puts PUTs; its UUID is @clone. */
static void start_late_clone(char *clone, unsigned int puts)
{
	char set[128];

	start();
	REQUIRE(!ctl(FORMAT_NO_URL "--force --uuid " UUID AT_S3));
	REQUIRE(!ctl("clone " UUID " --offline"));
	REQUIRE(sscanf(strstr(out, "Clone "), "Clone %36s", clone) == 1);
	snprintf(set, sizeof(set), "late=%s&puts=%u", clone, puts);
	tell_server(set);
}

/* Everything of both; nobody has anything to say against it. */
static void delete_both(const char *clone)
{
	char cmd[256];

	snprintf(cmd, sizeof(cmd), "delete --volume %s --yes", clone);
	CHECK(!ctl(cmd) && !ctl(DELETE " --force"));
	CHECK(!ctl("volumes --json" AT_S3));
	CHECK(json_at("") == 0);
}

/* Between looking and marking; the volume is as it was. */
static void delete_of_what_is_being_cloned(void)
{
	char clone[64] = "";

	start_late_clone(clone, 1);
	CHECK(ctl(DELETE " --force") == 1 && says("made at this moment") && says(clone));
	CHECK(!ctl("volumes" AT_S3) && says(UUID) && says(clone));
	CHECK(!ctl("snapshot " UUID " monday --offline"));
	CHECK(!ctl("verify-bucket --volume " UUID));
	CHECK(ctl(DELETE " --force") == 1 && says("needs its objects"));
	delete_both(clone);
}

/* By somebody who could not take it back. What was begun is not a volume again. */
static void delete_that_left_a_clone(void)
{
	char clone[64] = "";

	start_late_clone(clone, 1000);
	tell_server("deletes=0");
	CHECK(ctl(DELETE " --force") == 1 && says("give the command again"));
	tell_server("deletes=-1&puts=0");
	CHECK(ctl(DELETE) == 1 && says("needs its objects") && says(clone));
	CHECK(cannot_be_used(AT_S3));
	delete_both(clone);
}

/*----------------------------------------------------------------
 * logcached
 *----------------------------------------------------------------
 */

/* One that answers every line with @line, or hangs up. */
static pid_t answer_with(const char *line)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX, .sun_path = "run/logcached.sock" };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0), one;
	char buf[4096];
	pid_t pid;

	unlink(to.sun_path);
	REQUIRE(fd >= 0 && !bind(fd, (void *)&to, sizeof(to)) && !listen(fd, 8));
	pid = fork();
	REQUIRE(pid >= 0);
	if (pid) {
		close(fd);
		return pid;
	}
	while ((one = accept(fd, NULL, NULL)) >= 0) {
		if (read(one, buf, sizeof(buf)) > 0)
			dprintf(one, "%s", line);
		close(one);
	}
	_exit(0);
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	unlink("run/logcached.sock");
}

static void answers_of_logcached(void)
{
	static const struct {
		const char *line;
		int status;
		const char *text;
	} cases[] = {
		{ "{\"ok\": true}\n", 0, "" },
		{ "{\"error\": \"no such snapshot\", \"errno\": 2}\n", 1, "no such snapshot" },
		{ "{\"ok\": 1}\n", 1, "an answer that means nothing" },
		{ "[]\n", 1, "an answer that means nothing" },
		{ "{\"ok\": true}", 1, "no answer" },
		{ "{\n", 1, "no answer" },
		{ "", 1, "no answer" },
	};
	pid_t pid;
	u32 i;

	start_formatted();
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		pid = answer_with(cases[i].line);
		CHECK(ctl("snapshot-delete " UUID " monday") == cases[i].status);
		CHECK(says(cases[i].text));
		end(pid);
	}
	pid = answer_with("{\"ok\": true, \"text\": \"# TYPE x counter\\nx 1\\n\"}\n");
	CHECK(!ctl("metrics"));
	CHECK(!strcmp(out, "# TYPE x counter\nx 1\n"));
	end(pid);
}

static void limits_are_shown_and_changed(void)
{
	pid_t pid;

	start_formatted();
	CHECK(ctl("limits") == 1 && says("no logcached runs"));
	CHECK(ctl("limit h/data upload_bytes 1") == 1 && says("no logcached runs"));
	CHECK(ctl("limit h/data colour 1") == 2 && says("no limit 'colour'"));
	CHECK(ctl("limit h/data upload_bytes much") == 2 && says("such as 50M"));
	CHECK(ctl("limit h/data upload_requests 5M") == 2 && says("'5M' is no number"));
	CHECK(ctl("limit h/data upload_bytes -1") == 2);
	pid = answer_with("{\"ok\": true, \"buckets\": [{\"name\": \"h/data\", \"limits\": "
			  "{\"upload_bytes\": 2097152, \"download_requests\": 7}}], "
			  "\"volumes\": [{\"uuid\": \"" UUID "\", \"name\": \"\", "
			  "\"bucket\": {\"name\": \"h/data\"}, "
			  "\"limits\": {\"upload_requests\": 9}, \"state\": \"active\"}]}\n");
	CHECK(!ctl("limits"));
	CHECK(says("bucket       2 MiB          -          -          7  h/data\n"));
	CHECK(says("volume           -          9          -          -  " UUID "\n"));
	CHECK(!ctl("limits --json"));
	CHECK(json_at("buckets.0.limits.upload_bytes") == 2097152);
	CHECK(json_at("volumes.0.limits.upload_requests") == 9 && !strstr(out, "active"));
	CHECK(!ctl("limit h/data upload_bytes 50M") && !ctl("limit " UUID " upload_requests 5"));
	end(pid);
	pid = answer_with("{\"error\": \"no bucket\", \"errno\": 2}\n");
	CHECK(ctl("limit h/data upload_bytes 1") == 1 && says("no bucket"));
	end(pid);
}

int main(void)
{
	ctl_setup();
	setenv("LOGCACHE_CONF_DIR", "conf/volumes.d", 1);
	setenv("LOGCACHE_RUN_DIR", "run", 1);
	setenv("LOGCACHE_STATE_DIR", "state", 1);
	setenv("LOGCACHE_MARK_WAIT", "0", 1);
	RUN(format_makes_all_of_a_volume);
	RUN(format_gives_every_volume_a_uuid);
	RUN(format_changes_nothing_for_bad_input);
	RUN(secrets_are_not_options);
	RUN(format_that_fails_in_the_middle);
	RUN(recover_gives_a_new_cache);
	RUN(recover_elsewhere);
	RUN(recover_of_what_is_not_there);
	RUN(volumes_are_listed);
	start_server();
	RUN(fencing_is_not_given_up_unasked);
	RUN(fencing_is_not_left_out_for_nothing);
	RUN(store_that_cannot_be_used);
	RUN(delete_that_fails_in_the_middle);
	RUN(delete_whose_mark_is_undone);
	RUN(delete_of_what_somebody_changes);
	RUN(delete_of_what_is_being_cloned);
	RUN(delete_that_left_a_clone);
	stop_server();
	RUN(changes_need_somebody);
	RUN(snapshots_come_and_go);
	RUN(clones_come_and_go);
	RUN(rollback_takes_a_new_cache);
	RUN(verify_bucket_finds_damage);
	RUN(a_volume_grows_offline);
	RUN(delete_removes_all_of_a_volume);
	RUN(delete_of_what_another_cache_has_written);
	RUN(delete_of_what_a_clone_needs);
	RUN(delete_of_what_is_damaged);
	RUN(delete_removes_the_object_maps);
	RUN(delete_that_is_killed);
	RUN(answers_of_logcached);
	RUN(limits_are_shown_and_changed);
	ctl_cleanup();
	return tap_done();
}
