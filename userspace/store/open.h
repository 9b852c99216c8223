/* SPDX-License-Identifier: GPL-2.0-only */
/* From a configuration to a store; and what a store can do. */
#ifndef LC_STORE_OPEN_H
#define LC_STORE_OPEN_H

#include "store_cfg.h"

/*
 * The bare store of @cfg, which is copied: nothing is tried again. See retry.h.
 * NULL with a text in @why (LC_STORE_WHY_MAX).
 */
struct lc_store *lc_store_open(struct lc_loop *loop, const struct lc_store_cfg *cfg, char *why);

/*
 * Are conditions atomic there? Puts an object of a name nobody has, twice, and
 * removes it; runs the loop meanwhile. OK: they are. NO_COND: they are not, or
 * are ignored. Anything else: it could not be found out. Not OK: a text in @why.
 */
enum lc_store_status lc_store_probe_cond(struct lc_store *store, char *why);

#endif /* LC_STORE_OPEN_H */
