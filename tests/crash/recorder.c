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

#define MAX_PENDING	128
#define INPUT_BYTES	(1u << 20)
#define MAX_PIECES	1024	/* of one sendmsg(), IOV_MAX */
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
	uint8_t *input;			/* received, not yet looked at: [at, end) */
	size_t input_at, input_end;
	struct nbd_reply reply[MAX_PENDING];
	unsigned int nr_replies;	/* not yet sent; what they consist of: */
	struct iovec piece[MAX_PIECES];
	unsigned int nr_pieces;
};

static ssize_t read_some(int fd, void *buf, size_t bytes)
{
	ssize_t got;

	do {
		got = read(fd, buf, bytes);
	} while (got < 0 && errno == EINTR);
	return got;
}

/* Requests are many and small: one system call takes as many as there are. */
static bool read_all(struct recorder *r, void *buf, size_t bytes)
{
	uint8_t *out = buf;

	while (bytes) {
		size_t part = (size_t)min_u64(bytes, r->input_end - r->input_at);
		bool direct = bytes - part >= INPUT_BYTES;
		ssize_t got;

		memcpy(out, r->input + r->input_at, part);
		r->input_at += part;
		out += part;
		bytes -= part;
		if (!bytes)
			break;
		got = read_some(r->fd, direct ? out : r->input, direct ? bytes : INPUT_BYTES);
		if (got <= 0)
			return false;
		if (direct) {
			out += got;
			bytes -= (size_t)got;
		} else {
			r->input_at = 0;
			r->input_end = (size_t)got;
		}
	}
	return true;
}

/* Drop what has been sent from the front of the pieces. */
static struct iovec *skip_sent(struct iovec *piece, unsigned int *nr, size_t sent)
{
	while (*nr && sent >= piece->iov_len) {
		sent -= piece->iov_len;
		piece++;
		--*nr;
	}
	if (*nr) {
		piece->iov_base = (uint8_t *)piece->iov_base + sent;
		piece->iov_len -= sent;
	}
	return piece;
}

static bool send_replies(struct recorder *r)
{
	struct iovec *piece = r->piece;
	unsigned int nr = r->nr_pieces;

	r->nr_pieces = 0;
	r->nr_replies = 0;
	while (nr) {
		struct msghdr msg = { .msg_iov = piece, .msg_iovlen = nr };
		ssize_t put = sendmsg(r->fd, &msg, MSG_NOSIGNAL);

		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			return false;
		piece = skip_sent(piece, &nr, (size_t)put);
	}
	return true;
}

/* May send replies to make room. */
static bool add_piece(struct recorder *r, const void *data, size_t bytes)
{
	if (r->nr_pieces == MAX_PIECES && !send_replies(r))
		return false;
	r->piece[r->nr_pieces++] = (struct iovec) { (void *)data, bytes };
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
	if (!read_all(r, &req->wire, sizeof(req->wire)))
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
		if (!read_all(r, req->op.data, len))
			return false;
	}
	note_arrival(r, req);
	r->nr_pending++;
	return true;
}

static bool reply_header(struct recorder *r, const struct request *req)
{
	struct nbd_reply *wire;

	if ((r->nr_replies == MAX_PENDING || r->nr_pieces == MAX_PIECES) && !send_replies(r))
		return false;
	wire = &r->reply[r->nr_replies++];
	*wire = (struct nbd_reply) {
		.magic = htobe32(NBD_REPLY_MAGIC), .error = htobe32((uint32_t)req->error),
	};
	memcpy(wire->handle, req->wire.handle, sizeof(wire->handle));
	return add_piece(r, wire, sizeof(*wire));
}

/* The pages go to the socket from where they are: no write may come between. */
static bool reply_data(struct recorder *r, const struct request *req)
{
	uint64_t sector = req->op.sector;
	uint32_t left = req->op.nr, nr;

	for (; left; left -= nr, sector += nr) {
		const void *data;

		nr = left;
		data = image_peek(r->img, sector, &nr);
		if (!add_piece(r, data, (size_t)nr * SECTOR_SIZE))
			return false;
	}
	return true;
}

/* Its effect, now, and its reply, which may wait to be sent together with others. */
static bool perform(struct recorder *r, const struct request *req)
{
	bool ok = true;

	if (req->op.type != OP_READ)
		ok = send_replies(r);
	pthread_mutex_lock(&r->lock);
	if (!req->error && req->op.type != OP_READ)
		device_apply(&r->opts.model, r->img, &req->op);
	if (req->recorded)
		history_complete(r->rec, req->index);
	ok = ok && reply_header(r, req);
	if (req->op.type == OP_READ && !req->error)
		ok = ok && reply_data(r, req);
	pthread_mutex_unlock(&r->lock);
	return ok;
}

static bool complete_one(struct recorder *r)
{
	unsigned int pick = (unsigned int)rng_below(&r->rng, r->nr_pending);
	struct request req = r->pending[pick];
	bool ok;

	r->pending[pick] = r->pending[--r->nr_pending];
	ok = perform(r, &req);
	free(req.op.data);
	return ok;
}

/* In random order; one at a time if more may come and mix with the rest. */
static bool complete_some(struct recorder *r, bool all)
{
	bool ok = true;

	do {
		ok = complete_one(r);
	} while (ok && all && r->nr_pending);
	return send_replies(r) && ok;
}

/* *hurry: nothing is to be held back. */
static bool more_to_receive(struct recorder *r, bool *hurry)
{
	struct pollfd pfd = { .fd = r->fd, .events = POLLIN };
	struct timespec wait = { 0 };
	unsigned int max_us;

	pthread_mutex_lock(&r->lock);
	max_us = r->max_delay_us;
	pthread_mutex_unlock(&r->lock);
	*hurry = !max_us;
	if (r->nr_pending == MAX_PENDING)
		return false;
	if (r->input_at < r->input_end || !r->nr_pending)
		return true;
	if (*hurry)
		return false;
	wait.tv_nsec = (long)rng_below(&r->rng, max_us) * 1000;
	return ppoll(&pfd, 1, &wait, NULL) > 0;
}

static void *serve(void *arg)
{
	struct recorder *r = arg;
	bool ok = true, hurry;

	while (ok)
		ok = more_to_receive(r, &hurry) ? receive(r) : complete_some(r, hurry);
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
	r->input = xalloc_pages(INPUT_BYTES);
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
	free(r->input);
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
