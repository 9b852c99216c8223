/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The real logcachectl, which is beside the test's own binary, run in a directory
 * of its own. The source tree is looked for from tests/unit.
 */
#ifndef CTL_RUN_H
#define CTL_RUN_H

#include <ctype.h>
#include <ftw.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <jansson.h>
#include <linux/kernel.h>

#include "tap.h"

static char binary[PATH_MAX + 16];
static char top[PATH_MAX];		/* of the source tree */
static char out[1 << 20];		/* of the last run, stdout and stderr */

static inline int ctl(const char *args)
{
	static char cmd[2 * PATH_MAX];
	size_t n;
	FILE *p;
	int st;

	snprintf(cmd, sizeof(cmd), "'%s' %s 2>&1 </dev/null", binary, args);
	p = popen(cmd, "r");
	REQUIRE(p);
	n = fread(out, 1, sizeof(out) - 1, p);
	out[n] = '\0';
	st = pclose(p);
	REQUIRE(WIFEXITED(st));
	/* A sanitizer's report must not pass as a failure that was expected. */
	if (strstr(out, "ERROR: AddressSanitizer") || strstr(out, "runtime error:")) {
		printf("# %s\n", out);
		REQUIRE(!"sanitizer");
	}
	return WEXITSTATUS(st);
}

static inline bool says(const char *text)
{
	if (strstr(out, text))
		return true;
	printf("# wanted: %s\n# got: %s\n", text, out);
	return false;
}

/* Integer at a path like "counts.records" of the last output. */
static inline long long json_at(const char *path)
{
	json_t *root = json_loads(out, 0, NULL), *at = root;
	char key[64];
	long long v;

	while (*path && at) {
		size_t n = strcspn(path, ".");

		snprintf(key, sizeof(key), "%.*s", (int)n, path);
		at = isdigit((unsigned char)*key) ? json_array_get(at, atoi(key)) :
						    json_object_get(at, key);
		path += n + (path[n] == '.');
	}
	v = json_is_boolean(at) ? json_is_true(at) : json_is_array(at) ? (long long)json_array_size(at) :
	    json_is_integer(at) ? json_integer_value(at) : -1;
	json_decref(root);
	return v;
}

static inline void ctl_setup(void)
{
	char dir[] = "/tmp/ctl_test.XXXXXX";
	ssize_t n = readlink("/proc/self/exe", binary, PATH_MAX);

	REQUIRE(n > 0 && realpath("../..", top));
	binary[n] = '\0';
	strcpy(strrchr(binary, '/') + 1, "logcachectl");
	REQUIRE(!access(binary, X_OK) && mkdtemp(dir) && !chdir(dir));
}

static inline int ctl_remove(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static inline void ctl_cleanup(void)
{
	char dir[PATH_MAX];

	if (getcwd(dir, sizeof(dir)))
		nftw(dir, ctl_remove, 16, FTW_DEPTH | FTW_PHYS);
}

#endif /* CTL_RUN_H */
