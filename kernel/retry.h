/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hits that the SSD has not served: the bio ended, and is sent again.
 *
 *   BLK_STS_AGAIN   no room, and the sender would not wait ─► the SSD, and waits
 *   any error       the data is clean                      ─► the origin
 *                   it is not                              ─► its user gets the error
 */
#ifndef LC_RETRY_H
#define LC_RETRY_H

#include "logcache.h"

void lc_retry_init(struct logcache *lc);

/* From end_io, any context: @bio has failed. True: it goes on, and ends a second time. */
bool lc_retry(struct logcache *lc, struct bio *bio, blk_status_t error);

#endif /* LC_RETRY_H */
