/* SPDX-License-Identifier: GPL-2.0-only */
/* One volume of one host, for tests that go case by case. */
#ifndef TEST_RIG_H
#define TEST_RIG_H

#include "bucket/verify.h"

#include "sync.h"

/* Of the rig's volume. */
#define MANIFEST	"5a5a5a5a-5a5a-5a5a-5a5a-5a5a5a5a5a01/manifest"

struct lc_manifest;

struct rig {
	struct world w;
	struct host h;
	char dir[64];
	u8 uuid[16];
	struct lc_volume_params p;
	struct lc_volume *vol;
	u64 lsn;
	u64 stamp;
	char why[512];
};

void rig_init(struct rig *r);
void rig_fini(struct rig *r);

/* Close, and attach as a machine that has nothing. */
int again(struct rig *r);
/* With the map that the last one has left. */
int once_more(struct rig *r);

/* One unit: @nr blocks from block @at on, with stamps of their own. */
int write_to(struct rig *r, struct lc_volume *vol, u32 at, u32 nr);
int write_blocks(struct rig *r, u32 at, u32 nr);
/* So many units of two blocks, one block further each time. */
int fill(struct rig *r, u32 units);
/* Is that what the first fill() has written? */
bool all_there(struct rig *r, u32 units);
/* Block 0 over and over, so that all objects but the last are garbage. */
int churn(struct rig *r, u32 n);
/* Objects of which nothing is needed, and the bucket says so: 24 units. */
int make_garbage(struct rig *r);

/* Stamp of the first sector of block @at; ~0: it cannot be read. */
u64 stamp_of(struct rig *r, struct lc_volume *vol, u32 at);
struct lc_volume_status status(const struct rig *r);

/* The @n-th object whose key has @part in it, from the end if @n is negative. */
struct object *find_object(struct rig *r, const char *part, int n);
void damage(struct object *o, size_t at);
/* What the bucket has of the volume is as @edit leaves it: by another host, or by hand. */
void edit_manifest(struct rig *r, void (*edit)(struct lc_manifest *m));
/* As another host does that deletes the volume. */
void mark_deleted(struct rig *r);
void delete_manifest(struct rig *r);

/* Another owner, with a map of its own; scratch_free(@dir). */
struct lc_volume *attach_newer(struct rig *r, char dir[64]);
/* An lc_volume_fn: the error into the int that @data is. */
void take_err(struct lc_volume *vol, int err, void *data);

/* What lc_bucket_verify() says. */
struct verified {
	int err;
	struct lc_verify_result res;
	char bad[128];
	char dir[64];
};

/* Began, so that something can happen meanwhile; the end; both. */
void verify_begin(struct rig *r, struct host *h, struct verified *v);
void verify_end(struct rig *r, struct verified *v);
void verify(struct rig *r, struct verified *v);

#endif /* TEST_RIG_H */
