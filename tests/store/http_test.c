// SPDX-License-Identifier: GPL-2.0-only
/* What the loop must not wait for: a name server. */

#include <netdb.h>
#include <semaphore.h>
#include <string.h>
#include <unistd.h>

#include "http.h"
#include "loop.h"
#include "tap.h"

/* A loop that waits never ends by itself. */
#define TOO_LONG_S	60

static sem_t asked, answer, gone;

/* In the place of libc's, also for libcurl, which calls it in a thread of its own. */
int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
		struct addrinfo **res)
{
	sem_post(&asked);
	sem_wait(&answer);
	sem_post(&gone);
	return EAI_AGAIN;
}

static struct lc_loop *loop;
static bool over;

static void done(struct lc_http_req *req)
{
	over = true;
}

static struct lc_http *start(struct lc_http_req *req, uint32_t connect_ms)
{
	const struct lc_http_cfg cfg = {
		.ca_file = "", .max_transfers = 1, .connect_ms = connect_ms,
	};
	struct lc_http *http;
	char why[LC_HTTP_WHY_MAX];

	loop = lc_loop_new();
	http = lc_http_new(loop, &cfg, why);
	REQUIRE(http);
	over = false;
	*req = (struct lc_http_req){
		.method = "DELETE", .url = "http://nobody.example/", .direct = true,
		.total_ms = 1000 * TOO_LONG_S, .done = done,
	};
	lc_http_submit(http, req);
	return http;
}

static void end(struct lc_http *http)
{
	lc_http_free(http);
	lc_loop_free(loop);
	/* The next one must not get this one's answer. */
	sem_post(&answer);
	sem_wait(&gone);
}

static void a_name_that_is_not_found_is_given_up(void)
{
	struct lc_http_req req;
	struct lc_http *http = start(&req, 50);

	while (!over)
		lc_loop_turn(loop, -1);
	sem_wait(&asked);
	CHECK(req.error == LC_HTTP_NOT_SENT);
	end(http);
}

static void cancelling_does_not_wait_for_a_name(void)
{
	struct lc_http_req req;
	struct lc_http *http = start(&req, 1000 * TOO_LONG_S);

	while (sem_trywait(&asked))
		lc_loop_turn(loop, 10);
	lc_http_cancel(http, &req);
	while (!over)
		lc_loop_turn(loop, -1);
	CHECK(req.error == LC_HTTP_CANCELLED);
	end(http);
}

int main(void)
{
	sem_init(&asked, 0, 0);
	sem_init(&answer, 0, 0);
	sem_init(&gone, 0, 0);
	alarm(TOO_LONG_S);
	RUN(a_name_that_is_not_found_is_given_up);
	RUN(cancelling_does_not_wait_for_a_name);
	return tap_done();
}
