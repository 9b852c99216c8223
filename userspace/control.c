// SPDX-License-Identifier: GPL-2.0-only
#include "control.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "ctl.h"
#include "logcached/control.h"

/*----------------------------------------------------------------
 * The line
 *----------------------------------------------------------------
 */

/* -ENOTCONN: nobody listens. */
static int dial(int *fd)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	const char *dir = getenv("LOGCACHE_RUN_DIR") ?: LC_RUN_DIR;
	int n;

	n = snprintf(to.sun_path, sizeof(to.sun_path), "%s/%s", dir, LC_CONTROL_NAME);
	if (n >= sizeof(to.sun_path))
		return ctl_error(CTL_FAILED, "%s: the name is too long for a socket", dir);
	*fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (*fd < 0)
		return ctl_error(CTL_FAILED, "no socket: %s", strerror(errno));
	if (!connect(*fd, (struct sockaddr *)&to, sizeof(to)))
		return CTL_OK;
	n = errno;
	close(*fd);
	if (n == ENOENT || n == ECONNREFUSED)
		return -ENOTCONN;
	return ctl_error(CTL_FAILED, "%s: logcached cannot be asked: %s", to.sun_path,
			 n == EACCES ? "only root may" : strerror(n));
}

static bool send_line(int fd, const json_t *request)
{
	char *line = json_dumps(request, JSON_COMPACT);
	size_t len = line ? strlen(line) : 0, at = 0;
	ssize_t n = 1;

	if (line)
		line[len++] = '\n';
	for (; at < len && n > 0; at += n)
		n = send(fd, line + at, len - at, MSG_NOSIGNAL);
	free(line);
	return len && n > 0;
}

/* One line, for the caller to free; NULL: there is none. */
static char *receive_line(int fd)
{
	char *line = xcalloc(1, LC_CONTROL_LINE_MAX);
	size_t at = 0;
	ssize_t n;

	do {
		n = read(fd, line + at, LC_CONTROL_LINE_MAX - 1 - at);
		if (n > 0)
			at += n;
	} while (n > 0 && !memchr(line + at - n, '\n', n));
	if (n > 0)
		return line;
	free(line);
	return NULL;
}

static json_t *exchange(int fd, const json_t *request)
{
	json_t *answer = NULL;
	char *line;

	if (!send_line(fd, request))
		return NULL;
	line = receive_line(fd);
	if (line)
		answer = json_loads(line, 0, NULL);
	free(line);
	return answer;
}

/*----------------------------------------------------------------
 * Requests
 *----------------------------------------------------------------
 */

json_t *control_request(const char *cmd, const u8 *uuid)
{
	json_t *request = json_object();
	char text[UUID_TEXT];

	json_set_str(request, "cmd", cmd);
	if (uuid)
		json_set_str(request, "volume", uuid_text(text, uuid));
	return request;
}

int control_refused(const json_t *request, const json_t *answer)
{
	const char *error = json_string_value(json_object_get(answer, "error"));
	const char *cmd = json_string_value(json_object_get(request, "cmd"));
	const char *volume = json_string_value(json_object_get(request, "volume"));

	if (!answer)
		error = "it gave no answer; its log (journalctl -u logcached) says more";
	return ctl_error(CTL_FAILED, "%s%slogcached: %s: %s", volume ?: "", volume ? ": " : "",
			 cmd, error ?: "an answer that means nothing");
}

int control_try(const json_t *request, json_t **answer)
{
	json_int_t err;
	int fd, ret;

	*answer = NULL;
	ret = dial(&fd);
	if (ret)
		return ret;
	*answer = exchange(fd, request);
	close(fd);
	if (json_is_true(json_object_get(*answer, "ok")))
		return CTL_OK;
	err = json_integer_value(json_object_get(*answer, "errno"));
	return err > 0 && err < 4096 ? -err : -EIO;
}

int control_ask(json_t *request, json_t **answer)
{
	json_t *got;
	int ret = control_try(request, &got);

	if (ret < 0 && ret != -ENOTCONN)
		ret = control_refused(request, got);
	json_decref(request);
	if (!ret && answer)
		*answer = got;
	else
		json_decref(got);
	return ret;
}

int control_call(json_t *request, json_t **answer)
{
	int ret = control_ask(request, answer);

	if (ret == -ENOTCONN)
		ret = ctl_error(CTL_FAILED, "no logcached runs; systemctl start logcached");
	return ret;
}

bool control_running(void)
{
	int fd;

	if (dial(&fd))
		return false;
	close(fd);
	return true;
}

int control_reload(void)
{
	int ret = control_ask(control_request("reload", NULL), NULL);

	return ret == -ENOTCONN ? CTL_OK : ret;
}
