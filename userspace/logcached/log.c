// SPDX-License-Identifier: GPL-2.0-only

#include "log.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define LINE_MAX_BYTES	1024

static bool journal;

void lc_log_init(void)
{
	journal = getenv("JOURNAL_STREAM");
}

/* One write, so that lines of several processes do not mix. */
void lc_log(enum lc_log_level level, const char *who, const char *fmt, ...)
{
	char line[LINE_MAX_BYTES];
	va_list ap;
	int n = 0;

	if (journal)
		n = snprintf(line, sizeof(line), "<%d>", level);
	n += snprintf(line + n, sizeof(line) - n, "%s%s: ", who ? "volume " : "",
		      who ?: "logcached");
	va_start(ap, fmt);
	n += vsnprintf(line + n, sizeof(line) - n, fmt, ap);
	va_end(ap);
	if (n > (int)sizeof(line) - 1)
		n = sizeof(line) - 1;
	line[n++] = '\n';
	if (write(STDERR_FILENO, line, n) < 0)
		return;
}
