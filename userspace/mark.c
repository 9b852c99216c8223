// SPDX-License-Identifier: GPL-2.0-only
#include "mark.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bucket/manifest.h"
#include "ctl.h"
#include "format.h"
#include "logcached/upkeep.h"
#include "remote.h"

/* An owner looks so often, and the store may let it wait for the answer. */
#define WAIT_S	(2 * LC_UPKEEP_OWNER_MS / 1000)

/* For tests, which have no owner: another number of seconds. */
static unsigned int wait_s(void)
{
	const char *text = getenv("LOGCACHE_MARK_WAIT");

	return text ? atoi(text) : WAIT_S;
}

void mark_wait(const struct lc_manifest *m)
{
	if (!(m->flags & LC_BK_NO_FENCING))
		return;
	ctl_error(0, "waiting for %u seconds: a host that has the volume notices by then",
		  wait_s());
	sleep(wait_s());
}

static bool same(const struct lc_manifest *a, const struct lc_manifest *b)
{
	return a->flags & LC_BK_DELETING && a->epoch == b->epoch &&
	       !memcmp(a->owner, b->owner, sizeof(a->owner));
}

int mark_check(struct remote *r, const struct lc_manifest *m)
{
	char why[LC_STORE_WHY_MAX] = "", text[UUID_TEXT];
	enum remote_state state;
	struct lc_manifest now;
	bool still;
	int ret;

	if (!(m->flags & LC_BK_NO_FENCING))
		return CTL_OK;
	ret = remote_look(r, m->uuid, &now, NULL, &state, why);
	if (ret)
		return ret;
	still = state == REMOTE_DELETING && same(&now, m);
	lc_manifest_free(&now);
	if (still)
		return CTL_OK;
	return ctl_error(CTL_FAILED,
			 "%s: the mark that volume %s is being deleted is gone: a host that has the volume has put its manifest back, or somebody else deletes it. Stop that host, and give the command again; nothing more was deleted",
			 r->conf.url, uuid_text(text, m->uuid));
}
