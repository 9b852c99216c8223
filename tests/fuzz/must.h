/* SPDX-License-Identifier: GPL-2.0-only */
/* What a harness demands of what was accepted, and of what was refused. */
#ifndef FUZZ_MUST_H
#define FUZZ_MUST_H

#include <stdbool.h>
#include <stdlib.h>

static inline void must(bool cond)
{
	if (!cond)
		abort();
}

/* 0 or an error, and that with a text. */
static inline void must_explain(int ret, const char *why)
{
	must(ret <= 0);
	must(!ret || (why && *why));
}

#endif /* FUZZ_MUST_H */
