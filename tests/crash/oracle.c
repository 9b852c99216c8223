// SPDX-License-Identifier: GPL-2.0
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "oracle.h"
#include "stamp.h"
#include "util.h"

/*
 * Glossary: version k of a sector is its content after the k-th op on it, version 0
 * its initial content. ops[first[s] + k - 1] is the op that makes version k of s.
 */
struct oracle {
	const struct history *h;
	const uint64_t *initial;
	uint64_t sectors;
	uint32_t *first;	/* sectors + 1 entries */
	uint32_t *ops;		/* indexes into h->vol */
};

/* A closed interval of instants. */
struct span {
	uint64_t lo, hi;
};

struct span_set {
	struct span *v;
	size_t nr, cap;
};

/* One check in progress. */
struct check {
	const struct oracle *o;
	const struct oracle_opts *opts;
	uint64_t cut;
	uint64_t flushed;		/* issue of the last acknowledged flush, 0: none */
	const uint64_t *seen;
	struct verdict *verdict;
	struct span range;		/* from the sectors that allow one interval */
	uint64_t lo_sector, hi_sector;	/* which of them set the bounds */
	uint32_t *unclear;		/* sectors that allow several */
	size_t nr_unclear;
	struct span_set instants;
};

static bool mutates(const struct vol_op *op)
{
	return op->type == OP_WRITE || op->type == OP_ZERO || op->type == OP_DISCARD;
}

static void count_versions(struct oracle *o)
{
	for (size_t i = 0; i < o->h->nr_vol; i++) {
		const struct vol_op *op = &o->h->vol[i];

		if (!mutates(op))
			continue;
		if (op->nr > o->sectors || op->sector > o->sectors - op->nr)
			die("op %zu lies outside the volume", i);
		for (uint32_t s = 0; s < op->nr; s++)
			o->first[op->sector + s + 1]++;
	}
	for (uint64_t s = 0; s < o->sectors; s++)
		o->first[s + 1] += o->first[s];
}

static void list_versions(struct oracle *o)
{
	uint32_t *fill = xcalloc(o->sectors + 1, sizeof(*fill));

	memcpy(fill, o->first, (o->sectors + 1) * sizeof(*fill));
	o->ops = xcalloc(o->first[o->sectors], sizeof(*o->ops));
	for (size_t i = 0; i < o->h->nr_vol; i++) {
		const struct vol_op *op = &o->h->vol[i];

		if (!mutates(op))
			continue;
		for (uint32_t s = 0; s < op->nr; s++)
			o->ops[fill[op->sector + s]++] = (uint32_t)i;
	}
	free(fill);
}

/* The whole rule rests on this, so a workload that breaks it must not pass unnoticed. */
static void check_no_overlap(const struct oracle *o)
{
	for (uint64_t s = 0; s < o->sectors; s++)
		for (uint32_t i = o->first[s] + 1; i < o->first[s + 1]; i++)
			if (o->h->vol[o->ops[i - 1]].ack > o->h->vol[o->ops[i]].issue)
				die("ops %u and %u were in flight together on sector %" PRIu64,
				    o->ops[i - 1], o->ops[i], s);
}

struct oracle *oracle_new(const struct history *h, uint64_t volume_sectors,
			  const uint64_t *initial)
{
	struct oracle *o = xcalloc(1, sizeof(*o));

	o->h = h;
	o->initial = initial;
	o->sectors = volume_sectors;
	o->first = xcalloc(volume_sectors + 1, sizeof(*o->first));
	count_versions(o);
	list_versions(o);
	check_no_overlap(o);
	return o;
}

void oracle_free(struct oracle *oracle)
{
	if (!oracle)
		return;
	free(oracle->first);
	free(oracle->ops);
	free(oracle);
}

static const struct vol_op *version_op(const struct oracle *o, uint64_t s, uint32_t k)
{
	return &o->h->vol[o->ops[o->first[s] + k - 1]];
}

/* The content version k would show, discards as zeroes. */
static uint64_t version_value(const struct oracle *o, uint64_t s, uint32_t k)
{
	uint32_t index;

	if (!k)
		return o->initial ? o->initial[s] : 0;
	index = o->ops[o->first[s] + k - 1];
	return o->h->vol[index].type == OP_WRITE ? history_seq(o->h, index) : VAL_ZERO;
}

/* May version k of sector s read as v? */
static bool version_reads(const struct check *c, uint64_t s, uint32_t k, uint64_t v)
{
	if (version_value(c->o, s, k) == v)
		return true;
	if (!k || c->opts->discard != DISCARD_OLDER ||
	    version_op(c->o, s, k)->type != OP_DISCARD)
		return false;
	while (k--)
		if (version_value(c->o, s, k) == v)
			return true;
	return false;
}

/* An acknowledgement after the cut was never seen by anyone. */
static uint64_t ack_by_cut(const struct check *c, const struct vol_op *op)
{
	return op->ack <= c->cut ? op->ack : NEVER;
}

static bool promised(const struct check *c, const struct vol_op *op)
{
	uint64_t ack = ack_by_cut(c, op);

	if (ack == NEVER)
		return false;
	if (ack < c->opts->uploaded)
		return true;
	if (c->opts->no_promise)
		return false;
	return op->fua || c->opts->acked_is_durable || ack < c->flushed;
}

/* How many ops on this sector had been issued by the cut. */
static uint32_t newest_version(const struct check *c, uint64_t s)
{
	uint32_t k = c->o->first[s + 1] - c->o->first[s];

	while (k && version_op(c->o, s, k)->issue > c->cut)
		k--;
	return k;
}

static uint32_t oldest_allowed(const struct check *c, uint64_t s, uint32_t newest)
{
	uint32_t k = newest;

	while (k && !promised(c, version_op(c->o, s, k)))
		k--;
	return k;
}

/* The instants at which version k of sector s may be what the volume holds. */
static struct span version_span(const struct check *c, uint64_t s, uint32_t k, uint32_t newest)
{
	struct span span = { 0, NEVER };

	if (k)
		span.lo = version_op(c->o, s, k)->issue;
	if (k < newest)
		span.hi = ack_by_cut(c, version_op(c->o, s, k + 1));
	return span;
}

static void span_add(struct span_set *set, struct span span)
{
	if (set->nr && span.lo <= set->v[set->nr - 1].hi) {
		set->v[set->nr - 1].hi = max_u64(set->v[set->nr - 1].hi, span.hi);
		return;
	}
	if (set->nr == set->cap) {
		set->cap = set->cap ? set->cap * 2 : 8;
		set->v = xrealloc(set->v, set->cap, sizeof(*set->v));
	}
	set->v[set->nr++] = span;
}

/* a = a ∩ b; tmp is scratch. All sorted, disjoint. */
static void span_intersect(struct span_set *a, const struct span_set *b, struct span_set *tmp)
{
	struct span_set swap;
	size_t i = 0, j = 0;

	tmp->nr = 0;
	while (i < a->nr && j < b->nr) {
		struct span both = {
			max_u64(a->v[i].lo, b->v[j].lo), min_u64(a->v[i].hi, b->v[j].hi),
		};

		if (both.lo <= both.hi)
			span_add(tmp, both);
		if (a->v[i].hi < b->v[j].hi)
			i++;
		else
			j++;
	}
	swap = *a;
	*a = *tmp;
	*tmp = swap;
}

static void fail(struct check *c, enum verdict_code code, uint64_t s, const char *text)
{
	c->verdict->code = code;
	c->verdict->sector = s;
	c->verdict->value = c->seen[s];
	snprintf(c->verdict->text, sizeof(c->verdict->text), "%s", text);
}

static const char *value_text(uint64_t value, char *buf, size_t size)
{
	if (value == VAL_ZERO)
		return "zeroes";
	if (value == VAL_BAD)
		return "damaged or misplaced content";
	snprintf(buf, size, "op %" PRIu64, value);
	return buf;
}

static void fail_lost(struct check *c, uint64_t s, uint32_t k)
{
	const struct vol_op *op = version_op(c->o, s, k);
	const char *why = "acknowledged";
	char value[32], text[300];

	if (op->fua)
		why = "acknowledged with FUA";
	else if (c->opts->no_promise)
		why = "said to be on the origin";
	else if (!c->opts->acked_is_durable)
		why = "flushed";
	snprintf(text, sizeof(text),
		 "sector %" PRIu64 " reads %s, but op %" PRIu64 " (%s %" PRIu64 "+%u) was %s at %"
		 PRIu64, s, value_text(c->seen[s], value, sizeof(value)),
		 history_seq(c->o->h, (size_t)(op - c->o->h->vol)), op_name(op->type),
		 op->sector, op->nr, why, op->ack);
	fail(c, VERDICT_LOST, s, text);
}

/* No version from oldest to newest reads like that: why not? */
static void fail_unexplained(struct check *c, uint64_t s, uint32_t oldest, uint32_t newest)
{
	uint64_t v = c->seen[s];
	char value[32], text[200];

	if (v == VAL_BAD) {
		snprintf(text, sizeof(text), "sector %" PRIu64 ": damaged or misplaced content", s);
		fail(c, VERDICT_BAD_CONTENT, s, text);
		return;
	}
	for (uint32_t k = 0; k < oldest; k++)
		if (version_reads(c, s, k, v)) {
			fail_lost(c, s, oldest);
			return;
		}
	snprintf(text, sizeof(text),
		 "sector %" PRIu64 " reads %s, which none of the %u ops on it issued by then wrote",
		 s, value_text(v, value, sizeof(value)), newest);
	fail(c, VERDICT_FOREIGN, s, text);
}

/* Fill spans with the instants this sector allows. */
static bool sector_spans(struct check *c, uint64_t s, struct span_set *spans)
{
	uint32_t newest = newest_version(c, s);
	uint32_t oldest = oldest_allowed(c, s, newest);

	spans->nr = 0;
	for (uint32_t k = oldest; k <= newest; k++)
		if (version_reads(c, s, k, c->seen[s]))
			span_add(spans, version_span(c, s, k, newest));
	if (spans->nr)
		return true;
	fail_unexplained(c, s, oldest, newest);
	return false;
}

static void narrow(struct check *c, uint64_t s, struct span span)
{
	if (span.lo > c->range.lo) {
		c->range.lo = span.lo;
		c->lo_sector = s;
	}
	if (span.hi < c->range.hi) {
		c->range.hi = span.hi;
		c->hi_sector = s;
	}
}

static bool check_sectors(struct check *c, struct span_set *spans)
{
	for (uint64_t s = 0; s < c->o->sectors; s++) {
		if (c->seen[s] == VAL_ANY)
			continue;
		if (!sector_spans(c, s, spans))
			return false;
		if (spans->nr == 1)
			narrow(c, s, spans->v[0]);
		else
			c->unclear[c->nr_unclear++] = (uint32_t)s;
	}
	return true;
}

/* The two sectors that cannot both be right. */
static void fail_not_prefix(struct check *c)
{
	char new_value[32], old_value[32], text[400];
	uint64_t lo = c->lo_sector, hi = c->hi_sector;

	snprintf(text, sizeof(text),
		 "sector %" PRIu64 " holds %s, issued at %" PRIu64
		 ", but sector %" PRIu64 " still holds %s and lacks an op acknowledged at %" PRIu64,
		 lo, value_text(c->seen[lo], new_value, sizeof(new_value)), c->range.lo,
		 hi, value_text(c->seen[hi], old_value, sizeof(old_value)), c->range.hi);
	fail(c, VERDICT_NOT_PREFIX, lo, text);
}

static bool check_prefix(struct check *c, struct span_set *spans)
{
	struct span_set tmp = { 0 };
	bool ok = true;

	if (c->range.lo > c->range.hi) {
		fail_not_prefix(c);
		return false;
	}
	span_add(&c->instants, c->range);
	for (size_t i = 0; ok && i < c->nr_unclear; i++) {
		sector_spans(c, c->unclear[i], spans);
		span_intersect(&c->instants, spans, &tmp);
		if (c->instants.nr)
			continue;
		fail(c, VERDICT_NOT_PREFIX, c->unclear[i],
		     "zeroes that fit no instant which fits the other sectors");
		ok = false;
	}
	free(tmp.v);
	return ok;
}

static uint32_t version_of(const struct oracle *o, uint64_t s, uint32_t index)
{
	uint32_t lo = o->first[s], hi = o->first[s + 1];

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (o->ops[mid] < index)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo - o->first[s] + 1;
}

/* Half of it is there, half of it is not. */
static bool is_torn(const struct check *c, uint32_t index)
{
	const struct vol_op *op = &c->o->h->vol[index];
	bool there = true, absent = true;

	for (uint64_t s = op->sector; s < op->sector + op->nr; s++) {
		uint32_t k = version_of(c->o, s, index);

		if (c->seen[s] == VAL_ANY)
			continue;
		there = there && version_reads(c, s, k, c->seen[s]);
		absent = absent && version_reads(c, s, k - 1, c->seen[s]);
	}
	return !there && !absent;
}

/* While op is in flight the volume would be torn: T must be before or after. */
static void exclude_flight(struct check *c, const struct vol_op *op, struct span_set *tmp)
{
	struct span_set around = { 0 };

	if (op->issue)
		span_add(&around, (struct span) { 0, op->issue - 1 });
	if (ack_by_cut(c, op) != NEVER)
		span_add(&around, (struct span) { op->ack + 1, NEVER });
	span_intersect(&c->instants, &around, tmp);
	free(around.v);
}

static bool may_be_in_flight(const struct check *c, const struct vol_op *op)
{
	const struct span_set *set = &c->instants;

	return set->nr && op->issue <= set->v[set->nr - 1].hi &&
	       ack_by_cut(c, op) >= set->v[0].lo;
}

static bool check_atomic(struct check *c)
{
	struct span_set tmp = { 0 };
	char text[120];

	for (uint32_t i = 0; i < c->o->h->nr_vol; i++) {
		const struct vol_op *op = &c->o->h->vol[i];

		if (!mutates(op) || op->nr > c->opts->atomic || op->issue > c->cut ||
		    !may_be_in_flight(c, op) || !is_torn(c, i))
			continue;
		exclude_flight(c, op, &tmp);
		if (c->instants.nr)
			continue;
		snprintf(text, sizeof(text), "op %" PRIu64 " (%s %" PRIu64 "+%u) is torn",
			 history_seq(c->o->h, i), op_name(op->type), op->sector, op->nr);
		fail(c, VERDICT_TORN, op->sector, text);
		break;
	}
	free(tmp.v);
	return c->verdict->code == VERDICT_OK;
}

static uint64_t last_flush(const struct oracle *o, uint64_t cut)
{
	uint64_t issue = 0;

	for (size_t i = 0; i < o->h->nr_vol; i++) {
		const struct vol_op *op = &o->h->vol[i];

		if (op->type == OP_FLUSH && op->ack <= cut)
			issue = max_u64(issue, op->issue);
	}
	return issue;
}

enum verdict_code oracle_check(struct oracle *oracle, const struct oracle_opts *opts,
			       uint64_t cut, const uint64_t *seen, struct verdict *verdict)
{
	struct span_set spans = { 0 };
	struct check c = {
		.o = oracle, .opts = opts, .cut = cut, .seen = seen, .verdict = verdict,
		.flushed = last_flush(oracle, cut),
		.unclear = xcalloc(oracle->sectors, sizeof(*c.unclear)),
	};

	*verdict = (struct verdict) { .code = VERDICT_OK };
	c.range = (struct span) { opts->no_promise ? 0 : c.flushed, cut };
	if (check_sectors(&c, &spans) && opts->order == ORDER_PREFIX &&
	    check_prefix(&c, &spans))
		check_atomic(&c);
	free(spans.v);
	free(c.instants.v);
	free(c.unclear);
	return verdict->code;
}

const char *verdict_name(enum verdict_code code)
{
	static const char *const names[] = {
		[VERDICT_OK] = "ok", [VERDICT_BAD_CONTENT] = "bad content",
		[VERDICT_FOREIGN] = "foreign content", [VERDICT_LOST] = "lost",
		[VERDICT_NOT_PREFIX] = "not a prefix", [VERDICT_TORN] = "torn",
	};

	return names[code];
}
