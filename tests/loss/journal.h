/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What was done to the objects of a bucket, in order, as a file. Written by record.c
 * from within logcached, before anybody learns of the answer; read by replay.c.
 *
 *   journal   entries, one behind the other; a new process goes on where the last
 *             one was killed, perhaps in the middle of an entry's data
 *   entry     head, key, data (BEGIN of a PUT)
 *
 * Between BEGIN and END a request may have been carried out or not. One without END
 * was cut off with its process: FATE says what has become of it.
 */
#ifndef LOSS_JOURNAL_H
#define LOSS_JOURNAL_H

#include <stdint.h>

#define JOURNAL_MAGIC	0x6c6f7373u

enum journal_what {
	JOURNAL_START = 1,	/* a process */
	JOURNAL_BEGIN,
	JOURNAL_END,
	JOURNAL_FATE,
	JOURNAL_UPLOADED,	/* @id: all that was acknowledged before that event */
};

enum journal_op { JOURNAL_PUT = 1, JOURNAL_DELETE };

/* @done: END, FATE: it was carried out. @id: of a request, unique. */
struct journal_entry {
	uint32_t magic;
	uint8_t what;
	uint8_t op;
	uint8_t done;
	uint8_t pad;
	uint64_t id;
	uint32_t key_len;
	uint32_t data_len;
};

#endif
