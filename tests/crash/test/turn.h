/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Threads that take turns: only one runs at a time, and at each turn_yield() a seeded
 * generator says which is next. A run is the same every time it has the same seed,
 * and what runs between two yields needs no locks.
 */
#ifndef CRASH_TURN_H
#define CRASH_TURN_H

#include <stdint.h>

struct turn;

/* nr threads will take part, with ids from 0; nobody runs before all have entered. */
struct turn *turn_new(unsigned int nr, uint64_t seed);
void turn_free(struct turn *turn);

void turn_enter(struct turn *turn, unsigned int id);
void turn_yield(struct turn *turn, unsigned int id);
void turn_leave(struct turn *turn, unsigned int id);

#endif
