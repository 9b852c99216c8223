/* SPDX-License-Identifier: GPL-2.0-only */
/* The control socket: control.h says what goes over it, command.h carries it out. */
#ifndef LC_SERVER_H
#define LC_SERVER_H

struct lc_daemon;
struct lc_server;

#define LC_SERVER_WHY_MAX	256u

/* NULL with a text: also if another logcached answers there, and is not to be replaced. */
struct lc_server *lc_server_new(struct lc_daemon *d, char why[LC_SERVER_WHY_MAX]);
/* Volumes are gone. The socket stays if another logcached has put its own there. */
void lc_server_free(struct lc_server *s);

#endif /* LC_SERVER_H */
