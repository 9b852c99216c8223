// SPDX-License-Identifier: GPL-2.0-only
/* ask SOCKET: what is on standard input goes there, and what comes back is printed. */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int copy(int from, int to)
{
	char buf[65536];
	ssize_t n;

	while ((n = read(from, buf, sizeof(buf))) > 0)
		if (write(to, buf, n) != n)
			return -1;
	return n;
}

int main(int argc, char **argv)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	if (argc != 2 || strlen(argv[1]) >= sizeof(at.sun_path))
		return 2;
	strcpy(at.sun_path, argv[1]);
	if (fd < 0 || connect(fd, (struct sockaddr *)&at, sizeof(at)))
		return 1;
	if (copy(STDIN_FILENO, fd) || shutdown(fd, SHUT_WR))
		return 1;
	return copy(fd, STDOUT_FILENO) ? 1 : 0;
}
