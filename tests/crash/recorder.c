// SPDX-License-Identifier: GPL-2.0
#include <endian.h>
#include <errno.h>
#include <linux/nbd.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "recorder.h"

/* Newer than the uapi header of the oldest system this is built on. */
#define CMD_WRITE_ZEROES	6
#define FLAG_SEND_WRITE_ZEROES	(1 << 6)

#define MAX_PENDING	64
#define MAX_REQUEST	(32u << 20)

struct request {
	struct nbd_request wire;
	struct dev_op op;	/* type OP_READ included */
	size_t index;		/* in the history */
	bool recorded;
	int error;
};

struct recorder {
	struct recorder_opts opts;
	int fd, kernel_fd;
	pthread_t thread;
	pthread_mutex_t lock;		/* the three below */
	struct image *img;
	struct history *rec;
	unsigned int max_delay_us;
	struct rng rng;			/* the thread's own, like all below */
	struct request pending[MAX_PENDING];
	unsigned int nr_pending;
};

static bool read_all(int fd, void *buf, size_t bytes)
{
	while (bytes) {
		ssize_t got = read(fd, buf, bytes);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		buf = (uint8_t *)buf + got;
		bytes -= (size_t)got;
	}
	return true;
}

static bool write_all(int fd, const void *buf, size_t bytes)
{
	while (bytes) {
		ssize_t put = send(fd, buf, bytes, MSG_NOSIGNAL);

		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			return false;
		buf = (const uint8_t *)buf + put;
		bytes -= (size_t)put;
	}
	return true;
}

static int op_type_of(uint32_t command)
{
	switch (command) {
	case NBD_CMD_READ:	return OP_READ;
	case NBD_CMD_WRITE:	return OP_WRITE;
	case NBD_CMD_FLUSH:	return OP_FLUSH;
	case NBD_CMD_TRIM:	return OP_DISCARD;
	case CMD_WRITE_ZEROES:	return OP_ZERO;
	default:		return -1;
	}
}

static void decode_op(struct recorder *r, struct request *req, uint32_t type)
{
	struct dev_op *op = &req->op;

	op->dev = (uint8_t)r->opts.dev;
	op->type = (uint8_t)op_type_of(type & 0xffff);
	op->fua = type & NBD_CMD_FLAG_FUA;
	if (op->type != OP_FLUSH) {
		op->sector = be64toh(req->wire.from) / SECTOR_SIZE;
		op->nr = be32toh(req->wire.len) / SECTOR_SIZE;
	}
	if (op->nr > r->opts.sectors || op->sector > r->opts.sectors - op->nr)
		req->error = EINVAL;
}

static void note_arrival(struct recorder *r, struct request *req)
{
	pthread_mutex_lock(&r->lock);
	if (!r->img)
		req->error = EIO;
	req->recorded = r->rec && !req->error && req->op.type != OP_READ;
	if (req->recorded)
		req->index = history_arrive(r->rec, &req->op);
	pthread_mutex_unlock(&r->lock);
}

/* False: the kernel has hung up. */
static bool receive(struct recorder *r)
{
	struct request *req = &r->pending[r->nr_pending];
	uint32_t type, len;

	memset(req, 0, sizeof(*req));
	if (!read_all(r->fd, &req->wire, sizeof(req->wire)))
		return false;
	type = be32toh(req->wire.type);
	len = be32toh(req->wire.len);
	if (be32toh(req->wire.magic) != NBD_REQUEST_MAGIC || op_type_of(type & 0xffff) < 0)
		return false;
	decode_op(r, req, type);
	if (req->op.type == OP_WRITE) {
		if (len > MAX_REQUEST)
			die("nbd: a request of %u bytes", len);
		req->op.data = xalloc_pages(len);
		if (!read_all(r->fd, req->op.data, len))
			return false;
	}
	note_arrival(r, req);
	r->nr_pending++;
	return true;
}

/* Its effect, and for a read its data, now. */
static void perform(struct recorder *r, struct request *req)
{
	pthread_mutex_lock(&r->lock);
	if (req->op.type == OP_READ && !req->error) {
		req->op.data = xalloc_pages((size_t)req->op.nr * SECTOR_SIZE);
		image_read(r->img, req->op.sector, req->op.nr, req->op.data);
	} else if (!req->error) {
		device_apply(&r->opts.model, r->img, &req->op);
	}
	if (req->recorded)
		history_complete(r->rec, req->index);
	pthread_mutex_unlock(&r->lock);
}

static bool reply(struct recorder *r, const struct request *req)
{
	struct nbd_reply wire = {
		.magic = htobe32(NBD_REPLY_MAGIC), .error = htobe32((uint32_t)req->error),
	};

	memcpy(wire.handle, req->wire.handle, sizeof(wire.handle));
	if (!write_all(r->fd, &wire, sizeof(wire)))
		return false;
	return req->op.type != OP_READ || req->error ||
	       write_all(r->fd, req->op.data, (size_t)req->op.nr * SECTOR_SIZE);
}

static bool complete_one(struct recorder *r)
{
	unsigned int pick = (unsigned int)rng_below(&r->rng, r->nr_pending);
	struct request req = r->pending[pick];
	bool ok;

	r->pending[pick] = r->pending[--r->nr_pending];
	perform(r, &req);
	ok = reply(r, &req);
	free(req.op.data);
	return ok;
}

static bool more_to_receive(struct recorder *r)
{
	struct pollfd pfd = { .fd = r->fd, .events = POLLIN };
	struct timespec wait = { 0 };
	unsigned int max_us;

	if (r->nr_pending == MAX_PENDING)
		return false;
	pthread_mutex_lock(&r->lock);
	max_us = r->max_delay_us;
	pthread_mutex_unlock(&r->lock);
	if (max_us)
		wait.tv_nsec = (long)rng_below(&r->rng, max_us) * 1000;
	return ppoll(&pfd, 1, r->nr_pending ? &wait : NULL, NULL) > 0;
}

static void *serve(void *arg)
{
	struct recorder *r = arg;
	bool ok = true;

	while (ok)
		ok = more_to_receive(r) ? receive(r) : !r->nr_pending || complete_one(r);
	/* Tells the kernel's end, so that nobody waits for an answer. */
	shutdown(r->fd, SHUT_RDWR);
	return NULL;
}

/* A whole reply should fit, or each one costs many switches between the two ends. */
static void enlarge_buffer(int fd)
{
	int bytes = 8 << 20;

	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes)))
		printf("# socket buffer stays small: %s\n", strerror(errno));
}

struct recorder *recorder_new(const struct recorder_opts *opts)
{
	struct recorder *r = xcalloc(1, sizeof(*r));
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds))
		die("socketpair: %s", strerror(errno));
	enlarge_buffer(fds[0]);
	enlarge_buffer(fds[1]);
	r->opts = *opts;
	r->fd = fds[0];
	r->kernel_fd = fds[1];
	r->rng.state = opts->seed;
	pthread_mutex_init(&r->lock, NULL);
	if (pthread_create(&r->thread, NULL, serve, r))
		die("cannot start the recorder's thread");
	return r;
}

void recorder_free(struct recorder *r)
{
	shutdown(r->fd, SHUT_RDWR);
	pthread_join(r->thread, NULL);
	while (r->nr_pending)
		free(r->pending[--r->nr_pending].op.data);
	close(r->fd);
	close(r->kernel_fd);
	pthread_mutex_destroy(&r->lock);
	free(r);
}

int recorder_socket(const struct recorder *r)
{
	return r->kernel_fd;
}

unsigned int recorder_flags(const struct recorder *r)
{
	unsigned int flags = NBD_FLAG_HAS_FLAGS | NBD_FLAG_SEND_TRIM | FLAG_SEND_WRITE_ZEROES;

	if (r->opts.model.volatile_cache)
		flags |= NBD_FLAG_SEND_FLUSH | NBD_FLAG_SEND_FUA;
	return flags;
}

void recorder_serve(struct recorder *r, struct image *img, struct history *rec,
		    unsigned int max_delay_us)
{
	pthread_mutex_lock(&r->lock);
	r->img = img;
	r->rec = rec;
	r->max_delay_us = max_delay_us;
	pthread_mutex_unlock(&r->lock);
}
