// SPDX-License-Identifier: GPL-2.0-only

#include <string.h>

#include <linux/crc32c.h>

#include "crc.h"

#ifdef __x86_64__
/* A table cannot keep up with a fast network; the instruction can. */
__attribute__((target("sse4.2")))
static u32 crc_insn(u32 crc, const u8 *p, size_t len)
{
	u64 wide = crc, word;

	for (; len >= sizeof(word); len -= sizeof(word), p += sizeof(word)) {
		memcpy(&word, p, sizeof(word));
		wide = __builtin_ia32_crc32di(wide, word);
	}
	crc = wide;
	while (len--)
		crc = __builtin_ia32_crc32qi(crc, *p++);
	return crc;
}

u32 lc_bk_crc(u32 crc, const void *data, size_t len)
{
	if (__builtin_cpu_supports("sse4.2"))
		return crc_insn(crc, data, len);
	return crc32c(crc, data, len);
}
#else
u32 lc_bk_crc(u32 crc, const void *data, size_t len)
{
	return crc32c(crc, data, len);
}
#endif
