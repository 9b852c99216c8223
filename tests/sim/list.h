/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SIM_LIST_H
#define SIM_LIST_H

/*
 * list.h - doubly linked lists of keys, several lists over one array of nodes.
 *
 * A key is on one list at a time; its node says on which (0 = none). Head is
 * the young end, tail the old end.
 */

#include <stdint.h>

#define LIST_NIL	UINT32_MAX
#define LIST_MAX	5

struct list_node {
	uint32_t prev, next;
	uint32_t list;
};

struct lists {
	struct list_node *node;
	uint32_t head[LIST_MAX], tail[LIST_MAX], len[LIST_MAX];
};

void lists_init(struct lists *l, uint32_t nkeys);
void lists_free(struct lists *l);
void list_push(struct lists *l, uint32_t list, uint32_t key);
void list_remove(struct lists *l, uint32_t key);
/* Take the oldest key off @list; LIST_NIL if it is empty. */
uint32_t list_pop(struct lists *l, uint32_t list);

#endif /* SIM_LIST_H */
