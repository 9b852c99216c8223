/* SPDX-License-Identifier: GPL-2.0-only */
/* The commands of control.h. */
#ifndef LC_COMMAND_H
#define LC_COMMAND_H

#include <jansson.h>

#include "serve.h"

/**
 * struct lc_request - one, the caller's until @done
 * @in:		an object
 * @out:	the answer, whose reference is @done's to drop
 * @done:	exactly once, also from within lc_command_run()
 */
struct lc_request {
	struct lc_daemon *daemon;
	json_t *in;
	json_t *out;
	void (*done)(struct lc_request *rq);
	void *data;

	struct lc_rollback rollback;
	struct lc_timer again;
	u8 uuid[16];			/* of the volume */
};

void lc_command_run(struct lc_request *rq);

#endif /* LC_COMMAND_H */
