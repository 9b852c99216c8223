/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a look at a device brought to light. A *fault* is something that no
 * crash explains; a *note* is worth knowing and harmless.
 *
 * As text each is printed when it is found; as JSON they are collected.
 */
#ifndef CTL_FINDINGS_H
#define CTL_FINDINGS_H

#include <jansson.h>
#include <linux/types.h>

enum severity {
	NOTE,
	FAULT,
};

struct findings {
	const char *device;
	bool quiet;		/* count only */
	json_t *list;		/* NULL: print */
	u64 faults;
	u64 notes;
};

#define NO_BLOCK	(~0ull)

/*
 * Add one: at @block of the device (or NO_BLOCK), what to do about it (or ""),
 * and what is wrong.
 */
__printf(5, 6)
void finding(struct findings *f, enum severity sev, u64 block, const char *advice,
	     const char *fmt, ...);

#endif /* CTL_FINDINGS_H */
