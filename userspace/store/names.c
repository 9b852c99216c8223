// SPDX-License-Identifier: GPL-2.0-only
/* Keys of a listing. */

#include <stdlib.h>
#include <string.h>

#include "names.h"

bool lc_names_add(struct lc_names *names, const char *key, uint64_t size)
{
	size_t len = strlen(key) + 1;
	size_t need = names->len + sizeof(size) + len;
	char *buf;

	if (need > names->max) {
		buf = realloc(names->buf, need + names->max + 4096);
		if (!buf)
			return false;
		names->buf = buf;
		names->max += need + 4096;
	}
	memcpy(names->buf + names->len, &size, sizeof(size));
	memcpy(names->buf + names->len + sizeof(size), key, len);
	names->len = need;
	return true;
}

const char *lc_names_next(const struct lc_names *names, size_t *pos, uint64_t *size)
{
	const char *key;

	if (*pos >= names->len)
		return NULL;
	memcpy(size, names->buf + *pos, sizeof(*size));
	key = names->buf + *pos + sizeof(*size);
	*pos += sizeof(*size) + strlen(key) + 1;
	return key;
}

void lc_names_free(struct lc_names *names)
{
	free(names->buf);
	names->buf = NULL;
	names->len = 0;
	names->max = 0;
}
