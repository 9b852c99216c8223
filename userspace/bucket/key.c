// SPDX-License-Identifier: GPL-2.0-only

#include <stdio.h>
#include <string.h>

#include "key.h"

const char *lc_uuid_text(char *text, const u8 uuid[16])
{
	static const char hex[] = "0123456789abcdef";
	char *p = text;
	int i;

	for (i = 0; i < 16; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*p++ = '-';
		*p++ = hex[uuid[i] >> 4];
		*p++ = hex[uuid[i] & 15];
	}
	*p = '\0';
	return text;
}

void lc_key_manifest(char *key, const u8 uuid[16])
{
	char text[LC_UUID_TEXT];

	snprintf(key, LC_KEY_LEN, "%s/manifest", lc_uuid_text(text, uuid));
}

void lc_key_data_prefix(char *key, const u8 uuid[16])
{
	char text[LC_UUID_TEXT];

	snprintf(key, LC_KEY_LEN, "%s/data/", lc_uuid_text(text, uuid));
}

void lc_key_ckpt_prefix(char *key, const u8 uuid[16])
{
	char text[LC_UUID_TEXT];

	snprintf(key, LC_KEY_LEN, "%s/map/", lc_uuid_text(text, uuid));
}

void lc_key_data(char *key, const u8 uuid[16], u64 epoch, u64 seq)
{
	char text[LC_UUID_TEXT];

	snprintf(key, LC_KEY_LEN, "%s/data/%016llx/%016llx", lc_uuid_text(text, uuid), epoch, seq);
}

void lc_key_ckpt(char *key, const u8 uuid[16], u64 seq, u64 epoch, u32 part)
{
	char text[LC_UUID_TEXT];

	snprintf(key, LC_KEY_LEN, "%s/map/%016llx.%016llx.%08x", lc_uuid_text(text, uuid), seq,
		 epoch, part);
}

/* @digits hexadecimal digits at *@p, as they are written here; moves *@p behind them. */
static bool take_hex(const char **p, unsigned int digits, u64 *value)
{
	for (*value = 0; digits; digits--, (*p)++) {
		if (**p >= '0' && **p <= '9')
			*value = *value << 4 | (**p - '0');
		else if (**p >= 'a' && **p <= 'f')
			*value = *value << 4 | (**p - 'a' + 10);
		else
			return false;
	}
	return true;
}

static bool take_char(const char **p, char c)
{
	if (**p != c)
		return false;
	(*p)++;
	return true;
}

/* What follows @prefix, or NULL. */
static const char *behind(const char *key, const char *prefix)
{
	size_t len = strlen(prefix);

	return strncmp(key, prefix, len) ? NULL : key + len;
}

bool lc_key_parse_data(const char *key, const u8 uuid[16], u64 *epoch, u64 *seq)
{
	char prefix[LC_KEY_LEN];
	const char *p;

	lc_key_data_prefix(prefix, uuid);
	p = behind(key, prefix);
	return p && take_hex(&p, 16, epoch) && take_char(&p, '/') && take_hex(&p, 16, seq) && !*p;
}

bool lc_key_parse_ckpt(const char *key, const u8 uuid[16], u64 *seq, u64 *epoch, u32 *part)
{
	char prefix[LC_KEY_LEN];
	const char *p;
	u64 n = 0;

	lc_key_ckpt_prefix(prefix, uuid);
	p = behind(key, prefix);
	if (!p || !take_hex(&p, 16, seq) || !take_char(&p, '.') || !take_hex(&p, 16, epoch) ||
	    !take_char(&p, '.') || !take_hex(&p, 8, &n))
		return false;
	*part = n;
	return !*p;
}
