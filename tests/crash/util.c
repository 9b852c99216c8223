// SPDX-License-Identifier: GPL-2.0
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "util.h"

void die(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	fputs("Bail out! ", stdout);
	vprintf(fmt, args);
	putchar('\n');
	va_end(args);
	fflush(stdout);
	_Exit(99);
}

void *xcalloc(size_t nr, size_t size)
{
	void *p = calloc(nr ? nr : 1, size);

	if (!p)
		die("out of memory (%zu x %zu)", nr, size);
	return p;
}

void *xrealloc(void *old, size_t nr, size_t size)
{
	void *p;

	if (size && nr > SIZE_MAX / size)
		die("allocation overflow (%zu x %zu)", nr, size);
	p = realloc(old, nr * size);
	if (!p)
		die("out of memory (%zu x %zu)", nr, size);
	return p;
}

void *xalloc_pages(size_t bytes)
{
	void *p = aligned_alloc(4096, (bytes + 4095) & ~(size_t)4095);

	if (!p)
		die("out of memory (%zu)", bytes);
	return p;
}
