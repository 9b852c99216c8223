// SPDX-License-Identifier: GPL-2.0-only

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <libdevmapper.h>

#include "ctl.h"
#include "dm.h"

/* The library's first complaint about the task at hand; ours go to the user. */
static char lib_said[256];

static __printf(5, 6)
void lib_log(int level, const char *file __maybe_unused, int line __maybe_unused,
	     int err __maybe_unused, const char *fmt, ...)
{
	va_list ap;

	/* Levels count down to the more serious; 4 is a warning. */
	if ((level & 7) > 4 || lib_said[0])
		return;
	va_start(ap, fmt);
	vsnprintf(lib_said, sizeof(lib_said), fmt, ap);
	va_end(ap);
}

static struct dm_task *task_new(int type, const char *name)
{
	struct dm_task *t;

	dm_log_with_errno_init(lib_log);
	lib_said[0] = '\0';
	t = dm_task_create(type);
	if (t && name && !dm_task_set_name(t, name)) {
		dm_task_destroy(t);
		t = NULL;
	}
	return t;
}

/* 0, or after a complaint CTL_FAILED: there is nobody to talk to. */
static int need_dm(void)
{
	if (!access("/dev/mapper/control", F_OK))
		return CTL_OK;
	return ctl_error(CTL_FAILED, "the kernel has no device-mapper; modprobe dm-mod");
}

static int no_task(const char *name)
{
	return need_dm() ?:
	       ctl_error(CTL_FAILED, "%s: %s", name, *lib_said ? lib_said : "no device-mapper");
}

static int no_device(const char *name)
{
	return ctl_error(CTL_FAILED, "%s: there is no such device; see logcachectl list", name);
}

static int task_failed(struct dm_task *t, const char *name, const char *doing)
{
	int err = dm_task_get_errno(t);

	if (need_dm())
		return CTL_FAILED;
	if (geteuid())
		return ctl_error(CTL_FAILED, "%s: %s needs root", name, doing);
	switch (err) {
	case ENXIO:
		return no_device(name);
	case EBUSY:
		return ctl_error(CTL_FAILED, "%s: %s: is in use; unmount it first", name, doing);
	case 0:
		return ctl_error(CTL_FAILED, "%s: %s: %s", name, doing,
				 *lib_said ? lib_said : "failed");
	default:
		return ctl_error(CTL_FAILED,
				 "%s: %s: %s; the kernel log says more (dmesg | grep logcache)",
				 name, doing, strerror(err));
	}
}

/*----------------------------------------------------------------
 * The module
 *----------------------------------------------------------------
 */

static bool target_known(void)
{
	struct dm_task *t = task_new(DM_DEVICE_LIST_VERSIONS, NULL);
	struct dm_versions *v;
	bool known = false;
	u32 next = 1;

	if (t && dm_task_run(t)) {
		for (v = dm_task_get_versions(t); next; v = (void *)v + next) {
			known |= !strcmp(v->name, DM_TARGET);
			next = v->next;
		}
	}
	if (t)
		dm_task_destroy(t);
	return known;
}

static void run_modprobe(const char *module)
{
	char * const argv[] = { "modprobe", "-q", (char *)module, NULL };
	posix_spawn_file_actions_t quiet;
	int status;
	pid_t pid;

	posix_spawn_file_actions_init(&quiet);
	posix_spawn_file_actions_addopen(&quiet, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	if (!posix_spawnp(&pid, argv[0], &quiet, NULL, argv, environ))
		waitpid(pid, &status, 0);
	posix_spawn_file_actions_destroy(&quiet);
}

int dm_need_target(void)
{
	if (target_known())
		return CTL_OK;
	run_modprobe("dm-logcache");
	if (target_known())
		return CTL_OK;
	if (need_dm())
		return CTL_FAILED;
	return ctl_error(CTL_FAILED,
			 "the kernel has no target '%s', and modprobe dm-logcache did not help; build and install the module for this kernel (make modules), or insmod dm-logcache.ko",
			 DM_TARGET);
}

/*----------------------------------------------------------------
 * Names
 *----------------------------------------------------------------
 */

char *dm_device_name(const char *number)
{
	char *path = xasprintf("/sys/dev/block/%s/uevent", number), line[256];
	FILE *f = fopen(path, "r");
	char *name = NULL;

	free(path);
	while (f && !name && fgets(line, sizeof(line), f))
		if (!strncmp(line, "DEVNAME=", 8))
			name = xasprintf("/dev/%.*s", (int)strcspn(line + 8, "\n"), line + 8);
	if (f)
		fclose(f);
	return name ?: xasprintf("%s", number);
}

/*----------------------------------------------------------------
 * Create, remove
 *----------------------------------------------------------------
 */

static bool run_synced(struct dm_task *t, bool udev_sync)
{
	u32 cookie = 0;
	bool ok;

	if (!udev_sync) {
		dm_udev_set_sync_support(0);
		return dm_task_run(t);
	}
	if (!dm_task_set_cookie(t, &cookie, 0))
		return false;
	ok = dm_task_run(t);
	dm_udev_wait(cookie);
	return ok;
}

int dm_create(const char *name, u64 sectors, const char *params, bool udev_sync)
{
	struct dm_task *t = task_new(DM_DEVICE_CREATE, name);
	int ret = CTL_OK;

	if (!t)
		return no_task(name);
	if (!dm_task_add_target(t, 0, sectors, DM_TARGET, params) || !run_synced(t, udev_sync))
		ret = task_failed(t, name, "cannot be created");
	dm_task_destroy(t);
	return ret;
}

int dm_remove(const char *name, bool udev_sync)
{
	struct dm_task *t = task_new(DM_DEVICE_REMOVE, name);
	int ret = CTL_OK;

	if (!t)
		return no_task(name);
	/* udev may have it open for a moment. */
	dm_task_retry_remove(t);
	if (!run_synced(t, udev_sync))
		ret = task_failed(t, name, "cannot be removed");
	dm_task_destroy(t);
	return ret;
}

/*----------------------------------------------------------------
 * Another table
 *----------------------------------------------------------------
 */

int dm_open_count(const char *name, unsigned int *nr)
{
	struct dm_task *t = task_new(DM_DEVICE_INFO, name);
	struct dm_info info;
	int ret = CTL_OK;

	if (!t)
		return no_task(name);
	if (!dm_task_run(t))
		ret = task_failed(t, name, "cannot be asked");
	else if (!dm_task_get_info(t, &info) || !info.exists)
		ret = no_device(name);
	else
		*nr = info.open_count;
	dm_task_destroy(t);
	return ret;
}

static int run_simple(int type, const char *name, const char *doing)
{
	struct dm_task *t = task_new(type, name);
	int ret = CTL_OK;

	if (!t)
		return no_task(name);
	/* There may be no udev that would answer. */
	dm_udev_set_sync_support(0);
	if (!dm_task_run(t))
		ret = task_failed(t, name, doing);
	dm_task_destroy(t);
	return ret;
}

int dm_suspend(const char *name)
{
	return run_simple(DM_DEVICE_SUSPEND, name, "cannot be suspended");
}

int dm_resume(const char *name)
{
	return run_simple(DM_DEVICE_RESUME, name, "cannot be resumed");
}

int dm_load(const char *name, u64 sectors, const char *type, const char *params)
{
	struct dm_task *t = task_new(DM_DEVICE_RELOAD, name);
	int ret = CTL_OK;

	if (!t)
		return no_task(name);
	if (!dm_task_add_target(t, 0, sectors, type, params) || !dm_task_run(t))
		ret = task_failed(t, name, "the table cannot be loaded");
	dm_task_destroy(t);
	return ret;
}

int dm_clear(const char *name)
{
	return run_simple(DM_DEVICE_CLEAR, name, "the table that was loaded cannot be forgotten");
}

int dm_replace(const char *name, u64 sectors, const char *type, const char *params)
{
	return dm_load(name, sectors, type, params) ?: dm_suspend(name) ?: dm_resume(name);
}

/*----------------------------------------------------------------
 * Talking to a volume
 *----------------------------------------------------------------
 */

/* The first target of a device: what the task at hand was run for. */
struct target {
	u64 sectors;
	char *type;		/* NULL: no table */
	char *params;
};

static void first_target(struct dm_task *t, struct target *first)
{
	u64 start;

	*first = (struct target){};
	/* The library's 64 bits are the same by another name. */
	dm_get_next_target(t, NULL, (void *)&start, (void *)&first->sectors, &first->type,
			   &first->params);
}

int dm_message(const char *name, const char *text, char **reply)
{
	struct dm_task *t = task_new(DM_DEVICE_TARGET_MSG, name);
	const char *response;
	int ret = CTL_OK;

	if (reply)
		*reply = NULL;
	if (!t)
		return no_task(name);
	if (!dm_task_set_sector(t, 0) || !dm_task_set_message(t, text) || !dm_task_run(t)) {
		ret = task_failed(t, name, text);
	} else if (reply) {
		response = dm_task_get_message_response(t);
		if (response)
			*reply = xasprintf("%s", response);
	}
	dm_task_destroy(t);
	return ret;
}

static int read_line(int type, const char *name, u64 *sectors, char **line)
{
	struct dm_task *t = task_new(type, name);
	struct target first = {};
	struct dm_info info;
	int ret = CTL_OK;

	if (!t)
		return no_task(name);
	if (!dm_task_run(t)) {
		ret = task_failed(t, name, "cannot be asked");
	} else if (!dm_task_get_info(t, &info) || !info.exists) {
		ret = no_device(name);
	} else {
		first_target(t, &first);
		if (!first.type || strcmp(first.type, DM_TARGET))
			ret = ctl_error(CTL_FAILED, "%s: is no logcache volume (%s)", name,
					first.type ?: "no table");
	}
	if (!ret) {
		*line = xasprintf("%s", first.params ?: "");
		if (sectors)
			*sectors = first.sectors;
	}
	dm_task_destroy(t);
	return ret;
}

int dm_status(const char *name, char **line)
{
	return read_line(DM_DEVICE_STATUS, name, NULL, line);
}

int dm_table(const char *name, u64 *sectors, char **line)
{
	return read_line(DM_DEVICE_TABLE, name, sectors, line);
}

static bool is_volume(const char *name)
{
	struct dm_task *t = task_new(DM_DEVICE_TABLE, name);
	struct target first;
	bool is = false;

	if (t && dm_task_run(t)) {
		first_target(t, &first);
		is = first.type && !strcmp(first.type, DM_TARGET);
	}
	if (t)
		dm_task_destroy(t);
	return is;
}

int dm_each_volume(int (*fn)(const char *name, void *data), void *data)
{
	struct dm_task *t = task_new(DM_DEVICE_LIST, NULL);
	struct dm_names *n;
	int ret = CTL_OK;
	u32 next;

	if (!t)
		return no_task("list");
	if (!dm_task_run(t)) {
		ret = task_failed(t, "list", "devices cannot be listed");
	} else {
		n = dm_task_get_names(t);
		for (next = n && n->dev; next && !ret; n = (void *)n + next) {
			next = n->next;
			if (is_volume(n->name))
				ret = fn(n->name, data);
		}
	}
	dm_task_destroy(t);
	return ret;
}
