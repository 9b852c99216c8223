/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SHIM_LINUX_MINMAX_H
#define SHIM_LINUX_MINMAX_H

#define min(a, b) \
	({ __auto_type a_ = (a); __auto_type b_ = (b); a_ < b_ ? a_ : b_; })
#define max(a, b) \
	({ __auto_type a_ = (a); __auto_type b_ = (b); a_ > b_ ? a_ : b_; })
#define min_t(t, a, b)		({ t at_ = (a); t bt_ = (b); at_ < bt_ ? at_ : bt_; })
#define max_t(t, a, b)		({ t at_ = (a); t bt_ = (b); at_ > bt_ ? at_ : bt_; })
#define min3(a, b, c)		min(min(a, b), c)
#define max3(a, b, c)		max(max(a, b), c)
#define clamp(v, lo, hi)	min(max(v, lo), hi)
#define clamp_t(t, v, lo, hi)	min_t(t, max_t(t, v, lo), hi)
#define swap(a, b) \
	do { __auto_type t_ = (a); (a) = (b); (b) = t_; } while (0)

#endif /* SHIM_LINUX_MINMAX_H */
