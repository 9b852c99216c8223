/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is on the cache device, byte by byte. Nothing else lives here: the
 * module, logcachectl and the tests all read the device through these structs.
 *
 * All integers are little-endian. A *block* is 4096 bytes, a *sector* 512.
 *
 *  block 0        1        2 ...                                     aligned to 1 MiB
 *  +--------+--------+--------------+--------------+---------------+-----------------------
 *  | super  | super  | checkpoint 0 | checkpoint 1 | summary table | segment 0 | segment 1 …
 *  | copy 0 | copy 1 | head, bitmap | head, bitmap | slot per seg. |
 *  +--------+--------+--------------+--------------+---------------+-----------------------
 *
 * A *log segment* is filled front to back with records, each one header block
 * followed by its payload, written as one I/O:
 *
 *  | head | payload ... | head | payload ...      | head | payload | unused tail |
 *     `-- entries: lba, len, op, pos; one CRC32C per payload block
 *
 * A *fill segment* holds clean copies of origin data and no headers; what is
 * in it is said by its summary slot alone, so it counts only once sealed.
 *
 * The *summary slot* of a segment is written when the segment is sealed, after
 * a flush that makes its payload durable, and slots of log segments are
 * written strictly in log order: if a log segment is sealed on the device,
 * every older one is too.
 *
 * The *bitmap* has one bit per block of every segment. Set: no sector of the
 * block has been superseded. It says which entries of a clean segment may be
 * believed after a crash; dirty segments are laid over each other by LSN.
 * A segment is used again only after a checkpoint that was taken when its
 * blocks had left the index. Blocks of a segment opened after the checkpoint
 * (slot.seq >= checkpoint.next_seq), or open when it was taken (slot.seq in
 * checkpoint.open_seq), count as set: what supersedes them is still there. The
 * bits of a segment that is not sealed are 0, so that the slot of its previous
 * use is not believed.
 *
 * An LSN numbers one entry of the log (one write, discard or write-zeroes).
 * Entry i of a record has LSN record.lsn + i, entry i of a log segment's slot
 * has LSN slot.first_lsn + i. Ranges are half open.
 */
#ifndef LC_FORMAT_H
#define LC_FORMAT_H

#include <linux/types.h>
#include <linux/build_bug.h>

#define LC_FORMAT_VERSION	1

#define LC_SECTOR_SHIFT		9
#define LC_BLOCK_SHIFT		12
#define LC_BLOCK_SIZE		(1u << LC_BLOCK_SHIFT)
#define LC_BLOCK_SECTORS	8u

/* Segments are 1 to 4 MiB; 2 MiB is the default of format. */
#define LC_SEG_BLOCKS_MIN	256u
#define LC_SEG_BLOCKS_MAX	1024u
#define LC_SEG_BLOCKS_DEFAULT	512u
/* A slot has one block for each 128 blocks of the segment. */
#define LC_SLOT_RATIO		128u
/*
 * A cache whose origin is a helper in userspace (LC_SUPER_HELPER) has a scratch area
 * in its last blocks. It is all that the helper writes to, and nothing else is ever
 * there, so that a write that comes late does no harm.
 */
#define LC_SCRATCH_BLOCKS	2048u
/* Fewer segments than this leave no room for the reserves. */
#define LC_SEGS_MIN		16u
#define LC_SEGS_MAX		(1u << 24)

#define LC_SUPER_BLOCKS		2u
#define LC_CKPT_SLOTS		2u
#define LC_DATA_ALIGN_BLOCKS	256u

#define LC_SUPER_MAGIC		0x6f6c434cu	/* "LClo" */
#define LC_CKPT_MAGIC		0x6b63434cu	/* "LCck" */
#define LC_BITMAP_MAGIC		0x6d62434cu	/* "LCbm" */
#define LC_SLOT_MAGIC		0x6c73434cu	/* "LCsl" */
#define LC_RECORD_MAGIC		0x6372434cu	/* "LCrc" */

/* No segment: end of a chain. */
#define LC_SEG_NONE		0xffffffffu

/*
 * Every metadata block, and every slot as a whole, starts with this. @crc is
 * CRC32C (seed ~0, no final inversion) of everything behind the field: the
 * rest of the block, for a slot the first slot.bytes bytes, for a record up to
 * the end of its checksums.
 */
struct lc_head {
	__le32 crc;
	__le32 magic;
	__u8 uuid[16];
	__le64 epoch;		/* of the activation that wrote the block */
} __packed;
static_assert(sizeof(struct lc_head) == 32);

/* The origin is a helper, and origin_id is "helper:" and the volume's uuid. */
#define LC_SUPER_HELPER		0x1u

struct lc_super {
	struct lc_head head;
	__le32 version;
	__le32 flags;		/* LC_SUPER_* */
	__le64 cache_sectors;	/* size of the cache device at format */
	__le64 origin_sectors;	/* size of the origin, never smaller later */
	__le32 seg_blocks;	/* power of two */
	__le32 nr_segs;
	__le32 ckpt_start;	/* block number of checkpoint 0 */
	__le32 ckpt_blocks;	/* blocks of one checkpoint: head and bitmap */
	__le32 slot_start;	/* block number of the summary table */
	__le32 slot_blocks;	/* blocks of one slot */
	__le64 data_start;	/* block number of segment 0 */
	__le64 created;		/* seconds since 1970 */
	__u8 origin_id[64];	/* NUL-terminated: what format was told; free text for a device */
	__u8 pad[LC_BLOCK_SIZE - 32 - 64 - 64];
} __packed;
static_assert(sizeof(struct lc_super) == LC_BLOCK_SIZE);

/* Segments that can be open at a time. */
#define LC_CKPT_OPEN		16u

/* Set in a checkpoint written by an orderly stop: there is nothing to scan. */
#define LC_CKPT_CLEAN		0x1u
/*
 * A repair was begun and not finished: of the log what ends at or below @log_lsn is
 * kept, some summaries are still to be written and some to be erased. Not started.
 */
#define LC_CKPT_REPAIR		0x2u
/* A repair gave up writes that were acknowledged, and nobody has said that he knows. */
#define LC_CKPT_GIVEN_UP	0x4u

/*
 * Sectors of the log whose only copy is damaged and that count as written back all
 * the same (damage.h). Believed whatever the bitmap says of their block.
 */
struct lc_ckpt_damage {
	__le64 lba;
	__le64 loc;		/* in sectors from segment 0 */
	__le32 len;		/* sectors */
	__le32 pad;
} __packed;
static_assert(sizeof(struct lc_ckpt_damage) == 24);

#define LC_DAMAGE_MAX		128u

/*
 * Of two valid heads the newer one (by @ckpt_seq) counts. All of its bitmap blocks
 * must carry the same ckpt_seq and correct checksums: they are written before it.
 */
struct lc_ckpt {
	struct lc_head head;
	__le64 ckpt_seq;
	__le64 next_seq;	/* next segment sequence number to be given out */
	__le64 clean_lsn;	/* entries below it are on the origin */
	/* Where the log goes on: first record of log segment @log_seg. */
	__le64 log_seq;		/* its sequence number */
	__le64 log_lsn;		/* LSN of its first record */
	__le32 log_seg;
	__le32 log_chain;	/* what its first record has in prev_crc */
	__le32 flags;		/* LC_CKPT_* */
	__le32 nr_bitmap;	/* bitmap blocks that follow */
	__le64 origin_sectors;	/* current size of the volume */
	__le64 open_seq[LC_CKPT_OPEN];	/* segments open then, all intact; 0: unused */
	__le32 nr_damaged;
	__le32 pad2;
	struct lc_ckpt_damage damaged[LC_DAMAGE_MAX];
	/*
	 * Log segments that end above @clean_lsn, but not above @begin_lsn, are gone:
	 * what counted in them was copied to the head of the log. Without them the log
	 * says what the volume was from @floor_lsn on, and not before: no less of it
	 * goes to the origin at a time. 0: nothing was copied.
	 */
	__le64 begin_lsn;
	__le64 floor_lsn;
	__u8 pad[LC_BLOCK_SIZE - 32 - 64 - 8 * LC_CKPT_OPEN - 8 - 24 * LC_DAMAGE_MAX - 16];
} __packed;
static_assert(sizeof(struct lc_ckpt) == LC_BLOCK_SIZE);

#define LC_BITMAP_BYTES		4032u
#define LC_BITMAP_BITS		(LC_BITMAP_BYTES * 8u)

struct lc_bitmap_block {
	struct lc_head head;
	__le64 ckpt_seq;
	__le32 index;		/* 0, 1, …: bits from index * LC_BITMAP_BITS */
	__le32 pad[5];
	__u8 bits[LC_BITMAP_BYTES];	/* bit n of byte m: block m * 8 + n */
} __packed;
static_assert(sizeof(struct lc_bitmap_block) == LC_BLOCK_SIZE);

enum lc_op {
	LC_OP_WRITE = 1,	/* payload at pos */
	LC_OP_ZERO = 2,		/* reads as zeroes; no payload, pos 0 */
	LC_OP_DISCARD = 3,	/* contents given up; no payload, pos 0 */
	LC_OP_INVAL = 4,	/* the origin is being written: forget copies; pos 0 */
	LC_OP_FENCE = 5,	/* first entry of an epoch; lba, len, pos 0 */
	LC_OP_COPY = 6,		/* fill segments: clean copy of origin data */
};

#define LC_ENTRY_LBA_BITS	56
#define LC_ENTRY_LBA_MASK	((1ull << LC_ENTRY_LBA_BITS) - 1)

/* No entry crosses a multiple of this many sectors, 16 MiB. */
#define LC_STRIPE_SHIFT		15u
#define LC_STRIPE_SECTORS	(1u << LC_STRIPE_SHIFT)

/* The same in records and slots. @pos is a sector offset in the segment. */
struct lc_entry {
	__le64 lba_op;		/* sector in the low 56 bits, enum lc_op above */
	__le32 len;		/* sectors, > 0 unless FENCE */
	__le32 pos;
} __packed;
static_assert(sizeof(struct lc_entry) == 16);

/*
 * Record header: one block. Behind the struct come nr_entries entries, then
 * nr_blocks CRC32Cs (__le32, seed ~0), one per payload block as written.
 */
struct lc_record {
	struct lc_head head;
	__le64 seq;		/* of the segment: old contents do not match */
	__le64 lsn;		/* of the first entry */
	__le64 acked_lsn;	/* entries below it were durable, and acknowledged */
	__le64 clean_lsn;	/* entries below it are on the origin */
	__le32 prev_crc;	/* head.crc of the record before; chains the log */
	__le32 next_seg;	/* where the log goes on when this segment ends */
	__le16 nr_entries;
	__le16 nr_blocks;	/* payload blocks behind this header */
	__le32 pad;
} __packed;
static_assert(sizeof(struct lc_record) == 80);

#define LC_RECORD_ROOM		(LC_BLOCK_SIZE - (unsigned int)sizeof(struct lc_record))
#define LC_RECORD_BLOCKS_MAX	128u
/* Longest entry with payload, in sectors. */
#define LC_ENTRY_DATA_MAX	(LC_RECORD_BLOCKS_MAX * LC_BLOCK_SECTORS)
#define LC_RECORD_ENTRIES_MAX	(LC_RECORD_ROOM / (unsigned int)sizeof(struct lc_entry))

enum lc_seg_type {
	LC_SEG_LOG = 1,
	LC_SEG_FILL = 2,
};

/*
 * Summary slot. Behind the struct come nr_entries entries, then nr_crcs
 * CRC32Cs, one for each block of the segment from its start (0 for a block
 * that was never written).
 */
struct lc_slot {
	struct lc_head head;
	__le64 seq;		/* given to the segment when it was opened */
	__le64 first_lsn;	/* log: of entry 0. fill: as of this LSN */
	__le64 end_lsn;		/* log: first_lsn + nr_entries. fill: first_lsn */
	__le64 clean_lsn;	/* when the slot was written */
	__le32 seg;		/* the slot's own number */
	__le32 next_seg;	/* log: where the log goes on */
	__le32 chain;		/* log: head.crc of its last record */
	__le32 bytes;		/* of the slot in use, this struct included */
	__le16 type;		/* enum lc_seg_type */
	__le16 nr_entries;
	__le16 nr_crcs;
	__le16 pad;
	__le64 pad2;
} __packed;
static_assert(sizeof(struct lc_slot) == 96);

#endif /* LC_FORMAT_H */
