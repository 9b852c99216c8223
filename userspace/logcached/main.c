// SPDX-License-Identifier: GPL-2.0-only
/*
 * logcached: keeps volumes of dm-logcache in object stores. Always in the foreground.
 *
 * It may be what the machine needs to have memory again, so it never waits for some: all
 * of it is locked, the heap does not shrink, and the kernel is told.
 */
#include <errno.h>
#include <getopt.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "bucket_limits.h"
#include "control.h"
#include "daemon.h"
#include "log.h"
#include "notify.h"
#include "server.h"

#ifndef PR_SET_IO_FLUSHER
#define PR_SET_IO_FLUSHER	57
#endif

/* Of the heap, there from the start. */
#define HEAP_BYTES	(64u << 20)
/* Of threads, in which libcurl looks up names: locked as well, and there may be many. */
#define STACK_BYTES	(256u << 10)

static struct lc_daemon d = {
	.conf_dir = LC_CONF_DIR,
	.conf_file = LC_CONF_FILE,
	.run_dir = LC_RUN_DIR,
	.state_dir = LC_STATE_DIR,
};

static const char usage[] =
	"Usage: logcached [OPTION]...\n"
	"Keeps volumes of dm-logcache in object stores: uploads what was written,\n"
	"fetches what is not cached. Stays in the foreground.\n"
	"\n"
	"  --conf-dir DIR    one file for each volume (" LC_CONF_DIR ")\n"
	"  --conf FILE       limits of buckets (" LC_CONF_FILE ")\n"
	"  --run-dir DIR     where the control socket is (" LC_RUN_DIR ")\n"
	"  --state-dir DIR   where object maps are kept (" LC_STATE_DIR ")\n"
	"  --takeover        take the volumes over from a logcached that runs\n"
	"  --help, --version\n"
	"\n"
	"SIGTERM ends it, SIGHUP makes it read its files again. See logcached(8).\n";

/* 0: go on; else the exit status and one. */
static int parse(int argc, char **argv)
{
	static const struct option options[] = {
		{ "conf-dir", required_argument, NULL, 'c' },
		{ "conf", required_argument, NULL, 'f' },
		{ "run-dir", required_argument, NULL, 'r' },
		{ "state-dir", required_argument, NULL, 's' },
		{ "takeover", no_argument, NULL, 't' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'v' },
		{}
	};
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'c':
			d.conf_dir = optarg;
			break;
		case 'f':
			d.conf_file = optarg;
			break;
		case 'r':
			d.run_dir = optarg;
			break;
		case 's':
			d.state_dir = optarg;
			break;
		case 't':
			d.takeover = true;
			break;
		case 'h':
			fputs(usage, stdout);
			return 1;
		case 'v':
			puts("logcached " LC_VERSION);
			return 1;
		default:
			return 3;
		}
	}
	if (optind == argc)
		return 0;
	fprintf(stderr, "logcached: '%s': there are only options\n", argv[optind]);
	return 3;
}

static void die(const char *what)
{
	lc_log(LC_LOG_ERROR, NULL, "%s: %s", what, strerror(errno));
	exit(1);
}

/*----------------------------------------------------------------
 * What the process is
 *----------------------------------------------------------------
 */

static void keep_secrets(void)
{
	const struct rlimit none = { 0, 0 };

	if (setrlimit(RLIMIT_CORE, &none) || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0))
		die("core dumps, which would have secrets in them, cannot be forbidden");
}

static void lock_memory(void)
{
	void *heap;

	if (!mallopt(M_ARENA_MAX, 1) || !mallopt(M_MMAP_THRESHOLD, HEAP_BYTES) ||
	    !mallopt(M_TRIM_THRESHOLD, -1))
		die("the C library does not let its heap be set");
	if (prctl(PR_SET_IO_FLUSHER, 1, 0, 0, 0))
		die("PR_SET_IO_FLUSHER is refused; start it as root, with CAP_SYS_RESOURCE");
	if (mlockall(MCL_CURRENT | MCL_FUTURE))
		die("memory cannot be locked; start it as root, with CAP_IPC_LOCK");
	heap = malloc(HEAP_BYTES - 4096);
	if (!heap)
		die("memory");
	memset(heap, 1, HEAP_BYTES - 4096);
	free(heap);
}

/*
 * When memory is short it is this process that makes dirty pages clean. What the
 * kernel would get back by killing it is little, and nobody could start it again.
 */
static void never_for_memory(void)
{
	FILE *f = fopen("/proc/self/oom_score_adj", "w");

	if (!f || fputs("-1000", f) < 0 || fclose(f))
		die("oom_score_adj cannot be lowered; start it as root, with CAP_SYS_RESOURCE");
}

static void small_stacks(void)
{
	pthread_attr_t attr;

	errno = pthread_attr_init(&attr) ?: pthread_attr_setstacksize(&attr, STACK_BYTES) ?:
		pthread_setattr_default_np(&attr);
	if (errno)
		die("stacks of threads");
	pthread_attr_destroy(&attr);
}

/* A volume needs dozens, and nothing here uses select(). */
static void many_descriptors(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files))
		die("the number of descriptors");
	files.rlim_cur = files.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &files))
		die("the number of descriptors");
}

/*----------------------------------------------------------------
 * Signals
 *----------------------------------------------------------------
 */

static void signalled(struct lc_watch *w, uint32_t events)
{
	struct signalfd_siginfo info;

	(void)events;
	if (read(w->fd, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo == SIGHUP) {
		lc_log(LC_LOG_INFO, NULL, "reading %s again", d.conf_dir);
		lc_daemon_reload(&d);
		return;
	}
	lc_notify("STOPPING=1\nSTATUS=what is in flight ends");
	lc_daemon_stop(&d);
}

static void watch_signals(void)
{
	static struct lc_watch watch = { .ready = signalled, .events = EPOLLIN };
	sigset_t set;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	watch.fd = signalfd(-1, &set, SFD_CLOEXEC);
	if (watch.fd < 0 || lc_loop_watch(d.loop, &watch))
		die("signals");
}

int main(int argc, char **argv)
{
	struct lc_server *server;
	char why[256];
	int ret = parse(argc, argv);

	if (ret)
		return ret - 1;
	lc_log_init();
	keep_secrets();
	many_descriptors();
	never_for_memory();
	small_stacks();
	lock_memory();
	INIT_LIST_HEAD(&d.volumes);
	INIT_LIST_HEAD(&d.buckets);
	d.loop = lc_loop_new();
	if (!d.loop)
		die("epoll");
	watch_signals();
	server = lc_server_new(&d, why);
	if (!server) {
		lc_log(LC_LOG_ERROR, NULL, "%s", why);
		return 1;
	}
	lc_daemon_reload(&d);
	d.takeover = false;
	lc_notify("READY=1");
	lc_notify_watchdog(d.loop);
	lc_loop_run(d.loop);
	lc_server_free(server);
	lc_bucket_limits_free(&d);
	lc_loop_free(d.loop);
	lc_log(LC_LOG_INFO, NULL, "ends");
	return 0;
}
