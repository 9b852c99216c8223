/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The record of one run: what arrived at the two devices below the volume, and
 * what was asked of the volume above it, all on one clock.
 *
 * The clock is a counter of events. It is read so that a cut at event c is a
 * state the world could have been in:
 *
 *   volume op:   issue  is taken before the op is submitted
 *                ack    is taken after its completion was seen
 *   device op:   arrive   is taken when the whole request has been received
 *                complete is taken when its effect is done, before the reply
 *
 * so issue < arrive <= complete < ack for everything that one op causes, and
 * nothing acknowledged before c can rest on a device op that had not completed by c.
 */
#ifndef CRASH_HISTORY_H
#define CRASH_HISTORY_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NEVER	UINT64_MAX

enum dev_id { DEV_SSD, DEV_ORIGIN, NR_DEVS };

enum op_type { OP_WRITE, OP_FLUSH, OP_DISCARD, OP_ZERO, OP_READ };

/* One mutation or flush of a device. Reads are not recorded. */
struct dev_op {
	uint8_t dev;
	uint8_t type;
	bool fua;
	uint32_t nr;
	uint64_t sector;
	uint64_t arrive;
	uint64_t complete;	/* NEVER while in flight */
	void *data;		/* OP_WRITE only; owned by the history */
};

/* One operation on the volume. Its sequence number is seq_base + index + 1. */
struct vol_op {
	uint8_t type;
	bool fua;
	uint32_t nr;
	uint64_t sector;
	uint64_t issue;
	uint64_t ack;		/* NEVER while in flight */
};

struct history {
	pthread_mutex_t lock;	/* everything below */
	uint64_t clock;
	uint64_t seq_base;	/* keeps the stamps of chained runs apart */
	struct dev_op *dev;	/* in order of arrival */
	size_t nr_dev, cap_dev;
	struct vol_op *vol;	/* in order of issue */
	size_t nr_vol, cap_vol;
};

struct history *history_new(uint64_t seq_base);
void history_free(struct history *h);

static inline uint64_t history_seq(const struct history *h, size_t vol_index)
{
	return h->seq_base + vol_index + 1;
}

/*
 * These four may be called from any thread. arrive and issue return an index
 * for the matching second call. history_arrive() copies the data; only what
 * the caller fills in before the event is read from the struct.
 */
size_t history_arrive(struct history *h, const struct dev_op *op);
void history_complete(struct history *h, size_t index);
size_t history_issue(struct history *h, const struct vol_op *op);
void history_ack(struct history *h, size_t index);

/* The number of the newest event. */
uint64_t history_now(struct history *h);

/* To a file and back, for cutting a known run again. 0 or -errno. */
int history_save(const struct history *h, const char *path);
struct history *history_load(const char *path);

const char *op_name(enum op_type type);

#endif
