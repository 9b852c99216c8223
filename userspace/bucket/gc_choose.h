/* SPDX-License-Identifier: GPL-2.0-only */
/* Which objects garbage collection copies out of. */
#ifndef LC_BUCKET_GC_CHOOSE_H
#define LC_BUCKET_GC_CHOOSE_H

#include "gc_copy.h"

/* Is @seq this volume's own object, not one of a parent? */
bool lc_gc_own(const struct lc_volume *vol, u64 seq);

/* As many as give one object. False: it is not worth an object. */
bool lc_gc_choose(struct lc_volume *vol, struct lc_gc_victims *v);

#endif /* LC_BUCKET_GC_CHOOSE_H */
