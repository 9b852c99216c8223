/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Talking to the logcached that runs, see logcached/control.h. Requests and answers
 * are JSON objects of the caller. Complains itself and returns an exit status.
 */
#ifndef CTL_CONTROL_H
#define CTL_CONTROL_H

#include <stdbool.h>

#include <jansson.h>
#include <linux/types.h>

/* Does one answer at the other end? */
bool control_running(void);

/* {"cmd": @cmd, "volume": @uuid}; @uuid may be NULL. */
json_t *control_request(const char *cmd, const u8 *uuid);
/*
 * Takes @request. *@answer, unless NULL, is what came back. -ENOTCONN, without
 * a complaint: no logcached runs. Otherwise an exit status.
 */
int control_ask(json_t *request, json_t **answer);
/* The same, but there has to be one. */
int control_call(json_t *request, json_t **answer);
/*
 * Leaves @request alone. -errno without a complaint for what the answer says, or if there
 * is none; with *@answer, which may be NULL.
 */
int control_try(const json_t *request, json_t **answer);
/* What the answer to @request says, as an exit status; after control_try() failed. */
int control_refused(const json_t *request, const json_t *answer);

/* Files in volumes.d have changed; nothing to do if none runs. */
int control_reload(void);

#endif /* CTL_CONTROL_H */
