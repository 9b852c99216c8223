/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Work that can wait, on a processor that is busy: it would take turns with the users
 * whose I/Os it makes room for, and they would wait for milliseconds of copying. So it
 * runs when they do not, or slowly if they never pause, until it is in a hurry.
 *
 * The worker that runs the work is only borrowed: give it back as it was.
 */
#ifndef LC_BACKGROUND_H
#define LC_BACKGROUND_H

#include <linux/sched.h>

/* A tenth of a processor that somebody else could use alone. */
#define LC_BACKGROUND_NICE	10

/* Only work on a queue without priority. Return: for lc_background_end(). May be called
 * with no lock held.
 */
static inline int lc_background_begin(void)
{
	int nice = task_nice(current);

	set_user_nice(current, LC_BACKGROUND_NICE);
	return nice;
}

/* Between begin, which gave @nice, and end: is somebody waiting for it by now? */
static inline void lc_background_hurry(int nice, bool hurry)
{
	set_user_nice(current, hurry ? nice : LC_BACKGROUND_NICE);
}

static inline void lc_background_end(int nice)
{
	set_user_nice(current, nice);
}

#endif /* LC_BACKGROUND_H */
