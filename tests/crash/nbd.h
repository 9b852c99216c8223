/* SPDX-License-Identifier: GPL-2.0 */
/* A recorder as a block device of the kernel. Needs root and the nbd module. */
#ifndef CRASH_NBD_H
#define CRASH_NBD_H

#include "recorder.h"

struct nbd;

/* Attach to /dev/nbd<number>. NULL, with a message, if that fails. */
struct nbd *nbd_attach(unsigned int number, struct recorder *r, uint64_t sectors);

/* Nobody may have the device open. */
void nbd_detach(struct nbd *nbd);

const char *nbd_path(const struct nbd *nbd);

/* Forget what the kernel has cached of the device: its image is about to be exchanged. */
void nbd_invalidate(struct nbd *nbd);

#endif
