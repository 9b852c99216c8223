/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SHIM_LINUX_ERRNO_H
#define SHIM_LINUX_ERRNO_H

/* Not <errno.h>, which includes this file. */
#include <asm/errno.h>

#endif /* SHIM_LINUX_ERRNO_H */
