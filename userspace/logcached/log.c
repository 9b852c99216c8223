// SPDX-License-Identifier: GPL-2.0-only
/*
 * Never waits: whoever reads standard error may himself wait for a volume of ours, as the
 * journal does that is on one. What cannot be written now is lost, and counted.
 */

#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <linux/kernel.h>

#define LINE_MAX_BYTES	1024
/* What was said a moment ago is not said again. */
#define RECENT		8u
#define RECENT_S	10

static struct {
	bool journal;
	bool socket;
	int fd;
	unsigned long lost;
} out = { .fd = STDERR_FILENO };

static struct recent {
	char line[LINE_MAX_BYTES];
	time_t at;
	unsigned long more;		/* times it was not said */
} recent[RECENT];

/*
 * A pipe or a terminal is opened once more, since O_NONBLOCK is a matter of everybody who
 * has it from the same open().
 */
void lc_log_init(void)
{
	struct stat st;
	int fd = -1;

	out.journal = getenv("JOURNAL_STREAM");
	if (fstat(STDERR_FILENO, &st))
		return;
	out.socket = S_ISSOCK(st.st_mode);
	if (S_ISFIFO(st.st_mode) || S_ISCHR(st.st_mode))
		fd = open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	out.fd = fd < 0 ? STDERR_FILENO : fd;
}

/* One write, so that lines of several processes do not mix. */
static bool put(const char *line, size_t len)
{
	if (out.socket)
		return send(out.fd, line, len, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0;
	return write(out.fd, line, len) >= 0;
}

static size_t head(char *line, enum lc_log_level level, const char *who)
{
	size_t n = 0;

	if (out.journal)
		n = snprintf(line, LINE_MAX_BYTES, "<%d>", level);
	return n + snprintf(line + n, LINE_MAX_BYTES - n, "%s%s: ", who ? "volume " : "",
			    who ?: "logcached");
}

static bool put_lost(void)
{
	char line[LINE_MAX_BYTES];
	size_t n = head(line, LC_LOG_WARNING, NULL);

	n += snprintf(line + n, sizeof(line) - n, "%lu messages could not be written\n", out.lost);
	if (!put(line, n))
		return false;
	out.lost = 0;
	return true;
}

/* Where @line is, or will be: in the place of the one that came first. */
static struct recent *find(const char *line)
{
	static unsigned int next;
	struct recent *r;

	for (r = recent; r < recent + RECENT; r++)
		if (r->at && !strcmp(r->line, line))
			return r;
	r = &recent[next++ % RECENT];
	r->at = 0;
	return r;
}

/* 0: it was said a moment ago. Otherwise how often it was not said since, and one. */
static unsigned long to_be_said(const char *line)
{
	struct recent *r = find(line);
	unsigned long times = 1;
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (r->at && now.tv_sec - r->at < RECENT_S) {
		r->more++;
		return 0;
	}
	if (r->at)
		times += r->more;
	else
		memcpy(r->line, line, strlen(line) + 1);
	r->at = now.tv_sec + !now.tv_sec;
	r->more = 0;
	return times;
}

void lc_log(enum lc_log_level level, const char *who, const char *fmt, ...)
{
	char line[LINE_MAX_BYTES];
	unsigned long times;
	va_list ap;
	size_t n;

	n = head(line, level, who);
	va_start(ap, fmt);
	n += vsnprintf(line + n, sizeof(line) - n, fmt, ap);
	va_end(ap);
	n = min(n, sizeof(line) - 1);
	times = to_be_said(line);
	if (!times)
		return;
	if (times > 1)
		n += snprintf(line + n, sizeof(line) - n, " (%lu times)", times);
	n = min(n, sizeof(line) - 1);
	line[n++] = '\n';
	if ((out.lost && !put_lost()) || !put(line, n))
		out.lost++;
}
