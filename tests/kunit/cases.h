/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Runs the cases of tests/unit as a KUnit suite. Include it, then the core,
 * then its test with LC_KUNIT defined, and list the cases:
 *
 *	#define X(name) LC_KUNIT_FN(name)
 *	RECORD_CASES(X)
 *	#undef X
 *	#define X(name) LC_KUNIT_CASE(name)
 *	static struct kunit_case cases[] = { RECORD_CASES(X) {} };
 */
#ifndef LC_KUNIT_CASES_H
#define LC_KUNIT_CASES_H

#include <kunit/test.h>

#define LC_KUNIT

static struct kunit *lc_kunit;

#define CHECK(cond)	KUNIT_ASSERT_TRUE(lc_kunit, cond)

#define LC_KUNIT_FN(_name)				\
static void lc_kunit_##_name(struct kunit *test)	\
{							\
	lc_kunit = test;				\
	_name();					\
}

#define LC_KUNIT_CASE(_name)	{ .run_case = lc_kunit_##_name, .name = #_name },

#endif /* LC_KUNIT_CASES_H */
