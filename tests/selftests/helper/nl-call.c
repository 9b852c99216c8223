// SPDX-License-Identifier: GPL-2.0-only
/*
 * nl-call: requests to the module, one after the other on one socket.
 *
 *   nl-call UUID REQUEST...
 *   REQUEST: claim takeover release heartbeat dump pull extents:ID done:ID:STATUS
 *
 * Prints a line for each: "claim ok", or "claim -16 text of the kernel"; of a dump how
 * many volumes there are. UUID - leaves it out.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "family.h"

static char buf[16384] __attribute__((aligned(8)));
static char reply[16384] __attribute__((aligned(8)));

static const char *ext_ack(const struct nlmsghdr *nlh)
{
	const struct nlmsgerr *err = mnl_nlmsg_get_payload(nlh);
	size_t skip = sizeof(*err) + mnl_nlmsg_get_payload_len(&err->msg);
	const struct nlattr *attr;

	if (!(nlh->nlmsg_flags & NLM_F_ACK_TLVS))
		return "";
	mnl_attr_for_each(attr, nlh, MNL_ALIGN(skip)) {
		if (mnl_attr_get_type(attr) == NLMSGERR_ATTR_MSG)
			return mnl_attr_get_str(attr);
	}
	return "";
}

/* Until the acknowledgement; answers are counted. */
static void finish(struct mnl_socket *nl, const char *what)
{
	const struct nlmsgerr *err;
	struct nlmsghdr *nlh;
	unsigned int nr = 0;
	int left;

	for (;;) {
		left = mnl_socket_recvfrom(nl, reply, sizeof(reply));
		if (left < 0) {
			printf("%s recv\n", what);
			return;
		}
		for (nlh = (void *)reply; mnl_nlmsg_ok(nlh, left);
		     nlh = mnl_nlmsg_next(nlh, &left)) {
			if (nlh->nlmsg_type == NLMSG_DONE) {
				printf("%s ok %u\n", what, nr);
				return;
			}
			if (nlh->nlmsg_type == NLMSG_ERROR) {
				err = mnl_nlmsg_get_payload(nlh);
				if (err->error)
					printf("%s %d %s\n", what, err->error, ext_ack(nlh));
				else
					printf("%s ok\n", what);
				return;
			}
			nr++;
		}
	}
}

static void call(struct mnl_socket *nl, uint16_t family, const char *uuid_text, char *what)
{
	static const struct {
		const char *name;
		uint8_t cmd;
		bool work;
	} cmds[] = {
		{ "claim", LOGCACHE_CMD_CLAIM },
		{ "takeover", LOGCACHE_CMD_CLAIM },
		{ "release", LOGCACHE_CMD_RELEASE },
		{ "heartbeat", LOGCACHE_CMD_HEARTBEAT },
		{ "dump", LOGCACHE_CMD_VOLUME_GET },
		{ "pull", LOGCACHE_CMD_PULL, true },
		{ "extents", LOGCACHE_CMD_EXTENTS, true },
		{ "done", LOGCACHE_CMD_DONE, true },
	};
	char *id = strchr(what, ':'), *status = id ? strchr(id + 1, ':') : NULL;
	struct nlmsghdr *nlh;
	uint8_t uuid[16];
	unsigned int i;

	if (id)
		*id++ = '\0';
	if (status)
		*status++ = '\0';
	for (i = 0; strcmp(cmds[i].name, what); i++) {
		if (i == sizeof(cmds) / sizeof(*cmds) - 1)
			exit(2);
	}
	nlh = family_request(buf, family, cmds[i].cmd,
			     strcmp(what, "dump") ? NLM_F_ACK : NLM_F_DUMP);
	if (strcmp(uuid_text, "-") && strcmp(what, "dump")) {
		parse_uuid(uuid_text, uuid);
		mnl_attr_put(nlh, cmds[i].work ? LOGCACHE_A_WORK_UUID : LOGCACHE_A_VOLUME_UUID, 16,
			     uuid);
	}
	if (!strcmp(what, "takeover"))
		mnl_attr_put(nlh, LOGCACHE_A_VOLUME_TAKEOVER, 0, NULL);
	if (id)
		mnl_attr_put_u64(nlh, LOGCACHE_A_WORK_ID, strtoull(id, NULL, 10));
	if (status)
		mnl_attr_put_u32(nlh, LOGCACHE_A_WORK_STATUS, atoi(status));
	if (mnl_socket_sendto(nl, nlh, nlh->nlmsg_len) < 0)
		exit(2);
	finish(nl, what);
}

int main(int argc, char **argv)
{
	struct mnl_socket *nl;
	uint16_t family;
	int i;

	if (argc < 3)
		return 2;
	nl = family_open(&family);
	for (i = 2; i < argc; i++)
		call(nl, family, argv[1], argv[i]);
	return 0;
}
