// SPDX-License-Identifier: GPL-2.0-only
/* What volume.h says, case by case. */

#include <errno.h>
#include <string.h>

#include "tap.h"

#include "sync.h"

struct rig {
	struct world w;
	struct host h;
	char dir[64];
	u8 uuid[16];
	struct lc_volume_params p;
	struct lc_volume *vol;
};

static void rig_init(struct rig *r)
{
	int err;

	world_init(&r->w, 1);
	host_init(&r->h, &r->w);
	r->h.in_order = true;
	scratch_new(r->dir, sizeof(r->dir));
	test_uuid(r->uuid, 1);
	test_params(&r->p, &r->h, r->uuid, r->dir);
	REQUIRE(!create_sync(&r->h, r->uuid, SECTORS, false));
	r->vol = attach_sync(&r->w, &r->p, &err, NULL);
	REQUIRE(!err);
}

static void rig_fini(struct rig *r)
{
	if (r->vol)
		close_sync(&r->w, r->vol);
	scratch_free(r->dir);
	world_fini(&r->w);
}

static void reads_what_was_put(void)
{
	u8 data[4096], got[8192];
	const struct lc_unit_extent e = { .lba = 16, .len = 8, .op = LC_BK_DATA, .data = data };
	struct rig r;
	u32 i;

	rig_init(&r);
	for (i = 0; i < 8; i++)
		stamp_fill(data + i * 512, i + 1);
	CHECK(!put_sync(&r.w, r.vol, 0, 1, &e, 1));
	memset(got, 0xff, sizeof(got));
	CHECK(!read_sync(&r.w, r.vol, 8, 16, got));
	CHECK(!memcmp(got + 4096, data, 4096));
	CHECK(!got[0] && !got[4095]);
	rig_fini(&r);
}

int main(void)
{
	RUN(reads_what_was_put);
	return tap_done();
}
