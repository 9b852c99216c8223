// SPDX-License-Identifier: GPL-2.0-only
/* From a configuration to a store; and what a store can do. */

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include <linux/string.h>

#include "open.h"
#include "store_file.h"
#include "store_s3.h"

struct lc_store *lc_store_open(struct lc_loop *loop, const struct lc_store_cfg *cfg, char *why)
{
	struct lc_store_cfg done = *cfg;

	if (lc_store_cfg_finish(&done, why))
		return NULL;
	if (done.kind == LC_STORE_KIND_FILE)
		return lc_store_file_new(loop, done.path, why);
	return lc_store_s3_new(loop, &done, why);
}

static enum lc_store_status run(struct lc_store *store, struct lc_store_req *req,
				enum lc_store_op op, const char *key)
{
	req->op = op;
	strscpy(req->key, key, sizeof(req->key));
	return lc_store_wait(store, req);
}

static enum lc_store_status put(struct lc_store *store, struct lc_store_req *req,
				const char *key, const char *text)
{
	struct iovec iov = { (char *)text, strlen(text) };

	memset(req, 0, sizeof(*req));
	req->flags = LC_STORE_IF_ABSENT;
	req->iov = &iov;
	req->nr_iov = 1;
	return run(store, req, LC_STORE_PUT, key);
}

static enum lc_store_status probe(struct lc_store *store, const char *key, char *why)
{
	struct lc_store_req req;
	char buf[16] = "";

	if (put(store, &req, key, "first") == LC_STORE_OK &&
	    put(store, &req, key, "second") == LC_STORE_PRECOND) {
		memset(&req, 0, sizeof(req));
		req.buf = buf;
		req.buf_len = sizeof(buf) - 1;
		if (run(store, &req, LC_STORE_GET, key) == LC_STORE_OK && !strcmp(buf, "first"))
			return LC_STORE_OK;
	}
	snprintf(why, LC_STORE_WHY_MAX, "%s", req.why);
	if (req.status != LC_STORE_OK)
		return req.status;
	snprintf(why, LC_STORE_WHY_MAX, "the store replaced an object that it was told not to");
	return LC_STORE_NO_COND;
}

enum lc_store_status lc_store_probe_cond(struct lc_store *store, char *why)
{
	struct lc_store_req req = {};
	enum lc_store_status status;
	uint64_t random[2];
	char key[48];

	if (getrandom(random, sizeof(random), 0) != sizeof(random)) {
		snprintf(why, LC_STORE_WHY_MAX, "no random bytes");
		return LC_STORE_FAILED;
	}
	snprintf(key, sizeof(key), "probe-%016" PRIx64 "%016" PRIx64, random[0], random[1]);
	status = probe(store, key, why);
	run(store, &req, LC_STORE_DELETE, key);
	return status;
}
