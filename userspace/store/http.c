// SPDX-License-Identifier: GPL-2.0-only
/*
 * curl tells which sockets to watch and when it wants to be called (set_watch,
 * set_timer); the loop calls back (socket_ready, timer_expired); what is
 * finished by then is collected (collect). A request is waiting, or has a
 * handle, or has its answer without a server: cancelled.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include <linux/kernel.h>
#include <linux/string.h>

#include "http.h"
#include "loop.h"

struct lc_http {
	void *multi;			/* CURLM */
	struct lc_loop *loop;
	struct lc_timer timer;		/* curl's */
	struct lc_timer later;		/* tells those */
	char *ca_file;
	uint32_t connect_ms;
	struct lc_http_req *waiting;
	struct lc_http_req **waiting_end;
	struct lc_http_req *answered;	/* not by a server */
	void **idle;			/* CURLs that nobody uses */
	unsigned int nr_idle;
};

/* --- what curl asks for while it transfers -------------------------------- */

/* Of the body, from @at on: one piece of memory. */
static size_t body_piece(const struct lc_http_req *req, uint64_t at, const char **piece)
{
	int i;

	for (i = 0; i < req->nr_iov; i++) {
		if (at < req->iov[i].iov_len) {
			*piece = (const char *)req->iov[i].iov_base + at;
			return req->iov[i].iov_len - at;
		}
		at -= req->iov[i].iov_len;
	}
	return 0;
}

static size_t read_body(char *buf, size_t size, size_t n, void *data)
{
	struct lc_http_req *req = data;
	const char *piece;
	size_t room = size * n, len, done;

	for (done = 0; done < room && req->sent < req->body_len; done += len) {
		len = body_piece(req, req->body_offset + req->sent, &piece);
		len = min3((uint64_t)len, (uint64_t)(room - done), req->body_len - req->sent);
		if (!len)
			return CURL_READFUNC_ABORT;
		memcpy(buf + done, piece, len);
		req->sent += len;
	}
	req->all_sent |= req->sent == req->body_len;
	return done;
}

/*
 * curl found a connection dead that it had used before, and wants to send the
 * body again. What was sent may have been carried out.
 */
static int rewind_body(void *data, curl_off_t offset, int origin)
{
	struct lc_http_req *req = data;

	if (origin != SEEK_SET || offset || (req->once && req->sent))
		return CURL_SEEKFUNC_FAIL;
	req->sent = 0;
	return CURL_SEEKFUNC_OK;
}

static size_t take_header(char *line, size_t size, size_t n, void *data)
{
	struct lc_http_req *req = data;
	size_t len = size * n;

	while (len && (line[len - 1] == '\n' || line[len - 1] == '\r'))
		len--;
	return req->header(req, line, len) ? size * n : 0;
}

static size_t take_body(char *bytes, size_t size, size_t n, void *data)
{
	struct lc_http_req *req = data;

	return req->body(req, bytes, size * n) ? size * n : 0;
}

/* --- one transfer --------------------------------------------------------- */

static void set_body(CURL *c, struct lc_http_req *req)
{
	if (!strcmp(req->method, "GET"))
		return;
	if (!strcmp(req->method, "HEAD")) {
		curl_easy_setopt(c, CURLOPT_NOBODY, 1L);
		return;
	}
	curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, req->method);
	if (!strcmp(req->method, "DELETE"))
		return;
	curl_easy_setopt(c, CURLOPT_UPLOAD, 1L);
	curl_easy_setopt(c, CURLOPT_INFILESIZE_LARGE, (curl_off_t)req->body_len);
	curl_easy_setopt(c, CURLOPT_READFUNCTION, read_body);
	curl_easy_setopt(c, CURLOPT_READDATA, req);
	curl_easy_setopt(c, CURLOPT_SEEKFUNCTION, rewind_body);
	curl_easy_setopt(c, CURLOPT_SEEKDATA, req);
	curl_easy_setopt(c, CURLOPT_UPLOAD_BUFFERSIZE, 512L * 1024);
	/* Without a body there is nothing that could not be rewound. */
	if (req->once && !req->body_len)
		curl_easy_setopt(c, CURLOPT_FRESH_CONNECT, 1L);
}

static void set_up(const struct lc_http *http, CURL *c, struct lc_http_req *req)
{
	curl_easy_reset(c);
	curl_easy_setopt(c, CURLOPT_PRIVATE, req);
	curl_easy_setopt(c, CURLOPT_URL, req->url);
	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(c, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(c, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	/* A name server that does not answer: its thread is left alone, not waited for. */
	curl_easy_setopt(c, CURLOPT_QUICK_EXIT, 1L);
	curl_easy_setopt(c, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(c, CURLOPT_HTTPHEADER, req->headers);
	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, req->why);
	curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, take_header);
	curl_easy_setopt(c, CURLOPT_HEADERDATA, req);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, req);
	curl_easy_setopt(c, CURLOPT_BUFFERSIZE, 256L * 1024);
	curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, (long)http->connect_ms);
	curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, (long)req->total_ms);
	if (req->idle_ms) {
		curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, 1L);
		curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME, (req->idle_ms + 999L) / 1000);
	}
	if (*http->ca_file)
		curl_easy_setopt(c, CURLOPT_CAINFO, http->ca_file);
	if (req->direct)
		curl_easy_setopt(c, CURLOPT_NOPROXY, "*");
	set_body(c, req);
}

/*
 * Can the server have got the whole request? What curl took counts as sent: it
 * may send a request again by itself, and then knows no more of the first time.
 */
static bool was_sent(CURL *c, const struct lc_http_req *req)
{
	curl_off_t connected = 0;

	if (req->body_len)
		return req->all_sent;
	curl_easy_getinfo(c, CURLINFO_PRETRANSFER_TIME_T, &connected);
	return connected;
}

static enum lc_http_error error_of(CURL *c, const struct lc_http_req *req, CURLcode code)
{
	switch (code) {
	case CURLE_OK:
		return LC_HTTP_ANSWERED;
	case CURLE_WRITE_ERROR:
		return LC_HTTP_REFUSED;
	default:
		return was_sent(c, req) ? LC_HTTP_LOST : LC_HTTP_NOT_SENT;
	}
}

static void answer_later(struct lc_http *http, struct lc_http_req *req, enum lc_http_error error)
{
	req->error = error;
	req->next = http->answered;
	http->answered = req;
	lc_timer_arm(http->loop, &http->later, 0);
}

static void start(struct lc_http *http, struct lc_http_req *req)
{
	CURLMcode code;

	req->curl = http->idle[--http->nr_idle];
	req->sent = 0;
	req->all_sent = false;
	set_up(http, req->curl, req);
	code = curl_multi_add_handle(http->multi, req->curl);
	if (code == CURLM_OK)
		return;
	http->idle[http->nr_idle++] = req->curl;
	req->curl = NULL;
	snprintf(req->why, sizeof(req->why), "%s", curl_multi_strerror(code));
	answer_later(http, req, LC_HTTP_NOT_SENT);
}

static void start_waiting(struct lc_http *http)
{
	struct lc_http_req *req;

	while (http->nr_idle && http->waiting) {
		req = http->waiting;
		http->waiting = req->next;
		if (!http->waiting)
			http->waiting_end = &http->waiting;
		start(http, req);
	}
}

static void release(struct lc_http *http, struct lc_http_req *req)
{
	curl_multi_remove_handle(http->multi, req->curl);
	http->idle[http->nr_idle++] = req->curl;
	req->curl = NULL;
}

static void finish(struct lc_http *http, struct lc_http_req *req, CURLcode code)
{
	long status = 0;

	curl_easy_getinfo(req->curl, CURLINFO_RESPONSE_CODE, &status);
	req->status = status;
	req->error = error_of(req->curl, req, code);
	if (code != CURLE_OK && !*req->why)
		strscpy(req->why, curl_easy_strerror(code), sizeof(req->why));
	release(http, req);
	start_waiting(http);
	req->done(req);
}

static void collect(struct lc_http *http)
{
	struct lc_http_req *req;
	CURLMsg *msg;
	int left;

	while ((msg = curl_multi_info_read(http->multi, &left))) {
		if (msg->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &req);
		finish(http, req, msg->data.result);
	}
}

/* --- curl and the loop ---------------------------------------------------- */

static void socket_ready(struct lc_watch *w, uint32_t events)
{
	struct lc_http *http = w->data;
	int what = 0, running;

	if (events & EPOLLIN)
		what |= CURL_CSELECT_IN;
	if (events & EPOLLOUT)
		what |= CURL_CSELECT_OUT;
	if (events & (EPOLLERR | EPOLLHUP))
		what |= CURL_CSELECT_ERR;
	curl_multi_socket_action(http->multi, w->fd, what, &running);
	collect(http);
}

static void timer_expired(struct lc_timer *t)
{
	struct lc_http *http = t->data;
	int running;

	curl_multi_socket_action(http->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	collect(http);
}

static int set_timer(CURLM *multi, long ms, void *data)
{
	struct lc_http *http = data;

	if (ms < 0)
		lc_timer_cancel(http->loop, &http->timer);
	else
		lc_timer_arm(http->loop, &http->timer, ms);
	return 0;
}

static int set_watch(CURL *easy, curl_socket_t fd, int what, void *data, void *of_socket)
{
	struct lc_http *http = data;
	struct lc_watch *w = of_socket;

	if (what == CURL_POLL_REMOVE) {
		if (w)
			lc_loop_unwatch(http->loop, w);
		free(w);
		return 0;
	}
	if (!w) {
		w = calloc(1, sizeof(*w));
		if (!w)
			return -1;
		w->ready = socket_ready;
		w->fd = fd;
		w->data = http;
		curl_multi_assign(http->multi, fd, w);
	}
	w->events = (what & CURL_POLL_IN ? EPOLLIN : 0) | (what & CURL_POLL_OUT ? EPOLLOUT : 0);
	return lc_loop_watch(http->loop, w) ? -1 : 0;
}

/* --- for others ----------------------------------------------------------- */

void lc_http_submit(struct lc_http *http, struct lc_http_req *req)
{
	req->error = LC_HTTP_ANSWERED;
	req->status = 0;
	req->why[0] = '\0';
	req->next = NULL;
	req->curl = NULL;
	*http->waiting_end = req;
	http->waiting_end = &req->next;
	start_waiting(http);
}

static void answer_those(struct lc_timer *t)
{
	struct lc_http *http = t->data;
	struct lc_http_req *req;

	while ((req = http->answered)) {
		http->answered = req->next;
		req->done(req);
	}
}

static void stop_waiting(struct lc_http *http, struct lc_http_req *req)
{
	struct lc_http_req **p = &http->waiting;

	while (*p && *p != req)
		p = &(*p)->next;
	if (!*p)
		return;
	*p = req->next;
	if (!*p)
		http->waiting_end = p;
}

void lc_http_cancel(struct lc_http *http, struct lc_http_req *req)
{
	if (req->error != LC_HTTP_ANSWERED)
		return;
	if (req->curl)
		release(http, req);
	else
		stop_waiting(http, req);
	snprintf(req->why, sizeof(req->why), "cancelled");
	answer_later(http, req, LC_HTTP_CANCELLED);
	start_waiting(http);
}

void lc_http_free(struct lc_http *http)
{
	lc_timer_cancel(http->loop, &http->later);
	answer_those(&http->later);
	while (http->nr_idle)
		curl_easy_cleanup(http->idle[--http->nr_idle]);
	if (http->multi)
		curl_multi_cleanup(http->multi);
	lc_timer_cancel(http->loop, &http->timer);
	free(http->idle);
	free(http->ca_file);
	free(http);
	curl_global_cleanup();
}

static bool make_handles(struct lc_http *http, unsigned int nr)
{
	http->idle = calloc(nr, sizeof(CURL *));
	http->multi = curl_multi_init();
	if (!http->idle || !http->multi || !http->ca_file)
		return false;
	for (; http->nr_idle < nr; http->nr_idle++) {
		http->idle[http->nr_idle] = curl_easy_init();
		if (!http->idle[http->nr_idle])
			return false;
	}
	curl_multi_setopt(http->multi, CURLMOPT_SOCKETFUNCTION, set_watch);
	curl_multi_setopt(http->multi, CURLMOPT_SOCKETDATA, http);
	curl_multi_setopt(http->multi, CURLMOPT_TIMERFUNCTION, set_timer);
	curl_multi_setopt(http->multi, CURLMOPT_TIMERDATA, http);
	curl_multi_setopt(http->multi, CURLMOPT_MAXCONNECTS, (long)nr);
	return true;
}

struct lc_http *lc_http_new(struct lc_loop *loop, const struct lc_http_cfg *cfg, char *why)
{
	struct lc_http *http = calloc(1, sizeof(*http));

	if (!http || curl_global_init(CURL_GLOBAL_DEFAULT)) {
		free(http);
		snprintf(why, LC_HTTP_WHY_MAX, "cannot start libcurl");
		return NULL;
	}
	http->loop = loop;
	http->timer = (struct lc_timer){ .expired = timer_expired, .data = http };
	http->later = (struct lc_timer){ .expired = answer_those, .data = http };
	http->waiting_end = &http->waiting;
	http->connect_ms = cfg->connect_ms;
	http->ca_file = strdup(cfg->ca_file);
	if (make_handles(http, cfg->max_transfers))
		return http;
	lc_http_free(http);
	snprintf(why, LC_HTTP_WHY_MAX, "out of memory for %u transfers", cfg->max_transfers);
	return NULL;
}
