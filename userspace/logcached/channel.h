/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One volume of the kernel module, as its helper sees it: claims it, pulls work
 * and answers it over netlink (Documentation/design/upcall.rst).
 *
 *   WAITING ----------------------claim-----------------------> OWNED
 *      ^                                                          |
 *      `-- lost: gone, taken over, or we were taken for dead -----'
 *
 * WAITING asks again when the kernel rings and once a second; not to take it over,
 * though, after the first time. In OWNED every ring, and time, make it pull.
 * Callbacks come from the loop, never from within a call of these functions.
 * Nothing here blocks: the kernel answers a request before send() returns.
 */
#ifndef LC_CHANNEL_H
#define LC_CHANNEL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct lc_channel;
struct lc_loop;

#define LC_CHANNEL_NAME_MAX	128u
#define LC_FETCH_BLOCKS_MAX	32u

/**
 * struct lc_volume_info - the volume as of a claim; sectors are of 512 bytes
 * @cache_uuid:	LSNs of another cache have nothing to do with these
 * @scratch_start: of the cache; all that a helper may write to
 * @clean_lsn:	everything below it was answered as done, as far as the kernel knows
 */
struct lc_volume_info {
	uint8_t uuid[16];
	uint8_t cache_uuid[16];
	char name[LC_CHANNEL_NAME_MAX];
	uint64_t activation;
	uint64_t sectors;
	unsigned int cache_major;
	unsigned int cache_minor;
	uint64_t epoch;
	uint64_t data_start;
	uint64_t data_sectors;
	uint64_t scratch_start;
	uint64_t scratch_sectors;
	uint32_t object_bytes;
	uint64_t published_lsn;
	uint64_t offered_lsn;
	uint64_t clean_lsn;
	uint32_t dead_ms;
};

/* A unit of the log: newest versions of what is in [lsn_start, lsn_end). */
struct lc_upload_item {
	uint64_t id;
	uint64_t lsn_start;
	uint64_t lsn_end;
	uint32_t extents;
	uint64_t data_sectors;
};

/* Sectors of the volume that are wanted at a place of the scratch area. */
struct lc_fetch_item {
	uint64_t id;
	uint64_t lba;
	uint32_t len;
	uint64_t sector;
	uint32_t attempt;
};

enum lc_unit_kind {
	LC_UNIT_DATA = 1,
	LC_UNIT_ZERO,
	LC_UNIT_DISCARD,
};

/* @crc: one for each 4096 bytes of the cache that [sector, sector + len) touches */
struct lc_item_extent {
	uint64_t lba;
	uint32_t len;
	enum lc_unit_kind kind;
	uint64_t sector;
	const uint32_t *crc;
	unsigned int nr_crc;
};

/* As in the uapi header, which says what each means. */
enum lc_item_status {
	LC_ITEM_OK = 1,
	LC_ITEM_AGAIN,
	LC_ITEM_FAILED,
	LC_ITEM_CORRUPT,
};

/**
 * struct lc_channel_ops
 * @claimed:	the volume is ours, from its beginning: whatever was known of items and
 *		of the cache is void
 * @upload, @fetch: work; each id comes once, and again if its answer did not arrive
 * @lost:	the volume is not ours any more, items are void. @error: -ESTALE, somebody
 *		took it over, or we were silent for too long; -ENOENT, it is gone
 */
struct lc_channel_ops {
	void (*claimed)(struct lc_channel *ch, const struct lc_volume_info *info);
	void (*upload)(struct lc_channel *ch, const struct lc_upload_item *item);
	void (*fetch)(struct lc_channel *ch, const struct lc_fetch_item *item);
	void (*lost)(struct lc_channel *ch, int error, const char *why);
};

/* @takeover: claim it even if it has an owner. NULL with errno. */
struct lc_channel *lc_channel_new(struct lc_loop *loop, const uint8_t uuid[16], bool takeover,
				  const struct lc_channel_ops *ops, void *data);
/* Gives back what was taken, and the volume. */
void lc_channel_free(struct lc_channel *ch);
/* Soon, from the loop: asks the kernel whether the volume is ours, and for work. */
void lc_channel_poke(struct lc_channel *ch);
void *lc_channel_data(const struct lc_channel *ch);
/* The kernel's words for the last thing that failed; for messages. */
const char *lc_channel_why(const struct lc_channel *ch);

/* One extent; false ends it. @x and what it points to are gone afterwards. Calls nothing of
 * the channel's.
 */
typedef bool (*lc_extent_fn)(void *ctx, const struct lc_item_extent *x);

/* All extents of an upload, in the order of the volume. 0 or -errno; -ENOENT: the item
 * is not ours any more.
 */
int lc_channel_extents(struct lc_channel *ch, uint64_t id, lc_extent_fn fn, void *ctx);

/*
 * Answers; the item is forgotten whatever is returned. 0 or -errno; it comes again unless
 * that is -ENOENT, -ESTALE, or -EINVAL (the answer does not fit the item).
 */
int lc_channel_uploaded(struct lc_channel *ch, uint64_t id, enum lc_item_status status);
/* @crc: with OK, one for each block; NULL with OK: nothing but zeroes, nothing was written. */
int lc_channel_fetched(struct lc_channel *ch, uint64_t id, enum lc_item_status status,
		       const uint32_t *crc, unsigned int nr_crc);

#endif /* LC_CHANNEL_H */
