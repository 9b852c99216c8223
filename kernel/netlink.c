// SPDX-License-Identifier: GPL-2.0-only
#include "netlink.h"

#include <linux/blkdev.h>
#include <linux/kdev_t.h>
#include <linux/module.h>
#include <linux/netlink.h>
#include <linux/notifier.h>
#include <linux/sched/mm.h>
#include <net/genetlink.h>
#include <net/net_namespace.h>
#include <net/sock.h>

#include "helper.h"
#include "logcache.h"
#include "nl-gen.h"
#include "segment.h"
#include "upcall.h"

static u64 lc_block_sector(u64 block)
{
	return block << (LC_BLOCK_SHIFT - LC_SECTOR_SHIFT);
}

/*--------------------------------------------------------------------------
 * A request
 *--------------------------------------------------------------------------
 */

/* The queue of the uuid in @attr. The caller puts it; ERR_PTR with the reason in extack. */
static struct lc_upcall *lc_nl_queue(struct genl_info *info, int attr)
{
	struct lc_upcall *up;

	if (!net_eq(genl_info_net(info), &init_net)) {
		NL_SET_ERR_MSG(info->extack, "helpers live in the first network namespace");
		return ERR_PTR(-EPERM);
	}
	if (!info->attrs[attr]) {
		NL_SET_ERR_MSG(info->extack, "the uuid of the volume is missing");
		return ERR_PTR(-EINVAL);
	}
	up = lc_upcall_get(nla_data(info->attrs[attr]));
	if (!up) {
		NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[attr],
				    "no volume with this uuid is loaded");
		return ERR_PTR(-ENOENT);
	}
	return up;
}

typedef int (*lc_nl_fn)(struct lc_upcall *up, struct genl_info *info);

/* Whoever waits for memory here may be who could make some. */
static int lc_nl_do(struct genl_info *info, int attr, lc_nl_fn fn)
{
	unsigned int noio = memalloc_noio_save();
	struct lc_upcall *up = lc_nl_queue(info, attr);
	int r;

	if (IS_ERR(up)) {
		r = PTR_ERR(up);
	} else {
		r = fn(up, info);
		lc_upcall_put(up);
	}
	memalloc_noio_restore(noio);
	return r;
}

/* Lock held. The volume, for its owner; or ERR_PTR. */
static struct logcache *lc_nl_owned(struct lc_upcall *up, struct genl_info *info)
{
	if (lc_owner_heard(up, info->snd_portid)) {
		NL_SET_ERR_MSG(info->extack, "the volume is not yours: claim it");
		return ERR_PTR(-ESTALE);
	}
	if (!up->lc) {
		NL_SET_ERR_MSG(info->extack, "the volume is not active: wait for a ring");
		return ERR_PTR(-EAGAIN);
	}
	return up->lc;
}

static struct sk_buff *lc_nl_reply(struct genl_info *info, u8 cmd, void **head)
{
	struct sk_buff *skb = genlmsg_new(GENLMSG_DEFAULT_SIZE, GFP_KERNEL);

	if (!skb)
		return NULL;
	*head = genlmsg_put_reply(skb, info, &logcache_nl_family, 0, cmd);
	if (!*head) {
		nlmsg_free(skb);
		return NULL;
	}
	return skb;
}

/* @r: of filling the reply, which goes out or is freed. */
static int lc_nl_send(struct genl_info *info, struct sk_buff *skb, void *head, int r)
{
	if (r) {
		nlmsg_free(skb);
		return r;
	}
	genlmsg_end(skb, head);
	return genlmsg_reply(skb, info);
}

static int lc_put_u64(struct sk_buff *skb, int attr, u64 value, int pad)
{
	return nla_put_u64_64bit(skb, attr, value, pad);
}

/*--------------------------------------------------------------------------
 * Volumes
 *--------------------------------------------------------------------------
 */

#define LC_PUT(what, value)	lc_put_u64(skb, LOGCACHE_A_VOLUME_##what, (value), \
					   LOGCACHE_A_VOLUME_PAD)

static int lc_put_cache(struct sk_buff *skb, const struct logcache *lc)
{
	dev_t dev = lc->cache->bdev->bd_dev;
	const struct lc_geo *geo = &lc->geo;

	return nla_put_u32(skb, LOGCACHE_A_VOLUME_CACHE_MAJOR, MAJOR(dev)) ||
	       nla_put_u32(skb, LOGCACHE_A_VOLUME_CACHE_MINOR, MINOR(dev)) ||
	       nla_put(skb, LOGCACHE_A_VOLUME_CACHE_UUID, sizeof(geo->uuid), geo->uuid) ||
	       LC_PUT(EPOCH, lc->epoch) ||
	       LC_PUT(DATA_START, lc_block_sector(geo->data_start)) ||
	       LC_PUT(DATA_SECTORS, (u64)geo->nr_segs << geo->seg_shift) ||
	       LC_PUT(SCRATCH_START, lc_block_sector(geo->scratch_start)) ||
	       LC_PUT(SCRATCH_SECTORS, lc_block_sector(LC_SCRATCH_BLOCKS));
}

static int lc_put_active(struct sk_buff *skb, const struct logcache *lc)
{
	return nla_put_string(skb, LOGCACHE_A_VOLUME_NAME, lc->name) ||
	       LC_PUT(SECTORS, lc->volume_sectors) ||
	       nla_put_u32(skb, LOGCACHE_A_VOLUME_OBJECT_BYTES, lc->args.object_mb << 20) ||
	       LC_PUT(PUBLISHED_LSN, READ_ONCE(lc->log.published_lsn)) ||
	       LC_PUT(OFFERED_LSN, READ_ONCE(lc->origin.helper->units.next_lsn)) ||
	       LC_PUT(CLEAN_LSN, READ_ONCE(lc->log.clean_lsn)) ||
	       lc_put_cache(skb, lc);
}

/* Lock held. */
static int lc_put_volume(struct sk_buff *skb, const struct lc_upcall *up)
{
	if (nla_put(skb, LOGCACHE_A_VOLUME_UUID, sizeof(up->uuid), up->uuid) ||
	    nla_put_u32(skb, LOGCACHE_A_VOLUME_OWNER, up->owner) ||
	    LC_PUT(ACTIVATION, up->activation) ||
	    nla_put_u32(skb, LOGCACHE_A_VOLUME_DEAD_MS, LC_DEAD_MS) ||
	    nla_put_u32(skb, LOGCACHE_A_VOLUME_ITEMS, up->nr_items) ||
	    (up->lc && lc_put_active(skb, up->lc)))
		return -EMSGSIZE;
	return 0;
}

#undef LC_PUT

static int lc_dump_one(struct sk_buff *skb, struct netlink_callback *cb, struct lc_upcall *up)
{
	void *head = genlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq,
				 &logcache_nl_family, NLM_F_MULTI, LOGCACHE_CMD_VOLUME_GET);
	int r;

	if (!head)
		return -EMSGSIZE;
	spin_lock(&up->lock);
	r = lc_put_volume(skb, up);
	spin_unlock(&up->lock);
	if (r)
		genlmsg_cancel(skb, head);
	else
		genlmsg_end(skb, head);
	return r;
}

int logcache_nl_volume_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct lc_upcall *up;
	int r = 0;

	if (!net_eq(sock_net(skb->sk), &init_net))
		return 0;
	while (!r && (up = lc_upcall_nth(cb->args[0]))) {
		r = lc_dump_one(skb, cb, up);
		lc_upcall_put(up);
		if (!r)
			cb->args[0]++;
	}
	return skb->len;
}

/* Lock held. */
static int lc_claim(struct lc_upcall *up, struct genl_info *info, struct sk_buff *skb)
{
	bool takeover = nla_get_flag(info->attrs[LOGCACHE_A_VOLUME_TAKEOVER]);

	if (!up->lc) {
		NL_SET_ERR_MSG(info->extack, "the volume is not active: wait for a ring");
		return -EAGAIN;
	}
	if (lc_owner_claim(up, info->snd_portid, takeover)) {
		NL_SET_ERR_MSG(info->extack,
			       "another helper owns the volume: end that, or take the volume over");
		return -EBUSY;
	}
	return lc_put_volume(skb, up);
}

static int lc_nl_claim(struct lc_upcall *up, struct genl_info *info)
{
	struct sk_buff *skb;
	void *head;
	int r;

	skb = lc_nl_reply(info, LOGCACHE_CMD_CLAIM, &head);
	if (!skb)
		return -ENOMEM;
	spin_lock(&up->lock);
	r = lc_claim(up, info, skb);
	spin_unlock(&up->lock);
	return lc_nl_send(info, skb, head, r);
}

int logcache_nl_claim_doit(struct sk_buff *skb, struct genl_info *info)
{
	return lc_nl_do(info, LOGCACHE_A_VOLUME_UUID, lc_nl_claim);
}

/* Both also while the volume is suspended. */
static int lc_nl_alive(struct lc_upcall *up, struct genl_info *info, bool release)
{
	int r;

	spin_lock(&up->lock);
	r = lc_owner_heard(up, info->snd_portid);
	if (!r && release)
		lc_owner_release(up);
	spin_unlock(&up->lock);
	if (r)
		NL_SET_ERR_MSG(info->extack, "the volume is not yours: claim it");
	return r;
}

static int lc_nl_release(struct lc_upcall *up, struct genl_info *info)
{
	return lc_nl_alive(up, info, true);
}

int logcache_nl_release_doit(struct sk_buff *skb, struct genl_info *info)
{
	return lc_nl_do(info, LOGCACHE_A_VOLUME_UUID, lc_nl_release);
}

static int lc_nl_heartbeat(struct lc_upcall *up, struct genl_info *info)
{
	return lc_nl_alive(up, info, false);
}

int logcache_nl_heartbeat_doit(struct sk_buff *skb, struct genl_info *info)
{
	return lc_nl_do(info, LOGCACHE_A_VOLUME_UUID, lc_nl_heartbeat);
}

/*--------------------------------------------------------------------------
 * Pull
 *--------------------------------------------------------------------------
 */

#define LC_PUT(what, value)	lc_put_u64(skb, LOGCACHE_A_ITEM_##what, (value), \
					   LOGCACHE_A_ITEM_PAD)

static int lc_put_unit(struct sk_buff *skb, const struct lc_unit *u)
{
	return LC_PUT(LSN_START, u->start) ||
	       LC_PUT(LSN_END, u->end) ||
	       nla_put_u32(skb, LOGCACHE_A_ITEM_EXTENTS, u->nr) ||
	       LC_PUT(DATA_SECTORS, u->data);
}

static int lc_put_fetch(struct sk_buff *skb, const struct lc_fetch *f)
{
	return LC_PUT(LBA, f->m->lba) ||
	       nla_put_u32(skb, LOGCACHE_A_ITEM_LEN, f->m->len) ||
	       LC_PUT(SECTOR, f->sector) ||
	       nla_put_u32(skb, LOGCACHE_A_ITEM_TRY, f->tries);
}

/* Behind the list in an answer: the cursor, and that there is more. */
#define LC_TAIL_ROOM	(nla_total_size_64bit(sizeof(u64)) + nla_total_size(0))

/* @r: of filling @nest. False, and it is not there: no room. */
static bool lc_nest_end(struct sk_buff *skb, struct nlattr *nest, int r)
{
	if (r || skb_tailroom(skb) < LC_TAIL_ROOM) {
		nla_nest_cancel(skb, nest);
		return false;
	}
	nla_nest_end(skb, nest);
	return true;
}

static bool lc_put_item(struct sk_buff *skb, const struct lc_item *item)
{
	struct nlattr *nest = nla_nest_start(skb, LOGCACHE_A_WORK_ITEM);
	int r;

	if (!nest)
		return false;
	r = LC_PUT(ID, item->id) || nla_put_u32(skb, LOGCACHE_A_ITEM_TYPE, item->type);
	if (item->type == LOGCACHE_ITEM_TYPE_UPLOAD)
		r = r || lc_put_unit(skb, container_of(item, struct lc_unit, item));
	else
		r = r || lc_put_fetch(skb, container_of(item, struct lc_fetch, item));
	return lc_nest_end(skb, nest, r);
}

#undef LC_PUT

static int lc_put_tail(struct sk_buff *skb, u64 cursor, bool more)
{
	if (lc_put_u64(skb, LOGCACHE_A_WORK_CURSOR, cursor, LOGCACHE_A_WORK_PAD) ||
	    (more && nla_put_flag(skb, LOGCACHE_A_WORK_MORE)))
		return -EMSGSIZE;
	return 0;
}

static u64 lc_cursor(const struct genl_info *info)
{
	const struct nlattr *a = info->attrs[LOGCACHE_A_WORK_CURSOR];

	return a ? nla_get_u64(a) : 0;
}

/* Lock held. */
static int lc_pull(struct lc_upcall *up, struct genl_info *info, struct sk_buff *skb)
{
	struct logcache *lc = lc_nl_owned(up, info);
	u64 cursor = lc_cursor(info);
	struct lc_item *item;
	bool more = false;

	if (IS_ERR(lc))
		return PTR_ERR(lc);
	if (lc_put_u64(skb, LOGCACHE_A_WORK_ACTIVATION, up->activation, LOGCACHE_A_WORK_PAD))
		return -EMSGSIZE;
	up->rung = false;
	list_for_each_entry(item, &up->items, list) {
		if (item->id <= cursor)
			continue;
		more = !lc_put_item(skb, item);
		if (more)
			break;
		item->state = LC_ITEM_TAKEN;
		cursor = item->id;
	}
	return lc_put_tail(skb, cursor, more);
}

static int lc_nl_pull(struct lc_upcall *up, struct genl_info *info)
{
	struct sk_buff *skb;
	void *head;
	int r;

	skb = lc_nl_reply(info, LOGCACHE_CMD_PULL, &head);
	if (!skb)
		return -ENOMEM;
	spin_lock(&up->lock);
	r = lc_pull(up, info, skb);
	spin_unlock(&up->lock);
	return lc_nl_send(info, skb, head, r);
}

int logcache_nl_pull_doit(struct sk_buff *skb, struct genl_info *info)
{
	return lc_nl_do(info, LOGCACHE_A_WORK_UUID, lc_nl_pull);
}

/*--------------------------------------------------------------------------
 * Extents
 *--------------------------------------------------------------------------
 */

/* Lock held. What @info names, if it was taken; or ERR_PTR. */
static struct lc_item *lc_nl_item(struct lc_upcall *up, struct genl_info *info)
{
	struct logcache *lc = lc_nl_owned(up, info);
	struct lc_item *item;

	if (IS_ERR(lc))
		return ERR_CAST(lc);
	if (!info->attrs[LOGCACHE_A_WORK_ID]) {
		NL_SET_ERR_MSG(info->extack, "the id of the item is missing");
		return ERR_PTR(-EINVAL);
	}
	item = lc_item_find(up, nla_get_u64(info->attrs[LOGCACHE_A_WORK_ID]));
	if (!item) {
		NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[LOGCACHE_A_WORK_ID],
				    "no item with this id is in your hands");
		return ERR_PTR(-ENOENT);
	}
	return item;
}

static u32 lc_nl_kind(u8 kind)
{
	switch (kind) {
	case LC_EXT_DATA:
		return LOGCACHE_EXTENT_KIND_DATA;
	case LC_EXT_ZERO:
		return LOGCACHE_EXTENT_KIND_ZERO;
	default:
		return LOGCACHE_EXTENT_KIND_DISCARD;
	}
}

#define LC_PUT(what, value)	lc_put_u64(skb, LOGCACHE_A_EXTENT_##what, (value), \
					   LOGCACHE_A_EXTENT_PAD)

static int lc_put_ext_data(struct sk_buff *skb, const struct logcache *lc,
			   const struct lc_unit_ext *x)
{
	u64 block = lc_block_at(x->loc);
	u32 nr = lc_block_at(x->loc + x->len - 1) - block + 1;

	return LC_PUT(SECTOR, lc_geo_sector(&lc->geo, x->loc)) ||
	       nla_put(skb, LOGCACHE_A_EXTENT_CRCS, nr * sizeof(u32), &lc->segs.crc[block]);
}

static bool lc_put_extent(struct sk_buff *skb, const struct logcache *lc,
			  const struct lc_unit_ext *x)
{
	struct nlattr *nest = nla_nest_start(skb, LOGCACHE_A_WORK_EXTENT);
	int r;

	if (!nest)
		return false;
	r = LC_PUT(LBA, x->lba) || nla_put_u32(skb, LOGCACHE_A_EXTENT_LEN, x->len) ||
	    nla_put_u32(skb, LOGCACHE_A_EXTENT_KIND, lc_nl_kind(x->kind)) ||
	    (x->kind == LC_EXT_DATA && lc_put_ext_data(skb, lc, x));
	return lc_nest_end(skb, nest, r);
}

#undef LC_PUT

/* Lock held. */
static int lc_extents(struct lc_upcall *up, struct genl_info *info, struct sk_buff *skb)
{
	struct lc_item *item = lc_nl_item(up, info);
	u64 cursor = lc_cursor(info);
	const struct lc_unit *u;

	if (IS_ERR(item))
		return PTR_ERR(item);
	if (item->type != LOGCACHE_ITEM_TYPE_UPLOAD) {
		NL_SET_ERR_MSG(info->extack, "only uploads have extents");
		return -EINVAL;
	}
	u = container_of(item, struct lc_unit, item);
	while (cursor < u->nr && lc_put_extent(skb, up->lc, &u->ext[cursor]))
		cursor++;
	return lc_put_tail(skb, cursor, cursor < u->nr);
}

static int lc_nl_extents(struct lc_upcall *up, struct genl_info *info)
{
	struct sk_buff *skb;
	void *head;
	int r;

	skb = lc_nl_reply(info, LOGCACHE_CMD_EXTENTS, &head);
	if (!skb)
		return -ENOMEM;
	spin_lock(&up->lock);
	r = lc_extents(up, info, skb);
	spin_unlock(&up->lock);
	return lc_nl_send(info, skb, head, r);
}

int logcache_nl_extents_doit(struct sk_buff *skb, struct genl_info *info)
{
	return lc_nl_do(info, LOGCACHE_A_WORK_UUID, lc_nl_extents);
}

/*--------------------------------------------------------------------------
 * Done
 *--------------------------------------------------------------------------
 */

/* Lock held. Does the answer fit the item? */
static int lc_answer_check(const struct lc_item *item, const struct lc_answer *a,
			   struct genl_info *info)
{
	const struct lc_fetch *f;

	if (item->type != LOGCACHE_ITEM_TYPE_FETCH || a->status != LOGCACHE_STATUS_OK || a->zero)
		return 0;
	f = container_of(item, struct lc_fetch, item);
	if (a->nr_crc == f->m->nr_pages)
		return 0;
	NL_SET_ERR_MSG(info->extack, "a fetch is answered with one CRC for each block of it");
	return -EINVAL;
}

static int lc_done(struct lc_upcall *up, struct genl_info *info)
{
	const struct nlattr *crcs = info->attrs[LOGCACHE_A_WORK_CRCS];
	struct lc_item *item = lc_nl_item(up, info);
	struct lc_answer a = {
		.zero = nla_get_flag(info->attrs[LOGCACHE_A_WORK_ZERO]),
		.crc = crcs ? nla_data(crcs) : NULL,
		.nr_crc = crcs ? nla_len(crcs) / sizeof(u32) : 0,
	};
	int r;

	if (IS_ERR(item))
		return PTR_ERR(item);
	if (!info->attrs[LOGCACHE_A_WORK_STATUS]) {
		NL_SET_ERR_MSG(info->extack, "the status is missing");
		return -EINVAL;
	}
	a.status = nla_get_u32(info->attrs[LOGCACHE_A_WORK_STATUS]);
	r = lc_answer_check(item, &a, info);
	if (!r)
		lc_item_done(up, item, &a);
	return r;
}

static int lc_nl_done(struct lc_upcall *up, struct genl_info *info)
{
	int r;

	spin_lock(&up->lock);
	r = lc_done(up, info);
	spin_unlock(&up->lock);
	return r;
}

int logcache_nl_done_doit(struct sk_buff *skb, struct genl_info *info)
{
	return lc_nl_do(info, LOGCACHE_A_WORK_UUID, lc_nl_done);
}

/*--------------------------------------------------------------------------
 * Rings and closed sockets
 *--------------------------------------------------------------------------
 */

void lc_netlink_ring(const u8 *uuid)
{
	struct sk_buff *skb = genlmsg_new(nla_total_size(16), GFP_NOIO);
	void *head;

	if (!skb)
		return;
	head = genlmsg_put(skb, 0, 0, &logcache_nl_family, 0, LOGCACHE_CMD_RING);
	if (!head || nla_put(skb, LOGCACHE_A_VOLUME_UUID, 16, uuid)) {
		nlmsg_free(skb);
		return;
	}
	genlmsg_end(skb, head);
	/* That nobody listens is no error. */
	genlmsg_multicast(&logcache_nl_family, skb, 0, LOGCACHE_NLGRP_HELPERS, GFP_NOIO);
}

static int lc_netlink_event(struct notifier_block *nb, unsigned long event, void *data)
{
	const struct netlink_notify *n = data;

	if (event == NETLINK_URELEASE && n->protocol == NETLINK_GENERIC &&
	    net_eq(n->net, &init_net))
		lc_owner_gone(n->portid);
	return NOTIFY_DONE;
}

static struct notifier_block lc_netlink_notifier = {
	.notifier_call = lc_netlink_event,
};

int lc_netlink_init(void)
{
	int r = genl_register_family(&logcache_nl_family);

	if (r)
		return r;
	r = netlink_register_notifier(&lc_netlink_notifier);
	if (r)
		genl_unregister_family(&logcache_nl_family);
	return r;
}

void lc_netlink_exit(void)
{
	netlink_unregister_notifier(&lc_netlink_notifier);
	genl_unregister_family(&logcache_nl_family);
}

MODULE_ALIAS_GENL_FAMILY(LOGCACHE_FAMILY_NAME);
