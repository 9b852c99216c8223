// SPDX-License-Identifier: GPL-2.0
#include <pthread.h>
#include <stdlib.h>

#include "turn.h"
#include "util.h"

#define NOBODY	UINT32_MAX

struct turn {
	pthread_mutex_t lock;
	pthread_cond_t *wake;		/* one for each thread */
	struct rng rng;
	unsigned int nr, entered;
	unsigned int *alive;		/* ids of those that have not left, unordered */
	unsigned int nr_alive;
	unsigned int current;
};

struct turn *turn_new(unsigned int nr, uint64_t seed)
{
	struct turn *turn = xcalloc(1, sizeof(*turn));

	pthread_mutex_init(&turn->lock, NULL);
	turn->wake = xcalloc(nr, sizeof(*turn->wake));
	turn->alive = xcalloc(nr, sizeof(*turn->alive));
	for (unsigned int i = 0; i < nr; i++) {
		pthread_cond_init(&turn->wake[i], NULL);
		turn->alive[i] = i;
	}
	turn->rng.state = seed;
	turn->nr = turn->nr_alive = nr;
	turn->current = NOBODY;
	return turn;
}

void turn_free(struct turn *turn)
{
	for (unsigned int i = 0; i < turn->nr; i++)
		pthread_cond_destroy(&turn->wake[i]);
	pthread_mutex_destroy(&turn->lock);
	free(turn->wake);
	free(turn->alive);
	free(turn);
}

static void pass_on(struct turn *turn)
{
	turn->current = NOBODY;
	if (!turn->nr_alive)
		return;
	turn->current = turn->alive[rng_below(&turn->rng, turn->nr_alive)];
	pthread_cond_signal(&turn->wake[turn->current]);
}

static void wait_for_turn(struct turn *turn, unsigned int id)
{
	while (turn->current != id)
		pthread_cond_wait(&turn->wake[id], &turn->lock);
}

void turn_enter(struct turn *turn, unsigned int id)
{
	pthread_mutex_lock(&turn->lock);
	if (++turn->entered == turn->nr)
		pass_on(turn);
	wait_for_turn(turn, id);
	pthread_mutex_unlock(&turn->lock);
}

void turn_yield(struct turn *turn, unsigned int id)
{
	pthread_mutex_lock(&turn->lock);
	pass_on(turn);
	wait_for_turn(turn, id);
	pthread_mutex_unlock(&turn->lock);
}

void turn_leave(struct turn *turn, unsigned int id)
{
	pthread_mutex_lock(&turn->lock);
	for (unsigned int i = 0; i < turn->nr_alive; i++)
		if (turn->alive[i] == id)
			turn->alive[i] = turn->alive[--turn->nr_alive];
	pass_on(turn);
	pthread_mutex_unlock(&turn->lock);
}
