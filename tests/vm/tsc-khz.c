// SPDX-License-Identifier: GPL-2.0
/*
 * Prints how fast the time stamp counter of this machine runs, in kHz.
 *
 * Emulated machines show it to their kernel, which measures it while it boots. On
 * a busy host that can be wrong by any factor, and then its seconds are, too.
 */

#include <stdio.h>
#include <time.h>
#include <x86intrin.h>

struct sample {
	double ns;
	double ticks;
};

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC_RAW, &ts);
	return ts.tv_sec * 1e9 + ts.tv_nsec;
}

/* Of many pairs the one whose clocks were read closest together. */
static struct sample sample(void)
{
	struct sample best = { 0 };
	double least = 0, t0, t1;
	unsigned long long ticks;
	int i;

	for (i = 0; i < 1000; i++) {
		t0 = now();
		ticks = __rdtsc();
		t1 = now();
		if (i && t1 - t0 >= least)
			continue;
		least = t1 - t0;
		best.ns = (t0 + t1) / 2;
		best.ticks = ticks;
	}
	return best;
}

int main(void)
{
	const struct timespec pause = { .tv_nsec = 100000000 };
	struct sample a = sample(), b;

	nanosleep(&pause, NULL);
	b = sample();
	printf("%.0f\n", (b.ticks - a.ticks) / (b.ns - a.ns) * 1e6);
	return 0;
}
