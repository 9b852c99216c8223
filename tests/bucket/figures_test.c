// SPDX-License-Identifier: GPL-2.0-only
/*
 * What it costs: bytes and requests, counted, never time. A store that does at once
 * what it is asked.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tap.h"

#include "sync.h"

#define MIB		(1ull << 20)
#define VOLUME		(128 * MIB)
#define BLOCKS		(VOLUME / 4096)

struct rig {
	struct world w;
	struct host h;
	char dir[64];
	struct rng rng;
	struct lc_volume *vol;
	u32 unit_blocks;
	u64 lsn;
	u8 *data;
	struct lc_unit_extent *extents;
	bool *seen;
	u64 written;
	bool gc;
};

static void rig_init(struct rig *r, u32 object_bytes)
{
	struct lc_volume_params p;
	u8 uuid[16];
	int err;

	*r = (struct rig){ .rng = { 7 } };
	world_init(&r->w, 1);
	host_init(&r->h, &r->w);
	r->h.in_order = true;
	scratch_new(r->dir, sizeof(r->dir));
	test_uuid(uuid, 1);
	p = (struct lc_volume_params){
		.store = &r->h.store, .map_dir = r->dir, .object_sectors = object_bytes / 512,
	};
	memcpy(p.uuid, uuid, 16);
	REQUIRE(!create_sync(&r->h, uuid, VOLUME / 512, false));
	r->vol = attach_sync(&r->w, &p, &err, NULL);
	REQUIRE(!err);
	r->unit_blocks = object_bytes / 4096;
	r->data = calloc(1, 4096);
	r->extents = calloc(r->unit_blocks, sizeof(*r->extents));
	r->seen = calloc(BLOCKS, 1);
	REQUIRE(r->data && r->extents && r->seen);
}

static void rig_fini(struct rig *r)
{
	close_sync(&r->w, r->vol);
	scratch_free(r->dir);
	world_fini(&r->w);
	free(r->data);
	free(r->extents);
	free(r->seen);
}

static void write_unit(struct rig *r, const u64 *blocks)
{
	u32 i;

	for (i = 0; i < r->unit_blocks; i++)
		r->extents[i] = (struct lc_unit_extent){
			.lba = blocks[i] * 8, .len = 8, .op = LC_BK_DATA, .data = r->data,
		};
	REQUIRE(!put_sync(&r->w, r->vol, r->lsn, r->lsn + r->unit_blocks, r->extents,
			  r->unit_blocks));
	r->lsn += r->unit_blocks;
	r->written += r->unit_blocks * 4096ull;
	if (r->gc)
		REQUIRE(!gc_all_sync(&r->w, r->vol));
}

/* Different blocks within a unit, so that what is saved is not what a unit saves. Of 1000
 * writes @hot go to a tenth of the volume.
 */
static void write_blocks(struct rig *r, u64 bytes, unsigned int hot)
{
	u64 *blocks = calloc(r->unit_blocks, sizeof(*blocks)), b;
	u32 i;

	while (bytes >= r->unit_blocks * 4096ull) {
		for (i = 0; i < r->unit_blocks; i++) {
			do
				b = rng_below(&r->rng, hot && rng_chance(&r->rng, hot) ?
					      BLOCKS / 10 : BLOCKS);
			while (r->seen[b]);
			r->seen[b] = true;
			blocks[i] = b;
		}
		for (i = 0; i < r->unit_blocks; i++)
			r->seen[blocks[i]] = false;
		write_unit(r, blocks);
		bytes -= r->unit_blocks * 4096ull;
	}
	free(blocks);
}

static void write_random(struct rig *r, u64 bytes)
{
	write_blocks(r, bytes, 0);
}

/* Nine of ten writes to a tenth of the volume. */
static void write_skewed(struct rig *r, u64 bytes)
{
	write_blocks(r, bytes, 900);
}

static void fill(struct rig *r)
{
	u64 *blocks = calloc(r->unit_blocks, sizeof(*blocks)), b;
	u32 i;

	for (b = 0; b + r->unit_blocks <= BLOCKS; b += r->unit_blocks) {
		for (i = 0; i < r->unit_blocks; i++)
			blocks[i] = b + i;
		write_unit(r, blocks);
	}
	free(blocks);
}

static double put_ratio(struct rig *r, struct lc_volume_status *before)
{
	struct lc_volume_status st;

	lc_volume_status(r->vol, &st);
	return (double)(st.put_bytes - before->put_bytes) / r->written;
}

static void random_writes_cost_little_more_than_their_data(void)
{
	struct lc_volume_status before;
	struct rig r;
	double ratio;

	rig_init(&r, 16 * MIB);
	lc_volume_status(r.vol, &before);
	write_random(&r, 256 * MIB);
	ratio = put_ratio(&r, &before);
	printf("# %.4f bytes put per byte written\n", ratio);
	rig_fini(&r);
	CHECK(ratio <= 1.05);
	CHECK(ratio >= 1.0);
}

static void requests_per_gib_are_few(void)
{
	struct lc_volume_status before, st;
	struct rig r;
	u64 n;

	rig_init(&r, 16 * MIB);
	lc_volume_status(r.vol, &before);
	write_random(&r, 1024 * MIB);
	lc_volume_status(r.vol, &st);
	n = st.requests - before.requests;
	printf("# %llu requests for 1 GiB\n", n);
	rig_fini(&r);
	CHECK(n <= 80);
	CHECK(n >= 64);
}

static void collecting_garbage_costs_a_bounded_share(void)
{
	struct lc_volume_status before, st;
	double ratio, live;
	struct rig r;

	rig_init(&r, 2 * MIB);
	fill(&r);
	r.gc = true;
	/* Until it is as it will stay. */
	write_random(&r, 256 * MIB);
	r.written = 0;
	lc_volume_status(r.vol, &before);
	write_random(&r, 384 * MIB);
	ratio = put_ratio(&r, &before);
	lc_volume_status(r.vol, &st);
	live = (double)st.live_bytes / st.payload_bytes;
	printf("# %.4f bytes put per byte written, %.3f of the payload is needed\n", ratio, live);
	rig_fini(&r);
	CHECK(ratio <= 1.6);
	CHECK(live >= 0.5);
}

static void with_skewed_writes_it_costs_less(void)
{
	struct lc_volume_status before, st;
	double ratio, live;
	struct rig r;

	rig_init(&r, 2 * MIB);
	fill(&r);
	r.gc = true;
	write_skewed(&r, 320 * MIB);
	r.written = 0;
	lc_volume_status(r.vol, &before);
	write_skewed(&r, 320 * MIB);
	ratio = put_ratio(&r, &before);
	lc_volume_status(r.vol, &st);
	live = (double)st.live_bytes / st.payload_bytes;
	printf("# %.4f bytes put per byte written, %.3f of the payload is needed\n", ratio, live);
	rig_fini(&r);
	CHECK(ratio <= 1.5);
	CHECK(live >= 0.5);
}

static void zeroes_cost_no_payload(void)
{
	const struct lc_unit_extent e = { .lba = 0, .len = VOLUME / 512, .op = LC_BK_DISCARD };
	struct lc_volume_status before, st;
	struct rig r;

	rig_init(&r, 2 * MIB);
	fill(&r);
	lc_volume_status(r.vol, &before);
	REQUIRE(!put_sync(&r.w, r.vol, r.lsn, r.lsn + 1, &e, 1));
	lc_volume_status(r.vol, &st);
	CHECK(st.put_bytes - st.ckpt_bytes - (before.put_bytes - before.ckpt_bytes) == 4096);
	CHECK(!st.live_bytes);
	REQUIRE(!gc_all_sync(&r.w, r.vol));
	lc_volume_status(r.vol, &st);
	printf("# %u objects left of 64 after the volume was discarded\n", st.objects);
	CHECK(st.objects <= 3);
	CHECK(!st.payload_bytes);
	rig_fini(&r);
}

int main(void)
{
	RUN(random_writes_cost_little_more_than_their_data);
	RUN(requests_per_gib_are_few);
	RUN(collecting_garbage_costs_a_bounded_share);
	RUN(with_skewed_writes_it_costs_less);
	RUN(zeroes_cost_no_payload);
	return tap_done();
}
