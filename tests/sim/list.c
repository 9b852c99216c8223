// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>

#include "cache.h"
#include "list.h"

void lists_init(struct lists *l, uint32_t nkeys)
{
	uint32_t i;

	l->node = sim_alloc(nkeys, sizeof(*l->node));
	for (i = 0; i < LIST_MAX; i++) {
		l->head[i] = LIST_NIL;
		l->tail[i] = LIST_NIL;
		l->len[i] = 0;
	}
}

void lists_free(struct lists *l)
{
	free(l->node);
}

void list_push(struct lists *l, uint32_t list, uint32_t key)
{
	struct list_node *n = &l->node[key];

	n->list = list;
	n->prev = LIST_NIL;
	n->next = l->head[list];
	if (n->next == LIST_NIL)
		l->tail[list] = key;
	else
		l->node[n->next].prev = key;
	l->head[list] = key;
	l->len[list]++;
}

void list_remove(struct lists *l, uint32_t key)
{
	struct list_node *n = &l->node[key];

	if (n->prev == LIST_NIL)
		l->head[n->list] = n->next;
	else
		l->node[n->prev].next = n->next;
	if (n->next == LIST_NIL)
		l->tail[n->list] = n->prev;
	else
		l->node[n->next].prev = n->prev;
	l->len[n->list]--;
	n->list = 0;
}

uint32_t list_pop(struct lists *l, uint32_t list)
{
	uint32_t key = l->tail[list];

	if (key != LIST_NIL)
		list_remove(l, key);
	return key;
}
