/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Messages: to standard error, with the priority in front if that is the journal. Each
 * one names the volume, says what is wrong and what can be done. Never a secret. Nobody
 * waits until it is read; what is said again within seconds is left out.
 */
#ifndef LC_LOG_H
#define LC_LOG_H

#include <linux/compiler.h>

/* As syslog(3) has them. */
enum lc_log_level {
	LC_LOG_ERROR = 3,
	LC_LOG_WARNING,
	LC_LOG_NOTICE,
	LC_LOG_INFO,
};

void lc_log_init(void);

/* @who: the volume; NULL: the daemon itself. No newline. */
__printf(3, 4)
void lc_log(enum lc_log_level level, const char *who, const char *fmt, ...);

#endif /* LC_LOG_H */
