/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What has to be done now and then while a volume is active: garbage is collected, and
 * the manifest is looked at: is it there, and is there another owner?
 */
#ifndef LC_UPKEEP_H
#define LC_UPKEEP_H

#include <stdbool.h>
#include <stdint.h>

#include "store/loop.h"

struct lc_serve;

/* Two hosts without fencing write side by side for about so long. */
#define LC_UPKEEP_OWNER_MS	10000u

struct lc_upkeep {
	struct lc_timer gc;
	struct lc_timer owner;
	bool gc_busy;
	bool owner_busy;
	uint64_t gc_seq;		/* there was nothing more to collect at this object */
};

void lc_upkeep_init(struct lc_serve *sv);
/* The volume is active. */
void lc_upkeep_start(struct lc_serve *sv);
void lc_upkeep_stop(struct lc_serve *sv);

/* Of struct lc_volume_params: copying waits while there is other work to do. */
uint64_t lc_upkeep_gc_delay(struct lc_serve *sv, uint64_t bytes);

#endif /* LC_UPKEEP_H */
