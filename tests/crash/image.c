// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "image.h"
#include "util.h"

#define PAGE_BYTES	4096u
#define PAGE_SECTORS	(PAGE_BYTES / SECTOR_SIZE)

struct image {
	struct image *parent;
	uint64_t sectors;
	uint8_t **page;		/* NULL: look in the parent */
	uint32_t *owned;	/* numbers of the pages this layer has */
	size_t nr_owned, cap_owned;
};

/* Shared by all images, never written: discarding a whole device costs nothing. */
static uint8_t zero_page[PAGE_BYTES];

static uint64_t nr_pages(uint64_t sectors)
{
	return (sectors + PAGE_SECTORS - 1) / PAGE_SECTORS;
}

struct image *image_new(struct image *parent, uint64_t sectors)
{
	struct image *img = xcalloc(1, sizeof(*img));

	if (parent && parent->sectors != sectors)
		die("image of %llu sectors over one of %llu",
		    (unsigned long long)sectors, (unsigned long long)parent->sectors);
	img->parent = parent;
	img->sectors = sectors;
	img->page = xcalloc(nr_pages(sectors), sizeof(*img->page));
	return img;
}

void image_reset(struct image *img)
{
	for (size_t i = 0; i < img->nr_owned; i++) {
		uint8_t **slot = &img->page[img->owned[i]];

		if (*slot != zero_page)
			free(*slot);
		*slot = NULL;
	}
	img->nr_owned = 0;
}

void image_free(struct image *img)
{
	if (!img)
		return;
	image_reset(img);
	free(img->owned);
	free(img->page);
	free(img);
}

uint64_t image_sectors(const struct image *img)
{
	return img->sectors;
}

static const uint8_t *find_page(const struct image *img, uint64_t nr)
{
	for (; img; img = img->parent)
		if (img->page[nr])
			return img->page[nr];
	return zero_page;
}

static void own_page(struct image *img, uint64_t nr, uint8_t *page)
{
	if (!img->page[nr]) {
		if (img->nr_owned == img->cap_owned) {
			img->cap_owned = img->cap_owned ? img->cap_owned * 2 : 64;
			img->owned = xrealloc(img->owned, img->cap_owned, sizeof(*img->owned));
		}
		img->owned[img->nr_owned++] = (uint32_t)nr;
	}
	img->page[nr] = page;
}

/* The layer's own copy of a page, made on the first write. */
static uint8_t *writable_page(struct image *img, uint64_t nr)
{
	const uint8_t *old = find_page(img, nr);
	uint8_t *page = img->page[nr];

	if (page && page != zero_page)
		return page;
	page = xcalloc(1, PAGE_BYTES);
	memcpy(page, old, PAGE_BYTES);
	own_page(img, nr, page);
	return page;
}

static void zero_whole_page(struct image *img, uint64_t nr)
{
	if (img->page[nr] && img->page[nr] != zero_page)
		free(img->page[nr]);
	own_page(img, nr, zero_page);
}

static void check_range(const struct image *img, uint64_t sector, uint64_t nr)
{
	if (nr > img->sectors || sector > img->sectors - nr)
		die("access beyond the end of an image: %llu+%llu of %llu",
		    (unsigned long long)sector, (unsigned long long)nr,
		    (unsigned long long)img->sectors);
}

/* How much of [sector, sector + nr) lies in the first page it touches. */
static uint64_t page_part(uint64_t sector, uint64_t nr)
{
	return min_u64(nr, PAGE_SECTORS - sector % PAGE_SECTORS);
}

void image_read(const struct image *img, uint64_t sector, uint32_t nr, void *buf)
{
	uint8_t *out = buf;

	check_range(img, sector, nr);
	while (nr) {
		uint32_t part = (uint32_t)page_part(sector, nr);

		memcpy(out, find_page(img, sector / PAGE_SECTORS) +
		       sector % PAGE_SECTORS * SECTOR_SIZE, part * SECTOR_SIZE);
		out += part * SECTOR_SIZE;
		sector += part;
		nr -= part;
	}
}

const void *image_peek(const struct image *img, uint64_t sector, uint32_t *nr)
{
	check_range(img, sector, *nr);
	*nr = (uint32_t)page_part(sector, *nr);
	return find_page(img, sector / PAGE_SECTORS) + sector % PAGE_SECTORS * SECTOR_SIZE;
}

void image_write(struct image *img, uint64_t sector, uint32_t nr, const void *buf)
{
	const uint8_t *in = buf;

	check_range(img, sector, nr);
	while (nr) {
		uint32_t part = (uint32_t)page_part(sector, nr);

		memcpy(writable_page(img, sector / PAGE_SECTORS) +
		       sector % PAGE_SECTORS * SECTOR_SIZE, in, part * SECTOR_SIZE);
		in += part * SECTOR_SIZE;
		sector += part;
		nr -= part;
	}
}

void image_zero(struct image *img, uint64_t sector, uint64_t nr)
{
	check_range(img, sector, nr);
	while (nr) {
		uint64_t part = page_part(sector, nr);

		if (part == PAGE_SECTORS)
			zero_whole_page(img, sector / PAGE_SECTORS);
		else
			memset(writable_page(img, sector / PAGE_SECTORS) +
			       sector % PAGE_SECTORS * SECTOR_SIZE, 0, part * SECTOR_SIZE);
		sector += part;
		nr -= part;
	}
}

static bool save_pages(const struct image *img, int fd)
{
	for (uint64_t nr = 0; nr < nr_pages(img->sectors); nr++) {
		const uint8_t *page = find_page(img, nr);

		if (page != zero_page &&
		    pwrite(fd, page, PAGE_BYTES, (off_t)(nr * PAGE_BYTES)) != PAGE_BYTES)
			return false;
	}
	return !ftruncate(fd, (off_t)(img->sectors * SECTOR_SIZE));
}

int image_save(const struct image *img, const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	bool ok;

	if (fd < 0)
		return -errno;
	ok = save_pages(img, fd);
	return close(fd) || !ok ? -EIO : 0;
}
