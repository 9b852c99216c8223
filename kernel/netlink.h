/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The netlink family: what helpers ask of the queues in upcall.h. The only file that
 * knows attributes. Handlers check everything, copy, and leave: they wait for memory,
 * which may not wait for I/O, and for nothing else.
 *
 * Helpers live in the first network namespace, or ports would name nobody.
 */
#ifndef LC_NETLINK_H
#define LC_NETLINK_H

#include <linux/types.h>

int lc_netlink_init(void);
void lc_netlink_exit(void);

/* Tell whoever listens to look after @uuid; nothing is said if that fails. May sleep. */
void lc_netlink_ring(const u8 *uuid);

#endif /* LC_NETLINK_H */
