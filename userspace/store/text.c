// SPDX-License-Identifier: GPL-2.0-only
/* Text in buffers of fixed size. */

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "text.h"

void lc_text_put(struct lc_text *t, const char *bytes, size_t len)
{
	size_t room = t->max - t->len - 1;

	if (len > room) {
		t->full = true;
		len = room;
	}
	memcpy(t->buf + t->len, bytes, len);
	t->len += len;
	t->buf[t->len] = '\0';
}

void lc_text_add(struct lc_text *t, const char *fmt, ...)
{
	size_t room = t->max - t->len;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(t->buf + t->len, room, fmt, ap);
	va_end(ap);
	if (n < 0 || n >= room) {
		t->full = true;
		n = room - 1;
	}
	t->len += n;
}

static bool unreserved(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '.' || c == '_' || c == '~';
}

void lc_text_encode(struct lc_text *t, const char *bytes, bool path)
{
	for (; *bytes; bytes++)
		if (unreserved(*bytes) || (path && *bytes == '/'))
			lc_text_put(t, bytes, 1);
		else
			lc_text_add(t, "%%%02X", (unsigned char)*bytes);
}

void lc_text_hex(char *out, const unsigned char *bytes, size_t len)
{
	static const char digits[] = "0123456789abcdef";
	size_t i;

	for (i = 0; i < len; i++) {
		*out++ = digits[bytes[i] >> 4];
		*out++ = digits[bytes[i] & 15];
	}
	*out = '\0';
}
