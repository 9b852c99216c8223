/* SPDX-License-Identifier: GPL-2.0 */
/* Test results in TAP, the least of it that prove(1) understands. */
#ifndef CRASH_TAP_H
#define CRASH_TAP_H

#include <stdbool.h>
#include <stdio.h>

static unsigned int tap_count, tap_failed;

__attribute__((format(printf, 2, 3)))
static inline bool tap_ok(bool good, const char *fmt, ...)
{
	__builtin_va_list args;

	printf("%sok %u - ", good ? "" : "not ", ++tap_count);
	__builtin_va_start(args, fmt);
	vprintf(fmt, args);
	__builtin_va_end(args);
	putchar('\n');
	fflush(stdout);
	tap_failed += !good;
	return good;
}

/* The plan, last. Returns the exit status. */
static inline int tap_done(void)
{
	printf("1..%u\n", tap_count);
	return tap_failed ? 1 : 0;
}

#endif
