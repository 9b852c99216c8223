/* SPDX-License-Identifier: GPL-2.0-only */
/* What a volume does, as JSON and for Prometheus; one table has both. */
#ifndef LC_METRICS_H
#define LC_METRICS_H

#include <jansson.h>

struct lc_daemon;
struct lc_serve;

/* As in control.h; a new reference. */
json_t *lc_metrics_volume(const struct lc_serve *sv);
/* Of those that volumes use, and of those with a limit; a new reference. */
json_t *lc_metrics_buckets(const struct lc_daemon *d);
/* Of all volumes, in the exposition format; a new reference. */
json_t *lc_metrics_text(const struct lc_daemon *d);

#endif /* LC_METRICS_H */
