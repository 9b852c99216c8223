// SPDX-License-Identifier: GPL-2.0-only
/* Status and code of an answer, and what they mean. */

#include <string.h>

#include <linux/kernel.h>

#include "s3_status.h"

/* An error from inside of the server: nobody knows how far it had come. */
#define IN_DOUBT	LC_STORE_UNKNOWN

#define RIGHTS		"; check the keys and what they may do"

/*
 * The first row that fits. @http 0: any, @code NULL: any. @only_cond: requests
 * with a condition only. IN_DOUBT is FAILED for what does not write.
 */
static const struct row {
	int http;
	const char *code;
	bool only_cond;
	enum lc_store_status status;
	const char *hint;
} rows[] = {
	{ 404, "NoSuchKey", true, LC_STORE_PRECOND, "" },
	{ 404, "NoSuchKey", false, LC_STORE_NOT_FOUND, "" },
	{ 404, "NoSuchBucket", false, LC_STORE_FAILED, "; create the bucket, or check its name" },
	{ 403, "InvalidObjectState", false, LC_STORE_UNREADABLE, "; restore it first" },
	{ 403, "RequestTimeTooSkewed", false, LC_STORE_DENIED, "; set the clock of this machine" },
	{ 403, "QuotaExceeded", false, LC_STORE_FAILED, "; raise the quota, or free space" },
	{ 409, "ConditionalRequestConflict", false, LC_STORE_BUSY, "" },
	{ 409, "OperationAborted", false, LC_STORE_BUSY, "" },
	{ 400, "NotImplemented", true, LC_STORE_NO_COND, "" },
	{ 400, "ExpiredToken", false, LC_STORE_DENIED, "; renew the session token" },
	{ 400, "InvalidToken", false, LC_STORE_DENIED, RIGHTS },
	{ 400, "TokenRefreshRequired", false, LC_STORE_DENIED, RIGHTS },
	{ 400, "AuthorizationHeaderMalformed", false, LC_STORE_DENIED, "; check the region" },
	{ 301, NULL, false, LC_STORE_FAILED, "; check endpoint and region" },
	{ 302, NULL, false, LC_STORE_FAILED, "; check endpoint and region" },
	{ 307, NULL, false, LC_STORE_FAILED, "; check endpoint and region" },
	{ 308, NULL, false, LC_STORE_FAILED, "; check endpoint and region" },
	{ 401, NULL, false, LC_STORE_DENIED, RIGHTS },
	{ 403, NULL, false, LC_STORE_DENIED, RIGHTS },
	{ 409, NULL, true, LC_STORE_PRECOND, "" },
	{ 412, NULL, true, LC_STORE_PRECOND, "" },
	{ 416, NULL, false, LC_STORE_RANGE, "; the object is shorter than it should be" },
	{ 429, NULL, false, LC_STORE_BUSY, "" },
	{ 503, NULL, false, LC_STORE_BUSY, "" },
	{ 501, NULL, true, LC_STORE_NO_COND, "" },
	{ 500, NULL, false, IN_DOUBT, "" },
	{ 502, NULL, false, IN_DOUBT, "" },
	{ 504, NULL, false, IN_DOUBT, "" },
};

static bool fits(const struct row *r, const struct lc_s3_answer *a, bool conditional)
{
	return r->http == a->status && (!r->code || !strcmp(r->code, a->code)) &&
	       (conditional || !r->only_cond);
}

enum lc_store_status lc_s3_status(const struct lc_s3_answer *a, enum lc_s3_effect effect,
				  bool conditional, const char **hint)
{
	enum lc_store_status status = LC_STORE_FAILED;
	unsigned int i;

	*hint = "";
	if (a->status >= 200 && a->status < 300)
		return LC_STORE_OK;
	for (i = 0; i < ARRAY_SIZE(rows); i++)
		if (fits(&rows[i], a, conditional)) {
			status = rows[i].status;
			*hint = rows[i].hint;
			break;
		}
	if (status == IN_DOUBT && effect != LC_S3_WRITES)
		return LC_STORE_FAILED;
	return status;
}

bool lc_s3_keys_refused(const struct lc_s3_answer *a)
{
	static const char * const codes[] = {
		"ExpiredToken", "InvalidToken", "TokenRefreshRequired", "InvalidAccessKeyId",
		"SignatureDoesNotMatch", "AccessDenied",
	};
	unsigned int i;

	if (a->status != 400 && a->status != 401 && a->status != 403)
		return false;
	for (i = 0; i < ARRAY_SIZE(codes); i++)
		if (!strcmp(codes[i], a->code))
			return true;
	return a->status != 400 && !*a->code;
}
