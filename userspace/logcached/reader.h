/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a unit consists of, read from the SSD: each block is compared with the checksum that
 * the kernel has for it, and its sectors are copied to where the unit has them.
 *
 *   lc_content_bytes, _place   memory
 *   lc_content_list            extents and checksums, from the kernel
 *   lc_reader_go               again and again, until lc_content_over()
 *   lc_content_whole           every byte was compared and copied once
 *
 * Neighbours on the SSD are read in one, in runs of up to 1 MiB that bridge small gaps;
 * there are 16 runs for all units. All of it on the loop.
 */
#ifndef LC_READER_H
#define LC_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bucket/volume.h"
#include "channel.h"

struct lc_reader;
struct lc_ssd;

#define LC_CONTENT_DATA_MAX	(16u << 20)	/* of object_mb */
/* Of a unit: 4096, and damage cuts some of them. */
#define LC_CONTENT_EXTENTS_MAX	4608u

/* Data of an extent: where it is on the SSD, and where it goes. */
struct lc_src {
	uint64_t sector;
	uint32_t len;
	uint32_t crc;			/* index of the first block's */
	size_t at;
};

/**
 * struct lc_content - one unit's, in one piece of memory, all of its size
 * @ext:	what to put, once it is whole; @nr_ext of them
 * @reads:	in flight; until there are none the memory has to stay
 * @stop:	the caller's: nobody wants it any more, nothing more is read or copied
 * @corrupt:	a block does not fit its checksum, or cannot be read
 */
struct lc_content {
	struct lc_unit_extent *ext;
	uint32_t nr_ext;
	unsigned int reads;
	bool stop;
	bool corrupt;
	/* Of reader.c. */
	char *buf;
	size_t bytes, bytes_max;
	struct lc_src *src;
	uint32_t nr_src;
	uint32_t *crc;
	uint32_t nr_crc, crc_max;
	uint32_t ext_max;
	uint32_t next;			/* source to be read, from */
	uint64_t block;			/* this block on */
	size_t copied;
};

/* The size of @item in memory; 0: it is larger than units are. */
size_t lc_content_bytes(const struct lc_upload_item *item);
/* In @mem, aligned to 8 bytes and so large. */
void lc_content_place(struct lc_content *c, const struct lc_upload_item *item, void *mem);
/* 0; -EBADMSG: they are not what @item says; or the channel's errors. */
int lc_content_list(struct lc_content *c, struct lc_channel *ch,
		    const struct lc_upload_item *item);

/* Nothing more is to be read, and nothing is in flight. */
bool lc_content_over(const struct lc_content *c);
bool lc_content_whole(const struct lc_content *c);

/* @ended: from the loop, after each read: runs are free, or a unit is over. NULL with errno. */
struct lc_reader *lc_reader_new(void (*ended)(void *data), void *data);
/* Nothing is in flight. */
void lc_reader_free(struct lc_reader *r);
/* As much of @c as there are runs for. */
void lc_reader_go(struct lc_reader *r, struct lc_ssd *ssd, struct lc_content *c);

#endif /* LC_READER_H */
