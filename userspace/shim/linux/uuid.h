/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SHIM_LINUX_UUID_H
#define SHIM_LINUX_UUID_H

#include <linux/types.h>
#include <string.h>

#define UUID_SIZE		16
#define UUID_STRING_LEN		36

typedef struct {
	u8 b[UUID_SIZE];
} uuid_t;

static inline bool uuid_equal(const uuid_t *a, const uuid_t *b)
{
	return !memcmp(a, b, sizeof(*a));
}

static inline void uuid_copy(uuid_t *dst, const uuid_t *src)
{
	*dst = *src;
}

#endif /* SHIM_LINUX_UUID_H */
