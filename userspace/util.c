// SPDX-License-Identifier: GPL-2.0-only
/* Text, numbers, memory, progress. */

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "ctl.h"

int ctl_error(int status, const char *fmt, ...)
{
	va_list ap;

	fflush(stdout);
	fputs("logcachectl: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	return status;
}

int ctl_confirm(const struct ctl *ctl, const char *fmt, ...)
{
	char answer[8] = "";
	va_list ap;

	if (ctl_has(ctl, "yes"))
		return CTL_OK;
	if (!isatty(STDIN_FILENO))
		return ctl_error(CTL_USAGE, "%s: nobody to ask; use --yes", ctl->cmd->name);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf(" Go on? [y/N] ");
	fflush(stdout);
	if (!fgets(answer, sizeof(answer), stdin) || (answer[0] != 'y' && answer[0] != 'Y'))
		return ctl_error(CTL_FAILED, "%s: nothing was changed", ctl->cmd->name);
	return CTL_OK;
}

bool parse_u64(const char *text, u64 *value)
{
	char *end;

	if (!isdigit((unsigned char)*text))
		return false;
	errno = 0;
	*value = strtoull(text, &end, 0);
	return !errno && !*end;
}

bool parse_size(const char *text, u64 *bytes)
{
	static const char units[] = "kmgtp";
	unsigned int shift = 0;
	const char *unit;
	char *end;

	if (!isdigit((unsigned char)*text))
		return false;
	errno = 0;
	*bytes = strtoull(text, &end, 10);
	if (errno)
		return false;
	unit = *end ? strchr(units, tolower((unsigned char)*end)) : NULL;
	if (unit) {
		shift = 10 * (unit - units + 1);
		end++;
		if (!strcmp(end, "iB"))
			end += 2;
	}
	if (*end || *bytes << shift >> shift != *bytes)
		return false;
	*bytes <<= shift;
	return true;
}

const char *size_text(char *buf, u64 bytes)
{
	static const char * const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	double v = bytes;
	unsigned int u = 0;

	while (v >= 1024 && u < 6) {
		v /= 1024;
		u++;
	}
	snprintf(buf, SIZE_TEXT, u && v < 100 && v != (u64)v ? "%.1f %s" : "%.0f %s", v, units[u]);
	return buf;
}

const char *uuid_text(char *buf, const u8 *u)
{
	snprintf(buf, UUID_TEXT,
		 "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
		 u[0], u[1], u[2], u[3], u[4], u[5], u[6], u[7],
		 u[8], u[9], u[10], u[11], u[12], u[13], u[14], u[15]);
	return buf;
}

static bool uuid_digit(const char *uuid, unsigned int i)
{
	if (i == 8 || i == 13 || i == 18 || i == 23)
		return uuid[i] == '-';
	return isxdigit((unsigned char)uuid[i]);
}

bool uuid_parse(const char *text, u8 *uuid)
{
	unsigned int i, n, digit[2];

	if (strlen(text) != UUID_TEXT - 1)
		return false;
	for (i = 0; i < UUID_TEXT - 1; i++)
		if (!uuid_digit(text, i))
			return false;
	for (n = 0; n < 16; n++, text += 2) {
		text += *text == '-';
		for (i = 0; i < 2; i++)
			digit[i] = isdigit((unsigned char)text[i]) ? text[i] - '0' :
				   tolower((unsigned char)text[i]) - 'a' + 10;
		uuid[n] = digit[0] << 4 | digit[1];
	}
	return true;
}

int uuid_random(u8 *uuid)
{
	if (getrandom(uuid, 16, 0) != 16)
		return ctl_error(CTL_FAILED, "no random numbers: %s", strerror(errno));
	/* RFC 4122, version 4. */
	uuid[6] = (uuid[6] & 0x0f) | 0x40;
	uuid[8] = (uuid[8] & 0x3f) | 0x80;
	return CTL_OK;
}

static void *no_memory(void)
{
	ctl_error(0, "out of memory");
	exit(CTL_FAILED);
}

void *xcalloc(size_t n, size_t size)
{
	void *p = calloc(n ?: 1, size ?: 1);

	return p ?: no_memory();
}

void *xrealloc(void *p, size_t size)
{
	p = realloc(p, size ?: 1);
	return p ?: no_memory();
}

char *xasprintf(const char *fmt, ...)
{
	va_list ap;
	char *text;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		no_memory();
	va_end(ap);
	return text;
}

/*----------------------------------------------------------------
 * JSON
 *----------------------------------------------------------------
 */

void json_print(json_t *root)
{
	json_dumpf(root, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(root);
}

void json_set_u64(json_t *obj, const char *key, u64 value)
{
	/* JSON integers of jansson are signed; nothing real gets there. */
	json_object_set_new(obj, key, json_integer(value > INT64_MAX ? INT64_MAX : value));
}

void json_set_str(json_t *obj, const char *key, const char *value)
{
	json_t *s = json_string(value);

	/* Text from a device may not be UTF-8. */
	json_object_set_new(obj, key, s ?: json_string("(not text)"));
}

/*----------------------------------------------------------------
 * Progress
 *----------------------------------------------------------------
 */

#define BAR_WIDTH	30
#define BAR_PERIOD_MS	100
#define BAR_DELAY_MS	500	/* what is done by then needs no bar */

static u64 now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000ull + ts.tv_nsec / 1000000;
}

void progress_start(struct progress *p, const char *what, u64 total)
{
	p->what = what;
	p->total = total;
	p->tty = isatty(STDERR_FILENO);
	p->next = now_ms() + BAR_DELAY_MS;
	p->drawn = false;
}

void progress_show(struct progress *p, u64 done)
{
	unsigned int filled, i;
	char bar[BAR_WIDTH + 1];

	if (!p->tty || !p->total || now_ms() < p->next)
		return;
	p->next = now_ms() + BAR_PERIOD_MS;
	p->drawn = true;
	if (done > p->total)
		done = p->total;
	filled = (double)done / p->total * BAR_WIDTH;
	for (i = 0; i < BAR_WIDTH; i++)
		bar[i] = i < filled ? '#' : '.';
	bar[BAR_WIDTH] = '\0';
	fprintf(stderr, "\r%s [%s] %3.0f %%", p->what, bar, 100.0 * done / p->total);
}

void progress_end(struct progress *p)
{
	if (p->drawn)
		fprintf(stderr, "\r\033[K");
	p->drawn = false;
}
