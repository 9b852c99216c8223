/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SHIM_LINUX_BUG_H
#define SHIM_LINUX_BUG_H

#include <linux/build_bug.h>
#include <linux/compiler.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

/*
 * A warning is a failed test, so it aborts; a test that provokes one on purpose
 * sets shim_warn_expected for the time.
 */
__attribute__((weak)) bool shim_warn_expected;

static inline bool shim_warn(bool bad, const char *what, const char *file,
			     int line)
{
	if (bad && !shim_warn_expected) {
		fprintf(stderr, "WARN_ON(%s) at %s:%d\n", what, file, line);
		abort();
	}
	return bad;
}

#define WARN_ON(cond)		shim_warn(!!(cond), #cond, __FILE__, __LINE__)
#define WARN_ON_ONCE(cond)	WARN_ON(cond)
#define WARN(cond, ...)		WARN_ON(cond)
#define WARN_ONCE(cond, ...)	WARN_ON(cond)
#define BUG_ON(cond)		do { if (cond) abort(); } while (0)
#define BUG()			abort()

#endif /* SHIM_LINUX_BUG_H */
