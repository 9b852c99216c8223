// SPDX-License-Identifier: GPL-2.0
/*
 * work DEVICE HISTORY SEED OPS SPAN_MIB JOURNAL COMMAND: the workload of the power-cut
 * test on a volume that reads as zeroes, every read of it checked, in four parts. After
 * each of them COMMAND has all of it uploaded, which is noted in the journal. In the end all
 * of the volume is read, and the history is saved.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bdev.h"
#include "journal.h"
#include "stamp.h"
#include "util.h"
#include "workload.h"

#define CHUNK	2048u
#define PARTS	4u

static uint64_t number(const char *text)
{
	char *end;
	uint64_t n = strtoull(text, &end, 0);

	if (!*text || *end)
		die("%s: not a number", text);
	return n;
}

static unsigned int compare(struct bdev *dev, const uint64_t *values, uint64_t sectors,
			    uint64_t salt)
{
	uint8_t *buf = xalloc_pages(CHUNK * SECTOR_SIZE);
	unsigned int wrong = 0;
	uint64_t s;

	for (s = 0; s < sectors; s++) {
		if (s % CHUNK == 0 && bdev_vol_ops.read(dev, 0, s, CHUNK, buf))
			die("sector %" PRIu64 " cannot be read", s);
		if (stamp_value(buf + s % CHUNK * SECTOR_SIZE, s, salt) == values[s])
			continue;
		if (!wrong++)
			printf("# sector %" PRIu64 " is not what was written there\n", s);
	}
	free(buf);
	return wrong;
}

static void upload_all(struct history *h, const char *journal, const char *command)
{
	struct journal_entry e = {
		.magic = JOURNAL_MAGIC, .what = JOURNAL_UPLOADED, .id = history_now(h) + 1,
	};
	int fd;

	if (system(command))
		die("%s failed", command);
	fd = open(journal, O_WRONLY | O_APPEND | O_CLOEXEC);
	if (fd < 0 || write(fd, &e, sizeof(e)) != sizeof(e))
		die("%s: %s", journal, strerror(errno));
	close(fd);
}

int main(int argc, char **argv)
{
	struct workload_opts opts = { .workers = 2, .max_nr = 128, .check_discarded = true };
	struct workload_result res;
	struct history *h = history_new(0);
	struct bdev *dev = bdev_new();
	uint64_t *values, written = 0;

	if (argc != 8)
		die("usage: work DEVICE HISTORY SEED OPS SPAN_MIB JOURNAL COMMAND");
	setvbuf(stdout, NULL, _IOLBF, 0);
	opts.seed = number(argv[3]);
	opts.salt = mix64(opts.seed);
	opts.nr_ops = number(argv[4]) / PARTS;
	opts.span_sectors = opts.volume_sectors = number(argv[5]) * 2048;
	values = xcalloc(opts.span_sectors, sizeof(*values));
	memset(values, 0xff, opts.span_sectors * sizeof(*values));	/* VAL_ZERO */
	if (bdev_open(dev, argv[1]))
		die("%s cannot be opened", argv[1]);
	for (unsigned int i = 0; i < PARTS; i++, opts.seed++) {
		workload_run(h, &bdev_vol_ops, dev, &opts, values, &res);
		if (res.errors)
			die("%s", res.first_error);
		written += res.sectors_written;
		upload_all(h, argv[6], argv[7]);
	}
	if (compare(dev, values, opts.span_sectors, opts.salt))
		return 1;
	bdev_close(dev);
	if (history_save(h, argv[2]))
		die("%s cannot be written", argv[2]);
	printf("%zu operations, %" PRIu64 " MiB written\n", h->nr_vol,
	       written / 2048);
	return 0;
}
