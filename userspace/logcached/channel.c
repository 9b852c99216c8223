// SPDX-License-Identifier: GPL-2.0-only
/*
 * Two sockets: one for requests, whose port owns the volume, and one for rings, so
 * that they do not meet answers. The kernel handles a request inside send(), so the
 * answer is there when that returns.
 */
#include "channel.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <linux/logcache.h>

#include "store/loop.h"

/* How often one that is not ours is asked for. */
#define RETRY_MS	1000u
/* Requests are small; answers have at most what the kernel puts into one page. */
#define REQUEST_MAX	1024u
#define ANSWER_MAX	16384u
#define WHY_MAX		160u
/*
 * An answer is read to its end before anybody is told of an item. The kernel has 64
 * fetches and 32 units at most; of what does not fit the rest is asked for again.
 */
#define PULL_MAX	128u

struct lc_channel {
	struct lc_loop *loop;
	const struct lc_channel_ops *ops;
	void *data;
	uint8_t uuid[16];
	bool takeover;
	bool owned;
	uint64_t activation;
	uint64_t cursor;
	uint64_t seen;			/* items up to here were handed out */
	uint64_t undone[PULL_MAX];	/* whose answers may not have reached the kernel */
	unsigned int nr_undone;
	bool again;			/* they are to be pulled once more */
	uint32_t dead_ms;
	uint16_t family;
	uint32_t group;
	uint32_t seq;
	struct mnl_socket *requests;
	struct mnl_socket *rings;
	struct lc_watch watch;
	struct lc_timer timer;
	char why[WHY_MAX];
	/* As netlink aligns. */
	uint64_t request[REQUEST_MAX / 8];
	uint64_t answer[ANSWER_MAX / 8];
};

void *lc_channel_data(const struct lc_channel *ch)
{
	return ch->data;
}

const char *lc_channel_why(const struct lc_channel *ch)
{
	return ch->why;
}

/*----------------------------------------------------------------
 * Requests
 *----------------------------------------------------------------
 */

static struct nlmsghdr *request(struct lc_channel *ch, uint16_t type, uint8_t cmd)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(ch->request);
	struct genlmsghdr *genl;

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	nlh->nlmsg_seq = ++ch->seq;
	genl = mnl_nlmsg_put_extra_header(nlh, sizeof(*genl));
	genl->cmd = cmd;
	genl->version = LOGCACHE_FAMILY_VERSION;
	return nlh;
}

/* What the kernel says about an error. */
static void note_why(struct lc_channel *ch, const struct nlmsghdr *nlh, int error)
{
	const struct nlmsgerr *err = mnl_nlmsg_get_payload(nlh);
	size_t skip = sizeof(*err);
	const struct nlattr *attr;

	snprintf(ch->why, sizeof(ch->why), "%s", strerror(-error));
	if (!(nlh->nlmsg_flags & NLM_F_ACK_TLVS))
		return;
	if (!(nlh->nlmsg_flags & NLM_F_CAPPED))
		skip += mnl_nlmsg_get_payload_len(&err->msg);
	mnl_attr_for_each(attr, nlh, MNL_ALIGN(skip)) {
		if (mnl_attr_get_type(attr) == NLMSGERR_ATTR_MSG &&
		    !mnl_attr_validate(attr, MNL_TYPE_NUL_STRING))
			snprintf(ch->why, sizeof(ch->why), "%s", mnl_attr_get_str(attr));
	}
}

/* 1: go on; 0: that was the acknowledgment; -errno: or the refusal. */
static int answer_one(struct lc_channel *ch, const struct nlmsghdr *nlh, mnl_attr_cb_t fn,
		      void *ctx)
{
	const struct nlmsgerr *err;

	if (nlh->nlmsg_seq != ch->seq)
		return 1;
	if (nlh->nlmsg_type == NLMSG_ERROR) {
		if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*err))
			return -EBADMSG;
		err = mnl_nlmsg_get_payload(nlh);
		if (err->error)
			note_why(ch, nlh, err->error);
		return err->error;
	}
	if (fn && mnl_attr_parse(nlh, sizeof(struct genlmsghdr), fn, ctx) < 0)
		return -EBADMSG;
	return 1;
}

static int answer_all(struct lc_channel *ch, ssize_t len, mnl_attr_cb_t fn, void *ctx)
{
	const struct nlmsghdr *nlh = (const struct nlmsghdr *)ch->answer;
	int left = len, ret = 1;

	while (ret > 0 && mnl_nlmsg_ok(nlh, left)) {
		ret = answer_one(ch, nlh, fn, ctx);
		nlh = mnl_nlmsg_next(nlh, &left);
	}
	return ret;
}

/* @fn for each attribute of the answer. 0 or -errno. */
static int ask(struct lc_channel *ch, struct nlmsghdr *nlh, mnl_attr_cb_t fn, void *ctx)
{
	ssize_t n;
	int ret;

	if (mnl_socket_sendto(ch->requests, nlh, nlh->nlmsg_len) < 0) {
		ret = -errno;
		snprintf(ch->why, sizeof(ch->why), "netlink: %s", strerror(errno));
		return ret;
	}
	do {
		n = mnl_socket_recvfrom(ch->requests, ch->answer, sizeof(ch->answer));
		if (n < 0 && errno == EINTR) {
			ret = 1;
		} else if (n < 0) {
			ret = -errno;
			snprintf(ch->why, sizeof(ch->why), "netlink: %s", strerror(errno));
		} else {
			ret = answer_all(ch, n, fn, ctx);
		}
	} while (ret > 0);
	return ret;
}

static struct nlmsghdr *volume_request(struct lc_channel *ch, uint8_t cmd)
{
	struct nlmsghdr *nlh = request(ch, ch->family, cmd);

	mnl_attr_put(nlh, LOGCACHE_A_VOLUME_UUID, sizeof(ch->uuid), ch->uuid);
	return nlh;
}

static struct nlmsghdr *work_request(struct lc_channel *ch, uint8_t cmd)
{
	struct nlmsghdr *nlh = request(ch, ch->family, cmd);

	mnl_attr_put(nlh, LOGCACHE_A_WORK_UUID, sizeof(ch->uuid), ch->uuid);
	return nlh;
}

/* The value of @a, which has the size of @to and no other. */
static int get(const struct nlattr *a, void *to, size_t size)
{
	if (mnl_attr_get_payload_len(a) != size)
		return MNL_CB_ERROR;
	memcpy(to, mnl_attr_get_payload(a), size);
	return MNL_CB_OK;
}

/*----------------------------------------------------------------
 * The family
 *----------------------------------------------------------------
 */

static int group_attr(const struct nlattr *a, void *ctx)
{
	struct lc_channel *ch = ctx;

	/* There is one group. */
	if (mnl_attr_get_type(a) == CTRL_ATTR_MCAST_GRP_ID)
		return get(a, &ch->group, sizeof(ch->group));
	return MNL_CB_OK;
}

static int groups_attr(const struct nlattr *a, void *ctx)
{
	return mnl_attr_parse_nested(a, group_attr, ctx);
}

static int family_attr(const struct nlattr *a, void *ctx)
{
	struct lc_channel *ch = ctx;

	if (mnl_attr_get_type(a) == CTRL_ATTR_FAMILY_ID)
		return get(a, &ch->family, sizeof(ch->family));
	if (mnl_attr_get_type(a) == CTRL_ATTR_MCAST_GROUPS)
		return mnl_attr_parse_nested(a, groups_attr, ctx);
	return MNL_CB_OK;
}

/*
 * Whenever the module was loaded anew it may have new numbers, and nobody is a member of
 * the group any more, also if its number is the old one. To join once more is no error.
 */
static int find_family(struct lc_channel *ch)
{
	struct nlmsghdr *nlh = request(ch, GENL_ID_CTRL, CTRL_CMD_GETFAMILY);
	int ret;

	mnl_attr_put_strz(nlh, CTRL_ATTR_FAMILY_NAME, LOGCACHE_FAMILY_NAME);
	ret = ask(ch, nlh, family_attr, ch);
	if (ret) {
		if (ret == -ENOENT)
			snprintf(ch->why, sizeof(ch->why), "dm-logcache is not loaded");
		return ret;
	}
	if (mnl_socket_setsockopt(ch->rings, NETLINK_ADD_MEMBERSHIP, &ch->group,
				  sizeof(ch->group)) < 0)
		return -errno;
	return 0;
}

/*----------------------------------------------------------------
 * Claim
 *----------------------------------------------------------------
 */

static int volume_attr(const struct nlattr *a, void *ctx)
{
	struct lc_volume_info *info = ctx;

	switch (mnl_attr_get_type(a)) {
	case LOGCACHE_A_VOLUME_UUID:
		return get(a, info->uuid, sizeof(info->uuid));
	case LOGCACHE_A_VOLUME_CACHE_UUID:
		return get(a, info->cache_uuid, sizeof(info->cache_uuid));
	case LOGCACHE_A_VOLUME_ACTIVATION:
		return get(a, &info->activation, sizeof(info->activation));
	case LOGCACHE_A_VOLUME_SECTORS:
		return get(a, &info->sectors, sizeof(info->sectors));
	case LOGCACHE_A_VOLUME_CACHE_MAJOR:
		return get(a, &info->cache_major, sizeof(info->cache_major));
	case LOGCACHE_A_VOLUME_CACHE_MINOR:
		return get(a, &info->cache_minor, sizeof(info->cache_minor));
	case LOGCACHE_A_VOLUME_EPOCH:
		return get(a, &info->epoch, sizeof(info->epoch));
	case LOGCACHE_A_VOLUME_DATA_START:
		return get(a, &info->data_start, sizeof(info->data_start));
	case LOGCACHE_A_VOLUME_DATA_SECTORS:
		return get(a, &info->data_sectors, sizeof(info->data_sectors));
	case LOGCACHE_A_VOLUME_SCRATCH_START:
		return get(a, &info->scratch_start, sizeof(info->scratch_start));
	case LOGCACHE_A_VOLUME_SCRATCH_SECTORS:
		return get(a, &info->scratch_sectors, sizeof(info->scratch_sectors));
	case LOGCACHE_A_VOLUME_OBJECT_BYTES:
		return get(a, &info->object_bytes, sizeof(info->object_bytes));
	case LOGCACHE_A_VOLUME_PUBLISHED_LSN:
		return get(a, &info->published_lsn, sizeof(info->published_lsn));
	case LOGCACHE_A_VOLUME_OFFERED_LSN:
		return get(a, &info->offered_lsn, sizeof(info->offered_lsn));
	case LOGCACHE_A_VOLUME_CLEAN_LSN:
		return get(a, &info->clean_lsn, sizeof(info->clean_lsn));
	case LOGCACHE_A_VOLUME_DEAD_MS:
		return get(a, &info->dead_ms, sizeof(info->dead_ms));
	case LOGCACHE_A_VOLUME_NAME:
		if (mnl_attr_validate(a, MNL_TYPE_NUL_STRING))
			return MNL_CB_ERROR;
		snprintf(info->name, sizeof(info->name), "%s", mnl_attr_get_str(a));
		return MNL_CB_OK;
	default:
		return MNL_CB_OK;
	}
}

static int claim(struct lc_channel *ch)
{
	struct lc_volume_info info = {};
	struct nlmsghdr *nlh;
	int ret = find_family(ch);

	if (ret)
		return ret;
	nlh = volume_request(ch, LOGCACHE_CMD_CLAIM);
	if (ch->takeover)
		mnl_attr_put(nlh, LOGCACHE_A_VOLUME_TAKEOVER, 0, NULL);
	ret = ask(ch, nlh, volume_attr, &info);
	if (ret)
		return ret;
	/* Once: whoever takes it from us later is not fought with. */
	ch->takeover = false;
	ch->owned = true;
	ch->activation = info.activation;
	ch->cursor = 0;
	ch->seen = 0;
	memset(ch->undone, 0, sizeof(ch->undone));
	ch->again = false;
	ch->dead_ms = info.dead_ms;
	ch->ops->claimed(ch, &info);
	return 0;
}

/*----------------------------------------------------------------
 * Pull
 *----------------------------------------------------------------
 */

struct pulled_item {
	uint64_t id;
	uint32_t type;
	struct lc_upload_item upload;
	struct lc_fetch_item fetch;
};

struct pulled {
	uint64_t activation;
	uint64_t cursor;
	bool more;
	bool full;
	unsigned int nr;
	struct pulled_item item[PULL_MAX];
};

static int item_attr(const struct nlattr *a, void *ctx)
{
	struct pulled_item *item = ctx;

	switch (mnl_attr_get_type(a)) {
	case LOGCACHE_A_ITEM_ID:
		return get(a, &item->id, sizeof(item->id));
	case LOGCACHE_A_ITEM_TYPE:
		return get(a, &item->type, sizeof(item->type));
	case LOGCACHE_A_ITEM_LSN_START:
		return get(a, &item->upload.lsn_start, sizeof(item->upload.lsn_start));
	case LOGCACHE_A_ITEM_LSN_END:
		return get(a, &item->upload.lsn_end, sizeof(item->upload.lsn_end));
	case LOGCACHE_A_ITEM_EXTENTS:
		return get(a, &item->upload.extents, sizeof(item->upload.extents));
	case LOGCACHE_A_ITEM_DATA_SECTORS:
		return get(a, &item->upload.data_sectors, sizeof(item->upload.data_sectors));
	case LOGCACHE_A_ITEM_LBA:
		return get(a, &item->fetch.lba, sizeof(item->fetch.lba));
	case LOGCACHE_A_ITEM_LEN:
		return get(a, &item->fetch.len, sizeof(item->fetch.len));
	case LOGCACHE_A_ITEM_SECTOR:
		return get(a, &item->fetch.sector, sizeof(item->fetch.sector));
	case LOGCACHE_A_ITEM_TRY:
		return get(a, &item->fetch.attempt, sizeof(item->fetch.attempt));
	default:
		return MNL_CB_OK;
	}
}

static int pull_attr(const struct nlattr *a, void *ctx)
{
	struct pulled *p = ctx;

	switch (mnl_attr_get_type(a)) {
	case LOGCACHE_A_WORK_ACTIVATION:
		return get(a, &p->activation, sizeof(p->activation));
	case LOGCACHE_A_WORK_CURSOR:
		return get(a, &p->cursor, sizeof(p->cursor));
	case LOGCACHE_A_WORK_MORE:
		p->more = true;
		return MNL_CB_OK;
	case LOGCACHE_A_WORK_ITEM:
		p->full = p->nr == PULL_MAX;
		if (p->full)
			return MNL_CB_OK;
		return mnl_attr_parse_nested(a, item_attr, &p->item[p->nr++]);
	default:
		return MNL_CB_OK;
	}
}

/* Others than these and new ones are in somebody's hands, or were answered just now. */
static bool comes_again(struct lc_channel *ch, uint64_t id)
{
	unsigned int i;

	for (i = 0; i < PULL_MAX && ch->undone[i] != id; i++)
		;
	if (i == PULL_MAX)
		return false;
	ch->undone[i] = 0;
	return true;
}

static void hand_out(struct lc_channel *ch, struct pulled *p)
{
	struct pulled_item *item = p->item;

	for (; item < p->item + p->nr && ch->owned; item++) {
		if (item->id <= ch->seen && !comes_again(ch, item->id))
			continue;
		ch->seen = item->id > ch->seen ? item->id : ch->seen;
		item->upload.id = item->id;
		item->fetch.id = item->id;
		if (item->type == LOGCACHE_ITEM_TYPE_UPLOAD)
			ch->ops->upload(ch, &item->upload);
		else if (item->type == LOGCACHE_ITEM_TYPE_FETCH)
			ch->ops->fetch(ch, &item->fetch);
	}
}

static int pull_once(struct lc_channel *ch, struct pulled *p)
{
	struct nlmsghdr *nlh = work_request(ch, LOGCACHE_CMD_PULL);
	int ret;

	*p = (struct pulled){};
	mnl_attr_put_u64(nlh, LOGCACHE_A_WORK_CURSOR, ch->cursor);
	ret = ask(ch, nlh, pull_attr, p);
	if (!ret && p->full) {
		p->cursor = p->item[PULL_MAX - 1].id;
		p->more = true;
	}
	return ret;
}

static int pull(struct lc_channel *ch)
{
	struct pulled p;
	int ret;

	if (ch->again)
		ch->cursor = 0;
	ch->again = false;
	do {
		ret = pull_once(ch, &p);
		if (ret)
			return ret;
		/* Of another activation: all that we know is void. */
		if (p.activation != ch->activation)
			return claim(ch) ?: -EAGAIN;
		ch->cursor = p.cursor;
		hand_out(ch, &p);
	} while (p.more && ch->owned);
	return 0;
}

/*----------------------------------------------------------------
 * When
 *----------------------------------------------------------------
 */

static void lose(struct lc_channel *ch, int error)
{
	ch->owned = false;
	ch->ops->lost(ch, error, ch->why);
}

/* A third of the time after which we are dead for the kernel. */
static void work(struct lc_channel *ch)
{
	uint64_t next = RETRY_MS;
	int ret = ch->owned ? 0 : claim(ch);

	if (!ret)
		ret = pull(ch);
	/* Not active at the moment, or active anew: the claim says so. */
	if (ret == -EAGAIN && ch->owned)
		ret = pull(ch);
	if (ch->owned && ret && ret != -EAGAIN && ret != -ENOBUFS && ret != -ENOMEM)
		lose(ch, ret);
	if (ch->owned && !ret && !ch->again)
		next = ch->dead_ms / 3;
	lc_timer_arm(ch->loop, &ch->timer, next);
}

static void timer_expired(struct lc_timer *t)
{
	work(t->data);
}

void lc_channel_poke(struct lc_channel *ch)
{
	lc_timer_arm(ch->loop, &ch->timer, 0);
}

static int ring_attr(const struct nlattr *a, void *ctx)
{
	const struct lc_channel *ch = ctx;

	if (mnl_attr_get_type(a) == LOGCACHE_A_VOLUME_UUID &&
	    mnl_attr_get_payload_len(a) == sizeof(ch->uuid) &&
	    !memcmp(mnl_attr_get_payload(a), ch->uuid, sizeof(ch->uuid)))
		return MNL_CB_STOP;
	return MNL_CB_OK;
}

static bool rung_for_us(struct lc_channel *ch, ssize_t len)
{
	const struct nlmsghdr *nlh = (const struct nlmsghdr *)ch->answer;
	int left = len;

	for (; mnl_nlmsg_ok(nlh, left); nlh = mnl_nlmsg_next(nlh, &left)) {
		if (nlh->nlmsg_type == ch->family &&
		    mnl_attr_parse(nlh, sizeof(struct genlmsghdr), ring_attr, ch) == MNL_CB_STOP)
			return true;
	}
	return false;
}

/* All rings there are count as one; so does that some were lost. */
static void rings_ready(struct lc_watch *w, uint32_t events)
{
	struct lc_channel *ch = w->data;
	bool ours = false;
	ssize_t n;

	(void)events;
	for (;;) {
		n = recv(w->fd, ch->answer, sizeof(ch->answer), MSG_DONTWAIT);
		if (n < 0 && errno != EINTR && errno != ENOBUFS)
			break;
		ours |= n < 0 ? errno == ENOBUFS : rung_for_us(ch, n);
	}
	if (ours)
		work(ch);
}

/*----------------------------------------------------------------
 * Extents and answers
 *----------------------------------------------------------------
 */

struct extents {
	lc_extent_fn fn;
	void *ctx;
	bool stopped;
	uint64_t cursor;
	bool more;
};

static int extent_attr(const struct nlattr *a, void *ctx)
{
	struct lc_item_extent *x = ctx;

	switch (mnl_attr_get_type(a)) {
	case LOGCACHE_A_EXTENT_LBA:
		return get(a, &x->lba, sizeof(x->lba));
	case LOGCACHE_A_EXTENT_LEN:
		return get(a, &x->len, sizeof(x->len));
	case LOGCACHE_A_EXTENT_KIND:
		return get(a, &x->kind, sizeof(x->kind));
	case LOGCACHE_A_EXTENT_SECTOR:
		return get(a, &x->sector, sizeof(x->sector));
	case LOGCACHE_A_EXTENT_CRCS:
		x->crc = mnl_attr_get_payload(a);
		x->nr_crc = mnl_attr_get_payload_len(a) / sizeof(uint32_t);
		return MNL_CB_OK;
	default:
		return MNL_CB_OK;
	}
}

/* As many checksums as blocks are touched, or it is not handed on. */
static bool extent_ok(const struct lc_item_extent *x)
{
	uint64_t first = x->sector / 8, last = (x->sector + x->len - 1) / 8;

	if (!x->len)
		return false;
	return x->kind != LC_UNIT_DATA || x->nr_crc == last - first + 1;
}

static int extents_attr(const struct nlattr *a, void *ctx)
{
	struct lc_item_extent x = {};
	struct extents *e = ctx;

	switch (mnl_attr_get_type(a)) {
	case LOGCACHE_A_WORK_CURSOR:
		return get(a, &e->cursor, sizeof(e->cursor));
	case LOGCACHE_A_WORK_MORE:
		e->more = true;
		return MNL_CB_OK;
	case LOGCACHE_A_WORK_EXTENT:
		if (mnl_attr_parse_nested(a, extent_attr, &x) < 0 || !extent_ok(&x))
			return MNL_CB_ERROR;
		e->stopped = e->stopped || !e->fn(e->ctx, &x);
		return MNL_CB_OK;
	default:
		return MNL_CB_OK;
	}
}

int lc_channel_extents(struct lc_channel *ch, uint64_t id, lc_extent_fn fn, void *ctx)
{
	struct extents e = { .fn = fn, .ctx = ctx };
	struct nlmsghdr *nlh;
	uint64_t before;
	int ret;

	do {
		before = e.cursor;
		e.more = false;
		nlh = work_request(ch, LOGCACHE_CMD_EXTENTS);
		mnl_attr_put_u64(nlh, LOGCACHE_A_WORK_ID, id);
		mnl_attr_put_u64(nlh, LOGCACHE_A_WORK_CURSOR, e.cursor);
		ret = ask(ch, nlh, extents_attr, &e);
		if (!ret && e.more && e.cursor <= before)
			ret = -EBADMSG;
	} while (!ret && e.more && !e.stopped);
	return ret;
}

static struct nlmsghdr *done_request(struct lc_channel *ch, uint64_t id,
				     enum lc_item_status status)
{
	struct nlmsghdr *nlh = work_request(ch, LOGCACHE_CMD_DONE);

	mnl_attr_put_u64(nlh, LOGCACHE_A_WORK_ID, id);
	mnl_attr_put_u32(nlh, LOGCACHE_A_WORK_STATUS, status);
	return nlh;
}

/* What did not get there leaves the item in our hands, behind the cursor. */
static int done(struct lc_channel *ch, uint64_t id, struct nlmsghdr *nlh)
{
	int ret = ask(ch, nlh, NULL, NULL);

	if (ret && ret != -ENOENT && ret != -ESTALE && ret != -EINVAL) {
		ch->undone[ch->nr_undone++ % PULL_MAX] = id;
		ch->again = true;
	}
	return ret;
}

int lc_channel_uploaded(struct lc_channel *ch, uint64_t id, enum lc_item_status status)
{
	return done(ch, id, done_request(ch, id, status));
}

int lc_channel_fetched(struct lc_channel *ch, uint64_t id, enum lc_item_status status,
		       const uint32_t *crc, unsigned int nr_crc)
{
	struct nlmsghdr *nlh = done_request(ch, id, status);

	if (status == LC_ITEM_OK && crc)
		mnl_attr_put(nlh, LOGCACHE_A_WORK_CRCS, nr_crc * sizeof(*crc), crc);
	else if (status == LC_ITEM_OK)
		mnl_attr_put(nlh, LOGCACHE_A_WORK_ZERO, 0, NULL);
	return done(ch, id, nlh);
}

/*----------------------------------------------------------------
 * Start and stop
 *----------------------------------------------------------------
 */

static struct mnl_socket *open_socket(void)
{
	struct mnl_socket *nl = mnl_socket_open2(NETLINK_GENERIC, SOCK_CLOEXEC);

	if (!nl)
		return NULL;
	if (mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) < 0) {
		mnl_socket_close(nl);
		return NULL;
	}
	return nl;
}

static int set_up_sockets(struct lc_channel *ch)
{
	/* Answers are there at once; nobody may wait for one that was lost. */
	const struct timeval limit = { .tv_sec = 1 };
	int on = 1;

	ch->requests = open_socket();
	ch->rings = open_socket();
	if (!ch->requests || !ch->rings)
		return -errno;
	mnl_socket_setsockopt(ch->requests, NETLINK_EXT_ACK, &on, sizeof(on));
	mnl_socket_setsockopt(ch->requests, NETLINK_CAP_ACK, &on, sizeof(on));
	setsockopt(mnl_socket_get_fd(ch->requests), SOL_SOCKET, SO_RCVTIMEO, &limit,
		   sizeof(limit));
	ch->watch = (struct lc_watch){
		.ready = rings_ready,
		.fd = mnl_socket_get_fd(ch->rings),
		.events = EPOLLIN,
		.data = ch,
	};
	return lc_loop_watch(ch->loop, &ch->watch);
}

struct lc_channel *lc_channel_new(struct lc_loop *loop, const uint8_t uuid[16], bool takeover,
				  const struct lc_channel_ops *ops, void *data)
{
	struct lc_channel *ch = calloc(1, sizeof(*ch));
	int ret;

	if (!ch)
		return NULL;
	ch->loop = loop;
	ch->ops = ops;
	ch->data = data;
	ch->takeover = takeover;
	memcpy(ch->uuid, uuid, sizeof(ch->uuid));
	ch->timer.expired = timer_expired;
	ch->timer.data = ch;
	ret = set_up_sockets(ch);
	if (ret) {
		lc_channel_free(ch);
		errno = -ret;
		return NULL;
	}
	lc_timer_arm(loop, &ch->timer, 0);
	return ch;
}

void lc_channel_free(struct lc_channel *ch)
{
	if (!ch)
		return;
	if (ch->owned)
		ask(ch, volume_request(ch, LOGCACHE_CMD_RELEASE), NULL, NULL);
	lc_timer_cancel(ch->loop, &ch->timer);
	if (ch->watch.data)
		lc_loop_unwatch(ch->loop, &ch->watch);
	if (ch->requests)
		mnl_socket_close(ch->requests);
	if (ch->rings)
		mnl_socket_close(ch->rings);
	free(ch);
}
