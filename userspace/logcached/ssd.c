// SPDX-License-Identifier: GPL-2.0-only
#include "ssd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include <liburing.h>

#include "store/loop.h"

#define BLOCK		4096u
#define SECTOR_SHIFT	9

struct lc_ssd {
	struct lc_loop *loop;
	struct lc_watch watch;
	struct lc_timer later;
	struct io_uring ring;
	bool ring_ok;
	int fd;
	uint64_t scratch_start;
	uint64_t scratch_end;
	unsigned int depth;
	unsigned int inflight;
	unsigned int busy;
	struct lc_ssd_io *waiting;	/* for the depth, oldest first */
	struct lc_ssd_io **waiting_end;
	struct lc_ssd_io *refused;	/* to be told so from the loop */
};

/*----------------------------------------------------------------
 * Transfers
 *----------------------------------------------------------------
 */

static void finish(struct lc_ssd *ssd, struct lc_ssd_io *io, int result)
{
	ssd->busy--;
	io->result = result;
	io->done(io);
}

static void refuse_later(struct lc_ssd *ssd, struct lc_ssd_io *io, int result)
{
	io->result = result;
	io->next = ssd->refused;
	ssd->refused = io;
	lc_timer_arm(ssd->loop, &ssd->later, 0);
}

static void refuse_now(struct lc_timer *t)
{
	struct lc_ssd *ssd = t->data;
	struct lc_ssd_io *io;

	while ((io = ssd->refused)) {
		ssd->refused = io->next;
		finish(ssd, io, io->result);
	}
}

static bool start_one(struct lc_ssd *ssd, struct lc_ssd_io *io)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&ssd->ring);
	uint64_t at = io->sector << SECTOR_SHIFT;

	if (!sqe)
		return false;
	if (io->write)
		io_uring_prep_write(sqe, ssd->fd, io->buf, io->bytes, at);
	else
		io_uring_prep_read(sqe, ssd->fd, io->buf, io->bytes, at);
	io_uring_sqe_set_data(sqe, io);
	ssd->inflight++;
	return true;
}

static void start_waiting(struct lc_ssd *ssd)
{
	struct lc_ssd_io *io;

	while (ssd->inflight < ssd->depth && (io = ssd->waiting)) {
		if (!start_one(ssd, io))
			break;
		ssd->waiting = io->next;
		if (!ssd->waiting)
			ssd->waiting_end = &ssd->waiting;
	}
	/* What the kernel does not take now stays in the ring, for the next time. */
	if (io_uring_sq_ready(&ssd->ring) && io_uring_submit(&ssd->ring) < 0)
		lc_timer_arm(ssd->loop, &ssd->later, 10);
}

static bool may_write(const struct lc_ssd *ssd, const struct lc_ssd_io *io)
{
	uint64_t end = io->sector + (io->bytes >> SECTOR_SHIFT);

	return !io->write || (io->sector >= ssd->scratch_start && end <= ssd->scratch_end);
}

void lc_ssd_submit(struct lc_ssd *ssd, struct lc_ssd_io *io)
{
	ssd->busy++;
	io->next = NULL;
	if (!may_write(ssd, io)) {
		refuse_later(ssd, io, -EPERM);
		return;
	}
	*ssd->waiting_end = io;
	ssd->waiting_end = &io->next;
	start_waiting(ssd);
}

unsigned int lc_ssd_busy(const struct lc_ssd *ssd)
{
	return ssd->busy;
}

static void ring_ready(struct lc_watch *w, uint32_t events)
{
	struct lc_ssd *ssd = w->data;
	struct io_uring_cqe *cqe;
	struct lc_ssd_io *io;
	uint64_t count;
	int res;

	(void)events;
	if (read(w->fd, &count, sizeof(count)) < 0 && errno != EAGAIN)
		return;
	while (!io_uring_peek_cqe(&ssd->ring, &cqe)) {
		io = io_uring_cqe_get_data(cqe);
		res = cqe->res;
		io_uring_cqe_seen(&ssd->ring, cqe);
		ssd->inflight--;
		finish(ssd, io, res < 0 ? res : (size_t)res == io->bytes ? 0 : -EIO);
	}
	start_waiting(ssd);
}

static void later(struct lc_timer *t)
{
	refuse_now(t);
	start_waiting(t->data);
}

/*----------------------------------------------------------------
 * Open and close
 *----------------------------------------------------------------
 */

/* The kernel's name for it: links in /dev may not be there yet. */
static int open_numbers(unsigned int dev_major, unsigned int dev_minor)
{
	char path[128], line[128], name[sizeof(line)] = "";
	FILE *f;

	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/uevent", dev_major, dev_minor);
	f = fopen(path, "re");
	if (!f)
		return -errno;
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "DEVNAME=%100s", name) == 1)
			break;
	}
	fclose(f);
	if (!*name)
		return -ENODEV;
	snprintf(path, sizeof(path), "/dev/%.100s", name);
	return open(path, O_RDWR | O_DIRECT | O_CLOEXEC);
}

static const char *set_up(struct lc_ssd *ssd, unsigned int dev_major, unsigned int dev_minor)
{
	int ret;

	ssd->fd = open_numbers(dev_major, dev_minor);
	if (ssd->fd < 0)
		return "the cache device cannot be opened";
	ret = io_uring_queue_init(ssd->depth, &ssd->ring, 0);
	if (ret) {
		errno = -ret;
		return "there is no io_uring (kernel.io_uring_disabled?)";
	}
	ssd->ring_ok = true;
	ssd->watch.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (ssd->watch.fd < 0)
		return "no eventfd";
	ret = io_uring_register_eventfd(&ssd->ring, ssd->watch.fd) ?:
	      lc_loop_watch(ssd->loop, &ssd->watch);
	if (ret) {
		errno = -ret;
		return "the ring cannot be watched";
	}
	return NULL;
}

struct lc_ssd *lc_ssd_open(struct lc_loop *loop, unsigned int dev_major, unsigned int dev_minor,
			   uint64_t scratch_start, uint64_t scratch_sectors,
			   unsigned int depth, char why[LC_SSD_WHY_MAX])
{
	struct lc_ssd *ssd = calloc(1, sizeof(*ssd));
	const char *what = "out of memory";

	if (ssd) {
		ssd->loop = loop;
		ssd->fd = -1;
		ssd->watch = (struct lc_watch){
			.ready = ring_ready,
			.fd = -1,
			.events = EPOLLIN,
			.data = ssd,
		};
		ssd->later.expired = later;
		ssd->later.data = ssd;
		ssd->depth = depth;
		ssd->scratch_start = scratch_start;
		ssd->scratch_end = scratch_start + scratch_sectors;
		ssd->waiting_end = &ssd->waiting;
		what = set_up(ssd, dev_major, dev_minor);
	}
	if (!what)
		return ssd;
	snprintf(why, LC_SSD_WHY_MAX, "block device %u:%u: %s: %s", dev_major, dev_minor, what,
		 strerror(errno));
	lc_ssd_close(ssd);
	return NULL;
}

void lc_ssd_close(struct lc_ssd *ssd)
{
	if (!ssd)
		return;
	lc_timer_cancel(ssd->loop, &ssd->later);
	if (ssd->watch.fd >= 0) {
		lc_loop_unwatch(ssd->loop, &ssd->watch);
		close(ssd->watch.fd);
	}
	if (ssd->ring_ok)
		io_uring_queue_exit(&ssd->ring);
	if (ssd->fd >= 0)
		close(ssd->fd);
	free(ssd);
}

/*----------------------------------------------------------------
 * Buffers
 *----------------------------------------------------------------
 */

struct lc_bufs {
	char *mem;
	size_t bytes;
	size_t total;
	unsigned int nr_free;
	void *free[];
};

struct lc_bufs *lc_bufs_new(size_t bytes, unsigned int nr)
{
	struct lc_bufs *bufs;
	size_t total;

	bytes = (bytes + BLOCK - 1) & ~(size_t)(BLOCK - 1);
	total = bytes * nr;
	bufs = calloc(1, sizeof(*bufs) + nr * sizeof(void *));
	if (!bufs)
		return NULL;
	bufs->bytes = bytes;
	bufs->total = total;
	/* Populated and locked: there is no page fault to wait for later. */
	bufs->mem = mmap(NULL, total, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (bufs->mem == MAP_FAILED || mlock(bufs->mem, total)) {
		if (bufs->mem != MAP_FAILED)
			munmap(bufs->mem, total);
		free(bufs);
		return NULL;
	}
	while (bufs->nr_free < nr) {
		bufs->free[bufs->nr_free] = bufs->mem + bufs->nr_free * bytes;
		bufs->nr_free++;
	}
	return bufs;
}

void lc_bufs_free(struct lc_bufs *bufs)
{
	if (!bufs)
		return;
	munmap(bufs->mem, bufs->total);
	free(bufs);
}

void *lc_buf_get(struct lc_bufs *bufs)
{
	return bufs->nr_free ? bufs->free[--bufs->nr_free] : NULL;
}

void lc_buf_put(struct lc_bufs *bufs, void *buf)
{
	bufs->free[bufs->nr_free++] = buf;
}
