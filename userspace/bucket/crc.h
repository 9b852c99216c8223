/* SPDX-License-Identifier: GPL-2.0-only */
/* CRC32C as the formats of logcache use it: seed ~0, no final inversion. */
#ifndef LC_BUCKET_CRC_H
#define LC_BUCKET_CRC_H

#include <linux/types.h>

/* Continue @crc (~0u to begin) over @len bytes. */
u32 lc_bk_crc(u32 crc, const void *data, size_t len);

#endif /* LC_BUCKET_CRC_H */
