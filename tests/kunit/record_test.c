// SPDX-License-Identifier: GPL-2.0-only
/* The cases of tests/unit/record_test.c, in the kernel. */

#include "cases.h"
#include "../../kernel/record.c"
#include "../unit/record_test.c"

#define X(name) LC_KUNIT_FN(name)
RECORD_CASES(X)
#undef X

#define X(name) LC_KUNIT_CASE(name)
static struct kunit_case record_cases[] = {
	RECORD_CASES(X)
	{}
};

static struct kunit_suite record_suite = {
	.name = "dm_lc_record",
	.test_cases = record_cases,
};

kunit_test_suite(record_suite);

MODULE_DESCRIPTION("dm-logcache: tests of record.c");
MODULE_LICENSE("GPL");
