/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A bucket in memory, and hosts that talk to it. Nothing happens by itself: each
 * world_step() takes one request of one host, chosen by a seeded generator, and gives
 * it one of the ends a request can have:
 *
 *   applied and answered            answered busy or failed, not applied
 *   applied, outcome unknown        not applied, outcome unknown
 *   outcome unknown, applied some time later (as of then: conditions hold or do not)
 *
 * So PUTs that were in flight together get there in any order, and after each of them
 * the bucket can be looked at as it is: world_fork().
 */
#ifndef TEST_WORLD_H
#define TEST_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/list.h>
#include <linux/types.h>

#include "store/loop.h"
#include "store/store.h"

#include "rng.h"

struct blob {
	unsigned int refs;
	size_t size;
	u8 data[];
};

struct object {
	char *key;
	struct blob *blob;
	u64 tag;
};

struct faults {
	unsigned int fail;	/* of 1000 requests */
	unsigned int busy;
	unsigned int unknown_lost;
	unsigned int unknown_applied;
	unsigned int unknown_late;
};

struct world {
	struct lc_loop *loop;
	struct rng rng;
	struct object *objects;	/* by key */
	size_t nr, max;
	u64 next_tag;
	struct list_head requests;
	struct list_head late;
	unsigned int nr_requests, nr_late;
	struct faults faults;
	bool no_cond;
	bool garbage;		/* GETs are answered by something else */
	/* After each PUT or DELETE that was applied. */
	void (*changed)(struct world *w, const char *key);
	void *data;
	u64 puts, gets, deletes, lists, heads, put_bytes;
};

struct host {
	struct lc_store store;
	struct world *world;
	bool in_order;		/* first in, first out, without faults */
	bool held;		/* its requests wait */
};

void world_init(struct world *w, u64 seed);
void world_fini(struct world *w);
/* A copy of what is in the bucket; no requests, no faults. */
void world_fork(struct world *to, const struct world *from);

/* One request or something late. False: there is none. */
bool world_step(struct world *w);
/* Turn and step; where all waits for time to pass it passes. False: nothing is left to do. */
bool world_run(struct world *w);

void host_init(struct host *h, struct world *w);
/* Whatever it has asked for may happen or not, now or later; it does not learn. */
void host_crash(struct host *h);

/* The first request of @h that waits, NULL: none. */
const struct lc_store_req *host_waits(struct host *h);

struct object *world_find(struct world *w, const char *key);
void world_put(struct world *w, const char *key, const void *data, size_t size);
void world_delete(struct world *w, const char *key);
void world_delete_prefix(struct world *w, const char *prefix);
/* Keys with that prefix. */
size_t world_count(const struct world *w, const char *prefix);

#endif /* TEST_WORLD_H */
