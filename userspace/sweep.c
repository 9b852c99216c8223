// SPDX-License-Identifier: GPL-2.0-only
#include "sweep.h"

#include <stdlib.h>
#include <string.h>

#include <linux/string.h>

#include "ctl.h"
#include "store/loop.h"
#include "store/store.h"

/* As many as the store below takes. */
#define DEPTH	32u

static bool kept(const struct sweep *s, const char *key)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(s->keep); i++)
		if (s->keep[i] && !strcmp(s->keep[i], key))
			return true;
	return false;
}

static bool add(struct lc_store_req *req, const char *key, uint64_t size)
{
	struct sweep *s = req->data;

	if (kept(s, key))
		return true;
	/* Doubled each time it is full: a power of two. */
	if (!(s->nr & (s->nr - 1)))
		s->keys = xrealloc(s->keys, (s->nr ? 2 * s->nr : 1) * sizeof(*s->keys));
	s->keys[s->nr++] = xasprintf("%s", key);
	s->bytes += size;
	return true;
}

void sweep_free(struct sweep *s)
{
	size_t i;

	for (i = 0; i < s->nr; i++)
		free(s->keys[i]);
	free(s->keys);
	s->keys = NULL;
	s->nr = 0;
	s->bytes = 0;
}

int sweep_list(struct sweep *s, struct lc_store *store, const char *prefix)
{
	struct lc_store_req req = { .op = LC_STORE_LIST, .list = add, .data = s };

	sweep_free(s);
	strscpy(req.key, prefix, sizeof(req.key));
	if (lc_store_wait(store, &req) == LC_STORE_OK)
		return CTL_OK;
	return ctl_error(CTL_FAILED, "%s", req.why);
}

/*----------------------------------------------------------------
 * Deleting
 *----------------------------------------------------------------
 */

struct job {
	const struct sweep *s;
	struct lc_store *store;
	struct progress progress;
	size_t next;
	size_t done;
	unsigned int in_flight;
	bool failed;
	char why[LC_STORE_WHY_MAX];
	struct lc_store_req reqs[DEPTH];
};

static void delete_next(struct job *j, struct lc_store_req *req);

static void deleted(struct lc_store_req *req)
{
	struct job *j = req->data;

	j->in_flight--;
	j->done++;
	progress_show(&j->progress, j->done);
	if (req->status != LC_STORE_OK && !j->failed) {
		j->failed = true;
		strscpy(j->why, req->why, sizeof(j->why));
	}
	delete_next(j, req);
}

static void delete_next(struct job *j, struct lc_store_req *req)
{
	if (j->failed || j->next == j->s->nr)
		return;
	*req = (struct lc_store_req){ .op = LC_STORE_DELETE, .done = deleted, .data = j };
	strscpy(req->key, j->s->keys[j->next++], sizeof(req->key));
	j->in_flight++;
	j->store->ops->submit(j->store, req);
}

int sweep_delete(const struct sweep *s, struct lc_store *store, const char *what)
{
	struct job *j = xcalloc(1, sizeof(*j));
	unsigned int i;
	int ret = CTL_OK;

	j->s = s;
	j->store = store;
	progress_start(&j->progress, what, s->nr);
	for (i = 0; i < DEPTH; i++)
		delete_next(j, &j->reqs[i]);
	while (j->in_flight)
		lc_loop_turn(store->loop, -1);
	progress_end(&j->progress);
	if (j->failed)
		ret = ctl_error(CTL_FAILED, "%s", j->why);
	free(j);
	return ret;
}
