// SPDX-License-Identifier: GPL-2.0-only
#include "io.h"

#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/vmalloc.h>

#include "logcache.h"

void *lc_buf_alloc(size_t bytes)
{
	void *buf = alloc_pages_exact(bytes,
				      GFP_KERNEL | __GFP_ZERO | __GFP_NOWARN | __GFP_NORETRY);

	return buf ?: vzalloc(bytes);
}

void lc_buf_free(void *buf, size_t bytes)
{
	if (is_vmalloc_addr(buf))
		vfree(buf);
	else if (buf)
		free_pages_exact(buf, bytes);
}

void lc_bio_add_buf(struct bio *bio, void *buf, size_t bytes)
{
	size_t step;

	if (!is_vmalloc_addr(buf)) {
		__bio_add_page(bio, virt_to_page(buf), bytes, offset_in_page(buf));
		return;
	}
	for (; bytes; bytes -= step, buf += step) {
		step = min_t(size_t, bytes, PAGE_SIZE - offset_in_page(buf));
		__bio_add_page(bio, vmalloc_to_page(buf), step, offset_in_page(buf));
	}
}

/* One bio can carry BIO_MAX_VECS pages. */
#define LC_IO_MAX	((size_t)BIO_MAX_VECS << PAGE_SHIFT)

int lc_io_cache(struct logcache *lc, blk_opf_t opf, u64 block, void *buf, size_t bytes)
{
	struct bio *bio;
	size_t step;
	int r;

	for (; bytes; bytes -= step, buf += step, block += step >> LC_BLOCK_SHIFT) {
		step = min(bytes, LC_IO_MAX - offset_in_page(buf));
		bio = bio_alloc_bioset(lc->cache->bdev, lc_buf_vecs(step + offset_in_page(buf)),
				       opf | REQ_SYNC | REQ_META, GFP_NOIO, &lc->bs);
		bio->bi_iter.bi_sector = block << (LC_BLOCK_SHIFT - LC_SECTOR_SHIFT);
		lc_bio_add_buf(bio, buf, step);
		r = submit_bio_wait(bio);
		bio_put(bio);
		if (r)
			return r;
	}
	return 0;
}
