/* SPDX-License-Identifier: GPL-2.0-only */
/* What an operator sees and says: status, table, messages. Nothing here waits. */
#ifndef LC_MESSAGE_H
#define LC_MESSAGE_H

#include <linux/device-mapper.h>

void lc_status(struct dm_target *ti, status_type_t type, unsigned int flags, char *result,
	       unsigned int maxlen);
int lc_message(struct dm_target *ti, unsigned int argc, char **argv, char *result,
	       unsigned int maxlen);

#endif /* LC_MESSAGE_H */
