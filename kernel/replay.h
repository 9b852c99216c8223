/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From the cache device to the index, after any kind of stop:
 *
 *   1 superblock, newest checkpoint with its bitmap
 *   2 the summary table, one sequential read: entries into the index in any
 *     order, the newer version wins whichever comes first
 *   3 the tail: log segments that were still open, record by record
 *   4 tombstones go, segments are sorted into free, dirty and clean
 *   5 the fence: what was found of the tail is sealed as it is, then a
 *     checkpoint with a new epoch cuts off whatever lies behind it
 *
 * Step 5 comes before the first new write; until then a second crash finds
 * the same again.
 */
#ifndef LC_REPLAY_H
#define LC_REPLAY_H

struct logcache;

/* Load everything and start the log. May sleep; 0 or -errno after a message. */
int lc_replay(struct logcache *lc);

#endif /* LC_REPLAY_H */
