/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SHIM_LINUX_CRC32C_H
#define SHIM_LINUX_CRC32C_H

#include <linux/types.h>

/*
 * The kernel's crc32c(): reflected polynomial 0x82f63b78, no inversion before
 * or after.  crc32c(~0, "123456789", 9) ^ ~0 is the 0xe3069283 of RFC 3720.
 */
static inline u32 crc32c(u32 crc, const void *data, size_t len)
{
	static u32 table[256];
	const u8 *p = data;
	unsigned int i, bit;

	if (!table[1]) {
		for (i = 256; i--; ) {
			u32 c = i;

			for (bit = 0; bit < 8; bit++)
				c = c >> 1 ^ (c & 1 ? 0x82f63b78 : 0);
			__atomic_store_n(&table[i], c, __ATOMIC_RELAXED);
		}
	}
	while (len--)
		crc = crc >> 8 ^ table[(crc ^ *p++) & 0xff];
	return crc;
}

#endif /* SHIM_LINUX_CRC32C_H */
