// SPDX-License-Identifier: GPL-2.0-only
/*
 * A directory as an object store. Its calls block, so a few threads make them;
 * requests go there and come back in lists that are linked by req->priv.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "file_dir.h"
#include "loop.h"
#include "store_file.h"

/* As many as are put at a time, and some for who reads meanwhile. */
#define THREADS		40
/* All of it is locked into memory in the helper. */
#define STACK_BYTES	(192 * 1024)

struct list {
	struct lc_store_req *first;
	struct lc_store_req *last;
};

struct file_store;

struct worker {
	struct file_store *fs;
	pthread_t thread;
	struct lc_store_req *req;	/* under way */
	struct lc_names names;	/* its answer, if it lists */
	bool finished;			/* the answer is for the loop to take */
	atomic_bool cancelled;
};

struct file_store {
	struct lc_store store;
	struct lc_file_dir dir;
	struct lc_watch answered;
	struct list refused;		/* of the loop */

	pthread_mutex_t lock;		/* protects the rest */
	pthread_cond_t wake;
	struct list todo;
	bool stop;
	unsigned int nr_workers;
	struct worker workers[THREADS];
};

static struct file_store *to_fs(struct lc_store *store)
{
	return (struct file_store *)store;
}

/* --- lists ---------------------------------------------------------------- */

static void push(struct list *l, struct lc_store_req *req)
{
	req->priv = NULL;
	if (l->first)
		l->last->priv = req;
	else
		l->first = req;
	l->last = req;
}

static struct lc_store_req *pop(struct list *l)
{
	struct lc_store_req *req = l->first;

	if (req)
		l->first = req->priv;
	return req;
}

static bool take_out(struct list *l, struct lc_store_req *req)
{
	struct lc_store_req *prev = NULL, *r;

	for (r = l->first; r && r != req; r = r->priv)
		prev = r;
	if (!r)
		return false;
	if (prev)
		prev->priv = req->priv;
	else
		l->first = req->priv;
	if (l->last == req)
		l->last = prev;
	return true;
}

/* --- the threads' side ---------------------------------------------------- */

static void work(struct worker *w)
{
	const struct lc_file_dir *dir = &w->fs->dir;

	switch (w->req->op) {
	case LC_STORE_PUT:
		lc_file_put(dir, w->req);
		break;
	case LC_STORE_GET:
		lc_file_get(dir, w->req);
		break;
	case LC_STORE_HEAD:
		lc_file_head(dir, w->req);
		break;
	case LC_STORE_DELETE:
		lc_file_delete(dir, w->req);
		break;
	case LC_STORE_LIST:
		lc_file_list(dir, w->req, &w->names, &w->cancelled);
		break;
	}
}

/* A worker has one request at a time, and keeps it until the loop took the answer. */
static void *worker_main(void *data)
{
	struct worker *w = data;
	struct file_store *fs = w->fs;

	pthread_mutex_lock(&fs->lock);
	while (!fs->stop) {
		if (!w->req && !w->finished)
			w->req = pop(&fs->todo);
		if (!w->req || w->finished) {
			pthread_cond_wait(&fs->wake, &fs->lock);
			continue;
		}
		pthread_mutex_unlock(&fs->lock);
		work(w);
		pthread_mutex_lock(&fs->lock);
		w->finished = true;
		eventfd_write(fs->answered.fd, 1);
	}
	pthread_mutex_unlock(&fs->lock);
	return NULL;
}

/* --- the loop's side ------------------------------------------------------ */

static void tell_names(struct lc_store_req *req, const struct lc_names *names)
{
	const char *key;
	uint64_t size;
	size_t pos = 0;

	while ((key = lc_names_next(names, &pos, &size)))
		if (!req->list(req, key, size))
			break;
}

static void answer_of(struct worker *w)
{
	struct file_store *fs = w->fs;
	struct lc_store_req *req = w->req;
	struct lc_names names = w->names;

	if (atomic_exchange(&w->cancelled, false))
		lc_store_set(req, LC_STORE_CANCELLED, "cancelled");
	memset(&w->names, 0, sizeof(w->names));
	w->req = NULL;
	w->finished = false;
	/* Who was signalled for them may have been one that had not given its answer yet. */
	if (fs->todo.first)
		pthread_cond_broadcast(&fs->wake);
	pthread_mutex_unlock(&fs->lock);
	if (req->status == LC_STORE_OK)
		tell_names(req, &names);
	lc_names_free(&names);
	req->done(req);
	pthread_mutex_lock(&fs->lock);
}

/* What is submitted by those who get their answer here is not answered here. */
static void answered(struct lc_watch *watch, uint32_t events)
{
	struct file_store *fs = watch->data;
	struct list refused = fs->refused;
	struct lc_store_req *req;
	eventfd_t count;
	unsigned int i;

	eventfd_read(watch->fd, &count);
	fs->refused.first = NULL;
	while ((req = pop(&refused)))
		req->done(req);
	pthread_mutex_lock(&fs->lock);
	for (i = 0; i < fs->nr_workers; i++)
		if (fs->workers[i].finished)
			answer_of(&fs->workers[i]);
	pthread_mutex_unlock(&fs->lock);
}

/* Without a thread; from a later turn all the same. */
static void refuse(struct file_store *fs, struct lc_store_req *req)
{
	push(&fs->refused, req);
	eventfd_write(fs->answered.fd, 1);
}

static void file_submit(struct lc_store *store, struct lc_store_req *req)
{
	struct file_store *fs = to_fs(store);

	if (!lc_store_key_ok(req->key, req->op == LC_STORE_LIST)) {
		lc_store_set(req, LC_STORE_FAILED, "not a key of an object");
		refuse(fs, req);
		return;
	}
	pthread_mutex_lock(&fs->lock);
	push(&fs->todo, req);
	pthread_cond_signal(&fs->wake);
	pthread_mutex_unlock(&fs->lock);
}

static void file_cancel(struct lc_store *store, struct lc_store_req *req)
{
	struct file_store *fs = to_fs(store);
	unsigned int i;
	bool waiting;

	pthread_mutex_lock(&fs->lock);
	waiting = take_out(&fs->todo, req);
	for (i = 0; i < fs->nr_workers; i++)
		if (fs->workers[i].req == req)
			atomic_store(&fs->workers[i].cancelled, true);
	pthread_mutex_unlock(&fs->lock);
	if (waiting) {
		lc_store_set(req, LC_STORE_CANCELLED, "cancelled");
		refuse(fs, req);
	}
}

static void stop_workers(struct file_store *fs)
{
	unsigned int i;

	pthread_mutex_lock(&fs->lock);
	fs->stop = true;
	pthread_cond_broadcast(&fs->wake);
	pthread_mutex_unlock(&fs->lock);
	for (i = 0; i < fs->nr_workers; i++)
		pthread_join(fs->workers[i].thread, NULL);
}

static void file_free(struct lc_store *store)
{
	struct file_store *fs = to_fs(store);

	stop_workers(fs);
	if (fs->answered.fd >= 0) {
		lc_loop_unwatch(store->loop, &fs->answered);
		close(fs->answered.fd);
	}
	pthread_mutex_destroy(&fs->lock);
	pthread_cond_destroy(&fs->wake);
	lc_file_dir_close(&fs->dir);
	free(fs);
}

static const struct lc_store_ops file_ops = {
	.name = "file",
	.submit = file_submit,
	.cancel = file_cancel,
	.free = file_free,
};

/* Signals are for the thread of the loop. 0 or an errno. */
static int start_workers(struct file_store *fs)
{
	pthread_attr_t attr;
	sigset_t all, old;
	int err = 0;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	while (!err && fs->nr_workers < THREADS) {
		struct worker *w = &fs->workers[fs->nr_workers];

		w->fs = fs;
		err = pthread_create(&w->thread, &attr, worker_main, w);
		if (!err)
			fs->nr_workers++;
	}
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attr);
	return err;
}

static int start(struct file_store *fs)
{
	int ret;

	fs->answered.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (fs->answered.fd < 0)
		return errno;
	fs->answered.ready = answered;
	fs->answered.events = EPOLLIN;
	fs->answered.data = fs;
	ret = lc_loop_watch(fs->store.loop, &fs->answered);
	return ret ? -ret : start_workers(fs);
}

struct lc_store *lc_store_file_new(struct lc_loop *loop, const char *path, char *why)
{
	struct file_store *fs = calloc(1, sizeof(*fs));
	int err;

	if (!fs) {
		snprintf(why, LC_STORE_WHY_MAX, "out of memory");
		return NULL;
	}
	if (lc_file_dir_open(&fs->dir, path, why)) {
		free(fs);
		return NULL;
	}
	fs->store.ops = &file_ops;
	fs->store.loop = loop;
	fs->answered.fd = -1;
	pthread_mutex_init(&fs->lock, NULL);
	pthread_cond_init(&fs->wake, NULL);
	err = start(fs);
	if (err) {
		snprintf(why, LC_STORE_WHY_MAX, "cannot start threads for %.100s: %s", path,
			 strerror(err));
		file_free(&fs->store);
		return NULL;
	}
	return &fs->store;
}
