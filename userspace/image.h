/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A cache device that nobody uses, as it lies there: superblock, checkpoint,
 * summary slots. Reads only, and believes nothing that the codec does not.
 */
#ifndef CTL_IMAGE_H
#define CTL_IMAGE_H

#include "device.h"
#include "findings.h"
#include "record.h"

/* What is known of a segment from its slot. */
struct seg_slot {
	int err;		/* of lc_slot_decode(), or of the read */
	const char *why;
	struct lc_slot_info info;	/* if !err */
};

struct image {
	struct device dev;
	struct lc_geo geo;
	struct lc_ckpt_info ckpt;	/* the one that counts */
	unsigned int ckpt_slot;
	struct lc_damage damaged[LC_DAMAGE_MAX];	/* ckpt.nr_damaged of them */
	u8 *bits;			/* its bitmap, one bit per block of every segment */
	bool bits_bad;			/* it is damaged */
	struct seg_slot *slots;		/* nr_segs */
	struct findings *findings;
};

/*
 * Open the device and load all of it but the segments; what is wrong goes to
 * @findings. False if there is too little to go on: no superblock, no
 * checkpoint, or the device is too short (said so as a fault).
 */
bool image_load(struct image *img, const struct device *dev, struct findings *findings);
void image_free(struct image *img);

/* The same, satisfied with a checkpoint whose bitmap is damaged: @bits_bad, all bits 0. */
bool image_load_log(struct image *img, const struct device *dev, struct findings *findings);

/* Does the checkpoint know a sector of [loc, loc + len) as damaged? */
bool image_damaged(const struct image *img, u64 loc, u32 len);

/* Superblock only. */
bool image_load_super(struct image *img, const struct device *dev, struct findings *findings);

enum image_state {
	IMAGE_NONE,
	IMAGE_CLEAN,
	IMAGE_DIRTY,		/* or nobody can tell */
};

/* Is there a cache on @dev, and would it be missed? */
enum image_state image_probe(const struct device *dev);

static inline u64 image_slot_block(const struct image *img, u32 seg)
{
	return img->geo.slot_start + (u64)seg * img->geo.slot_blocks;
}

static inline u64 image_seg_block(const struct image *img, u32 seg)
{
	return img->geo.data_start + (u64)seg * img->geo.seg_blocks;
}

static inline u64 image_ckpt_block(const struct image *img, unsigned int n)
{
	return img->geo.ckpt_start + (u64)n * img->geo.ckpt_blocks;
}

/*
 * How large the volume was when it ran last, after image_load_super() and while the device is
 * open. At least as large as at format.
 */
u64 image_volume_sectors(const struct image *img);

/* Read the slot of @seg again; the caller frees it. NULL if it cannot be read as it was. */
struct lc_slot *image_slot(const struct image *img, u32 seg);

/* Is block @b of @seg, used as @seq says, intact by the checkpoint? */
bool image_intact(const struct image *img, u32 seg, u64 seq, u32 b);

#endif /* CTL_IMAGE_H */
