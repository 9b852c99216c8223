/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A disk image in memory that is a layer over another one. A cut image is a
 * layer over the durable state, and what recovery writes is a layer over the
 * cut image: both are thrown away without copying what lies under them.
 *
 * One thread at a time may use a layer; a layer that is the parent of another
 * must not change while the other is in use, unless the same thread does it.
 */
#ifndef CRASH_IMAGE_H
#define CRASH_IMAGE_H

#include <stdint.h>

struct image;

/* parent may be NULL: all zeroes. The parent must outlive the layer. */
struct image *image_new(struct image *parent, uint64_t sectors);
void image_free(struct image *img);

/* Forget everything written to this layer. */
void image_reset(struct image *img);

uint64_t image_sectors(const struct image *img);

void image_read(const struct image *img, uint64_t sector, uint32_t nr, void *buf);

/*
 * Where [sector, sector + *nr) lies in memory; *nr is cut to what lies there in one
 * piece. Valid until the image, or one under it, is written to.
 */
const void *image_peek(const struct image *img, uint64_t sector, uint32_t *nr);

void image_write(struct image *img, uint64_t sector, uint32_t nr, const void *buf);
void image_zero(struct image *img, uint64_t sector, uint64_t nr);

/* The whole content, as a sparse file. 0 or -errno. */
int image_save(const struct image *img, const char *path);

#endif
