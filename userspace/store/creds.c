// SPDX-License-Identifier: GPL-2.0-only
/*
 * The chain of providers, and when it is gone through again:
 *
 *            first get, timer, refused
 *   NONE ------------------------------> PENDING --- keys ---> READY
 *     ^                                     |                    |
 *     `---------------- no keys ------------'      timer, refused: asks again;
 *                                                  the old ones serve meanwhile
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <linux/kernel.h>

#include "creds_priv.h"
#include "loop.h"

/* Ask again that long before they end, or when three quarters are over. */
#define MARGIN_S	300
#define RETRY_MS	10000
/* Keys that were refused are not asked for again more often than that. */
#define REFUSED_MS	1000

static const struct provider {
	const char *name;
	lc_creds_load_fn load;		/* NULL: the metadata service */
} providers[] = {
	{ "file", lc_creds_load_file },
	{ "env", lc_creds_load_env },
	{ "profile", lc_creds_load_profile },
	{ "instance", NULL },
};

struct lc_creds_src {
	struct lc_loop *loop;
	struct lc_store_cfg cfg;
	void (*changed)(void *data);
	void *data;
	int64_t (*now)(void);

	struct lc_creds creds;
	bool have;
	bool asking;			/* the metadata service */
	uint64_t asked_at;		/* lc_loop_now(); 0: never */
	struct lc_timer again;
	struct lc_timer tell;
	struct lc_instance instance;
	bool freed;
	char why[LC_STORE_WHY_MAX];
};

static int64_t wall_clock(void)
{
	return time(NULL);
}

static bool expired(const struct lc_creds_src *src)
{
	return src->creds.expires && src->creds.expires <= src->now();
}

static uint64_t refresh_ms(const struct lc_creds_src *src)
{
	int64_t left = src->creds.expires - src->now();
	int64_t margin = min_t(int64_t, MARGIN_S, left / 4);

	return left - margin > 0 ? (left - margin) * 1000 : 0;
}

static bool same(const struct lc_creds *a, const struct lc_creds *b)
{
	return !strcmp(a->access, b->access) && !strcmp(a->secret, b->secret) &&
	       !strcmp(a->token, b->token);
}

static void take_keys(struct lc_creds_src *src, struct lc_creds *creds)
{
	creds->generation = src->creds.generation + !same(creds, &src->creds);
	explicit_bzero(&src->creds, sizeof(src->creds));
	src->creds = *creds;
	explicit_bzero(creds, sizeof(*creds));
	src->have = true;
	src->why[0] = '\0';
	if (expired(src)) {
		snprintf(src->why, sizeof(src->why), "the keys have expired; renew them");
		lc_timer_arm(src->loop, &src->again, RETRY_MS);
	} else if (src->creds.expires) {
		lc_timer_arm(src->loop, &src->again, max_t(uint64_t, refresh_ms(src), 1000));
	}
	lc_timer_arm(src->loop, &src->tell, 0);
}

static void take_failure(struct lc_creds_src *src)
{
	lc_timer_arm(src->loop, &src->again, RETRY_MS);
	lc_timer_arm(src->loop, &src->tell, 0);
}

/* Everybody who was asked has a reason. */
static void add_why(struct lc_creds_src *src, const char *why)
{
	size_t len = strlen(src->why);

	snprintf(src->why + len, sizeof(src->why) - len, "%s%s", len ? "; " : "no keys: ", why);
}

static void instance_done(struct lc_instance *in, int ret)
{
	struct lc_creds_src *src = in->data;

	src->asking = false;
	if (src->freed) {
		explicit_bzero(src, sizeof(*src));
		free(src);
		return;
	}
	if (!ret) {
		take_keys(src, &in->creds);
		return;
	}
	add_why(src, in->why);
	take_failure(src);
}

static bool asks(const struct lc_store_cfg *cfg, const struct provider *p)
{
	if (strcmp(cfg->credentials, "auto"))
		return !strcmp(cfg->credentials, p->name);
	return !*cfg->key_file || p->load == lc_creds_load_file;
}

/* One provider. True: nobody else has to be asked. */
static bool ask_one(struct lc_creds_src *src, const struct provider *p)
{
	struct lc_creds creds = {};
	char why[LC_STORE_WHY_MAX] = "";
	int ret;

	if (!p->load) {
		src->asking = true;
		lc_instance_start(&src->instance);
		return true;
	}
	ret = p->load(&src->cfg, &creds, why);
	if (!ret)
		take_keys(src, &creds);
	else
		add_why(src, why);
	explicit_bzero(&creds, sizeof(creds));
	if (ret && ret != -ENOENT)
		take_failure(src);
	return ret != -ENOENT;
}

static void ask(struct lc_creds_src *src)
{
	unsigned int i;

	if (src->asking)
		return;
	src->asked_at = lc_loop_now(src->loop) + 1;
	src->why[0] = '\0';
	for (i = 0; i < ARRAY_SIZE(providers); i++)
		if (asks(&src->cfg, &providers[i]) && ask_one(src, &providers[i]))
			return;
	if (!*src->why)
		add_why(src, "credentials: auto, file, env, profile or instance");
	take_failure(src);
}

static void ask_again(struct lc_timer *t)
{
	ask(t->data);
}

static void tell(struct lc_timer *t)
{
	struct lc_creds_src *src = t->data;

	src->changed(src->data);
}

enum lc_creds_state lc_creds_get(struct lc_creds_src *src, const struct lc_creds **creds)
{
	if (!src->asked_at)
		ask(src);
	if (src->have && !expired(src)) {
		*creds = &src->creds;
		return LC_CREDS_READY;
	}
	return src->asking ? LC_CREDS_PENDING : LC_CREDS_NONE;
}

bool lc_creds_refused(struct lc_creds_src *src, uint64_t generation)
{
	if (generation != src->creds.generation)
		return true;
	if (!src->asking && lc_loop_now(src->loop) + 1 >= src->asked_at + REFUSED_MS)
		ask(src);
	return src->asking || generation != src->creds.generation;
}

const char *lc_creds_why(const struct lc_creds_src *src)
{
	return src->why;
}

void lc_creds_set_clock(struct lc_creds_src *src, int64_t (*now)(void))
{
	src->now = now;
}

struct lc_creds_src *lc_creds_new(struct lc_loop *loop, struct lc_http *http,
				  const struct lc_store_cfg *cfg,
				  void (*changed)(void *data), void *data)
{
	struct lc_creds_src *src = calloc(1, sizeof(*src));

	if (!src)
		return NULL;
	src->loop = loop;
	src->cfg = *cfg;
	src->changed = changed;
	src->data = data;
	src->now = wall_clock;
	src->again = (struct lc_timer){ .expired = ask_again, .data = src };
	src->tell = (struct lc_timer){ .expired = tell, .data = src };
	src->instance = (struct lc_instance){
		.http = http,
		.cfg = &src->cfg,
		.done = instance_done,
		.data = src,
	};
	return src;
}

/* A request under way takes the memory with it when it is answered, in lc_http_free(). */
void lc_creds_free(struct lc_creds_src *src)
{
	if (!src)
		return;
	lc_timer_cancel(src->loop, &src->again);
	lc_timer_cancel(src->loop, &src->tell);
	if (src->asking) {
		src->freed = true;
		lc_instance_cancel(&src->instance);
		return;
	}
	explicit_bzero(src, sizeof(*src));
	free(src);
}
