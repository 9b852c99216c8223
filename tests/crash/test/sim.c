// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>

#include "sim.h"

#define MAX_IN_FLIGHT	256

struct sim_io {
	struct dev_op op;
	size_t index;		/* in the history */
	bool done, forgotten;
};

struct sim {
	struct image *img[NR_DEVS];
	const struct device_model *model;
	struct history *rec;
	struct turn *turn;
	struct rng rng;
	struct sim_io *in_flight[MAX_IN_FLIGHT];
	unsigned int nr_in_flight;
};

struct sim *sim_new(struct image *const img[NR_DEVS], const struct device_model model[NR_DEVS],
		    struct history *rec, struct turn *turn, uint64_t seed)
{
	struct sim *sim = xcalloc(1, sizeof(*sim));

	memcpy(sim->img, img, sizeof(sim->img));
	sim->model = model;
	sim->rec = rec;
	sim->turn = turn;
	sim->rng.state = seed;
	return sim;
}

static void free_io(struct sim_io *io)
{
	free(io->op.data);
	free(io);
}

static void complete_one(struct sim *sim)
{
	unsigned int pick = (unsigned int)rng_below(&sim->rng, sim->nr_in_flight);
	struct sim_io *io = sim->in_flight[pick];

	sim->in_flight[pick] = sim->in_flight[--sim->nr_in_flight];
	device_apply(&sim->model[io->op.dev], sim->img[io->op.dev], &io->op);
	if (sim->rec)
		history_complete(sim->rec, io->index);
	io->done = true;
	if (io->forgotten)
		free_io(io);
}

void sim_free(struct sim *sim)
{
	while (sim->nr_in_flight)
		complete_one(sim);
	free(sim);
}

struct sim_io *sim_submit(struct sim *sim, const struct dev_op *op)
{
	struct sim_io *io = xcalloc(1, sizeof(*io));

	while (sim->nr_in_flight == MAX_IN_FLIGHT)
		complete_one(sim);
	io->op = *op;
	io->op.data = NULL;
	if (op->type == OP_WRITE) {
		io->op.data = xcalloc(op->nr, SECTOR_SIZE);
		memcpy(io->op.data, op->data, (size_t)op->nr * SECTOR_SIZE);
	}
	if (sim->rec)
		io->index = history_arrive(sim->rec, &io->op);
	sim->in_flight[sim->nr_in_flight++] = io;
	return io;
}

void sim_yield(struct sim *sim, unsigned int worker)
{
	if (sim->nr_in_flight && rng_chance(&sim->rng, 30))
		complete_one(sim);
	if (worker != SIM_MAIN)
		turn_yield(sim->turn, worker);
}

void sim_wait(struct sim *sim, unsigned int worker, struct sim_io *io)
{
	while (!io->done)
		sim_yield(sim, worker);
	free_io(io);
}

void sim_forget(struct sim_io *io)
{
	io->forgotten = true;
}

void sim_read(const struct sim *sim, enum dev_id dev, uint64_t sector, uint32_t nr, void *buf)
{
	image_read(sim->img[dev], sector, nr, buf);
}
