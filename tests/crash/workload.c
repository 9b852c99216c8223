// SPDX-License-Identifier: GPL-2.0
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stamp.h"
#include "util.h"
#include "workload.h"

#define NR_HOT_SPOTS	8
#define NR_STREAMS	2
#define OPS_PER_PHASE	64	/* then the concurrency changes */

struct work {
	enum op_type type;
	bool fua;
	uint64_t sector;
	uint32_t nr;
};

struct worker;

struct run {
	struct history *h;
	const struct vol_ops *ops;
	void *vol;
	const struct workload_opts *opts;
	struct workload_result *result;
	pthread_mutex_t lock;		/* everything below, and result */
	struct rng rng;
	uint64_t *values;
	unsigned int started;		/* ops so far */
	unsigned int concurrency;
	uint64_t hot[NR_HOT_SPOTS];
	uint64_t stream[NR_STREAMS];
	struct worker *worker;
	pthread_cond_t changed;		/* a range was released, or the run is over */
};

struct worker {
	struct run *run;
	unsigned int id;
	pthread_t thread;
	bool busy;
	struct work work;		/* what it is doing; its range is reserved */
	void *buf;
};

static enum op_type pick_type(struct rng *rng, bool *fua)
{
	uint64_t dice = rng_below(rng, 100);

	*fua = dice < 6;
	if (dice < 62)
		return OP_WRITE;
	if (dice < 68)
		return OP_FLUSH;
	if (dice < 74)
		return OP_DISCARD;
	if (dice < 78)
		return OP_ZERO;
	return OP_READ;
}

/* Mostly small; one op in ten is as large as they come. */
static uint32_t pick_size(struct rng *rng, uint32_t max)
{
	uint64_t dice = rng_below(rng, 100);
	uint32_t nr;

	if (dice < 25)
		nr = 1 + (uint32_t)rng_below(rng, 8);
	else if (dice < 65)
		nr = 8 * (1 + (uint32_t)rng_below(rng, 2));
	else if (dice < 90)
		nr = 1 + (uint32_t)rng_below(rng, max / 4 + 1);
	else
		nr = 1 + (uint32_t)rng_below(rng, max);
	return (uint32_t)min_u64(nr, max);
}

static uint64_t pick_sector(struct run *run, uint32_t nr)
{
	uint64_t room = run->opts->span_sectors - nr;
	uint64_t dice = rng_below(&run->rng, 100), sector;

	if (dice < 50) {
		sector = run->hot[rng_below(&run->rng, NR_HOT_SPOTS)] +
			 rng_below(&run->rng, 64);
	} else if (dice < 65) {
		uint64_t *stream = &run->stream[rng_below(&run->rng, NR_STREAMS)];

		sector = *stream;
		*stream = (*stream + nr) % (room + 1);
	} else {
		sector = rng_below(&run->rng, room + 1);
	}
	/* Half of the ops on 4 KiB boundaries, as filesystems do. */
	if (rng_chance(&run->rng, 50))
		sector &= ~(uint64_t)7;
	return min_u64(sector, room);
}

static struct work pick_work(struct run *run)
{
	struct work work = { 0 };

	work.type = pick_type(&run->rng, &work.fua);
	if (work.type == OP_FLUSH)
		return work;
	work.nr = pick_size(&run->rng, run->opts->max_nr);
	work.sector = pick_sector(run, work.nr);
	return work;
}

static bool conflict(const struct work *a, const struct work *b)
{
	if (a->type == OP_READ && b->type == OP_READ)
		return false;
	return a->sector < b->sector + b->nr && b->sector < a->sector + a->nr;
}

static bool reserve(struct run *run, struct worker *w, const struct work *work)
{
	for (unsigned int i = 0; i < run->opts->workers; i++)
		if (run->worker[i].busy && conflict(work, &run->worker[i].work))
			return false;
	w->work = *work;
	w->busy = true;
	return true;
}

static size_t record_issue(struct run *run, const struct work *work)
{
	const struct vol_op op = {
		.type = (uint8_t)work->type, .fua = work->fua,
		.sector = work->sector, .nr = work->nr,
	};

	return work->type == OP_READ ? 0 : history_issue(run->h, &op);
}

/* Called with the lock held, so that issue order and reservation order agree. */
static bool start_work(struct run *run, struct worker *w, size_t *index)
{
	struct work work;

	if (run->started % OPS_PER_PHASE == 0)
		run->concurrency = 1 + (unsigned int)rng_below(&run->rng, run->opts->workers);
	if (w->id >= run->concurrency)
		return false;
	work = pick_work(run);
	if (!reserve(run, w, &work))
		return false;
	run->started++;
	*index = record_issue(run, &work);
	return true;
}

static int do_work(struct run *run, struct worker *w, size_t index)
{
	const struct work *work = &w->work;

	switch (work->type) {
	case OP_WRITE:
		stamp_fill(w->buf, work->sector, work->nr, history_seq(run->h, index),
			   run->opts->salt);
		return run->ops->write(run->vol, w->id, work->sector, work->nr, w->buf,
				       work->fua);
	case OP_READ:
		return run->ops->read(run->vol, w->id, work->sector, work->nr, w->buf);
	case OP_FLUSH:
		return run->ops->flush(run->vol, w->id);
	case OP_DISCARD:
		return run->ops->discard(run->vol, w->id, work->sector, work->nr);
	case OP_ZERO:
		return run->ops->zero(run->vol, w->id, work->sector, work->nr);
	}
	return 0;
}

static void complain(struct run *run, const char *text)
{
	if (!run->result->errors++)
		snprintf(run->result->first_error, sizeof(run->result->first_error), "%s", text);
}

static void check_read(struct run *run, const struct worker *w)
{
	for (uint32_t i = 0; i < w->work.nr; i++) {
		uint64_t sector = w->work.sector + i, want = run->values[sector];
		const uint8_t *data = (const uint8_t *)w->buf + (size_t)i * SECTOR_SIZE;
		char is[128], text[256];

		if (want == VAL_ANY || stamp_value(data, sector, run->opts->salt) == want)
			continue;
		stamp_explain(data, sector, run->opts->salt, is, sizeof(is));
		snprintf(text, sizeof(text), "event %" PRIu64 ": sector %" PRIu64 " reads %s instead of %s%"
			 PRId64, history_now(run->h), sector, is, want == VAL_ZERO ? "zeroes " : "op ",
			 (int64_t)want);
		complain(run, text);
		return;
	}
}

static void update_values(struct run *run, const struct work *work, size_t index)
{
	uint64_t value = VAL_ZERO;

	if (work->type == OP_WRITE)
		value = history_seq(run->h, index);
	else if (work->type == OP_DISCARD && !run->opts->check_discarded)
		value = VAL_ANY;
	for (uint32_t i = 0; i < work->nr; i++)
		run->values[work->sector + i] = value;
}

static void finish_work(struct run *run, struct worker *w, size_t index, int err)
{
	char text[128];

	if (err) {
		snprintf(text, sizeof(text), "%s %" PRIu64 "+%u failed: %s",
			 op_name(w->work.type), w->work.sector, w->work.nr, strerror(-err));
		complain(run, text);
	} else if (w->work.type == OP_READ) {
		check_read(run, w);
	} else {
		history_ack(run->h, index);
		update_values(run, &w->work, index);
		if (w->work.type == OP_WRITE)
			run->result->sectors_written += w->work.nr;
	}
	w->busy = false;
	pthread_cond_broadcast(&run->changed);
}

/* A failed op is neither acknowledged nor absent: nothing after it could be judged. */
static bool run_over(const struct run *run)
{
	return run->started >= run->opts->nr_ops || run->result->errors;
}

/*
 * Nothing could be started: more is possible once somebody has finished. Somebody is
 * at work, or the first worker would have found no conflict.
 */
static void idle(struct run *run, struct worker *w)
{
	if (!run->ops->relax) {
		pthread_cond_wait(&run->changed, &run->lock);
		return;
	}
	pthread_mutex_unlock(&run->lock);
	run->ops->relax(run->vol, w->id);
	pthread_mutex_lock(&run->lock);
}

static void *worker_main(void *arg)
{
	struct worker *w = arg;
	struct run *run = w->run;
	size_t index;
	int err;

	if (run->ops->enter)
		run->ops->enter(run->vol, w->id);
	pthread_mutex_lock(&run->lock);
	while (!run_over(run)) {
		if (!start_work(run, w, &index)) {
			idle(run, w);
			continue;
		}
		pthread_mutex_unlock(&run->lock);
		err = do_work(run, w, index);
		pthread_mutex_lock(&run->lock);
		finish_work(run, w, index, err);
	}
	pthread_mutex_unlock(&run->lock);
	if (run->ops->leave)
		run->ops->leave(run->vol, w->id);
	return NULL;
}

static void start_workers(struct run *run)
{
	run->worker = xcalloc(run->opts->workers, sizeof(*run->worker));
	for (unsigned int i = 0; i < run->opts->workers; i++) {
		struct worker *w = &run->worker[i];

		w->run = run;
		w->id = i;
		w->buf = xalloc_pages((size_t)run->opts->max_nr * SECTOR_SIZE);
	}
	for (unsigned int i = 0; i < run->opts->workers; i++)
		if (pthread_create(&run->worker[i].thread, NULL, worker_main, &run->worker[i]))
			die("cannot start worker %u", i);
}

static void join_workers(struct run *run)
{
	for (unsigned int i = 0; i < run->opts->workers; i++)
		pthread_join(run->worker[i].thread, NULL);
	for (unsigned int i = 0; i < run->opts->workers; i++)
		free(run->worker[i].buf);
	free(run->worker);
}

void workload_run(struct history *h, const struct vol_ops *ops, void *vol,
		  const struct workload_opts *opts, uint64_t *values,
		  struct workload_result *result)
{
	struct run run = {
		.h = h, .ops = ops, .vol = vol, .opts = opts, .result = result,
		.values = values, .rng = { opts->seed },
	};

	if (opts->workers < 1 || opts->workers > WORKLOAD_MAX_WORKERS ||
	    opts->span_sectors > opts->volume_sectors || opts->max_nr > opts->span_sectors)
		die("workload does not fit the volume");
	*result = (struct workload_result) { 0 };
	pthread_mutex_init(&run.lock, NULL);
	pthread_cond_init(&run.changed, NULL);
	for (unsigned int i = 0; i < NR_HOT_SPOTS; i++)
		run.hot[i] = rng_below(&run.rng, opts->span_sectors);
	for (unsigned int i = 0; i < NR_STREAMS; i++)
		run.stream[i] = rng_below(&run.rng, opts->span_sectors);
	start_workers(&run);
	join_workers(&run);
	pthread_cond_destroy(&run.changed);
	pthread_mutex_destroy(&run.lock);
}
