// SPDX-License-Identifier: GPL-2.0-only
/* Limits that several stores have together. */

#include <string.h>

#include <linux/kernel.h>

#include "share.h"

#define SECOND_US	1000000ull
/* Of one request; larger ones cost no more, so that nothing overflows. */
#define BYTES_MAX	(1ull << 40)

static bool limited(const struct lc_share *s, enum lc_direction d)
{
	return s->limits.bytes[d].rate || s->limits.requests[d].rate;
}

/* How long the limits are taken up by it. */
static uint64_t cost_us(const struct lc_share *s, enum lc_direction d, uint64_t bytes,
			unsigned int requests)
{
	const struct lc_bucket *b = &s->limits.bytes[d], *r = &s->limits.requests[d];
	uint64_t us = 0;

	if (b->rate)
		us += min_t(uint64_t, bytes, BYTES_MAX) * SECOND_US / b->rate;
	if (r->rate)
		us += requests * SECOND_US / r->rate;
	return us;
}

/*----------------------------------------------------------------
 * The line
 *----------------------------------------------------------------
 */

static struct lc_share_place *in_front(const struct lc_share_line *line)
{
	if (list_empty(&line->waiting))
		return NULL;
	return list_first_entry(&line->waiting, struct lc_share_place, list);
}

/* Behind those that have had as much. */
static void insert(struct lc_share_line *line, struct lc_share_place *p)
{
	struct list_head *at = line->waiting.prev;

	while (at != &line->waiting &&
	       list_entry(at, struct lc_share_place, list)->start > p->start)
		at = at->prev;
	list_add(&p->list, at);
	p->waits = true;
}

/* When something may be taken, it is the turn of who is in front. */
static void watch(struct lc_share_line *line)
{
	struct lc_share *s = line->share;

	if (list_empty(&line->waiting))
		lc_timer_cancel(s->loop, &line->timer);
	else
		lc_timer_arm(s->loop, &line->timer,
			     lc_limits_wait(&s->limits, lc_loop_now(s->loop), line->dir));
}

static void due(struct lc_timer *t)
{
	struct lc_share_line *line = t->data;
	struct lc_share *s = line->share;
	struct lc_share_place *p = in_front(line);

	if (!p)
		return;
	if (lc_limits_wait(&s->limits, lc_loop_now(s->loop), line->dir))
		watch(line);
	else
		p->member->go(p->member);
}

static void forget(struct lc_share_line *line, struct lc_share_place *p)
{
	p->told = false;
	if (!p->waits)
		return;
	p->waits = false;
	list_del(&p->list);
	watch(line);
}

/*----------------------------------------------------------------
 * The contract
 *----------------------------------------------------------------
 */

void lc_share_init(struct lc_share *s, struct lc_loop *loop)
{
	int d;

	memset(s, 0, sizeof(*s));
	s->loop = loop;
	for (d = 0; d < 2; d++) {
		s->lines[d].share = s;
		s->lines[d].dir = d;
		s->lines[d].timer = (struct lc_timer){ .expired = due, .data = &s->lines[d] };
		INIT_LIST_HEAD(&s->lines[d].waiting);
	}
}

void lc_share_end(struct lc_share *s)
{
	int d;

	for (d = 0; d < 2; d++)
		lc_timer_cancel(s->loop, &s->lines[d].timer);
}

void lc_share_changed(struct lc_share *s)
{
	int d;

	for (d = 0; d < 2; d++)
		watch(&s->lines[d]);
}

void lc_share_join(struct lc_share_member *m, struct lc_share *s)
{
	int d;

	if (m->share) {
		for (d = 0; d < 2; d++)
			lc_share_leave(m, d);
		m->share->members--;
	}
	m->share = s;
	memset(m->places, 0, sizeof(m->places));
	if (!s)
		return;
	s->members++;
	for (d = 0; d < 2; d++)
		m->places[d].member = m;
}

bool lc_share_ask(struct lc_share_member *m, enum lc_direction d)
{
	struct lc_share_place *p = &m->places[d];
	struct lc_share *s = m->share;
	struct lc_share_line *line;

	if (!s || !limited(s, d))
		return true;
	line = &s->lines[d];
	if (!p->waits) {
		/* Who comes now has no claim to what was before. */
		p->start = max(p->start, line->start);
		insert(line, p);
	}
	if (in_front(line) == p && !lc_limits_wait(&s->limits, lc_loop_now(s->loop), d))
		return true;
	s->throttled[d] += !p->told;
	p->told = true;
	watch(line);
	return false;
}

void lc_share_take(struct lc_share_member *m, enum lc_direction d, uint64_t bytes)
{
	struct lc_share_place *p = &m->places[d];
	struct lc_share *s = m->share;

	if (!s)
		return;
	s->lines[d].start = max(p->start, s->lines[d].start);
	p->start += cost_us(s, d, bytes, 1);
	lc_limits_take(&s->limits, lc_loop_now(s->loop), d, bytes);
	forget(&s->lines[d], p);
}

void lc_share_leave(struct lc_share_member *m, enum lc_direction d)
{
	if (m->share)
		forget(&m->share->lines[d], &m->places[d]);
}

void lc_share_charge(struct lc_share_member *m, enum lc_direction d, uint64_t bytes,
		     unsigned int requests)
{
	struct lc_share_place *p = &m->places[d];
	struct lc_share *s = m->share;
	uint64_t now;

	if (!s)
		return;
	now = lc_loop_now(s->loop);
	lc_bucket_take(&s->limits.bytes[d], now, bytes);
	lc_bucket_take(&s->limits.requests[d], now, requests);
	p->start = max(p->start, s->lines[d].start) + cost_us(s, d, bytes, requests);
	if (!p->waits)
		return;
	list_del(&p->list);
	insert(&s->lines[d], p);
	watch(&s->lines[d]);
}
