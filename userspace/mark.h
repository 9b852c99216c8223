/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The mark of a volume that is being deleted, in a store without conditional PUTs: a host
 * that has the volume can put its own manifest over it. It reads the manifest every now and
 * then, and stops when it finds the mark; so after a while it has done one or the other.
 *
 * Both complain themselves, return an exit status, and do nothing for a manifest that has
 * conditions.
 */
#ifndef CTL_MARK_H
#define CTL_MARK_H

struct lc_manifest;
struct remote;

/* So long that whoever has the volume has looked. */
void mark_wait(const struct lc_manifest *m);
/* Is the manifest that is there still @m, which has the mark? */
int mark_check(struct remote *r, const struct lc_manifest *m);

#endif /* CTL_MARK_H */
