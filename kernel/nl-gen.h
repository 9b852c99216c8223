/* SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause) */
/* Do not edit directly, auto-generated from: */
/*	Documentation/netlink/specs/logcache.yaml */
/* YNL-GEN kernel header */
/* To regenerate run: scripts/ynl-regen */

#ifndef _LINUX_LOGCACHE_GEN_H
#define _LINUX_LOGCACHE_GEN_H

#include <net/netlink.h>
#include <net/genetlink.h>

#include <uapi/linux/logcache.h>

int logcache_nl_volume_get_dumpit(struct sk_buff *skb,
				  struct netlink_callback *cb);
int logcache_nl_claim_doit(struct sk_buff *skb, struct genl_info *info);
int logcache_nl_release_doit(struct sk_buff *skb, struct genl_info *info);
int logcache_nl_heartbeat_doit(struct sk_buff *skb, struct genl_info *info);
int logcache_nl_pull_doit(struct sk_buff *skb, struct genl_info *info);
int logcache_nl_extents_doit(struct sk_buff *skb, struct genl_info *info);
int logcache_nl_done_doit(struct sk_buff *skb, struct genl_info *info);

enum {
	LOGCACHE_NLGRP_HELPERS,
};

extern struct genl_family logcache_nl_family;

#endif /* _LINUX_LOGCACHE_GEN_H */
