// SPDX-License-Identifier: GPL-2.0-only
#include "family.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void give_up(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	exit(2);
}

struct nlmsghdr *family_request(void *buf, uint16_t family, uint8_t cmd, uint16_t flags)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct genlmsghdr *genl;

	nlh->nlmsg_type = family;
	nlh->nlmsg_flags = NLM_F_REQUEST | flags;
	genl = mnl_nlmsg_put_extra_header(nlh, sizeof(*genl));
	genl->cmd = cmd;
	genl->version = LOGCACHE_FAMILY_VERSION;
	return nlh;
}

static int family_attr(const struct nlattr *a, void *ctx)
{
	if (mnl_attr_get_type(a) == CTRL_ATTR_FAMILY_ID)
		*(uint16_t *)ctx = mnl_attr_get_u16(a);
	return MNL_CB_OK;
}

struct mnl_socket *family_open(uint16_t *family)
{
	char buf[8192] __attribute__((aligned(8)));
	struct mnl_socket *nl = mnl_socket_open(NETLINK_GENERIC);
	struct nlmsghdr *nlh;
	int on = 1;

	if (!nl || mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) < 0)
		give_up("netlink");
	mnl_socket_setsockopt(nl, NETLINK_EXT_ACK, &on, sizeof(on));
	nlh = family_request(buf, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 0);
	mnl_attr_put_strz(nlh, CTRL_ATTR_FAMILY_NAME, LOGCACHE_FAMILY_NAME);
	*family = 0;
	if (mnl_socket_sendto(nl, nlh, nlh->nlmsg_len) < 0 ||
	    mnl_socket_recvfrom(nl, buf, sizeof(buf)) < 0)
		give_up("family");
	if (nlh->nlmsg_type != NLMSG_ERROR)
		mnl_attr_parse(nlh, sizeof(struct genlmsghdr), family_attr, family);
	if (!*family)
		give_up("there is no family " LOGCACHE_FAMILY_NAME);
	return nl;
}

void parse_uuid(const char *text, uint8_t uuid[16])
{
	unsigned int i;
	int n;

	for (i = 0; i < 16; i++, text += n) {
		if (*text == '-')
			text++;
		if (sscanf(text, "%2hhx%n", &uuid[i], &n) != 1 || n != 2) {
			fprintf(stderr, "bad uuid\n");
			exit(2);
		}
	}
}
