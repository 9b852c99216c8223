/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SHIM_LINUX_KSTRTOX_H
#define SHIM_LINUX_KSTRTOX_H

#include <asm/errno.h>
#include <linux/types.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Digits only, one trailing newline allowed, no sign, no blanks. */
static inline int kstrtoull(const char *s, unsigned int base,
			    unsigned long long *res)
{
	unsigned long long v;
	char *end;

	if (*s == '+')
		s++;
	if (*s == '-' || *s == '+' || *s == ' ' || *s == '\t' || !*s)
		return -EINVAL;
	errno = 0;
	v = strtoull(s, &end, base);
	if (end == s || (*end == '\n' ? end[1] : *end))
		return -EINVAL;
	if (errno)
		return -ERANGE;
	*res = v;
	return 0;
}

static inline int kstrtou64(const char *s, unsigned int base, u64 *res)
{
	return kstrtoull(s, base, res);
}

static inline int kstrtouint(const char *s, unsigned int base,
			     unsigned int *res)
{
	unsigned long long v;
	int err = kstrtoull(s, base, &v);

	if (err)
		return err;
	if (v != (unsigned int)v)
		return -ERANGE;
	*res = v;
	return 0;
}

static inline int kstrtou32(const char *s, unsigned int base, u32 *res)
{
	return kstrtouint(s, base, res);
}

static inline int kstrtobool(const char *s, bool *res)
{
	switch (*s) {
	case 'y': case 'Y': case 't': case 'T': case '1':
		*res = true;
		return 0;
	case 'n': case 'N': case 'f': case 'F': case '0':
		*res = false;
		return 0;
	case 'o': case 'O':
		if (s[1] == 'n' || s[1] == 'N') {
			*res = true;
			return 0;
		}
		if (s[1] == 'f' || s[1] == 'F') {
			*res = false;
			return 0;
		}
	}
	return -EINVAL;
}

#endif /* SHIM_LINUX_KSTRTOX_H */
