/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Work for a helper in userspace: one queue for each volume, found by the
 * volume's uuid, and one owner who takes from it.
 *
 *   an item
 *                 submit              pull                  done
 *     IDLE ------------> SUBMITTED ----------> TAKEN ----------------> IDLE
 *      ^                  |    ^                 |  |             ops->done(), once
 *      |                  |    `-- new id -------'  |
 *      |                  |   the owner is gone,    |
 *      `----- withdraw ---'   or has given it back  |
 *      `-------------------- withdraw --------------'
 *
 *   the owner
 *     NONE --claim--> port P --release, socket closed, silent for too long--> NONE
 *                      `------claim with takeover------> port Q
 *
 * An id names one try. Ids grow and are never used twice, not even by another
 * volume, so whoever pulls with the highest id he has seen misses nothing, and an
 * answer to an earlier try is no answer. An answer counts only if it comes from the
 * owner's port and names an item that is TAKEN.
 *
 * Netlink loses messages. All that is sent without being asked for is a ring: there
 * is something to pull. While nobody pulls it is repeated.
 *
 * The queue outlives suspend and a table that replaces another one: the owner stays.
 * An *activation* lasts from resume to suspend; its end withdraws all items.
 *
 * Context: process, nothing in here sleeps, unless said otherwise. The lock is taken
 * with interrupts on and with no other one held; under it a work item may be queued.
 */
#ifndef LC_UPCALL_H
#define LC_UPCALL_H

#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/workqueue.h>

struct logcache;
struct lc_item;
struct lc_upcall;

/* An owner has to say something more often than that; three times he may fail to. */
#define LC_HEARTBEAT_MS		6000u
#define LC_DEAD_MS		(3 * LC_HEARTBEAT_MS)

enum lc_item_state {
	LC_ITEM_IDLE,
	LC_ITEM_SUBMITTED,
	LC_ITEM_TAKEN,
};

/* What the owner says about an item; @status as in the uapi header, checked. */
struct lc_answer {
	u32 status;
	bool zero;
	const u32 *crc;
	unsigned int nr_crc;
};

/**
 * struct lc_item_ops - one kind of item
 * @done:	the answer; the item is IDLE and may be submitted again. Under the lock
 */
struct lc_item_ops {
	void (*done)(struct lc_item *item, const struct lc_answer *a);
};

struct lc_item {
	struct list_head list;		/* of the queue, by id; not if IDLE */
	const struct lc_item_ops *ops;
	u64 id;
	u8 type;			/* enum logcache_item_type */
	u8 state;			/* enum lc_item_state */
};

struct lc_upcall {
	struct list_head list;		/* all queues */
	unsigned int users;		/* volumes; both under one mutex of upcall.c */
	unsigned int refs;		/* the same, and whoever works with it at the moment */
	u8 uuid[16];

	spinlock_t lock;		/* everything below */
	struct logcache *lc;		/* active volume or NULL */
	u64 activation;
	u32 owner;			/* port, 0: none */
	unsigned long heard;		/* from the owner, in jiffies; */
	unsigned long orphaned;		/* without one since then */
	bool rung;			/* and nobody has pulled since */
	struct list_head items;
	unsigned int nr_items;
	struct work_struct ring;
	struct delayed_work watch;
};

int lc_upcall_init(void);
void lc_upcall_exit(void);

/* The queue of @uuid, for a volume; made if there is none. May sleep; NULL: no memory. */
struct lc_upcall *lc_upcall_join(const u8 *uuid);
/* The volume goes. May sleep. */
void lc_upcall_leave(struct lc_upcall *up);

/* Somebody asks for @uuid; NULL if there is none. May sleep. */
struct lc_upcall *lc_upcall_get(const u8 *uuid);
/* The @n-th of all. May sleep. */
struct lc_upcall *lc_upcall_nth(unsigned int n);
void lc_upcall_put(struct lc_upcall *up);

/* An activation begins; and ends: items are withdrawn. */
void lc_upcall_attach(struct lc_upcall *up, struct logcache *lc);
void lc_upcall_detach(struct lc_upcall *up, struct logcache *lc);

/* With the lock held. */
void lc_item_submit(struct lc_upcall *up, struct lc_item *item);
void lc_item_withdraw(struct lc_upcall *up, struct lc_item *item);
struct lc_item *lc_item_find(struct lc_upcall *up, u64 id);
void lc_item_done(struct lc_upcall *up, struct lc_item *item, const struct lc_answer *a);
/* Some reader waits though nothing is submitted: look after it. */
void lc_upcall_watch(struct lc_upcall *up);

/* The owner has spoken, with the lock held. 0, or -ESTALE: @port is not the owner. */
int lc_owner_heard(struct lc_upcall *up, u32 port);
/* 0, or -EBUSY: another one is. With the lock held. */
int lc_owner_claim(struct lc_upcall *up, u32 port, bool takeover);
void lc_owner_release(struct lc_upcall *up);
/* A socket was closed: whatever @port owned. May sleep. */
void lc_owner_gone(u32 port);

#endif /* LC_UPCALL_H */
