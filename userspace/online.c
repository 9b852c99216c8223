// SPDX-License-Identifier: GPL-2.0-only
/* flush, drain, scrub, query: messages to a volume that runs. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ctl.h"
#include "dm.h"
#include "online.h"
#include "format.h"
#include "status.h"

#define POLL_MS		200

static void sleep_ms(unsigned int ms)
{
	struct timespec ts = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000l };

	nanosleep(&ts, NULL);
}

/*
 * Writes go on meanwhile, so "nothing dirty" may never come: what counts is
 * that the origin has everything below @lsn, the end of the log at the start.
 */
static bool written_back(const struct status *s, u64 lsn)
{
	if (status_get(s, "flush_done"))
		return status_num(s, "flush_done");
	return !status_num(s, "dirty_sectors") || (lsn && status_num(s, "clean_lsn") >= lsn);
}

static int gave_up(const char *name, const struct status *s, unsigned int timeout)
{
	char size[SIZE_TEXT];

	return ctl_error(CTL_FAILED,
			 "%s: %s is still not on the origin after %u s; writeback goes on, logcachectl status %s shows how",
			 name, size_text(size, status_num(s, "dirty_sectors") << LC_SECTOR_SHIFT),
			 timeout, name);
}

/* Something that goes on in the volume, to be waited for. */
struct wait {
	const char *what;
	unsigned int timeout;	/* seconds, 0: none */
	bool started;
	u64 total;		/* to do; from the first status on */
	u64 lsn;		/* writeback: the end of the log at the start */
	/* Has it come to its end? *@done: how far it is. */
	bool (*over)(struct wait *w, const struct status *s, u64 *done);
};

/* Return: 0, -ETIMEDOUT, or an exit status. The caller frees *@s, the last status. */
static int wait_for(const char *name, struct wait *w, struct status *s)
{
	time_t end = time(NULL) + w->timeout;
	struct progress p = {};
	bool over;
	u64 done;
	int ret;

	for (;; status_free(s), sleep_ms(POLL_MS)) {
		ret = status_of(s, name);
		if (ret)
			break;
		over = w->over(w, s, &done);
		if (!w->started)
			progress_start(&p, w->what, w->total);
		w->started = true;
		if (over)
			break;
		if (w->timeout && time(NULL) >= end) {
			ret = -ETIMEDOUT;
			break;
		}
		progress_show(&p, done);
	}
	progress_end(&p);
	return ret;
}

static bool writeback_over(struct wait *w, const struct status *s, u64 *done)
{
	u64 dirty = status_num(s, "dirty_sectors");

	if (!w->started) {
		w->total = dirty;
		w->lsn = status_num(s, "next_lsn");
	}
	*done = w->total > dirty ? w->total - dirty : 0;
	return written_back(s, w->lsn);
}

static int wait_written_back(const char *name, unsigned int timeout)
{
	struct wait w = { .what = "writing back", .timeout = timeout, .over = writeback_over };
	struct status s;
	int ret = wait_for(name, &w, &s);

	if (ret == -ETIMEDOUT)
		ret = gave_up(name, &s, timeout);
	status_free(&s);
	return ret;
}

int write_back(const char *name, const char *message, unsigned int timeout)
{
	return dm_message(name, message, NULL) ?: wait_written_back(name, timeout);
}

static int cmd_write_back(const struct ctl *ctl, const char *message)
{
	const char *text = ctl_get(ctl, "timeout");
	u64 timeout = 0;
	int ret;

	if (text && (!parse_u64(text, &timeout) || timeout > 0x7fffffff))
		return ctl_error(CTL_USAGE, "%s: --timeout is a number of seconds, not '%s'",
				 message, text);
	ret = write_back(ctl_arg(ctl, 0), message, timeout);
	if (!ret)
		printf("%s: everything is on the origin.\n", ctl_arg(ctl, 0));
	return ret;
}

int cmd_flush(const struct ctl *ctl)
{
	return cmd_write_back(ctl, "flush");
}

int cmd_drain(const struct ctl *ctl)
{
	return cmd_write_back(ctl, "drain");
}

static int scrub_result(const char *name, const struct status *s, u64 errors)
{
	u64 lost = status_num(s, "damaged_sectors");

	if (status_num(s, "scrub_segments") < status_num(s, "segments"))
		return ctl_error(CTL_FAILED, "%s: the scrub was stopped", name);
	if (lost)
		ctl_error(0, "%s: %llu sectors are damaged; the kernel log names them", name, lost);
	errors = status_num(s, "scrub_errors") - errors;
	if (errors)
		return ctl_error(CTL_FAILED, "%s: %llu errors; the kernel log has them", name,
				 errors);
	printf("%s: all that is cached is as it should be.\n", name);
	return lost ? CTL_FAILED : CTL_OK;
}

static bool scrub_over(struct wait *w, const struct status *s, u64 *done)
{
	w->total = status_num(s, "segments");
	*done = status_num(s, "scrub_segments");
	return !status_num(s, "scrub_running");
}

static int wait_scrubbed(const char *name, u64 errors)
{
	struct wait w = { .what = "verifying segments", .over = scrub_over };
	struct status s;
	int ret = wait_for(name, &w, &s);

	if (!ret)
		ret = scrub_result(name, &s, errors);
	status_free(&s);
	return ret;
}

int cmd_scrub(const struct ctl *ctl)
{
	const char *name = ctl_arg(ctl, 0);
	struct status s;
	u64 errors;
	int ret;

	if (ctl_has(ctl, "stop"))
		return dm_message(name, "scrub stop", NULL);
	ret = status_of(&s, name);
	if (ret)
		return ret;
	errors = status_num(&s, "scrub_errors");
	status_free(&s);
	ret = dm_message(name, "scrub", NULL);
	return ret || ctl_has(ctl, "background") ? ret : wait_scrubbed(name, errors);
}

int cmd_query(const struct ctl *ctl)
{
	const char *name = ctl_arg(ctl, 0);
	char *text, *reply;
	u64 sector;
	int ret;

	if (!parse_u64(ctl_arg(ctl, 1), &sector))
		return ctl_error(CTL_USAGE, "query: '%s' is no sector number", ctl_arg(ctl, 1));
	text = xasprintf("query %llu", sector);
	ret = dm_message(name, text, &reply);
	free(text);
	if (!ret)
		printf("%s\n", reply && *reply ? reply : "nothing");
	if (!ret)
		free(reply);
	return ret;
}
