// SPDX-License-Identifier: GPL-2.0-only

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bucket.h"
#include "objs.h"

void lc_objs_clear(struct lc_objs *objs)
{
	free(objs->e);
	*objs = (struct lc_objs){ 0 };
}

struct lc_objs_entry *lc_objs_find(const struct lc_objs *objs, u64 seq)
{
	u32 lo = 0, hi = objs->nr, mid;

	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		if (objs->e[mid].seq < seq)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < objs->nr && objs->e[lo].seq == seq ? &objs->e[lo] : NULL;
}

static bool make_room(struct lc_objs *objs)
{
	u32 max = objs->max ? 2 * objs->max : 64;
	struct lc_objs_entry *e;

	if (objs->nr < objs->max)
		return true;
	e = realloc(objs->e, max * sizeof(*e));
	if (!e)
		return false;
	objs->e = e;
	objs->max = max;
	return true;
}

int lc_objs_add(struct lc_objs *objs, const struct lc_objs_entry *entry)
{
	if (objs->nr && objs->e[objs->nr - 1].seq >= entry->seq)
		return -EINVAL;
	if (!make_room(objs))
		return -ENOMEM;
	objs->e[objs->nr] = *entry;
	objs->e[objs->nr++].dirty = true;
	objs->nr_needed += entry->live || entry->zero;
	objs->live += entry->live;
	objs->payload += entry->payload;
	objs->bytes += lc_objs_bytes(entry);
	return 0;
}

void lc_objs_remove(struct lc_objs *objs, u64 seq)
{
	struct lc_objs_entry *e = lc_objs_find(objs, seq);

	if (!e)
		return;
	objs->nr_needed -= e->live || e->zero;
	objs->live -= e->live;
	objs->payload -= e->payload;
	objs->bytes -= lc_objs_bytes(e);
	objs->nr--;
	memmove(e, e + 1, (objs->e + objs->nr - e) * sizeof(*e));
}

bool lc_objs_gain(struct lc_objs *objs, u64 seq, u64 sectors, bool data)
{
	struct lc_objs_entry *e = lc_objs_find(objs, seq);

	if (!e)
		return false;
	objs->nr_needed += !e->live && !e->zero;
	if (data) {
		e->live += sectors;
		objs->live += sectors;
	} else {
		e->zero += sectors;
	}
	e->dead_at = LC_BK_NEVER;
	e->dirty = true;
	return true;
}

bool lc_objs_lose(struct lc_objs *objs, u64 seq, u64 sectors, bool data, u64 at)
{
	struct lc_objs_entry *e = lc_objs_find(objs, seq);
	u64 *had;

	if (!e)
		return false;
	had = data ? &e->live : &e->zero;
	if (*had < sectors)
		return false;
	*had -= sectors;
	if (data)
		objs->live -= sectors;
	if (!e->live && !e->zero) {
		e->dead_at = at;
		objs->nr_needed--;
	}
	e->dirty = true;
	return true;
}
