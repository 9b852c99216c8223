/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A bucket in memory, and the volume as a host finds it that has nothing else. Apart,
 * since the tests of the bucket and those of power cuts use the same names.
 */
#ifndef LOSS_BUCKET_SIDE_H
#define LOSS_BUCKET_SIDE_H

#include <stddef.h>
#include <stdint.h>

struct side;

struct side *side_new(void);
void side_free(struct side *side);
void side_put(struct side *side, const char *key, const void *data, size_t bytes);
void side_delete(struct side *side, const char *key);

/* Something that was in flight got there, for the next side_recover() only. */
void side_extra_put(struct side *side, const char *key, const void *data, size_t bytes);
void side_extra_delete(struct side *side, const char *key);

/*
 * Attach the volume @uuid from a copy of the bucket, with a new cache and an empty map,
 * and read its first @sectors into @buf. 0, or -errno with a text in @why; -ENOENT: there
 * is no volume yet.
 */
int side_recover(struct side *side, const uint8_t uuid[16], uint64_t sectors, void *buf,
		 char why[512]);
/* The first volume in the bucket. 0: none. */
int side_uuid(struct side *side, uint8_t uuid[16]);

#endif
