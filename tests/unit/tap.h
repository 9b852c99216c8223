/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The least TAP that a test needs.
 *
 *	static void splits_in_the_middle(void) { ...; CHECK(n == 2); }
 *
 *	int main(void)
 *	{
 *		RUN(splits_in_the_middle);
 *		return tap_done();
 *	}
 *
 * CHECK() notes the first failure of a case and ends it; call it from void
 * functions only.  REQUIRE() works anywhere and ends the program.
 */
#ifndef TAP_H
#define TAP_H

#include <stdio.h>
#include <stdlib.h>

static int tap_nr, tap_failed, tap_case_failed;

#define CHECK(cond) do {						\
	if (!(cond)) {							\
		printf("# %s:%d: %s\n", __FILE__, __LINE__, #cond);	\
		tap_case_failed = 1;					\
		return;							\
	}								\
} while (0)

#define REQUIRE(cond) do {						\
	if (!(cond)) {							\
		printf("# %s:%d: %s\nBail out!\n", __FILE__, __LINE__, #cond); \
		exit(1);						\
	}								\
} while (0)

#define RUN(name) tap_run(#name, name)

static inline void tap_run(const char *name, void (*fn)(void))
{
	tap_case_failed = 0;
	fn();
	tap_failed += tap_case_failed;
	printf("%sok %d - %s\n", tap_case_failed ? "not " : "", ++tap_nr, name);
	fflush(stdout);
}

static inline int tap_done(void)
{
	printf("1..%d\n", tap_nr);
	return tap_failed ? 1 : 0;
}

#endif /* TAP_H */
