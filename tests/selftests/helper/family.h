/* SPDX-License-Identifier: GPL-2.0-only */
/* The family by hand: requests that a helper would not make. */
#ifndef TEST_FAMILY_H
#define TEST_FAMILY_H

#include <stdint.h>

#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <linux/logcache.h>

/* A bound socket and the number of the family; exits if there is none. */
struct mnl_socket *family_open(uint16_t *family);

/* A header with @cmd in @buf. */
struct nlmsghdr *family_request(void *buf, uint16_t family, uint8_t cmd, uint16_t flags);

void parse_uuid(const char *text, uint8_t uuid[16]);

#endif /* TEST_FAMILY_H */
