// SPDX-License-Identifier: GPL-2.0-only

#include "server.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <linux/kernel.h>

#include "command.h"
#include "control.h"
#include "daemon.h"
#include "log.h"

#define CONNS		16u
#define READ_BYTES	4096u
/* Without a descriptor for whoever connects. */
#define AGAIN_MS	1000u

/* One at a time: the next request is looked at when the last one was answered. */
struct conn {
	struct lc_server *server;
	struct lc_watch watch;
	bool used;
	bool gone;			/* closed, but a command is under way */
	bool running;
	bool over;			/* nothing more will come */
	char *in;
	size_t in_len;
	size_t in_max;
	char *out;
	size_t out_len;
	size_t out_at;
	struct lc_request rq;
};

struct lc_server {
	struct lc_daemon *daemon;
	struct lc_watch watch;
	struct lc_timer again;
	struct sockaddr_un at;
	ino_t inode;
	struct conn conns[CONNS];
};

static void next(struct conn *c);

/*----------------------------------------------------------------
 * A connection
 *----------------------------------------------------------------
 */

static void watch_for(struct conn *c, uint32_t events)
{
	c->watch.events = events;
	lc_loop_watch(c->server->daemon->loop, &c->watch);
}

static void hang_up(struct conn *c)
{
	if (c->watch.fd >= 0) {
		lc_loop_unwatch(c->server->daemon->loop, &c->watch);
		close(c->watch.fd);
		c->watch.fd = -1;
	}
	c->gone = true;
	if (c->running)
		return;
	free(c->in);
	free(c->out);
	memset(c, 0, sizeof(*c));
}

/* False: the rest later, or it was hung up. */
static bool send_out(struct conn *c)
{
	ssize_t n;

	while (c->out_at < c->out_len) {
		n = send(c->watch.fd, c->out + c->out_at, c->out_len - c->out_at,
			 MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0 && errno == EAGAIN) {
			watch_for(c, EPOLLOUT);
			return false;
		}
		if (n < 0) {
			hang_up(c);
			return false;
		}
		c->out_at += n;
	}
	free(c->out);
	c->out = NULL;
	return true;
}

static void answered(struct lc_request *rq)
{
	struct conn *c = rq->data;
	char *text = json_dumps(rq->out, JSON_COMPACT);

	json_decref(rq->out);
	json_decref(rq->in);
	c->running = false;
	if (c->gone || !text) {
		free(text);
		hang_up(c);
		return;
	}
	c->out = text;
	c->out_len = strlen(text);
	c->out[c->out_len++] = '\n';
	c->out_at = 0;
	watch_for(c, EPOLLOUT);
}

static void run(struct conn *c, char *line, size_t len)
{
	json_t *in = json_loadb(line, len, 0, NULL);

	c->rq = (struct lc_request){
		.daemon = c->server->daemon, .in = in, .done = answered, .data = c,
	};
	c->running = true;
	watch_for(c, 0);
	if (json_is_object(in)) {
		lc_command_run(&c->rq);
		return;
	}
	c->rq.out = json_pack("{s:s, s:i}", "error", "not a JSON object in one line",
			      "errno", EINVAL);
	answered(&c->rq);
}

static void next(struct conn *c)
{
	char *end = c->in_len ? memchr(c->in, '\n', c->in_len) : NULL;
	size_t len;
	char *line;

	if (!end) {
		if (c->over || c->in_len == LC_CONTROL_LINE_MAX)
			hang_up(c);
		else
			watch_for(c, EPOLLIN);
		return;
	}
	len = end - c->in;
	line = strndup(c->in, len);
	c->in_len -= len + 1;
	memmove(c->in, end + 1, c->in_len);
	if (line)
		run(c, line, strlen(line));
	else
		hang_up(c);
	free(line);
}

static bool make_room(struct conn *c)
{
	size_t max = min(c->in_max ? 2 * c->in_max : READ_BYTES, (size_t)LC_CONTROL_LINE_MAX);
	char *in;

	if (c->in_len < c->in_max)
		return true;
	in = realloc(c->in, max);
	if (!in)
		return false;
	c->in = in;
	c->in_max = max;
	return true;
}

static void read_in(struct conn *c)
{
	ssize_t n = -1;

	if (make_room(c))
		n = recv(c->watch.fd, c->in + c->in_len, c->in_max - c->in_len, MSG_DONTWAIT);
	else
		errno = ENOMEM;
	if (n < 0 && errno == EAGAIN)
		return;
	if (n < 0) {
		hang_up(c);
		return;
	}
	c->over = !n;
	c->in_len += n;
	next(c);
}

static void conn_ready(struct lc_watch *w, uint32_t events)
{
	struct conn *c = w->data;

	if (c->out) {
		if (send_out(c))
			next(c);
	} else if (c->running) {
		/* Hung up, since nothing else is watched for. */
		hang_up(c);
	} else {
		read_in(c);
	}
	(void)events;
}

/*----------------------------------------------------------------
 * The socket
 *----------------------------------------------------------------
 */

static bool is_root(int fd)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	return !getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) && !cred.uid;
}

static void accept_again(struct lc_timer *t)
{
	struct lc_server *s = t->data;

	lc_loop_watch(s->daemon->loop, &s->watch);
}

/* Who waits to be accepted would be told of again at once. */
static void accept_later(struct lc_server *s)
{
	lc_log(LC_LOG_WARNING, NULL, "the control socket cannot be answered: %s",
	       strerror(errno));
	lc_loop_unwatch(s->daemon->loop, &s->watch);
	lc_timer_arm(s->daemon->loop, &s->again, AGAIN_MS);
}

static void accept_one(struct lc_watch *w, uint32_t events)
{
	struct lc_server *s = w->data;
	int fd = accept4(w->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct conn *c;

	(void)events;
	if (fd < 0) {
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
			accept_later(s);
		return;
	}
	for (c = s->conns; c < s->conns + CONNS && c->used; c++)
		;
	if (c == s->conns + CONNS || !is_root(fd)) {
		close(fd);
		return;
	}
	*c = (struct conn){ .server = s, .used = true };
	c->watch = (struct lc_watch){ .ready = conn_ready, .fd = fd, .data = c };
	watch_for(c, EPOLLIN);
}

static bool somebody_answers(const struct lc_server *s)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool yes = fd >= 0 && !connect(fd, (const struct sockaddr *)&s->at, sizeof(s->at));

	if (fd >= 0)
		close(fd);
	return yes;
}

/* Under another name, then in the place of what was there. */
static int bind_socket(struct lc_server *s, int fd)
{
	struct sockaddr_un tmp = s->at;
	size_t len = strlen(tmp.sun_path);
	struct stat st;
	mode_t mask;
	int ret;

	if (len + 4 >= sizeof(tmp.sun_path))
		return -ENAMETOOLONG;
	memcpy(tmp.sun_path + len, ".new", 5);
	unlink(tmp.sun_path);
	mask = umask(0177);
	ret = bind(fd, (struct sockaddr *)&tmp, sizeof(tmp));
	umask(mask);
	if (ret || listen(fd, CONNS) || stat(tmp.sun_path, &st) ||
	    rename(tmp.sun_path, s->at.sun_path))
		return -errno;
	s->inode = st.st_ino;
	return 0;
}

static int open_socket(struct lc_server *s)
{
	int ret;

	s->watch.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s->watch.fd < 0)
		return -errno;
	ret = bind_socket(s, s->watch.fd);
	return ret ?: lc_loop_watch(s->daemon->loop, &s->watch);
}

struct lc_server *lc_server_new(struct lc_daemon *d, char why[LC_SERVER_WHY_MAX])
{
	struct lc_server *s = calloc(1, sizeof(*s));
	int ret;

	if (!s) {
		snprintf(why, LC_SERVER_WHY_MAX, "out of memory");
		return NULL;
	}
	s->daemon = d;
	s->watch = (struct lc_watch){
		.ready = accept_one, .fd = -1, .events = EPOLLIN, .data = s,
	};
	s->again = (struct lc_timer){ .expired = accept_again, .data = s };
	s->at.sun_family = AF_UNIX;
	mkdir(d->run_dir, 0700);
	snprintf(s->at.sun_path, sizeof(s->at.sun_path), "%s/" LC_CONTROL_NAME, d->run_dir);
	if (!d->takeover && somebody_answers(s)) {
		snprintf(why, LC_SERVER_WHY_MAX,
			 "a logcached runs already (it answers at %s); end it, or use --takeover to replace it",
			 s->at.sun_path);
		free(s);
		return NULL;
	}
	ret = open_socket(s);
	if (!ret)
		return s;
	snprintf(why, LC_SERVER_WHY_MAX, "%s: %s; use another --run-dir?", s->at.sun_path,
		 strerror(-ret));
	lc_server_free(s);
	return NULL;
}

void lc_server_free(struct lc_server *s)
{
	struct stat st;
	struct conn *c;

	for (c = s->conns; c < s->conns + CONNS; c++) {
		if (c->used)
			hang_up(c);
	}
	if (s->inode && !stat(s->at.sun_path, &st) && st.st_ino == s->inode)
		unlink(s->at.sun_path);
	lc_timer_cancel(s->daemon->loop, &s->again);
	if (s->watch.fd >= 0) {
		lc_loop_unwatch(s->daemon->loop, &s->watch);
		close(s->watch.fd);
	}
	free(s);
}
