/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CTL_ONLINE_H
#define CTL_ONLINE_H

/*
 * Send @message ("flush" or "drain") to a volume and wait, with a progress bar,
 * until what was dirty then is on the origin. @timeout in seconds, 0 is for
 * ever. Complains itself; an exit status.
 */
int write_back(const char *name, const char *message, unsigned int timeout);

#endif /* CTL_ONLINE_H */
