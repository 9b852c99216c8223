// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/nbd.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "nbd.h"

struct nbd {
	int fd;
	pthread_t thread;
	char path[32];
};

/* The ioctl returns when the device is disconnected. */
static void *keep_connected(void *arg)
{
	struct nbd *nbd = arg;

	ioctl(nbd->fd, NBD_DO_IT);
	return NULL;
}

static bool set_up(struct nbd *nbd, struct recorder *r, uint64_t sectors)
{
	return !ioctl(nbd->fd, NBD_SET_SOCK, (unsigned long)recorder_socket(r)) &&
	       !ioctl(nbd->fd, NBD_SET_BLKSIZE, (unsigned long)SECTOR_SIZE) &&
	       !ioctl(nbd->fd, NBD_SET_SIZE_BLOCKS, (unsigned long)sectors) &&
	       !ioctl(nbd->fd, NBD_SET_FLAGS, (unsigned long)recorder_flags(r));
}

/* The size and the flags take effect somewhere inside NBD_DO_IT. */
static void wait_until_ready(struct nbd *nbd, uint64_t sectors)
{
	char pid_file[64];
	uint64_t bytes = 0;

	snprintf(pid_file, sizeof(pid_file), "/sys/block/%s/pid", strrchr(nbd->path, '/') + 1);
	while (access(pid_file, F_OK) || ioctl(nbd->fd, BLKGETSIZE64, &bytes) ||
	       bytes != sectors * SECTOR_SIZE)
		sched_yield();
}

struct nbd *nbd_attach(unsigned int number, struct recorder *r, uint64_t sectors)
{
	struct nbd *nbd = xcalloc(1, sizeof(*nbd));

	snprintf(nbd->path, sizeof(nbd->path), "/dev/nbd%u", number);
	nbd->fd = open(nbd->path, O_RDWR | O_CLOEXEC);
	if (nbd->fd < 0 || !set_up(nbd, r, sectors) ||
	    pthread_create(&nbd->thread, NULL, keep_connected, nbd)) {
		printf("# %s: %s\n", nbd->path, strerror(errno));
		if (nbd->fd >= 0)
			close(nbd->fd);
		free(nbd);
		return NULL;
	}
	wait_until_ready(nbd, sectors);
	return nbd;
}

void nbd_detach(struct nbd *nbd)
{
	ioctl(nbd->fd, NBD_DISCONNECT);
	pthread_join(nbd->thread, NULL);
	ioctl(nbd->fd, NBD_CLEAR_SOCK);
	close(nbd->fd);
	free(nbd);
}

const char *nbd_path(const struct nbd *nbd)
{
	return nbd->path;
}

void nbd_invalidate(struct nbd *nbd)
{
	if (ioctl(nbd->fd, BLKFLSBUF, 0))
		die("%s: BLKFLSBUF: %s", nbd->path, strerror(errno));
}
