// SPDX-License-Identifier: GPL-2.0-only
/*
 * nl-fuzz: requests with whatever attributes, as an owner and as nobody.
 *
 *   nl-fuzz UUID COUNT SEED
 *
 * Most are refused; what was accepted is counted, or the module was not reached.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "family.h"

#define ATTR_MAX	300u

static char buf[65536] __attribute__((aligned(8)));
static char reply[65536] __attribute__((aligned(8)));
static uint8_t uuid[16];

static unsigned int below(unsigned int n)
{
	return rand() % n;
}

static void put_garbage(struct nlmsghdr *nlh)
{
	uint8_t data[ATTR_MAX];
	unsigned int len = below(ATTR_MAX), i;

	for (i = 0; i < len; i++)
		data[i] = rand();
	mnl_attr_put(nlh, below(30) | (below(4) ? 0 : NLA_F_NESTED), len, data);
}

/* Mostly one that exists, or nearly. */
static uint64_t number(unsigned int small)
{
	return below(4) ? below(small) : ((uint64_t)rand() << 33) + rand();
}

/* What is right more often than not gets further. */
static void put_attr(struct nlmsghdr *nlh)
{
	static const unsigned int lens[] = { 0, 4, 8, 16, 64, 128, 132 };
	uint8_t data[256] = {};
	unsigned int i;

	switch (below(6)) {
	case 0:
		put_garbage(nlh);
		break;
	case 1:
		mnl_attr_put_u64(nlh, LOGCACHE_A_WORK_ID, number(500));
		break;
	case 2:
		mnl_attr_put_u32(nlh, LOGCACHE_A_WORK_STATUS, below(6));
		break;
	case 3:
		mnl_attr_put_u64(nlh, LOGCACHE_A_WORK_CURSOR, number(5000));
		break;
	case 4:
		for (i = 0; i < sizeof(data); i++)
			data[i] = rand();
		mnl_attr_put(nlh, LOGCACHE_A_WORK_CRCS, lens[below(7)], data);
		break;
	default:
		mnl_attr_put(nlh, below(25), lens[below(7)], data);
	}
}

static struct nlmsghdr *random_request(uint16_t family)
{
	struct nlmsghdr *nlh = family_request(buf, family, below(11),
					      NLM_F_ACK | (below(5) ? 0 : NLM_F_DUMP));
	unsigned int nr = below(6);

	if (below(8))
		mnl_attr_put(nlh, LOGCACHE_A_WORK_UUID, 16, uuid);
	while (nr--)
		put_attr(nlh);
	if (!below(10))
		nlh->nlmsg_len -= below(nlh->nlmsg_len - MNL_NLMSG_HDRLEN);
	return nlh;
}

/* Everything there is; true if one of them says that it is done. */
static int drain(struct mnl_socket *nl)
{
	struct nlmsghdr *nlh;
	int left, ok = 0;

	while ((left = recv(mnl_socket_get_fd(nl), reply, sizeof(reply), MSG_DONTWAIT)) > 0) {
		for (nlh = (void *)reply; mnl_nlmsg_ok(nlh, left);
		     nlh = mnl_nlmsg_next(nlh, &left)) {
			if (nlh->nlmsg_type == NLMSG_ERROR &&
			    !((struct nlmsgerr *)mnl_nlmsg_get_payload(nlh))->error)
				ok = 1;
		}
	}
	return ok;
}

int main(int argc, char **argv)
{
	unsigned long i, count, accepted = 0;
	struct mnl_socket *nl;
	struct nlmsghdr *nlh;
	uint16_t family;

	if (argc != 4)
		return 2;
	parse_uuid(argv[1], uuid);
	count = strtoul(argv[2], NULL, 10);
	srand(atoi(argv[3]));
	nl = family_open(&family);
	for (i = 0; i < count; i++) {
		/* Mostly as the owner. */
		if (!below(20)) {
			nlh = family_request(buf, family, LOGCACHE_CMD_CLAIM, NLM_F_ACK);
			mnl_attr_put(nlh, LOGCACHE_A_VOLUME_UUID, 16, uuid);
		} else {
			nlh = random_request(family);
		}
		if (mnl_socket_sendto(nl, nlh, nlh->nlmsg_len) < 0 && errno != EINVAL)
			return 2;
		accepted += drain(nl);
	}
	printf("sent %lu accepted %lu\n", count, accepted);
	return 0;
}
