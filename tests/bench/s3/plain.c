// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a store gives a client that has nothing else to do: objects put, ranges got, so many at a
 * time. For comparison with a volume, in the same run.
 *
 *   plain URL [OPTION=VALUE]... -- put COUNT BYTES IN_FLIGHT
 *                                  get COUNT BYTES IN_FLIGHT      of those objects, in order
 *                                  random COUNT BYTES IN_FLIGHT   4 KiB-aligned anywhere in them
 *                                  remove
 *
 * Prints one line a command: seconds, MiB/s, median and 99th percentile of a request in ms.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "store/loop.h"
#include "store/open.h"

#define OBJECTS_MAX	4096u
#define SLOTS_MAX	64u

struct slot {
	struct lc_store_req req;
	struct iovec iov;
	double begin;
	char *buf;
};

static struct {
	struct lc_loop *loop;
	struct lc_store *store;
	struct slot slots[SLOTS_MAX];
	unsigned int objects;
	size_t object_bytes;
	/* The command. */
	unsigned int count, begun, ended;
	size_t bytes;
	enum lc_store_op op;
	bool random;
	double *took;
} b;

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static void die(const char *what)
{
	fprintf(stderr, "plain: %s\n", what);
	exit(1);
}

static void start(struct slot *s);

static void done(struct lc_store_req *req)
{
	struct slot *s = req->data;

	if (req->status != LC_STORE_OK)
		die(req->why);
	b.took[b.ended++] = now() - s->begin;
	if (b.begun < b.count)
		start(s);
	else if (b.ended == b.count)
		lc_loop_stop(b.loop);
}

/* The next range of the objects, one behind the other; or any. */
static void aim(struct slot *s, unsigned int n)
{
	unsigned int per_object = b.object_bytes / b.bytes;
	unsigned int object = n / per_object % b.objects;

	s->req.offset = (uint64_t)(n % per_object) * b.bytes;
	if (b.random) {
		object = rand() % b.objects;
		s->req.offset = rand() % (b.object_bytes / b.bytes) * b.bytes;
	}
	s->req.len = b.bytes;
	s->req.buf = s->buf;
	s->req.buf_len = b.bytes;
	snprintf(s->req.key, sizeof(s->req.key), "plain/%06u", object);
}

static void start(struct slot *s)
{
	unsigned int n = b.begun++;

	memset(&s->req, 0, sizeof(s->req));
	s->req.op = b.op;
	s->req.done = done;
	s->req.data = s;
	if (b.op == LC_STORE_GET) {
		aim(s, n);
	} else {
		snprintf(s->req.key, sizeof(s->req.key), "plain/%06u", n);
		s->iov = (struct iovec){ s->buf, b.bytes };
		s->req.iov = &s->iov;
		s->req.nr_iov = b.op == LC_STORE_PUT;
	}
	s->begin = now();
	b.store->ops->submit(b.store, &s->req);
}

static int compare(const void *a, const void *c)
{
	double x = *(const double *)a, y = *(const double *)c;

	return (x > y) - (x < y);
}

static void run(const char *name, enum lc_store_op op, unsigned int count, size_t bytes,
		unsigned int in_flight)
{
	double begin, end;
	unsigned int i;

	b.op = op;
	b.count = count;
	b.bytes = bytes;
	b.begun = b.ended = 0;
	b.took = calloc(count, sizeof(*b.took));
	for (i = 0; i < in_flight; i++) {
		free(b.slots[i].buf);
		b.slots[i].buf = malloc(bytes + 1);
		if (!b.slots[i].buf || !b.took)
			die("memory");
		memset(b.slots[i].buf, 'x' + i, bytes);
	}
	begin = now();
	for (i = 0; i < in_flight && b.begun < count; i++)
		start(&b.slots[i]);
	lc_loop_run(b.loop);
	end = now() - begin;
	qsort(b.took, count, sizeof(*b.took), compare);
	printf("%s %u x %zu: %.3f s, %.2f MiB/s, %.3f ms, %.3f ms\n", name, count, bytes, end,
	       count * (double)bytes / end / (1 << 20), b.took[count / 2] * 1e3,
	       b.took[count - 1 - count / 100] * 1e3);
	free(b.took);
}

static size_t number(const char *text)
{
	char *end;
	size_t n = text ? strtoull(text, &end, 0) : 0;

	if (!n || *end)
		die("a number is wanted");
	return n;
}

static void command(char **argv, int argc)
{
	unsigned int n, in_flight;
	size_t bytes;

	if (!strcmp(argv[0], "remove")) {
		run("remove", LC_STORE_DELETE, b.objects, 0, 8);
		return;
	}
	if (argc < 4)
		die("COUNT BYTES IN_FLIGHT are wanted");
	n = number(argv[1]);
	bytes = number(argv[2]);
	in_flight = number(argv[3]);
	if (in_flight > SLOTS_MAX || n > 10000000)
		die("too many");
	if (!strcmp(argv[0], "put")) {
		if (n > OBJECTS_MAX)
			die("too many");
		b.objects = n;
		b.object_bytes = bytes;
		run("put", LC_STORE_PUT, n, bytes, in_flight);
	} else {
		if (!b.objects || bytes > b.object_bytes)
			die("put comes first");
		b.random = !strcmp(argv[0], "random");
		run(argv[0], LC_STORE_GET, n, bytes, in_flight);
	}
}

int main(int argc, char **argv)
{
	char why[LC_STORE_WHY_MAX], *value;
	struct lc_store_cfg cfg;
	int i;

	setvbuf(stdout, NULL, _IOLBF, 0);
	lc_store_cfg_init(&cfg);
	if (argc < 4 || lc_store_cfg_url(&cfg, argv[1], why))
		die("plain URL [OPTION=VALUE]... -- COMMAND...");
	for (i = 2; i < argc && strcmp(argv[i], "--"); i++) {
		value = strchr(argv[i], '=');
		if (!value)
			die(argv[i]);
		*value = '\0';
		if (lc_store_cfg_set(&cfg, argv[i], value + 1, why))
			die(why);
	}
	if (lc_store_cfg_finish(&cfg, why))
		die(why);
	b.loop = lc_loop_new();
	b.store = lc_store_open(b.loop, &cfg, why);
	if (!b.store)
		die(why);
	for (i++; i < argc; i += strcmp(argv[i], "remove") ? 4 : 1)
		command(argv + i, argc - i);
	b.store->ops->free(b.store);
	return 0;
}
