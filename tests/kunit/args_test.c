// SPDX-License-Identifier: GPL-2.0-only
/* The cases of tests/unit/args_test.c, in the kernel. */

#include "cases.h"
#include "../../kernel/args.c"
#include "../unit/args_test.c"

#define X(name) LC_KUNIT_FN(name)
ARGS_CASES(X)
#undef X

#define X(name) LC_KUNIT_CASE(name)
static struct kunit_case args_cases[] = {
	ARGS_CASES(X)
	{}
};

static struct kunit_suite args_suite = {
	.name = "dm_lc_args",
	.test_cases = args_cases,
};

kunit_test_suite(args_suite);

MODULE_DESCRIPTION("dm-logcache: tests of args.c");
MODULE_LICENSE("GPL");
