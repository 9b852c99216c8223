/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Every difference between the kernels we build on and the newest one. The
 * sources use the newest spelling; each block here says which release made it
 * unnecessary.
 */
#ifndef LC_COMPAT_H
#define LC_COMPAT_H

#include <linux/blkdev.h>
#include <linux/device-mapper.h>
#include <linux/hrtimer.h>
#include <linux/version.h>

/* 6.5: fmode_t became blk_mode_t in the block layer. */
#ifndef BLK_OPEN_READ
#define blk_mode_t	fmode_t
#define BLK_OPEN_READ	FMODE_READ
#define BLK_OPEN_WRITE	FMODE_WRITE
#endif

/* 6.9: max_discard_sectors is derived from max_hw_discard_sectors. */
static inline void lc_limit_discard(struct queue_limits *lim, unsigned int sectors)
{
#if KERNEL_VERSION(6, 9, 0) > LINUX_VERSION_CODE
	lim->max_discard_sectors = sectors;
#endif
	lim->max_hw_discard_sectors = sectors;
}

/* 6.13: the callback is no longer set by hand. */
#if KERNEL_VERSION(6, 13, 0) > LINUX_VERSION_CODE
static inline void lc_hrtimer_setup(struct hrtimer *timer,
				    enum hrtimer_restart (*function)(struct hrtimer *),
				    clockid_t clock, enum hrtimer_mode mode)
{
	hrtimer_init(timer, clock, mode);
	timer->function = function;
}

#define hrtimer_setup	lc_hrtimer_setup
#endif

#endif /* LC_COMPAT_H */
