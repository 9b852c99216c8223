// SPDX-License-Identifier: GPL-2.0-only

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <linux/kernel.h>
#include <asm/byteorder.h>

#include "codec.h"
#include "manifest.h"

void lc_manifest_free(struct lc_manifest *m)
{
	free(m->runs);
	free(m->pins);
	*m = (struct lc_manifest){ 0 };
}

static void *dup_array(const void *from, u32 nr, size_t size)
{
	void *to = calloc(nr + 1, size);

	if (to && nr)
		memcpy(to, from, nr * size);
	return to;
}

bool lc_manifest_copy(struct lc_manifest *to, const struct lc_manifest *from)
{
	*to = *from;
	to->runs = dup_array(from->runs, from->nr_runs, sizeof(*from->runs));
	to->pins = dup_array(from->pins, from->nr_pins, sizeof(*from->pins));
	if (to->runs && to->pins)
		return true;
	lc_manifest_free(to);
	return false;
}

int lc_manifest_add_run(struct lc_manifest *m, const struct lc_run *run)
{
	struct lc_run *runs;

	if (m->nr_runs >= LC_BK_RUNS_MAX)
		return -ENOSPC;
	runs = realloc(m->runs, (m->nr_runs + 1) * sizeof(*runs));
	if (!runs)
		return -ENOMEM;
	m->runs = runs;
	m->runs[m->nr_runs++] = *run;
	return 0;
}

int lc_manifest_add_pin(struct lc_manifest *m, const struct lc_pin *pin)
{
	struct lc_pin *pins;

	if (m->nr_pins >= LC_BK_PINS_MAX)
		return -ENOSPC;
	pins = realloc(m->pins, (m->nr_pins + 1) * sizeof(*pins));
	if (!pins)
		return -ENOMEM;
	m->pins = pins;
	m->pins[m->nr_pins++] = *pin;
	return 0;
}

void lc_manifest_drop_pin(struct lc_manifest *m, u32 i)
{
	memmove(&m->pins[i], &m->pins[i + 1], (m->nr_pins - i - 1) * sizeof(*m->pins));
	m->nr_pins--;
}

/*----------------------------------------------------------------
 * Bytes
 *----------------------------------------------------------------
 */

static void run_put(struct lc_bk_run *to, const struct lc_run *from)
{
	memcpy(to->uuid, from->uuid, sizeof(to->uuid));
	memcpy(to->log, from->log, sizeof(to->log));
	to->epoch = cpu_to_le64(from->epoch);
	to->first = cpu_to_le64(from->first);
	to->end = cpu_to_le64(from->end);
	to->prev = cpu_to_le64(from->prev);
	to->lsn = cpu_to_le64(from->lsn);
}

static void run_get(const struct lc_bk_run *from, struct lc_run *to)
{
	memcpy(to->uuid, from->uuid, sizeof(to->uuid));
	memcpy(to->log, from->log, sizeof(to->log));
	to->epoch = le64_to_cpu(from->epoch);
	to->first = le64_to_cpu(from->first);
	to->end = le64_to_cpu(from->end);
	to->prev = le64_to_cpu(from->prev);
	to->lsn = le64_to_cpu(from->lsn);
}

static void pin_put(struct lc_bk_pin *to, const struct lc_pin *from)
{
	to->seq = cpu_to_le64(from->seq);
	to->created = cpu_to_le64(from->created);
	memcpy(to->clone, from->clone, sizeof(to->clone));
	memcpy(to->name, from->name, sizeof(to->name));
}

static void pin_get(const struct lc_bk_pin *from, struct lc_pin *to)
{
	to->seq = le64_to_cpu(from->seq);
	to->created = le64_to_cpu(from->created);
	memcpy(to->clone, from->clone, sizeof(to->clone));
	memcpy(to->name, from->name, sizeof(to->name));
}

static size_t manifest_bytes(u32 nr_runs, u32 nr_pins)
{
	return LC_BK_FIXED + nr_runs * sizeof(struct lc_bk_run) +
	       nr_pins * sizeof(struct lc_bk_pin);
}

void *lc_manifest_encode(const struct lc_manifest *m, size_t *bytes)
{
	struct lc_bk_manifest *b;
	struct lc_bk_run *runs;
	struct lc_bk_pin *pins;
	u32 i;

	*bytes = manifest_bytes(m->nr_runs, m->nr_pins);
	b = calloc(1, *bytes);
	if (!b)
		return NULL;
	runs = (struct lc_bk_run *)(b + 1);
	pins = (struct lc_bk_pin *)(runs + m->nr_runs);
	for (i = 0; i < m->nr_runs; i++)
		run_put(&runs[i], &m->runs[i]);
	for (i = 0; i < m->nr_pins; i++)
		pin_put(&pins[i], &m->pins[i]);
	b->bytes = cpu_to_le32(*bytes);
	b->flags = cpu_to_le32(m->flags);
	b->sectors = cpu_to_le64(m->sectors);
	memcpy(b->owner, m->owner, sizeof(b->owner));
	b->created = cpu_to_le64(m->created);
	b->nr_runs = cpu_to_le32(m->nr_runs);
	b->nr_pins = cpu_to_le32(m->nr_pins);
	lc_bk_seal(&b->head, LC_BK_MANIFEST_MAGIC, m->uuid, m->epoch, m->generation, b + 1,
		   *bytes - LC_BK_FIXED);
	return b;
}

static int refuse(const char **why, int err, const char *reason)
{
	*why = reason;
	return err;
}

static int check_run(const struct lc_manifest *m, u32 i, const char **why)
{
	const struct lc_run *r = &m->runs[i];
	bool open = r->end == LC_BK_NEVER;

	if (!r->first || !lc_bk_counter_ok(r->first) || r->epoch > m->epoch ||
	    !lc_bk_counter_ok(r->lsn))
		return refuse(why, -EINVAL, "a run's numbers are out of range");
	if (open ? i + 1 < m->nr_runs : r->end <= r->first || !lc_bk_counter_ok(r->end))
		return refuse(why, -EINVAL, "a run's end is out of range");
	if (i && r->first < m->runs[i - 1].end)
		return refuse(why, -EINVAL, "runs overlap");
	if (r->prev >= r->first || (r->prev && !lc_manifest_run(m, r->prev)))
		return refuse(why, -EINVAL, "a run begins behind an object that is in no run");
	return 0;
}

static int check_pin(const struct lc_manifest *m, const struct lc_pin *p, const char **why)
{
	if (p->seq && !lc_manifest_run(m, p->seq))
		return refuse(why, -EINVAL, "a snapshot of an object that is in no run");
	if (p->name[LC_PIN_NAME - 1])
		return refuse(why, -EINVAL, "a snapshot's name does not end");
	return 0;
}

static int check_tables(const struct lc_manifest *m, const char **why)
{
	int ret = 0;
	u32 i;

	for (i = 0; i < m->nr_runs && !ret; i++)
		ret = check_run(m, i, why);
	for (i = 0; i < m->nr_pins && !ret; i++)
		ret = check_pin(m, &m->pins[i], why);
	return ret;
}

static int get_tables(const struct lc_bk_manifest *b, struct lc_manifest *m)
{
	const struct lc_bk_run *runs = (const struct lc_bk_run *)(b + 1);
	const struct lc_bk_pin *pins = (const struct lc_bk_pin *)(runs + m->nr_runs);
	u32 i;

	m->runs = calloc(m->nr_runs + 1, sizeof(*m->runs));
	m->pins = calloc(m->nr_pins + 1, sizeof(*m->pins));
	if (!m->runs || !m->pins)
		return -ENOMEM;
	for (i = 0; i < m->nr_runs; i++)
		run_get(&runs[i], &m->runs[i]);
	for (i = 0; i < m->nr_pins; i++)
		pin_get(&pins[i], &m->pins[i]);
	return 0;
}

static void get_fixed(const struct lc_bk_manifest *b, struct lc_manifest *m)
{
	*m = (struct lc_manifest){
		.epoch = le64_to_cpu(b->head.epoch),
		.generation = le64_to_cpu(b->head.seq),
		.sectors = le64_to_cpu(b->sectors),
		.created = le64_to_cpu(b->created),
		.flags = le32_to_cpu(b->flags),
		.nr_runs = le32_to_cpu(b->nr_runs),
		.nr_pins = le32_to_cpu(b->nr_pins),
	};
	memcpy(m->uuid, b->head.uuid, sizeof(m->uuid));
	memcpy(m->owner, b->owner, sizeof(m->owner));
}

static int check_fixed(const struct lc_bk_manifest *b, size_t bytes, const struct lc_manifest *m,
		       const char **why)
{
	if (m->flags & ~LC_BK_MANIFEST_FLAGS)
		return refuse(why, -EINVAL, "unknown flags");
	if (!m->sectors || m->sectors > LC_BK_SECTORS_MAX)
		return refuse(why, -EINVAL, "size of the volume is out of range");
	if (m->nr_runs > LC_BK_RUNS_MAX || m->nr_pins > LC_BK_PINS_MAX)
		return refuse(why, -EINVAL, "too many runs or snapshots");
	if (le32_to_cpu(b->bytes) != bytes || bytes != manifest_bytes(m->nr_runs, m->nr_pins))
		return refuse(why, -EINVAL, "size does not match its contents");
	return lc_bk_check_body(&b->head, b + 1, bytes - LC_BK_FIXED, why);
}

int lc_manifest_decode(const void *buf, size_t bytes, const u8 uuid[16], struct lc_manifest *m,
		       const char **why)
{
	const struct lc_bk_manifest *b = buf;
	int ret;

	if (bytes < LC_BK_FIXED)
		return refuse(why, -EBADMSG, "shorter than its fixed part");
	ret = lc_bk_check(&b->head, LC_BK_MANIFEST_MAGIC, uuid, why);
	if (ret)
		return ret;
	get_fixed(b, m);
	ret = check_fixed(b, bytes, m, why);
	if (ret)
		return ret;
	ret = get_tables(b, m);
	if (ret == -ENOMEM)
		*why = "out of memory";
	ret = ret ?: check_tables(m, why);
	if (ret)
		lc_manifest_free(m);
	return ret;
}

/*----------------------------------------------------------------
 * Looking things up
 *----------------------------------------------------------------
 */

const struct lc_run *lc_manifest_run(const struct lc_manifest *m, u64 seq)
{
	u32 lo = 0, hi = m->nr_runs, mid;

	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		if (m->runs[mid].first <= seq)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo && seq < m->runs[lo - 1].end ? &m->runs[lo - 1] : NULL;
}

u64 lc_manifest_next_seq(const struct lc_manifest *m)
{
	return m->nr_runs ? m->runs[m->nr_runs - 1].end : 1;
}

u64 lc_manifest_tip(const struct lc_manifest *m)
{
	const struct lc_run *r = lc_manifest_head(m);

	return r ? r->end - 1 : 0;
}

int lc_manifest_find_snapshot(const struct lc_manifest *m, const char *name)
{
	u32 i;

	for (i = 0; i < m->nr_pins; i++)
		if (!lc_pin_is_clone(&m->pins[i]) && !strcmp(m->pins[i].name, name))
			return i;
	return -1;
}

int lc_manifest_find_clone(const struct lc_manifest *m, const u8 uuid[16])
{
	u32 i;

	for (i = 0; i < m->nr_pins; i++)
		if (!memcmp(m->pins[i].clone, uuid, 16))
			return i;
	return -1;
}

/*----------------------------------------------------------------
 * Lines
 *----------------------------------------------------------------
 */

bool lc_line_init(struct lc_line *line, const struct lc_manifest *m, u64 tip)
{
	const struct lc_run *r;
	u32 i, nr = 0;
	u64 seq;

	for (seq = tip; seq && (r = lc_manifest_run(m, seq)); seq = r->prev)
		nr++;
	line->nr = nr;
	line->spans = calloc(nr + 1, sizeof(*line->spans));
	if (!line->spans)
		return false;
	for (seq = tip, i = nr; i; seq = r->prev) {
		r = lc_manifest_run(m, seq);
		line->spans[--i] = (struct lc_span){ r->first, seq, r };
	}
	return true;
}

void lc_line_free(struct lc_line *line)
{
	free(line->spans);
	*line = (struct lc_line){ 0 };
}

const struct lc_span *lc_line_span(const struct lc_line *line, u64 seq)
{
	u32 lo = 0, hi = line->nr, mid;

	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		if (line->spans[mid].last < seq)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < line->nr && line->spans[lo].first <= seq ? &line->spans[lo] : NULL;
}

u64 lc_line_meet(const struct lc_line *line, const struct lc_manifest *m, u64 seq)
{
	const struct lc_span *s;
	const struct lc_run *r;

	for (; seq && (r = lc_manifest_run(m, seq)); seq = r->prev) {
		s = lc_line_span(line, r->first);
		if (s)
			return seq < s->last ? seq : s->last;
	}
	return 0;
}

bool lc_pin_needs(const struct lc_pin *pin, const struct lc_line *line,
		  const struct lc_manifest *m, u64 seq, u64 dead_at)
{
	u64 meet = lc_line_meet(line, m, pin->seq);
	struct lc_line own;
	bool on_it;

	/* It says where the line ends, even if nothing of it is needed. */
	if (seq == pin->seq)
		return true;
	if (seq <= meet && lc_line_span(line, seq))
		return dead_at > meet;
	if (seq > pin->seq)
		return false;
	if (!lc_line_init(&own, m, pin->seq))
		return true;
	on_it = lc_line_span(&own, seq);
	lc_line_free(&own);
	return on_it;
}
