/* SPDX-License-Identifier: GPL-2.0-only */
/* Generic netlink, as compat.h; apart, since generated code includes nothing of ours. */
#ifndef LC_COMPAT_GENL_H
#define LC_COMPAT_GENL_H

#include <linux/version.h>
#include <net/genetlink.h>

/* 6.2: do and dump of a command became operations of their own. */
#if KERNEL_VERSION(6, 2, 0) > LINUX_VERSION_CODE
#define genl_split_ops		genl_ops
#define split_ops		ops
#define n_split_ops		n_ops
#endif

/* 6.14: a longest binary attribute has a name. */
#ifndef NLA_POLICY_MAX_LEN
#define NLA_POLICY_MAX_LEN(_len)	NLA_POLICY_RANGE(NLA_BINARY, 0, _len)
#endif

#endif /* LC_COMPAT_GENL_H */
