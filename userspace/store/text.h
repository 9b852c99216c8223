/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Text that is put together in a buffer of fixed size. What does not fit is
 * cut, and @full says so: it is looked at once, at the end.
 */
#ifndef LC_TEXT_H
#define LC_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include <linux/compiler.h>

struct lc_text {
	char *buf;
	size_t max;		/* with the NUL, which is always there */
	size_t len;
	bool full;
};

/* @array: the buffer, not a pointer to it. */
#define LC_TEXT(array)	{ .buf = (array), .max = sizeof(array) }

__printf(2, 3) void lc_text_add(struct lc_text *t, const char *fmt, ...);
void lc_text_put(struct lc_text *t, const char *bytes, size_t len);

/* Percent-encoded as RFC 3986 has it; slashes stay what they are if @path. */
void lc_text_encode(struct lc_text *t, const char *bytes, bool path);

/* 2 * @len digits and a NUL. */
void lc_text_hex(char *out, const unsigned char *bytes, size_t len);

#endif /* LC_TEXT_H */
