// SPDX-License-Identifier: GPL-2.0-only
#include "damage.h"

#include "logcache.h"
#include "segment.h"
#include "super.h"
#include "target.h"

/*--------------------------------------------------------------------------
 * Looking
 *--------------------------------------------------------------------------
 */

bool lc_damage_run(struct logcache *lc, u64 loc, u32 *len)
{
	struct lc_damages *t = &lc->damage;
	const struct lc_damage *d;
	unsigned long flags;
	bool bad = false;

	if (likely(!READ_ONCE(t->nr)))
		return false;
	spin_lock_irqsave(&t->lock, flags);
	for (d = t->now; d < t->now + t->nr; d++) {
		if (loc >= d->loc && loc < d->loc + d->len) {
			*len = min_t(u64, *len, d->loc + d->len - loc);
			bad = true;
			break;
		}
		if (loc < d->loc)
			*len = min_t(u64, *len, d->loc - loc);
	}
	spin_unlock_irqrestore(&t->lock, flags);
	return bad;
}

bool lc_damaged(struct logcache *lc, u64 loc, u32 len)
{
	u32 n = len;

	return lc_damage_run(lc, loc, &n) || n < len;
}

bool lc_damage_mapped(struct logcache *lc, const struct lc_damage *d, u32 *at,
		      struct lc_damage *out)
{
	struct lc_shard *sh = lc_shard_of(lc, d->lba);
	u64 key = lc_key(d->lba);
	struct lc_extent e;
	unsigned long flags;
	bool found = true;

	while (*at < d->len) {
		spin_lock_irqsave(&sh->lock, flags);
		found = lc_index_lookup(&sh->index, key + *at, d->len - *at, &e);
		spin_unlock_irqrestore(&sh->lock, flags);
		if (!found)
			break;
		*at = lc_extent_end(&e) - key;
		if (e.kind != LC_EXT_DATA || e.loc != d->loc + (e.key - key))
			continue;
		out->lba = d->lba + (e.key - key);
		out->loc = e.loc;
		out->len = e.len;
		return true;
	}
	return false;
}

u64 lc_damage_sectors(struct logcache *lc)
{
	struct lc_damages *t = &lc->damage;
	struct lc_damage d, part;
	unsigned int i;
	u64 sum = 0;
	bool there;
	u32 at;

	for (i = 0; ; i++) {
		spin_lock_irq(&t->lock);
		there = i < t->nr;
		if (there)
			d = t->now[i];
		spin_unlock_irq(&t->lock);
		if (!there)
			return sum;
		for (at = 0; lc_damage_mapped(lc, &d, &at, &part); )
			sum += part.len;
	}
}

/*--------------------------------------------------------------------------
 * Changing
 *--------------------------------------------------------------------------
 */

static bool lc_damage_joins(const struct logcache *lc, const struct lc_damage *a,
			    const struct lc_damage *b)
{
	return a->lba + a->len == b->lba && a->loc + a->len == b->loc &&
	       a->lba >> LC_STRIPE_SHIFT == b->lba >> LC_STRIPE_SHIFT &&
	       a->loc >> lc->geo.seg_shift == b->loc >> lc->geo.seg_shift &&
	       a->len + b->len <= LC_ENTRY_DATA_MAX;
}

/* Return: -ENOSPC if there is no room. */
static int lc_damage_put(struct logcache *lc, const struct lc_damage *d)
{
	struct lc_damages *t = &lc->damage;
	int r = 0;

	spin_lock_irq(&t->lock);
	if (t->nr && lc_damage_joins(lc, &t->now[t->nr - 1], d)) {
		t->now[t->nr - 1].len += d->len;
	} else if (t->nr < LC_DAMAGE_MAX) {
		t->now[t->nr] = *d;
		WRITE_ONCE(t->nr, t->nr + 1);
	} else {
		r = -ENOSPC;
	}
	spin_unlock_irq(&t->lock);
	return r;
}

/* What is left of @d goes behind the @nr that are kept; @rest more are to come. */
static unsigned int lc_damage_keep(struct logcache *lc, const struct lc_damage *d,
				   unsigned int nr, unsigned int rest)
{
	struct lc_damage *next = lc->damage.next, part;
	unsigned int first = nr;
	u32 at = 0;

	while (lc_damage_mapped(lc, d, &at, &part)) {
		if (nr + rest < LC_DAMAGE_MAX) {
			next[nr++] = part;
			continue;
		}
		/* No room for pieces: as it was, though some of it is healed. */
		next[first] = *d;
		return first + 1;
	}
	return nr;
}

static void lc_damage_prune(struct logcache *lc)
{
	struct lc_damages *t = &lc->damage;
	unsigned int i, nr = 0;

	for (i = 0; i < t->nr; i++)
		nr = lc_damage_keep(lc, &t->now[i], nr, t->nr - i - 1);
	spin_lock_irq(&t->lock);
	memcpy(t->now, t->next, nr * sizeof(*t->now));
	WRITE_ONCE(t->nr, nr);
	spin_unlock_irq(&t->lock);
}

const struct lc_damage *lc_damage_freeze(struct logcache *lc, u32 *nr)
{
	mutex_lock(&lc->damage.change);
	lc_damage_prune(lc);
	*nr = lc->damage.nr;
	return lc->damage.now;
}

void lc_damage_thaw(struct logcache *lc)
{
	mutex_unlock(&lc->damage.change);
}

static void lc_damage_tell(struct logcache *lc, const struct lc_damage *d)
{
	lc_error(lc,
		 "sectors %llu to %llu of the volume are lost: their only copy, on %s, is damaged; reads of them fail until they are written again, or until the message forget_damaged lets the older contents of %s show",
		 d->lba, d->lba + d->len - 1, lc->cache->name, lc->origin.name);
	schedule_work(&lc->event);
}

/* What of @d readers could find. */
static int lc_damage_add_mapped(struct logcache *lc, const struct lc_damage *d)
{
	struct lc_damage part;
	u32 at = 0;
	int r = 0;

	while (!r && lc_damage_mapped(lc, d, &at, &part)) {
		r = lc_damage_put(lc, &part);
		if (r) {
			lc_damage_prune(lc);
			r = lc_damage_put(lc, &part);
		}
		if (!r)
			lc_damage_tell(lc, &part);
	}
	if (r)
		lc_error_limit(lc, "too much of %s is damaged to go on without; replace the device",
			       lc->cache->name);
	return r;
}

int lc_damage_add(struct logcache *lc, u64 lba, u64 loc, u32 len)
{
	struct lc_damage d;
	int r = 0;

	mutex_lock(&lc->damage.change);
	for (; len && !r; len -= d.len, lba += d.len, loc += d.len) {
		d = (struct lc_damage) { .lba = lba, .loc = loc, .len = len };
		if (!lc_damage_run(lc, loc, &d.len))
			r = lc_damage_add_mapped(lc, &d);
	}
	mutex_unlock(&lc->damage.change);
	return r;
}

void lc_damage_load(struct logcache *lc, const struct lc_damage *d)
{
	lc->damage.now[lc->damage.nr++] = *d;
}

/*--------------------------------------------------------------------------
 * Giving up
 *--------------------------------------------------------------------------
 */

static void lc_damage_forget_work(struct work_struct *work)
{
	struct logcache *lc = container_of(work, struct logcache, damage.forget);
	struct lc_damages *t = &lc->damage;
	const struct lc_damage *d;

	/* The last checkpoint of a volume that is stopped says so: no other behind it. */
	if (!lc->loaded || lc->suspended)
		return;
	mutex_lock(&t->change);
	lc_damage_prune(lc);
	for (d = t->now; d < t->now + t->nr; d++) {
		lc_warn(lc, "sectors %llu to %llu: what %s has of them is shown from now on",
			d->lba, d->lba + d->len - 1, lc->origin.name);
		lc_forget_now(lc, lc_shard_of(lc, d->lba), d->lba, d->len, d->loc, LC_EXT_DATA);
	}
	lc_damage_prune(lc);
	mutex_unlock(&t->change);
	/* Until that is done a crash brings the damage back. */
	if (lc->state == LC_OK)
		lc_ckpt_write(lc, 0);
	lc_evict_kick(lc);
}

void lc_damage_forget(struct logcache *lc)
{
	queue_work(lc->bg, &lc->damage.forget);
}

void lc_damage_init(struct logcache *lc)
{
	mutex_init(&lc->damage.change);
	spin_lock_init(&lc->damage.lock);
	INIT_WORK(&lc->damage.forget, lc_damage_forget_work);
}
