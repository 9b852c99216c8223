// SPDX-License-Identifier: GPL-2.0-only
#include "upcall.h"

#include <linux/jiffies.h>
#include <linux/mutex.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "helper.h"
#include "logcache.h"
#include "netlink.h"
#include "target.h"

/* How often it is looked whether rings and heartbeats were heard. */
#define LC_WATCH	HZ

static DEFINE_MUTEX(lc_upcalls_lock);
static LIST_HEAD(lc_upcalls);
/* Rings and watches, which wait for memory and for nothing else. */
static struct workqueue_struct *lc_upcall_wq;
static atomic64_t lc_item_ids = ATOMIC64_INIT(0);
static atomic64_t lc_activations = ATOMIC64_INIT(0);

/*--------------------------------------------------------------------------
 * Items
 *--------------------------------------------------------------------------
 */

static void lc_upcall_ring(struct lc_upcall *up)
{
	up->rung = true;
	queue_work(lc_upcall_wq, &up->ring);
}

void lc_upcall_watch(struct lc_upcall *up)
{
	queue_delayed_work(lc_upcall_wq, &up->watch, LC_WATCH);
}

void lc_item_submit(struct lc_upcall *up, struct lc_item *item)
{
	item->id = atomic64_inc_return(&lc_item_ids);
	item->state = LC_ITEM_SUBMITTED;
	list_add_tail(&item->list, &up->items);
	up->nr_items++;
	/* Rung and not heard: the watch sees to that. */
	if (!up->rung)
		lc_upcall_ring(up);
	lc_upcall_watch(up);
}

void lc_item_withdraw(struct lc_upcall *up, struct lc_item *item)
{
	if (item->state == LC_ITEM_IDLE)
		return;
	list_del_init(&item->list);
	item->state = LC_ITEM_IDLE;
	up->nr_items--;
}

struct lc_item *lc_item_find(struct lc_upcall *up, u64 id)
{
	struct lc_item *item;

	list_for_each_entry(item, &up->items, list) {
		if (item->id == id)
			return item->state == LC_ITEM_TAKEN ? item : NULL;
	}
	return NULL;
}

void lc_item_done(struct lc_upcall *up, struct lc_item *item, const struct lc_answer *a)
{
	lc_item_withdraw(up, item);
	item->ops->done(item, a);
}

/* What was taken is offered anew, in the order in which it was first. */
static void lc_items_give_back(struct lc_upcall *up)
{
	struct lc_item *item, *n;
	LIST_HEAD(items);

	list_splice_init(&up->items, &items);
	up->nr_items = 0;
	list_for_each_entry_safe(item, n, &items, list) {
		list_del(&item->list);
		lc_item_submit(up, item);
	}
}

/*--------------------------------------------------------------------------
 * The owner
 *--------------------------------------------------------------------------
 */

int lc_owner_heard(struct lc_upcall *up, u32 port)
{
	if (up->owner != port)
		return -ESTALE;
	up->heard = jiffies;
	return 0;
}

void lc_owner_release(struct lc_upcall *up)
{
	up->owner = 0;
	up->orphaned = jiffies;
	lc_items_give_back(up);
	lc_upcall_ring(up);
	lc_upcall_watch(up);
}

int lc_owner_claim(struct lc_upcall *up, u32 port, bool takeover)
{
	if (up->owner && up->owner != port) {
		if (!takeover)
			return -EBUSY;
		lc_owner_release(up);
	}
	up->owner = port;
	up->heard = jiffies;
	lc_upcall_watch(up);
	return 0;
}

static void lc_owner_lost(struct lc_upcall *up, const char *why)
{
	if (up->lc)
		lc_warn(up->lc,
			"helper %u %s: hits and writes go on, other reads wait for the next helper",
			up->owner, why);
	lc_owner_release(up);
}

void lc_owner_gone(u32 port)
{
	struct lc_upcall *up;

	if (!port)
		return;
	mutex_lock(&lc_upcalls_lock);
	list_for_each_entry(up, &lc_upcalls, list) {
		spin_lock(&up->lock);
		if (up->owner == port)
			lc_owner_lost(up, "has ended");
		spin_unlock(&up->lock);
	}
	mutex_unlock(&lc_upcalls_lock);
}

/*--------------------------------------------------------------------------
 * In the background
 *--------------------------------------------------------------------------
 */

static void lc_ring_work(struct work_struct *work)
{
	struct lc_upcall *up = container_of(work, struct lc_upcall, ring);

	lc_netlink_ring(up->uuid);
}

static bool lc_owner_silent(const struct lc_upcall *up)
{
	return up->owner && time_after(jiffies, up->heard + msecs_to_jiffies(LC_DEAD_MS));
}

static bool lc_items_waiting(const struct lc_upcall *up)
{
	const struct lc_item *item = list_last_entry(&up->items, struct lc_item, list);

	/* What was submitted last is taken last. */
	return up->nr_items && item->state == LC_ITEM_SUBMITTED;
}

static void lc_watch_work(struct work_struct *work)
{
	struct lc_upcall *up = container_of(to_delayed_work(work), struct lc_upcall, watch);
	bool again;

	spin_lock(&up->lock);
	if (lc_owner_silent(up))
		lc_owner_lost(up, "says nothing");
	if (lc_items_waiting(up))
		lc_upcall_ring(up);
	again = up->lc && lc_helper_watch(up->lc);
	if (again || up->owner || up->nr_items)
		lc_upcall_watch(up);
	spin_unlock(&up->lock);
}

/*--------------------------------------------------------------------------
 * Queues
 *--------------------------------------------------------------------------
 */

static struct lc_upcall *lc_upcall_find(const u8 *uuid)
{
	struct lc_upcall *up;

	list_for_each_entry(up, &lc_upcalls, list) {
		if (!memcmp(up->uuid, uuid, sizeof(up->uuid)))
			return up;
	}
	return NULL;
}

static struct lc_upcall *lc_upcall_new(const u8 *uuid)
{
	/* Helpers need the mutex that is held, to answer what an allocation may wait for. */
	struct lc_upcall *up = kzalloc(sizeof(*up), GFP_NOIO);

	if (!up)
		return NULL;
	memcpy(up->uuid, uuid, sizeof(up->uuid));
	spin_lock_init(&up->lock);
	INIT_LIST_HEAD(&up->items);
	INIT_WORK(&up->ring, lc_ring_work);
	INIT_DELAYED_WORK(&up->watch, lc_watch_work);
	up->orphaned = jiffies;
	list_add_tail(&up->list, &lc_upcalls);
	return up;
}

struct lc_upcall *lc_upcall_join(const u8 *uuid)
{
	struct lc_upcall *up;

	mutex_lock(&lc_upcalls_lock);
	up = lc_upcall_find(uuid) ?: lc_upcall_new(uuid);
	if (up) {
		up->users++;
		up->refs++;
	}
	mutex_unlock(&lc_upcalls_lock);
	return up;
}

void lc_upcall_leave(struct lc_upcall *up)
{
	mutex_lock(&lc_upcalls_lock);
	if (!--up->users)
		list_del_init(&up->list);
	mutex_unlock(&lc_upcalls_lock);
	lc_upcall_put(up);
}

struct lc_upcall *lc_upcall_get(const u8 *uuid)
{
	struct lc_upcall *up;

	mutex_lock(&lc_upcalls_lock);
	up = lc_upcall_find(uuid);
	if (up)
		up->refs++;
	mutex_unlock(&lc_upcalls_lock);
	return up;
}

struct lc_upcall *lc_upcall_nth(unsigned int n)
{
	struct lc_upcall *up, *found = NULL;

	mutex_lock(&lc_upcalls_lock);
	list_for_each_entry(up, &lc_upcalls, list) {
		if (!n--) {
			found = up;
			found->refs++;
			break;
		}
	}
	mutex_unlock(&lc_upcalls_lock);
	return found;
}

void lc_upcall_put(struct lc_upcall *up)
{
	bool last;

	mutex_lock(&lc_upcalls_lock);
	last = !--up->refs;
	mutex_unlock(&lc_upcalls_lock);
	if (!last)
		return;
	/* Nobody finds it any more; the watch may still arm itself for an owner. */
	spin_lock(&up->lock);
	up->owner = 0;
	spin_unlock(&up->lock);
	cancel_delayed_work_sync(&up->watch);
	cancel_work_sync(&up->ring);
	kfree(up);
}

void lc_upcall_attach(struct lc_upcall *up, struct logcache *lc)
{
	spin_lock(&up->lock);
	up->lc = lc;
	up->activation = atomic64_inc_return(&lc_activations);
	lc_upcall_ring(up);
	spin_unlock(&up->lock);
}

void lc_upcall_detach(struct lc_upcall *up, struct logcache *lc)
{
	struct lc_item *item, *n;

	spin_lock(&up->lock);
	WARN_ON_ONCE(up->lc != lc);
	list_for_each_entry_safe(item, n, &up->items, list)
		lc_item_withdraw(up, item);
	up->lc = NULL;
	up->activation = 0;
	spin_unlock(&up->lock);
}

int lc_upcall_init(void)
{
	lc_upcall_wq = alloc_workqueue("logcache-upcall", WQ_UNBOUND | WQ_MEM_RECLAIM, 0);
	return lc_upcall_wq ? 0 : -ENOMEM;
}

void lc_upcall_exit(void)
{
	destroy_workqueue(lc_upcall_wq);
}
