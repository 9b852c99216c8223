// SPDX-License-Identifier: GPL-2.0-only
/* Files of sections with "name = value". */

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <linux/string.h>

#include "ini.h"
#include "store.h"

/* A directory may be in it. */
#define SECTION_MAX	(PATH_MAX + 64)

static char *trim(char *s)
{
	size_t len;

	while (isspace((unsigned char)*s))
		s++;
	for (len = strlen(s); len && isspace((unsigned char)s[len - 1]); len--)
		s[len - 1] = '\0';
	return s;
}

/* 1: next line, 0: enough, -1: not understood. */
static int take_line(char *line, char *section, lc_ini_fn fn, void *data)
{
	char *s = trim(line), *value;
	size_t len = strlen(s);

	if (!len || *s == '#' || *s == ';')
		return 1;
	if (*s == '[') {
		if (s[len - 1] != ']' || len - 2 >= SECTION_MAX)
			return -1;
		s[len - 1] = '\0';
		strscpy(section, trim(s + 1), SECTION_MAX);
		return 1;
	}
	value = strchr(s, '=');
	if (!value)
		return -1;
	*value++ = '\0';
	return fn(data, section, trim(s), trim(value));
}

static int read_lines(FILE *f, char *line, const char *path, lc_ini_fn fn, void *data, char *why)
{
	char section[SECTION_MAX] = "";
	unsigned int nr = 0;
	int more = 1;

	while (more > 0 && fgets(line, LC_INI_LINE_MAX, f)) {
		nr++;
		more = strlen(line) < LC_INI_LINE_MAX - 1 ? take_line(line, section, fn, data) : -1;
	}
	if (more < 0) {
		snprintf(why, LC_STORE_WHY_MAX,
			 "%.128s: line %u is neither [section] nor name = value", path, nr);
		return -EINVAL;
	}
	return 0;
}

static int check_file(FILE *f, const char *path, bool *exposed, char *why)
{
	struct stat st;

	if (fstat(fileno(f), &st) || !S_ISREG(st.st_mode)) {
		snprintf(why, LC_STORE_WHY_MAX, "%.128s: not a file", path);
		return -EINVAL;
	}
	*exposed = st.st_mode & 077;
	return 0;
}

int lc_ini_read(const char *path, bool *exposed, lc_ini_fn fn, void *data, char *why)
{
	/* Also what stdio reads into, so that nothing stays behind. */
	static const size_t size = 2 * LC_INI_LINE_MAX;
	char *buf;
	FILE *f;
	int ret;

	f = fopen(path, "re");
	if (!f) {
		ret = -errno;
		if (ret != -ENOENT)
			snprintf(why, LC_STORE_WHY_MAX, "%.128s: %s", path, strerror(errno));
		return ret;
	}
	buf = calloc(1, size);
	ret = buf ? check_file(f, path, exposed, why) : -ENOMEM;
	if (!ret) {
		setvbuf(f, buf + LC_INI_LINE_MAX, _IOFBF, LC_INI_LINE_MAX);
		ret = read_lines(f, buf, path, fn, data, why);
	}
	fclose(f);
	if (buf)
		explicit_bzero(buf, size);
	free(buf);
	return ret;
}
