// SPDX-License-Identifier: GPL-2.0-only

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "ctl.h"
#include "findings.h"

static void print_one(const struct findings *f, const char *sev, u64 block, const char *what,
		      const char *advice)
{
	printf("%s: %s: ", f->device, sev);
	if (block != NO_BLOCK)
		printf("block %llu: ", block);
	printf("%s%s%s\n", what, *advice ? "; " : "", advice);
}

static void collect_one(struct findings *f, const char *sev, u64 block, const char *what,
			const char *advice)
{
	json_t *o = json_object();

	json_set_str(o, "severity", sev);
	if (block != NO_BLOCK)
		json_set_u64(o, "block", block);
	json_set_str(o, "what", what);
	json_set_str(o, "advice", advice);
	json_array_append_new(f->list, o);
}

void finding(struct findings *f, enum severity sev, u64 block, const char *advice,
	     const char *fmt, ...)
{
	const char *name = sev == FAULT ? "fault" : "note";
	va_list ap;
	char *what;

	if (sev == FAULT)
		f->faults++;
	else
		f->notes++;
	if (f->quiet)
		return;
	va_start(ap, fmt);
	if (vasprintf(&what, fmt, ap) < 0)
		what = NULL;
	va_end(ap);
	if (f->list)
		collect_one(f, name, block, what ?: "", advice);
	else
		print_one(f, name, block, what ?: "", advice);
	free(what);
}
