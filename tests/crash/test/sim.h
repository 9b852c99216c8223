/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Two simulated disks, for subjects that live in memory: requests complete in random
 * order, some turns after they were submitted, and are recorded like those of NBD.
 */
#ifndef CRASH_SIM_H
#define CRASH_SIM_H

#include "cut.h"
#include "turn.h"

/* In place of a worker's id: the thread that runs before and after the workers. */
#define SIM_MAIN	UINT32_MAX

struct sim;
struct sim_io;

/* rec may be NULL. What the arguments point to must outlive the sim. */
struct sim *sim_new(struct image *const img[NR_DEVS], const struct device_model model[NR_DEVS],
		    struct history *rec, struct turn *turn, uint64_t seed);

/* Completes what is in flight. */
void sim_free(struct sim *sim);

/* Submit; data is copied. The result is for exactly one of sim_wait() and sim_forget(). */
struct sim_io *sim_submit(struct sim *sim, const struct dev_op *op);
void sim_wait(struct sim *sim, unsigned int worker, struct sim_io *io);
void sim_forget(struct sim_io *io);

/* Let others run. */
void sim_yield(struct sim *sim, unsigned int worker);

void sim_read(const struct sim *sim, enum dev_id dev, uint64_t sector, uint32_t nr, void *buf);

#endif
