// SPDX-License-Identifier: GPL-2.0-only
/* A circuit breaker. */

#include <linux/kernel.h>

#include "breaker.h"

bool lc_breaker_allows(struct lc_breaker *b, uint64_t now, bool *probe)
{
	*probe = b->state == LC_BREAKER_OPEN && now >= b->until;
	if (*probe)
		b->state = LC_BREAKER_PROBING;
	return *probe || b->state == LC_BREAKER_CLOSED;
}

static void open_for(struct lc_breaker *b, uint64_t now, uint64_t ms)
{
	b->state = LC_BREAKER_OPEN;
	b->open_ms = min_t(uint64_t, ms, LC_BREAKER_OPEN_MAX_MS);
	b->until = now + b->open_ms;
	b->opened++;
}

void lc_breaker_result(struct lc_breaker *b, uint64_t now, bool probe, bool ok)
{
	if (probe && ok)
		b->state = LC_BREAKER_CLOSED;
	else if (probe)
		open_for(b, now, 2 * b->open_ms);
	/* What began before it opened is no news any more. */
	if (b->state != LC_BREAKER_CLOSED)
		return;
	b->failures = ok ? 0 : b->failures + 1;
	if (b->failures < LC_BREAKER_FAILURES)
		return;
	b->failures = 0;
	open_for(b, now, LC_BREAKER_OPEN_MS);
}

void lc_breaker_cancelled(struct lc_breaker *b, uint64_t now, bool probe)
{
	if (!probe)
		return;
	b->state = LC_BREAKER_OPEN;
	b->until = now;
}

uint64_t lc_breaker_wait(const struct lc_breaker *b, uint64_t now)
{
	switch (b->state) {
	case LC_BREAKER_CLOSED:
		return 0;
	case LC_BREAKER_OPEN:
		return b->until > now ? b->until - now : 0;
	default:
		return UINT64_MAX;
	}
}

const char *lc_breaker_name(enum lc_breaker_state state)
{
	static const char * const names[] = {
		[LC_BREAKER_CLOSED] = "closed",
		[LC_BREAKER_OPEN] = "open",
		[LC_BREAKER_PROBING] = "probing",
	};

	return names[state];
}
