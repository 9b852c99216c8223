// SPDX-License-Identifier: GPL-2.0-only
/* Messages of the daemon: nobody who does not read them holds it up. */

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "logcached/log.h"
#include "tap.h"

/* Somebody who waits never ends by himself. */
#define TOO_LONG_S	60

static char text[1 << 20];
static int reader, saved;

/* @sv[1] is standard error; what is in it is left unread. */
static void become_stderr(const int fds[2])
{
	fflush(stderr);
	saved = dup(STDERR_FILENO);
	dup2(fds[1], STDERR_FILENO);
	close(fds[1]);
	reader = fds[0];
	lc_log_init();
}

static void fill(void)
{
	int flags = fcntl(STDERR_FILENO, F_GETFL);
	char many[4096];

	memset(many, '-', sizeof(many));
	fcntl(STDERR_FILENO, F_SETFL, flags | O_NONBLOCK);
	while (write(STDERR_FILENO, many, sizeof(many)) > 0)
		;
	while (write(STDERR_FILENO, many, 1) > 0)
		;
	fcntl(STDERR_FILENO, F_SETFL, flags);
}

static const char *drain(void)
{
	size_t len = 0;
	ssize_t n;

	fcntl(reader, F_SETFL, O_NONBLOCK);
	while ((n = read(reader, text + len, sizeof(text) - 1 - len)) > 0)
		len += n;
	text[len] = '\0';
	return text + strspn(text, "-");
}

static void restore(void)
{
	dup2(saved, STDERR_FILENO);
	close(saved);
	close(reader);
	lc_log_init();
}

static void nobody_reads(const int fds[2], const char *name)
{
	become_stderr(fds);
	CHECK(!(fcntl(STDERR_FILENO, F_GETFL) & O_NONBLOCK));
	fill();
	lc_log(LC_LOG_ERROR, name, "one");
	lc_log(LC_LOG_ERROR, name, "two");
	CHECK(!*drain());
	lc_log(LC_LOG_ERROR, name, "three");
	drain();
	CHECK(!strncmp(text, "logcached: 2 messages", 21));
	CHECK(strstr(text, "three\n") && !strstr(text, "one"));
	lc_log(LC_LOG_ERROR, name, "four");
	CHECK(!strstr(drain(), "messages") && strstr(text, "four\n"));
	restore();
}

static void a_pipe_that_is_full(void)
{
	int fds[2];

	REQUIRE(!pipe(fds));
	nobody_reads(fds, "pipe");
}

static void a_socket_that_is_full(void)
{
	int fds[2];

	REQUIRE(!socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
	nobody_reads(fds, "socket");
}

static void the_same_is_not_said_again_and_again(void)
{
	int fds[2], i;

	REQUIRE(!pipe(fds));
	become_stderr(fds);
	for (i = 0; i < 3; i++) {
		lc_log(LC_LOG_ERROR, "v", "this");
		lc_log(LC_LOG_ERROR, "v", "that");
		lc_log(LC_LOG_ERROR, "v", "number %d", i);
	}
	CHECK(!strcmp(drain(), "volume v: this\nvolume v: that\nvolume v: number 0\n"
		      "volume v: number 1\nvolume v: number 2\n"));
	restore();
}

int main(void)
{
	unsetenv("JOURNAL_STREAM");
	alarm(TOO_LONG_S);
	RUN(a_pipe_that_is_full);
	RUN(a_socket_that_is_full);
	RUN(the_same_is_not_said_again_and_again);
	return tap_done();
}
