// SPDX-License-Identifier: GPL-2.0
/* The cases of tests/unit/index_test.c, in the kernel. */

#include "cases.h"
#include "../../kernel/index_leaf.c"
#include "../../kernel/index.c"
#include "../unit/index_test.c"

#define X(name) LC_KUNIT_FN(name)
INDEX_CASES(X)
#undef X

#define X(name) LC_KUNIT_CASE(name)
static struct kunit_case index_cases[] = {
	INDEX_CASES(X)
	{}
};

static struct kunit_suite index_suite = {
	.name = "dm_lc_index",
	.test_cases = index_cases,
};

kunit_test_suite(index_suite);

MODULE_DESCRIPTION("dm-logcache: tests of index.c");
MODULE_LICENSE("GPL");
