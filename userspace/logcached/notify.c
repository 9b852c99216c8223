// SPDX-License-Identifier: GPL-2.0-only

#include "notify.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "store/loop.h"

static struct {
	struct lc_loop *loop;
	struct lc_timer timer;
	uint64_t ms;
} watchdog;

void lc_notify(const char *state)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	size_t len;
	int fd;

	if (!path || (*path != '/' && *path != '@'))
		return;
	len = strlen(path);
	if (len >= sizeof(to.sun_path))
		return;
	memcpy(to.sun_path, path, len);
	if (*path == '@')
		to.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	/* Whoever reads it may wait for a volume of ours. */
	sendto(fd, state, strlen(state), MSG_NOSIGNAL | MSG_DONTWAIT, (struct sockaddr *)&to,
	       offsetof(struct sockaddr_un, sun_path) + len);
	close(fd);
}

static void alive(struct lc_timer *t)
{
	/* The first READY may have been lost. */
	lc_notify("READY=1\nWATCHDOG=1");
	lc_timer_arm(watchdog.loop, t, watchdog.ms);
}

void lc_notify_watchdog(struct lc_loop *loop)
{
	const char *us = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");

	if (!us || (pid && strtol(pid, NULL, 10) != getpid()))
		return;
	watchdog.loop = loop;
	watchdog.ms = strtoull(us, NULL, 10) / 2000;
	watchdog.timer.expired = alive;
	if (watchdog.ms)
		alive(&watchdog.timer);
}
