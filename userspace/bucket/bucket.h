/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is in the bucket, byte by byte. Nothing else lives here; the codec
 * (codec.h) and the tests read objects through these structs. The rules that
 * give the bytes their meaning are in Documentation/design/bucket-format.rst.
 *
 *  <volume uuid>/manifest                        who owns the volume, which objects count
 *  <volume uuid>/data/<epoch>/<seq>              data objects: one unit, or a part of one
 *  <volume uuid>/map/<seq>.<epoch>.<part>        checkpoints of the object map
 *  <volume uuid>/map/<seq>.<epoch>.ffffffff      marks: all up to seq was complete
 *
 * Epoch and seq are 16 hexadecimal digits, a part 8. All integers are
 * little-endian. A *sector* is 512 bytes, a *block* 4096.
 *
 *  data object        header_bytes, a multiple of 4096       payload_sectors
 *  +----------------+---------+---------------+------+----------------------+
 *  | lc_bk_object   | extents | CRC32C of each|  0   | data of the extents  |
 *  | 128 bytes      | 16 each | payload block |      |                      |
 *  +----------------+---------+---------------+------+----------------------+
 *
 * Every object starts with a fixed part of 128 bytes that has a checksum of its
 * own, so that 128 bytes say how much there is to read.
 */
#ifndef LC_BUCKET_H
#define LC_BUCKET_H

#include <linux/types.h>
#include <linux/build_bug.h>

#define LC_BK_VERSION		1u

#define LC_BK_BLOCK		4096u
#define LC_BK_BLOCK_SECTORS	8u
#define LC_BK_SECTOR		512u
#define LC_BK_FIXED		128u

#define LC_BK_MANIFEST_MAGIC	0x666d424cu	/* "LBmf" */
#define LC_BK_OBJECT_MAGIC	0x626f424cu	/* "LBob" */
#define LC_BK_CKPT_MAGIC	0x6b63424cu	/* "LBck" */
#define LC_BK_MARK_MAGIC	0x6b6d424cu	/* "LBmk" */

/* Sequence numbers, epochs and LSNs are below this: room to count on. */
#define LC_BK_COUNTER_MAX	0x4000000000000000ull
/* Behind all sequence numbers: an open run, an object that is still needed. */
#define LC_BK_NEVER		0xffffffffffffffffull

/* Sectors of the largest volume, 8 EiB. */
#define LC_BK_SECTORS_MAX	(1ull << 54)

/*
 * @crc is CRC32C (seed ~0, no final inversion) of the rest of the fixed part,
 * @body_crc of what follows the fixed part up to the end of the header or object.
 */
struct lc_bk_head {
	__le32 crc;
	__le32 magic;
	__le32 version;
	__le32 body_crc;
	__u8 uuid[16];		/* of the volume */
	__le64 epoch;		/* of the owner that wrote it */
	__le64 seq;		/* manifest: its generation; checkpoint: as of this object */
} __packed;
static_assert(sizeof(struct lc_bk_head) == 48);

/*----------------------------------------------------------------
 * Data objects
 *----------------------------------------------------------------
 */

/* The unit goes on in the next object: neither counts without the other. */
#define LC_BK_MORE		0x1u
/* Copies made by garbage collection; changes nothing of the contents. */
#define LC_BK_GC		0x2u
/*
 * Not data: a later owner (head.epoch) has put it where the object after the last one
 * that counts would go, so that nobody else can.
 */
#define LC_BK_FENCE		0x4u
#define LC_BK_OBJECT_FLAGS	0x7u

#define LC_BK_EXTENTS_MAX	65536u
#define LC_BK_PAYLOAD_MAX	131072u		/* sectors: 64 MiB */

struct lc_bk_object {
	struct lc_bk_head head;
	__le32 header_bytes;
	__le32 flags;		/* LC_BK_MORE, ... */
	__le64 prev;		/* seq of the object before it */
	__le64 committed;	/* objects up to this seq counted when it was written */
	__le64 nr_live;		/* how many of these were needed then */
	__le64 lsn_first;	/* the unit has the LSNs (lsn_first, lsn_end] */
	__le64 lsn_end;
	__le32 nr_extents;
	__le32 nr_crcs;
	__le32 payload_sectors;
	__u8 pad[LC_BK_FIXED - 108];
} __packed;
static_assert(sizeof(struct lc_bk_object) == LC_BK_FIXED);

enum lc_bk_op {
	LC_BK_DATA = 1,
	LC_BK_ZERO = 2,		/* reads as zeroes; no payload, pos 0 */
	LC_BK_DISCARD = 3,	/* the same; contents were given up */
};

#define LC_BK_LBA_BITS		56
#define LC_BK_LBA_MASK		((1ull << LC_BK_LBA_BITS) - 1)

/* In ascending order of sectors, none overlapping another. */
struct lc_bk_extent {
	__le64 lba_op;		/* sector in the low 56 bits, enum lc_bk_op above */
	__le32 len;		/* sectors */
	__le32 pos;		/* sector of the payload */
} __packed;
static_assert(sizeof(struct lc_bk_extent) == 16);

#define LC_BK_CRCS_MAX		(LC_BK_PAYLOAD_MAX / LC_BK_BLOCK_SECTORS)
/* Longest header, in bytes. */
#define LC_BK_HEADER_MAX	((LC_BK_FIXED + 16u * LC_BK_EXTENTS_MAX + \
				  4u * LC_BK_CRCS_MAX + LC_BK_BLOCK - 1) & ~(LC_BK_BLOCK - 1))

/*----------------------------------------------------------------
 * Manifest
 *----------------------------------------------------------------
 */

/* The owner does not rely on conditional PUTs: the store has none. */
#define LC_BK_NO_FENCING	0x1u
/* It is being deleted, and may lack objects: nobody may attach it. */
#define LC_BK_DELETING		0x2u
#define LC_BK_MANIFEST_FLAGS	0x3u

#define LC_BK_RUNS_MAX		32768u
#define LC_BK_PINS_MAX		16384u

struct lc_bk_manifest {
	struct lc_bk_head head;
	__le32 bytes;		/* of the manifest */
	__le32 flags;
	__le64 sectors;		/* size of the volume */
	__u8 owner[16];		/* random token of who claimed the epoch */
	__le64 created;		/* seconds since 1970 */
	__le32 nr_runs;
	__le32 nr_pins;
	__u8 pad[LC_BK_FIXED - 96];
} __packed;
static_assert(sizeof(struct lc_bk_manifest) == LC_BK_FIXED);

/*
 * Objects that one owner wrote one after the other: data/<epoch>/<first> up to, not
 * including, <end>. What else there is under that epoch does not count.
 */
struct lc_bk_run {
	__u8 uuid[16];		/* whose objects they are: a clone begins with its parent's */
	__u8 log[16];		/* cache that the LSNs are of */
	__le64 epoch;
	__le64 first;
	__le64 end;		/* LC_BK_NEVER: being written */
	__le64 prev;		/* seq of the object before @first; 0: none */
	__le64 lsn;		/* LSNs up to this one were in the bucket before */
	__le64 pad;
} __packed;
static_assert(sizeof(struct lc_bk_run) == 80);

/* A state that is kept: a snapshot, or what a clone began with. */
struct lc_bk_pin {
	__le64 seq;		/* the state after this object */
	__le64 created;		/* seconds since 1970 */
	__u8 clone[16];		/* uuid of the clone; 0: a snapshot */
	__u8 name[64];		/* NUL-terminated; a clone: of the snapshot it was made from */
} __packed;
static_assert(sizeof(struct lc_bk_pin) == 96);

/*----------------------------------------------------------------
 * Checkpoints of the map
 *----------------------------------------------------------------
 */

#define LC_BK_PARTS_MAX		65536u
/* Most entries of a part, objects and extents together. */
#define LC_BK_PART_ENTRIES	524288u

struct lc_bk_ckpt {
	struct lc_bk_head head;
	__le64 obj_epoch;	/* epoch of object head.seq */
	__le64 lsn;		/* in the bucket up to here, of the log of that object's run */
	__le32 part;
	__le32 nr_parts;
	__le32 nr_objects;	/* in this part; they come first */
	__le32 nr_extents;
	__u8 pad[LC_BK_FIXED - 80];
} __packed;
static_assert(sizeof(struct lc_bk_ckpt) == LC_BK_FIXED);

struct lc_bk_ckpt_object {
	__le64 seq;
	__le64 dead_at;		/* needed by nothing from this object on; LC_BK_NEVER: needed */
	__le32 header_bytes;
	__le32 payload_sectors;
} __packed;
static_assert(sizeof(struct lc_bk_ckpt_object) == 24);

struct lc_bk_ckpt_extent {
	__le64 lba_op;
	__le64 seq;
	__le32 len;
	__le32 pos;
} __packed;
static_assert(sizeof(struct lc_bk_ckpt_extent) == 24);

/*
 * A mark says that everything up to object head.seq was complete, as the name of a
 * checkpoint does, and nothing of the map. No checkpoint has so many parts.
 */
#define LC_BK_MARK_PART		0xffffffffu

struct lc_bk_mark {
	struct lc_bk_head head;
	__u8 pad[LC_BK_FIXED - 48];
} __packed;
static_assert(sizeof(struct lc_bk_mark) == LC_BK_FIXED);
static_assert(LC_BK_MARK_PART >= LC_BK_PARTS_MAX);

#endif /* LC_BUCKET_H */
