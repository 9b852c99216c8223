// SPDX-License-Identifier: GPL-2.0-only

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ctl.h"
#include "image.h"
#include "recover.h"

#define CHUNK_BLOCKS	256u	/* read at a time */

/*----------------------------------------------------------------
 * Superblock
 *----------------------------------------------------------------
 */

static bool read_super(struct image *img, u32 copy, struct lc_geo *geo, bool *blank,
		       const char **why)
{
	static struct lc_super sb;
	int ret = device_read(&img->dev, copy, &sb, 1);

	if (ret) {
		*why = strerror(-ret);
		return false;
	}
	*blank = !sb.head.magic;
	return !lc_super_decode(&sb, geo, why);
}

static bool pick_super(struct image *img, struct findings *f)
{
	const char *advice = "the other copy is good; data is not at risk";
	struct lc_geo geo[LC_SUPER_BLOCKS];
	const char *why[LC_SUPER_BLOCKS];
	bool ok[LC_SUPER_BLOCKS], blank;
	u32 i;

	for (i = 0; i < LC_SUPER_BLOCKS; i++)
		ok[i] = read_super(img, i, &geo[i], &blank, &why[i]);
	if (!ok[0] && !ok[1]) {
		finding(f, FAULT, 0,
			"format it with logcachectl format if it holds nothing of value",
			"no logcache superblock: %s", why[0]);
		return false;
	}
	for (i = 0; i < LC_SUPER_BLOCKS; i++)
		if (!ok[i])
			finding(f, FAULT, i, advice, "superblock copy %u: %s", i, why[i]);
	if (ok[0] && ok[1] && memcmp(&geo[0], &geo[1], sizeof(geo[0])))
		finding(f, FAULT, 1, "the first counts", "the superblock copies differ");
	img->geo = geo[ok[0] ? 0 : 1];
	return true;
}

bool image_load_super(struct image *img, const struct device *dev, struct findings *f)
{
	*img = (struct image){ .dev = *dev, .findings = f };
	if (!pick_super(img, f))
		return false;
	if (img->geo.cache_sectors > dev->sectors) {
		finding(f, FAULT, NO_BLOCK, "it shrank, or is the wrong device",
			"device has %llu sectors, was formatted with %llu",
			dev->sectors, img->geo.cache_sectors);
		return false;
	}
	return true;
}

/*----------------------------------------------------------------
 * Checkpoint
 *----------------------------------------------------------------
 */

static size_t bits_bytes(const struct image *img)
{
	return (size_t)img->geo.nr_bitmap * LC_BITMAP_BYTES;
}

static const char advice_no_ckpt[] =
	"without a checkpoint the cache cannot start: keep the device as it is and seek help";
static const char advice_no_bits[] =
	"without a checkpoint the cache cannot start; logcachectl repair keeps what is dirty";

static int read_ckpt_head(const struct image *img, unsigned int slot, struct lc_ckpt_info *info,
			  const char **why)
{
	static struct lc_ckpt ck;
	int ret = device_read(&img->dev, image_ckpt_block(img, slot), &ck, 1);

	if (ret) {
		*why = strerror(-ret);
		return ret;
	}
	if (!ck.head.magic && !ck.head.crc) {
		*why = "never written";
		return -ENODATA;
	}
	return lc_ckpt_decode(&ck, &img->geo, info, why);
}

/* Return: 0, or an error with *@why and the block it is about. */
static int read_ckpt_bits(const struct image *img, unsigned int slot,
			  const struct lc_ckpt_info *info, u8 *bits, const char **why, u64 *block)
{
	static struct lc_bitmap_block b;
	int ret = 0;
	u32 i;

	for (i = 0; !ret && i < img->geo.nr_bitmap; i++) {
		*block = image_ckpt_block(img, slot) + 1 + i;
		ret = device_read(&img->dev, *block, &b, 1);
		if (ret)
			*why = strerror(-ret);
		else
			ret = lc_bitmap_check(&b, &img->geo, info->epoch, info->ckpt_seq, i, why);
		if (!ret)
			memcpy(bits + (size_t)i * LC_BITMAP_BYTES, b.bits, LC_BITMAP_BYTES);
	}
	return ret;
}

/* One bad checkpoint is what a crash while writing it leaves; it is no fault by itself. */
static void say_bad_head(struct image *img, unsigned int slot, int err, const char *why,
			 bool other_ok)
{
	if (err == -ENODATA && other_ok)
		return;
	finding(img->findings, other_ok && err == -EBADMSG ? NOTE : FAULT,
		image_ckpt_block(img, slot),
		other_ok ? "the other one counts; normal after a crash while it was written" :
			   advice_no_ckpt,
		"checkpoint %u: %s", slot, why);
}

/*
 * A head is written behind its bits. So the older of two loses its bits first when it
 * is replaced; but bad bits of the newer are damage, and the module refuses the cache:
 * what the older believes may have been used again.
 */
static void say_bad_bits(struct image *img, unsigned int slot, bool newer, const char *why,
			 u64 block)
{
	finding(img->findings, newer ? FAULT : NOTE, block,
		newer ? advice_no_bits :
			"the other one counts; normal after a crash while this one was replaced",
		"checkpoint %u: %s", slot, why);
}

/* What the checkpoint that counts says is damaged. */
static bool load_damage(struct image *img)
{
	static struct lc_ckpt ck;
	u32 i;

	if (device_read(&img->dev, image_ckpt_block(img, img->ckpt_slot), &ck, 1))
		return false;
	for (i = 0; i < img->ckpt.nr_damaged; i++)
		lc_ckpt_damaged(&ck, i, &img->damaged[i]);
	return true;
}

bool image_damaged(const struct image *img, u64 loc, u32 len)
{
	const struct lc_damage *d = img->damaged;
	u32 i;

	for (i = 0; i < img->ckpt.nr_damaged; i++, d++)
		if (d->loc < loc + len && loc < d->loc + d->len)
			return true;
	return false;
}

u64 image_volume_sectors(const struct image *img)
{
	u64 sectors = img->geo.origin_sectors;
	struct lc_ckpt_info info;
	const char *why;
	unsigned int i;

	for (i = 0; i < LC_CKPT_SLOTS; i++)
		if (!read_ckpt_head(img, i, &info, &why))
			sectors = max(sectors, info.origin_sectors);
	return sectors;
}

static bool load_ckpt(struct image *img)
{
	struct lc_ckpt_info info[LC_CKPT_SLOTS];
	const char *why[LC_CKPT_SLOTS];
	u8 *bits[LC_CKPT_SLOTS];
	int err[LC_CKPT_SLOTS];
	unsigned int i, best;
	bool head_ok;
	u64 block;

	for (i = 0; i < LC_CKPT_SLOTS; i++)
		err[i] = read_ckpt_head(img, i, &info[i], &why[i]);
	for (i = 0; i < LC_CKPT_SLOTS; i++)
		if (err[i])
			say_bad_head(img, i, err[i], why[i], !err[!i]);
	best = !err[1] && (err[0] || info[1].ckpt_seq > info[0].ckpt_seq);
	head_ok = !err[best];
	if (!err[0] && !err[1] && info[0].ckpt_seq == info[1].ckpt_seq)
		finding(img->findings, FAULT, image_ckpt_block(img, 1),
			"seek help before using the cache",
			"both checkpoints have the number %llu", info[0].ckpt_seq);
	for (i = 0; i < LC_CKPT_SLOTS; i++) {
		bits[i] = xcalloc(1, bits_bytes(img));
		if (err[i])
			continue;
		err[i] = read_ckpt_bits(img, i, &info[i], bits[i], &why[i], &block);
		if (err[i])
			say_bad_bits(img, i, i == best, why[i], block);
	}
	img->ckpt = info[best];
	img->ckpt_slot = best;
	img->bits = bits[best];
	img->bits_bad = err[best];
	free(bits[!best]);
	return head_ok && load_damage(img);
}

bool image_intact(const struct image *img, u32 seg, u64 seq, u32 b)
{
	u64 n = (u64)seg * img->geo.seg_blocks + b;
	unsigned int i;

	if (seq >= img->ckpt.next_seq)
		return true;
	for (i = 0; i < LC_CKPT_OPEN; i++)
		if (seq == img->ckpt.open_seq[i])
			return true;
	return img->bits[n / 8] >> n % 8 & 1;
}

/*----------------------------------------------------------------
 * Summary slots
 *----------------------------------------------------------------
 */

static void decode_slots(struct image *img, u32 first, u32 nr, const u8 *buf, int err)
{
	size_t bytes = (size_t)img->geo.slot_blocks << LC_BLOCK_SHIFT;
	u32 i;

	for (i = 0; i < nr; i++, buf += bytes) {
		struct seg_slot *s = &img->slots[first + i];

		s->err = err;
		s->why = err ? strerror(-err) : NULL;
		if (!err)
			s->err = lc_slot_decode((const void *)buf, &img->geo, first + i,
						img->ckpt.origin_sectors, &s->info, &s->why);
	}
}

static void load_slots(struct image *img)
{
	u32 nr_segs = img->geo.nr_segs, per_read = CHUNK_BLOCKS / img->geo.slot_blocks, seg, n;
	u8 *buf = xcalloc(CHUNK_BLOCKS, LC_BLOCK_SIZE);
	struct progress p;
	int err;

	img->slots = xcalloc(img->geo.nr_segs, sizeof(*img->slots));
	progress_start(&p, "reading summaries", img->geo.nr_segs);
	for (seg = 0; seg < nr_segs; seg += n) {
		n = min(nr_segs - seg, per_read);
		err = device_read(&img->dev, image_slot_block(img, seg), buf,
				  n * img->geo.slot_blocks);
		decode_slots(img, seg, n, buf, err);
		progress_show(&p, seg);
	}
	progress_end(&p);
	free(buf);
}

struct lc_slot *image_slot(const struct image *img, u32 seg)
{
	struct lc_slot *slot = xcalloc(img->geo.slot_blocks, LC_BLOCK_SIZE);
	struct lc_slot_info info;
	const char *why;

	memset(&info, 0, sizeof(info));
	if (!device_read(&img->dev, image_slot_block(img, seg), slot, img->geo.slot_blocks) &&
	    !lc_slot_decode(slot, &img->geo, seg, img->ckpt.origin_sectors, &info, &why) &&
	    !memcmp(&info, &img->slots[seg].info, sizeof(info)))
		return slot;
	free(slot);
	return NULL;
}

/*----------------------------------------------------------------
 * All of it
 *----------------------------------------------------------------
 */

bool image_load(struct image *img, const struct device *dev, struct findings *f)
{
	return image_load_log(img, dev, f) && !img->bits_bad;
}

bool image_load_log(struct image *img, const struct device *dev, struct findings *f)
{
	if (!image_load_super(img, dev, f) || !load_ckpt(img))
		return false;
	if (img->bits_bad)
		memset(img->bits, 0, bits_bytes(img));
	load_slots(img);
	return true;
}

void image_free(struct image *img)
{
	free(img->bits);
	free(img->slots);
	img->bits = NULL;
	img->slots = NULL;
}

enum image_state image_probe(const struct device *dev)
{
	struct findings none = { .device = dev->path, .quiet = true };
	enum image_state state = IMAGE_DIRTY;
	struct recovery rec;
	struct image img;

	img = (struct image){ .dev = *dev, .findings = &none };
	if (!pick_super(&img, &none))
		return IMAGE_NONE;
	if (image_load(&img, dev, &none)) {
		recover(&img, &rec);
		if (rec.clean_lsn >= rec.tail_lsn)
			state = IMAGE_CLEAN;
		recovery_free(&rec);
	}
	image_free(&img);
	return state;
}
