/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The target's status line: `key value` pairs. Read without knowing the keys,
 * so that a new counter in the module shows up here by itself; units follow
 * from the end of a key, its place on the screen from the start.
 */
#ifndef CTL_STATUS_H
#define CTL_STATUS_H

#include <stdio.h>

#include <jansson.h>
#include <linux/types.h>

#define STATUS_MAX	128

struct status {
	char *text;
	unsigned int nr;
	struct {
		const char *key;
		const char *value;
	} pair[STATUS_MAX];
};

/* Takes over @line, which was allocated. A last key without value gets "". */
void status_parse(struct status *s, char *line);
void status_free(struct status *s);

/* NULL if there is no such key. */
const char *status_get(const struct status *s, const char *key);
/* 0 if there is no such key or it is no number. */
u64 status_num(const struct status *s, const char *key);

/* Percent of reads served from the cache; negative if there were none. */
double status_hit_ratio(const struct status *s);

/* One line, with what @value means for a person. */
void status_print_pair(const char *key, const char *value, FILE *out);
void status_print(const struct status *s, const char *name, FILE *out);
json_t *status_json(const struct status *s, const char *name);

/* Ask a volume. Complains itself; an exit status. */
int status_of(struct status *s, const char *name);

#endif /* CTL_STATUS_H */
