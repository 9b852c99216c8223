// SPDX-License-Identifier: GPL-2.0-only
/* The cases of tests/unit/lru_test.c, in the kernel. */

#include "cases.h"
#include "../../kernel/lru.c"
#include "../unit/lru_test.c"

#define X(name) LC_KUNIT_FN(name)
LRU_CASES(X)
#undef X

#define X(name) LC_KUNIT_CASE(name)
static struct kunit_case lru_cases[] = {
	LRU_CASES(X)
	{}
};

static struct kunit_suite lru_suite = {
	.name = "dm_lc_lru",
	.test_cases = lru_cases,
};

kunit_test_suite(lru_suite);

MODULE_DESCRIPTION("dm-logcache: tests of lru.c");
MODULE_LICENSE("GPL");
