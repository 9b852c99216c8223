// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>

#include "model.h"
#include "sim.h"

#define SLOT_SECTORS	8u
#define SLOTS_PER_SEG	8u
#define NR_SEGS		8u
#define NR_SLOTS	(NR_SEGS * SLOTS_PER_SEG)
#define FIRST_SLOT	8u	/* sector */
#define NO_SEG		NR_SEGS

#define SUPER_MAGIC	0x7265707573ull
#define RECORD_MAGIC	0x64726f636572ull

/* Both fit a sector; "sum" is last. */
struct super {
	uint64_t magic;
	uint64_t generation;
	uint64_t epoch;
	uint64_t written_back;	/* records up to this LSN are on the origin */
	uint64_t live;		/* bit per slot: this clean record still counts */
	uint64_t sum;
};

struct header {
	uint64_t magic;
	uint64_t epoch;
	uint64_t lsn;
	uint64_t sector;
	uint64_t nr;
	uint64_t type;
	uint64_t payload_sum;
	uint64_t sum;
};

struct slot {
	struct header header;	/* lsn 0: empty */
	uint8_t payload[MODEL_MAX_NR * SECTOR_SIZE];
};

struct model {
	struct model_config config;
	struct sim *sim;
	struct turn *turn;
	unsigned int starts;
	struct super super;
	struct slot slot[NR_SLOTS];
	bool seg_free[NR_SEGS];
	unsigned int open_seg, open_used;
	uint64_t next_lsn;
	uint64_t published;	/* in the map, in order */
	bool cleaning;
	uint8_t *map;		/* slot + 1 that has the newest version; 0: the origin */
	struct rng rng;
};

const char *const model_bug_names[NR_MODEL_BUGS] = {
	[BUG_NONE] = "correct",
	[BUG_EARLY_ACK] = "ack before the log write completes",
	[BUG_NO_FLUSH] = "flush does not reach the SSD",
	[BUG_NO_FENCE] = "no fence after recovery",
	[BUG_STALE_LIVENESS] = "segment reused without checkpoint",
	[BUG_EAGER_WRITEBACK] = "writeback ahead of the log",
	[BUG_UNORDERED_UNIT] = "writeback unit is not a prefix",
	[BUG_LOST_DISCARD] = "discard is not a log record",
};

static uint64_t sum_of(const void *data, size_t bytes)
{
	const uint64_t *w = data;
	uint64_t sum = 0x5eed;

	for (size_t i = 0; i < bytes / 8; i++)
		sum = mix64(sum ^ w[i]);
	return sum;
}

static size_t payload_bytes(const struct header *h)
{
	return h->type == OP_WRITE ? h->nr * SECTOR_SIZE : 0;
}

static uint64_t slot_sector(unsigned int slot)
{
	return FIRST_SLOT + slot * SLOT_SECTORS;
}

static struct sim_io *submit(struct model *m, enum dev_id dev, enum op_type type, uint64_t sector,
			     uint32_t nr, void *data, bool fua)
{
	const struct dev_op op = {
		.dev = (uint8_t)dev, .type = (uint8_t)type, .fua = fua,
		.sector = sector, .nr = nr, .data = data,
	};

	return sim_submit(m->sim, &op);
}

static void flush_device(struct model *m, unsigned int worker, enum dev_id dev)
{
	sim_wait(m->sim, worker, submit(m, dev, OP_FLUSH, 0, 0, NULL, false));
}

/* A clean record counts only whole: otherwise part of it could come back to life. */
static bool slot_current(const struct model *m, unsigned int slot)
{
	const struct header *h = &m->slot[slot].header;

	if (!h->lsn)
		return false;
	for (uint64_t s = h->sector; s < h->sector + h->nr; s++)
		if (m->map[s] != slot + 1)
			return false;
	return true;
}

/*
 * Dirty records do not count: one that is lost in the crash leaves an older record in
 * its slot, which must not come back to life in its name.
 */
static uint64_t liveness(const struct model *m)
{
	uint64_t live = 0;

	for (unsigned int i = 0; i < NR_SLOTS; i++)
		if (m->slot[i].header.lsn <= m->super.written_back && slot_current(m, i))
			live |= 1ull << i;
	return live;
}

static void checkpoint(struct model *m, unsigned int worker)
{
	uint64_t sector[SECTOR_SIZE / 8] = { 0 };

	m->super.magic = SUPER_MAGIC;
	m->super.generation++;
	if (m->config.bug == BUG_STALE_LIVENESS)
		m->super.live |= liveness(m);
	else
		m->super.live = liveness(m);
	m->super.sum = sum_of(&m->super, offsetof(struct super, sum));
	memcpy(sector, &m->super, sizeof(m->super));
	sim_wait(m->sim, worker, submit(m, DEV_SSD, OP_WRITE, m->super.generation % 2, 1,
					sector, true));
}

/*-----------------------------------------------------------------
 * Writeback and eviction, by the worker that finds no free segment
 *---------------------------------------------------------------*/

static const uint8_t *sector_data(const struct model *m, uint64_t s)
{
	const struct slot *slot = &m->slot[m->map[s] - 1];

	if (slot->header.type != OP_WRITE)
		return NULL;
	return slot->payload + (s - slot->header.sector) * SECTOR_SIZE;
}

static bool is_dirty(const struct model *m, uint64_t s)
{
	return m->map[s] && m->slot[m->map[s] - 1].header.lsn > m->super.written_back;
}

/* Copy dirty sectors, "percent" of them, to the origin and make that durable. */
static void write_unit(struct model *m, unsigned int worker, unsigned int percent)
{
	struct sim_io **ios = xcalloc(m->config.volume_sectors, sizeof(*ios));
	uint8_t data[SECTOR_SIZE];
	unsigned int nr = 0;

	for (uint64_t s = 0; s < m->config.volume_sectors; s++) {
		const uint8_t *from;

		if (!is_dirty(m, s) || !rng_chance(&m->rng, percent))
			continue;
		from = sector_data(m, s);
		if (from)
			memcpy(data, from, sizeof(data));
		ios[nr++] = submit(m, DEV_ORIGIN, from ? OP_WRITE : OP_DISCARD, s, 1, data, false);
	}
	while (nr)
		sim_wait(m->sim, worker, ios[--nr]);
	free(ios);
	flush_device(m, worker, DEV_ORIGIN);
}

/*
 * The origin must not get ahead of the log. A record published during the flush is
 * not covered by it, but is the newest version now: flush again. This ends, since
 * the writers are waiting for the segment that this will free.
 */
static uint64_t durable_log(struct model *m, unsigned int worker)
{
	uint64_t upto;

	if (m->config.bug == BUG_EAGER_WRITEBACK)
		return m->published;
	do {
		upto = m->published;
		flush_device(m, worker, DEV_SSD);
	} while (upto != m->published);
	return upto;
}

static void write_back(struct model *m, unsigned int worker)
{
	uint64_t upto;

	if (m->config.bug == BUG_UNORDERED_UNIT) {
		durable_log(m, worker);
		write_unit(m, worker, 80);
	}
	upto = durable_log(m, worker);
	write_unit(m, worker, 100);
	m->super.written_back = upto;
	checkpoint(m, worker);
}

static bool seg_clean(const struct model *m, unsigned int seg)
{
	if (m->seg_free[seg] || seg == m->open_seg)
		return false;
	for (unsigned int i = 0; i < SLOTS_PER_SEG; i++)
		if (m->slot[seg * SLOTS_PER_SEG + i].header.lsn > m->super.written_back)
			return false;
	return true;
}

static void evict(struct model *m, unsigned int worker, unsigned int seg)
{
	unsigned int first = seg * SLOTS_PER_SEG;

	for (uint64_t s = 0; s < m->config.volume_sectors; s++)
		if (m->map[s] > first && m->map[s] <= first + SLOTS_PER_SEG)
			m->map[s] = 0;
	for (unsigned int i = 0; i < SLOTS_PER_SEG; i++)
		m->slot[first + i].header.lsn = 0;
	if (m->config.bug != BUG_STALE_LIVENESS)
		checkpoint(m, worker);
	m->seg_free[seg] = true;
}

/* Any order will do: that is what the liveness bitmap is for. */
static bool evict_any(struct model *m, unsigned int worker)
{
	unsigned int start = (unsigned int)rng_below(&m->rng, NR_SEGS);

	for (unsigned int i = 0; i < NR_SEGS; i++) {
		unsigned int seg = (start + i) % NR_SEGS;

		if (!seg_clean(m, seg))
			continue;
		evict(m, worker, seg);
		return true;
	}
	return false;
}

static void make_room(struct model *m, unsigned int worker)
{
	if (m->cleaning) {
		sim_yield(m->sim, worker);
		return;
	}
	m->cleaning = true;
	if (!evict_any(m, worker))
		write_back(m, worker);
	m->cleaning = false;
}

/*-----------------------------------------------------------------
 * The log
 *---------------------------------------------------------------*/

static bool open_free_seg(struct model *m)
{
	for (unsigned int seg = 0; seg < NR_SEGS; seg++) {
		if (!m->seg_free[seg])
			continue;
		m->seg_free[seg] = false;
		m->open_seg = seg;
		m->open_used = 0;
		return true;
	}
	return false;
}

static unsigned int alloc_slot(struct model *m, unsigned int worker)
{
	while (m->open_seg == NO_SEG || m->open_used == SLOTS_PER_SEG) {
		m->open_seg = NO_SEG;
		if (!open_free_seg(m))
			make_room(m, worker);
	}
	return m->open_seg * SLOTS_PER_SEG + m->open_used++;
}

static void fill_slot(struct model *m, struct slot *slot, enum op_type type, uint64_t sector,
		      uint32_t nr, const void *data)
{
	slot->header = (struct header) {
		.magic = RECORD_MAGIC, .epoch = m->super.epoch, .lsn = ++m->next_lsn,
		.sector = sector, .nr = nr, .type = type,
	};
	memcpy(slot->payload, data ? data : "", payload_bytes(&slot->header));
	slot->header.payload_sum = sum_of(slot->payload, payload_bytes(&slot->header));
	slot->header.sum = sum_of(&slot->header, offsetof(struct header, sum));
}

/* Header and payload travel together, in one write. */
static struct sim_io *write_record(struct model *m, unsigned int index)
{
	uint8_t data[SLOT_SECTORS * SECTOR_SIZE] = { 0 };
	const struct slot *slot = &m->slot[index];
	size_t bytes = payload_bytes(&slot->header);

	memcpy(data, &slot->header, sizeof(slot->header));
	memcpy(data + SECTOR_SIZE, slot->payload, bytes);
	return submit(m, DEV_SSD, OP_WRITE, slot_sector(index),
		      1 + (uint32_t)(bytes / SECTOR_SIZE), data, false);
}

/* Acknowledge in the order of the log, whatever the order of completion. */
static void publish(struct model *m, unsigned int worker, unsigned int slot)
{
	const struct header *h = &m->slot[slot].header;

	while (m->published + 1 != h->lsn)
		sim_yield(m->sim, worker);
	for (uint64_t s = h->sector; s < h->sector + h->nr; s++)
		m->map[s] = (uint8_t)(slot + 1);
	m->published = h->lsn;
}

static int model_flush(void *vol, unsigned int worker)
{
	struct model *m = vol;

	if (m->config.bug != BUG_NO_FLUSH)
		flush_device(m, worker, DEV_SSD);
	return 0;
}

static int append(struct model *m, unsigned int worker, enum op_type type, uint64_t sector,
		  uint32_t nr, const void *data)
{
	unsigned int slot = alloc_slot(m, worker);
	struct sim_io *io;

	fill_slot(m, &m->slot[slot], type, sector, nr, data);
	io = write_record(m, slot);
	if (m->config.bug == BUG_EARLY_ACK)
		sim_forget(io);
	else
		sim_wait(m->sim, worker, io);
	publish(m, worker, slot);
	return 0;
}

static int model_write(void *vol, unsigned int worker, uint64_t sector, uint32_t nr,
		       const void *buf, bool fua)
{
	int err = append(vol, worker, OP_WRITE, sector, nr, buf);

	return fua && !err ? model_flush(vol, worker) : err;
}

static int model_zero(void *vol, unsigned int worker, uint64_t sector, uint32_t nr)
{
	return append(vol, worker, OP_ZERO, sector, nr, NULL);
}

/* The broken one only remembers it: the record on the SSD is empty. */
static int model_discard(void *vol, unsigned int worker, uint64_t sector, uint32_t nr)
{
	struct model *m = vol;
	unsigned int slot;

	if (m->config.bug != BUG_LOST_DISCARD)
		return append(m, worker, OP_DISCARD, sector, nr, NULL);
	slot = alloc_slot(m, worker);
	fill_slot(m, &m->slot[slot], OP_DISCARD, sector, 0, NULL);
	sim_wait(m->sim, worker, write_record(m, slot));
	m->slot[slot].header.nr = nr;
	publish(m, worker, slot);
	return 0;
}

static int model_read(void *vol, unsigned int worker, uint64_t sector, uint32_t nr, void *buf)
{
	struct model *m = vol;
	uint8_t *out = buf;

	for (uint64_t s = sector; s < sector + nr; s++, out += SECTOR_SIZE) {
		const uint8_t *from = m->map[s] ? sector_data(m, s) : NULL;

		if (from)
			memcpy(out, from, SECTOR_SIZE);
		else if (m->map[s])
			memset(out, 0, SECTOR_SIZE);
		else
			sim_read(m->sim, DEV_ORIGIN, s, 1, out);
	}
	(void)worker;
	return 0;
}

/*-----------------------------------------------------------------
 * Recovery
 *---------------------------------------------------------------*/

static void read_super(struct model *m)
{
	uint8_t sector[SECTOR_SIZE];
	struct super super;

	memset(&m->super, 0, sizeof(m->super));
	for (uint64_t i = 0; i < 2; i++) {
		sim_read(m->sim, DEV_SSD, i, 1, sector);
		memcpy(&super, sector, sizeof(super));
		if (super.magic == SUPER_MAGIC &&
		    super.sum == sum_of(&super, offsetof(struct super, sum)) &&
		    super.generation > m->super.generation)
			m->super = super;
	}
}

static bool header_sane(const struct model *m, const struct header *h)
{
	return h->magic == RECORD_MAGIC && h->nr <= MODEL_MAX_NR &&
	       h->sector <= m->config.volume_sectors - h->nr &&
	       h->sum == sum_of(h, offsetof(struct header, sum));
}

static void read_slot(struct model *m, unsigned int index)
{
	uint8_t data[SLOT_SECTORS * SECTOR_SIZE];
	struct slot *slot = &m->slot[index];

	sim_read(m->sim, DEV_SSD, slot_sector(index), SLOT_SECTORS, data);
	memcpy(&slot->header, data, sizeof(slot->header));
	memcpy(slot->payload, data + SECTOR_SIZE, sizeof(slot->payload));
	if (!header_sane(m, &slot->header) ||
	    slot->header.payload_sum != sum_of(slot->payload, payload_bytes(&slot->header)))
		slot->header.lsn = 0;
}

static void accept_slot(struct model *m, unsigned int index)
{
	const struct header *h = &m->slot[index].header;

	for (uint64_t s = h->sector; s < h->sector + h->nr; s++)
		m->map[s] = (uint8_t)(index + 1);
	m->seg_free[index / SLOTS_PER_SEG] = false;
}

static int by_lsn(const void *a, const void *b)
{
	const struct slot *x = *(struct slot *const *)a, *y = *(struct slot *const *)b;

	return x->header.lsn < y->header.lsn ? -1 : x->header.lsn > y->header.lsn;
}

static void replay_clean(struct model *m)
{
	struct slot *live[NR_SLOTS];
	unsigned int nr = 0;

	for (unsigned int i = 0; i < NR_SLOTS; i++) {
		struct header *h = &m->slot[i].header;

		if (h->lsn && h->lsn <= m->super.written_back && m->super.live >> i & 1)
			live[nr++] = &m->slot[i];
		else if (h->lsn <= m->super.written_back)
			h->lsn = 0;
	}
	qsort(live, nr, sizeof(*live), by_lsn);
	for (unsigned int i = 0; i < nr; i++)
		accept_slot(m, (unsigned int)(live[i] - m->slot));
}

/* The record with this number, of the newest epoch if there are several. */
static int find_record(const struct model *m, uint64_t lsn, uint64_t min_epoch)
{
	int found = -1;

	for (unsigned int i = 0; i < NR_SLOTS; i++) {
		const struct header *h = &m->slot[i].header;

		if (h->lsn == lsn && h->epoch >= min_epoch &&
		    (found < 0 || h->epoch > m->slot[found].header.epoch))
			found = (int)i;
	}
	return found;
}

static void replay_log(struct model *m)
{
	uint64_t accepted[NR_SLOTS] = { 0 }, epoch = 0;
	uint64_t lsn = m->super.written_back;
	int slot;

	while ((slot = find_record(m, lsn + 1, epoch)) >= 0) {
		epoch = m->slot[slot].header.epoch;
		accept_slot(m, (unsigned int)slot);
		accepted[slot] = 1;
		lsn++;
	}
	m->next_lsn = m->published = lsn;
	for (unsigned int i = 0; i < NR_SLOTS; i++)
		if (m->slot[i].header.lsn > m->super.written_back && !accepted[i])
			m->slot[i].header.lsn = 0;
}

static void recover(struct model *m)
{
	read_super(m);
	memset(m->map, 0, m->config.volume_sectors);
	for (unsigned int i = 0; i < NR_SEGS; i++)
		m->seg_free[i] = true;
	for (unsigned int i = 0; i < NR_SLOTS; i++)
		read_slot(m, i);
	replay_clean(m);
	replay_log(m);
	m->open_seg = NO_SEG;
	m->cleaning = false;
	if (m->config.bug != BUG_NO_FENCE || !m->super.epoch) {
		m->super.epoch++;
		checkpoint(m, SIM_MAIN);
	}
}

/*-----------------------------------------------------------------
 * As a subject
 *---------------------------------------------------------------*/

static void model_enter(void *vol, unsigned int worker)
{
	struct model *m = vol;

	turn_enter(m->turn, worker);
}

static void model_leave(void *vol, unsigned int worker)
{
	struct model *m = vol;

	turn_leave(m->turn, worker);
}

static void model_relax(void *vol, unsigned int worker)
{
	struct model *m = vol;

	sim_yield(m->sim, worker);
}

static int model_start(void *ctx, struct image *const img[NR_DEVS], struct history *rec)
{
	struct model *m = ctx;
	uint64_t seed = mix64(m->config.seed + m->starts++);

	m->rng.state = seed;
	m->turn = turn_new(m->config.workers, seed + 1);
	m->sim = sim_new(img, m->config.devices, rec, m->turn, seed + 2);
	recover(m);
	return 0;
}

static int model_stop(void *ctx)
{
	struct model *m = ctx;

	sim_free(m->sim);
	turn_free(m->turn);
	return 0;
}

struct model *model_new(const struct model_config *config)
{
	struct model *m = xcalloc(1, sizeof(*m));

	m->config = *config;
	m->map = xcalloc(config->volume_sectors, 1);
	return m;
}

void model_free(struct model *m)
{
	free(m->map);
	free(m);
}

struct subject model_subject(struct model *m)
{
	static const struct vol_ops ops = {
		.write = model_write, .read = model_read, .flush = model_flush,
		.discard = model_discard, .zero = model_zero,
		.enter = model_enter, .leave = model_leave, .relax = model_relax,
	};

	return (struct subject) {
		.start = model_start, .stop = model_stop, .ctx = m, .vol_ops = &ops, .vol = m,
	};
}
