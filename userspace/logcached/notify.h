/* SPDX-License-Identifier: GPL-2.0-only */
/* What systemd wants to know: sd_notify(3), without its library. */
#ifndef LC_NOTIFY_H
#define LC_NOTIFY_H

struct lc_loop;

/* "READY=1", ...; nothing if nobody has asked for it. */
void lc_notify(const char *state);
/* Signs of life, if they are wanted, for as long as the loop turns. */
void lc_notify_watchdog(struct lc_loop *loop);

#endif /* LC_NOTIFY_H */
