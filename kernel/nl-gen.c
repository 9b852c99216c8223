// SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause)
/* Do not edit directly, auto-generated from: */
/*	Documentation/netlink/specs/logcache.yaml */
/* YNL-GEN kernel source */
/* To regenerate run: scripts/ynl-regen */

#include <net/netlink.h>
#include <net/genetlink.h>

#include "nl-gen.h"

#include <uapi/linux/logcache.h>

/* LOGCACHE_CMD_CLAIM - do */
static const struct nla_policy logcache_claim_nl_policy[LOGCACHE_A_VOLUME_TAKEOVER + 1] = {
	[LOGCACHE_A_VOLUME_UUID] = NLA_POLICY_EXACT_LEN(16),
	[LOGCACHE_A_VOLUME_TAKEOVER] = { .type = NLA_FLAG, },
};

/* LOGCACHE_CMD_RELEASE - do */
static const struct nla_policy logcache_release_nl_policy[LOGCACHE_A_VOLUME_UUID + 1] = {
	[LOGCACHE_A_VOLUME_UUID] = NLA_POLICY_EXACT_LEN(16),
};

/* LOGCACHE_CMD_HEARTBEAT - do */
static const struct nla_policy logcache_heartbeat_nl_policy[LOGCACHE_A_VOLUME_UUID + 1] = {
	[LOGCACHE_A_VOLUME_UUID] = NLA_POLICY_EXACT_LEN(16),
};

/* LOGCACHE_CMD_PULL - do */
static const struct nla_policy logcache_pull_nl_policy[LOGCACHE_A_WORK_CURSOR + 1] = {
	[LOGCACHE_A_WORK_UUID] = NLA_POLICY_EXACT_LEN(16),
	[LOGCACHE_A_WORK_CURSOR] = { .type = NLA_U64, },
};

/* LOGCACHE_CMD_EXTENTS - do */
static const struct nla_policy logcache_extents_nl_policy[LOGCACHE_A_WORK_ID + 1] = {
	[LOGCACHE_A_WORK_UUID] = NLA_POLICY_EXACT_LEN(16),
	[LOGCACHE_A_WORK_ID] = NLA_POLICY_MIN(NLA_U64, 1),
	[LOGCACHE_A_WORK_CURSOR] = { .type = NLA_U64, },
};

/* LOGCACHE_CMD_DONE - do */
static const struct nla_policy logcache_done_nl_policy[LOGCACHE_A_WORK_CRCS + 1] = {
	[LOGCACHE_A_WORK_UUID] = NLA_POLICY_EXACT_LEN(16),
	[LOGCACHE_A_WORK_ID] = NLA_POLICY_MIN(NLA_U64, 1),
	[LOGCACHE_A_WORK_STATUS] = NLA_POLICY_RANGE(NLA_U32, 1, 4),
	[LOGCACHE_A_WORK_ZERO] = { .type = NLA_FLAG, },
	[LOGCACHE_A_WORK_CRCS] = NLA_POLICY_MAX_LEN(128),
};

/* Ops table for logcache */
static const struct genl_split_ops logcache_nl_ops[] = {
	{
		.cmd	= LOGCACHE_CMD_VOLUME_GET,
		.dumpit	= logcache_nl_volume_get_dumpit,
		.flags	= GENL_ADMIN_PERM | GENL_CMD_CAP_DUMP,
	},
	{
		.cmd		= LOGCACHE_CMD_CLAIM,
		.doit		= logcache_nl_claim_doit,
		.policy		= logcache_claim_nl_policy,
		.maxattr	= LOGCACHE_A_VOLUME_TAKEOVER,
		.flags		= GENL_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd		= LOGCACHE_CMD_RELEASE,
		.doit		= logcache_nl_release_doit,
		.policy		= logcache_release_nl_policy,
		.maxattr	= LOGCACHE_A_VOLUME_UUID,
		.flags		= GENL_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd		= LOGCACHE_CMD_HEARTBEAT,
		.doit		= logcache_nl_heartbeat_doit,
		.policy		= logcache_heartbeat_nl_policy,
		.maxattr	= LOGCACHE_A_VOLUME_UUID,
		.flags		= GENL_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd		= LOGCACHE_CMD_PULL,
		.doit		= logcache_nl_pull_doit,
		.policy		= logcache_pull_nl_policy,
		.maxattr	= LOGCACHE_A_WORK_CURSOR,
		.flags		= GENL_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd		= LOGCACHE_CMD_EXTENTS,
		.doit		= logcache_nl_extents_doit,
		.policy		= logcache_extents_nl_policy,
		.maxattr	= LOGCACHE_A_WORK_ID,
		.flags		= GENL_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd		= LOGCACHE_CMD_DONE,
		.doit		= logcache_nl_done_doit,
		.policy		= logcache_done_nl_policy,
		.maxattr	= LOGCACHE_A_WORK_CRCS,
		.flags		= GENL_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
};

static const struct genl_multicast_group logcache_nl_mcgrps[] = {
	[LOGCACHE_NLGRP_HELPERS] = { "helpers", },
};

struct genl_family logcache_nl_family __ro_after_init = {
	.name		= LOGCACHE_FAMILY_NAME,
	.version	= LOGCACHE_FAMILY_VERSION,
	.netnsok	= true,
	.parallel_ops	= true,
	.module		= THIS_MODULE,
	.split_ops	= logcache_nl_ops,
	.n_split_ops	= ARRAY_SIZE(logcache_nl_ops),
	.mcgrps		= logcache_nl_mcgrps,
	.n_mcgrps	= ARRAY_SIZE(logcache_nl_mcgrps),
};
