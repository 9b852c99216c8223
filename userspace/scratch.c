// SPDX-License-Identifier: GPL-2.0-only
#include "scratch.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl.h"

char *scratch_new(void)
{
	char *dir = xasprintf("%s/logcachectl.XXXXXX", getenv("TMPDIR") ?: "/var/tmp");

	if (mkdtemp(dir))
		return dir;
	ctl_error(0, "%s: cannot be made: %s; TMPDIR names another place", dir, strerror(errno));
	free(dir);
	return NULL;
}

static int remove_one(const char *path, const struct stat *st __maybe_unused,
		      int type __maybe_unused, struct FTW *ftw __maybe_unused)
{
	remove(path);
	return 0;
}

void scratch_remove(char *dir)
{
	nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(dir);
}
